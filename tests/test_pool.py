"""Where an engine's calls are done: here, or in worker processes."""

from __future__ import annotations

import operator
import os
import signal
import threading
import time
from concurrent.futures import BrokenExecutor, Executor
from typing import Any

import pytest

from toygan import worker
from toygan.pool import InlineExecutor, warm_up, worker_processes


def test_the_inline_executor_gives_results_and_errors_as_others_do() -> None:
    executor = InlineExecutor()
    assert executor.submit(divmod, 7, 2).result() == (3, 1)
    assert isinstance(executor.submit(divmod, 7, 0).exception(), ZeroDivisionError)


class Noted(Executor):
    """Notes what it is asked for, and does nothing."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if fn is worker.prepare:
            self.asked.set()


def test_warming_up_prepares_a_worker_without_making_anybody_wait() -> None:
    noted = Noted()
    warm_up(lambda: noted)
    assert noted.asked.wait(60)


def test_warming_up_a_pool_that_cannot_work_does_no_harm() -> None:
    asked = threading.Event()

    def no_pool() -> Executor:
        asked.set()
        raise RuntimeError("cannot start new processes")

    warm_up(no_pool)
    assert asked.wait(60)


@pytest.mark.skipif(os.name == "nt", reason="sends a signal of POSIX")
def test_there_is_one_pool_until_a_worker_of_it_died(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "begin", operator.is_)
    executor = worker_processes(1)
    pool = executor()
    assert executor() is pool
    pid, busy = pool.submit(os.getpid).result(timeout=60), pool.submit(time.sleep, 600)
    os.kill(pid, signal.SIGKILL)
    assert isinstance(busy.exception(timeout=60), BrokenExecutor)
    assert executor() is not pool
    executor().shutdown(cancel_futures=True)
