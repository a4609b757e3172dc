"""Pool: where an engine's calls are done, in worker processes or here."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

from toygan import worker

if TYPE_CHECKING:
    from toygan.processes import WorkerProcesses


class InlineExecutor(Executor):
    """Runs each call at once in the calling thread: for tests and scripts."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def worker_processes(count: int | None = None) -> Callable[[], Executor]:
    """An executor factory for ``Engine``: ``count`` worker processes, one a core if not said.

    Where a worker died, the next call gives new ones.
    """
    import loky

    from toygan.processes import WorkerProcesses

    workers = count or loky.cpu_count()
    # Calls come from the page's threads and the executor's own.
    lock = threading.Lock()
    pool: list[WorkerProcesses] = []

    def executor() -> Executor:
        with lock:
            if pool and pool[0].broken:
                pool.pop().shutdown(wait=False)
            if not pool:
                pool.append(WorkerProcesses(workers))
            return pool[0]

    return executor


def warm_up(executor: Callable[[], Executor]) -> None:
    """Start the workers in the background, so that the first chunk does not wait for their imports."""

    def start() -> None:
        # A broken executor's is a RuntimeError too.
        with contextlib.suppress(RuntimeError):
            executor().submit(worker.prepare)

    threading.Thread(target=start, name="toygan-warm-up", daemon=True).start()
