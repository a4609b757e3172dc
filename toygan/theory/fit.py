"""Fitting a mixture to another by gradient descent on a divergence, with the whole way there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toygan.theory import Array
from toygan.theory.mixtures import GRID, log_density, value_and_gradient

#: What the rate is multiplied with after a step that fell, and after one that would have gone up.
_LONGER, _SHORTER = 1.25, 0.5

#: The furthest that a step moves any parameter.
_LONGEST = 0.1


@dataclass(frozen=True)
class Trajectory:
    """Parameters (steps + 1, 3, K) and the divergence's values (steps + 1,) in nats, from the start on."""

    parameters: Array
    values: Array


def fit(name: str, target: Array, start: Array, steps: int = 200, rate: float = 0.05, x: Array = GRID) -> Trajectory:
    """Minimise the divergence ``name`` between ``target`` p and a mixture q, over q's parameters from ``start`` on.

    Gradient descent, q' = q - rate * gradient, of which no step goes up: one that would is not taken, and the next is
    half as long; after one that fell it is a quarter longer. ``rate`` is the first step's. ``target`` (3, J) and
    ``start`` (3, K) are as in ``mixtures``. Raises ``ValueError`` for an unknown divergence.
    """
    log_p, q = log_density(target, x), np.array(start, dtype=np.float64)
    value, gradient = value_and_gradient(name, log_p, q, x)
    way, values = [q], [value]
    for _ in range(steps):
        move = -rate * gradient
        there = q + move / max(1.0, float(np.abs(move).max()) / _LONGEST)
        found, slope = value_and_gradient(name, log_p, there, x)
        fell = bool(found <= value)
        if fell:
            q, value, gradient = there, found, slope
        rate *= _LONGER if fell else _SHORTER
        way.append(q)
        values.append(value)
    return Trajectory(np.stack(way), np.stack(values))
