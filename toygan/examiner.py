"""Examiner: asks workers to examine the critics of runs, about once a second while they train, and keeps what it gets.

Nothing here waits: what is not there yet is asked for, and looked for again by the next tick.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from toygan import worker
from toygan.engine import Engine, Run
from toygan.examination import Examination, Ideal
from toygan.recipe import Recipe
from toygan.state import State

log = logging.getLogger(__name__)

#: Seconds between two examinations of a run.
EVERY = 1.0

#: Examinations that are kept: of four runs, as many as they have kept states.
_KEPT = 160

Answer = TypeVar("Answer")


class _Asked(Generic[Answer]):
    """Answers of workers by key, at most ``kept`` of them, and what is under way."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._waiting: dict[Any, Future[Answer]] = {}
        self.answers: OrderedDict[Any, Answer | None] = OrderedDict()

    def ask(self, key: Any, future: Future[Answer]) -> None:
        self._waiting[key] = future
        self.collect()

    def collect(self) -> None:
        for key in [key for key, future in self._waiting.items() if future.done()]:
            self.answers[key] = _answer(self._waiting.pop(key))
        while len(self.answers) > self._kept:
            self.answers.popitem(last=False)

    def waiting(self, key: Any) -> bool:
        return key in self._waiting

    def knows(self, key: Any) -> bool:
        return key in self.answers or key in self._waiting


def _answer(future: Future[Answer]) -> Answer | None:
    """What a worker gave, or None: a figure can do without."""
    try:
        return future.result()
    except Exception as error:  # A worker may die, or the numbers may have overflowed.
        log.warning("an examination failed: %s", error)
        return None


class Examiner:
    """One session's examinations of runs, by run and step: of the states that the engine keeps, and of step 0."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._now = now
        self._found: _Asked[Examination] = _Asked(_KEPT)
        self._ideals: _Asked[Ideal] = _Asked(8)
        self._asked_at: dict[str, float] = {}
        self._busy: dict[str, int] = {}

    def history(self, run: Run, step: int) -> list[Examination]:
        """The examinations of a run at or before ``step``, rising; asks for one more where there can be one.

        The newest first, then those between: a run that was trained before has its whole way examined bit by bit.
        """
        self._found.collect()
        wanted = self._unknown(run, step)
        if wanted is not None and self._free(run):
            at, state = wanted
            self._busy[run.key], self._asked_at[run.key] = at, self._now()
            self._found.ask((run.key, at), self._engine.ask(worker.examine, run.recipe, state))
        known = {at: found for (key, at), found in self._found.answers.items() if key == run.key and at <= step}
        return [found for _, found in sorted(known.items()) if found is not None]

    def settled(self, run: Run, step: int) -> bool:
        """Whether nothing more is to be had up to ``step``."""
        at = self._busy.get(run.key)
        return not self._found.waiting((run.key, at)) and self._unknown(run, step) is None

    def ideal(self, run: Run) -> Ideal | None:
        """The best critic for a run's clouds, which of a frozen generator stay the same; asks for it the first time."""
        self._ideals.collect()
        key = _clouds(run.recipe)
        if not self._ideals.knows(key):
            self._ideals.ask(key, self._engine.ask(worker.ideal, run.recipe))
        return self._ideals.answers.get(key)

    def _unknown(self, run: Run, step: int) -> tuple[int, State | None] | None:
        """The newest state at or before ``step`` that nobody examined, with its step; at 0 there is always one."""
        while True:
            state = self._engine.state_before(run, step)
            at = 0 if state is None else state.step
            if not self._found.knows((run.key, at)):
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
