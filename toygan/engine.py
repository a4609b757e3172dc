"""Engine: shared runs, trained on demand by any executor.

Equal recipes are one run, whoever watches. A viewer's tick renews its interest; while some interest is fresh the
engine keeps a few keyframes ahead of the viewer, each completed chunk submitting the next. Nobody watching means
nothing is computed. Chunks travel by value, so that a worker that dies costs no more than those in flight, which are
asked for again.

Everything here is thread-safe: chunks complete on the executor's own thread.
"""

from __future__ import annotations

import bisect
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from toygan import worker
from toygan.blame import FairExecutor
from toygan.metrics.sizes import LIVE_POINTS, PAUSED_POINTS
from toygan.recipe import MAX_STEPS, Recipe
from toygan.record import Keyframe, Record, run_key
from toygan.state import State
from toygan.store import Store

log = logging.getLogger(__name__)

#: Seconds for which a viewer's tick counts as interest.
INTEREST = 2.0

#: Keyframes the engine keeps ahead of the viewer that is furthest on.
AHEAD = 3

#: Seconds a chunk should take: long enough that its keyframe is a small part, short enough to look alive.
CHUNK = 0.2

#: Seconds of training of a run that go before other runs': who has just come sees something move.
FIRST = 0.5

#: Bytes of state that warrant a second of training between two moves: about a tenth goes into moving.
MOVED = 40_000_000

#: Seconds of training for each second of observing it, so that nine tenths of a worker's time go into training.
OBSERVED = 10

#: Keyframes a run keeps; beyond it every other one of the older half goes.
KEYFRAMES = 600

#: Of the states that are stored beside the newest, each is at least this many times as far on as the one before.
SPREAD = 1.5

#: Bytes of states a run keeps beside its newest, so that earlier steps can be reached again.
CHECKPOINTS = 8_000_000

Clock = Callable[[], float]
News = Callable[[], None]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Interest:
    """What one viewer wants: to go on from ``cursor``, not beyond ``until``, in chunks of at most ``stride``.

    ``news`` is called when there is more of the run, on any thread; it returns at once.
    """

    cursor: int
    until: int
    stride: int
    expires: float
    news: News


@dataclass
class Run:
    """A recipe's run so far, of one seed or several. Read it through the engine; only the engine writes it.

    ``keyframes`` is never changed, only replaced by another list: who reads it twice takes it once and keeps it.
    """

    recipe: Recipe
    replicates: int = 1
    keyframes: list[Keyframe] = field(default_factory=list)
    states: OrderedDict[int, State] = field(default_factory=OrderedDict)
    interests: dict[str, Interest] = field(default_factory=dict)
    #: By step, an entry a replicate: None while it is measured, empty where that failed.
    measured: dict[int, tuple[dict[str, Any], ...] | None] = field(default_factory=dict)
    #: When somebody last asked for the run, and for a measurement.
    opened_at: float = 0.0
    asked_at: float = 0.0
    frontier: int = -1
    length: int = 1
    error: str | None = None
    failed: bool = False
    busy: bool = False
    seconds: float = 0.0
    steps_timed: int = 0
    #: Steps whose states are stored beside the newest, rising; whether anything is stored yet.
    checkpoints: list[int] = field(default_factory=list)
    stored: bool = False
    _weighed: tuple[list[Keyframe] | None, int] = (None, 0)

    @property
    def key(self) -> str:
        """The run's name among all runs."""
        return run_key(self.recipe, self.replicates)

    @property
    def steps_per_second(self) -> float | None:
        """Generator steps a second of training alone, over the recent chunks."""
        return self.steps_timed / self.seconds if self.seconds > 0 else None

    @property
    def failed_at(self) -> tuple[int, ...]:
        """The step at which each replicate overflowed, or -1."""
        newest = self.states.get(self.frontier)
        return () if newest is None else tuple(int(step) for step in newest.failed_at)

    @property
    def nbytes(self) -> int:
        """Bytes held: keyframes and states."""
        # Asked for often, of all runs; the list is never changed.
        if self._weighed[0] is not self.keyframes:
            self._weighed = self.keyframes, sum(len(keyframe.data) for keyframe in self.keyframes)
        return self._weighed[1] + sum(state.nbytes for state in self.states.values())

    def index_after(self, step: int) -> int:
        """How many keyframes have a step of at most ``step``."""
        return index_after(self.keyframes, step)

    def until(self, step: int) -> list[Keyframe]:
        """The keyframes that have a step of at most ``step``."""
        keyframes = self.keyframes
        return keyframes[: index_after(keyframes, step)]

    def seconds_at(self, step: float) -> float:
        """The training time until ``step``, from the keyframes around it; 0 before the first, the last's after it."""
        return _interpolate(self.keyframes, step, lambda keyframe: (keyframe.step, keyframe.seconds))

    def step_at_seconds(self, seconds: float) -> float:
        """The inverse of ``seconds_at``, as far as the run has come."""
        return _interpolate(self.keyframes, seconds, lambda keyframe: (keyframe.seconds, keyframe.step))

    def keyframe_at(self, step: int) -> Keyframe | None:
        """The keyframe of exactly this step, if there is one."""
        known = self.until(step)
        return known[-1] if known and known[-1].step == step else None


def index_after(keyframes: Sequence[Keyframe], step: int) -> int:
    """How many of the keyframes, which rise, have a step of at most ``step``."""
    return bisect.bisect_right(keyframes, step, key=lambda keyframe: keyframe.step)


def _interpolate(keyframes: list[Keyframe], x: float, pair: Callable[[Keyframe], tuple[float, float]]) -> float:
    """The straight line through the keyframes' pairs (x, y), which rise, at ``x``."""
    index = bisect.bisect_right(keyframes, x, key=lambda keyframe: pair(keyframe)[0])
    if not index or index == len(keyframes):
        return float(pair(keyframes[max(index - 1, 0)])[1]) if keyframes else 0.0
    (x0, y0), (x1, y1) = pair(keyframes[index - 1]), pair(keyframes[index])
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


class Engine:
    """Runs by recipe, trained by ``executor()``; ``budget`` bounds the bytes kept of runs nobody watches.

    ``executor`` is asked for again after a worker died, and must then give a working one. What is trained is also
    kept in ``store``, and a run that it knows is not trained again.
    """

    def __init__(
        self,
        executor: Callable[[], Executor],
        budget: int = 100_000_000,
        clock: Clock = time.monotonic,
        store: Store | None = None,
    ) -> None:
        self.store = store
        self._executor = FairExecutor(executor)
        self._budget = budget
        self._clock = clock
        self._lock = threading.RLock()
        self._closed = False
        self._runs: OrderedDict[str, Run] = OrderedDict()
        # By distribution and size: None while it is computed, empty where that failed.
        self._floors: dict[Any, Any] = {}

    def open(self, recipe: Recipe, replicates: int = 1) -> Run:
        """The run of a recipe, as far as it is known; its first keyframe is asked for when there is none."""
        key = run_key(recipe, replicates)
        with self._lock:
            run = self._runs.get(key)
            if run is None:
                run = self._runs[key] = self._stored(key) or Run(recipe, replicates)
            self._runs.move_to_end(key)
            run.opened_at = self._clock()
            if not run.keyframes and not run.busy and run.error is None:
                self._submit(run, lambda chunk: self._advance(run, chunk, 0), worker.start, recipe, replicates)
            return run

    def branch(self, parent: Run, recipe: Recipe, step: int) -> bool:
        """Begin ``recipe``, which agrees with ``parent`` up to ``step``, with what is known until there.

        Returns whether that was possible; when the state at ``step`` is gone, opening the recipe trains it anew.
        """
        with self._lock:
            key = run_key(recipe, parent.replicates)
            known = self._runs.get(key) or self._stored(key)
            if known is not None and known.frontier >= step:
                self._runs[key] = known
                return True
            if step not in parent.states:
                return False
            run = self._runs[key] = Run(recipe, parent.replicates)
            run.keyframes = parent.until(step)
            run.states = OrderedDict((k, s) for k, s in parent.states.items() if k <= step)
            run.frontier, run.length = step, parent.length
            return True

    def family(self, recipe: Recipe) -> dict[Recipe, int]:
        """All runs of one seed that begin as ``recipe`` does, and how far they have come."""
        root = recipe.at(0)
        with self._lock:
            known = {run.recipe: run.frontier for run in self._runs.values() if run.replicates == 1}
        entries = () if self.store is None else self.store.family(recipe)
        stored = {entry.recipe: entry.steps for entry in entries if entry.replicates == 1}
        return {
            found: max(reach, stored.get(found, 0)) for found, reach in (stored | known).items() if found.at(0) == root
        }

    def record(self, run: Run, upto: int) -> Record:
        """What is known of a run until step ``upto``, to be taken away."""
        with self._lock:
            keyframes = tuple(run.until(upto))
        entries = () if self.store is None else self.store.entries([run.key])
        return Record(run.recipe, run.replicates, keyframes, name=entries[0].name if entries else "")

    def ask(self, function: Callable[..., Answer], *args: Any) -> Future[Answer]:
        """The future of what a function gives on a worker, which fails if it is what kills the worker."""
        return self._executor.submit(function, *args)

    def compute(self, function: Callable[..., Answer], *args: Any) -> Answer:
        """What a function gives on a worker; waits for it."""
        return self.ask(function, *args).result()

    def state_before(self, run: Run, step: int) -> State | None:
        """The last state that is kept of a run at or before ``step``."""
        with self._lock:
            return run.states.get(max((kept for kept in run.states if kept <= step), default=-1))

    def close(self) -> None:
        """End the workers, and write what is kept beyond this process; nothing is computed or kept from then on."""
        with self._lock:
            self._closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)
        if self.store is not None:
            self.store.close()

    def forget(self, run: Run) -> None:
        """Drop a run that ended in an error, so that opening it tries again."""
        with self._lock:
            if run.error is not None and not run.failed:
                self._runs.pop(run.key, None)

    def watch(
        self,
        run: Run,
        viewer: str,
        cursor: int,
        until: int = MAX_STEPS,
        stride: int = MAX_STEPS,
        news: News = lambda: None,
    ) -> None:
        """Renew ``viewer``'s interest in going on from step ``cursor``; starts the next chunk when none is ahead.

        ``news`` is called when there is more of the run, on any thread; it must return at once.
        """
        with self._lock:
            expires = self._clock() + INTEREST
            run.interests[viewer] = Interest(cursor, min(until, MAX_STEPS), max(stride, 1), expires, news)
            self._next(run)

    def listen(self, run: Run, viewer: str, news: News) -> None:
        """Renew ``viewer``'s interest in hearing of what there is more of the run, and want none of it trained."""
        self.watch(run, viewer, run.frontier, run.frontier, news=news)

    def leave(self, run: Run, viewer: str) -> None:
        """Withdraw a viewer's interest; the chunk in flight completes and is kept, no further one starts."""
        with self._lock:
            run.interests.pop(viewer, None)

    def visit(self, run: Run, step: int) -> bool:
        """Whether the run has a keyframe at exactly ``step``; when it can be reached from a kept state, asks for it.

        For steps at or before the frontier. Later ones are reached by ``watch`` with ``until=step``.
        """
        with self._lock:
            if run.keyframe_at(step) is not None:
                return True
            if not run.busy and run.error is None and 0 <= step <= run.frontier:
                self._visit(run, step)
            return False

    def measure(self, run: Run, step: int, points: int = PAUSED_POINTS) -> tuple[dict[str, Any], ...] | None:
        """All metrics of a step on ``points`` samples, an entry a replicate; ``None`` while or when there are none.

        Whoever waits for them goes on asking.
        """
        with self._lock:
            run.asked_at = self._clock()
            if step not in run.measured:
                if step in run.states:
                    self._measure(run, run.states[step], points)
                elif not run.busy and run.error is None and 0 <= step <= run.frontier:
                    self._visit(run, step, then=lambda state: self._measure(run, state, points))
            return run.measured.get(step) or None

    def measuring(self, run: Run, step: int) -> bool:
        """Whether a measurement of this step is under way, or waits until the run is free to go back there."""
        if step in run.measured:
            return run.measured[step] is None
        return run.error is None and 0 <= step <= run.frontier

    def floor(self, recipe: Recipe, points: int = LIVE_POINTS) -> tuple[float, float] | None:
        """W1's noise floor, mean and standard deviation, of the recipe's data, or ``None`` while it is computed."""
        key = (recipe.data, recipe.data_parameters, points)
        with self._lock:
            if key not in self._floors:
                self._floors[key] = None
                self._background(
                    lambda found: self._floors.update({key: found}),
                    lambda: self._floors.update({key: ()}),
                    worker.floor,
                    recipe,
                    points,
                )
            return self._floors[key] or None

    def computing_floor(self, recipe: Recipe, points: int = LIVE_POINTS) -> bool:
        """Whether that noise floor is under way."""
        return self._floors.get((recipe.data, recipe.data_parameters, points), ()) is None

    def _next(self, run: Run) -> None:
        """Submit the next chunk if somebody still wants one."""
        if run.busy or run.error is not None or run.failed or not run.keyframes:
            return
        now = self._clock()
        run.interests = {name: i for name, i in run.interests.items() if i.expires > now}
        wanting = [
            i
            for i in run.interests.values()
            if run.frontier < i.until and len(run.keyframes) - run.index_after(i.cursor) < AHEAD
        ]
        if not wanting:
            return
        furthest = max(i.until for i in wanting)
        steps = min(run.length, furthest - run.frontier, min(i.stride for i in wanting))
        nearest = min((i.until for i in wanting if i.until > run.frontier), default=furthest)
        steps = min(steps, nearest - run.frontier)
        state = run.states[run.frontier]
        self._submit(run, lambda chunk: self._advance(run, chunk, steps), worker.chunk, run.recipe, state, steps)

    def _measure(self, run: Run, state: State, points: int, known: tuple[dict[str, Any], ...] = ()) -> None:
        """Measure the replicates behind those ``known``, one by one: each takes a second, and others wait meanwhile."""
        step = state.step
        run.measured[step] = None

        def keep(found: dict[str, Any]) -> None:
            lanes = (*known, {**found, "n": points, "step": step})
            if len(lanes) == state.lanes:
                run.measured[step] = lanes
                if self.store is not None and run.stored:
                    self.store.keep_measured(run.key, step, lanes)
            elif self._clock() - run.asked_at > INTEREST:
                del run.measured[step]
            else:
                self._measure(run, state, points, lanes)

        self._background(
            keep,
            lambda: run.measured.update({step: ()}),
            worker.measure,
            run.recipe,
            state.lane(len(known)),
            points,
        )

    def _visit(
        self, run: Run, step: int, state: State | None = None, then: Callable[[State], None] = lambda state: None
    ) -> None:
        """Go from ``state``, or the nearest kept one, to ``step``, not beyond the frontier; ``then`` gets the state."""
        if state is None:
            state = self.state_before(run, step)

        def reached(chunk: worker.Chunk) -> None:
            if chunk.state.step < step:
                self._visit(run, step, chunk.state, then)
            else:
                self._keep_state(run, chunk.state)
                self._insert(run, chunk, run.seconds_at(step))
                if self.store is not None and run.stored:
                    self.store.keep(run.recipe, run.replicates, run.until(step)[-1:])
                then(chunk.state)

        if state is None:
            self._submit(run, reached, worker.start, run.recipe, run.replicates)
        else:
            steps = min(step - state.step, run.length)
            self._submit(run, reached, worker.chunk, run.recipe, state, steps)

    def _advance(self, run: Run, chunk: worker.Chunk, steps: int) -> None:
        """Keep a chunk at the frontier, and go on while somebody wants more."""
        seconds = run.seconds_at(run.frontier) + chunk.seconds
        run.frontier = chunk.state.step
        run.failed = chunk.failed is not None
        self._keep_state(run, chunk.state)
        self._insert(run, chunk, seconds)
        if steps:
            run.seconds = 0.8 * run.seconds + chunk.seconds
            run.steps_timed = int(0.8 * run.steps_timed) + steps
            self._adapt(run, steps, chunk)
            self._store(run)
        self._evict()
        self._next(run)

    def _adapt(self, run: Run, steps: int, chunk: worker.Chunk) -> None:
        """Aim the next chunk at ``CHUNK`` seconds, at most twice the one before, so that a run's first steps are seen.

        Shorter when many runs share the workers; longer when the state is so large that moving it, or the replicates
        so many that observing them, would cost more than a small part of the chunk.
        """
        if steps < run.length:
            return
        busy = sum(other.busy for other in self._runs.values())
        overhead = max(run.states[run.frontier].nbytes / MOVED, OBSERVED * chunk.observing)
        target = max(CHUNK / max(1, busy // 4), overhead)
        run.length = max(1, min(2 * run.length, int(run.length * target / max(chunk.seconds, 1e-3))))

    def _insert(self, run: Run, chunk: worker.Chunk, seconds: float) -> None:
        keyframe = Keyframe(chunk.state.step, chunk.keyframe, chunk.lanes, chunk.histogram, seconds)
        # A new list: others read the one there was, without the engine's lock.
        keyframes = [known for known in run.keyframes if known.step != keyframe.step]
        keyframes.insert(index_after(keyframes, keyframe.step), keyframe)
        if len(keyframes) > KEYFRAMES:
            half = KEYFRAMES // 2
            keyframes[:half] = keyframes[:half:2]
        run.keyframes = keyframes

    def _keep_state(self, run: Run, state: State) -> None:
        """Keep the newest states, where viewers are, and of the earlier ones as many as fit, evenly spread in ratio."""
        run.states[state.step] = state
        # Of a whole class's runs, none of which may go, fewer: keyframes take the most of the budget then.
        share = self._budget // (4 * max(1, sum(other.busy for other in self._runs.values())))
        allowed = max(AHEAD + 1, min(CHECKPOINTS, share) // max(state.nbytes, 1))
        while len(run.states) > allowed:
            steps = sorted(run.states)
            earlier = range(1, len(steps) - AHEAD - 1)
            # The one that leaves the smallest gap, as a part of how long ago it was.
            spare = min(earlier, key=lambda i: (steps[i + 1] - steps[i - 1]) / (steps[-1] - steps[i]), default=0)
            del run.states[steps[spare]]

    def _store(self, run: Run) -> None:
        """Keep the newest keyframe and state beyond this process; of earlier states a few, to come back to."""
        if self.store is None:
            return
        if not run.checkpoints or run.frontier >= SPREAD * run.checkpoints[-1]:
            run.checkpoints.append(run.frontier)
        run.checkpoints = [step for step in run.checkpoints if step in run.states]
        states = {step: run.states[step] for step in (*run.checkpoints, run.frontier)}
        self.store.keep(run.recipe, run.replicates, run.keyframes, states, run.failed)
        run.stored = True

    def _stored(self, key: str) -> Run | None:
        """A run as the store knows it, up to the newest state that is there to go on from."""
        kept = None if self.store is None else self.store.load(key)
        if kept is None or not kept.states:
            return None
        frontier = max(kept.states)
        run = Run(kept.recipe, kept.replicates)
        run.keyframes = [keyframe for keyframe in kept.keyframes if keyframe.step <= frontier]
        if not run.keyframes or run.keyframes[-1].step != frontier:
            return None
        run.states = OrderedDict(sorted(kept.states.items()))
        run.measured = {step: lanes for step, lanes in kept.measured.items() if step <= frontier}
        run.checkpoints = sorted(kept.states)
        run.frontier, run.failed, run.stored = frontier, kept.failed, True
        return run

    def _evict(self) -> None:
        """Drop the runs least recently opened that nobody watches until the rest fits the budget."""
        now = self._clock()
        total = sum(run.nbytes for run in self._runs.values())
        for key, run in list(self._runs.items())[:-1]:
            if total <= self._budget:
                return
            # Who has come to a full server asks for his run again and again until he sees it begin.
            left = run.opened_at + INTEREST <= now and all(i.expires <= now for i in run.interests.values())
            if left and not run.busy:
                total -= run.nbytes
                del self._runs[key]

    def _submit(
        self, run: Run, keep: Callable[[worker.Chunk], None], function: Callable[..., worker.Chunk], *args: Any
    ) -> None:
        """One chunk in flight a run; ``keep`` gets its outcome under the lock."""
        run.busy = True

        def done(chunk: worker.Chunk) -> None:
            run.busy = False
            keep(chunk)
            tell()

        def lost(sentence: str) -> None:
            run.busy = False
            run.error = sentence
            tell()

        def tell() -> None:
            for interest in run.interests.values():
                interest.news()

        urgent = not run.keyframes or run.keyframes[-1].seconds < FIRST
        self._ask(self._executor.submit_urgent if urgent else self.ask, done, lost, function, *args)

    def _background(
        self, keep: Callable[[Any], None], give_up: Callable[[], None], function: Callable[..., Any], *args: Any
    ) -> None:
        """Something a page can do without: its failure is logged and nothing else stops."""

        def lost(sentence: str) -> None:
            log.warning("%s", sentence)
            give_up()

        self._ask(self.ask, keep, lost, function, *args)

    def _ask(
        self,
        ask: Callable[..., Future[Any]],
        done: Callable[[Any], None],
        lost: Callable[[str], None],
        function: Callable[..., Any],
        *args: Any,
    ) -> None:
        """``ask`` for ``function(*args)``; ``done`` gets the result, or ``lost`` a sentence, under the lock."""

        def settle(future: Future[Any]) -> None:
            with self._lock:
                if self._closed:
                    return
                try:
                    result = future.result()
                except BrokenExecutor:
                    lost(
                        "The worker process died twice at the same place, perhaps for lack of memory. "
                        "Make the networks or the batch smaller, then press Reset."
                    )
                except ValueError as error:
                    lost(str(error))
                except Exception as error:
                    log.exception("%s failed", function.__name__)
                    lost(f"Training stopped: {type(error).__name__}: {error}. Press Reset to try again.")
                else:
                    done(result)

        ask(function, *args).add_done_callback(settle)
