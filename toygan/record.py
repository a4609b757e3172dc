"""Record: what is known of a run, as it is shown, kept in a store and taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toygan.recipe import Recipe
from toygan.state import State

#: Most seeds that are trained together as one run.
MAX_REPLICATES = 16


@dataclass(frozen=True)
class Keyframe:
    """One moment of a run, R replicates: their metrics, and the first one's packed frame.

    ``lanes`` has one entry of metrics a replicate, ``histogram`` the first one's high-quality samples by mode, and
    ``seconds`` is the time that training alone took until then, from step 0.
    """

    step: int
    data: bytes
    lanes: tuple[dict[str, Any], ...]
    histogram: tuple[int, ...]
    seconds: float = 0.0

    @property
    def metrics(self) -> dict[str, Any]:
        """The first replicate's metrics."""
        return self.lanes[0]


@dataclass(frozen=True)
class Record:
    """A run so far: its recipe, how many seeds from the recipe's own on, keyframes by step, and states by step.

    ``name`` is what a reader called it. Replicate r has the seed ``recipe.seed + r``.
    """

    recipe: Recipe
    replicates: int = 1
    keyframes: tuple[Keyframe, ...] = ()
    states: Mapping[int, State] = field(default_factory=dict)
    name: str = ""

    @property
    def key(self) -> str:
        """The run's name among all runs."""
        return run_key(self.recipe, self.replicates)

    @property
    def seeds(self) -> list[int]:
        """The seeds of the replicates."""
        return seeds_of(self.recipe, self.replicates)


def run_key(recipe: Recipe, replicates: int = 1) -> str:
    """A run's stable name: its recipe's hash, and how many seeds it has if there are several."""
    return recipe.key if replicates == 1 else f"{recipe.key}-{replicates}"


def seeds_of(recipe: Recipe, replicates: int) -> list[int]:
    """The seeds of so many replicates: the recipe's own and those after it; raises ``ValueError`` for too many."""
    if not 1 <= replicates <= MAX_REPLICATES:
        raise ValueError(f"replicates must be between 1 and {MAX_REPLICATES}, not {replicates}.")
    return [recipe.seed + number for number in range(replicates)]
