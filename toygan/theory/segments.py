"""Two vertical unit segments at a distance theta, the example of the Wasserstein GAN paper.

Real points are uniform on {(0, y)}, generated ones on {(theta, y)}, 0 <= y <= 1 (Arjovsky et al. 2017,
arXiv:1701.07875, example 1). Everything depends on theta (data units) alone, or on x and theta, which broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from toygan.theory import Array

Curve = Callable[[ArrayLike], Array]

#: The optimal critic stays flat within this part of the way from each segment to the other.
_FLAT = 0.25


@dataclass(frozen=True)
class Divergence:
    """``value(theta)`` and its derivative ``slope(theta)``, NaN where there is none."""

    value: Curve
    slope: Curve


def wasserstein(theta: ArrayLike) -> Array:
    """W_p = |theta|, in data units, for every order p >= 1: each point moves straight across."""
    return np.abs(_real(theta))


def wasserstein_slope(theta: ArrayLike) -> Array:
    """sign(theta): plus or minus one however far apart; NaN at 0, where |theta| has a corner."""
    theta = _real(theta)
    return np.where(theta == 0, math.nan, np.sign(theta))


def jensen_shannon(theta: ArrayLike) -> Array:
    """log 2 for theta != 0, else 0: segments apart share no mass, whatever their distance."""
    return _apart(theta, math.log(2))


def kl(theta: ArrayLike) -> Array:
    """Infinity for theta != 0, else 0; the same both ways."""
    return _apart(theta, math.inf)


def total_variation(theta: ArrayLike) -> Array:
    """1 for theta != 0, else 0."""
    return _apart(theta, 1.0)


def step_slope(theta: ArrayLike) -> Array:
    """The derivative of a function that is one constant for theta != 0: 0 there, NaN at 0, where it jumps."""
    theta = _real(theta)
    return np.where((theta == 0) | np.isnan(theta), math.nan, 0.0)


def kl_slope(theta: ArrayLike) -> Array:
    """NaN everywhere: what is infinite has no derivative."""
    return np.full(np.shape(theta), math.nan)


DIVERGENCES: dict[str, Divergence] = {
    "w1": Divergence(wasserstein, wasserstein_slope),
    "js": Divergence(jensen_shannon, step_slope),
    "kl": Divergence(kl, kl_slope),
    "reverse-kl": Divergence(kl, kl_slope),
    "tv": Divergence(total_variation, step_slope),
}


def optimal_critic(x: ArrayLike, theta: ArrayLike) -> Array:
    """An optimal D* of the original game at horizontal place x: 1 on the real segment, 0 on the generated one.

    D* = p / (p + q) says nothing off the two segments. This choice is constant near both, as the perfect critics of
    Arjovsky and Bottou 2017 (arXiv:1701.04862, theorem 2.1) are, and falls in between as 1 - s^2 (3 - 2 s), where s
    goes from 0 to 1 between a quarter and three quarters of the way. At theta = 0 it is 1/2.
    """
    s = _way(x, theta)
    return np.where(_real(theta) == 0, 0.5, 1 - s * s * (3 - 2 * s))


def optimal_critic_slope(x: ArrayLike, theta: ArrayLike) -> Array:
    """The derivative of ``optimal_critic`` with respect to x: exactly zero near both segments."""
    theta, s = _real(theta), _way(x, theta)
    apart = np.where(theta == 0, math.inf, theta)
    return -6 * s * (1 - s) / ((1 - 2 * _FLAT) * apart) + 0.0


def kantorovich_potential(x: ArrayLike, theta: ArrayLike) -> Array:
    """f(x) = -sign(theta) x, a best critic with slopes up to one: its mean on real minus on generated points is W1."""
    return -np.sign(_real(theta)) * _real(x) + 0.0


def kantorovich_slope(x: ArrayLike, theta: ArrayLike) -> Array:
    """The derivative of ``kantorovich_potential`` with respect to x: -sign(theta) everywhere."""
    return -np.sign(_real(theta)) + 0.0 * _real(x)


def minimax_gradient(theta: ArrayLike) -> Array:
    """The minimax generator's gradient where the critic is optimal: exactly zero.

    The derivative of log(1 - D*(theta)) with respect to the place theta of its points, D* held fixed:
    -D*'(theta) / (1 - D*(theta)). The non-saturating one, -D*' / D*, is 0 / 0 at D* and also zero for every critic
    that is flat at the generated points and not yet sure.
    """
    return -optimal_critic_slope(theta, theta) / (1 - optimal_critic(theta, theta)) + 0.0


def wasserstein_gradient(theta: ArrayLike) -> Array:
    """The Wasserstein generator's gradient where the critic is optimal: sign(theta), exactly one in size.

    The derivative of -f(theta) with respect to the place theta of its points, the potential f held fixed; 0 at
    theta = 0, where f = 0 is a best critic too.
    """
    return -kantorovich_slope(theta, theta) + 0.0


def _way(x: ArrayLike, theta: ArrayLike) -> Array:
    """How far x is down the fall from real to generated, 0 to 1; 0 at theta = 0."""
    x, theta = _real(x), _real(theta)
    apart = np.where(theta == 0, math.inf, theta)
    return np.clip((x / apart - _FLAT) / (1 - 2 * _FLAT), 0.0, 1.0)


def _apart(theta: ArrayLike, value: float) -> Array:
    theta = _real(theta)
    return np.where(np.isnan(theta), math.nan, np.where(theta == 0, 0.0, value))


def _real(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)
