"""Clocks: what runs have to do equally much of to be compared.

By generator steps, by critic updates, or by training time: three fair but different questions. A clock maps a run's
step to a reading and back; runs in lock-step stand at the same reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from toygan.engine import Run
from toygan.recipe import MAX_STEPS, Recipe


@dataclass(frozen=True)
class Clock:
    """``reading(run, step)`` rises with the step; ``step(run, reading)`` is its inverse, a real number of steps.

    ``usual`` is a sensible reading to stop at.
    """

    title: str
    unit: str
    question: str
    usual: int
    reading: Callable[[Run, float], float]
    step: Callable[[Run, float], float]


def updates_at(recipe: Recipe, step: float) -> float:
    """Critic updates in the first ``step`` generator steps, interventions included."""
    return sum(rate * (min(step, end) - start) for start, end, rate in _stretches(recipe) if start < step)


def step_at_updates(recipe: Recipe, updates: float) -> float:
    """The inverse of ``updates_at``."""
    for start, end, rate in _stretches(recipe):
        if updates <= rate * (end - start):
            return start + updates / rate
        updates -= rate * (end - start)
    return float(MAX_STEPS)


def _stretches(recipe: Recipe) -> Iterator[tuple[int, int, int]]:
    """From which step to which how many critic updates are made a step."""
    phases = recipe.phases()
    ends = [*(start for start, _ in phases[1:]), MAX_STEPS]
    for (start, phase), end in zip(phases, ends, strict=True):
        yield start, end, phase.critic_steps


CLOCKS: dict[str, Clock] = {
    "steps": Clock(
        "Generator steps",
        "steps",
        "Every run has updated its generator equally often.",
        5000,
        lambda run, step: step,
        lambda run, reading: reading,
    ),
    "updates": Clock(
        "Critic updates",
        "critic updates",
        "Every run has updated its critic equally often; one with more critic steps has made fewer generator steps.",
        10_000,
        lambda run, step: updates_at(run.recipe, step),
        lambda run, reading: step_at_updates(run.recipe, reading),
    ),
    "seconds": Clock(
        "Training time",
        "s of training",
        "Every run has trained equally long on this machine, drawing and measuring left out. What was trained before "
        "counts the time it took then, whatever else ran beside.",
        30,
        lambda run, step: run.seconds_at(step),
        lambda run, reading: run.step_at_seconds(reading),
    ),
}
