"""Looking a choice up by its name, with an error that names the choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

Choice = TypeVar("Choice")


def lookup(kind: str, key: str, choices: Mapping[str, Choice]) -> Choice:
    """``choices[key]``; raises ``ValueError("unknown kind 'key': choose from ...")`` when there is none."""
    if not isinstance(key, str) or key not in choices:
        raise ValueError(f"unknown {kind} {key!r}: choose from {', '.join(choices)}")
    return choices[key]
