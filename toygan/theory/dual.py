"""Optimal Kantorovich potentials of two clouds, carried from their points over the whole plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from toygan.theory import Array

#: Rows at a time, so that what is worked on stays in the processor's cache.
_ROWS = 256


def extend_potential(places: ArrayLike, anchors: ArrayLike, duals: ArrayLike) -> Array:
    """phi(x) = min over j of |x - y_j| - v_j at ``places`` x (..., 2), the c-transform of the dual variables v.

    ``anchors`` y (M, 2) are the generated points and ``duals`` v (M,) the second of the two dual vectors u, v that an
    exact solver gives with the Euclidean cost (maximise mean u + mean v, u_i + v_j <= |x_i - y_j|). As a minimum of
    cones phi is 1-Lipschitz. At optimal duals it is at least u_i at every real x_i, at most -v_j at every y_j, and
    equal to both where the plan has mass, so that mean phi(real) - mean phi(fake) = W1: phi is an optimal critic,
    up to a constant (Villani 2009, Optimal Transport, theorem 5.10). Raises ``ValueError`` for other shapes, for no
    anchors and for values that are not finite.
    """
    return _nearest(places, anchors, duals)[0]


def extend_gradient(places: ArrayLike, anchors: ArrayLike, duals: ArrayLike) -> Array:
    """The gradient of ``extend_potential``, (..., 2): a unit vector away from the cone's anchor, zero at anchors.

    Raises as ``extend_potential`` does.
    """
    _, index = _nearest(places, anchors, duals)
    away = np.asarray(places, dtype=np.float64) - np.asarray(anchors, dtype=np.float64)[index]
    lengths = np.hypot(away[..., 0], away[..., 1])[..., None]
    return away / np.where(lengths > 0, lengths, 1.0)


def _nearest(places: ArrayLike, anchors: ArrayLike, duals: ArrayLike) -> tuple[Array, np.ndarray]:
    """The potential and the index of the anchor whose cone is lowest, both (...)."""
    x, y, v = (np.asarray(values, dtype=np.float64) for values in (places, anchors, duals))
    if x.shape[-1:] != (2,) or y.shape != (len(v), 2) or not len(v):
        raise ValueError(
            f"places must be (..., 2), anchors (m, 2) and duals (m,) with m at least 1, not {x.shape}, {y.shape} and "
            f"{v.shape}"
        )
    if not all(np.isfinite(values).all() for values in (x, y, v)):
        raise ValueError("places, anchors and duals must be finite numbers only")
    flat = x.reshape(-1, 2)
    values, index = np.empty(len(flat)), np.empty(len(flat), dtype=np.int64)
    for start in range(0, len(flat), _ROWS):
        rows = slice(start, start + _ROWS)
        squares = (flat[rows, :1] - y[:, 0]) ** 2 + (flat[rows, 1:] - y[:, 1]) ** 2
        cones = np.sqrt(squares) - v
        index[rows] = cones.argmin(axis=1)
        values[rows] = np.take_along_axis(cones, index[rows, None], axis=1)[:, 0]
    return values.reshape(x.shape[:-1]), index.reshape(x.shape[:-1])
