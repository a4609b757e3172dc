"""Gradient penalties: where the critic's gradient is looked at, and what its norm is pulled toward.

A penalty's value is ``weight * mean(TOWARD[toward](norms))`` with ``norms`` (L, B) the Euclidean norm, over the two
coordinates, of the critic's gradient at each of the points ``WHERE[where]`` gives. One norm a sample, never one
over the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Where:
    """Where a penalty looks: ``points(real, fake, noise) -> (L, B, 2)``.

    ``law`` is the law of ``noise``, (L, B, ``width``): "uniform" on [0, 1], "normal", or "" for none. The places
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
    """real + 0.5 * std(real) * N(0, I), std over the lane's whole batch (Kodali et al. 2017, zero-mean noise)."""
    assert noise is not None
    return real + 0.5 * real.std(dim=(1, 2), keepdim=True) * noise


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


def one(norms: Tensor) -> Tensor:
    """(norm - 1)^2, the two-sided form (Gulrajani et al. 2017)."""
    return (norms - 1).square()


def at_most_one(norms: Tensor) -> Tensor:
    """max(0, norm - 1)^2, the one-sided form (Petzka et al. 2018)."""
    return torch.relu(norms - 1).square()


def zero(norms: Tensor) -> Tensor:
    """norm^2 (Mescheder et al. 2018)."""
    return norms.square()


def zero_at_largest(norms: Tensor) -> Tensor:
    """max(norm)^2 over the lane's batch, repeated for each sample (Zhou et al. 2019)."""
    return norms.amax(dim=-1, keepdim=True).square().expand_as(norms)


Toward = Callable[[Tensor], Tensor]

TOWARD: dict[str, Toward] = {
    "one": one,
    "at-most-one": at_most_one,
    "zero": zero,
    "zero-at-largest": zero_at_largest,
}


def gradient_norms(gradients: Tensor) -> Tensor:
    """Euclidean norms (L, B) of gradients (L, B, 2).

    ``vector_norm`` has subgradient zero at zero. A square root would give NaN there, and the gradient of a ReLU
    critic is exactly zero wherever all its units are off.
    """
    return torch.linalg.vector_norm(gradients, dim=-1)
