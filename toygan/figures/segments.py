"""Two segments at a distance that runs: what each divergence says of it, its gradient, and its best critic.

The knobs of the whole page are here; ``gaussian_line`` and ``instance_noise`` have its other figures.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toygan.figures.figure import Control, Figure, Handle, Motion, Reading
from toygan.figures.numerals import numbers
from toygan.figures.style import BLUE, BROWN, ORANGE, axes, dots, line
from toygan.methods import METHODS
from toygan.recipe import Knob
from toygan.theory import Array, segments
from toygan.theory.histograms import grid_jensen_shannon
from toygan.theory.losses import GENERATOR_LOSSES

#: The colour of the Jensen-Shannon divergence is that of the method whose game minimises it.
JS_COLOUR = METHODS[next(iter(GENERATOR_LOSSES))].colour

KNOBS: dict[str, Knob] = {
    "theta": Knob(
        "Distance θ", 1.0, "How far right of the real segment the generated one stands.", "", "real", -2.0, 2.0
    ),
    "distance": Knob("Distance d", 3.0, "The generated mean minus the real one.", "", "real", -8.0, 8.0),
    "real-std": Knob("Width of p", 1.0, "Standard deviation of the real Gaussian.", "", "real", 0.3, 2.0),
    "fake-std": Knob("Width of q", 1.0, "Standard deviation of the generated Gaussian.", "", "real", 0.3, 2.0),
    "noise": Knob("Noise σ", 0.3, "Standard deviation of the noise on every point.", "", "real", 0.02, 2.0),
    "apart": Knob("Distance θ", 1.0, "How far apart the two segments are before the noise.", "", "real", 0.1, 2.0),
    "step": Knob("Step", 0, "Steps of gradient descent on θ.", "", "integer", 0, 100),
    "start-noise": Knob("Noise at the start", 0.5, "Standard deviation at step 0.", "", "real", 0.05, 1.5),
    "annealing": Knob("Steps of annealing", 60, "After how many steps the noise is gone.", "", "integer", 5, 100),
    "critic-steps": Knob(
        "Critic steps",
        20,
        "Critic updates before each generator update; with few the critic stays far from its best.",
        "",
        "integer",
        1,
        20,
    ),
    "live-noise": Knob(
        "Instance noise",
        0.0,
        "Standard deviation of the noise on what the critic sees, at the start; at the end of the run it is gone.",
        "",
        "real",
        0.0,
        0.6,
    ),
    "optimizer": Knob(
        "Optimizer",
        "sgd",
        "Plain gradient descent moves by the gradient's size; Adam divides by it.",
        kind="choice",
        choices=("sgd", "adam"),
    ),
}

#: Where the generated segment stands in each frame; zero, where everything jumps, is one of them.
THETAS: Array = np.arange(-40, 41) / 20

MOTION = Motion("theta", THETAS.tolist(), seconds=7.0)

#: The generated points of a cloud that is measured, how many, and on what grid: at each of these places.
MEASURED: Array = np.linspace(-2.0, 2.0, 9)
MEASURED_POINTS, CELL = 500, 0.1

#: Points drawn of each segment, and the heights at which the way from one to the other is.
_DRAWN = 60
_WAYS: Array = np.linspace(0.05, 0.95, 10)

#: Height of the figures, in CSS pixels.
_HEIGHT = 300

#: Curves that jump at zero are drawn up to here on both sides.
_NEXT_TO_ZERO = 1e-6

#: Where what is infinite is drawn: at the top edge.
ROOF = 2.3

#: How far to the left and right the critics are drawn.
REACH = 2.5


@dataclass(frozen=True)
class Measured:
    """What clouds of points say at the places ``theta``: exact W1 and the JS of histograms, lists of one length."""

    theta: Sequence[float]
    w1: Sequence[float]
    js: Sequence[float]


@functools.cache
def clouds() -> tuple[tuple[Array, Array], ...]:
    """Independent real and generated points, both (MEASURED_POINTS, 2), for each distance in MEASURED."""
    return tuple(
        (_segment(0.0, MEASURED_POINTS, seed), _segment(theta, MEASURED_POINTS, seed + len(MEASURED)))
        for seed, theta in enumerate(MEASURED)
    )


def measured(w1: Sequence[float]) -> Measured:
    """``w1``, the exact distances of ``clouds()``, with their JS on a grid of cells of width CELL."""
    js = [grid_jensen_shannon(real, fake, CELL).value for real, fake in clouds()]
    return Measured(MEASURED.tolist(), list(w1), js)


def _segment(theta: float, count: int, seed: int) -> Array:
    return np.column_stack((np.full(count, theta), np.random.default_rng(seed).random(count)))


def controls(values: Mapping[str, Any]) -> list[Control]:
    """The distance alone: it runs by itself."""
    return [Control.of("theta", KNOBS["theta"], values["theta"], step=0.05)]


def figures(found: Measured | None) -> list[Figure]:
    """The segments, the divergences with what samples ``found``, their gradients, and the best critics."""
    return [plane(), divergences(found), gradients(), critics()]


def plane() -> Figure:
    """Points of both segments, and the ways that an optimal plan takes."""
    real, fake = (_segment(0.0, _DRAWN, seed)[:, 1] for seed in (0, 1))
    gaps = np.full(len(_WAYS), np.nan)
    ways = [np.column_stack((0 * _WAYS, 0 * _WAYS + theta, gaps)).ravel() for theta in THETAS]
    return Figure(
        name="segments-plane",
        title="Two segments in the plane",
        look="Drag the generated segment: all its points have the same way to go, straight across.",
        traces=[
            line(
                ways[0],
                np.column_stack((_WAYS, _WAYS, gaps)).ravel(),
                "Optimal plan",
                "@muted",
                "dot",
                1.0,
                hoverinfo="skip",
            ),
            dots(np.zeros(_DRAWN), real, "Real", "@real"),
            dots(np.full(_DRAWN, THETAS[0]), fake, "Generated", ORANGE, "diamond", 7),
        ],
        layout=axes(
            "x",
            "y",
            xaxis={"range": [-REACH, REACH]},
            yaxis={"range": [-0.15, 1.15], "tickvals": [0, 0.5, 1]},
        ),
        height=_HEIGHT,
        moving={0: {"x": ways}, 2: {"x": [np.full(_DRAWN, theta) for theta in THETAS]}},
        handles=(Handle("theta", "x", 0.5, "Distance of the generated segment"),),
    )


def divergences(found: Measured | None) -> Figure:
    """W1, JS and KL against theta, with a dot on each where the segment stands, and what samples say."""
    x = _around_zero()
    kl = np.where(np.isinf(segments.kl(x)), ROOF, np.nan)
    now = {
        "w1": segments.wasserstein(THETAS),
        "js": segments.jensen_shannon(THETAS),
        "kl": np.minimum(segments.kl(THETAS), ROOF),
    }
    colours = {"w1": BLUE, "js": JS_COLOUR, "kl": BROWN}
    traces = [
        line(x, segments.wasserstein(x), "W₁", BLUE),
        line(x, segments.jensen_shannon(x), "JS", JS_COLOUR, "dash"),
        line(x, kl, "KL = ∞", BROWN, "dot", customdata=["∞"] * len(x), hovertemplate="KL = ∞"),
        *(
            dots(
                THETAS[:1], now[name][:1], f"{name} now", colour, size=11, showlegend=False, hoverinfo="skip", **_ON_TOP
            )
            for name, colour in colours.items()
        ),
    ]
    if found is not None:
        traces += [
            dots(found.theta, found.w1, "W₁, samples", BLUE, "circle-open", 9),
            dots(found.theta, found.js, "JS, samples", JS_COLOUR, "diamond-open", 9),
        ]
    return Figure(
        name="segments-divergences",
        title="What each divergence says",
        look="Only W₁ grows with the distance. At any but 0 JS is log 2 and KL infinite, drawn at the top edge.",
        traces=traces,
        layout=axes("θ", "divergence", yaxis={"range": [-0.12, ROOF + 0.1]}),
        height=_HEIGHT,
        moving={
            3 + place: {"x": THETAS[:, None].tolist(), "y": now[name][:, None].tolist()}
            for place, name in enumerate(colours)
        },
    )


def gradients() -> Figure:
    """The derivatives of W1 and JS, and the gradients that reach the generator through the best critics."""
    x = _around_zero()
    # Through the critics at every eighth place, so that the marks do not hide the lines they lie on.
    places = THETAS[::8][THETAS[::8] != 0]
    w1, js = segments.wasserstein_slope(THETAS), segments.step_slope(THETAS)
    return Figure(
        name="segments-gradients",
        title="The generator's gradient",
        look="W₁ pulls with strength 1 from any distance, JS not at all. So do the best critics (open marks).",
        traces=[
            line(x, segments.wasserstein_slope(x), "dW₁/dθ", BLUE),
            line(x, segments.step_slope(x), "dJS/dθ", JS_COLOUR, "dash"),
            dots(places, segments.wasserstein_gradient(places), "through f", BLUE, "circle-open", 9),
            dots(places, segments.minimax_gradient(places), "through D*", JS_COLOUR, "diamond-open", 9),
            dots(THETAS[:1], w1[:1], "dW₁/dθ now", BLUE, size=11, showlegend=False, hoverinfo="skip", **_ON_TOP),
            dots(THETAS[:1], js[:1], "dJS/dθ now", JS_COLOUR, size=11, showlegend=False, hoverinfo="skip", **_ON_TOP),
        ],
        layout=axes("θ", "derivative", yaxis={"range": [-1.25, 1.25], "tickvals": [-1, 0, 1]}),
        height=_HEIGHT,
        moving={
            4 + place: {"x": THETAS[:, None].tolist(), "y": slopes[:, None].tolist()}
            for place, slopes in enumerate((w1, js))
        },
    )


def critics() -> Figure:
    """D* and the Kantorovich potential along x, and where the two segments stand."""
    places = [_bends(theta) for theta in THETAS]
    best = [segments.optimal_critic(x, theta) for x, theta in zip(places, THETAS, strict=True)]
    ends = np.array([-REACH, REACH])
    potentials = [segments.kantorovich_potential(ends, theta) for theta in THETAS]
    upper, lower = {"yaxis": "y2"}, {"yaxis": "y", "showlegend": False}
    spots = [
        line([place, place], span, name, colour, dash, 3.0, **panel)
        for name, place, colour, dash in (("Real", 0.0, "@real", "solid"), ("Generated", THETAS[0], ORANGE, "dashdot"))
        for span, panel in ((_D_SPAN, upper), (_F_SPAN, lower))
    ]
    here = THETAS[:, None].repeat(2, axis=1).tolist()
    return Figure(
        name="segments-critics",
        title="The best critics along x",
        look="D* is flat where the generated points are, so it cannot tell them where to go; f slopes everywhere.",
        traces=[
            line(places[0], best[0], "D*", JS_COLOUR, "dash", yaxis="y2"),
            line(ends, potentials[0], "Potential f", BLUE),
            *spots,
        ],
        layout=axes(
            "x",
            "f",
            xaxis={"range": [-REACH, REACH], "anchor": "y"},
            yaxis={"range": _F_SPAN, "domain": [0, 0.46]},
            yaxis2={
                "range": _D_SPAN,
                "domain": [0.54, 1],
                "anchor": "x",
                "title": {"text": "D*"},
                "tickvals": [0, 0.5, 1],
            },
        ),
        height=_HEIGHT,
        moving={
            0: {"x": places, "y": best},
            1: {"y": potentials},
            4: {"x": here},
            5: {"x": here},
        },
    )


def readings() -> list[Reading]:
    """Theta, the divergences, and the gradients that they give the generator, frame by frame."""
    w1, js, kl = segments.wasserstein(THETAS), segments.jensen_shannon(THETAS), segments.kl(THETAS)
    pull, push = segments.wasserstein_slope(THETAS), segments.step_slope(THETAS)
    return [
        Reading("θ", numbers(THETAS)),
        Reading("W₁", numbers(w1), "Wasserstein-1 distance of the two segments."),
        Reading("dW₁/dθ", ["none" if math.isnan(value) else f"{value:+.0f}".replace("-", "−") for value in pull]),
        Reading("JS", ["log 2 = 0.69" if value else "0" for value in js], "Jensen-Shannon divergence."),
        Reading("dJS/dθ", ["none" if math.isnan(value) else f"{value:.0f}" for value in push]),
        Reading("KL", ["∞" if value else "0" for value in kl], "Kullback-Leibler divergence, the same both ways."),
    ]


#: What the panels of D* and of f span, from bottom to top.
_D_SPAN, _F_SPAN = [-0.15, 1.15], [-2.7, 2.7]

#: A dot at the edge of a plot is drawn whole.
_ON_TOP: dict[str, Any] = {"cliponaxis": False}


def _around_zero() -> Array:
    """Places from -2 to 2 with a gap at zero, where curves jump."""
    right = np.concatenate(([_NEXT_TO_ZERO], np.linspace(0.1, 2.0, 20)))
    return np.concatenate((-right[::-1], [np.nan], right))


def _bends(theta: float) -> Array:
    """Places along x, rising, where D* bends: the more between the segments, however close they are."""
    between = np.linspace(0.0, 1.0, 21) * theta
    return np.sort(np.concatenate(([-REACH], between, [REACH])))
