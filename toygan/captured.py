"""Iterations recorded once and kept, so that a run's next chunk, and other runs of its recipe, replay them."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from functools import partial

import torch
from torch import Tensor

from toygan.draws import Draws
from toygan.graphs import record
from toygan.iteration import Iteration, Pace, Plan, Variables
from toygan.recipe import Recipe

#: How many a process keeps: those of one run with some interventions, or of a few runs that take turns.
KEPT = 4

#: Whoever trains by what is kept here holds this: it works in tensors that all share, and two cannot capture at a time.
IN_USE = threading.Lock()

#: What two iterations have in common that can be replayed for each other: recipe, whether there is instance noise,
#: lanes, precision, device. The recipe is without its seed, which only draws and first weights follow from.
_Key = tuple[Recipe, bool, int, torch.dtype, torch.device]

_kept: OrderedDict[_Key, Captured] = OrderedDict()


class Captured:
    """A recorded iteration, to be called like an ``Iteration``: each call is a replay, on ``variables`` of its own."""

    def __init__(self, plan: Plan, variables: Variables, draws: Draws, pace: Pace) -> None:
        like = variables.critic
        # Autograd records what reads them, which it cannot for tensors made in inference mode.
        with torch.inference_mode(False):
            self.variables = variables.clone()
        self._draws = draws.clone()
        # On CUDA the fused Adam takes its rate in single precision; elsewhere Python's precision makes the same bits.
        self._on_cuda = like.device.type == "cuda"
        dtype = torch.float32 if self._on_cuda else torch.float64
        self._numbers = torch.tensor(pace.numbers(), dtype=dtype, device=like.device)
        self._losses = like.new_zeros(3, len(like))
        iterate = Iteration(plan, self.variables)
        inputs = Pace.read(self._numbers, pace.noise is not None)
        self._recording = record(partial(iterate, self._draws, inputs, self._losses), like.device)

    def __call__(self, draws: Draws, pace: Pace, losses: Tensor) -> None:
        """See ``Iteration``; nothing here waits for the device."""
        numbers = torch.tensor(pace.numbers(), dtype=self._numbers.dtype, pin_memory=self._on_cuda)
        self._numbers.copy_(numbers, non_blocking=True)
        torch._foreach_copy_(self._draws.tensors(), draws.tensors())
        self._recording.replay()
        losses.copy_(self._losses)


def forget(device: torch.device) -> None:
    """Drop all recordings, after a capture that failed; what comes next runs on the device's usual stream again."""
    _kept.clear()
    if device.type == "cuda":
        torch.cuda.set_stream(torch.cuda.default_stream(device))


def captured(plan: Plan, variables: Variables, draws: Draws, pace: Pace) -> Captured:
    """The recording of a plan's iteration, made anew where none is kept; it goes on from ``variables``.

    ``draws`` and ``pace`` show which there are and of what shape; their values do not matter.
    """
    weights, recipe = variables.critic, dataclasses.replace(plan.recipe, seed=0, interventions=())
    key = recipe, pace.noise is not None, len(weights), weights.dtype, weights.device
    found = _kept.pop(key, None) or Captured(plan, variables, draws, pace)
    _kept[key] = found
    while len(_kept) > KEPT:
        _kept.popitem(last=False)
    found.variables.take(variables)
    return found
