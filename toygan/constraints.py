"""Constraints on the critic's weights: what is done to them before they are used and after each update."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from toygan.networks import Shape


def _as_they_are(shape: Shape, flat: Tensor, vectors: Tensor) -> Tensor:
    return flat


def _nothing(shape: Shape, flat: Tensor, vectors: Tensor, bound: float) -> None:
    return None


@dataclass(frozen=True)
class Constraint:
    """``weights(shape, flat, vectors)`` gives the weights the critic computes with, differentiable in ``flat``;
    ``enforce(shape, flat, vectors, bound)`` acts in place on ``flat`` or ``vectors`` after each critic update.

    ``vectors`` (L, S) are the power iteration's left vectors, one piece for each layer's outputs.
    """

    weights: Callable[[Shape, Tensor, Tensor], Tensor] = _as_they_are
    enforce: Callable[[Shape, Tensor, Tensor, float], None] = _nothing

    @property
    def free(self) -> bool:
        """Whether the critic computes with its own weights as they are."""
        return self.weights is _as_they_are


def clip_weights(shape: Shape, flat: Tensor, vectors: Tensor, bound: float) -> None:
    """Clamp every weight and bias to [-bound, bound] (Arjovsky et al. 2017)."""
    flat.clamp_(-bound, bound)


def spectral_normalise(shape: Shape, flat: Tensor, vectors: Tensor) -> Tensor:
    """Every layer's matrix divided by its largest singular value (Miyato et al. 2018).

    sigma = v^T W u with W (inputs, outputs), u the kept vector, v = W u / ||W u||; the gradient flows through W and
    not through u and v, as in the paper.
    """
    lanes = flat.shape[0]
    pieces = []
    for (weight, bias), left in zip(shape.split(flat), _split(shape, vectors), strict=True):
        with torch.no_grad():
            right = torch.nn.functional.normalize(weight @ left, dim=1)
        sigma = right.mT @ weight @ left
        pieces += [(weight / sigma).reshape(lanes, -1), bias.reshape(lanes, -1)]
    return torch.cat(pieces, dim=1)


def iterate_power(shape: Shape, flat: Tensor, vectors: Tensor, bound: float = 0.0) -> None:
    """One power iteration a layer, in place on ``vectors``: u <- W^T W u / ||W^T W u||."""
    for (weight, _), left in zip(shape.split(flat), _split(shape, vectors), strict=True):
        left.copy_(torch.nn.functional.normalize(weight.mT @ (weight @ left), dim=1))


def _split(shape: Shape, vectors: Tensor) -> list[Tensor]:
    """Views of (L, S) as one column (L, outputs, 1) a layer."""
    return [piece.unsqueeze(-1) for piece in vectors.split(shape.widths[1:], dim=1)]


CONSTRAINTS: dict[str | None, Constraint] = {
    None: Constraint(),
    "clip": Constraint(enforce=clip_weights),
    "spectral-norm": Constraint(weights=spectral_normalise, enforce=iterate_power),
}
