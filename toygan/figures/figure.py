"""Figures as values: traces, what moves in them, what can be dragged, and the controls and numbers beside them.

The browser draws them with the theme's colours, and runs through a motion's frames without asking the server.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from toygan.frames import digits
from toygan.recipe import Knob

#: Significant digits of a number in a figure: more than a screen can show.
_DIGITS = 5


@dataclass(frozen=True)
class Handle:
    """What can be dragged along ``axis`` ("x" or "y"): the value of ``control``; ``at`` is where on the other axis.

    With ``across``, the control of the other axis, it moves both ways.
    """

    control: str
    axis: str
    at: float
    label: str
    across: str | None = None


@dataclass(frozen=True)
class Figure:
    """A Plotly figure without its theme.

    ``name`` is in kebab case and the name of an exported picture; ``look`` is a sentence that says what to look at.
    ``traces`` and ``layout`` are Plotly's own, with colours of ``style``. ``moving`` has, by the index of a trace, the
    values in each frame of the motion of some of its attributes ("x", "y", "z", "text", "marker.color"). ``height`` is
    in CSS pixels; a ``wide`` figure takes a whole row.
    """

    name: str
    title: str
    look: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any] = field(default_factory=dict)
    height: int = 260
    wide: bool = False
    moving: Mapping[int, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    handles: tuple[Handle, ...] = ()


@dataclass(frozen=True)
class Control:
    """A slider, choice or toggle beside figures; a slider on a "log" scale has ``low`` above zero.

    ``handled`` controls are moved by a figure's handles alone and have no slider of their own.
    """

    name: str
    label: str
    value: Any
    kind: str = "slider"
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    unit: str = ""
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    scale: str = "linear"
    handled: bool = False

    @classmethod
    def of(cls, name: str, knob: Knob, value: Any, **details: Any) -> Control:
        """The control of one of a page's knobs; ``details`` may name any field of a control."""
        common = {"name": name, "label": knob.label, "value": value, "unit": knob.unit, "help": knob.help}
        if knob.kind == "choice":
            choices = tuple((key, key.replace("-", " ").capitalize()) for key in knob.choices)
            return cls(**{**common, "kind": "choice", "choices": choices, **details})
        assert knob.low is not None and knob.high is not None
        step = 1.0 if knob.kind == "integer" else (knob.high - knob.low) / 200
        return cls(**{**common, "low": knob.low, "high": knob.high, "step": step, **details})


@dataclass(frozen=True)
class Motion:
    """The control that runs through ``values`` in the browser; frame i of what moves is shown at ``values[i]``.

    Play takes ``seconds`` one way; then it goes back where ``bounce`` says so, or rests a moment and begins again.
    With ``autoplay`` it plays once by itself when the page is opened.
    """

    control: str
    values: Sequence[float]
    seconds: float = 6.0
    autoplay: bool = True
    bounce: bool = True


@dataclass(frozen=True)
class Reading:
    """A number in words beside the figures; a sequence has an entry for each frame of the motion."""

    label: str
    value: str | Sequence[str]
    help: str = ""


def plain(value: Any) -> Any:
    """``value`` as short JSON: arrays as lists, numbers with five significant digits, None for what is no number."""
    if isinstance(value, np.ndarray):
        return _shortened(value) if value.dtype.kind == "f" else plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return digits(value, _DIGITS) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(entry) for entry in value]
    return value


def _shortened(values: np.ndarray) -> Any:
    """An array of floats as ``plain`` gives them one by one, in a tenth of the time."""
    there = np.isfinite(values)
    sizes = np.abs(np.where(there & (values != 0), values, 1.0))
    shift = np.minimum(_DIGITS - 1 - np.floor(np.log10(sizes)).astype(int), 300)
    # A whole number divided or multiplied by a power of ten that is exact gives the nearest float to the short decimal.
    up, down = 10.0 ** np.maximum(shift, 0), 10.0 ** np.maximum(-shift, 0)
    short = np.rint(np.where(there, values, 0.0) * up / down) / up * down
    return short.tolist() if there.all() else np.where(there, short.astype(object), None).tolist()
