"""One method on the Dirac-GAN: its phase portrait and run, the game itself, and the distance from rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from toygan.figures.arrows import arrows
from toygan.figures.dirac import STEPS, Setting, distances, fate, other, verdict
from toygan.figures.figure import Figure, Handle, Motion, Reading
from toygan.figures.style import axes, dots, line
from toygan.theory import Array
from toygan.theory.dirac import DiracGan, field

#: Steps behind the moving point that are drawn bold.
_TAIL = 12

#: Half the side of a portrait, and how far its arrows reach where the screen is wider or higher than that.
REACH, _WIDE, _HIGH = 2.0, 4.4, 2.8

#: Places further out than this are not drawn, and distances beyond these neither.
_OUTSIDE, _NEAREST, _FURTHEST = 50.0, 1e-9, 1e6


def motion() -> Motion:
    """Once through all steps."""
    return Motion("step", list(range(STEPS + 1)), seconds=12, bounce=False)


def heading(setting: Setting) -> str:
    """What becomes of the chosen run and of the one beside it, as a claim."""
    gan, beside = setting.gan(), other(setting)
    here = fate(gan, setting.stability(gan), setting.run(gan))
    return f"{setting.entry.label} {here}; with {beside.words} it {beside.fate}"


def readings(setting: Setting) -> list[Reading]:
    """The verdict on small deviations, what becomes of this run, and where it is."""
    gan = setting.gan()
    places, found = setting.run(gan), setting.stability(gan)
    return [
        Reading(
            "Small deviations",
            verdict(gan, found),
            "What becomes of a start close to θ = ψ = 0, in steps of this size.",
        ),
        Reading(
            "This run",
            fate(gan, found, places),
            "From its own start, which need not be close: where small deviations grow, a start far out may come in, up "
            "to a cycle on which both meet.",
        ),
        Reading("Distance", [_written(size) for size in distances(places)], "From θ = ψ = 0, in data units."),
    ]


def _written(size: float) -> str:
    if not size < _FURTHEST:
        return "far away"
    return f"{size:.3f}" if size >= 1e-3 else "below 0.001"


def seen(places: Array) -> Array:
    """The places (N, 2) that can be drawn, NaN for those that are too far out."""
    inside = np.abs(np.nan_to_num(places, nan=np.inf)).max(axis=-1, keepdims=True) <= _OUTSIDE
    return np.where(inside, places, np.nan).round(4)


def grid(gan: DiracGan, across: Array, up: Array, length: float, **details: Any) -> dict[str, Any]:
    """Arrows of a method's field over a grid of theta and psi; none where a clipped slope cannot be."""
    theta, psi = (part.ravel() for part in np.meshgrid(across, up))
    inside = np.abs(psi) <= gan.bound
    theta, psi = theta[inside], psi[inside]
    return arrows(theta, psi, *field(gan, theta, psi), length, **details)


def head(places: Array, colour: str, size: float = 11.0, **details: Any) -> tuple[dict[str, Any], dict[str, list]]:
    """The moving point of a run: its trace, and its place in each frame."""
    x, y = ([[value] for value in column.tolist()] for column in places.T)
    trace = dots(x[0], y[0], "now", colour, size=size, showlegend=False, hoverinfo="skip", **details)
    trace["marker"]["line"] = {"color": "@background", "width": 1.5}
    return trace, {"x": x, "y": y}


def rest(gan: DiracGan) -> dict[str, Any]:
    """The equilibrium, generated points where the real ones are and a flat critic; empty where no critic is flat."""
    at = [0] if gan.rule.trained else []
    cross = dots(at, at, "equilibrium", "@text", "x-thin", 9, hoverinfo="skip", showlegend=bool(at))
    cross["marker"]["line"] = {"color": "@text", "width": 2}
    return cross


def portrait(setting: Setting) -> Figure:
    """The chosen method's field and run from a start that can be dragged, beside the run it is compared with."""
    gan, colour, beside = setting.gan(), setting.entry.colour, other(setting)
    places, others = seen(setting.run(gan)), seen(beside.places)
    across, up = (np.arange(-end, end + 0.01, 0.4) for end in (_WIDE, _HIGH))
    point, point_moves = head(places, colour)
    ghost, ghost_moves = head(others, "@muted", 9, opacity=0.9)
    ghost["marker"]["symbol"] = "diamond"
    tails = [places[max(0, last - _TAIL) : last + 1] for last in range(len(places))]
    look = {"hovertemplate": "step %{pointNumber}<br>θ %{x:.3f}<br>ψ %{y:.3f}<extra></extra>"}
    traces = [
        grid(gan, across, up, 0.36, opacity=0.6),
        line(others[:, 0], others[:, 1], beside.words, "@muted", "dot", 1.5, **look),
        line(places[:, 0], places[:, 1], setting.entry.label, colour, width=1.5, **look),
        line([], [], "latest steps", colour, width=4, showlegend=False, hoverinfo="skip"),
        rest(gan),
        ghost,
        point,
    ]
    return Figure(
        name="dirac-portrait",
        title=f"{setting.entry.title}: where it goes from here",
        look="Drag the ring to another start. The arrows are the field. The run takes finite steps along it and strays "
        "from it, the more the larger they are.",
        traces=traces,
        layout=axes(
            "θ, where the generated point is (data units)",
            "ψ, the critic's slope",
            xaxis={"range": [-REACH, REACH], "zeroline": True},
            yaxis={"range": [-REACH, REACH], "scaleanchor": "x", "zeroline": True},
            shapes=_beyond(gan),
        ),
        height=460,
        wide=True,
        moving={
            3: {"x": [tail[:, 0] for tail in tails], "y": [tail[:, 1] for tail in tails]},
            5: ghost_moves,
            6: point_moves,
        },
        handles=(Handle("theta", "x", setting.psi, "Start of the run", across="psi"),),
    )


def _beyond(gan: DiracGan) -> list[dict[str, Any]]:
    """Where clipping lets no slope be, shaded."""
    if not np.isfinite(gan.bound):
        return []
    look = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "fillcolor": "@faint", "line": {"width": 0}}
    return [{**look, "layer": "below", "y0": side * gan.bound, "y1": side * 9} for side in (-1, 1)]


def game(setting: Setting) -> Figure:
    """The same run as the reader of a paper would draw it: real point, generated point, and the critic's line."""
    gan, colour = setting.gan(), setting.entry.colour
    places = seen(setting.run(gan))
    end = 9.0
    slopes = gan.rule.slope(places[:, 1])
    heights = (slopes * places[:, 0] + gan.slopes.neutral).round(4)
    neutral = gan.slopes.neutral
    moving_line = [[round(neutral - end * slope, 4), round(neutral + end * slope, 4)] for slope in slopes.tolist()]
    fake_x = [[x] for x in places[:, 0].tolist()]
    stems = [[neutral, height] for height in heights.tolist()]
    traces = [
        line([-end, end], moving_line[0], "critic, D(x) = ψx" + (" + ½" if neutral else ""), colour, width=2),
        line([], [], "its value there", colour, "dot", 1.5, showlegend=False, hoverinfo="skip"),
        dots([0], [neutral], "real", "@real", "square", 12),
        dots(fake_x[0], [neutral], "generated", colour, "circle", 12),
    ]
    return Figure(
        name="dirac-game",
        title="The game being played",
        look="The generated point climbs the critic's line; "
        + (
            "the line tips down to wherever that point is."
            if gan.rule.trained
            else "the line never tips, so that the point runs on at the same speed."
        ),
        traces=traces,
        layout=axes(
            "x (data units)",
            "D(x)",
            xaxis={"range": [-REACH, REACH]},
            yaxis={"range": [neutral - REACH, neutral + REACH]},
        ),
        height=270,
        moving={
            0: {"y": moving_line},
            1: {"x": [[x[0], x[0]] for x in fake_x], "y": stems},
            3: {"x": fake_x},
        },
    )


def distance(setting: Setting) -> Figure:
    """The distance from rest against steps: both kinds of updates, nothing added, and what eigenvalues predict."""
    gan, colour, beside = setting.gan(), setting.entry.colour, other(setting)
    steps = np.arange(STEPS + 1)
    away = _drawn(distances(setting.run(gan)))
    growth = setting.stability(gan).growth
    traces = [line(steps, _drawn(distances(beside.places)), beside.words, "@muted", "dot", 1.5)]
    look = "A straight way down is convergence; level is going round for ever; up is going away."
    if growth is not None:
        look += " Dashes: what the eigenvalues predict."
        predicted = _drawn(away[0] * np.exp(steps * np.log(max(growth, 1e-12))))
        traces.append(line(steps, predicted, "predicted", "@text", "dash", 1.0))
    traces.append(line(steps, away, setting.entry.label, colour, width=2.5))
    now = dots([0], [away[0]], "now", colour, size=10, showlegend=False, hoverinfo="skip")
    return Figure(
        name="dirac-distance",
        title="Distance from θ = ψ = 0",
        look=look,
        traces=[*traces, now],
        layout=axes(
            "step",
            "distance (data units)",
            xaxis={"range": [0, STEPS]},
            yaxis={"type": "log", "range": [-3.2, 1.2], "dtick": 1, "exponentformat": "power"},
        ),
        height=270,
        moving={len(traces): {"x": [[step] for step in range(STEPS + 1)], "y": [[size] for size in away.tolist()]}},
    )


def _drawn(sizes: Array) -> Array:
    """Distances as a log axis can show them."""
    with np.errstate(invalid="ignore"):
        return np.where((sizes > _NEAREST) & (sizes < _FURTHEST), sizes, np.nan)
