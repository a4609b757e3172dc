"""The critic's heatmap in NumPy, as ``ui/palette.js`` and ``ui/field.js`` colour it: for pictures without a page."""

from __future__ import annotations

import numpy as np

from toygan.frames import Frame

#: Where the critic says fake, where it takes no side, where it says real: red, green and blue from 0 to 255.
DIVERGING = {
    "light": ((241, 207, 158), (249, 248, 246), (160, 199, 226)),
    "dark": ((108, 76, 38), (27, 30, 36), (36, 84, 122)),
}

#: The share of the grid that the colour scale covers: critics run off in the corners, which would fade all the rest.
REACH_SHARE = 0.92


#: The least that the scale reaches, as a part of the neutral value, which is known to five digits: a critic that says
#: the same everywhere must not get a colour from their rounding.
LEAST_REACH = 1e-3


def neutral_value(frame: Frame, kind: str) -> float:
    """Where the critic takes no side: 0 for "zero", else halfway between what it says of real and generated points."""
    if kind == "zero":
        return 0.0
    real, fake = (frame.metrics[0].get(name) for name in ("real_mean", "fake_mean"))
    return 0.0 if real is None or fake is None else (real + fake) / 2


def reach_of(grid: np.ndarray, neutral: float) -> float:
    """How far from ``neutral`` most of the grid's values go."""
    return max(float(np.quantile(np.abs(grid - neutral), REACH_SHARE)), LEAST_REACH * abs(neutral), 1e-9)


def shade(sides: np.ndarray, theme: str) -> np.ndarray:
    """Colours (..., 3) from 0 to 255 of the critic's opinion (...): -1 fake, 0 no side, 1 real."""
    fake, neutral, real = np.array(DIVERGING[theme], float)
    end = np.where(sides[..., None] < 0, fake, real)
    return neutral + (end - neutral) * np.abs(sides)[..., None]
