"""Gradient penalties: where the critic's gradient is looked at, and what its norm is pulled toward.

A penalty's value is ``weight * mean(TOWARD[toward].value(norms))`` with ``norms`` (L, B) the Euclidean norm, over the
two coordinates, of the critic's gradient at each of the points ``WHERE[where]`` gives. One norm a sample, never one
over the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

#: Stands for a norm of zero in a quotient; far below every other.
_TINY = 1e-30


@dataclass(frozen=True)
class Where:
    """Where a penalty looks: ``points(real, fake, noise)``, all (..., B, 2).

    ``law`` is the law of ``noise``, (..., B, ``width``): "uniform" on [0, 1], "normal", or "" for none. The places
    that return ``real`` or ``fake`` itself cost nothing extra: those points are in the critic's batch already.
    """

    points: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    law: str = ""
    width: int = 0


def between(real: Tensor, fake: Tensor, noise: Tensor | None) -> Tensor:
    """eps * real + (1 - eps) * fake, eps ~ U[0, 1], one eps a sample (Gulrajani et al. 2017)."""
    assert noise is not None
    return torch.lerp(fake, real, noise)


def around_real(real: Tensor, fake: Tensor, noise: Tensor | None) -> Tensor:
    """real + 0.5 * std(real) * N(0, I), std over the whole batch (Kodali et al. 2017, zero-mean noise)."""
    assert noise is not None
    return real + 0.5 * real.std(dim=(-2, -1), keepdim=True) * noise


def at_real(real: Tensor, fake: Tensor, noise: Tensor | None) -> Tensor:
    """The real points themselves (R1; Mescheder et al. 2018)."""
    return real


def at_fake(real: Tensor, fake: Tensor, noise: Tensor | None) -> Tensor:
    """The generated points themselves (R2; Mescheder et al. 2018)."""
    return fake


WHERE: dict[str, Where] = {
    "between": Where(between, law="uniform", width=1),
    "around-real": Where(around_real, law="normal", width=2),
    "at-real": Where(at_real),
    "at-fake": Where(at_fake),
}


@dataclass(frozen=True)
class Toward:
    """What norms are pulled toward: ``value(norms) -> (L, B)``, whose mean a penalty is, and its derivative.

    ``slope(norms, factor)`` (L, B) is ``factor`` times the derivative of the sum of a lane's values with respect to its
    norms, by hand: autograd on so few numbers costs as much as a whole layer.
    """

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, float], Tensor]


def one(norms: Tensor) -> Tensor:
    """(norm - 1)^2, the two-sided form (Gulrajani et al. 2017)."""
    return (norms - 1).square()


def one_slope(norms: Tensor, factor: float) -> Tensor:
    """2 (norm - 1)."""
    return (norms - 1).mul_(2 * factor)


def at_most_one(norms: Tensor) -> Tensor:
    """max(0, norm - 1)^2, the one-sided form (Petzka et al. 2018)."""
    return torch.relu(norms - 1).square()


def at_most_one_slope(norms: Tensor, factor: float) -> Tensor:
    """2 max(0, norm - 1)."""
    return torch.relu_(norms - 1).mul_(2 * factor)


def zero(norms: Tensor) -> Tensor:
    """norm^2 (Mescheder et al. 2018)."""
    return norms.square()


def zero_slope(norms: Tensor, factor: float) -> Tensor:
    """2 norm."""
    return norms * (2 * factor)


def zero_at_largest(norms: Tensor) -> Tensor:
    """max(norm)^2 over the lane's batch, repeated for each sample (Zhou et al. 2019)."""
    return norms.amax(dim=-1, keepdim=True).square().expand_as(norms)


def zero_at_largest_slope(norms: Tensor, factor: float) -> Tensor:
    """2 B max(norm) at the largest norm, zero elsewhere; several that are largest share it."""
    largest = norms.amax(dim=-1, keepdim=True)
    there = (norms == largest).to(norms.dtype)
    return 2 * factor * norms.shape[-1] * largest * there / there.sum(dim=-1, keepdim=True)


TOWARD: dict[str, Toward] = {
    "one": Toward(one, one_slope),
    "at-most-one": Toward(at_most_one, at_most_one_slope),
    "zero": Toward(zero, zero_slope),
    "zero-at-largest": Toward(zero_at_largest, zero_at_largest_slope),
}


def gradient_norms(gradients: Tensor) -> Tensor:
    """Euclidean norms (L, B) of gradients (L, B, 2).

    ``vector_norm`` has subgradient zero at zero. A square root would give NaN there, and the gradient of a ReLU
    critic is exactly zero wherever all its units are off.
    """
    return torch.linalg.vector_norm(gradients, dim=-1)


def penalty_slopes(toward: Toward, weight: float, gradients: Tensor) -> Tensor:
    """The derivative of ``weight * mean(value(norms))`` with respect to gradients (L, B, 2).

    With T the sum of a lane's values, weight / B * dT/dnorm * gradient / norm, and zero where the gradient is.
    """
    norms = gradient_norms(gradients)
    factors = toward.slope(norms, weight / norms.shape[-1]).div_(norms.clamp_min_(_TINY))
    return gradients * factors.unsqueeze(-1)
