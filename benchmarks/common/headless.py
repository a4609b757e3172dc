"""What a machine does for somebody who asks it for little, to compare the app's with."""

from __future__ import annotations

import asyncio
import time

from toygan.recipe import Recipe


def alone(seconds: float) -> float:
    """Generator steps a second of the default recipe in a worker that does nothing else."""
    from toygan.training import advance, initial_state

    recipe = Recipe()
    state, _ = advance(recipe, initial_state(recipe), 40)
    first, began = state.step, time.perf_counter()
    while time.perf_counter() - began < seconds:
        state, _ = advance(recipe, state, 16)
    return (state.step - first) / (time.perf_counter() - began)


def wake_up(seconds: float) -> float:
    """Processor seconds that one wake-up of an asyncio timer costs which has nothing to do, ten times a second."""

    async def wait() -> float:
        before, count = time.thread_time(), round(10 * seconds)
        for _ in range(count):
            await asyncio.sleep(0.1)
        return (time.thread_time() - before) / count

    return asyncio.run(wait())
