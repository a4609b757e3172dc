"""toygan: see small GANs learn two-dimensional toy distributions, live."""

__version__ = "0.1.0"
