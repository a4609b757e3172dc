"""Looking a choice up by its name, with an error that names the choices."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Choice = TypeVar("Choice")


def lookup(kind: str, key: str, choices: Mapping[str, Choice]) -> Choice:
    """``choices[key]``; raises ``ValueError("unknown kind 'key': choose from ...")`` when there is none."""
    if not isinstance(key, str) or key not in choices:
        raise ValueError(f"unknown {kind} {key!r}: choose from {', '.join(choices)}")
    return choices[key]


def find_key(kind: str, name: str, labels: Mapping[str, str]) -> str:
    """The key, of ``labels`` (key -> label), that ``name`` means: a key or a label, in upper or lower case.

    Raises ``ValueError`` as ``lookup`` does.
    """
    keys = {known.casefold(): key for key, label in labels.items() for known in (key, label)}
    key = keys.get(name.casefold(), name)
    lookup(kind, key, labels)
    return key


def suggestion(key: str, choices: Iterable[str]) -> str:
    """The end of a sentence about an unknown ``key``: ``": did you mean ...?"`` where a choice is close, or ``"."``."""
    close = difflib.get_close_matches(key, choices, n=1)
    return f": did you mean {close[0]}?" if close else "."
