"""Networks evaluated outside training: values, and input gradients, at any number of points.

Points go through in blocks of rows, so that the outputs of layers stay in the cache, and through buffers that are kept
from call to call: at 128 units it takes three times as long to have their memory given anew as to fill it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

import torch
from torch import Tensor

from toygan.networks import ACTIVATIONS, Shape, forward, input_gradient
from toygan.passes import Pass

#: Points in a block.
ROWS = 1024

#: Passes that a thread keeps, a critic's and a generator's of two recipes, and the most numbers that a kept one has.
_KEPT, _MOST = 4, 2**23


def values(shape: Shape, flat: Tensor, points: Tensor) -> Tensor:
    """The network's outputs (L, R, outputs) at points (L, R, inputs), with weights (L, P), on the processor."""
    if not _has_passes(shape):
        with torch.no_grad():
            return torch.cat([forward(shape, flat, block) for block in points.split(ROWS, dim=1)], dim=1)
    found = points.new_empty(*points.shape[:-1], shape.widths[-1])

    def block(one: Pass, lane: slice, rows: slice) -> None:
        one.forward()
        found[lane, rows] = one.values

    _by_blocks(shape, flat, points, block)
    return found


def values_and_slopes(shape: Shape, flat: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """A critic's values (L, R) and input gradients (L, R, inputs) at points (L, R, inputs), on the processor."""
    if not _has_passes(shape):
        blocks = (input_gradient(shape, flat, block) for block in points.split(ROWS, dim=1))
        found, slopes = (torch.cat(parts, dim=1) for parts in zip(*blocks, strict=True))
        return found, slopes
    found, slopes = points.new_empty(points.shape[:-1]), torch.empty_like(points)

    def block(one: Pass, lane: slice, rows: slice) -> None:
        one.forward()
        found[lane, rows] = one.values[..., 0]
        one.seeds.fill_(1)
        one.backward()
        slopes[lane, rows] = one.slopes()

    _by_blocks(shape, flat, points, block)
    return found, slopes


def _has_passes(shape: Shape) -> bool:
    """Whether the activation is piecewise linear, as passes without autograd need it."""
    return ACTIVATIONS[shape.activation].gate is not None


def _by_blocks(shape: Shape, flat: Tensor, points: Tensor, look: Callable[[Pass, slice, slice], None]) -> None:
    """``look(pass, lane, rows)`` at each block of each lane's points, with which the pass is filled.

    Lanes go one by one, since what stands beside one in a stack may change how it is rounded.
    """
    weights, whole = _pass_of(shape, flat.dtype)
    for lane in range(len(points)):
        weights.copy_(flat[lane : lane + 1])
        for start in range(0, points.shape[1], ROWS):
            rows = slice(start, min(start + ROWS, points.shape[1]))
            count = rows.stop - rows.start
            one = whole if count == ROWS else whole.rows(0, count)
            one.points.copy_(points[lane : lane + 1, rows])
            look(one, slice(lane, lane + 1), rows)


def _pass_of(shape: Shape, dtype: torch.dtype) -> tuple[Tensor, Pass]:
    """A pass at as many points as a block has, which is this thread's own, and the weights it reads."""
    few = 2 * ROWS * sum(shape.widths) + shape.parameters <= _MOST
    return _kept.pass_of(shape, dtype) if few else _new_pass(shape, dtype)


def _new_pass(shape: Shape, dtype: torch.dtype) -> tuple[Tensor, Pass]:
    weights = torch.empty(1, shape.parameters, dtype=dtype)
    # Nobody asks for weight gradients here.
    return weights, Pass(shape, weights, weights.new_empty(0), ROWS)


class _Kept(threading.local):
    def __init__(self) -> None:
        self.pass_of = functools.lru_cache(maxsize=_KEPT)(_new_pass)


_kept = _Kept()
