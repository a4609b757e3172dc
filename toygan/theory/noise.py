"""What instance noise does to the Jensen-Shannon divergence: it gives the distance back.

Real and generated points get Gaussian noise of standard deviation ``noise`` (data units) in every coordinate
(Arjovsky and Bottou 2017, arXiv:1701.04862, section 3; Sonderby et al. 2017, arXiv:1610.04490). Two points, or two
segments, at distance theta then differ only across, where they are N(0, noise^2) and N(theta, noise^2): all is a
function of theta / noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from toygan.theory import Array, gaussians, segments


def jensen_shannon(theta: ArrayLike, noise: ArrayLike) -> Array:
    """JS of two points or two segments at distance theta under noise; without noise that of ``segments``.

    About theta^2 / (8 noise^2) for small theta / noise. theta and noise broadcast. Raises ``ValueError`` for noise
    below 0.
    """
    theta, noise, some = _checked(theta, noise)
    return np.where(noise > 0, gaussians.jensen_shannon(0.0, some, theta, some), segments.jensen_shannon(theta))


def jensen_shannon_slope(theta: ArrayLike, noise: ArrayLike) -> Array:
    """Its derivative with respect to theta: the generator's gradient, half the minimax one, at the optimal critic."""
    theta, noise, some = _checked(theta, noise)
    return np.where(noise > 0, gaussians.jensen_shannon_slope(0.0, some, theta, some), segments.step_slope(theta))


def annealed_noise(start: float, annealing_steps: int, steps: int) -> Array:
    """The noise at steps 0 ... ``steps`` - 1, falling linearly from ``start`` to 0 as in training, (steps,)."""
    return start * np.maximum(0.0, 1 - np.arange(steps) / annealing_steps)


def descend(theta: ArrayLike, noises: ArrayLike, rate: float) -> Array:
    """Gradient descent on JS with one noise a step: theta' = theta - rate noise^2 dJS/dtheta.

    Starts (...) and noises (K,) give places (K + 1, ...), in data units. The factor noise^2 keeps a step stable, for
    rates below 8, however small the noise: near 0 it is theta' = (1 - rate / 4) theta. Far out, at several times the
    noise, and without noise nothing moves.
    """
    places = [np.asarray(theta, dtype=np.float64)]
    for noise in np.asarray(noises, dtype=np.float64):
        step = rate * noise**2 * jensen_shannon_slope(places[-1], noise) if noise > 0 else 0.0
        places.append(places[-1] - step)
    return np.stack(places)


def _checked(theta: ArrayLike, noise: ArrayLike) -> tuple[Array, Array, Array]:
    """theta, noise, and the noise with 1 for 0."""
    theta, noise = np.asarray(theta, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    if not (noise >= 0).all() or not np.isfinite(noise).all():
        raise ValueError("the noise must be a finite standard deviation of at least 0")
    return theta, noise, np.where(noise > 0, noise, 1.0)
