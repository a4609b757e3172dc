"""What a worker process does. Importing this costs nothing: the heavy modules load when a function first runs.

The engine names these functions to its executor, so that the server process never imports torch or POT.
"""

from __future__ import annotations

import dataclasses
import gc
import time
from dataclasses import dataclass
from typing import Any

from toygan.recipe import Recipe
from toygan.state import State, Trace

#: Environment of a worker, set before its first import: one thread each, since there is one worker a core.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Chunk:
    """The outcome of some steps: the state they led to, its packed keyframe, and the seconds training alone took."""

    state: State
    keyframe: bytes
    metrics: dict[str, Any]
    histogram: tuple[int, ...]
    failed: str | None
    seconds: float


def prepare() -> None:
    """Load everything training needs, so that the first chunk does not wait for it."""
    import torch

    import toygan.metrics.transport
    import toygan.observe  # noqa: F401

    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()


def start(recipe: Recipe) -> Chunk:
    """The run's state and keyframe at step 0."""
    from toygan.training import choose_device, initial_state

    choose_device(recipe)
    return _chunk(recipe, initial_state(recipe), None, 0.0)


def chunk(recipe: Recipe, state: State, steps: int) -> Chunk:
    """``steps`` generator steps from ``state``; a run that fails ends with the step that failed.

    What is shown of that step are the networks before it, since its numbers mean nothing.
    """
    from toygan.training import advance_to_failure

    began = time.perf_counter()
    after, trace = advance_to_failure(recipe, state, steps)
    seconds = time.perf_counter() - began
    failed_at = int(after.failed_at.max())
    if failed_at >= 0:
        after = dataclasses.replace(after, step=failed_at)
    return _chunk(recipe, after, trace, seconds)


def _chunk(recipe: Recipe, state: State, trace: Trace | None, seconds: float) -> Chunk:
    from toygan.frames import pack
    from toygan.observe import observe

    frame = observe(recipe, state, trace)
    return Chunk(state, pack(frame), frame.metrics[0], frame.histogram[0], frame.failed[0], seconds)


def measure(recipe: Recipe, state: State, points: int) -> dict[str, Any]:
    """Every metric of a state on ``points`` fresh samples."""
    from toygan.observe import report

    found = report(recipe, state, points)
    return {name: value for name, value in found.items() if name not in ("samples", "real")}


def floor(recipe: Recipe, points: int) -> tuple[float, float]:
    """Mean and standard deviation of W1 between two clouds of ``points`` real points."""
    from toygan.metrics import noise_floor

    found = noise_floor(recipe.data, dict(recipe.data_parameters), points)
    return found.mean, found.std
