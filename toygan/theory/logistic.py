"""The logistic function and its kin, without overflow at any argument."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from toygan.theory import Array


def softplus(t: ArrayLike) -> Array:
    """sp(t) = log(1 + e^t)."""
    return np.logaddexp(0.0, t)


def sigmoid(t: ArrayLike) -> Array:
    """sigma(t) = 1 / (1 + e^-t), the derivative of softplus."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(t, dtype=np.float64)))
