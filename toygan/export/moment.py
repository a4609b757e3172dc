"""What is painted at a moment of a run: a keyframe, or two blended as the stage blends them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toygan.frames import unpack
from toygan.heatmap import neutral_value, reach_of
from toygan.recipe import Recipe
from toygan.record import Keyframe

_LINES = 9


@dataclass(frozen=True)
class Moment:
    """A moment: the last keyframe's step, metrics and failure; points (N, 2), critic values (GRID, GRID).

    The critic takes no side at ``neutral``; most of its values are within ``reach`` of it.
    """

    step: int
    metrics: dict[str, Any]
    failed: str | None
    points: np.ndarray
    grid: np.ndarray
    neutral: float
    reach: float


def moment_of(recipe: Recipe, keyframe: Keyframe) -> Moment:
    """A keyframe as it is."""
    frame = unpack(keyframe.data)
    neutral = neutral_value(frame, recipe.at(frame.step).method_entry.neutral)
    return Moment(
        step=keyframe.step,
        metrics=keyframe.metrics,
        failed=frame.failed[0],
        points=frame.samples[0],
        grid=frame.grid[0],
        neutral=neutral,
        reach=reach_of(frame.grid[0], neutral),
    )


def moments(recipe: Recipe, keyframes: Sequence[Keyframe], count: int) -> list[Moment]:
    """So many moments, evenly from the first keyframe to the last: the same latents, so that points move in lines."""
    last = len(keyframes) - 1
    known: dict[int, Moment] = {}

    def at(index: int) -> Moment:
        if index not in known:
            known[index] = moment_of(recipe, keyframes[index])
        return known[index]

    found = []
    for position in np.linspace(0, last, count) if count > 1 else [float(last)]:
        index = math.floor(position)
        found.append(_blend(at(index), at(min(index + 1, last)), float(position - index)))
    return found


def levels(moment: Moment, squash: bool) -> np.ndarray:
    """Values for contour lines without the neutral one: about nine round ones within reach of it.

    With ``squash`` those whose sigmoid is 0.1, 0.2, ... 0.9.
    """
    if squash:
        tenths = np.array([number for number in range(1, 10) if number != 5])
        return np.log(tenths / (10 - tenths))
    step = nice_step(2 * moment.reach / _LINES)
    low, high = float(moment.grid.min()), float(moment.grid.max())
    first = max(math.ceil((low - moment.neutral) / step), -2 * _LINES)
    last = min(math.floor((high - moment.neutral) / step), 2 * _LINES)
    numbers = np.array([number for number in range(first, last + 1) if number])
    return moment.neutral + step * numbers


def nice_step(size: float) -> float:
    """1, 2 or 5 times a power of ten, about the size asked for."""
    power = 10.0 ** math.floor(math.log10(size))
    leading = size / power
    return power * (1 if leading < 1.5 else 2 if leading < 3.5 else 5 if leading < 7.5 else 10)


def _blend(near: Moment, far: Moment, share: float) -> Moment:
    if not share or near.points.shape != far.points.shape:
        return near

    def between(name: str) -> Any:
        one, other = getattr(near, name), getattr(far, name)
        return one + (other - one) * share

    return Moment(
        near.step,
        near.metrics,
        near.failed,
        points=between("points"),
        grid=between("grid"),
        neutral=between("neutral"),
        reach=between("reach"),
    )
