"""Steps and stability of the Dirac-GAN: trajectories, Jacobians and their eigenvalues, verdicts.

The equilibrium is the point theta = psi = 0: generated points where the real ones are, and a critic without a slope.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from toygan.lookup import lookup
from toygan.theory import Array
from toygan.theory.dirac import TOWARD, DiracGan, critic_velocity, field, generator_velocity

#: Real parts and radii this close to 0 and 1 count as equal.
_TIE = 1e-9

UPDATES = ("simultaneous", "alternating")


@dataclass(frozen=True)
class Stability:
    """What small deviations from the equilibrium do.

    ``matrix`` (2, 2) maps (theta, psi) to its velocity or to the next step, ``eigenvalues`` (2,) are complex.
    ``growth`` is the largest real part in continuous time, the largest size for steps. ``verdict`` is "stable",
    "unstable", "marginal" (the linear part neither shrinks nor grows: what happens is up to higher orders) or "none",
    when the field is not smooth there; then ``obstacle`` says in words why and the others are ``None``.
    """

    verdict: str
    matrix: Array | None = None
    eigenvalues: NDArray[np.complex128] | None = None
    growth: float | None = None
    obstacle: str = ""


def jacobian(gan: DiracGan) -> Array | None:
    """The Jacobian (2, 2) of the field at theta = psi = 0, or ``None`` where the field is not smooth there.

    [[0, -g], [-c, -k - curvature noise^2]], g and c the derivatives of the generator's and the critic's loss in the
    fake logit at the neutral one, k = sum of lambda share T''(0) over the penalties. So the eigenvalues are
    -m / 2 +- sqrt(m^2 / 4 + g c) with m = k + curvature noise^2 and g c = -f'(0)^2 in the paper's letters: +-i f'(0)
    without either (section 2), -gamma / 2 +- sqrt(gamma^2 / 4 - f'(0)^2) with R1 or R2, whose k is gamma = 2 lambda,
    and f''(0) noise^2 +- sqrt(f''(0)^2 noise^4 - f'(0)^2) with instance noise, as curvature = -2 f''(0) (section 3
    of Mescheder et al. 2018).
    """
    if _obstacle(gan):
        return None
    slopes, neutral = gan.slopes, np.array([gan.slopes.neutral])
    generator, critic = (float(slope(neutral, neutral)[0]) for slope in (slopes.generator_fake, slopes.critic_fake))
    damping = sum(gan.weight * penalty.share * TOWARD[penalty.toward].curvature for penalty in gan.penalties)
    return np.array([[0.0, -generator], [-critic, -damping - slopes.curvature * gan.noise**2]])


def continuous_stability(gan: DiracGan) -> Stability:
    """The equilibrium of the flow (theta', psi') = v(theta, psi), by the real parts of the Jacobian's eigenvalues."""
    matrix = jacobian(gan)
    if matrix is None:
        return Stability("none", obstacle=_obstacle(gan))
    eigenvalues = np.linalg.eigvals(matrix).astype(np.complex128)
    growth = float(eigenvalues.real.max())
    return Stability(_verdict(growth, 0.0), matrix, eigenvalues, growth)


def discrete_stability(gan: DiracGan, step: float, critic_steps: int = 1, update: str = "simultaneous") -> Stability:
    """The equilibrium of ``advance``, by the size of its Jacobian's eigenvalues there (the spectral radius).

    For a field of +-i f'(0): simultaneous steps have 1 +- i h f'(0), always larger than one; alternating ones have
    size one for h f'(0) sqrt(critic_steps) <= 2 and grow beyond (Mescheder et al. 2018, section 2). Raises
    ``ValueError`` as ``advance`` does.
    """
    _check(step, critic_steps, update)
    matrix = jacobian(gan)
    if matrix is None:
        return Stability("none", obstacle=_obstacle(gan))
    generator, critic = np.eye(2), np.eye(2)
    generator[0] += step * matrix[0]
    critic[1] += step * matrix[1]
    critic = np.linalg.matrix_power(critic, critic_steps)
    steps = generator @ critic if update == "alternating" else np.stack([generator[0], critic[1]])
    eigenvalues = np.linalg.eigvals(steps).astype(np.complex128)
    growth = float(np.abs(eigenvalues).max())
    return Stability(_verdict(growth, 1.0), steps, eigenvalues, growth)


def advance(
    gan: DiracGan,
    theta: Array,
    psi: Array,
    step: float,
    critic_steps: int = 1,
    update: str = "simultaneous",
) -> tuple[Array, Array]:
    """One iteration: ``critic_steps`` steps h v_psi of the critic, each projected, and one step h v_theta.

    "alternating": the generator answers to the new critic, as in training; "simultaneous": to the old one. Raises
    ``ValueError`` for another update, a step that is not above 0, and less than one critic step.
    """
    _check(step, critic_steps, update)
    latest = psi
    for _ in range(critic_steps):
        latest = gan.project(latest + step * critic_velocity(gan, theta, latest))
    seen = latest if update == "alternating" else psi
    return theta + step * generator_velocity(gan, theta, seen), latest


def trajectory(
    gan: DiracGan,
    start: ArrayLike,
    step: float,
    steps: int,
    critic_steps: int = 1,
    update: str = "simultaneous",
) -> Array:
    """(theta, psi) from ``start`` (..., 2), projected, through ``steps`` iterations: (steps + 1, ..., 2).

    Diverging runs end in infinities or NaN. Raises ``ValueError`` as ``advance`` does.
    """
    at = np.asarray(start, dtype=np.float64)
    theta, psi = at[..., 0], gan.project(at[..., 1])
    places = np.empty((steps + 1, *at.shape))
    places[0, ..., 0], places[0, ..., 1] = theta, psi
    with np.errstate(over="ignore", invalid="ignore"):
        for index in range(1, steps + 1):
            theta, psi = advance(gan, theta, psi, step, critic_steps, update)
            places[index, ..., 0], places[index, ..., 1] = theta, psi
    return places


def flow(gan: DiracGan, start: ArrayLike, step: float, steps: int) -> Array:
    """The field's integral curves from ``start`` (..., 2), by Runge-Kutta steps of order four: (steps + 1, ..., 2).

    Where the field jumps, under two-sided penalties at psi = 0 and at a clip bound, it is of order one.
    """
    at = np.asarray(start, dtype=np.float64)
    places = [np.stack([at[..., 0], gan.project(at[..., 1])], axis=-1)]
    for _ in range(steps):
        here = places[-1]
        first = _velocity(gan, here)
        second = _velocity(gan, here + step / 2 * first)
        third = _velocity(gan, here + step / 2 * second)
        fourth = _velocity(gan, here + step * third)
        there = here + step / 6 * (first + 2 * second + 2 * third + fourth)
        places.append(np.stack([there[..., 0], gan.project(there[..., 1])], axis=-1))
    return np.stack(places)


def _velocity(gan: DiracGan, places: Array) -> Array:
    return np.stack(field(gan, places[..., 0], places[..., 1]), axis=-1)


def _obstacle(gan: DiracGan) -> str:
    """Why the field is not smooth at the equilibrium; nothing where it is."""
    if not gan.rule.trained:
        return "The critic's slope is always plus or minus one, so the generator never comes to rest."
    jumps = [TOWARD[penalty.toward].slope(np.zeros(1))[0] for penalty in gan.penalties if gan.weight * penalty.share]
    if any(jumps):
        return "The penalty pushes the critic's slope away from zero on both sides: the field jumps there."
    return ""


def _verdict(growth: float, border: float) -> str:
    if abs(growth - border) <= _TIE:
        return "marginal"
    return "stable" if growth < border else "unstable"


def _check(step: float, critic_steps: int, update: str) -> None:
    lookup("update", update, dict.fromkeys(UPDATES))
    if not step > 0:
        raise ValueError(f"the step must be above 0, not {step}")
    if critic_steps < 1:
        raise ValueError(f"there must be at least one critic step, not {critic_steps}")
