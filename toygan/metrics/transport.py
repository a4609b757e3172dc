"""Exact optimal transport between point clouds, and the distance two clouds of real data already have."""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from toygan.distributions import make_distribution
from toygan.metrics import cache
from toygan.metrics.sizes import LIVE_POINTS

# POT imports every array library it finds: seconds, and hundreds of megabytes. Any value but "" disables one.
for _library in ("PYTORCH", "JAX", "CUPY", "TENSORFLOW"):
    os.environ[f"POT_BACKEND_DISABLE_{_library}"] = "1"


def _solvers() -> ModuleType:
    """POT's solvers of linear programs alone.

    All of ``import ot`` takes another half a second, and 90 MB more where scikit-learn is installed, for functions that
    are not used here. Its solvers are content with a package that was found but not run; who imports it later gets it
    whole.
    """
    spec = None if "ot" in sys.modules else find_spec("ot")
    if spec is None:
        return import_module("ot.lp")
    sys.modules["ot"] = module_from_spec(spec)
    try:
        return import_module("ot.lp")
    finally:
        del sys.modules["ot"]


lp = _solvers()

_METRICS = {1: "euclidean", 2: "sqeuclidean"}
_FEW, _MANY = 200, 1000  # points up to which a noise floor takes a tenth of a second, and a second
_ITERATIONS = 2**62  # the simplex ends by itself; a limit would only leave a distance that is not exact


@dataclass(frozen=True)
class Floor:
    """Mean and std (ddof 1), in data units, of a distance between independent clouds of real data."""

    mean: float
    std: float


def wasserstein(x: ArrayLike, y: ArrayLike, p: int = 1) -> float:
    """Exact Wasserstein distance W_p between two clouds of n equally weighted points, in data units.

    W_p = (min over permutations s of mean_i |x_i - y_s(i)|^p)^(1/p), with the Euclidean distance; p is 1 or
    2; x and y are (n, 2). Solved by the network simplex of POT (Bonneel et al. 2011; Flamary et al. 2021).
    Raises ValueError for other shapes or orders, different sizes, empty clouds and values that are not
    finite.
    """
    _check_order(p)
    problem = _Problem.of(x, y, p)
    least, log = lp.emd2([], [], problem.cost, numItermax=_ITERATIONS, log=True)
    _check_solved(log)
    return problem.scale * max(float(least), 0.0) ** (1 / p)


@dataclass(frozen=True)
class Plan:
    """An optimal plan between clouds x and y of n points each, and the prices that prove it optimal.

    ``partner`` (n,) says to which x each y goes. The dual variables ``u`` of x and ``v`` of y, both (n,) in data
    units, satisfy u_i + v_j <= |x_i - y_j|, with equality between partners, so that mean u + mean v = ``w1``.
    """

    partner: np.ndarray
    u: np.ndarray
    v: np.ndarray
    w1: float


def optimal_plan(x: ArrayLike, y: ArrayLike) -> Plan:
    """The exact optimal transport between two clouds (n, 2) with the Euclidean distance, and its dual solution.

    Solved as in ``wasserstein``; raises as it does. Between clouds of equal size some optimal plan is a permutation
    (Birkhoff's theorem), and the simplex ends at one.
    """
    problem = _Problem.of(x, y, 1)
    mass, log = lp.emd([], [], problem.cost, numItermax=_ITERATIONS, log=True)
    _check_solved(log)
    n = len(mass)
    partner, u, v = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n)
    partner[problem.second] = problem.first[mass.argmax(axis=0)]
    u[problem.first], v[problem.second] = log["u"], log["v"]
    return Plan(partner, problem.scale * u, problem.scale * v, problem.scale * float(log["cost"]))


@dataclass(frozen=True)
class _Problem:
    """What the simplex is given: costs between points in the orders ``first`` and ``second``, in units of ``scale``."""

    cost: np.ndarray
    first: np.ndarray
    second: np.ndarray
    scale: float

    @classmethod
    def of(cls, x: ArrayLike, y: ArrayLike, p: int) -> _Problem:
        x, y = _cloud(x), _cloud(y)
        if len(x) != len(y):
            raise ValueError(f"the two clouds must have the same number of points, not {len(x)} and {len(y)}")
        # A power of two rescales without rounding, and keeps squares and the solver's tolerances in a safe range.
        largest = max(float(np.abs(x).max()), float(np.abs(y).max()), sys.float_info.min)
        scale = 2.0 ** (math.frexp(largest)[1] - 1)
        # Sorted points make the simplex several times slower.
        rng = np.random.default_rng(0)
        first, second = rng.permutation(len(x)), rng.permutation(len(y))
        return cls(cdist(x[first] / scale, y[second] / scale, _METRICS[p]), first, second, scale)


def _check_solved(log: Mapping[str, Any]) -> None:
    if log["warning"] is not None:
        raise RuntimeError(f"the optimal transport solver gave up: {log['warning']}")


def noise_floor(
    key: str,
    parameters: Mapping[str, float] | Iterable[tuple[str, float]] = (),
    n: int = LIVE_POINTS,
    p: int = 1,
    draws: int | None = None,
) -> Floor:
    """Mean and std of W_p between two independent real clouds of n points: a perfect generator's score.

    `parameters` are those of the distribution `key`, as a mapping or as pairs. `draws` independent pairs
    with fixed seeds (20 up to n = 1,000, else 8). Computed once a process, and beyond n = 200, where it
    takes a while, once a user. Raises ValueError as `make_distribution` and `wasserstein` do, and for
    fewer than two draws.
    """
    _check_order(p)
    if draws is None:
        draws = 20 if n <= _MANY else 8
    if draws < 2:
        raise ValueError(f"the noise floor needs at least 2 draws, not {draws}")
    if n < 1:
        raise ValueError(f"a cloud needs at least one point, not {n}")
    # resolved and sorted, so that every way to say the same thing finds the same entry
    resolved = make_distribution(key, **dict(parameters)).parameters
    return _noise_floor(key, tuple(sorted(resolved.items())), int(n), int(p), int(draws))


@lru_cache(maxsize=256)
def _noise_floor(key: str, parameters: tuple[tuple[str, float], ...], n: int, p: int, draws: int) -> Floor:
    distribution = make_distribution(key, **dict(parameters))
    rngs = [np.random.default_rng((1701, draw)) for draw in range(draws)]
    pairs = np.array([[distribution.sample(n, rng), distribution.sample(n, rng)] for rng in rngs])
    # Named after the points themselves, so that a change of how they are drawn finds nothing old.
    name = f"w{p} {hashlib.sha256(pairs.tobytes()).hexdigest()[:32]}"
    kept = cache.recall(name) if n > _FEW else None
    if kept is not None:
        return Floor(*kept)
    distances = [wasserstein(x, y, p) for x, y in pairs]
    floor = Floor(mean=float(np.mean(distances)), std=float(np.std(distances, ddof=1)))
    if n > _FEW:
        cache.keep(name, floor.mean, floor.std)
    return floor


def _check_order(p: int) -> None:
    if p not in _METRICS:
        raise ValueError(f"the order p must be 1 or 2, not {p!r}")


def _cloud(points: ArrayLike) -> NDArray[np.float64]:
    cloud = np.asarray(points, dtype=np.float64)
    if cloud.ndim != 2 or cloud.shape[1] != 2:
        raise ValueError(f"a cloud must have shape (n, 2), not {cloud.shape}")
    if not len(cloud):
        raise ValueError("a cloud must have at least one point")
    if not np.isfinite(cloud).all():
        raise ValueError("a cloud must hold finite numbers only")
    return cloud
