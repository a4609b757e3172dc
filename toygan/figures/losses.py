"""The two losses of the original generator and their slopes, against the critic's probability and its logit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from toygan.figures.divergences import KNOBS
from toygan.figures.figure import Control, Figure, Motion, Reading
from toygan.figures.laws import MINIMAX, NON_SATURATING
from toygan.figures.numerals import numbers
from toygan.figures.style import axes, line
from toygan.figures.walkers import walkers
from toygan.methods import METHODS
from toygan.theory import Array
from toygan.theory.logistic import sigmoid
from toygan.theory.losses import GENERATOR_LOSSES

#: The logits that the dots run through.
LOGITS = np.linspace(-6.0, 6.0, 61)

MOTION = Motion("logit", LOGITS.tolist(), seconds=4.0)

#: label and dash of each loss.
_LOOKS = {MINIMAX: ("log(1 − D)", "dash"), NON_SATURATING: ("−log D", "solid")}

#: Steep ends are cut off here, so that the rest can be seen.
_STEEPEST = -10.0


def controls(values: Mapping[str, Any]) -> list[Control]:
    """The critic's logit, which the motion runs through."""
    return [Control.of("logit", KNOBS["logit"], values["logit"], step=0.2)]


def figures() -> list[Figure]:
    """Slopes and losses against the logit, then against D, with a dot on each curve that moves along the logit."""
    t, d = LOGITS, sigmoid(LOGITS)
    return [
        _figure(
            "slope-by-logit",
            "What the generator feels",
            "Drag the logit to the left, where the critic is sure that the point is generated: the slope of log(1 − D) "
            "is gone, that of −log D is at its strongest.",
            t,
            {name: loss.logit_slope(t) for name, loss in GENERATOR_LOSSES.items()},
            axes("logit t", "slope in t", yaxis={"range": [-1.08, 0.08]}),
        ),
        _figure(
            "loss-by-logit",
            "The losses against the logit",
            "The critic's network puts out the logit, so this is the hill that the generator stands on: log(1 − D) is "
            "flat on the left, where it begins.",
            t,
            {name: loss.of_logit(t) for name, loss in GENERATOR_LOSSES.items()},
            axes("logit t", "loss", yaxis={"range": [-6.3, 6.3]}),
        ),
        _figure(
            "slope-by-probability",
            "Slopes against D",
            "In D itself log(1 − D) is not flat on the left: its slope is −1. The slope of D in the logit, D(1 − D), "
            "takes it away; that of −log D is −1/D, which makes up for it.",
            d,
            {name: loss.slope(d) for name, loss in GENERATOR_LOSSES.items()},
            axes("D", "slope in D", xaxis={"range": [-0.02, 1.02]}, yaxis={"range": [_STEEPEST, 0.4]}),
        ),
        _figure(
            "loss-by-probability",
            "The losses against D",
            "Both fall as D grows, so both teach the generator the same thing; they differ in where they are steep.",
            d,
            {name: loss.value(d) for name, loss in GENERATOR_LOSSES.items()},
            axes("D", "loss", xaxis={"range": [-0.02, 1.02]}, yaxis={"range": [-6.3, 6.3]}),
        ),
    ]


def readings() -> list[Reading]:
    """D, both slopes in the logit, and how many times as steep -log D is, in each frame."""
    slopes = [GENERATOR_LOSSES[name].logit_slope(LOGITS) for name in _LOOKS]
    return [
        Reading("D", numbers(sigmoid(LOGITS), 3), "The critic's probability that the point is real."),
        *(
            Reading(f"Slope of {label}", numbers(slope, 3))
            for (label, _), slope in zip(_LOOKS.values(), slopes, strict=True)
        ),
        Reading("−log D pulls", [f"{times:.3g} times as hard" for times in slopes[1] / slopes[0]]),
    ]


def _figure(name: str, title: str, look: str, x: Array, curves: Mapping[str, Array], layout: dict[str, Any]) -> Figure:
    """Curves by the loss's name, then a dot on each."""
    dot, moving = walkers(
        x, np.stack([curves[key] for key in _LOOKS], axis=-1), [METHODS[key].colour for key in _LOOKS]
    )
    lines = [line(x, curves[key], label, METHODS[key].colour, dash) for key, (label, dash) in _LOOKS.items()]
    return Figure(name, title, look, [*lines, dot], layout, height=240, moving={len(lines): moving})
