"""The Jensen-Shannon divergence of two clouds of samples on a grid, and how much of it is luck."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from toygan.theory import Array


@dataclass(frozen=True)
class GridDivergence:
    """A divergence of two histograms, in nats.

    ``bias`` is what the finite clouds add to it on average, to first order; ``cells`` how many cells hold a point.
    """

    value: float
    bias: float
    cells: int


def grid_jensen_shannon(real: ArrayLike, fake: ArrayLike, cell: float) -> GridDivergence:
    """JS of the histograms of two clouds, (N, 2) and (M, 2), on the grid of square cells of width ``cell``.

    JS = H((P + Q) / 2) - (H(P) + H(Q)) / 2 with P and Q the shares in each cell and H the entropy. It is between 0
    and log 2, and log 2 exactly where no cell holds points of both. Cells are [i cell, (i + 1) cell) in both
    coordinates: a coarse grid hides differences within a cell, a fine one finds some between equal laws. The latter
    is the ``bias``, by Miller and Madow's correction of each entropy (Miller 1955):

        (sum over cells of [1(P > 0) - P (1 - P) / (P + Q)] - 1) / (4 N), and likewise for Q with M,

    which is (cells - 1) (1/N + 1/M) / 8 for equal laws and 0 for clouds apart. It is good where cells hold several
    points each. Raises ``ValueError`` for other shapes, empty clouds, values that are not finite and cells without
    width.
    """
    if not (math.isfinite(cell) and cell > 0):
        raise ValueError(f"a cell must have a width above 0, not {cell}")
    clouds = [_cloud(points) for points in (real, fake)]
    places = np.floor(np.concatenate(clouds) / cell)
    _, index = np.unique(places, axis=0, return_inverse=True)
    index, cells = index.ravel(), int(index.max()) + 1
    sizes = [len(cloud) for cloud in clouds]
    p, q = (
        np.bincount(part, minlength=cells) / size for part, size in zip(np.split(index, [sizes[0]]), sizes, strict=True)
    )
    bias = sum(
        (float(np.sum((share > 0) - share * (1 - share) / (p + q))) - 1) / (4 * size)
        for share, size in zip((p, q), sizes, strict=True)
    )
    return GridDivergence(_jensen_shannon(p, q), bias, cells)


def _jensen_shannon(p: Array, q: Array) -> float:
    terms = [share[share > 0] @ np.log(2 * share[share > 0] / (p + q)[share > 0]) for share in (p, q)]
    return float(sum(terms)) / 2


def _cloud(points: ArrayLike) -> Array:
    cloud = np.asarray(points, dtype=np.float64)
    if cloud.ndim != 2 or cloud.shape[1] != 2 or not len(cloud):
        raise ValueError(f"a cloud must have shape (n, 2) with at least one point, not {cloud.shape}")
    if not np.isfinite(cloud).all():
        raise ValueError("a cloud must hold finite numbers only")
    return cloud
