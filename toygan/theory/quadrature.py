"""Integrals by Gauss-Legendre rules on panels, and means over normal noise."""

from __future__ import annotations

import functools
import math

import numpy as np

from toygan.theory import Array

#: Points of the rule on each panel; it is exact there for polynomials up to degree 23.
_ORDER = 12

#: Points of the rule over normal noise; it is exact for polynomials up to degree 63.
_NORMAL_ORDER = 32

#: Ends of the panels over normal noise, in standard deviations.
_NORMAL_PANELS = np.linspace(-9, 9, 10)


def panels(ends: Array) -> tuple[Array, Array]:
    """Nodes and weights (..., 12 (E - 1)) of Gauss-Legendre rules between neighbours of the sorted ``ends`` (..., E).

    The sum of ``weights * f(nodes)`` over the last axis is the integral of f from the first to the last end, to about
    1e-12 of its size where f is analytic within a panel's length of each panel. Equal ends are harmless: their panel
    has no weight.
    """
    points, weights = _legendre()
    middle = (ends[..., 1:] + ends[..., :-1]) / 2
    half = (ends[..., 1:] - ends[..., :-1]) / 2
    shape = (*ends.shape[:-1], -1)
    nodes = middle[..., None] + half[..., None] * points
    return nodes.reshape(shape), (half[..., None] * weights).reshape(shape)


@functools.cache
def normal_nodes() -> tuple[Array, Array]:
    """Nodes z (32,) and weights (32,) with sum weights * f(z) = E f(Z), Z standard normal, for smooth f."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NORMAL_ORDER)
    return nodes, weights / math.sqrt(2 * math.pi)


def normal_panels(corners: Array) -> tuple[Array, Array]:
    """Nodes and weights (..., N) as of ``normal_nodes``, for f that is smooth but for ``corners`` (..., C).

    The normal law is cut off at nine standard deviations. Corners may lie anywhere, at infinity too.
    """
    even = np.broadcast_to(_NORMAL_PANELS, (*corners.shape[:-1], len(_NORMAL_PANELS)))
    ends = np.concatenate([even, np.clip(corners, even[..., :1], even[..., -1:])], axis=-1)
    nodes, weights = panels(np.sort(ends, axis=-1))
    return nodes, weights * np.exp(-nodes * nodes / 2) / math.sqrt(2 * math.pi)


@functools.cache
def _legendre() -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(_ORDER)
