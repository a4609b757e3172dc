"""The critic lab's curves: weights, gradients layer by layer, cosines with the plan, and estimates of W1."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toygan.examination import Examination, Ideal
from toygan.figures.figure import Figure, Reading
from toygan.figures.numerals import number, numbers, scientific
from toygan.figures.style import axes, line

_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x")

_COSINE_BINS = 20

#: Height of a figure of the plane, and of those beside one, in CSS pixels.
PLANE = 360

#: A gradient below this is none: also so that a logarithmic axis has something to show.
_LEAST = 1e-40

#: Keyframes that a curve of ratios is averaged over: one alone is as noisy as a cloud of 500 points.
_SMOOTHED = 5


#: A mean below this share of another is clearly less.
_CLEARLY = 0.7


@dataclass(frozen=True)
class Critic:
    """A run's name, colour, newest examination and all of them, rising; ``clip`` is its bound, or None."""

    name: str
    title: str
    colour: str
    clip: float | None
    found: Examination
    history: Sequence[Examination] = ()

    @property
    def trained(self) -> bool:
        """Whether there was a step yet."""
        return self.found.step > 0


@dataclass(frozen=True)
class Course:
    """A trained GAN's keyframes (N,): generator steps, its critic's estimate of W1 and the exact W1, NaN for none."""

    title: str
    colour: str
    steps: np.ndarray
    estimates: np.ndarray
    distances: np.ndarray


def weights(critic: Critic) -> Figure:
    """One critic's weights as a histogram, with its clipping bound."""
    found = critic.found
    middles = (found.edges[:-1] + found.edges[1:]) / 2
    bars = {
        "type": "bar",
        "x": middles,
        "y": 100 * found.shares,
        "width": float(found.edges[1] - found.edges[0]),
        "marker": {"color": critic.colour, "line": {"width": 0}},
        "name": critic.title,
        "hovertemplate": "%{x:.3g}: %{y:.1f} %<extra></extra>",
    }
    bounds = [] if critic.clip is None else [-critic.clip, critic.clip]
    layout = axes(
        "weight",
        "share, %",
        showlegend=False,
        bargap=0,
        shapes=[_upright(bound) for bound in bounds],
        xaxis={"range": [float(found.edges[0]), float(found.edges[-1])], "nticks": 5},
        yaxis={"rangemode": "tozero", "nticks": 4},
    )
    name = f"weights-{critic.name.replace('.', '-')}"
    return Figure(name, critic.title, _weights_look(critic), [bars], layout, height=170)


def _weights_look(critic: Critic) -> str:
    if critic.clip is None:
        return "Spread out, where training left them: nothing pushes them to a bound."
    if not critic.trained:
        return "Before the first update nothing is clipped yet."
    return f"{percent(critic.found.pinned)} lie within 1 % of ±c, the dotted lines."


def layers(critics: Sequence[Critic]) -> Figure:
    """The gradient's norm at each layer, from the critic's output back to its input, on a log axis."""
    traces = []
    for index, critic in enumerate(critics):
        norms = critic.found.layers[::-1]
        trace = line(
            _layer_names(len(norms)),
            np.maximum(norms, _LEAST),
            critic.title,
            critic.colour,
            _DASHES[index % len(_DASHES)],
            text=[short(norm) for norm in norms],
            hovertemplate="%{x}: %{text}<extra>" + critic.title + "</extra>",
        )
        symbol = {"symbol": _SYMBOLS[index % len(_SYMBOLS)], "size": 7}
        traces.append(trace | {"mode": "lines+markers", "marker": {**symbol, "color": critic.colour}})
    layout = axes(
        "layer, from the last to the input",
        "gradient norm",
        xaxis={"type": "category"},
        yaxis={"type": "log", "exponentformat": "power", "nticks": 7},
        shapes=[_across(1.0)],
    )
    factors = _listed(f"{_factor(critic.found.layers)} ({inner(critic.title)})" for critic in critics)
    look = (
        "Follow each line from left to right, the way that back-propagation goes: level, climbing or falling. "
        f"At this step a hidden layer multiplies the gradient by {factors}."
    )
    return Figure("layers", "Gradient norm, layer by layer", look, traces, layout, height=340)


def _factor(norms: np.ndarray) -> str:
    """The geometric mean of what the hidden layers multiply the gradient by, from the last to the first."""
    first, last = max(norms[1], _LEAST), max(norms[-1], _LEAST)
    return short(float((first / last) ** (1 / max(len(norms) - 2, 1))))


def _layer_names(count: int) -> list[str]:
    return [*(str(number) for number in range(count - 1, 0, -1)), "input"]


def cosines(critics: Sequence[Critic]) -> Figure:
    """How far each critic's arrows at generated points agree with the optimal plan's."""
    edges = np.linspace(-1, 1, _COSINE_BINS + 1)
    traces = []
    for index, critic in enumerate(critics):
        counts, _ = np.histogram(np.clip(critic.found.cosines, -1, 1), edges)
        mean = number(critic.found.cosines.sum() / max(len(critic.found.cosines), 1))
        traces.append(
            line(
                (edges[:-1] + edges[1:]) / 2,
                100 * counts / max(len(critic.found.cosines), 1),
                f"{critic.title}: mean {mean}",
                critic.colour,
                _DASHES[index % len(_DASHES)],
                hovertemplate="cosine %{x:.2f}: %{y:.0f} %<extra>" + critic.title + "</extra>",
            )
            | {"line": {"color": critic.colour, "dash": _DASHES[index % len(_DASHES)], "width": 2, "shape": "hvh"}}
        )
    look = (
        "Far right is agreement: the critic would send this fake point where the optimal plan sends it. "
        "The more of a curve lies there, the better the critic tells the generator where to go."
    )
    layout = axes("cosine with the plan", "share of fake points, %", xaxis={"range": [-1, 1]})
    return Figure("cosines", "Do the arrows follow the plan?", look, traces, layout, height=PLANE)


def estimates(critics: Sequence[Critic], ideal: Ideal) -> Figure:
    """Each critic's estimate of W1 beside the exact distance."""
    values = [critic.found.estimate for critic in critics]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [critic.title for critic in critics],
        "x": values,
        "text": numbers(values),
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [critic.colour for critic in critics]},
        "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
    }
    low, top = min(0.0, *values), max(ideal.w1, *values)
    exact = {**_upright(ideal.w1), "line": {"color": "@text", "width": 2, "dash": "dot"}}
    label = {"x": ideal.w1, "y": 1, "yref": "paper", "xanchor": "right", "yanchor": "bottom", "showarrow": False}
    told = {**label, "text": f"W₁ = {ideal.w1:.3f}", "font": {"size": 12}}
    layout = axes(
        "data units",
        "",
        showlegend=False,
        margin={"t": 24},
        yaxis={"autorange": "reversed"},
        xaxis={"range": [1.1 * low - (0.2 * top if low < 0 else 0.0), 1.2 * top]},
        shapes=[exact],
        annotations=[told],
    )
    look = (
        "No bar passes the dotted line: a critic divided by its steepest slope is 1-Lipschitz, and W₁ is the most that "
        "such a critic can say. What is missing is what this critic does not see."
    )
    return Figure("estimates", "Estimate of W₁ at this step", look, [bars], layout, height=PLANE)


def estimates_while_training(critics: Sequence[Critic], ideal: Ideal, until: int) -> Figure:
    """Each critic's estimate of W1 at the steps where it was examined, to step ``until``."""
    layout = axes(
        "steps",
        "estimate, data units",
        xaxis={"range": [0, until]},
        shapes=[] if math.isnan(ideal.w1) else [_across(ideal.w1)],
    )
    look = (
        "Watch who comes near the dotted line, the exact W₁, and who gives up early. The zigzag is the divisor: one "
        "steep spot sets it."
    )
    traces = _histories(critics, lambda found: found.estimate)
    return Figure("estimates-while-training", "Estimate of W₁ while it trains", look, traces, layout, height=300)


def slopes_while_training(critics: Sequence[Critic], until: int) -> Figure:
    """Each critic's mean slope between real and generated points, on a log axis, to step ``until``."""
    layout = axes(
        "steps",
        "mean slope between the clouds",
        xaxis={"range": [0, until]},
        yaxis={"type": "log", "exponentformat": "power", "nticks": 7},
        shapes=[_across(1.0)],
    )
    now = _listed(f"{short(_between(critic.found))} ({inner(critic.title)})" for critic in critics)
    look = (
        f"All begin alike. At this step the slopes are {now}. The penalty asks for 1; a clipped critic's slope is "
        "whatever its bound and its depth make of it."
    )
    traces = _histories(critics, lambda found: max(_between(found), _LEAST))
    return Figure("slopes-while-training", "Slope while it trains", look, traces, layout, height=300)


def _between(found: Examination) -> float:
    """The mean slope between real and generated points."""
    return float(found.places["between"].norms.mean())


def _listed(parts: Iterable[str]) -> str:
    """Parts of a sentence as "a, b and c"."""
    *firsts, last = parts
    return f"{', '.join(firsts)} and {last}" if firsts else last


def _histories(critics: Sequence[Critic], value: Callable[[Examination], float]) -> list[dict[str, Any]]:
    traces = []
    for index, critic in enumerate(critics):
        values = [value(found) for found in critic.history]
        trace = line(
            [found.step for found in critic.history],
            values,
            critic.title,
            critic.colour,
            _DASHES[index % len(_DASHES)],
            text=[short(number) for number in values],
            hovertemplate="step %{x}: %{text}<extra>" + critic.title + "</extra>",
        )
        marker = {"symbol": _SYMBOLS[index % len(_SYMBOLS)], "size": 5, "color": critic.colour}
        traces.append(trace | {"mode": "lines+markers", "marker": marker})
    return traces


def ratios(courses: Sequence[Course], until: int) -> Figure:
    """The estimate as a share of W1 while GANs train, by their critic updates a generator step, to step ``until``."""
    shares = [course.estimates / np.where(course.distances > 0, course.distances, np.nan) for course in courses]
    traces = [
        line(
            course.steps,
            smoothed(share),
            course.title,
            course.colour,
            _DASHES[index % len(_DASHES)],
            hovertemplate="step %{x}: %{y:.2f}<extra>" + course.title + "</extra>",
        )
        for index, (course, share) in enumerate(zip(courses, shares, strict=True))
    ]
    layout = axes(
        "generator steps",
        "estimate / W₁",
        shapes=[_across(1.0)],
        yaxis={"range": [-0.1, 1.1]},
        xaxis={"range": [0, until]},
    )
    look = f"At 1 the critic would measure the distance exactly. {_late(courses, shares, until)}".rstrip()
    return Figure("ratios", "Estimate as a share of W₁", look, traces, layout, height=300)


def _late(courses: Sequence[Course], shares: Sequence[np.ndarray], until: int) -> str:
    """What the shares of W1 say once the last third of the steps is seen: their means there, and why below 1."""
    parts = [share[course.steps >= 2 * until / 3] for course, share in zip(courses, shares, strict=True)]
    whole = all(course.steps.size and course.steps[-1] >= until for course in courses)
    if not whole or any(np.isnan(part).all() for part in parts):
        return ""
    means = [float(np.nanmean(part)) for part in parts]
    told = _listed(f"{mean:.2f} ({inner(course.title)})" for course, mean in zip(courses, means, strict=True))
    words = f"Over the last third of the steps the mean is {told}."
    first, *others = means
    if others and first < _CLEARLY * min(others):
        words += f" {courses[0].title} is clearly too few."
    if len(others) > 1 and min(others) > _CLEARLY * max(others):
        words += " Beyond that the curves cross: more updates add little."
    if max(means) < _CLEARLY:
        words += (
            " None comes near 1: the critic chases a generator that moves, and its estimate is divided by the steepest "
            "slope anywhere."
        )
    return words


def distances(courses: Sequence[Course], until: int) -> Figure:
    """The exact W1 of the same runs."""
    traces = [
        line(
            course.steps,
            smoothed(course.distances),
            course.title,
            course.colour,
            _DASHES[index % len(_DASHES)],
            hovertemplate="step %{x}: %{y:.3f}<extra>" + course.title + "</extra>",
        )
        for index, course in enumerate(courses)
    ]
    layout = axes("generator steps", "exact W₁", yaxis={"rangemode": "tozero"}, xaxis={"range": [0, until]})
    look = "What the generator makes of it: how far its points are from the data after as many of its own steps."
    return Figure("distances", "Exact W₁ of the same runs", look, traces, layout, height=300)


def smoothed(values: np.ndarray) -> np.ndarray:
    """Each value's mean with those up to ``_SMOOTHED`` // 2 places away that are numbers, or NaN."""
    half = _SMOOTHED // 2
    windows = [values[max(0, i - half) : i + half + 1] for i in range(len(values))]
    return np.array([window[~np.isnan(window)].mean() if not np.isnan(window).all() else np.nan for window in windows])


def readings(critics: Sequence[Critic], ideal: Ideal) -> list[Reading]:
    """The slope of each critic between real and generated points, and W1."""
    slopes = [Reading(f"Slope, {inner(critic.title)}", short(_between(critic.found))) for critic in critics]
    return [*slopes, Reading("Exact W₁", f"{ideal.w1:.3f}")]


def percent(share: float) -> str:
    """A share as a percentage of two digits: "85 %"."""
    return f"{100 * share:.0f} %" if share >= 0.01 or not share else "Under 1 %"


def short(value: float) -> str:
    """A number of any size in a few characters: "1.04", "123", "2.5·10⁻⁵"."""
    if 0.01 <= value < 10_000:
        return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
    return scientific(value)


def inner(title: str) -> str:
    """A title within a sentence."""
    return title[:1].lower() + title[1:]


def _upright(x: float) -> dict[str, Any]:
    mark = {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper"}
    return {**mark, "line": {"color": "@muted", "width": 1, "dash": "dot"}}


def _across(y: float) -> dict[str, Any]:
    mark = {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": y, "y1": y}
    return {**mark, "line": {"color": "@muted", "width": 1, "dash": "dot"}}
