"""The state of a run and what its steps reported: plain arrays, picklable, without a framework."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Each array of a state, and which of its axes is the lanes'.
_AXES = {
    "seeds": 0,
    "critic": 0,
    "generator": 0,
    "average": 0,
    "critic_moments": 1,
    "generator_moments": 1,
    "vectors": 0,
    "failed_at": 0,
}


@dataclass
class State:
    """All that a run carries from step to step: arrays alone, L lanes first.

    ``critic``, ``generator`` and ``average`` are flat weights (L, P); the moments are (2, L, P); ``vectors`` (L, S)
    belong to spectral normalisation. ``average`` is the generator that is shown and measured: the running average,
    or the generator itself when there is none. ``failed_at`` (L,) is the step, counted from 1, in which a lane's loss
    stopped being finite, or -1. The arrays' dtype is the precision training runs in.
    """

    step: int
    seeds: np.ndarray
    critic: np.ndarray
    generator: np.ndarray
    average: np.ndarray
    critic_moments: np.ndarray
    generator_moments: np.ndarray
    critic_updates: int
    generator_updates: int
    vectors: np.ndarray
    failed_at: np.ndarray

    @property
    def lanes(self) -> int:
        """How many replicates are stacked, L."""
        return len(self.seeds)

    def lane(self, index: int) -> State:
        """One replicate alone."""
        return self.some(index, index + 1)

    def some(self, start: int, stop: int) -> State:
        """The replicates from ``start`` up to ``stop``."""
        return self._arrays(lambda name: getattr(self, name)[(slice(None),) * _AXES[name] + (slice(start, stop),)])

    def joined(self, others: Sequence[State]) -> State:
        """This state's replicates, and behind them those of others at the same step."""
        states = [self, *others]
        return self._arrays(lambda name: np.concatenate([getattr(each, name) for each in states], axis=_AXES[name]))

    def _arrays(self, change: Callable[[str], np.ndarray]) -> State:
        arrays: dict[str, Any] = {name: change(name) for name in _AXES}
        return dataclasses.replace(self, **arrays)

    @functools.cached_property
    def nbytes(self) -> int:
        """Size of all arrays, in bytes."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return sum(value.nbytes for value in values if isinstance(value, np.ndarray))


@dataclass(frozen=True)
class Trace:
    """What each step reported, (steps, L): the losses of its last critic update and of its generator update.

    ``penalty`` is the weighted penalty, which ``critic_loss`` includes.
    """

    critic_loss: np.ndarray
    penalty: np.ndarray
    generator_loss: np.ndarray

    def joined(self, others: Sequence[Trace]) -> Trace:
        """These lanes, and behind them those of others over the same steps."""
        names = [field.name for field in dataclasses.fields(self)]
        return Trace(*(np.concatenate([getattr(each, name) for each in (self, *others)], axis=1) for name in names))
