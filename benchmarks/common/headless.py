"""Training with nothing beside it, to compare a page's with."""

from __future__ import annotations

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
