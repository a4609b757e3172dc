"""Passes through a stacked network without autograd: forward, backward, tangent, and all weight gradients at once.

A layer's weights and biases are one block [W; b] and its input [H, 1], a column of ones behind the units, so that one
product does for both. With

    forward:   Z_l = [H_{l-1}, 1] [W_l; b_l],  H_l = phi(Z_l),  M_l = phi'(Z_l),  H_0 the points,  Z_n the values
    backward:  S_n given,  S_{l-1} = (S_l W_l^T) * M_{l-1},  with respect to the points S_0 = S_1 W_1^T
    weights:   d[W_l; b_l] = [H_{l-1}, 1]^T S_l

this is the gradient of any loss of the values whose derivative with respect to them is S_n. A penalty of the input
gradients S_0 of seed S_n = 1, whose derivative with respect to them is u_0, needs no second-order graph where phi is
piecewise linear: phi'' is zero almost everywhere, and its weight gradient is the same product with tangents and zeros
in place of units and ones,

    tangent:   u_l = (u_{l-1} W_l) * M_l,    d[W_l; b_l] = [u_{l-1}, 0]^T S_l

so that points a penalty looks at are rows like the others. Where a loss of slope s looks at them too, the row is
s [H, 1] + [u, 0], because the signal of seed s is s times the one of seed one. (The backward pass is Rumelhart et al.
1986, the tangent Pearlmutter 1994.)

Every buffer is made once and filled again by each pass: at these sizes that is worth as much as the arithmetic saved.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from toygan.networks import ACTIVATIONS, Shape
from toygan.routes import Product, product

#: Rows of buffers begin at multiples of this many numbers: MKL's products take 5 % longer where they do not.
_ALIGNED = 8


class _Units:
    """What a layer takes in at R points: ``units`` (R, width) and, with the ones, ``augmented`` (R, width + 1).

    Both are views of ``whole``, whose rows are longer; what lies behind the ones is zero and stays so.
    """

    def __init__(self, whole: Tensor, width: int) -> None:
        self.whole, self.width = whole, width
        self.units, self.augmented, self.ones = whole[..., :width], whole[..., : width + 1], whole[..., width]

    @classmethod
    def of(cls, like: Tensor, rows: int, width: int) -> _Units:
        aligned = -(-(width + 1) // _ALIGNED) * _ALIGNED
        whole = like.new_empty(len(like), rows, aligned)
        whole[..., width:] = 0
        return cls(_one(whole), width)

    def rows(self, start: int, stop: int) -> _Units:
        return _Units(self.whole[..., start:stop, :], self.width)


def _one(stack: Tensor) -> Tensor:
    """The stack without its axis of lanes where there is one lane: a plain product takes less time than a stack's."""
    return stack[0] if len(stack) == 1 else stack


class Pass:
    """One network at R points in each of L lanes: the buffers, and what fills them.

    ``flat`` (L, P) is read where it is, and ``gradient`` (L, P) written. ``points`` (L, R, inputs), ``values`` and
    ``seeds`` (L, R, outputs) are for the caller to fill and to read. Raises ``ValueError`` when the activation is not
    piecewise linear.
    """

    def __init__(self, shape: Shape, flat: Tensor, gradient: Tensor, rows: int) -> None:
        lanes = len(flat)
        inputs = [_Units.of(flat, rows, width) for width in shape.widths[:-1]]
        for units in inputs:
            units.ones.fill_(1)
        signals = [_Units.of(flat, rows, width) for width in shape.widths[1:-1]]
        values, seeds = flat.new_zeros(2, lanes, rows, shape.widths[-1])
        self._bind(
            shape, flat, gradient, inputs, signals, (values, seeds, flat.new_zeros(lanes, rows, shape.widths[0]))
        )

    def _bind(
        self,
        shape: Shape,
        flat: Tensor,
        gradient: Tensor,
        inputs: list[_Units],
        signals: list[_Units],
        ends: tuple[Tensor, Tensor, Tensor],
    ) -> None:
        activation, lanes = ACTIVATIONS[shape.activation], len(flat)
        if activation.in_place is None or activation.gate is None:
            raise ValueError(f"{shape.activation} is not piecewise linear")
        self._network = shape, flat, gradient
        self._activate, self._gate = activation.in_place, activation.gate
        self._inputs, self._signals, self._ends = inputs, signals, ends
        self.values, self.seeds, self._slopes = ends
        rows = self.values.shape[1]
        self.points = inputs[0].units.view(lanes, rows, shape.widths[0])

    # The products of each direction are made when it is first gone: of some passes only one ever is.

    @functools.cached_property
    def _forward(self) -> list[Product]:
        shape, flat, _ = self._network
        inputs = (units.augmented for units in self._inputs)
        outputs = (*(units.units for units in self._inputs[1:]), _one(self.values))
        return list(map(product, inputs, map(_one, shape.blocks(flat)), outputs))

    @functools.cached_property
    def _backward(self) -> list[Product]:
        downstream = (_one(self._slopes), *(signal.units for signal in self._signals))
        return list(map(product, self._upstream, (matrix.mT for matrix in self._matrices), downstream))

    @functools.cached_property
    def _weights(self) -> list[Product]:
        shape, _, gradient = self._network
        inputs = (units.augmented.mT for units in self._inputs)
        return list(map(product, inputs, self._upstream, map(_one, shape.blocks(gradient))))

    @functools.cached_property
    def _upstream(self) -> list[Tensor]:
        return [*(signal.units for signal in self._signals), _one(self.seeds)]

    @functools.cached_property
    def _matrices(self) -> list[Tensor]:
        shape, flat, _ = self._network
        return [_one(block)[..., :-1, :] for block in shape.blocks(flat)]

    def rows(self, start: int, stop: int, apart: bool = False) -> Pass:
        """The same pass at some of the points alone, in the same buffers.

        ``apart`` gives it values, seeds and slopes of its own, so that the others outlast it: passes that take turns in
        the same buffers find them in the cache.
        """
        part = object.__new__(Pass)
        inputs, signals = ([units.rows(start, stop) for units in kind] for kind in (self._inputs, self._signals))
        values, seeds, slopes = (end[:, start:stop] for end in self._ends)
        if apart:
            values, seeds, slopes = (torch.zeros_like(end) for end in (values, seeds, slopes))
        part._bind(*self._network, inputs, signals, (values, seeds, slopes))
        return part

    def forward(self) -> None:
        """From ``points`` to ``values``."""
        for multiply, after in zip(self._forward, self._inputs[1:], strict=False):
            multiply()
            self._activate(after.whole)
        self._forward[-1]()

    def backward(self) -> None:
        """From ``seeds`` to the signals of all hidden units."""
        for layer in reversed(range(1, len(self._inputs))):
            self._backward[layer]()
            signal = self._signals[layer - 1].whole
            self._gate(signal, self._inputs[layer].whole, signal)

    def slopes(self) -> Tensor:
        """The derivative with respect to the points, (L, R, inputs); after ``backward``."""
        self._backward[0]()
        return self._slopes

    def differentiate(self) -> Tensor:
        """The gradient with respect to ``flat``, (L, P); after ``backward``, and ``Tangent.replace`` if any."""
        for multiply in self._weights:
            multiply()
        return self._network[2]


class Tangent:
    """The tangent pass at those points of a pass that a penalty looks at: ``part`` of it.

    ``scale`` (L, R, 1) is s, read where it is at each pass, or ``None`` where no loss looks at these points.
    """

    def __init__(self, part: Pass, scale: Tensor | None = None) -> None:
        shape, flat, _ = part._network
        self._part, self._scale = part, None if scale is None else _one(scale)
        self._tangents = tangents = [_Units.of(flat, part.values.shape[1], width) for width in shape.widths[:-1]]
        # Where there is no scale, what is passed on lies where the units were.
        before = [tangents[0], *(part._inputs if scale is None else tangents)[1:]]
        self._products = [
            product(units.units, matrix, tangent.units)
            for units, matrix, tangent in zip(before, part._matrices, tangents[1:], strict=False)
        ]

    def replace(self, slopes: Tensor) -> None:
        """Put s [H, 1] + [u, 0] where [H, 1] was, for u_0 the penalty's ``slopes`` (L, R, inputs).

        Until ``restore`` the pass cannot go forward again.
        """
        part, scale = self._part, self._scale
        self._tangents[0].units.copy_(_one(slopes))
        for layer, (inputs, tangent) in enumerate(zip(part._inputs, self._tangents, strict=True)):
            if layer:
                self._products[layer - 1]()
                part._gate(tangent.whole, inputs.whole, inputs.whole if scale is None else tangent.whole)
            elif scale is None:
                inputs.whole.copy_(tangent.whole)
            if scale is not None:
                inputs.whole.mul_(scale).add_(tangent.whole)

    def restore(self) -> None:
        """Put back the ones, after ``Pass.differentiate``."""
        for inputs in self._part._inputs:
            inputs.ones.fill_(1)
