"""A run in words, as file names, headings and captions use them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from toygan.methods import METHODS
from toygan.metrics import perfect_shares
from toygan.metrics.sizes import LIVE_POINTS
from toygan.recipe import KNOBS, Recipe
from toygan.words import change_title, within

#: Stands for what was not measured.
DASH = "\u2013"

_LONGEST = 60


def one_line(text: str) -> str:
    """Text that anybody may have typed, without line breaks and other characters that do not print."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def slug(text: str) -> str:
    """Text as part of a file name: letters, digits, dots and hyphens, at most 60 of them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^\w.]+", "-", plain)[:_LONGEST].strip("-._")


def seeds_slug(seeds: Sequence[int]) -> str:
    """Seeds as part of a file name."""
    return f"seed{seeds[0]}" if len(seeds) == 1 else f"seeds{seeds[0]}-{seeds[-1]}"


def title(recipe: Recipe, step: int) -> str:
    """The method in force at ``step``, and the data."""
    return f"{recipe.at(step).method_entry.label} on {within(recipe.distribution.title)}"


def link(recipe: Recipe) -> str:
    """The query of the link that opens this recipe; it always names method and data."""
    return urlencode({"method": recipe.method, "data": recipe.data, **recipe.to_query()})


def number(value: float | None) -> str:
    """Three significant digits, or a dash for what was not measured."""
    if value is None or not math.isfinite(value):
        return DASH
    small = value != 0 and abs(value) < 1e-3
    return (f"{value:.1e}" if small or abs(value) >= 1e5 else f"{value:.3g}").replace("-", "\u2212")


def percent(share: float | None) -> str:
    """A share in percent, or a dash."""
    return DASH if share is None else f"{100 * share:.1f} %"


def facts(recipe: Recipe, metrics: Mapping[str, Any], floor: tuple[float, float]) -> list[str]:
    """Distance, coverage and quality, each beside what it should be compared with."""
    perfect = perfect_shares(recipe.distribution)
    modes = metrics.get("modes", DASH)
    return [
        f"W\u2081 of {LIVE_POINTS} points {number(metrics.get('w1'))} (floor {floor[0]:.3f} \u00b1 {floor[1]:.3f})",
        f"{modes} of {len(perfect.weights)} {perfect.kind}",
        f"high quality {percent(metrics.get('high_quality'))} (perfect {percent(perfect.high_quality)})",
    ]


def recipe_rows(recipe: Recipe, seeds: Sequence[int]) -> list[tuple[str, str]]:
    """The recipe as label and value, field by field, with the data's own numbers and what changes on the way."""
    rows = []
    for name, knob in KNOBS.items():
        value = getattr(recipe, name)
        if name == "seed" and len(seeds) > 1:
            rows.append(("Seeds", f"{seeds[0]} to {seeds[-1]}"))
        elif name == "data":
            rows.append((knob.label, recipe.distribution.title))
            rows += [(f"Its {inner.replace('_', ' ')}", _value(number)) for inner, number in recipe.data_parameters]
        elif name == "method":
            rows.append((knob.label, METHODS[value].title))
        else:
            rows.append((knob.label, _value(value)))
    return rows + [(f"At step {step:,}", change_title(fields)) for step, fields in recipe.interventions]


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
