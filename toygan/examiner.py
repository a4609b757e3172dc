"""Examiner: asks workers to examine the critics of runs, about once a second while they train, and keeps what it gets.

Nothing here waits: what is not there yet is asked for, and looked for again by the next tick.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from toygan import worker
from toygan.asked import Asked
from toygan.engine import Engine, Run
from toygan.examination import Examination, Ideal
from toygan.recipe import Recipe
from toygan.state import State

#: Seconds between two examinations of a run.
EVERY = 1.0

#: Examinations that are kept: of four runs, as many as they have kept states.
_KEPT = 160


class Examiner:
    """One session's examinations of runs, by run and step: of the states that the engine keeps, and of step 0."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._now = now
        self._found: Asked[Examination] = Asked(_KEPT)
        self._ideals: Asked[Ideal] = Asked(8)
        self._asked_at: dict[str, float] = {}
        self._busy: dict[str, int] = {}

    def history(self, run: Run, step: int) -> list[Examination]:
        """The examinations of a run at or before ``step``, rising; asks for one more where there can be one.

        The newest first, then those between: a run that was trained before has its whole way examined bit by bit.
        """
        wanted = self._unknown(run, step)
        if wanted is not None and self._free(run):
            at, state = wanted
            self._busy[run.key], self._asked_at[run.key] = at, self._now()
            self._found.ask((run.key, at), partial(self._engine.ask, worker.examine, run.recipe, state))
        known = {at: found for (key, at), found in self._found.answers().items() if key == run.key and at <= step}
        return [found for _, found in sorted(known.items())]

    def settled(self, run: Run, step: int) -> bool:
        """Whether nothing more is to be had up to ``step``: all of it is there, or failed for good."""
        at = self._busy.get(run.key)
        return not self._found.waiting((run.key, at)) and self._unknown(run, step) is None

    def ideal(self, run: Run) -> Ideal | None:
        """The best critic for a run's clouds, which of a frozen generator stay the same; asks for it the first time."""
        key = _clouds(run.recipe)
        self._ideals.ask(key, partial(self._engine.ask, worker.ideal, run.recipe))
        return self._ideals.answers().get(key)

    def ideal_settled(self, run: Run) -> bool:
        """Whether that critic is there, or failed for good."""
        return self._ideals.settled(_clouds(run.recipe))

    def _unknown(self, run: Run, step: int) -> tuple[int, State | None] | None:
        """The newest state at or before ``step`` that nobody examined, with its step; at 0 there is always one."""
        while True:
            state = self._engine.state_before(run, step)
            at = 0 if state is None else state.step
            if not self._found.settled((run.key, at)) and not self._found.waiting((run.key, at)):
                return at, state
            if at == 0:
                return None
            step = at - 1

    def _free(self, run: Run) -> bool:
        """Whether a run may be examined now: one examination at a time, and not too often."""
        if self._found.waiting((run.key, self._busy.get(run.key))):
            return False
        return self._now() - self._asked_at.get(run.key, -EVERY) >= EVERY


def _clouds(recipe: Recipe) -> tuple[Any, ...]:
    """What the clouds of a frozen generator depend on."""
    return recipe.data, recipe.data_parameters, recipe.generator, recipe.seed
