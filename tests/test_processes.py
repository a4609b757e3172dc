"""A pool of worker processes breaks, and ends, whatever the worker that died was doing."""

from __future__ import annotations

import operator
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor

import pytest

from toygan import processes, worker
from toygan.processes import WorkerProcesses

pytestmark = pytest.mark.skipif(os.name == "nt", reason="sends signals of POSIX")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerProcesses]:
    """Two workers that load nothing first."""
    monkeypatch.setattr(worker, "begin", operator.is_)
    monkeypatch.setattr(processes, "_GRACE", 0.1)
    monkeypatch.setattr(processes, "_LOOK", 0.1)
    pool = WorkerProcesses(2)
    yield pool
    pool.shutdown(wait=False, cancel_futures=True)


def half_an_answer() -> None:
    """Die in a worker while its answer is on its way."""
    frame = sys._getframe()
    while "result_queue" not in frame.f_locals:
        assert frame.f_back is not None
        frame = frame.f_back
    queue = frame.f_locals["result_queue"]
    queue._wlock.acquire()
    os.write(queue._writer.fileno(), struct.pack("!i", 1000) + b"half")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_while_it_answers_breaks_its_pool(pool: WorkerProcesses) -> None:
    error = pool.submit(half_an_answer).exception(timeout=60)
    assert isinstance(error, BrokenExecutor)
    assert pool.broken


def test_what_a_worker_was_being_told_when_it_died_is_not_kept_for_ever(pool: WorkerProcesses) -> None:
    pool.submit(os.getpid).result(timeout=60)
    for pid in list(pool._processes):
        os.kill(pid, signal.SIGSTOP)
    future, teller = pool.submit(len, bytes(10_000_000)), pool._call_queue._thread
    os.kill(min(pool._processes), signal.SIGKILL)
    assert isinstance(future.exception(timeout=60), BrokenExecutor)
    teller.join(timeout=60)
    assert not teller.is_alive()


def test_a_worker_that_ended_in_good_order_is_replaced_and_breaks_nothing(pool: WorkerProcesses) -> None:
    pool.submit(os.getpid).result(timeout=60)
    before = set(pool._processes)
    # As loky ends one whose memory grew.
    pool._call_queue.put(None)
    deadline = time.monotonic() + 60
    while len(pool._processes) == 2:
        assert time.monotonic() < deadline, "it did not end"
        time.sleep(0.01)
    pool.submit(os.getpid).result(timeout=60)
    assert len(pool._processes) == 2 and set(pool._processes) != before
    assert not pool.broken


def test_a_pool_that_is_shut_down_for_good_leaves_no_worker(pool: WorkerProcesses) -> None:
    pid = pool.submit(os.getpid).result(timeout=60)
    pool.shutdown(cancel_futures=True)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
