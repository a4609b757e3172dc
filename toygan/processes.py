"""Processes: worker processes, one single-threaded worker a core, that break as one when one of them dies."""

from __future__ import annotations

import os
import threading
import time
from multiprocessing.connection import wait
from typing import Any

import loky
from loky.backend.utils import kill_process_tree

from toygan import worker

#: Seconds between two looks for workers that were started since.
_LOOK = 10.0

#: Seconds after a worker's death within which loky notices it, if it can.
_GRACE = 2.0


class WorkerProcesses(loky.ProcessPoolExecutor):
    """loky's processes, which do not run the main script again. Once one died, the pool is broken for good."""

    def __init__(self, workers: int) -> None:
        # The first are ready sooner when not all load their libraries at once, beside a page that loads too.
        turns = loky.backend.get_context().Semaphore((workers + 1) // 2)
        super().__init__(
            max_workers=workers, initializer=worker.begin, initargs=(turns, os.getpid()), env=worker.ENVIRONMENT
        )
        parts = self._processes, self._flags, self._call_queue, self._result_queue
        # It knows the pool's parts alone, so that a pool nobody holds ends.
        threading.Thread(target=_watch, args=parts, name="toygan-pool", daemon=True).start()

    @property
    def room(self) -> int:
        """Calls to hand over at a time: each worker has one, and one is at hand for whoever is done."""
        return self._max_workers + 1

    @property
    def broken(self) -> bool:
        """Whether a worker died."""
        return self._flags.broken is not None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait, kill_workers=cancel_futures)


def _watch(processes: dict[int, Any], flags: Any, calls: Any, results: Any) -> None:
    """See to it that a worker's death breaks its pool, and that nothing is left of a broken one.

    loky 3.7 notices a death unless it is reading a result at that moment that the dead worker had not written to its
    end: it waits for the rest for as long as any process could write it, and the server is one of them. Likewise the
    thread that writes the calls keeps waiting, with all that it holds, while any process could read them.
    """
    while not flags.shutdown:
        workers = dict(processes)
        ended = wait([process.sentinel for process in workers.values()], timeout=_LOOK)
        if not ended:
            continue
        time.sleep(_GRACE)
        # A worker that ended in good order is not in the pool any more.
        dead = [process for pid, process in workers.items() if process.sentinel in ended and pid in processes]
        if dead and not flags.shutdown:
            for process in list(processes.values()):
                kill_process_tree(process)
            results._writer.close()
    if flags.broken is not None:
        calls._reader.close()
