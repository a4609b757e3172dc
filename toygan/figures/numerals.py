"""Numbers as figures write them: with a true minus sign, which is none before zero."""

from __future__ import annotations

import math
from collections.abc import Iterable

#: Digits of exponents.
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 2) -> str:
    """A number with so many digits after the point: "−0.30"."""
    return f"{value:z.{digits}f}".replace("-", "−")


def numbers(values: Iterable[float], digits: int = 2) -> list[str]:
    """Numbers with so many digits after the point."""
    return [number(value, digits) for value in values]


def scientific(value: float, digits: int = 1) -> str:
    """A number with so many digits after the point, times a power of ten: "5.4·10⁻³"; nought is "0", NaN "unknown"."""
    if not value or math.isnan(value):
        return "unknown" if value else "0"
    front, power = f"{abs(value):.{digits}e}".split("e")
    return f"{'−' if value < 0 else ''}{front}·10{str(int(power)).translate(_RAISED)}"
