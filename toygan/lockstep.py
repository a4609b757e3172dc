"""Lockstep: one session's comparison, and how far it has been shown; the counterpart of ``viewer`` for several runs.

All runs stand at the same reading of the comparison's clock. It knows nothing of Streamlit: the page's buttons call its
verbs, the page's channel sends what ``tick`` returns. These are different threads, and take turns.
"""

from __future__ import annotations

import dataclasses
import math
import time
import uuid
from collections.abc import Callable
from threading import RLock
from typing import Any

from toygan import messages
from toygan.clocks import CLOCKS, Clock
from toygan.comparison import Comparison
from toygan.engine import Engine, News, Run, index_after
from toygan.locks import alone
from toygan.ranking import Contender, Ranking, rank
from toygan.recipe import MAX_STEPS
from toygan.record import seeds_of

#: Keyframes of each run that one tick moves on by at most, over ground that is known already.
_KEYFRAMES = 3

#: Seconds between two rankings while the runs are on their way.
_RANK_EVERY = 1.0


class Lockstep:
    """One session's comparison, reading and wishes.

    Until the goal a run has at least so many ``keyframes``. Where it is ``judged``, runs are ranked and, at rest,
    measured.
    """

    keyframes = 1
    judged = True

    def __init__(self, engine: Engine, comparison: Comparison, now: Callable[[], float] = time.monotonic) -> None:
        self.engine = engine
        self.comparison = comparison
        self.name = uuid.uuid4().hex
        self.lock = RLock()
        self.playing = False
        self.goals: dict[str, int] = {}
        self.notice: str | None = None
        self._now = now
        self._readings: dict[tuple[str, str], float] = {}
        self._outbox = messages.Outbox()
        self._seen: dict[str, int] = {}
        self._ranked: tuple[Any, dict[str, Any] | None] = (None, None)
        self._ranked_at = -math.inf
        self._repeats = 0
        self.news: News = lambda: None

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs compared, as far as they are known."""
        return tuple(self.engine.open(recipe, self.comparison.replicates) for recipe in self.comparison.recipes)

    @property
    def clock(self) -> Clock:
        """What the runs do equally much of."""
        return CLOCKS[self.comparison.clock]

    @property
    def goal(self) -> int:
        """The reading to stop at."""
        return self.goals.get(self.comparison.clock, self.clock.usual)

    @property
    def reading(self) -> float:
        """Where all runs stand by the clock, 0 at the start."""
        return self._readings.get((self.comparison.key, self.comparison.clock), 0.0)

    @property
    def steps(self) -> tuple[int, ...]:
        """Where each run stands, in whole generator steps."""
        return tuple(self._step(run) for run in self.runs)

    @property
    def live(self) -> bool:
        """Whether ticks have something to do; the last word is said twice, since a message can be lost."""
        return self._repeats < 2 or self._waiting()

    @property
    def eager(self) -> bool:
        """Whether nothing is shown yet of what is asked for."""
        return self.reading == 0 and (self.playing or any(not run.keyframes for run in self.runs))

    @property
    def patient(self) -> bool:
        """Whether all that is known of the runs is shown: a tick would find nothing until ``news`` is called."""
        runs = self.runs
        if any(run.error is not None or self._outbox.sent(run) < self._step(run) for run in runs if run.keyframes):
            return False
        if any(not run.keyframes for run in runs):
            return True
        return self.playing and self.reading >= self._reached(runs)

    @alone
    def play(self) -> None:
        """Go on training all runs."""
        self.notice = None
        for run in self.runs:
            self.engine.forget(run)
        if self.reading >= self.goal:
            self.notice = f"The runs have come to {self.goal:,} {self.clock.unit}: raise Stop at to go on."
            return
        self.playing = True

    @alone
    def pause(self) -> None:
        """Ask for nothing more."""
        self.notice = None
        self._stop()

    @alone
    def reset(self) -> None:
        """Back to step 0, paused. What was computed is kept and plays again at once."""
        self.pause()
        for run in self.runs:
            self.engine.forget(run)
            self._outbox.forget(run)
        self._readings.pop((self.comparison.key, self.comparison.clock), None)

    @alone
    def watch(self, comparison: Comparison) -> None:
        """Compare something else; runs that are known are shown as far as the comparison was seen before."""
        if comparison == self.comparison:
            return
        playing = self.playing
        self._stop()
        self.notice = None
        self.comparison = comparison
        self.playing = playing and self.reading < self.goal
        self._ranked, self._ranked_at, self._repeats = (None, None), -math.inf, 0

    @alone
    def change(self, **fields: Any) -> None:
        """Change fields of the comparison itself; raises ``ValueError`` when that is none.

        By another clock the runs stand where all of them have been seen.
        """
        before = {run.key: self._step(run) for run in self.runs}
        self.watch(dataclasses.replace(self.comparison, **fields))
        self._stand_at(min(self.clock.reading(run, before.get(run.key, 0)) for run in self.runs))

    @alone
    def go_to_known(self) -> None:
        """Stand as far on as all runs have come, whoever trained them."""
        self._stand_at(min(self.clock.reading(run, max(run.frontier, 0)) for run in self.runs))

    def _stand_at(self, reading: float) -> None:
        self._readings[self.comparison.key, self.comparison.clock] = max(reading, self.reading)

    @alone
    def stop_at(self, goal: int) -> None:
        """The reading to stop at, by the present clock."""
        self.goals[self.comparison.clock] = goal
        self._repeats = 0

    @alone
    def resend(self, key: str, after: int) -> None:
        """The browser lacks what came after step ``after`` of a run."""
        self._repeats = 0
        self._outbox.lacks(key, after)

    @alone
    def tick(self) -> bytes:
        """Renew interest, move on, and give the message for the browser."""
        runs = self.runs
        if self.playing:
            self._want(runs)
            self._move(runs)
        else:
            for run in runs:
                if not run.keyframes:
                    self.engine.listen(run, self.name, self.news)
        # Distances on few points and on many do not go side by side: the latter are told once all runs have them.
        measuring = self._progress(runs)
        parts = [self._part(run, measuring is None) for run in runs]
        message = messages.join(parts, self._page(runs, measuring))
        self._repeats = 0 if self._waiting() else self._repeats + 1
        return message

    def _stop(self) -> None:
        self.playing = False
        for run in self.runs:
            self.engine.leave(run, self.name)

    def _step(self, run: Run) -> int:
        return min(int(self.clock.step(run, self.reading) + 1e-9), max(run.frontier, 0))

    def _waiting(self) -> bool:
        if self.playing:
            return True
        for run in self.runs:
            step = self._step(run)
            if run.error is not None:
                continue
            if not run.keyframes or self._outbox.sent(run) < step:
                return True
            if self._measurable(run) and not self._measured(run) and self.engine.measuring(run, step):
                return True
        return any(
            self.engine.floor(recipe) is None and self.engine.computing_floor(recipe)
            for recipe in self.comparison.recipes
        )

    def _want(self, runs: tuple[Run, ...]) -> None:
        for run in runs:
            # By time nobody knows the step beforehand; there the move stops at the goal.
            until = MAX_STEPS if self.comparison.clock == "seconds" else math.ceil(self.clock.step(run, self.goal))
            until = min(until, MAX_STEPS)
            self.engine.watch(run, self.name, self._step(run), until, until // self.keyframes, self.news)

    def _move(self, runs: tuple[Run, ...]) -> None:
        """On to where all runs have come that can still go on, a few keyframes at a time."""
        going = self._going(runs)
        if not going:
            self._stop()
            return
        if any(not run.keyframes for run in runs):
            return
        near = max(self._ahead(run) for run in going)
        reading = min(self._reached(runs), near, self.goal)
        self._readings[self.comparison.key, self.comparison.clock] = max(reading, self.reading)
        if self.reading >= self.goal:
            self._stop()

    def _going(self, runs: tuple[Run, ...]) -> list[Run]:
        return [run for run in runs if not self._ended(run)]

    def _reached(self, runs: tuple[Run, ...]) -> float:
        """The reading to which all have come that can still go on."""
        return min((self.clock.reading(run, run.frontier) for run in self._going(runs)), default=0.0)

    def _ahead(self, run: Run) -> float:
        """The reading a few keyframes on."""
        keyframes = run.keyframes
        index = min(index_after(keyframes, self._step(run)) + _KEYFRAMES - 1, len(keyframes) - 1)
        return self.clock.reading(run, keyframes[index].step)

    def _ended(self, run: Run) -> bool:
        return run.error is not None or run.failed or run.frontier >= MAX_STEPS

    def _part(self, run: Run, tell: bool) -> messages.Part:
        """What is due of a run, and one keyframe more: the picture between two of them needs both."""
        step = self._step(run)
        if tell and self._measured(run) and self._seen.get(run.key) != step:
            # Measuring went back to this very step: its keyframe lies before what was sent already.
            self._seen[run.key] = step
            self._outbox.lacks(run.key, min(self._outbox.sent(run), step - 1))
        keyframes = run.keyframes
        index = index_after(keyframes, step)
        upto = keyframes[index].step if index < len(keyframes) else step
        return self._outbox.part(run, upto, self._status(run, step, tell))

    def _status(self, run: Run, step: int, tell: bool) -> dict[str, Any]:
        measured = self._measured(run) if tell else None
        return {
            "step": step,
            "state": "failed" if run.failed or run.error is not None else "preparing" if not run.keyframes else "ready",
            "message": run.error,
            "measured": _together(measured) if measured else None,
            "floor": messages.floor_entry(self.engine.floor(run.recipe)),
        }

    def _measurable(self, run: Run) -> bool:
        return self.judged and not self.playing and self._step(run) > 0 and not run.failed

    def _measured(self, run: Run) -> tuple[dict[str, Any], ...] | None:
        return self.engine.measure(run, self._step(run)) if self._measurable(run) else None

    def _page(self, runs: tuple[Run, ...], measuring: str | None) -> dict[str, Any]:
        return {
            "comparison": self.comparison.key,
            "clock": self.comparison.clock,
            "reading": self.reading,
            "goal": self.goal,
            "state": "training" if self.playing else "paused",
            "measuring": measuring,
            "ranking": self._ranking(runs),
        }

    def _progress(self, runs: tuple[Run, ...]) -> str | None:
        """How far the measurements of a comparison at rest are."""
        wanted = [run for run in runs if self._measurable(run)]
        done = sum(bool(self._measured(run)) for run in wanted)
        going = any(self.engine.measuring(run, self._step(run)) for run in wanted)
        return f"Measuring: {done} of {len(wanted)} runs done" if going and done < len(wanted) else None

    def _ranking(self, runs: tuple[Run, ...]) -> dict[str, Any] | None:
        """The table, taken anew when something in it changed, at most once a second."""
        if not self.judged or any(not run.keyframes for run in runs):
            return None
        mark = (self.comparison, self.reading, self.playing, tuple(bool(self._measured(run)) for run in runs))
        known, found = self._ranked
        if mark == known or (self.playing and self._now() - self._ranked_at < _RANK_EVERY):
            return found
        found = self.rank().to_json()
        self._ranked, self._ranked_at = (mark, found), self._now()
        return found

    def rank(self) -> Ranking:
        """The runs in order, as they stand."""
        comparison = self.comparison
        contenders = [
            Contender(
                name=title,
                seeds=seeds_of(recipe, comparison.replicates),
                keyframes=run.until(self._step(run)),
                measured=self._measured(run),
                floor=self.engine.floor(recipe),
                failed_at=run.failed_at,
            )
            for title, recipe, run in zip(comparison.titles, comparison.recipes, self.runs, strict=True)
        ]
        ranking = rank(contenders)
        if not self.reading:
            return dataclasses.replace(ranking, pairs=(), verdicts=("Nothing is trained yet.",))
        if not comparison.same_data:
            sentence = "These runs learn different data: a lower distance does not mean a better method."
            return dataclasses.replace(ranking, pairs=(), verdicts=(sentence,))
        return ranking


def _together(lanes: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """One seed's measurements, or of several the means of what a panel says."""
    if len(lanes) == 1:
        return lanes[0]
    means = {name: _mean([lane.get(name) for lane in lanes]) for name in ("w1", "modes", "high_quality")}
    return {**means, "n": lanes[0]["n"], "step": lanes[0]["step"]}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
