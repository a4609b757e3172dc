"""The Dirac-GAN: a generator that is one point theta, and a critic that is a line, D(x) = psi x + b.

Real points are all at 0 (Mescheder et al. 2018, arXiv:1801.04406, definition 2.1). Each method of the catalogue gives
a vector field: minus the gradient of the generator's loss with respect to theta, and of the critic's with respect to
psi. In the paper's letters f'(0) is minus the generator's slope at the neutral logit and the critic is high on
generated points; here it is high on real ones, so psi has the other sign. Places are in data units.

The bias b is held at the constant that the critic's loss prefers when real and generated points are equal: 0, and 1/2
for the labels 0 and 1 of least squares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from toygan.lookup import lookup
from toygan.methods import Method, Penalty
from toygan.theory import Array
from toygan.theory.losses import OBJECTIVES, Slopes
from toygan.theory.quadrature import normal_nodes, normal_panels


@dataclass(frozen=True)
class Toward:
    """A penalty's target as a function of the slope's size N = |psi|: its derivative, and its second one at 0."""

    slope: Callable[[Array], Array]
    curvature: float


#: The derivatives of ``toygan.penalties.TOWARD``. A line has the same gradient everywhere: where a penalty looks makes
#: no difference, and the largest norm of a batch is any.
TOWARD: dict[str, Toward] = {
    "one": Toward(lambda norm: 2 * (norm - 1), 2.0),
    "at-most-one": Toward(lambda norm: 2 * np.maximum(norm - 1, 0.0), 0.0),
    "zero": Toward(lambda norm: 2 * norm, 2.0),
    "zero-at-largest": Toward(lambda norm: 2 * norm, 2.0),
}


@dataclass(frozen=True)
class Constraint:
    """What the critic computes with instead of psi, and whether psi gets a gradient and is bounded by ``clip``."""

    slope: Callable[[Array], Array] = np.positive
    trained: bool = True
    bounded: bool = False


#: Clipping is a projection after each critic step. Spectral normalisation divides the only weight by its size: the
#: slope is sign(psi), on which psi's size has no influence, so psi never changes and the slope stays plus or minus one
#: (0 at psi = 0, where training would divide zero by zero).
CONSTRAINTS: dict[str | None, Constraint] = {
    None: Constraint(),
    "clip": Constraint(bounded=True),
    "spectral-norm": Constraint(slope=np.sign, trained=False),
}


@dataclass(frozen=True)
class DiracGan:
    """A method on the Dirac-GAN.

    ``weight`` is the penalty's weight lambda, the paper's gamma / 2; ``clip`` the bound of the clip constraint;
    ``noise`` the standard deviation, in data units, of instance noise on real and generated points.
    """

    objective: str
    penalties: tuple[Penalty, ...] = ()
    constraint: str | None = None
    weight: float = 0.0
    clip: float = math.inf
    noise: float = 0.0

    @property
    def slopes(self) -> Slopes:
        """The objective's derivatives; raises ``ValueError`` for an unknown objective."""
        return lookup("objective", self.objective, OBJECTIVES)

    @property
    def rule(self) -> Constraint:
        """What the constraint does."""
        return CONSTRAINTS[self.constraint]

    @property
    def bound(self) -> float:
        """The largest size of psi: ``clip`` where the constraint is to clip, else infinity."""
        return self.clip if self.rule.bounded else math.inf

    def project(self, psi: ArrayLike) -> Array:
        """Where the constraint puts psi after a critic step: at most ``bound`` in size."""
        return np.clip(np.asarray(psi, dtype=np.float64), -self.bound, self.bound)


def of_method(method: Method, noise: float = 0.0, settings: Mapping[str, float] | None = None) -> DiracGan:
    """The Dirac-GAN of a method of the catalogue.

    ``settings`` are recipe fields that replace the method's defaults: ``penalty_weight`` and ``clip`` count, others
    do not.
    """
    fields = {**method.defaults, **(settings or {})}
    return DiracGan(
        objective=method.objective,
        penalties=method.penalties,
        constraint=method.constraint,
        weight=fields.get("penalty_weight", 0.0),
        clip=fields.get("clip", math.inf),
        noise=noise,
    )


def generator_velocity(gan: DiracGan, theta: ArrayLike, psi: ArrayLike) -> Array:
    """v_theta = -dL_G/dtheta = -E[g(r, f)] w, with w the critic's slope and g the generator's loss's derivative.

    r = b + w x and f = b + w (theta + e) are the logits of a real and a generated point, x and e the instance noise.
    """
    slope = gan.rule.slope(np.asarray(psi, dtype=np.float64))
    real, fake, _, _, weights = _logits(gan, theta, slope)
    return -slope * _mean(gan.slopes.generator_fake(real, fake), weights)


def critic_velocity(gan: DiracGan, theta: ArrayLike, psi: ArrayLike) -> Array:
    """v_psi = -dL_C/dpsi = -E[x c_r(r, f) + (theta + e) c_f(r, f)] - sum of lambda share T'(|psi|) sign(psi).

    c_r and c_f are the derivatives of the critic's loss, T a penalty's target. Zero where psi is at its bound and
    would leave, and everywhere under spectral normalisation. sign(0) = 0, as in training.
    """
    psi = np.asarray(psi, dtype=np.float64)
    if not gan.rule.trained:
        return np.zeros(np.broadcast_shapes(np.shape(theta), psi.shape))
    real, fake, x, place, weights = _logits(gan, theta, psi)
    slopes = gan.slopes
    pull = -_mean(x * slopes.critic_real(real, fake) + place * slopes.critic_fake(real, fake), weights)
    for penalty in gan.penalties:
        toward = lookup("penalty target", penalty.toward, TOWARD)
        pull = pull - gan.weight * penalty.share * toward.slope(np.abs(psi)) * np.sign(psi)
    leaving = (np.abs(psi) >= gan.bound) & (pull * psi > 0)
    return np.where(leaving, 0.0, pull)


def field(gan: DiracGan, theta: ArrayLike, psi: ArrayLike) -> tuple[Array, Array]:
    """The gradient vector field (v_theta, v_psi) at places that broadcast."""
    return generator_velocity(gan, theta, psi), critic_velocity(gan, theta, psi)


def _logits(gan: DiracGan, theta: ArrayLike, slope: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Real and fake logits (..., N), real and fake places, and weights over the noise, which broadcast to them.

    The law of a sum of a function of r and one of f does not depend on how the noise of r and of f is coupled, so both
    take the same draw z. Where only r - f counts, any coupling with the right law of the difference will do:
    plus and minus z / sqrt 2.
    """
    theta, slope = np.asarray(theta, dtype=np.float64)[..., None], slope[..., None]
    if gan.noise:
        z, weights = _noise(gan, theta, slope)
        real, shift = (z / math.sqrt(2), -z / math.sqrt(2)) if gan.slopes.paired else (z, z)
        x, place = gan.noise * real, theta + gan.noise * shift
    else:
        x, place, weights = np.zeros(1), theta, np.ones(1)
    first, second = np.broadcast_arrays(gan.slopes.neutral + slope * x, gan.slopes.neutral + slope * place)
    return first, second, x, place, weights


def _noise(gan: DiracGan, theta: Array, slope: Array) -> tuple[Array, Array]:
    """Nodes and weights over standard normal noise, cut where it takes a logit to a corner; slope (..., 1)."""
    corners = gan.slopes.corners
    if corners is None:
        return normal_nodes()
    real, fake = (corner - gan.slopes.neutral for corner in corners)
    # A line without a slope meets no corner, however far one goes.
    with np.errstate(divide="ignore"):
        places = np.broadcast_arrays(real / slope, fake / slope - theta)
    return normal_panels(np.concatenate(places, axis=-1) / gan.noise)


def _mean(values: Array, weights: Array) -> Array:
    return np.asarray((values * weights).sum(axis=-1))
