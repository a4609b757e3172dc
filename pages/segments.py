"""Segments: why Wasserstein, by two segments, a generator with one weight, two Gaussians, and noise."""

from toygan.ui import segments, server

server.enter()
segments.page()
