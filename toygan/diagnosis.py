"""Diagnosis: what is going wrong in a run, in a plain sentence, said only when it is certain."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from toygan.record import Keyframe

#: Keyframes, and the steps between the first and last of them, that must agree before anything is said.
_RECENT, _LEAST_STEPS = 6, 200

#: Keyframes looked back over for cycling between modes.
_LONG = 40

#: A generator gradient below this, at samples that are not yet good, has vanished for practical purposes.
_VANISHED = 1e-3

#: A critic nowhere steeper than this, per data unit, says the same everywhere.
_FLAT = 1e-6


class Diagnosis(NamedTuple):
    """``kind`` is "collapse", "cycling", "saturated" or "flat"; ``text`` explains it to whoever watches."""

    kind: str
    text: str


def diagnose(keyframes: Sequence[Keyframe]) -> Diagnosis | None:
    """What is certain of a run's latest keyframes, oldest first, or ``None``."""
    recent = keyframes[-_RECENT:]
    if len(recent) < _RECENT or recent[-1].step - recent[0].step < _LEAST_STEPS:
        return None
    return _flat(recent) or _saturated(recent) or _cycling(keyframes[-_LONG:]) or _collapsed(recent)


def _flat(recent: Sequence[Keyframe]) -> Diagnosis | None:
    slopes = [keyframe.metrics.get("lipschitz") for keyframe in recent]
    if not all(slope is not None and slope < _FLAT for slope in slopes):
        return None
    return Diagnosis(
        "flat",
        "The critic has died: it says the same everywhere, so the generator learns nothing. "
        "Lower the critic's learning rate, or make it larger.",
    )


def _saturated(recent: Sequence[Keyframe]) -> Diagnosis | None:
    def gone(metrics: dict[str, Any]) -> bool:
        gradient, quality = metrics.get("generator_gradient"), metrics.get("high_quality")
        return gradient is not None and gradient < _VANISHED and quality is not None and quality < 0.5

    if not all(gone(keyframe.metrics) for keyframe in recent):
        return None
    return Diagnosis(
        "saturated",
        "The critic is so sure that the generator gets almost no gradient. "
        "Fewer critic steps, a gradient penalty or instance noise bring it back.",
    )


def _cycling(window: Sequence[Keyframe]) -> Diagnosis | None:
    tops = [top for keyframe in window if (top := _dominant(keyframe)) is not None]
    if len(tops) < len(window) * 0.8:
        return None
    moves = sum(a != b for a, b in itertools.pairwise(tops))
    if moves < 4 or len(set(tops)) < 3:
        return None
    return Diagnosis(
        "cycling",
        f"Most samples sit on one mode at a time and move on: {len(set(tops))} modes in turn so far. "
        "The generator runs from the critic instead of spreading out.",
    )


def _collapsed(recent: Sequence[Keyframe]) -> Diagnosis | None:
    def collapsed(keyframe: Keyframe) -> bool:
        total, held, quality = (
            keyframe.metrics.get(name) for name in ("modes_total", "modes_by_share", "high_quality")
        )
        if total is None or held is None or quality is None:
            return False
        return total >= 4 and quality >= 0.5 and held <= total / 4

    if not all(collapsed(keyframe) for keyframe in recent):
        return None
    metrics = recent[-1].metrics
    return Diagnosis(
        "collapse",
        f"Mode collapse: the good samples sit on {metrics['modes_by_share']} of {metrics['modes_total']}.",
    )


def _dominant(keyframe: Keyframe) -> int | None:
    """The mode that holds more than half of the high-quality samples, where they are a fifth of all or more."""
    total, most = sum(keyframe.histogram), max(keyframe.histogram, default=0)
    if most <= total / 2 or (keyframe.metrics.get("high_quality") or 0.0) < 0.2:
        return None
    return keyframe.histogram.index(most)
