"""A vector field as small arrows, all of them one curve with gaps."""

from __future__ import annotations

from typing import Any

import numpy as np

from toygan.figures.style import line
from toygan.theory import Array

#: Arrows grow with this power of the speed, so that slow places show a direction too.
_POWER = 0.5

#: The head: its length as a share of the arrow's, and its half angle in radians.
_HEAD, _ANGLE = 0.38, 0.5


def arrows(
    x: Array, y: Array, u: Array, v: Array, length: float, colour: str = "@muted", **details: Any
) -> dict[str, Any]:
    """Arrows centred at the places (N,), along (u, v) (N,); the fastest is ``length`` long, in units of the axes.

    None stands where the speed is zero or no number.
    """
    speed = np.hypot(u, v)
    here = np.isfinite(speed) & (speed > 0)
    x, y, u, v, speed = (np.asarray(part, dtype=np.float64)[here] for part in (x, y, u, v, speed))
    fastest = speed.max(initial=0.0)
    long = length * (speed / fastest) ** _POWER if fastest else speed
    along = np.stack([u, v], axis=-1) / speed[:, None] * long[:, None]
    middle = np.stack([x, y], axis=-1)
    tip = middle + along / 2
    barbs = [tip - _HEAD * _turned(along, angle) for angle in (_ANGLE, -_ANGLE)]
    gap = np.full_like(tip, np.nan)
    path = np.stack([middle - along / 2, tip, barbs[0], tip, barbs[1], gap], axis=1).reshape(-1, 2).round(3)
    look = {"hoverinfo": "skip", "showlegend": False, "width": 1.0}
    return line(path[:, 0], path[:, 1], "field", colour, **{**look, **details})


def _turned(along: Array, angle: float) -> Array:
    cosine, sine = np.cos(angle), np.sin(angle)
    return along @ np.array([[cosine, sine], [-sine, cosine]])
