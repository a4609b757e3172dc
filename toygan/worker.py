"""What a worker process does. Importing this costs nothing: the heavy modules load when a function first runs.

The engine names these functions to its executor, so that the server process never imports torch or POT.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Thread, Timer
from typing import TYPE_CHECKING, Any

import numpy as np

from toygan.recipe import Recipe
from toygan.record import seeds_of
from toygan.state import State, Trace

if TYPE_CHECKING:
    from multiprocessing.synchronize import Semaphore

    from toygan.examination import Examination, Ideal

#: Environment of a worker, set before its first import: one thread each, since there is one worker a core. And memory
#: that was given back is kept for the next buffer, in large pages where the system has them: 3 to 8 % of the time.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**27),
    "MALLOC_TOP_PAD_": str(2**24),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}

#: Seconds between two looks at whether the server is still there.
_WATCH = 1.0

#: Seconds a worker waits for its turn to load its libraries.
_TURN = 10.0

#: Seconds between a worker that is ready and the next one's turn: what the page waits for, its first keyframes and a
#: browser that draws it, goes first.
_PAUSE = 2.0


@dataclass(frozen=True)
class Chunk:
    """The outcome of some steps: the state they led to, the first lane packed, and what all lanes measured.

    ``failed`` says why no lane can go on. ``seconds`` is what training alone took, ``observing`` the rest.
    """

    state: State
    keyframe: bytes
    lanes: tuple[dict[str, Any], ...]
    histogram: tuple[int, ...]
    failed: str | None
    seconds: float
    observing: float = 0.0


def begin(turns: Semaphore, server: int) -> None:
    """What a worker process does first: see to it that it ends with its server, however that ends, and prepare.

    ``server`` is the number of the process that started this one; it may be gone by now. ``turns`` lets so many
    workers prepare at a time, and the next ones ``_PAUSE`` after them. One that was killed meanwhile does not give its
    turn back: the others wait for ``_TURN`` seconds at most.
    """
    # Ctrl-C in a terminal reaches every process that was started there: the server ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(server,), name="toygan-watch", daemon=True).start()
    mine = turns.acquire(timeout=_TURN)
    try:
        prepare()
    finally:
        if mine:
            later = Timer(_PAUSE, turns.release)
            later.daemon = True
            later.start()


def _end_with(server: int) -> None:
    """Leave once the parent process is not ``server``: a killed server cannot tell its workers.

    A process whose parent ends gets another one; Windows keeps the number, and ends the workers by itself.
    """
    while os.getppid() == server:
        time.sleep(_WATCH)
    os._exit(1)


def prepare() -> None:
    """Load everything training needs, so that the first chunk does not wait for it."""
    # What is imported stays, and looking through it for garbage again and again takes an eighth of the time.
    gc.disable()
    import torch

    import toygan.metrics.transport
    import toygan.observe  # noqa: F401

    torch.set_num_threads(1)
    gc.freeze()
    gc.enable()


def start(recipe: Recipe, replicates: int = 1) -> Chunk:
    """The run's state and keyframe at step 0; replicate r has the seed after the one of replicate r - 1."""
    from toygan.training import choose_device, initial_state

    choose_device(recipe)
    return _chunk(recipe, initial_state(recipe, seeds_of(recipe, replicates)), None, 0.0)


def chunk(recipe: Recipe, state: State, steps: int) -> Chunk:
    """``steps`` generator steps from ``state``; a run that fails ends with the step that failed.

    What is shown of that step are the networks before it, since its numbers mean nothing. Of several lanes, one that
    fails stays as it was when the chunk began, and the others go on.
    """
    from toygan.training import advance_lanes, advance_to_failure

    began = time.perf_counter()
    if state.lanes > 1:
        after, trace = advance_lanes(recipe, state, steps)
    else:
        after, trace = advance_to_failure(recipe, state, steps)
        failed_at = int(after.failed_at.max())
        if failed_at >= 0:
            after = dataclasses.replace(after, step=failed_at)
    return _chunk(recipe, after, trace, time.perf_counter() - began)


def _chunk(recipe: Recipe, state: State, trace: Trace | None, seconds: float) -> Chunk:
    from toygan.frames import pack
    from toygan.observe import observe

    began = time.perf_counter()
    frame = observe(recipe, state, trace)
    failed = frame.failed[0] if all(frame.failed) else None
    data = pack(frame)
    return Chunk(state, data, frame.metrics, frame.histogram[0], failed, seconds, time.perf_counter() - began)


def measure(recipe: Recipe, state: State, points: int) -> dict[str, Any]:
    """Every metric of a state's one lane on ``points`` fresh samples."""
    from toygan.observe import report

    return {name: value for name, value in report(recipe, state, points).items() if name not in ("samples", "real")}


def examine(recipe: Recipe, state: State | None) -> Examination:
    """The first lane's critic, examined; without a state, that of step 0."""
    from toygan.examine import examine
    from toygan.training import initial_state

    return examine(recipe, state or initial_state(recipe))


def ideal(recipe: Recipe) -> Ideal:
    """The best critic for the clouds on which a frozen generator's critics are examined."""
    from toygan.examine import ideal
    from toygan.training import initial_state

    return ideal(recipe, initial_state(recipe))


def distances(clouds: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[float]:
    """The exact W1 between the two clouds (n, 2) of each pair, in data units."""
    from toygan.metrics import wasserstein

    return [wasserstein(real, fake) for real, fake in clouds]


def floor(recipe: Recipe, points: int) -> tuple[float, float]:
    """Mean and standard deviation of W1 between two clouds of ``points`` real points."""
    from toygan.metrics import noise_floor

    found = noise_floor(recipe.data, dict(recipe.data_parameters), points)
    return found.mean, found.std
