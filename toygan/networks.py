"""Stacked fully connected networks: one leading axis of lanes, all weights of a lane in one flat vector.

A network is a ``Shape`` and a tensor ``flat`` of (L, P) weights: for each layer the matrix (inputs, outputs), then
the bias. ``forward`` is plain PyTorch, and ``value_and_gradient`` gives a critic's value and its input gradient, both
differentiable, by double backward. ``passes.py`` has the same without autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import elu, leaky_relu, leaky_relu_

_LEAK = 0.2


@dataclass(frozen=True)
class Activation:
    """A nonlinearity phi; ``gain`` is the factor on 1 / sqrt(inputs) of the initial weights' standard deviation.

    Where phi is piecewise linear it has what passes without autograd need: ``in_place``, phi into its argument, and
    ``gate(signal, output, result)``, result = signal * phi', with phi' told from the output; result may be either of
    the others.
    """

    forward: Callable[[Tensor], Tensor]
    gain: float
    in_place: Callable[[Tensor], object] | None = None
    gate: Callable[[Tensor, Tensor, Tensor], object] | None = None


_relu_backward = torch.ops.aten.threshold_backward.grad_input
_leaky_relu_backward = torch.ops.aten.leaky_relu_backward.grad_input

ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(
        torch.relu,
        2**0.5,
        torch.relu_,
        lambda signal, output, result: _relu_backward(signal, output, 0, grad_input=result),
    ),
    "leaky-relu": Activation(
        lambda x: leaky_relu(x, _LEAK),
        (2 / (1 + _LEAK**2)) ** 0.5,
        lambda x: leaky_relu_(x, _LEAK),
        lambda signal, output, result: _leaky_relu_backward(signal, output, _LEAK, True, grad_input=result),
    ),
    "tanh": Activation(torch.tanh, 1.0),
    "elu": Activation(elu, 1.0),
}


@dataclass(frozen=True)
class Shape:
    """Layer widths from input to output, and the activation between them."""

    widths: tuple[int, ...]
    activation: str

    @classmethod
    def of(cls, inputs: int, width: int, depth: int, outputs: int, activation: str) -> Shape:
        """A network with ``depth`` hidden layers of ``width`` units."""
        return cls((inputs, *[width] * depth, outputs), activation)

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        return list(zip(self.widths[:-1], self.widths[1:], strict=True))

    @property
    def sizes(self) -> list[int]:
        """Lengths of the pieces of ``flat``: matrix, bias, matrix, bias, ..."""
        return [size for a, b in self.layers for size in (a * b, b)]

    @property
    def parameters(self) -> int:
        """Weights and biases of one lane, P."""
        return sum(self.sizes)

    def split(self, flat: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Views of (L, P) as [(matrix (L, inputs, outputs), bias (L, 1, outputs)), ...]."""
        pieces = flat.split(self.sizes, dim=1)
        lanes = flat.shape[0]
        return [
            (pieces[2 * i].view(lanes, a, b), pieces[2 * i + 1].view(lanes, 1, b))
            for i, (a, b) in enumerate(self.layers)
        ]

    def blocks(self, flat: Tensor) -> list[Tensor]:
        """Views of (L, P) as [W; b] (L, inputs + 1, outputs), one a layer."""
        pieces = flat.split([(a + 1) * b for a, b in self.layers], dim=1)
        return [piece.view(len(flat), a + 1, b) for piece, (a, b) in zip(pieces, self.layers, strict=True)]

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """One lane's initial weights (P,), float64: uniform with standard deviation gain / sqrt(inputs).

        The gain is He's for hidden layers and one for the last; biases are zero (He et al. 2015, as in the
        WGAN-GP toy code).
        """
        gains = [ACTIVATIONS[self.activation].gain] * (len(self.layers) - 1) + [1.0]
        pieces = []
        for (inputs, outputs), gain in zip(self.layers, gains, strict=True):
            bound = gain * (3 / inputs) ** 0.5
            pieces += [rng.uniform(-bound, bound, inputs * outputs), np.zeros(outputs)]
        return np.concatenate(pieces)


def forward(shape: Shape, flat: Tensor, points: Tensor) -> Tensor:
    """The network's outputs (L, R, outputs) at points (L, R, inputs); plain PyTorch, differentiable."""
    activation = ACTIVATIONS[shape.activation].forward
    *hidden, (last, last_bias) = shape.split(flat)
    for weight, bias in hidden:
        points = activation(torch.baddbmm(bias, points, weight))
    return torch.baddbmm(last_bias, points, last)


def value_and_gradient(shape: Shape, flat: Tensor, points: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
    """The critic's values (L, R) at points (L, R, 2), and its input gradients (L, r, 2) at ``points[:, rows]``.

    Both may be used in a loss and differentiated with respect to ``flat``, the values with respect to ``points`` as
    well. Gradients are those of the sum over lanes and rows, which is each row's own, since no row depends on another.
    """
    with torch.enable_grad():
        values = forward(shape, flat, points)[..., 0]
        # The rows looked at go through a graph of their own, so that double backward runs on them alone.
        looked_at = points[:, rows].detach().requires_grad_()
        if looked_at.shape[1] == 0:
            return values, looked_at.detach()
        at_rows = forward(shape, flat, looked_at)[..., 0]
        (gradients,) = torch.autograd.grad(at_rows.sum(), looked_at, create_graph=True)
    return values, gradients


def input_gradient(shape: Shape, flat: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """The critic's values (L, R) and input gradients (L, R, 2) at all points, detached."""
    leaf = points.detach().requires_grad_()
    with torch.enable_grad():
        values = forward(shape, flat.detach(), leaf)[..., 0]
        (gradients,) = torch.autograd.grad(values.sum(), leaf)
    return values.detach(), gradients
