"""Settings and titles in words, the same on pages, in lists and in what is taken away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from toygan.methods import METHODS
from toygan.recipe import KNOBS


def within(title: str) -> str:
    """A title within a sentence: only its first letter changes, since names keep their capitals."""
    return title[0].lower() + title[1:]


def phrase(label: str, value: Any) -> str:
    """A setting and its value, such as "Penalty weight 0.1"."""
    return f"{label} {value:g}" if isinstance(value, float) else f"{label} {value}"


def change_title(fields: Iterable[tuple[str, Any]]) -> str:
    """What an intervention changed: the new method, or each setting with its new value."""
    changed = dict(fields)
    if "method" in changed:
        return METHODS[changed["method"]].label
    return ", ".join(phrase(KNOBS[name].label, value) for name, value in changed.items())
