"""The stage's colours in the light theme, as ``ui/palette.js`` and ``ui/scene.js`` have them."""

from __future__ import annotations

import numpy as np

from toygan.heatmap import shade

BACKGROUND = "#ffffff"
TEXT = "#1c2128"
MUTED = "#5b6068"
FAINT = "#c9ced6"

#: Real points, and the rings that say where their modes are: colour and opacity.
REAL = ("#686d76", 0.55)
RING = ("#34373e", 0.5)

#: Contour lines, and the one where the critic takes no side: opacity.
LINE = "#282c36"
LINE_OPACITY, NEUTRAL_OPACITY = 0.22, 0.62

_SHADES = 513


def shades() -> np.ndarray:
    """The critic's scale from fake to real as (513, 3), red, green and blue from 0 to 1."""
    return shade(np.linspace(-1, 1, _SHADES), "light") / 255
