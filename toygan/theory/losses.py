"""Losses as functions of the critic's output: the two of the original generator, and every objective's slopes.

D = sigma(t) is the critic's probability that a point is real, t its logit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from toygan.theory import Array
from toygan.theory.logistic import sigmoid, softplus

Curve = Callable[[ArrayLike], Array]
Pair = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class GeneratorLoss:
    """What the generator minimises at one point: as a function of D with its slope, and of the logit with its slope."""

    value: Curve
    slope: Curve
    of_logit: Curve
    logit_slope: Curve


def _one(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)


#: Goodfellow et al. 2014, arXiv:1406.2661, section 3: log(1 - D), and -log D. D strictly between 0 and 1.
GENERATOR_LOSSES: dict[str, GeneratorLoss] = {
    "minimax": GeneratorLoss(
        value=lambda d: np.log1p(-_one(d)),
        slope=lambda d: -1 / (1 - _one(d)),
        of_logit=lambda t: -softplus(t),
        logit_slope=lambda t: -sigmoid(t),
    ),
    "non-saturating": GeneratorLoss(
        value=lambda d: -np.log(_one(d)),
        slope=lambda d: -1 / _one(d),
        of_logit=lambda t: softplus(-_one(t)),
        logit_slope=lambda t: -sigmoid(-_one(t)),
    ),
}


@dataclass(frozen=True)
class Slopes:
    """An objective's derivatives at one real logit r and one fake logit f, those of ``toygan.objectives``.

    ``critic_real`` and ``critic_fake`` are the critic's loss's, ``generator_fake`` the generator's. ``neutral`` is the
    constant b that minimises the critic's loss when real and generated points are equal, and ``curvature`` the sum of
    the critic's second derivatives in r and in f at r = f = b. ``paired`` losses depend on r - f alone, all others
    are a sum of a function of r and one of f. ``corners`` are the r and the f at which the critic's slopes jump, where
    they do.
    """

    critic_real: Pair
    critic_fake: Pair
    generator_fake: Pair
    curvature: float
    neutral: float = 0.0
    paired: bool = False
    corners: tuple[float, float] | None = None


OBJECTIVES: dict[str, Slopes] = {
    "minimax": Slopes(
        critic_real=lambda r, f: -sigmoid(-r),
        critic_fake=lambda r, f: sigmoid(f),
        generator_fake=lambda r, f: -sigmoid(f),
        curvature=0.5,
    ),
    "non-saturating": Slopes(
        critic_real=lambda r, f: -sigmoid(-r),
        critic_fake=lambda r, f: sigmoid(f),
        generator_fake=lambda r, f: -sigmoid(-f),
        curvature=0.5,
    ),
    "least-squares": Slopes(
        critic_real=lambda r, f: r - 1,
        critic_fake=lambda r, f: f,
        generator_fake=lambda r, f: f - 1,
        curvature=2.0,
        neutral=0.5,
    ),
    "hinge": Slopes(
        critic_real=lambda r, f: np.where(r < 1, -1.0, 0.0),
        critic_fake=lambda r, f: np.where(f > -1, 1.0, 0.0),
        generator_fake=lambda r, f: np.full_like(f, -1.0),
        curvature=0.0,
        corners=(1.0, -1.0),
    ),
    "wasserstein": Slopes(
        critic_real=lambda r, f: np.full_like(r, -1.0),
        critic_fake=lambda r, f: np.full_like(f, 1.0),
        generator_fake=lambda r, f: np.full_like(f, -1.0),
        curvature=0.0,
    ),
    "relativistic": Slopes(
        critic_real=lambda r, f: -sigmoid(f - r),
        critic_fake=lambda r, f: sigmoid(f - r),
        generator_fake=lambda r, f: -sigmoid(r - f),
        curvature=0.5,
        paired=True,
    ),
}
