"""Divergences: why modes vanish, by fits, losses, the best critic, and a generator that hops."""

from toygan.ui import divergences, server

server.enter()
divergences.page()
