"""Values and rows as a terminal shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned lines; the last column is not padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def setting(value: Any) -> str:
    """A recipe field's value as ``--set`` takes it."""
    return value if isinstance(value, str) else json.dumps(value)


def settings(values: Mapping[str, Any]) -> str:
    """Fields and values as ``--set`` takes them, or "nothing"."""
    return " ".join(f"{name}={setting(value)}" for name, value in values.items()) or "nothing"


def digits(value: float | None) -> str:
    """Four significant digits, or "none"."""
    return "none" if value is None else f"{value:.4g}"


def percent(value: float | None) -> str:
    """A share as a percentage, or "none"."""
    return "none" if value is None else f"{100 * value:.1f} %"


def clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
