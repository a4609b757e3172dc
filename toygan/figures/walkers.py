"""Dots that go along curves with a motion, and the numbers that go with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from toygan.figures.style import dots
from toygan.theory import Array


def walkers(
    places: Array, heights: Array, colours: Sequence[str], size: float = 10.0
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """A trace of dots, one on each curve, and what moves in it.

    ``places`` (F,) are where they stand along x in each frame, ``heights`` (F, C) how high on each curve.
    """
    across = np.repeat(np.asarray(places)[:, None], heights.shape[1], axis=1).tolist()
    marker = {"color": list(colours), "size": size}
    trace = dots(across[0], heights[0], "now", "", marker=marker, showlegend=False, hoverinfo="skip")
    return trace, {"x": across, "y": heights.tolist()}


#: Digits of exponents.
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def numbers(values: Iterable[float], form: str = ".3f") -> list[str]:
    """Numbers as text in this format, with a true minus sign, and none before zero."""
    return [f"{value:z{form}}".replace("-", "−") for value in values]


def scientific(value: float, digits: int = 1) -> str:
    """A number with so many digits after the point, times a power of ten: "5.4·10⁻³"; nought is "0", NaN "unknown"."""
    if not value or math.isnan(value):
        return "unknown" if value else "0"
    front, power = f"{abs(value):.{digits}e}".split("e")
    return f"{'−' if value < 0 else ''}{front}·10{str(int(power)).translate(_RAISED)}"
