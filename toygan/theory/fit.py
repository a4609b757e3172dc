"""Fitting a mixture to another by gradient descent on a divergence, with the whole way there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toygan.lookup import lookup
from toygan.theory import Array
from toygan.theory.mixtures import GRID, log_density, value_and_gradient

#: A standard deviation stays at least this many spacings of the grid, below which sums are no integrals.
_NARROWEST = 1.5

#: Adam's decay rates and its floor (Kingma and Ba 2015, arXiv:1412.6980).
_BETAS, _EPSILON = (0.9, 0.999), 1e-8

OPTIMIZERS = ("adam", "descent")


@dataclass(frozen=True)
class Trajectory:
    """Parameters (steps + 1, ..., 3, K) and the divergence's values (steps + 1, ...) in nats, from the start on."""

    parameters: Array
    values: Array


def fit(
    name: str,
    target: Array,
    start: Array,
    steps: int = 300,
    rate: float = 0.05,
    optimizer: str = "adam",
    x: Array = GRID,
) -> Trajectory:
    """Minimise the divergence ``name`` between ``target`` p and a mixture q, over q's parameters from ``start`` on.

    ``target`` (3, J) and ``start`` (..., 3, K) are as in ``mixtures``; leading axes are independent fits.
    ``optimizer`` is "adam", or "descent": q' = q - rate * gradient. After each step means are kept on the grid and
    standard deviations above 1.5 of its spacings and below half its length. Raises ``ValueError`` for an unknown
    divergence or optimizer.
    """
    lookup("optimizer", optimizer, dict.fromkeys(OPTIMIZERS))
    log_p, q = log_density(target, x), np.array(start, dtype=np.float64)
    low, high = _bounds(x)
    first, second = np.zeros_like(q), np.zeros_like(q)
    parameters, values = np.empty((steps + 1, *q.shape)), np.empty((steps + 1, *q.shape[:-2]))
    for step in range(steps + 1):
        parameters[step] = q
        values[step], gradient = value_and_gradient(name, log_p, q, x)
        if optimizer == "adam":
            first += (1 - _BETAS[0]) * (gradient - first)
            second += (1 - _BETAS[1]) * (gradient * gradient - second)
            mean, square = first / (1 - _BETAS[0] ** (step + 1)), second / (1 - _BETAS[1] ** (step + 1))
            gradient = mean / (np.sqrt(square) + _EPSILON)
        q = np.clip(q - rate * gradient, low, high)
    return Trajectory(parameters, values)


def _bounds(x: Array) -> tuple[Array, Array]:
    """The least and the greatest of each kind of parameter, (3, 1)."""
    spacing, length = x[1] - x[0], x[-1] - x[0]
    low = np.array([x[0], np.log(_NARROWEST * spacing), -np.inf])
    high = np.array([x[-1], np.log(length / 2), np.inf])
    return low[:, None], high[:, None]
