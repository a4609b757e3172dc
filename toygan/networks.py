"""Stacked fully connected networks: one leading axis of lanes, all weights of a lane in one flat vector.

A network is a ``Shape`` and a tensor ``flat`` of (L, P) weights: for each layer the matrix (inputs, outputs), then
the bias. ``forward`` is plain PyTorch. ``value_and_gradient`` gives a critic's value and its input gradient, both
differentiable; for piecewise-linear activations without a second-order graph.

The rule it rests on. With Z_l = H_{l-1} W_l + b_l, H_l = phi(Z_l), M_l = phi'(Z_l), value D = H_L w + c:

    backward, seed one:  B_L = w^T * M_L,  B_{l-1} = (B_l W_l^T) * M_{l-1};  the input gradient is g = B_1 W_1^T
    for a loss with dD = s and dg = u_0:  u_l = (u_{l-1} W_l) * M_l
    dW_l = (s H_{l-1} + u_{l-1})^T B_l,  db_l = s^T B_l,  dw = (s H_L + u_L)^T 1,  dx = s g

phi'' is zero almost everywhere, so that nothing else contributes, and a backward signal with seed s is s times the
one with seed one: a single backward pass serves the losses, the penalties and the generator's gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_LEAK = 0.2


@dataclass(frozen=True)
class Activation:
    """A nonlinearity; ``backward(signal, output)`` multiplies by its derivative where that is piecewise constant.

    ``gain`` is the factor on 1 / sqrt(inputs) of the initial weights' standard deviation.
    """

    forward: Callable[[Tensor], Tensor]
    gain: float
    backward: Callable[[Tensor, Tensor], Tensor] | None = None


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(torch.relu, 2**0.5, lambda signal, output: torch.ops.aten.threshold_backward(signal, output, 0)),
    "leaky-relu": Activation(
        lambda x: torch.nn.functional.leaky_relu(x, _LEAK),
        (2 / (1 + _LEAK**2)) ** 0.5,
        lambda signal, output: torch.ops.aten.leaky_relu_backward(signal, output, _LEAK, True),
    ),
    "tanh": Activation(torch.tanh, 1.0),
    "elu": Activation(torch.nn.functional.elu, 1.0),
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

    Both may be used in a loss and differentiated with respect to ``flat``; for piecewise-linear activations the
    values with respect to ``points`` as well. Gradients are those of the sum over lanes and rows, which is each
    row's own, since no row depends on another.
    """
    no_gradient = len(range(*rows.indices(points.shape[1]))) == 0
    if no_gradient or ACTIVATIONS[shape.activation].backward is None:
        return _by_autograd(shape, flat, points, rows)
    values, gradients = _PiecewiseLinear.apply(flat, points, shape, rows)
    return values, gradients


def input_gradient(shape: Shape, flat: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """The critic's values (L, R) and input gradients (L, R, 2) at all points, detached."""
    values, gradients = value_and_gradient(shape, flat.detach(), points.detach(), slice(None))
    return values.detach(), gradients.detach()


def _by_autograd(shape: Shape, flat: Tensor, points: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        values = forward(shape, flat, points)[..., 0]
        # The rows looked at go through a graph of their own, so that double backward runs on them alone.
        looked_at = points[:, rows].detach().requires_grad_()
        if looked_at.shape[1] == 0:
            return values, looked_at.detach()
        at_rows = forward(shape, flat, looked_at)[..., 0]
        (gradients,) = torch.autograd.grad(at_rows.sum(), looked_at, create_graph=True)
    return values, gradients


class _PiecewiseLinear(torch.autograd.Function):
    """Values and input gradients by the rule in the module's docstring."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, points: Tensor, shape: Shape, rows: slice) -> tuple[Tensor, Tensor]:
        activation = ACTIVATIONS[shape.activation]
        assert activation.backward is not None
        *hidden, (last, last_bias) = shape.split(flat)
        outputs = [points]
        for weight, bias in hidden:
            outputs.append(activation.forward(torch.baddbmm(bias, outputs[-1], weight)))
        values = torch.baddbmm(last_bias, outputs[-1], last)[..., 0]

        signal = last.mT.expand(-1, points.shape[1], -1)
        signals = []
        for (weight, _), output in zip(reversed(hidden), reversed(outputs[1:]), strict=True):
            signal = activation.backward(signal, output)
            signals.append(signal)
            signal = torch.bmm(signal, weight.mT)
        gradients = signal
        ctx.save_for_backward(flat, gradients, *outputs, *signals)
        ctx.shape, ctx.rows = shape, rows
        return values, gradients[:, rows]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        seeds, tangent = upstream
        flat, gradients, *saved = ctx.saved_tensors
        shape: Shape = ctx.shape
        depth = len(shape.layers) - 1
        outputs, signals = saved[: depth + 1], saved[depth + 1 :]
        seeds = seeds.unsqueeze(-1)
        flat_gradient = points_gradient = None
        if ctx.needs_input_grad[0]:
            flat_gradient = _weight_gradient(shape, flat, outputs, signals[::-1], seeds, tangent, ctx.rows)
        if ctx.needs_input_grad[1]:
            points_gradient = seeds * gradients
        return flat_gradient, points_gradient, None, None


def _weight_gradient(
    shape: Shape,
    flat: Tensor,
    outputs: list[Tensor],
    signals: list[Tensor],
    seeds: Tensor,
    tangent: Tensor,
    rows: slice,
) -> Tensor:
    """dW_l = (s H_{l-1} + u_{l-1})^T B_l for every layer, written into one flat (L, P) gradient."""
    activation = ACTIVATIONS[shape.activation]
    assert activation.backward is not None
    result = torch.empty_like(flat)
    *hidden, (last, last_bias) = zip(shape.split(flat), shape.split(result), strict=True)
    layers = zip(hidden, outputs[:-1], outputs[1:], signals, strict=True)
    for ((weight, _), (weight_gradient, bias_gradient)), before, after, signal in layers:
        left = seeds * before
        left[:, rows] += tangent
        torch.bmm(left.mT, signal, out=weight_gradient)
        torch.bmm(seeds.mT, signal, out=bias_gradient)
        tangent = activation.backward(torch.bmm(tangent, weight), after[:, rows])
    left = seeds * outputs[-1]
    left[:, rows] += tangent
    _, (weight_gradient, bias_gradient) = last, last_bias
    torch.sum(left, dim=1, out=weight_gradient[..., 0])
    torch.sum(seeds, dim=1, keepdim=True, out=bias_gradient)
    return result
