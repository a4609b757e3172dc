"""A class on one server: what students get who train all at once, each a run of their own, and what it costs.

    python benchmarks/classroom.py           # five minutes; writes its table into docs/performance.md
    python benchmarks/classroom.py --quick   # a minute; prints it only

Students have no browsers, which are other machines' work: see ``benchmarks/common/students.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.common.environment import own_kernels

own_kernels()

import loky

from benchmarks.common.app import Server, serving
from benchmarks.common.headless import alone
from benchmarks.common.students import student
from benchmarks.common.tables import machine, table, write
from toygan.pool import worker_processes

#: Students at once.
CLASSES = (1, 4, 10, 30)

#: Seconds until all is under way, and for which is counted.
SETTLE, COUNT = 10.0, 30.0

HEAD = (
    "students",
    "keyframes a second of each",
    "longest wait for one, s",
    "training of all, share of the cores'",
    "server, share of a core",
    "server time a keyframe, ms",
    "a newcomer's first keyframe, s",
    "server, MB",
)


async def lesson(server: Server, students: int, settle: float, count: float, cores: float) -> tuple[float, ...]:
    """A row's numbers; ``cores`` is the speed of training on all of them with nothing beside."""
    async with contextlib.AsyncExitStack() as room:
        present = [
            await room.enter_async_context(student(server.url, f"seed={students * 1000 + seat}"))
            for seat in range(students)
        ]
        await asyncio.gather(*(each.train() for each in present))
        await asyncio.sleep(settle)
        frames, steps = [each.keyframes for each in present], [each.step for each in present]
        began, cpu = time.perf_counter(), server.cpu_seconds()
        await asyncio.sleep(count)
        seconds, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu
        came = [each.keyframes - before for each, before in zip(present, frames, strict=True)]
        trained = sum(each.step - before for each, before in zip(present, steps, strict=True))
        waits = [wait for each in present for wait in gaps(each.times, began, began + seconds)]
        knocked = time.perf_counter()
        late = await room.enter_async_context(student(server.url, f"seed={students * 1000 + 999}"))
        while not late.times:
            await asyncio.sleep(0.01)
        first = late.times[0] - knocked
        return (
            median(came) / seconds,
            max(waits),
            trained / seconds / cores,
            cpu / seconds,
            1000 * cpu / sum(came),
            first,
            server.megabytes(),
        )


def gaps(times: Sequence[float], began: float, ended: float) -> list[float]:
    """Seconds between what came in a stretch of time, its beginning and its end."""
    inside = [began, *(moment for moment in times if began < moment < ended), ended]
    return [after - before for before, after in itertools.pairwise(inside)]


def speed(seconds: float) -> float:
    """Generator steps a second of the default recipe, by as many workers as the app has and with nothing beside."""
    workers = loky.cpu_count()
    with worker_processes(workers)() as pool:
        # The first ones load the libraries.
        for length in (1.0, seconds):
            found = [future.result() for future in [pool.submit(alone, length) for _ in range(workers)]]
    return sum(found)


def rows(settle: float, count: float) -> Iterator[Sequence[str]]:
    for students in CLASSES:
        cores = speed(count / 3)
        with serving() as server:
            numbers = asyncio.run(lesson(server, students, settle, count, cores))
        row = (str(students), *(f"{number:.3g}" for number in numbers))
        print("  ".join(row), file=sys.stderr)
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="count for a few seconds and print only")
    given = parser.parse_args()
    settle, count = (3.0, 6.0) if given.quick else (SETTLE, COUNT)
    text = f"{table(HEAD, rows(settle, count))}\n\n{machine('streamlit')}."
    print(text)
    if not given.quick:
        write(ROOT / "docs" / "performance.md", "classroom", text)


if __name__ == "__main__":
    main()
