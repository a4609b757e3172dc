"""The critic lab's planes: a critic's surface beside the best one, the optimal plan, and where the slope is 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from toygan.examination import Ideal
from toygan.figures.arrows import arrows
from toygan.figures.critics import PLANE, Critic, inner, percent, short
from toygan.figures.figure import Figure
from toygan.figures.style import axes, dots, heat, line

#: Points and lines drawn of a cloud: more would hide what is under them.
_DRAWN = 180

#: What the penalty has to do with the circled points: the lab's is WGAN-GP's, which looks between the clouds.
_LOOKED = {
    "between": "The penalty looks at points like the circled ones alone",
    "around-real": "The penalty does not look at the circled points",
}

#: A critic whose steepest slope is below this is flat in single precision, which has seven digits.
_FLAT = 1e-7

#: Arrows along each side of the square.
_ARROWS = 13


def best(ideal: Ideal) -> Figure:
    """Kantorovich's potential with the optimal plan."""
    reach = _reach(ideal)
    traces = [
        _heat(ideal.extent, ideal.potential, "potential", scale="@diverging", zmin=-reach, zmax=reach),
        _plan(ideal),
        *_clouds(ideal),
    ]
    look = (
        "Blue is high, orange low. Along each line, from a real point to the fake point that the plan pairs it with, "
        "the surface falls with slope exactly 1. It is no steeper anywhere."
    )
    return Figure("best-critic", "The best critic there is", look, traces, _square(ideal.extent), height=PLANE)


def learned(critic: Critic, ideal: Ideal) -> Figure:
    """A critic's surface, divided by its steepest slope, with its arrows."""
    reach = _reach(ideal)
    u, v = _uphill(critic.found.surface, ideal.extent)
    at = np.linspace(-ideal.extent, ideal.extent, critic.found.surface.shape[0])
    chosen = np.linspace(2, len(at) - 3, _ARROWS).round().astype(int)
    x, y = (places.ravel() for places in np.meshgrid(at[chosen], at[chosen]))
    u, v = (part[np.ix_(chosen, chosen)].ravel() for part in (u, v))
    traces = [
        _heat(ideal.extent, critic.found.surface, "critic / slope", scale="@diverging", zmin=-reach, zmax=reach),
        arrows(x, y, u, v, 1.7 * ideal.extent / _ARROWS, "@muted"),
        *_clouds(ideal),
    ]
    steepest = short(critic.found.lipschitz)
    look = (
        f"On the scale of the picture beside it, divided by its steepest slope, {steepest}. The paler it is where the "
        "points are, the less of W₁ this critic sees. Arrows show where it would send fake points."
    )
    if 0 < critic.found.lipschitz < _FLAT:
        look = (
            f"Computed in double precision and divided by its own steepest slope, {steepest}: what you see is no "
            "noise, but far too faint to train on. In single precision, in which the stage above is drawn, it is flat."
        )
    return Figure(
        "learned-critic", f"Learned: {inner(critic.title)}", look, traces, _square(ideal.extent), height=PLANE
    )


def slopes(critic: Critic, extent: float, where: str, title: str) -> Figure:
    """The norm of a critic's gradient over the plane, with the points where a penalty looks."""
    place = critic.found.places[where]
    points = place.points[:_DRAWN]
    top = float(np.quantile(critic.found.slopes, 0.98))
    bar = {"thickness": 10, "len": 0.9, "outlinewidth": 0, "tickfont": {"size": 10}, "exponentformat": "power"}
    traces = [
        _heat(extent, critic.found.slopes, "slope", scale="@sequential", zmin=0, zmax=top or 1.0)
        | {"showscale": True, "colorbar": {**bar, "nticks": 5}},
        dots(
            points[:, 0],
            points[:, 1],
            title.lower(),
            "#d55e00",
            "circle-open",
            4,
            opacity=0.75,
            text=[f"slope {short(norm)}" for norm in place.norms[:_DRAWN]],
            hovertemplate="%{text}<extra></extra>",
        ),
    ]
    inside = short(float(place.norms.mean()))
    look = f"{_LOOKED[where]}, where the slope is {inside} on average."
    if critic.clip is not None:
        look = f"Nobody asked this critic for a slope of 1: it is {inside} at the circled points on average."
    return Figure("slopes", f"Slope, {inner(critic.title)}", look, traces, _square(extent), height=PLANE)


def slope_histogram(critic: Critic, where: str, title: str) -> Figure:
    """The slopes at the points where a penalty looks."""
    norms = critic.found.places[where].norms
    low, high = float(norms.min()), float(norms.max())
    if critic.clip is None:
        low, high = min(low, 0.5), max(high, 1.5)
    counts, edges = np.histogram(norms, 30, (low, high) if high > low else (low - 0.5, low + 0.5))
    bars = {
        "type": "bar",
        "x": (edges[:-1] + edges[1:]) / 2,
        "y": 100 * counts / len(norms),
        "width": float(edges[1] - edges[0]),
        "marker": {"color": critic.colour, "line": {"width": 0}},
        "name": critic.title,
        "hovertemplate": "slope %{x:.3g}: %{y:.1f} %<extra></extra>",
    }
    one = {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper"}
    shapes = [{**one, "line": {"color": "@text", "width": 1.5, "dash": "dot"}}] if low <= 1 <= high else []
    layout = axes(
        f"slope {title.lower()}",
        "share of points, %",
        showlegend=False,
        bargap=0,
        shapes=shapes,
        xaxis={"exponentformat": "power", "nticks": 6},
    )
    look = f"Mean {short(norms.mean())}, standard deviation {short(norms.std())}. "
    near = percent(float((np.abs(norms - 1) < 0.1).mean()))
    look += f"{near} of the points have a slope within 0.1 of 1." if shapes else "The slope 1 is off this scale."
    return Figure("slope-histogram", f"Slopes {title.lower()}", look, [bars], layout, height=PLANE)


def _heat(extent: float, z: np.ndarray, name: str, **details: Any) -> dict[str, Any]:
    axis = np.linspace(-extent, extent, z.shape[0])
    scale = details.pop("scale")
    details = {"showscale": False, "hovertemplate": "%{z:.3g}<extra>" + name + "</extra>", **details}
    return heat(axis, axis, z, name, scale, **details)


def _square(extent: float) -> dict[str, Any]:
    ends = {"range": [-extent, extent], "showgrid": False, "zeroline": False, "nticks": 5}
    return axes(
        "", "", xaxis={**ends, "constrain": "domain"}, yaxis={**ends, "scaleanchor": "x", "constrain": "domain"}
    )


def _clouds(ideal: Ideal) -> list[dict[str, Any]]:
    fake, real = ideal.fake[:_DRAWN], ideal.real[ideal.partner[:_DRAWN]]
    return [
        dots(fake[:, 0], fake[:, 1], "fake", "#d55e00", "x-thin-open", 5, opacity=0.8, hoverinfo="skip"),
        dots(real[:, 0], real[:, 1], "real", "@real", "circle", 5, hoverinfo="skip"),
    ]


def _plan(ideal: Ideal) -> dict[str, Any]:
    """A line from each generated point to its partner, all of them one curve with gaps."""
    fake, real = ideal.fake[:_DRAWN], ideal.real[ideal.partner[:_DRAWN]]
    path = np.stack([fake, real, np.full_like(fake, np.nan)], axis=1).reshape(-1, 2).round(3)
    return line(path[:, 0], path[:, 1], "optimal plan", "@muted", width=1.0, opacity=0.55, hoverinfo="skip")


def _reach(ideal: Ideal) -> float:
    """Where the colours end, alike for both surfaces."""
    return float(np.quantile(np.abs(ideal.potential), 0.92)) or 1.0


def _uphill(surface: np.ndarray, extent: float) -> tuple[np.ndarray, np.ndarray]:
    """The surface's slope along x and y, from its values on the grid."""
    step = 2 * extent / (surface.shape[0] - 1)
    along_y, along_x = np.gradient(surface, step)
    return along_x, along_y
