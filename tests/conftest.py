"""What several tests share: settings, and stand-ins for the workers and the clock of an engine."""

# ruff: noqa: E402 - the number of threads is read when NumPy and torch are first imported

from __future__ import annotations

import os

# Before the first import of NumPy or torch: the networks here are so small that threads only get in their way.
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from toygan.recipe import Recipe
from toygan.state import State
from toygan.worker import Chunk

settings.register_profile("toygan", deadline=None, derandomize=True)
settings.load_profile("toygan")


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def blank_state(step: int, weights: int = 10, lanes: int = 1) -> State:
    """A state that holds nothing but its step, in about 56 bytes a weight and lane."""
    flat = np.full((lanes, weights), float(step))
    return State(
        step=step,
        seeds=np.arange(lanes, dtype=np.uint64),
        critic=flat,
        generator=flat,
        average=flat,
        critic_moments=np.zeros((2, lanes, weights)),
        generator_moments=np.zeros((2, lanes, weights)),
        critic_updates=step,
        generator_updates=step,
        vectors=np.zeros((lanes, 1)),
        failed_at=np.full(lanes, -1),
    )


@dataclass
class StandIn:
    """What a worker does, without training: states that count steps, at ``pace`` seconds a step.

    A keyframe's bytes are the recipe's key and its step. From step ``fails_at`` on a run has failed.
    """

    pace: float = 0.01
    weights: int = 10
    fails_at: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        return getattr(self, function.__name__)(*args)

    def start(self, recipe: Recipe, replicates: int = 1) -> Chunk:
        return self._chunk(recipe, blank_state(0, self.weights, replicates), 0)

    def chunk(self, recipe: Recipe, state: State, steps: int) -> Chunk:
        step = state.step + steps
        if self.fails_at is not None and step > self.fails_at:
            step = self.fails_at
        return self._chunk(recipe, blank_state(step, self.weights, state.lanes), steps)

    def measure(self, recipe: Recipe, state: State, points: int) -> dict[str, Any]:
        return {"w1": float(state.step)}

    def floor(self, recipe: Recipe, points: int) -> tuple[float, float]:
        return 0.1, 0.01

    def _chunk(self, recipe: Recipe, state: State, steps: int) -> Chunk:
        failed = None if self.fails_at is None or state.step < self.fails_at else "It went wrong."
        data = f"{recipe.key}:{state.step}".encode()
        return Chunk(state, data, ({"w1": 1.0, **self.extra},) * state.lanes, (1, 2), failed, self.pace * steps)


@dataclass
class Call:
    """Something an engine asked of its executor."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    future: Future[Any]

    @property
    def name(self) -> str:
        return self.function.__name__


class Hands(Executor):
    """An executor whose calls wait until a test finishes them; ``work(function, *args)`` is what they do."""

    def __init__(self, work: Callable[..., Any] | None = None) -> None:
        self.work = work or StandIn()
        self.calls: list[Call] = []
        self.waiting: deque[Call] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        assert not kwargs
        call = Call(fn, args, Future())
        self.calls.append(call)
        self.waiting.append(call)
        return call.future

    def names(self) -> list[str]:
        """The functions asked for so far."""
        return [call.name for call in self.calls]

    def finish(self) -> None:
        """Complete the call that has waited longest."""
        call = self.waiting.popleft()
        try:
            result = self.work(call.function, *call.args)
        except Exception as error:
            call.future.set_exception(error)
        else:
            call.future.set_result(result)

    def finish_all(self, most: int = 10_000) -> int:
        """Complete calls, those that follow from them too, until none waits; says how many there were."""
        for count in range(most):
            if not self.waiting:
                return count
            self.finish()
        raise AssertionError(f"still {len(self.waiting)} calls waiting after {most}")

    def fail(self, error: Exception) -> None:
        """End the call that has waited longest with an error."""
        self.waiting.popleft().future.set_exception(error)

    def kill(self) -> None:
        """The worker of the call that has waited longest dies."""
        self.fail(BrokenProcessPool("a process in the pool was terminated abruptly"))


@pytest.fixture(autouse=True, scope="session")
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests, and the processes they start, neither read nor change the user's cached noise floors and kept runs."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        environment.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        environment.delenv("TOYGAN_STORE", raising=False)
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pages without workers, which would outlive the test: everything they do is done here instead; nothing is kept."""
    import streamlit as st

    from toygan.pool import InlineExecutor
    from toygan.store import Store
    from toygan.ui import server

    monkeypatch.setattr(server, "worker_processes", lambda: InlineExecutor)
    monkeypatch.setattr(server, "warm_up", lambda executor: None)
    monkeypatch.setattr(server, "open_store", lambda: Store(None))
    monkeypatch.setattr("toygan.worker.floor", lambda recipe, points: (0.1, 0.02))
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def routes_afresh() -> Iterator[None]:
    """Which libraries multiply is asked anew in this test, and in those after it."""
    from toygan import routes

    def forget() -> None:
        routes.onednn.cache_clear()
        routes.openblas.cache_clear()

    forget()
    yield
    forget()
