"""The state of a run and what its steps reported: plain arrays, picklable, without a framework."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np


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
        one = slice(index, index + 1)
        return dataclasses.replace(
            self,
            seeds=self.seeds[one],
            critic=self.critic[one],
            generator=self.generator[one],
            average=self.average[one],
            critic_moments=self.critic_moments[:, one],
            generator_moments=self.generator_moments[:, one],
            vectors=self.vectors[one],
            failed_at=self.failed_at[one],
        )

    @property
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
