"""Mixtures of Gaussians on a grid of the line: divergences between them, with gradients.

A mixture is an array of parameters (..., 3, K): means (data units), logarithms of standard deviations, and logits of
the weights, of K components. Leading axes are several mixtures at once. Integrals are sums over an even grid x (X,).
Where the mass of both mixtures lies on it and every standard deviation is at least 1.5 of its spacings, JS is right to
2e-5 (to 1e-9 from 4 spacings on), and KL(p, q) to 1e-9 unless p has mass where q passes from one far narrow component
to another: log q bends there within less than a spacing, which cost up to 4e-4 of the value.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from toygan.lookup import lookup
from toygan.theory import Array
from toygan.theory.logistic import softplus
from toygan.theory.losses import GENERATOR_LOSSES

#: Where integrals are taken when nothing else is asked for.
GRID: Array = np.linspace(-8.0, 8.0, 321)

#: (log p, log q) on the grid -> the divergence's integrand, and w such that its gradient is the integral of w times
#: that of log q. A constant times q may be left out of w, since the integral of q is always one.
Integrands = Callable[[Array, Array], tuple[Array, Array]]


def mixture(means: ArrayLike, stds: ArrayLike, weights: ArrayLike = 1.0) -> Array:
    """Parameters (..., 3, K) of the mixture with these means, standard deviations and weights, each (..., K).

    Weights need not add up to one. Raises ``ValueError`` for standard deviations or weights that are not above 0.
    """
    arrays = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in (means, stds, weights))
    )
    if not ((arrays[1] > 0).all() and (arrays[2] > 0).all()):
        raise ValueError("standard deviations and weights must be above 0")
    return np.stack([arrays[0], np.log(arrays[1]), np.log(arrays[2])], axis=-2)


def means(parameters: Array) -> Array:
    """Means (..., K), in data units."""
    return parameters[..., 0, :]


def stds(parameters: Array) -> Array:
    """Standard deviations (..., K), in data units."""
    return np.exp(parameters[..., 1, :])


def weights(parameters: Array) -> Array:
    """Weights (..., K), which add up to one: the softmax of the logits."""
    return np.exp(_log_weights(parameters))


def match_moments(parameters: Array) -> Array:
    """The one Gaussian (..., 3, 1) with a mixture's mean and variance: the minimum of KL(p || q) over Gaussians q."""
    share, centre = weights(parameters), means(parameters)
    mean = np.sum(share * centre, axis=-1)
    variance = np.sum(share * (stds(parameters) ** 2 + (centre - mean[..., None]) ** 2), axis=-1)
    return mixture(mean[..., None], np.sqrt(variance)[..., None])


def log_density(parameters: Array, x: Array = GRID) -> Array:
    """log of the sum over k of w_k N(x; m_k, s_k^2), (..., X)."""
    return _components(parameters, x)[0]


def _kl(log_p: Array, log_q: Array) -> tuple[Array, Array]:
    p = np.exp(log_p)
    return p * (log_p - log_q), -p


def _reverse_kl(log_p: Array, log_q: Array) -> tuple[Array, Array]:
    value = np.exp(log_q) * (log_q - log_p)
    return value, value


def _jensen_shannon(log_p: Array, log_q: Array) -> tuple[Array, Array]:
    logit, p, q = log_p - log_q, np.exp(log_p), np.exp(log_q)
    spread = softplus(logit)
    value = (p * (math.log(2) + logit - spread) + q * (math.log(2) - spread)) / 2
    return value, q * spread / -2


def _non_saturating(log_p: Array, log_q: Array) -> tuple[Array, Array]:
    reverse, pull = _reverse_kl(log_p, log_q)
    shannon, push = _jensen_shannon(log_p, log_q)
    return reverse - 2 * shannon, pull - 2 * push


#: KL(p || q), KL(q || p), JS, and KL(q || p) - 2 JS, whose gradient the non-saturating generator follows at the
#: optimal critic (Arjovsky and Bottou 2017, arXiv:1701.04862, theorem 2.5).
DIVERGENCES: dict[str, Integrands] = {
    "kl": _kl,
    "reverse-kl": _reverse_kl,
    "js": _jensen_shannon,
    "reverse-kl-minus-2-js": _non_saturating,
}


def divergence(name: str, p: Array, q: Array, x: Array = GRID) -> Array:
    """The divergence ``name`` of the mixtures p and q, in nats, (...).

    Raises ``ValueError`` naming the choices for an unknown name.
    """
    value, _ = lookup("divergence", name, DIVERGENCES)(log_density(p, x), log_density(q, x))
    return value.sum(axis=-1) * _spacing(x)


def divergence_gradient(name: str, p: Array, q: Array, x: Array = GRID) -> Array:
    """Its gradient with respect to q's parameters, (..., 3, K). Raises as ``divergence`` does."""
    return value_and_gradient(name, log_density(p, x), q, x)[1]


def value_and_gradient(name: str, log_p: Array, q: Array, x: Array = GRID) -> tuple[Array, Array]:
    """Both at once, where log p (X,) on the grid is known already. Raises as ``divergence`` does."""
    log_q, away, shares = _components(q, x)
    value, pull = lookup("divergence", name, DIVERGENCES)(log_p, log_q)
    return value.sum(axis=-1) * _spacing(x), _gather(pull * _spacing(x), away, shares, q)


def optimal_logit(p: Array, q: Array, x: Array = GRID) -> Array:
    """The optimal critic's logit log p - log q, (..., X); D* = sigma of it = p / (p + q)."""
    return log_density(p, x) - log_density(q, x)


def game_value(p: Array, q: Array, logit: Array | None = None, x: Array = GRID) -> Array:
    """E_p log D + E_q log(1 - D) of the critic with this logit (..., X); of the optimal one when none is given.

    At the optimal one it is 2 JS - 2 log 2, and less at any other (Goodfellow et al. 2014, theorem 1).
    """
    log_p, log_q = log_density(p, x), log_density(q, x)
    at = log_p - log_q if logit is None else logit
    return -np.sum(np.exp(log_p) * softplus(-at) + np.exp(log_q) * softplus(at), axis=-1) * _spacing(x)


def generator_gradient(loss: str, p: Array, q: Array, x: Array = GRID) -> Array:
    """The gradient (..., 3, K) that a generator sees: that of E_q[loss(D*)] with the optimal critic D* held fixed.

    ``loss`` is one of ``losses.GENERATOR_LOSSES``. The minimax one is the gradient of 2 JS, the non-saturating one
    that of KL(q || p) - 2 JS (Arjovsky and Bottou 2017, theorem 2.5). Raises ``ValueError`` for another name.
    """
    chosen = lookup("generator loss", loss, GENERATOR_LOSSES)
    log_q, away, shares = _components(q, x)
    values = chosen.of_logit(log_density(p, x) - log_q)
    return _gather(np.exp(log_q) * values * _spacing(x), away, shares, q)


def _components(parameters: Array, x: Array) -> tuple[Array, Array, Array]:
    """log density (..., X), (x - m_k) / s_k (..., K, X), and each component's share of the density (..., K, X)."""
    away = (x - parameters[..., 0, :, None]) * np.exp(-parameters[..., 1, :, None])
    heights = _log_weights(parameters) - parameters[..., 1, :] - math.log(2 * math.pi) / 2
    logs = heights[..., None] - away * away / 2
    if logs.shape[-2] == 1:
        return logs[..., 0, :], away, np.ones_like(logs)
    most = logs.max(axis=-2, keepdims=True)
    shares = np.exp(logs - most)
    total = shares.sum(axis=-2, keepdims=True)
    return (most + np.log(total))[..., 0, :], away, shares / total


def _gather(pull: Array, away: Array, shares: Array, parameters: Array) -> Array:
    """The sum over x of pull times the gradient of log q: of means, log standard deviations and logits."""
    parts = shares * pull[..., None, :]
    mass, first, second = (np.sum(part, axis=-1) for part in (parts, parts * away, parts * away * away))
    logits = mass - weights(parameters) * mass.sum(axis=-1, keepdims=True)
    return np.stack([first * np.exp(-parameters[..., 1, :]), second - mass, logits], axis=-2)


def _log_weights(parameters: Array) -> Array:
    logits = parameters[..., 2, :] - parameters[..., 2, :].max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def _spacing(x: Array) -> float:
    return float(x[1] - x[0])
