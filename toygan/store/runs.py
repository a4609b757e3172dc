"""What the store hands out: a run as a card of a list, a page of such cards, and a whole run."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toygan.methods import METHODS
from toygan.recipe import KNOBS, Recipe
from toygan.record import Keyframe, Record, seeds_of
from toygan.words import phrase, within


@dataclass(frozen=True)
class Kept(Record):
    """A record as it is kept: with measurements on many samples, by step, an entry a replicate, and whether it ended.

    A state at step 0 is never among its states, since that follows from the recipe.
    """

    measured: Mapping[int, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    failed: bool = False


@dataclass(frozen=True)
class Entry:
    """A run in a list: all but its history. ``keyframe`` is its last; times are seconds since 1970."""

    key: str
    recipe: Recipe
    replicates: int
    name: str
    pinned: bool
    failed: bool
    created: float
    updated: float
    keyframe: Keyframe | None = None

    @property
    def title(self) -> str:
        """Its name, or what it is."""
        return self.name or usual_title(self.recipe)

    @property
    def steps(self) -> int:
        """How far it was trained."""
        return 0 if self.keyframe is None else self.keyframe.step

    @property
    def seeds(self) -> list[int]:
        """The seeds of its replicates."""
        return seeds_of(self.recipe, self.replicates)


@dataclass(frozen=True)
class Listing:
    """Some of the runs: ``total`` match, of ``kept`` in all; ``unreadable`` more come from another version."""

    entries: tuple[Entry, ...] = ()
    total: int = 0
    kept: int = 0
    unreadable: int = 0


def usual_title(recipe: Recipe) -> str:
    """What a run is called until somebody names it, such as "WGAN-GP on two moons"."""
    methods = [phase.method_entry.label for _, phase in recipe.phases()]
    named = ", then ".join(label for label, _ in itertools.groupby(methods))
    return f"{named} on {within(recipe.distribution.title)}"


@functools.lru_cache(maxsize=4096)
def differences(recipe: Recipe) -> tuple[str, ...]:
    """What sets a recipe apart from its method's and its data's defaults, in a few words each."""
    plain = _plain(recipe.method, recipe.data)
    usual = dict(plain.data_parameters)
    shape = {name: value for name, value in recipe.data_parameters if value != usual[name]}
    changed = {name: getattr(recipe, name) for name in KNOBS if getattr(recipe, name) != getattr(plain, name)}
    found = []
    for step, changes in recipe.interventions:
        words = " and ".join(_words(_label(name), value) for name, value in changes)
        found.append(f"{words} from step {step:,} on")
    return (*found, *(_words(_label(name), value) for name, value in {**shape, **changed}.items()))


def matches(entry: Entry, words: Sequence[str], methods: Collection[str], data: Collection[str]) -> bool:
    """Whether an entry has all the words, in lower case, one of the methods at some time, and one of the data."""
    if data and entry.recipe.data not in data:
        return False
    if methods and not methods_of(entry.recipe) & set(methods):
        return False
    if not words:
        return True
    text = f"{entry.name.casefold()} {_description(entry.recipe, entry.replicates)}"
    return all(word in text for word in words)


def methods_of(recipe: Recipe) -> set[str]:
    """All methods a recipe uses, one after the other."""
    changed = {value for _, changes in recipe.interventions for name, value in changes if name == "method"}
    return {recipe.method} | changed


@functools.lru_cache(maxsize=4096)
def _description(recipe: Recipe, replicates: int) -> str:
    """What a reader may look for in a run, in lower case: of several seeds each by its number, and all as cards do."""
    seeds = seeds_of(recipe, replicates)
    several = [f"seeds {seeds[0]} to {seeds[-1]}"] if replicates > 1 else []
    words = [usual_title(recipe), recipe.method_entry.title, *differences(recipe), *several]
    words += [f"seed {seed}" for seed in seeds]
    return " ".join(words).casefold()


@functools.lru_cache(maxsize=256)
def _plain(method: str, data: str) -> Recipe:
    return Recipe(method=method, data=data)


def _label(name: str) -> str:
    return KNOBS[name].label.lower() if name in KNOBS else name.replace("_", " ")


def _words(label: str, value: Any) -> str:
    if value in METHODS:
        return METHODS[value].label
    return phrase(label, value)
