"""Critic lab: what clipping a critic's weights does to it, and what a gradient penalty does instead."""

from toygan.ui import critic_lab, live, server

server.enter()
runs = critic_lab.page()
live.feed(runs)
