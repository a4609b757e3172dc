"""What noise on every point does to the two segments: JS gets a slope, and annealing follows it home."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from toygan.figures.figure import Control, Figure, Motion, Reading
from toygan.figures.numerals import number, numbers
from toygan.figures.segments import JS_COLOUR, KNOBS
from toygan.figures.style import BLUE, BROWN, GREEN, ORANGE, axes, dots, line
from toygan.theory import Array, gaussians, noise

#: The noise in each frame, from next to none to wide, to as many decimals as its slider shows.
NOISES: Array = np.geomspace(0.02, 2.0, 61).round(3)

NOISE_MOTION = Motion("noise", NOISES.tolist(), seconds=6.0)

#: Steps of a descent; each is shown.
STEPS = 100

STEP_MOTION = Motion("step", list(range(STEPS + 1)), seconds=6.0, bounce=False)

#: How far a step goes: of a small distance, an eighth.
RATE = 0.5

#: Where the segments of a descent begin, and a noise that is too small for that distance.
START, SMALL = 1.0, 0.1

#: Noises whose curves stay, with their dashes.
_KEPT = {1.0: "solid", 0.5: "dash", 0.25: "dashdot", 0.1: "dot"}

#: Where JS is drawn on the right of zero, and on both sides: the closer together the nearer, as narrow valleys are.
_RIGHT: Array = np.concatenate(([0.0], np.geomspace(0.003, 2.0, 60)))
_THETAS: Array = np.concatenate((-_RIGHT[:0:-1], _RIGHT))
_LINE: Array = np.linspace(-2.5, 4.5, 141)
_BELL: Array = np.linspace(-4.0, 4.0, 41)

_LOG_2 = math.log(2)


def controls(values: Mapping[str, Any]) -> list[Control]:
    """The noise, which runs by itself, and the distance."""
    return [
        Control.of("noise", KNOBS["noise"], values["noise"], step=0.001),
        Control.of("apart", KNOBS["apart"], values["apart"], step=0.05),
    ]


def figures(apart: float) -> list[Figure]:
    """The two laws across the segments, JS against the distance, and JS against the noise."""
    return [densities(apart), against_distance(apart), against_noise(apart)]


def densities(apart: float) -> Figure:
    """The laws across the two segments under noise, each as high as one."""
    bell = np.exp(-(_BELL**2) / 2)
    real, fake = NOISES[:, None] * _BELL, apart + NOISES[:, None] * _BELL
    best = gaussians.optimal_critic(_LINE, 0.0, NOISES[:, None], apart, NOISES[:, None])
    return Figure(
        name="noise-densities",
        title="Across the segments, with noise",
        look="While the two bells overlap, D* slopes where the generated points are; with little noise it is a step.",
        traces=[
            line(real[0], bell, "Real, with noise", "@real", fill="tozeroy", fillcolor="@faint"),
            line(fake[0], bell, "Generated, with noise", ORANGE, "dashdot"),
            line(_LINE, best[0], "D*", JS_COLOUR, "dash"),
        ],
        layout=axes("x", "density over its top", xaxis={"range": [-2.5, 4.5]}, yaxis={"range": [-0.05, 1.1]}),
        moving={0: {"x": real.tolist()}, 1: {"x": fake.tolist()}, 2: {"y": best.tolist()}},
    )


@functools.cache
def valleys() -> Array:
    """JS (NOISES, _THETAS): a third of a second, and the same for every distance."""
    right = noise.jensen_shannon(_RIGHT, NOISES[:, None])
    return np.concatenate((right[:, :0:-1], right), axis=1)


def against_distance(apart: float) -> Figure:
    """JS against theta under the noise of each frame, and under some that stay."""
    here = noise.jensen_shannon(apart, NOISES)
    kept = [
        line(_THETAS, noise.jensen_shannon(_THETAS, sigma), f"σ = {sigma:g}", "@muted", dash, 1.0)
        for sigma, dash in _KEPT.items()
    ]
    return Figure(
        name="noise-against-distance",
        title="JS against the distance",
        look="Noise makes the step at 0 a valley with a slope; where the noise is small beside θ, it is level again.",
        traces=[
            *kept,
            line(_THETAS, valleys()[0], "this σ", JS_COLOUR, "dash", width=3.0),
            dots([apart], here[:1], "θ", JS_COLOUR, size=11, showlegend=False, hoverinfo="skip"),
        ],
        layout=axes("θ", "JS", yaxis=_TO_LOG_2),
        moving={len(kept): {"y": valleys().tolist()}, len(kept) + 1: {"y": here[:, None].tolist()}},
    )


def against_noise(apart: float) -> Figure:
    """JS and below it its derivative against the noise, at one distance."""
    values, slopes = noise.jensen_shannon(apart, NOISES), noise.jensen_shannon_slope(apart, NOISES)
    best = NOISES[np.argmax(slopes)]
    below: dict[str, Any] = {"yaxis": "y2"}
    return Figure(
        name="noise-against-noise",
        title="JS against the noise",
        look=f"Without noise JS is stuck at log 2, with much it says nothing. At θ = {apart:g} it pulls hardest at "
        f"σ = {best:.2f}.",
        traces=[
            line(NOISES, values, "JS", JS_COLOUR, "dash"),
            line(NOISES, slopes, "dJS/dθ", JS_COLOUR, "dash", **below),
            dots(NOISES[:1], values[:1], "JS now", JS_COLOUR, size=11, showlegend=False, hoverinfo="skip"),
            dots(NOISES[:1], slopes[:1], "dJS/dθ now", JS_COLOUR, size=11, hoverinfo="skip", **below),
        ],
        layout=axes(
            "σ",
            "JS",
            xaxis={
                "type": "log",
                "anchor": "y2",
                "tickvals": [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
                "ticktext": ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"],
            },
            yaxis={**_TO_LOG_2, "domain": [0.56, 1], "tickvals": [0, _LOG_2], "ticktext": ["0", "log 2"]},
            yaxis2={
                "title": {"text": "dJS/dθ"},
                "range": [-0.08 * slopes.max(), 1.15 * slopes.max()],
                "domain": [0, 0.44],
                "nticks": 4,
            },
            showlegend=False,
        ),
        height=300,
        moving={
            2 + place: {"x": NOISES[:, None].tolist(), "y": heights[:, None].tolist()}
            for place, heights in enumerate((values, slopes))
        },
    )


def readings(apart: float) -> list[Reading]:
    """The noise, JS and its derivative, frame by frame."""
    values, slopes = noise.jensen_shannon(apart, NOISES), noise.jensen_shannon_slope(apart, NOISES)
    return [
        Reading("σ", numbers(NOISES, 3)),
        Reading("JS", numbers(values, 4), "At most log 2 = 0.6931."),
        Reading("dJS/dθ", numbers(slopes, 4)),
    ]


# ---- annealing


def annealing_controls(values: Mapping[str, Any]) -> list[Control]:
    """The step, which runs by itself, and how the noise falls."""
    return [
        Control.of("step", KNOBS["step"], values["step"]),
        Control.of("start-noise", KNOBS["start-noise"], values["start-noise"], step=0.05),
        Control.of("annealing", KNOBS["annealing"], values["annealing"]),
    ]


def annealing_figures(start: float, steps: int) -> list[Figure]:
    """The descents from the same place, and the noise that each has."""
    return [descents(start, steps), noises(start, steps)]


@functools.lru_cache(maxsize=64)
def ways(start: float, steps: int) -> dict[str, tuple[Array, Array]]:
    """Noises (STEPS,) and places theta (STEPS + 1,) of each descent."""
    plans = {
        "Annealed noise": noise.annealed_noise(start, steps, STEPS),
        "Same noise throughout": np.full(STEPS, start),
        f"Little noise, σ = {SMALL:g}": np.full(STEPS, SMALL),
        "No noise": np.zeros(STEPS),
    }
    return {name: (plan, noise.descend(START, plan, RATE)) for name, plan in plans.items()}


def descents(start: float, steps: int) -> Figure:
    """Theta against steps of gradient descent on JS."""
    places = {name: way for name, (_, way) in ways(start, steps).items()}
    return Figure(
        name="annealing-descents",
        title="Gradient descent on JS: θ against steps",
        look=_verdict(places),
        traces=_curves(places),
        layout=axes("step", "θ", yaxis={"range": [-0.08, 1.15]}),
        moving=_moving(places),
    )


def noises(start: float, steps: int) -> Figure:
    """The noise against steps."""
    # At the end too, where no step follows.
    plans = {name: np.append(plan, plan[-1]) for name, (plan, _) in ways(start, steps).items()}
    return Figure(
        name="annealing-noises",
        title="The noise: σ against steps",
        look="What is learned under noise is the blurred segment. Only the annealed descent ends with the sharp one.",
        traces=_curves(plans),
        layout=axes("step", "σ", yaxis={"range": [-0.1, 1.6]}),
        moving=_moving(plans),
    )


def annealing_readings(start: float, steps: int) -> list[Reading]:
    """Where each descent is, frame by frame."""
    return [
        Reading("Step", [str(step) for step in range(STEPS + 1)]),
        *(Reading(f"θ, {name[0].lower()}{name[1:]}", numbers(way)) for name, (_, way) in ways(start, steps).items()),
    ]


def _verdict(places: Mapping[str, Array]) -> str:
    """What has become of the annealed descent, in a sentence."""
    end = float(next(iter(places.values()))[-1])
    if end < 0.05:
        outcome = "Annealed noise brings it home"
    else:
        outcome = f"Here the annealed noise leaves it stranded at θ = {number(end)}: it was too small, or gone too soon"
    return f"{outcome}. Without noise, or with too little, it never starts."


_LOOKS = (
    (ORANGE, "solid", "circle"),
    (GREEN, "dash", "square"),
    (BROWN, "dashdot", "diamond"),
    (BLUE, "dot", "triangle-up"),
)


def _curves(values: Mapping[str, Array]) -> list[dict[str, Any]]:
    steps = np.arange(STEPS + 1)
    looked = list(zip(values.items(), _LOOKS, strict=True))
    return [
        *(line(steps, entry, name, colour, dash) for (name, entry), (colour, dash, _) in looked),
        *(
            dots(steps[:1], entry[:1], f"{name} now", colour, symbol, 10, showlegend=False, hoverinfo="skip")
            for (name, entry), (colour, _, symbol) in looked
        ),
    ]


def _moving(values: Mapping[str, Array]) -> dict[int, dict[str, list[Any]]]:
    steps = np.arange(STEPS + 1)[:, None].tolist()
    return {
        len(values) + place: {"x": steps, "y": entry[:, None].tolist()} for place, entry in enumerate(values.values())
    }


#: An axis of JS, with log 2 by its name.
_TO_LOG_2 = {
    "range": [-0.03, 0.75],
    "tickvals": [0, 0.2, 0.4, _LOG_2],
    "ticktext": ["0", "0.2", "0.4", "log 2"],
}
