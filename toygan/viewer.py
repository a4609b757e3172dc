"""Viewer: what one browser session watches, and how far it has been shown.

It knows nothing of Streamlit: the page's buttons call its verbs, the page's channel sends what ``tick`` returns. These
are different threads, and take turns.
Runs are shared, so a viewer has a position of its own in each: the step it has been shown so far.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from threading import RLock
from typing import Any

from toygan.branches import Branch, tree_of
from toygan.diagnosis import Diagnosis, diagnose
from toygan.engine import CHUNK, Engine, News, Run, index_after
from toygan.locks import alone
from toygan.messages import BULK, Outbox, floor_entry, join
from toygan.methods import METHODS
from toygan.recipe import KNOBS, MAX_STEPS, Recipe
from toygan.record import Keyframe


@dataclass(frozen=True)
class Speed:
    """How fast a viewer plays: at most ``stride`` steps between keyframes and ``keyframes`` of them a tick.

    Where they lie close together, there are as many a tick as ``seconds`` of training made.
    """

    title: str
    stride: int
    keyframes: int
    seconds: float = 0.0


SPEEDS: dict[str, Speed] = {
    "slow": Speed("Slow", 1, 1),
    "medium": Speed("Medium", 10, 1),
    "full": Speed("Full", MAX_STEPS, 3, 3 * CHUNK),
}


class Viewer:
    """One session's recipe, position and wishes."""

    def __init__(self, engine: Engine, recipe: Recipe) -> None:
        self.engine = engine
        self.recipe = recipe
        self.name = uuid.uuid4().hex
        self.lock = RLock()
        self.playing = False
        self.goal: int | None = None
        self.speed = "full"
        self.keep_weights = False
        self.previous: Recipe | None = None
        self.notice: str | None = None
        self.show: int | None = None
        self._cursors: dict[str, int] = {}
        self._outbox = Outbox()
        self._of_method: dict[str, Recipe] = {}
        self._diagnosed: tuple[Keyframe | None, Diagnosis | None] = (None, None)
        self._hurry = False
        self._repeats = 0
        self.news: News = lambda: None

    @property
    def run(self) -> Run:
        """The run watched, as far as it is known."""
        return self.engine.open(self.recipe)

    @property
    def cursor(self) -> int:
        """The step shown last, 0 at the start."""
        return self._cursors.get(self.recipe.key, 0)

    @property
    def live(self) -> bool:
        """Whether ticks have something to do: play, wait for a first keyframe or a measurement, or say it again.

        The last word is said twice, since a message can be lost on its way to the page and only a later one tells.
        """
        return self._repeats < 2 or self._waiting()

    @property
    def eager(self) -> bool:
        """Whether nothing is shown yet of what is asked for."""
        if self.playing:
            return self.cursor == 0 or self.goal is not None
        return not self.run.keyframes

    @property
    def patient(self) -> bool:
        """Whether all that is known of the run is shown: a tick would find nothing until ``news`` is called."""
        run = self.run
        if not run.keyframes:
            return run.error is None
        return self.playing and run.error is None and self.cursor >= run.frontier and not self._unsent(run)

    def _waiting(self) -> bool:
        run = self.run
        if run.error is not None:
            return False
        if self.playing or not run.keyframes or self._unsent(run):
            return True
        if self.floor is None and self.engine.computing_floor(self.recipe):
            return True
        return self._measurable(run) and self._measured(run) is None and self.engine.measuring(run, self.cursor)

    @property
    def floor(self) -> tuple[float, float] | None:
        """W1's noise floor at the live size, once it is known."""
        return self.engine.floor(self.recipe)

    @alone
    def play(self) -> None:
        """Go on training from where one is."""
        self.notice = None
        if self.run.error is not None:
            self.engine.forget(self.run)
        self.playing, self.goal, self.show, self._hurry = True, None, None, False

    @alone
    def pause(self) -> None:
        """Ask for nothing more."""
        self.notice = None
        self._stop()

    def _stop(self) -> None:
        self.playing, self.goal = False, None
        self.engine.leave(self.run, self.name)

    @alone
    def step(self) -> None:
        """Go one generator step on, then pause; a step that is still on its way counts."""
        self.notice = None
        reached = self.goal if self.playing and self.goal is not None else self.cursor
        self.go_to(reached + 1)

    @alone
    def go_to(self, step: int, hurry: bool = False) -> None:
        """Play until ``step`` and pause there; ``hurry`` sends what is known at once."""
        self.goal, self.show = min(step, MAX_STEPS), None
        self.playing, self._hurry = self.goal > self.cursor, hurry
        if not self.playing:
            self.goal = None

    @alone
    def reset(self) -> None:
        """Back to step 0, paused. What was computed is kept and plays again at once."""
        self.pause()
        self.engine.forget(self.run)
        self._cursors.pop(self.recipe.key, None)
        self._outbox.forget(self.run)
        self.show = 0

    @alone
    def branch_from(self, step: int) -> None:
        """Go back to ``step``, paused, so that the next change goes on from there with the weights of then."""
        self.pause()
        known = self.run.until(min(step, self.cursor))
        if known:
            self._cursors[self.recipe.key] = self.show = known[-1].step
            self.keep_weights = True

    @alone
    def tree(self) -> list[Branch]:
        """The runs that went on from one another, this one among them."""
        known = self.engine.family(self.recipe)
        return tree_of(self.recipe, {**known, self.recipe: max(known.get(self.recipe, 0), self.cursor)})

    @alone
    def watch(self, recipe: Recipe) -> None:
        """Watch another recipe: a known one at the step last seen, a new one as far as this one has come.

        Who is playing without a goal goes on playing there.
        """
        if recipe == self.recipe:
            return
        reached = self.cursor if self.goal is None else self.goal
        open_ended = self.playing and self.goal is None
        self._stop()
        self._repeats = 0
        self._of_method[self.recipe.method] = self.recipe
        self.previous, self.recipe = self.recipe, recipe
        seen = recipe.key in self._cursors
        self._cursors.setdefault(recipe.key, 0)
        self.show = self.cursor if seen else None
        if open_ended:
            self.playing = True
        elif not seen and reached > 0:
            self.go_to(reached)

    @alone
    def change(self, **fields: Any) -> None:
        """Change fields: a new run from the same seed, or with ``keep_weights`` an intervention at this step.

        Raises ``ValueError`` with a sentence when the result is no valid recipe; nothing changes then.
        """
        changed = {name: value for name, value in fields.items() if getattr(self.recipe.at(self.cursor), name) != value}
        if not changed:
            return
        obstacle = self._obstacle(changed) if self.keep_weights else None
        if self.keep_weights and self.cursor > 0 and obstacle is None:
            self._branch(self.recipe.intervene(self.cursor, **changed))
            return
        values = {**self.recipe.at(self.cursor).to_json(), **changed}
        if "data" in changed and "data_parameters" not in changed:
            values["data_parameters"] = {}
        self.watch(Recipe.from_json(values))
        self.notice = obstacle and f"{obstacle}: this is a new run."

    def _obstacle(self, changed: Iterable[str]) -> str | None:
        """Why a change cannot keep the weights, if it cannot."""
        fixed = next((name for name in changed if name not in KNOBS or not KNOBS[name].changeable), None)
        if fixed is not None:
            label = KNOBS[fixed].label if fixed in KNOBS else "The shape of the data"
            return f"{label} cannot change while keeping the weights"
        return "The weights of a run that overflowed cannot be kept" if self._ended(self.run) else None

    @alone
    def pick_method(self, key: str) -> None:
        """Another method: its own defaults, or what it was last tuned to here; all else as it is."""
        tuned = self._of_method.get(key)
        owned = _owned_fields()
        source = Recipe(method=key) if tuned is None else tuned.at(0)
        self.change(method=key, **{name: getattr(source, name) for name in owned})

    def _branch(self, recipe: Recipe) -> None:
        """Watch a recipe that agrees with this one up to the cursor, from the cursor on."""
        cursor = self.cursor
        if self.engine.branch(self.run, recipe, cursor):
            self._cursors[recipe.key] = cursor
            self.watch(recipe)
        else:
            self.watch(recipe)
            self.go_to(cursor, hurry=True)

    @alone
    def resend(self, key: str, after: int) -> None:
        """The browser lacks what came after step ``after`` of a run."""
        self._repeats = 0
        self._outbox.lacks(key, after)

    @alone
    def tick(self) -> bytes:
        """Renew interest, move on, and give the message for the browser."""
        run = self.run
        if self.playing:
            self._want(run)
            self._move(run)
        elif not run.keyframes:
            self.engine.listen(run, self.name, self.news)
        if self._ended(run):
            self.playing = False
        message = self._message(run)
        self._repeats = 0 if self._waiting() else self._repeats + 1
        return message

    def _want(self, run: Run) -> None:
        speed = SPEEDS[self.speed]
        goal = MAX_STEPS if self.goal is None else self.goal
        next_step = min(self.cursor + speed.stride, goal)
        # On known ground the keyframes of full speed lie too far apart for a slower one, or for a single step.
        if next_step <= run.frontier and (not self.engine.visit(run, next_step) or goal <= run.frontier):
            self.engine.listen(run, self.name, self.news)
            return
        cursor = run.frontier if self._hurry else self.cursor
        self.engine.watch(run, self.name, cursor, goal, speed.stride, self.news)

    def _move(self, run: Run) -> None:
        speed = SPEEDS[self.speed]
        most = BULK if self._hurry else speed.keyframes
        keyframes = run.keyframes
        first = index_after(keyframes, self.cursor)
        goal = MAX_STEPS if self.goal is None else self.goal
        limit = min(self.cursor + speed.stride, goal)
        until = run.seconds_at(self.cursor) + speed.seconds
        due = [
            keyframe
            for number, keyframe in enumerate(keyframes[first : first + BULK])
            if keyframe.step <= limit and (number < most or keyframe.seconds <= until)
        ]
        if due:
            self._cursors[self.recipe.key] = due[-1].step
        if self.cursor >= goal:
            self._stop()

    def _unsent(self, run: Run) -> bool:
        return self._outbox.sent(run) < self.cursor

    def _measurable(self, run: Run) -> bool:
        return not self.playing and self.cursor > 0 and not run.failed

    def _measured(self, run: Run) -> dict[str, Any] | None:
        found = self.engine.measure(run, self.cursor) if self._measurable(run) else None
        return found[0] if found else None

    def _message(self, run: Run) -> bytes:
        return join([self._outbox.part(run, self.cursor, self._status(run))])

    def _status(self, run: Run) -> dict[str, Any]:
        found = self._diagnosis(run)
        rate = run.steps_per_second
        return {
            "steps_per_second": None if rate is None else round(rate, 1),
            "state": self._state(run),
            "played": self.cursor,
            "goal": self.goal,
            "message": run.error,
            "diagnosis": None if found is None else found._asdict(),
            "frontier": run.frontier,
            "measured": self._measured(run),
            "floor": floor_entry(self.floor),
        }

    def _diagnosis(self, run: Run) -> Diagnosis | None:
        """What is certain of the run as far as it is shown; looked at again only when that changes."""
        shown = run.until(self.cursor)
        if not shown or not run.recipe.trains_generator:
            return None
        if self._diagnosed[0] is not shown[-1]:
            self._diagnosed = shown[-1], diagnose(shown)
        return self._diagnosed[1]

    def _ended(self, run: Run) -> bool:
        """Whether this run cannot go on from where the viewer is."""
        return run.error is not None or (run.failed and self.cursor >= run.frontier)

    def _state(self, run: Run) -> str:
        if self._ended(run):
            return "failed"
        if not run.keyframes:
            return "preparing"
        if not self.playing:
            return "paused"
        return "rebuilding" if self._hurry else "training"


def _owned_fields() -> set[str]:
    """The fields some method has an opinion on: they follow the method when it is flipped."""
    return {name for method in METHODS.values() for name in method.defaults} | {"penalty_weight", "clip", "optimizer"}
