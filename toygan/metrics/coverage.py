"""How much of a distribution the samples cover, by modes, arcs or cells, and how many samples are good.

A sample is of high quality within 3 std of its nearest mode, within the tolerance of a curve, or inside a
cell. Curves are cut into about 20 arcs of equal length, which then count as modes do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toygan.distributions import Cells, Curve, Distribution, Modes

ARCS = 20
_ROWS = 256  # points measured against a curve at a time: the work arrays stay in the processor's cache
_MEASURED = 2**17  # samples that measure a curve's arcs: each share is known to about 1 %


@dataclass(frozen=True, eq=False)
class Shares:
    """What perfect samples would score: the weight of every bin (K,), and the share of high quality."""

    kind: str
    weights: NDArray[np.float64]
    high_quality: float


@dataclass(frozen=True, eq=False)
class Coverage:
    """What the samples cover.

    `kind` is "modes", "arcs" or "cells" and `total` their number K. `modes` of them are nearest to at least
    one high-quality sample (VEEGAN, Srivastava et al. 2017; PacGAN, Lin et al. 2018); `modes_by_share` hold
    at least a quarter of their fair share of all samples. `high_quality` is a share from 0 to 1,
    `expected_high_quality` that of perfect samples. `histogram` (K,) counts the high-quality samples,
    `weights` (K,) are its true shares, and `reverse_kl` = sum_k q_k log(q_k / weights_k), in nats, of the
    normalised histogram q; None if that is empty.
    """

    kind: str
    total: int
    modes: int
    modes_by_share: int
    high_quality: float
    expected_high_quality: float | None
    reverse_kl: float | None
    histogram: NDArray[np.int64]
    weights: NDArray[np.float64]


def coverage(samples: ArrayLike, distribution: Distribution) -> Coverage:
    """Coverage of the distribution by samples (n, 2); one that is not finite is just not of high quality.

    Raises ValueError for another shape and for no samples at all.
    """
    points = np.asarray(samples, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"samples must have shape (n, 2) with n at least 1, not {points.shape}")
    perfect = perfect_shares(distribution)
    total = len(perfect.weights)
    histogram = np.bincount(_bins(points, distribution), minlength=total)
    good = int(histogram.sum())
    return Coverage(
        kind=perfect.kind,
        total=total,
        modes=int(np.count_nonzero(histogram)),
        modes_by_share=int(np.count_nonzero(histogram >= 0.25 * perfect.weights * len(points))),
        high_quality=good / len(points),
        expected_high_quality=perfect.high_quality,
        reverse_kl=reverse_kl(histogram, perfect.weights),
        histogram=histogram,
        weights=perfect.weights,
    )


def reverse_kl(histogram: ArrayLike, weights: ArrayLike) -> float | None:
    """KL(q || w) = sum_k q_k log(q_k / w_k), in nats, of the normalised counts q; None if all are zero."""
    counts = np.asarray(histogram, dtype=np.float64)
    if not counts.any():
        return None
    seen = counts > 0
    share = counts[seen] / counts.sum()
    return max(0.0, float(np.sum(share * np.log(share / np.asarray(weights, dtype=np.float64)[seen]))))


@lru_cache(maxsize=64)
def perfect_shares(distribution: Distribution) -> Shares:
    """Bin weights and high-quality share of perfect samples.

    Gaussian modes: the mixture's weights, and P(|x| <= 3 std) = 1 - exp(-4.5) = 98.9 %, or where they overlap
    what is measured once on 131,072 real samples with a fixed seed, since what leaves one mode may be good at
    the next. Cells: equal, and 1. Curves: both measured, since noise moves points from arc to arc and few
    curves are evenly filled.
    """
    support = distribution.support
    if isinstance(support, Cells):
        return Shares(support.kind, np.full(len(support.centres), 1 / len(support.centres)), 1.0)
    if isinstance(support, Modes) and not support.overlap:
        return Shares(support.kind, support.weights, float(-np.expm1(-4.5)))
    bins = _bins(distribution.sample(_MEASURED, np.random.default_rng(0)), distribution)
    if isinstance(support, Modes):
        return Shares(support.kind, support.weights, len(bins) / _MEASURED)
    total = int(_arcs(distribution).counts.sum())
    # half a count more for every arc: a weight of zero would make the divergence infinite
    counts = np.bincount(bins, minlength=total).astype(np.float64) + 0.5
    weights = counts / counts.sum()
    weights.flags.writeable = False
    return Shares(support.kind, weights, len(bins) / _MEASURED)


def _bins(points: NDArray[np.float64], distribution: Distribution) -> NDArray[np.int64]:
    """The mode, arc or cell of every high-quality sample, in the samples' order; the others are left out."""
    support = distribution.support
    if isinstance(support, Modes):
        return _nearest_modes(points, support)
    if isinstance(support, Cells):
        return _nearest_cells(points, support)
    if isinstance(support, Curve):
        return _nearest_arcs(points, _arcs(distribution), support.tolerance)
    assert_never(support)


def _within(points: NDArray[np.float64], anchors: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """The points inside the anchors' box grown by reach: no NaN, and no square that overflows."""
    inside = (points >= anchors.min(axis=0) - reach) & (points <= anchors.max(axis=0) + reach)
    return points[inside.all(axis=1)]


def _nearest_modes(points: NDArray[np.float64], modes: Modes) -> NDArray[np.int64]:
    radius = 3 * modes.std
    points = _within(points, modes.centres, radius)
    dx = points[:, :1] - modes.centres[:, 0]
    dy = points[:, 1:] - modes.centres[:, 1]
    squared = dx * dx + dy * dy
    return np.argmin(squared, axis=1)[squared.min(axis=1) <= radius * radius]


def _nearest_cells(points: NDArray[np.float64], cells: Cells) -> NDArray[np.int64]:
    points = _within(points, cells.centres, cells.half_width)
    dx = np.abs(points[:, :1] - cells.centres[:, 0])
    dy = np.abs(points[:, 1:] - cells.centres[:, 1])
    distance = np.maximum(dx, dy)
    return np.argmin(distance, axis=1)[distance.min(axis=1) <= cells.half_width]


@dataclass(frozen=True, eq=False)
class _Arcs:
    """A curve's S segments and the arcs they belong to."""

    start: NDArray[np.float64]  # (S, 2)
    step: NDArray[np.float64]  # (S, 2), from a segment's start to its end
    project: NDArray[np.float64]  # (S, 2), step / |step|^2; times x - start it is the position, 0 to 1
    line: NDArray[np.int64]  # (S,), the line a segment is on
    before: NDArray[np.float64]  # (S,), arcs of its line that lie before a segment's start
    length: NDArray[np.float64]  # (S,), arcs that a segment is long
    counts: NDArray[np.int64]  # (lines,), arcs of every line
    first: NDArray[np.int64]  # (lines,), index of the first of them


@lru_cache(maxsize=64)
def _arcs(distribution: Distribution) -> _Arcs:
    support = distribution.support
    assert isinstance(support, Curve)
    steps = [np.diff(line, axis=0) for line in support.lines]
    lengths = [np.hypot(*step.T) for step in steps]
    totals = np.array([length.sum() for length in lengths])
    # Rounded first, or two equal lines could fall on either side of a half.
    counts = np.maximum(1, np.rint(np.round(ARCS * totals / totals.sum(), 6)).astype(np.int64))
    in_arcs = [length * count / total for length, count, total in zip(lengths, counts, totals, strict=True)]
    step = np.concatenate(steps)
    squared = (step * step).sum(axis=1, keepdims=True)
    return _Arcs(
        start=np.concatenate([line[:-1] for line in support.lines]),
        step=step,
        project=np.divide(step, squared, out=np.zeros_like(step), where=squared > 0),
        line=np.repeat(np.arange(len(steps)), [len(step) for step in steps]),
        before=np.concatenate([np.cumsum(length) - length for length in in_arcs]),
        length=np.concatenate(in_arcs),
        counts=counts,
        first=np.cumsum(counts) - counts,
    )


def _nearest_arcs(points: NDArray[np.float64], arcs: _Arcs, tolerance: float) -> NDArray[np.int64]:
    points = _within(points, np.concatenate((arcs.start, arcs.start + arcs.step)), tolerance)
    nearest = np.empty(len(points), dtype=np.int64)
    position = np.empty(len(points))
    squared = np.empty(len(points))
    for low in range(0, len(points), _ROWS):
        rows = slice(low, low + _ROWS)
        dx = points[rows, :1] - arcs.start[:, 0]
        dy = points[rows, 1:] - arcs.start[:, 1]
        along = np.clip(dx * arcs.project[:, 0] + dy * arcs.project[:, 1], 0, 1)
        dx -= along * arcs.step[:, 0]
        dy -= along * arcs.step[:, 1]
        distance = dx * dx + dy * dy
        best = np.argmin(distance, axis=1)
        here = np.arange(len(best))
        nearest[rows], position[rows], squared[rows] = best, along[here, best], distance[here, best]
    good = squared <= tolerance * tolerance
    nearest, position = nearest[good], position[good]
    line = arcs.line[nearest]
    arc = (arcs.before[nearest] + position * arcs.length[nearest]).astype(np.int64)
    return arcs.first[line] + np.minimum(arc, arcs.counts[line] - 1)
