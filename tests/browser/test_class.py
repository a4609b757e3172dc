"""A class at one server, by the messages that browsers send and get."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.common.app import Server
from benchmarks.common.students import student

from .conftest import PATIENCE, SMALL

pytestmark = pytest.mark.browser


async def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.01)


def test_students_train_at_once_and_who_comes_late_sees_something_too(server: Server) -> None:
    async def lesson() -> None:
        async with contextlib.AsyncExitStack() as room:
            present = [
                await room.enter_async_context(student(server.url, f"{SMALL}&seed={seed}")) for seed in range(700, 704)
            ]
            await asyncio.gather(*(each.train() for each in present))
            await until(lambda: all(each.step > 30 for each in present))
            late = await room.enter_async_context(student(server.url, f"{SMALL}&seed=704"))
            await until(lambda: bool(late.times))
            assert late.keyframes == 1 and late.step == 0
            reached = [each.step for each in present]
            await until(lambda: all(each.step > step for each, step in zip(present, reached, strict=True)))

    # Playwright keeps an event loop in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(lesson())).result()
