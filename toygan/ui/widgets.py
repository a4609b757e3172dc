"""Widgets of recipe fields, made from the fields' own metadata.

What a widget shows is always what runs: a change is handed on and validated, and a widget whose value differs from the
recipe's, because something else changed the recipe, is replaced by a new one. (Setting its value instead would race
with the page's ticks: one that left the browser before it heard of the new value reports the old one, which reads as
the visitor's wish to go back.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Protocol

import streamlit as st

from toygan.distributions import DISTRIBUTIONS, Parameter
from toygan.recipe import KNOBS, MAX_STEPS, Knob, Recipe
from toygan.ui import components

#: What stands in the place of a value that is not the same everywhere.
_MIXED = "follows each method"

#: What becomes of changed fields: a change that is not possible says so on the page.
Change = Callable[..., None]


class Noticing(Protocol):
    """Something with a sentence for the visitor."""

    notice: str | None


def bound(name: str, value: Any, change: Callable[[Any], None]) -> dict[str, Any]:
    """Key and callback of a widget whose default is ``value``; ``change`` gets what the visitor makes of it."""
    versions: dict[str, int] = st.session_state.setdefault("versions", {})
    version = versions.setdefault(name, 0)
    if st.session_state.get(f"{name}.{version}", value) != value:
        version = versions[name] = version + 1
    key = f"{name}.{version}"

    def changed() -> None:
        # Streamlit also calls back for a widget that it has forgotten and the browser tells it of again.
        wanted = st.session_state.get(key, value)
        if versions[name] == version and wanted != value:
            change(wanted)

    return {"key": key, "on_change": changed}


def attempt(viewer: Noticing, change: Callable[[], None]) -> None:
    """Make a change; one that is not possible becomes a sentence on the page, and nothing else happens."""
    viewer.notice = None
    try:
        change()
    except ValueError as error:
        viewer.notice = str(error)


def linked(paper: str) -> str:
    """A reference with its arXiv number as a link."""
    return re.sub(r"arXiv:([\d.]+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", paper)


def distribution(recipe: Recipe, change: Change, scope: str = "") -> None:
    """What there is to learn, and its shape; ``scope`` keeps the widgets of two pages apart."""
    chosen = recipe.distribution
    st.pills(
        "Distribution",
        list(DISTRIBUTIONS),
        format_func=lambda key: f"![]({components.thumbnail(key)}) {DISTRIBUTIONS[key].title}",
        required=True,
        default=recipe.data,
        **bound(f"{scope}data", recipe.data, lambda key: change(data=key)),
    )
    spread = "" if chosen.spread is None else f" A mode's std is {chosen.spread:.3g} of the radius or spacing."
    st.caption(chosen.description + spread)
    with st.expander("Shape of the data"):
        for name, parameter in DISTRIBUTIONS[recipe.data].parameters.items():
            _parameter(recipe, name, parameter, change, scope)


def _parameter(recipe: Recipe, name: str, parameter: Parameter, change: Change, scope: str) -> None:
    value = dict(recipe.data_parameters)[name]
    whole = parameter.whole
    kind = int if whole else float
    stride = _stride(value, parameter.high, whole)

    def changed(value: float) -> None:
        change(data_parameters=tuple(sorted({**dict(recipe.data_parameters), name: value}.items())))

    st.number_input(
        _parameter_label(name, parameter.unit),
        min_value=kind(parameter.low),
        max_value=kind(parameter.high),
        value=kind(value),
        step=stride,
        format="%d" if whole else "%g",
        help=parameter.help,
        **bound(f"{scope}data.{recipe.data}.{name}.{stride:g}", kind(value), changed),
    )


def _parameter_label(name: str, unit: str) -> str:
    words = name.replace("_", " ")
    return words.capitalize() if unit == words else f"{words.capitalize()} ({unit})"


def field(recipe: Recipe, name: str, change: Change, scope: str = "", mixed: bool = False) -> None:
    """The widget of one recipe field, made from its metadata; empty where the value is ``mixed``."""
    knob, shown = KNOBS[name], getattr(recipe, name)
    value = None if mixed else shown

    def changed(wanted: Any) -> None:
        # An emptied field names no value.
        if wanted is not None:
            change(**{name: wanted})

    if knob.kind == "choice":
        chosen = bound(f"{scope}knob.{name}", value, changed)
        st.selectbox(
            knob.label,
            knob.choices,
            index=None if mixed else knob.choices.index(shown),
            placeholder=_MIXED,
            help=_help(knob),
            **chosen,
        )
        return
    assert knob.low is not None and knob.high is not None
    whole = knob.kind == "integer"
    stride = _stride(shown, knob.high, whole)
    low = (1e-6 if knob.above else knob.low) if not whole else int(knob.low)
    st.number_input(
        knob.label,
        min_value=low if whole else float(low),
        max_value=int(knob.high) if whole else float(knob.high),
        value=value,
        step=stride,
        format="%d" if whole else "%g",
        help=_help(knob),
        placeholder=_MIXED,
        # Another stride makes another widget, or Streamlit would mistake it for a changed one.
        **bound(f"{scope}knob.{name}.{stride:g}", value, changed),
    )


def _help(knob: Knob) -> str:
    unit = f" In {knob.unit}." if knob.unit else ""
    allowed = "" if knob.kind == "choice" else f" Any value {knob.range_text()}."
    return f"{knob.help}{unit}{allowed}"


def _stride(value: float, high: float, whole: bool) -> float:
    """How far one press of plus or minus goes: a small round part of the value, or of its distance to one."""
    if whole and high > MAX_STEPS:
        return 1  # a seed is a name, not a size
    if whole:
        return 1000 if value > 1000 else 16 if value > 16 else 1
    if value <= 0:
        return 1.0 if high > 100 else min(0.1, high / 10)
    size = min(value, 1 - value) if value < high <= 1 else value
    return float(10 ** math.floor(math.log10(size / 2)))
