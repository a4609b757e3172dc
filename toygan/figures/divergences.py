"""Fits of one or two Gaussians to a density with two modes, by descent on each divergence; the page's knobs."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from toygan.figures.figure import Control, Figure, Handle, Motion, Reading
from toygan.figures.laws import LAWS
from toygan.figures.style import axes, line
from toygan.figures.walkers import walkers
from toygan.recipe import Knob
from toygan.theory import Array, mixtures
from toygan.theory.fit import Trajectory, fit

#: Steps of a descent: enough to come to rest from nearly any start, in less than a tenth of a second for all four.
STEPS = 200

#: Where sums are taken: as far as a fit may roam, and where curves are drawn.
GRID, SHOWN = np.linspace(-12.0, 12.0, 241), np.linspace(-6.0, 6.0, 121)

#: Standard deviation of a fit at its start, and the distance between two Gaussians there, in data units.
_START_STD, _START_GAP = 0.5, 1.0

#: The steps that are shown: close together at first, when most happens.
FRAMES = np.unique(np.round(np.geomspace(1, STEPS + 1, 42)).astype(int)) - 1

#: A mode counts as covered with this share of what the target has there: a wide q lies thinly over narrow modes.
_FAIR = 0.1

#: Marks of a logarithmic axis of less than two decades; a longer one has the powers of ten.
_TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]

KNOBS: dict[str, Knob] = {
    "left": Knob("Left mode", -2.0, "Centre of the target's left mode.", "", "real", -3.5, 0.0),
    "right": Knob("Right mode", 2.0, "Centre of the target's right mode.", "", "real", 0.0, 3.5),
    "spread": Knob("Width of the modes", 0.6, "Standard deviation of each mode of the target.", "", "real", 0.3, 1.0),
    "share": Knob("Weight of the left mode", 0.6, "Its share of the target's mass.", "", "real", 0.1, 0.9),
    "fitted": Knob("Fit", "one", "How many Gaussians q is made of.", kind="choice", choices=("one", "two")),
    "start": Knob("Start of the fit", 0.8, "Where q begins, with standard deviation 0.5.", "", "real", -3.0, 3.0),
    "step": Knob("Step", 0, "Steps of gradient descent.", "", "integer", 0, STEPS),
    "logit": Knob("The critic's logit", -4.0, "t, where D = 1 / (1 + exp(-t)).", "", "real", -6.0, 6.0),
    "real": Knob("Centre of p", 1.0, "Mean of the real density.", "", "real", -4.0, 4.0),
    "real-std": Knob("Width of p", 0.8, "Standard deviation of the real density.", "", "real", 0.3, 2.0),
    "fake": Knob("Centre of q", -1.0, "Mean of the generated density.", "", "real", -4.0, 4.0),
    "fake-std": Knob("Width of q", 0.8, "Standard deviation of the generated density.", "", "real", 0.3, 2.0),
    "first": Knob("First mode", -2.0, "Centre of the left mode that q passes.", "", "real", -3.5, 0.0),
    "second": Knob("Second mode", 2.0, "Centre of the right mode that q passes.", "", "real", 0.0, 3.5),
    "place": Knob("Place of q", -0.8, "Mean of the generator's Gaussian.", "", "real", -4.5, 4.5),
    "width": Knob("Width of q", 0.6, "Standard deviation of the generator's Gaussian.", "", "real", 0.3, 2.0),
}

MOTION = Motion("step", FRAMES.tolist(), seconds=5.0, bounce=False)


def target(left: float, right: float, spread: float, share: float) -> Array:
    """The real density p = share N(left, spread^2) + (1 - share) N(right, spread^2) as parameters (3, 2)."""
    return mixtures.mixture([left, right], spread, [share, 1 - share])


@functools.lru_cache(maxsize=64)
def trajectories(
    left: float, right: float, spread: float, share: float, fitted: str, start: float
) -> Mapping[str, Trajectory]:
    """The whole descent on each divergence from the same start, by the divergence's name."""
    centres = [start] if fitted == "one" else [start - _START_GAP / 2, start + _START_GAP / 2]
    p, q = target(left, right, spread, share), mixtures.mixture(centres, _START_STD)
    return {name: fit(name, p, q, STEPS, x=GRID) for name in LAWS}


def controls(values: Mapping[str, Any]) -> list[Control]:
    """The target's and the fit's controls; what has a handle has no slider."""
    handled = [
        Control.of(name, KNOBS[name], values[name], handled=True, step=0.05) for name in ("left", "right", "start")
    ]
    return [
        Control.of("step", KNOBS["step"], values["step"]),
        Control.of(
            "fitted", KNOBS["fitted"], values["fitted"], choices=(("one", "One Gaussian"), ("two", "Two Gaussians"))
        ),
        Control.of("spread", KNOBS["spread"], values["spread"], step=0.05),
        Control.of("share", KNOBS["share"], values["share"], step=0.05),
        *handled,
    ]


def figures(values: Mapping[str, Any]) -> list[Figure]:
    """A figure for each divergence's fit, and the divergences against steps."""
    p, ways = _target_of(values), _ways_of(values)
    fitted = {name: np.exp(mixtures.log_density(way.parameters[FRAMES], SHOWN)) for name, way in ways.items()}
    real = np.exp(mixtures.log_density(p, SHOWN))
    top = 1.18 * max(real.max(), *(density.max() for density in fitted.values()))
    handles = _handles(values, p, top)
    return [
        *(_fit_figure(name, ways[name], p, real, density, top, handles) for name, density in fitted.items()),
        _descent_figure(ways),
    ]


#: What the readings are: not the divergences' own values.
_FIT = "The fit q that this divergence leads to, by its mean and its standard deviation, the width."


def readings(values: Mapping[str, Any]) -> list[Reading]:
    """For each divergence the fit's mean and width in each frame, with shares where it is two Gaussians."""
    ways = _ways_of(values)
    return [
        Reading(law.label, [_in_words(q) for q in ways[name].parameters[FRAMES]], _FIT) for name, law in LAWS.items()
    ]


def _in_words(q: Array) -> str:
    parts = [f"mean {mean:.2f}, width {std:.2f}" for mean, std in zip(mixtures.means(q), mixtures.stds(q), strict=True)]
    if len(parts) > 1:
        parts = [f"{100 * weight:.0f} % {part}" for weight, part in zip(mixtures.weights(q), parts, strict=True)]
    return "; ".join(parts).replace("-", "−")


def covers(q: Array, p: Array) -> str:
    """Which of p's two modes a fit q covers, in words, and the share of q that lies off both if p has less there.

    A mode is covered when q has at least a tenth of p's mass within two standard deviations of it.
    """
    near = covered(q, p)
    if not any(near):
        return "neither mode"
    if not all(near):
        return "left mode only" if near[0] else "right mode only"
    of_q, of_p = (round(100 * _off(law, p)) for law in (q, p))
    return f"both modes, {of_q} % off them (p: {of_p} %)" if of_q > of_p else "both modes"


def covered(q: Array, p: Array) -> tuple[bool, ...]:
    """Whether q covers p's left mode, and its right one."""
    return tuple(mass(q, a, b) >= _FAIR * mass(p, a, b) for a, b in _stretches(p))


def _off(law: Array, p: Array) -> float:
    """The mass of a mixture further than two standard deviations from both of p's modes."""
    (left, first), (second, right) = _stretches(p)
    if first > second:
        return 1 - mass(law, left, right)
    return 1 - mass(law, left, first) - mass(law, second, right)


def _stretches(p: Array) -> list[tuple[float, float]]:
    """Two standard deviations to each side of each of p's modes."""
    low, high = mixtures.means(p) - 2 * mixtures.stds(p), mixtures.means(p) + 2 * mixtures.stds(p)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def mass(mixture: Array, low: float, high: float) -> float:
    """A mixture's mass between two places on the line."""
    deviations = mixtures.stds(mixture) * math.sqrt(2)
    ends = [[math.erf(z) for z in (place - mixtures.means(mixture)) / deviations] for place in (low, high)]
    return float(mixtures.weights(mixture) @ np.subtract(ends[1], ends[0])) / 2


def _target_of(values: Mapping[str, Any]) -> Array:
    return target(values["left"], values["right"], values["spread"], values["share"])


def _ways_of(values: Mapping[str, Any]) -> Mapping[str, Trajectory]:
    return trajectories(*(values[name] for name in ("left", "right", "spread", "share", "fitted", "start")))


def _handles(values: Mapping[str, Any], p: Array, top: float) -> tuple[Handle, ...]:
    heights = np.exp(mixtures.log_density(p, np.array([values["left"], values["right"]])))
    return (
        Handle("left", "x", float(heights[0]), "Left mode"),
        Handle("right", "x", float(heights[1]), "Right mode"),
        Handle("start", "x", 0.0, "Start of the fit"),
    )


def _fit_figure(
    name: str, way: Trajectory, p: Array, real: Array, fitted: Array, top: float, handles: tuple[Handle, ...]
) -> Figure:
    law = LAWS[name]
    words_of_each = [[covers(q, p)] for q in way.parameters[FRAMES]]
    words = {"mode": "text", "textposition": "bottom right", "showlegend": False, "hoverinfo": "skip"}
    return Figure(
        f"fit-{name}",
        law.title,
        f"{law.look} {_ending(covered(way.parameters[-1], p))}",
        [
            line(SHOWN, real, "target p", "@real", width=1.5, fill="tozeroy", fillcolor="@faint"),
            line(SHOWN, fitted[0], "fit q", law.colour, width=2.5),
            {"type": "scatter", "x": [-5.8], "y": [top], "text": words_of_each[0], "textfont": {"size": 12}, **words},
        ],
        axes("x", "density", xaxis={"range": [-6, 6]}, yaxis={"range": [0, top], "showgrid": False}),
        height=230,
        moving={1: {"y": np.round(fitted, 4).tolist()}, 2: {"text": words_of_each}},
        handles=handles,
    )


def _ending(near: tuple[bool, ...]) -> str:
    if all(near):
        return "From here q ends across both modes."
    if not any(near):
        return "From here q ends on neither mode."
    return f"From here q ends on the {'left' if near[0] else 'right'} mode alone."


def _descent_figure(ways: Mapping[str, Trajectory]) -> Figure:
    values = {name: np.maximum(way.values, 1e-4) for name, way in ways.items()}
    ends = [math.log10(bound(bound(way) for way in values.values())) for bound in (min, max)]
    colours = [law.colour for law in LAWS.values()]
    dot, moving = walkers(FRAMES, np.stack([way[FRAMES] for way in values.values()], axis=-1), colours)
    steps = np.arange(0, STEPS + 1, 2)
    powers = {"dtick": 1, "exponentformat": "power"}
    marks = powers if ends[1] - ends[0] > 2 else {"tickvals": _TICKS, "ticktext": [f"{tick:g}" for tick in _TICKS]}
    return Figure(
        "descent",
        "Each divergence on its way down",
        "Follow the dots: each fit only goes downhill on its own divergence, and comes to rest in a valley near by, "
        "which need not be the deepest.",
        [
            *(line(steps, values[name][steps], law.label, law.colour, law.dash) for name, law in LAWS.items()),
            dot,
        ],
        axes(
            "step",
            "nats",
            xaxis={"range": [-4, STEPS + 4]},
            yaxis={"type": "log", "range": [ends[0] - 0.15, ends[1] + 0.15], **marks},
        ),
        height=220,
        wide=True,
        moving={len(LAWS): moving},
    )
