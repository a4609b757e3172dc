"""Two Gaussians on the line that move apart: the divergences, and how fast their gradients fade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from toygan.figures.figure import Control, Figure, Handle, Motion, Reading
from toygan.figures.numerals import number, numbers
from toygan.figures.segments import JS_COLOUR, KNOBS
from toygan.figures.style import BLUE, BROWN, GREEN, ORANGE, axes, dots, line
from toygan.theory import Array, gaussians

#: The distance of the means in each frame.
DISTANCES: Array = np.linspace(-8.0, 8.0, 81)

MOTION = Motion("distance", np.round(DISTANCES, 2).tolist(), seconds=7.0)

#: How each divergence is drawn: label, colour, dash.
_LOOKS = {
    "w1": ("W₁", BLUE, "solid"),
    "js": ("JS", JS_COLOUR, "dash"),
    "kl": ("KL(p ‖ q)", BROWN, "dot"),
    "reverse-kl": ("KL(q ‖ p)", GREEN, "dashdot"),
}

#: Where the line is drawn, and the Gaussians, in standard deviations from their means.
_LINE: Array = np.linspace(-10.0, 10.0, 101)
_BELL: Array = np.linspace(-4.0, 4.0, 61)

#: Height of the figures, in CSS pixels.
_HEIGHT = 300

#: The smallest and the largest derivative drawn.
_LEAST, _MOST = 1e-6, 100.0


def controls(values: Mapping[str, Any]) -> list[Control]:
    """The distance, which runs by itself, and the two widths."""
    return [
        Control.of("distance", KNOBS["distance"], values["distance"], step=0.2),
        *(Control.of(name, KNOBS[name], values[name], step=0.05) for name in ("real-std", "fake-std")),
    ]


def figures(real_std: float, fake_std: float) -> list[Figure]:
    """The two densities with the optimal critic, the divergences, and the size of their derivatives."""
    return [densities(real_std, fake_std), divergences(real_std, fake_std), gradients(real_std, fake_std)]


def densities(real_std: float, fake_std: float) -> Figure:
    """p, q and below them D*."""
    p, q = (np.exp(gaussians.log_density(_BELL * std, 0.0, std)) for std in (real_std, fake_std))
    moved = DISTANCES[:, None] + _BELL * fake_std
    best = gaussians.optimal_critic(_LINE, 0.0, real_std, DISTANCES[:, None], fake_std)
    top = 1.1 * max(p.max(), q.max())
    return Figure(
        name="gaussians-densities",
        title="Two Gaussians",
        look="Drag q away from p: the critic D* grows flat at 0 where q is, and a flat critic gives no direction.",
        traces=[
            line(_BELL * real_std, p, "p, real", "@real", fill="tozeroy", fillcolor="@faint"),
            line(moved[0], q, "q, generated", ORANGE, "dashdot"),
            line(_LINE, best[0], "D* = p / (p + q)", JS_COLOUR, "dash", yaxis="y2"),
        ],
        layout=axes(
            "x",
            "density",
            xaxis={"range": [-10.0, 10.0], "anchor": "y2"},
            yaxis={"range": [0, top], "domain": [0.42, 1]},
            yaxis2={
                "range": [-0.1, 1.1],
                "domain": [0, 0.34],
                "title": {"text": "D*"},
                "tickvals": [0, 0.5, 1],
            },
        ),
        height=_HEIGHT,
        moving={1: {"x": moved.tolist()}, 2: {"y": best.tolist()}},
        handles=(Handle("distance", "x", float(q.max()), "Mean of q"),),
    )


def divergences(real_std: float, fake_std: float) -> Figure:
    """W1, JS and both KL against the distance, with a dot on each where q is."""
    values = {name: gaussians.DIVERGENCES[name].value(0.0, real_std, DISTANCES, fake_std) for name in _LOOKS}
    return Figure(
        name="gaussians-divergences",
        title="What each divergence says",
        look="W₁ is the distance where the widths are equal. JS comes to rest at log 2; KL grows without bound.",
        traces=_curves(values) + _now(values),
        layout=axes("d", "divergence", yaxis={"range": [-0.4, 8.4]}),
        height=_HEIGHT,
        moving=_moving(values),
    )


def gradients(real_std: float, fake_std: float) -> Figure:
    """The size of the derivatives with respect to q's mean on a logarithmic axis."""
    values = {name: sizes(name, real_std, fake_std) for name in _LOOKS}
    fading = np.exp(-(DISTANCES**2) / (2 * (real_std + fake_std) ** 2))
    return Figure(
        name="gaussians-gradients",
        title="Size of the generator's gradient",
        look="W₁ keeps pulling. JS falls in an arc on this axis of powers of ten, like the thin curve; with narrower "
        "Gaussians it falls out of sight.",
        traces=[
            *_curves(values),
            line(DISTANCES, fading, "exp(−d² / 2(s₁ + s₂)²)", "@muted", "longdash", 1.0),
            *_now(values),
        ],
        layout=axes(
            "d",
            "size",
            yaxis={
                "type": "log",
                "range": [np.log10(_LEAST), np.log10(_MOST)],
                "dtick": 2,
                "exponentformat": "power",
            },
        ),
        height=_HEIGHT,
        moving={1 + trace: attributes for trace, attributes in _moving(values).items()},
    )


def sizes(name: str, real_std: float, fake_std: float) -> Array:
    """|derivative| of a divergence with respect to q's mean at DISTANCES; NaN where it is zero or there is none."""
    size = np.abs(gaussians.DIVERGENCES[name].slope(0.0, real_std, DISTANCES, fake_std))
    # Zero has no place on a logarithmic axis.
    return np.where(size > _LEAST / 100, size, np.nan)


def readings(real_std: float, fake_std: float) -> list[Reading]:
    """The distance, the divergences and two derivatives, frame by frame."""

    def told(name: str) -> tuple[Array, Array]:
        divergence = gaussians.DIVERGENCES[name]
        place = (0.0, real_std, DISTANCES, fake_std)
        return divergence.value(*place), divergence.slope(*place)

    (w1, pull), (js, push), (kl, _) = told("w1"), told("js"), told("kl")
    return [
        Reading("d", numbers(DISTANCES)),
        Reading("W₁", numbers(w1)),
        Reading("∂W₁/∂d", ["none" if np.isnan(value) else number(value) for value in pull]),
        Reading("JS", numbers(js, 4), "At most log 2 = 0.6931."),
        Reading("∂JS/∂d", [_small(value) for value in push]),
        Reading("KL(p ‖ q)", numbers(kl)),
    ]


def _small(value: float) -> str:
    """Four decimals, or one digit and a power of ten: "−9·10⁻⁴"."""
    if abs(value) >= 1e-3 or value == 0:
        return number(value, 4)
    digit, _, power = f"{value:.0e}".replace("-", "−").partition("e")
    return f"{digit}·10{power.replace('−0', '−').translate(_RAISED)}"


#: Digits and minus sign of an exponent.
_RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _curves(values: Mapping[str, Array]) -> list[dict[str, Any]]:
    # Both KL are the same curve where the widths are equal: the one below is the wider.
    return [line(DISTANCES, values[name], *look, width=4.0 if name == "kl" else 2.0) for name, look in _LOOKS.items()]


def _now(values: Mapping[str, Array]) -> list[dict[str, Any]]:
    return [
        dots(DISTANCES[:1], values[name][:1], f"{label} now", colour, size=10, showlegend=False, hoverinfo="skip")
        for name, (label, colour, _) in _LOOKS.items()
    ]


def _moving(values: Mapping[str, Array]) -> dict[int, dict[str, list[Any]]]:
    return {
        len(_LOOKS) + place: {"x": DISTANCES[:, None].tolist(), "y": values[name][:, None].tolist()}
        for place, name in enumerate(_LOOKS)
    }
