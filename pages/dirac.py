"""Dirac-GAN: which methods come to rest, by their phase portraits and eigenvalues."""

from toygan.ui import dirac, server

server.enter()
dirac.page()
