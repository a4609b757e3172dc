"""What an examined critic looks like, and what it should be: plain arrays, made by ``examine``, drawn by figures."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from toygan.frames import GRID


@dataclass(frozen=True)
class Place:
    """Where a penalty looks: points (N, 2) in data units, and the norm (N,) of the critic's gradient at each."""

    points: np.ndarray
    norms: np.ndarray


@dataclass(frozen=True)
class Examination:
    """One critic D at one step, measured in double precision; all arrays finite.

    ``edges`` (B + 1,) and ``shares`` (B,) are the histogram of its weights and biases, as shares of all of them;
    ``pinned`` is the share within 1 % of ``bound``, the clipping bound or, without one, the largest weight.
    ``layers`` (depth + 1,) are gradient norms from the critic's input to its last hidden layer: of the critic's loss
    (without a penalty) with respect to a layer's activations, the root of the mean square over points. ``surface``
    and ``slopes`` (G, G) cover the stage's square, row 0 lowest y: D less the midpoint between its means on real and
    generated points, divided by ``lipschitz``; and the norm of its gradient. ``places`` is by the name of
    ``penalties.WHERE``. ``cosines`` (N,) are between the critic's gradient at each generated point and the way to its
    partner in the optimal plan. ``gap`` = mean D(real) - mean D(fake), ``lipschitz`` the largest norm seen anywhere,
    ``estimate`` their ratio, in data units: at most W1, if no larger norm was missed.
    """

    step: int
    edges: np.ndarray
    shares: np.ndarray
    bound: float
    pinned: float
    layers: np.ndarray
    surface: np.ndarray
    slopes: np.ndarray
    places: dict[str, Place]
    cosines: np.ndarray
    gap: float
    lipschitz: float
    estimate: float


@dataclass(frozen=True)
class Ideal:
    """What the best critic would be, by exact transport between ``real`` and ``fake`` (N, 2), in data units.

    ``partner`` (N,) says to which real point the optimal plan brings each generated one. ``potential`` (G, G) is
    Kantorovich's over the stage's square [-extent, extent]^2, row 0 lowest y, less the midpoint between its means on
    the two clouds, which are ``w1`` apart.
    """

    extent: float
    real: np.ndarray
    fake: np.ndarray
    partner: np.ndarray
    potential: np.ndarray
    w1: float


def unknown_examination(depth: int) -> Examination:
    """What stands for a critic of so many hidden layers until it is examined: zeros, at step -1."""
    nowhere = Place(np.zeros((0, 2)), np.zeros(1))
    return Examination(
        step=-1,
        edges=np.linspace(-1, 1, 2),
        shares=np.zeros(1),
        bound=1.0,
        pinned=0.0,
        layers=np.zeros(depth + 1),
        surface=np.zeros((GRID, GRID)),
        slopes=np.zeros((GRID, GRID)),
        places={"between": nowhere, "around-real": nowhere},
        cosines=np.zeros(0),
        gap=0.0,
        lipschitz=0.0,
        estimate=0.0,
    )


def unknown_ideal(extent: float) -> Ideal:
    """What stands for the best critic until it is known: a flat one, between empty clouds, with W1 NaN."""
    cloud = np.zeros((0, 2))
    return Ideal(extent, cloud, cloud, np.zeros(0, dtype=np.int64), np.zeros((GRID, GRID)), math.nan)
