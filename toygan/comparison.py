"""Comparison: a few recipes that share all but what is compared, how many seeds each, and the clock they run by."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toygan.clocks import CLOCKS
from toygan.distributions import DISTRIBUTIONS
from toygan.lookup import lookup
from toygan.methods import METHODS
from toygan.recipe import KNOBS, MAX_STEP_WORK, Knob, Recipe
from toygan.record import MAX_REPLICATES, run_key
from toygan.words import phrase

#: Most runs on one page.
MAX_RUNS = 6

#: Most weights of a run's networks, all seeds together: a state of them has less than a gigabyte.
MAX_WEIGHTS = 30_000_000

#: Colours of runs that do not differ in their method (Okabe and Ito 2008), told apart by colour-blind readers too.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a07800", "#56b4e9")

#: How many seeds each run may have.
_SEEDS = Knob("Seeds", 1, "Seeds of each run.", kind="integer", low=1, high=MAX_REPLICATES)

#: What a link says beside the fields that all runs share.
_OWN = ("runs", "seeds", "clock")

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Comparison:
    """``shared`` and each of ``variants`` are fields and values as a link holds them; a run's recipe is both together.

    Fields that neither names take the method's own defaults. The same recipe may be there twice. Raises
    ``ValueError`` with a sentence when a recipe is not valid or when there are too many.
    """

    variants: tuple[Fields, ...]
    shared: Fields = ()
    replicates: int = 1
    clock: str = "steps"

    def __post_init__(self) -> None:
        if not 1 <= len(self.variants) <= MAX_RUNS:
            raise ValueError(f"Compare between 1 and {MAX_RUNS} runs, not {len(self.variants)}.")
        _SEEDS.read("seeds", self.replicates)
        lookup("clock", self.clock, CLOCKS)
        for recipe, title in zip(self.recipes, self.titles, strict=True):
            if self.replicates * recipe.work > MAX_STEP_WORK or self.replicates * recipe.weights > MAX_WEIGHTS:
                raise ValueError(
                    f"{self.replicates} seeds of {title} are too much to train at once: "
                    "choose fewer seeds, smaller networks or a smaller batch."
                )

    @functools.cached_property
    def recipes(self) -> tuple[Recipe, ...]:
        """The runs' recipes, in order."""
        return tuple(Recipe.from_query({**dict(self.shared), **dict(variant)}) for variant in self.variants)

    @property
    def key(self) -> str:
        """The runs' names in one; equal comparisons by another clock are the same runs."""
        return " ".join(self.run_keys)

    @functools.cached_property
    def run_keys(self) -> tuple[str, ...]:
        """The runs' names among all runs."""
        return tuple(run_key(recipe, self.replicates) for recipe in self.recipes)

    @functools.cached_property
    def titles(self) -> tuple[str, ...]:
        """A short name for each run, by what sets it apart from the others; no two are the same."""
        everywhere = set.intersection(*(set(_facts(recipe).items()) for recipe in self.recipes))
        titles = [_title(recipe, dict(set(_facts(recipe).items()) - everywhere)) for recipe in self.recipes]
        return tuple(
            title if titles.count(title) == 1 else f"{title} ({number})" for number, title in enumerate(titles, 1)
        )

    @property
    def colours(self) -> tuple[str, ...]:
        """A colour for each run: its method's, and for more runs of the same method others that none here has."""
        methods = [recipe.method_entry.colour for recipe in self.recipes]
        spare = iter(colour for colour in _COLOURS if colour.lower() not in {method.lower() for method in methods})
        return tuple(colour if colour not in methods[:number] else next(spare) for number, colour in enumerate(methods))

    @property
    def same_data(self) -> bool:
        """Whether all runs learn the same distribution, so that their distances can be compared."""
        return len({(recipe.data, recipe.data_parameters) for recipe in self.recipes}) == 1

    def share(self, **fields: Any) -> Comparison:
        """This comparison with other values of fields that all runs share; variants keep what is their own.

        ``None`` takes a shared value away: each run then follows its method.
        """
        parameters = fields.pop("data_parameters", None)
        shared = dict(self.shared) | {name: _text(value) for name, value in fields.items() if value is not None}
        shared = {name: value for name, value in shared.items() if name not in fields or fields[name] is not None}
        if "data" in fields or parameters is not None:
            shared = {name: value for name, value in shared.items() if not name.startswith("data.")}
            shared |= {f"data.{name}": _text(value) for name, value in parameters or ()}
        variants = tuple(
            tuple((name, value) for name, value in variant if name not in fields) for variant in self.variants
        )
        return dataclasses.replace(self, shared=tuple(sorted(shared.items())), variants=variants)

    def to_query(self) -> dict[str, str]:
        """The comparison as URL parameters."""
        query = {**dict(self.shared), "runs": json.dumps([dict(v) for v in self.variants], separators=(",", ":"))}
        if self.replicates > 1:
            query["seeds"] = str(self.replicates)
        if self.clock != "steps":
            query["clock"] = self.clock
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Comparison:
        """The comparison of URL parameters."""
        shared = {name: value for name, value in query.items() if name not in _OWN}
        seeds = _SEEDS.read("seeds", query.get("seeds", "1"))
        return cls(_variants(query.get("runs")), tuple(sorted(shared.items())), seeds, query.get("clock", "steps"))

    @classmethod
    def of_methods(cls, keys: Iterable[str], shared: Mapping[str, str] | None = None, **details: Any) -> Comparison:
        """Several methods, each with its own defaults."""
        variants = tuple((("method", key),) for key in keys)
        return cls(variants, tuple(sorted((shared or {}).items())), **details)

    @classmethod
    def of_values(
        cls, field: str, values: Iterable[Any], shared: Mapping[str, str] | None = None, **details: Any
    ) -> Comparison:
        """One field with several values, all else equal."""
        variants = tuple(((field, _text(value)),) for value in values)
        return cls(variants, tuple(sorted((shared or {}).items())), **details)

    @classmethod
    def of_recipes(cls, recipes: Sequence[Recipe], **details: Any) -> Comparison:
        """Any recipes: what all of them say alike is shared."""
        queries = [{"method": recipe.method, "data": recipe.data, **recipe.to_query()} for recipe in recipes]
        shared = set.intersection(*(set(query.items()) for query in queries))
        variants = tuple(tuple(sorted(set(query.items()) - shared)) for query in queries)
        return cls(variants, tuple(sorted(shared)), **details)


def _variants(text: str | None) -> tuple[Fields, ...]:
    if text is None:
        raise ValueError("The link names no runs to compare.")
    try:
        entries = json.loads(text)
        return tuple(tuple((str(name), _text(value)) for name, value in sorted(entry.items())) for entry in entries)
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError("The link's runs must be a JSON list of objects, one a run.") from error


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _facts(recipe: Recipe) -> dict[str, Any]:
    return {
        **{name: getattr(recipe, name) for name in KNOBS},
        **{f"data.{name}": value for name, value in recipe.data_parameters},
        "interventions": recipe.interventions,
    }


def _title(recipe: Recipe, differing: Mapping[str, Any]) -> str:
    """A run in a word: its method where methods differ, the values that set it apart where they do not."""
    method = METHODS[recipe.method].label
    own = Recipe(method=recipe.method)
    words = [method] if "method" in differing else []
    for name, value in sorted(differing.items()):
        # What follows from the method, or belongs to the data, goes without saying.
        if name == "method" or ("method" in differing and name in KNOBS and value == getattr(own, name)):
            continue
        if name.startswith("data.") and "data" in differing:
            continue
        words.append(_said(name, value))
    return ", ".join(words) or method


def _said(name: str, value: Any) -> str:
    if name == "interventions":
        return f"{len(value)} change{'s' if len(value) != 1 else ''} on the way" if value else "no change on the way"
    if name == "data":
        return DISTRIBUTIONS[value].title
    label = KNOBS[name].label if name in KNOBS else name.removeprefix("data.").replace("_", " ").capitalize()
    return phrase(label, value)
