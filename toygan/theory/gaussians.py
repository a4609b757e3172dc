"""Two Gaussians on the line: real p = N(m1, s1^2), generated q = N(m2, s2^2).

Means and standard deviations are in data units and broadcast against each other. Slopes are derivatives with respect
to m2, the generator's mean. All raise ``ValueError`` for standard deviations that are not above 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from toygan.theory import Array
from toygan.theory.logistic import sigmoid, softplus
from toygan.theory.quadrature import panels

Surface = Callable[[ArrayLike, ArrayLike, ArrayLike, ArrayLike], Array]

#: Ends of panels, in standard deviations from each mean; 3e-19 of the mass lies beyond.
_REACH = np.arange(-9.0, 10.0)

_erf = np.vectorize(math.erf, otypes=[np.float64])


@dataclass(frozen=True)
class Divergence:
    """``value(m1, s1, m2, s2)`` and its derivative ``slope`` with respect to m2, NaN where there is none."""

    value: Surface
    slope: Surface


def wasserstein1(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """W1 = E|d + t Z| with d = m2 - m1, t = s2 - s1, Z standard normal: points keep their order on the line.

    The mean of a folded normal law (Leone et al. 1961): |t| sqrt(2 / pi) exp(-d^2 / (2 t^2)) + d erf(d / (|t| sqrt 2)),
    and |d| for equal standard deviations.
    """
    d, t = _differences(m1, s1, m2, s2)
    ratio = _ratio(d, t)
    return np.where(t == 0, np.abs(d), np.abs(t) * math.sqrt(2 / math.pi) * np.exp(-ratio * ratio) + d * _erf(ratio))


def wasserstein1_slope(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """erf(d / (|t| sqrt 2)); sign(d) for equal standard deviations, and NaN where the Gaussians are equal."""
    d, t = _differences(m1, s1, m2, s2)
    return np.where((t == 0) & (d == 0), math.nan, np.where(t == 0, np.sign(d), _erf(_ratio(d, t))))


def wasserstein2(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """W2 = sqrt((m2 - m1)^2 + (s2 - s1)^2) (Givens and Shortt 1984)."""
    return np.hypot(*_differences(m1, s1, m2, s2))


def wasserstein2_slope(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """(m2 - m1) / W2; NaN where the Gaussians are equal."""
    d, t = _differences(m1, s1, m2, s2)
    distance = np.hypot(d, t)
    return np.where(distance == 0, math.nan, d / np.where(distance == 0, 1.0, distance))


def kl(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """KL(p || q) = log(s2 / s1) + (s1^2 + (m2 - m1)^2) / (2 s2^2) - 1/2."""
    m1, s1, m2, s2 = _checked(m1, s1, m2, s2)
    return np.log(s2 / s1) + ((s1 / s2) ** 2 + ((m2 - m1) / s2) ** 2 - 1) / 2


def kl_slope(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """(m2 - m1) / s2^2."""
    m1, s1, m2, s2 = _checked(m1, s1, m2, s2)
    return (m2 - m1) / s2**2


def reverse_kl(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """KL(q || p)."""
    return kl(m2, s2, m1, s1)


def reverse_kl_slope(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """(m2 - m1) / s1^2."""
    m1, s1, m2, s2 = _checked(m1, s1, m2, s2)
    return (m2 - m1) / s1**2


def jensen_shannon(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """JS = log 2 - (E_p sp(-l) + E_q sp(l)) / 2 with l = log p - log q, by quadrature to about 1e-12.

    sp is softplus; sigma(l) is the optimal critic's D*.
    """
    m1, s1, m2, s2 = _checked(m1, s1, m2, s2)
    log_p, log_q, weights, _ = _on_panels(m1, s1, m2, s2)
    logit = log_p - log_q
    spread = np.exp(log_p) * softplus(-logit) + np.exp(log_q) * softplus(logit)
    return np.clip(math.log(2) - np.sum(weights * spread, axis=-1) / 2, 0.0, math.log(2))


def jensen_shannon_slope(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """-E_q[(x - m2) sp(l)] / (2 s2^2), by the same quadrature."""
    m1, s1, m2, s2 = _checked(m1, s1, m2, s2)
    log_p, log_q, weights, nodes = _on_panels(m1, s1, m2, s2)
    pull = np.exp(log_q) * (nodes - m2[..., None]) * softplus(log_p - log_q)
    return -np.sum(weights * pull, axis=-1) / (2 * s2**2)


DIVERGENCES: dict[str, Divergence] = {
    "w1": Divergence(wasserstein1, wasserstein1_slope),
    "w2": Divergence(wasserstein2, wasserstein2_slope),
    "js": Divergence(jensen_shannon, jensen_shannon_slope),
    "kl": Divergence(kl, kl_slope),
    "reverse-kl": Divergence(reverse_kl, reverse_kl_slope),
}


def log_density(x: ArrayLike, mean: ArrayLike, std: ArrayLike) -> Array:
    """log N(x; mean, std^2), x in data units."""
    mean, std, _, _ = _checked(mean, std, mean, std)
    return -(((np.asarray(x, dtype=np.float64) - mean) / std) ** 2) / 2 - np.log(std) - math.log(2 * math.pi) / 2


def optimal_critic(x: ArrayLike, m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """D*(x) = p / (p + q) (Goodfellow et al. 2014, proposition 1), right also where both densities underflow."""
    return sigmoid(log_density(x, m1, s1) - log_density(x, m2, s2))


def kantorovich_potential(x: ArrayLike, m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> Array:
    """A best critic with slopes of one: E_p f - E_q f = W1.

    Its slope is the sign of Q(x) - P(x), the cumulative distributions. So f(x) = -sign(m2 - m1) x for equal standard
    deviations, else -sign(s2 - s1) |x - c|, where c = (m1 s2 - m2 s1) / (s2 - s1) is where P and Q cross.
    """
    x = np.asarray(x, dtype=np.float64)
    m1, s1, m2, s2 = _checked(m1, s1, m2, s2)
    apart = np.where(s1 == s2, 1.0, s2 - s1)
    crossing = (m1 * s2 - m2 * s1) / apart
    return np.where(s1 == s2, -np.sign(m2 - m1) * x, -np.sign(apart) * np.abs(x - crossing)) + 0.0


def _on_panels(m1: Array, s1: Array, m2: Array, s2: Array) -> tuple[Array, Array, Array, Array]:
    """log p, log q, weights and nodes (..., nodes): each standard deviation of either Gaussian has its panel."""
    ends = np.concatenate([m[..., None] + s[..., None] * _REACH for m, s in ((m1, s1), (m2, s2))], axis=-1)
    nodes, weights = panels(np.sort(ends, axis=-1))
    log_p, log_q = (log_density(nodes, m[..., None], s[..., None]) for m, s in ((m1, s1), (m2, s2)))
    return log_p, log_q, weights, nodes


def _differences(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> tuple[Array, Array]:
    m1, s1, m2, s2 = _checked(m1, s1, m2, s2)
    return m2 - m1, s2 - s1


def _ratio(d: Array, t: Array) -> Array:
    """d / (|t| sqrt 2), and 0 where t = 0."""
    return np.where(t == 0, 0.0, d / (np.where(t == 0, 1.0, np.abs(t)) * math.sqrt(2)))


def _checked(m1: ArrayLike, s1: ArrayLike, m2: ArrayLike, s2: ArrayLike) -> tuple[Array, Array, Array, Array]:
    """All four broadcast to one shape."""
    a, b, c, d = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in (m1, s1, m2, s2)))
    if not ((b > 0).all() and (d > 0).all()):
        raise ValueError("standard deviations must be above 0")
    return a, b, c, d
