"""Critic lab: what clipping a critic's weights does to it, and what a gradient penalty does instead."""

from toygan.ui import channel, critic_lab, server

server.enter()
critic_lab.page()
channel.feed()
