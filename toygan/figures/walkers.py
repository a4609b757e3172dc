"""Dots that go along curves with a motion."""

from __future__ import annotations

from collections.abc import Sequence
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
