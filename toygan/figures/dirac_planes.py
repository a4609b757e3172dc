"""The Dirac-GAN's eigenvalues at rest: of the flow beside the imaginary axis, of a step in the unit circle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toygan.figures.dirac import KNOBS, Setting, bare
from toygan.figures.figure import Figure
from toygan.figures.numerals import number
from toygan.figures.style import axes, dots
from toygan.theory.dirac import DiracGan
from toygan.theory.dynamics import Stability, continuous_stability, discrete_stability

_HEIGHT = 350

#: Values of a knob for which the eigenvalues' way is drawn.
_WAY = 41

Eigenvalues = NDArray[np.complex128]


def flow_plane(setting: Setting) -> Figure:
    """Continuous time: eigenvalues of the Jacobian, stable left of the imaginary axis."""
    gan = setting.gan()
    found = continuous_stability(gan)
    name, ways = _dampings(setting)
    left = {"type": "rect", "x0": -99, "x1": 0, "y0": -99, "y1": 99, "fillcolor": "@faint", "line": {"width": 0}}
    return _plane(
        name="dirac-flow-eigenvalues",
        title="Infinitely small steps",
        look=flow_sentence(found),
        setting=setting,
        found=found,
        beside=_values(continuous_stability(bare(gan))),
        way=(f"as the {name} grows", [_values(continuous_stability(way)) for way in ways]),
        shapes=[{**left, "layer": "below", "opacity": 0.6}],
    )


def step_plane(setting: Setting) -> Figure:
    """Steps: eigenvalues of one iteration's Jacobian, stable inside the unit circle."""
    gan = setting.gan()
    found = setting.stability(gan)
    rates = _range("learning_rate")

    def after(rate: float) -> Eigenvalues:
        return _values(discrete_stability(gan, rate, setting.critic_steps, setting.update))

    circle = {"type": "circle", "x0": -1, "x1": 1, "y0": -1, "y1": 1, "fillcolor": "@faint", "layer": "below"}
    return _plane(
        name="dirac-step-eigenvalues",
        title=f"{setting.update.capitalize()} steps of {setting.learning_rate:g}",
        look=step_sentence(found),
        setting=setting,
        found=found,
        beside=_values(setting.stability(bare(gan))),
        way=("as the learning rate grows", [after(rate) for rate in rates]),
        shapes=[{**circle, "opacity": 0.6, "line": {"color": "@text", "width": 1.5}}],
    )


def flow_sentence(found: Stability) -> str:
    """The verdict on the flow."""
    if found.growth is None:
        return found.obstacle
    growth = number(found.growth)
    sentences = {
        "stable": f"Both lie left of the axis: small deviations die out, in the end like exp({growth} t).",
        "marginal": "They lie on the axis: to first order small deviations go round for ever, neither in nor out.",
        "unstable": f"One lies right of the axis: small deviations grow like exp({growth} t).",
    }
    return sentences[found.verdict]


def step_sentence(found: Stability) -> str:
    """The verdict on steps."""
    if found.growth is None:
        return found.obstacle
    factor = f"{found.growth:.3f}"
    sentences = {
        "stable": f"Both lie inside the circle: in the end a step multiplies small deviations by {factor}.",
        "marginal": "They lie on the circle: to first order a step neither shrinks nor stretches small deviations.",
        "unstable": f"One lies outside the circle: in the end a step multiplies small deviations by {factor}.",
    }
    return sentences[found.verdict]


def written(eigenvalues: Eigenvalues | None) -> str:
    """Eigenvalues to two decimals: "−0.30 ± 0.40 i", "−0.10, −0.50"; a dash where there are none."""
    if eigenvalues is None:
        return "–"
    first, second = sorted(eigenvalues.tolist(), key=lambda value: (value.real, value.imag), reverse=True)
    if abs(first.imag) < 5e-4:
        return ", ".join(number(value.real) for value in (first, second))
    middle = "" if abs(first.real) < 5e-4 else f"{number(first.real)} "
    return f"{middle}± {abs(first.imag):.2f} i"


def _values(found: Stability) -> Eigenvalues:
    return np.empty(0, dtype=np.complex128) if found.eigenvalues is None else found.eigenvalues


def _range(knob: str) -> list[float]:
    low, high = KNOBS[knob].low, KNOBS[knob].high
    assert low is not None and high is not None
    spaced = np.geomspace(low, high, _WAY) if low > 0 else np.linspace(low, high, _WAY)
    return [float(value) for value in spaced]


def _dampings(setting: Setting) -> tuple[str, list[DiracGan]]:
    """What calms this method, the penalty or else the noise, and the method at each value of it."""
    gan = setting.gan()
    if gan.penalties:
        return "penalty weight", [replace(gan, weight=weight) for weight in _range("penalty_weight")]
    return "instance noise", [replace(gan, noise=noise) for noise in _range("instance_noise")]


def _plane(
    name: str,
    title: str,
    look: str,
    setting: Setting,
    found: Stability,
    beside: Eigenvalues,
    way: tuple[str, list[Eigenvalues]],
    shapes: list[dict[str, Any]],
) -> Figure:
    here = _values(found)
    path = np.concatenate([*way[1], np.empty(0)])
    marks = dots(here.real, here.imag, setting.entry.label, setting.entry.colour, "x", 11)
    reach = max(1.3, 1.15 * np.abs(np.concatenate([here, beside, [0]])).max())
    traces = [
        dots(path.real, path.imag, way[0], "@muted", "circle", 3, hoverinfo="skip"),
        dots(beside.real, beside.imag, "nothing added", "@muted", "diamond-open", 9),
        marks,
    ]
    for trace in traces[1:]:
        trace["hovertemplate"] = "%{x:.3f} %{y:+.3f} i<extra></extra>"
    nothing = {"text": "No Jacobian here", "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper", "showarrow": False}
    return Figure(
        name=name,
        title=title,
        look=look,
        traces=traces,
        layout=axes(
            "real part",
            "imaginary part",
            xaxis={"range": [-reach, reach], "zeroline": True, "zerolinecolor": "@muted"},
            yaxis={"range": [-reach, reach], "scaleanchor": "x"},
            shapes=shapes,
            annotations=[] if here.size else [nothing],
        ),
        height=_HEIGHT,
    )
