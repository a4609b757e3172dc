"""The page on why Wasserstein: two segments, a generator with one weight, two Gaussians, and what noise does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from toygan import worker
from toygan.asked import Asked
from toygan.comparison import Comparison
from toygan.comparison_presets import COMPARISON_PRESETS
from toygan.figures import gaussian_line, instance_noise, segments
from toygan.figures.chart import Chart
from toygan.figures.figure import Control
from toygan.figures.segments import KNOBS, Measured
from toygan.ui import channel, lesson, live, server

_REFERENCES = (
    "Arjovsky, Chintala and Bottou 2017, Wasserstein GAN (example 1: the two segments), arXiv:1701.07875",
    "Arjovsky and Bottou 2017, Towards principled methods for training GANs, arXiv:1701.04862",
    "Sønderby et al. 2017, Amortised MAP inference for image super-resolution (instance noise), arXiv:1610.04490",
    "Goodfellow et al. 2014, Generative adversarial networks, arXiv:1406.2661",
)

#: What the clouds' distances are asked for by.
_CLOUDS = "clouds"

#: The step at which the live runs stop, and keyframes until then.
_GOAL, _KEYFRAMES = 150, 50

#: Generator steps until the live runs' instance noise is gone.
_NOISE_STEPS = 150

#: What else changes with the optimizer: Adam's rate is a length of a step, not a factor on the gradient.
_RATES: dict[str, dict[str, Any]] = {
    "sgd": {},
    "adam": {"optimizer": "adam", "critic_learning_rate": 0.001, "beta1": 0.5},
}

_THETA = Chart(
    "theta",
    "θ against generator steps",
    "The real segment is at 0, the dotted line. Which runs come down to it and stay, and which stays at 1?",
    metric="theta",
    format=".2f",
    reference=0.0,
    height=240,
)


def page() -> None:
    """The whole page."""
    values = lesson.values("segments", KNOBS)
    lesson.title(
        "Segments",
        "Why Wasserstein: it still says which way to go where two distributions do not touch. The divergence that the "
        "first GAN minimises says only that they differ.",
    )
    _distance(values)
    _training(values)
    _gaussians(values)
    _noise(values)
    _annealing(values)
    lesson.references(_REFERENCES)
    channel.feed()


def _distance(values: Mapping[str, Any]) -> None:
    lesson.section(
        "W₁ grows with the distance, JS does not",
        r"Real points lie evenly on the segment $\{(0, y)\}$, generated ones on $\{(\theta, y)\}$, $0 \le y \le 1$: "
        r"the generator is $g_\theta(z) = (\theta, z)$. Unless $\theta = 0$ the two share no point, and"
        "\n\n"
        r"$$\begin{aligned} W_1 &= |\theta| \\ \mathrm{JS} &= \log 2 \\ \mathrm{KL} &= \infty \end{aligned}$$"
        "\n\n"
        r"A generator learns through its critic. The best critic of the first game, $D^* = p / (p + q)$, is $1$ on one "
        r"segment and $0$ on the other and flat near both; the best one with slopes up to $1$ is "
        r"$f(x) = -\mathrm{sign}(\theta)\,x$. So the generator's gradients are"
        "\n\n"
        r"$$\frac{\partial}{\partial\theta} \log\bigl(1 - D^*(g_\theta(z))\bigr) = 0,$$"
        "\n\n"
        r"$$\frac{\partial}{\partial\theta} \bigl[-f(g_\theta(z))\bigr] = \mathrm{sign}(\theta),$$"
        "\n\n"
        r"and the second is $dW_1 / d\theta$.",
    )
    _lab_of_segments(values)
    st.caption(
        "Off the segments nothing determines D*: the curve shown is one best choice of many. "
        f"Open marks: exact optimal transport between {segments.MEASURED_POINTS} points on each segment, and JS of "
        f"their histograms on a grid of cells {segments.CELL:g} wide."
    )


@st.fragment
def _lab_of_segments(values: Mapping[str, Any]) -> None:
    measured = _measured()
    lesson.lab(
        "segments-distance",
        figures=segments.figures(measured),
        controls=segments.controls(values),
        motion=segments.MOTION,
        readings=segments.readings(),
    )
    if not _distances().settled(_CLOUDS):
        _await()
    elif measured is None:
        st.caption("The exact distances could not be measured: the worker process failed.")


@st.cache_resource
def _distances() -> Asked[list[float]]:
    """The exact distances of the clouds, once a server."""
    return Asked(1)


def _measured() -> Measured | None:
    """What was measured; nothing while it is under way, and where it cannot be."""
    _distances().ask(_CLOUDS, lambda: server.engine().ask(worker.distances, segments.clouds()))
    found = _distances().answers().get(_CLOUDS)
    return None if found is None else segments.measured(found)


@st.fragment(run_every=channel.TICK)
def _await() -> None:
    """Draw the page once more when the measurement is there, or will not be."""
    _measured()
    if _distances().settled(_CLOUDS):
        st.rerun()


def comparison(values: Mapping[str, Any]) -> Comparison:
    """The live runs under the page's values."""
    noise = {"instance_noise": values["live-noise"], "instance_noise_steps": _NOISE_STEPS}
    return COMPARISON_PRESETS["segments"].comparison.share(
        critic_steps=values["critic-steps"],
        **_RATES[values["optimizer"]],
        **(noise if values["live-noise"] else {}),
    )


def _training(values: Mapping[str, Any]) -> None:
    lesson.section(
        "Trained live, the minimax generator stays and the Wasserstein ones come home",
        r"The same $g_\theta(z) = (\theta, z)$, whose only weight is $\theta = 1$ at first, learns against four "
        "critics: networks with the same first weights, the same data and the same learning rates, by plain gradient "
        "descent. The minimax generator moves a little while its critic is still unsure, then no more: a better critic "
        "is a worse teacher. Weight clipping and the gradient penalty keep the critic's slope: the segment comes home "
        "at an almost even pace, and with 20 critic steps it is within 0.07 of the real one from step 100 on. "
        "The non-saturating loss (GAN) is there first, and overshoots: its pull is "
        r"the slope of $-\log D$, as steep as the critic happens to be and at the very best one $0 / 0$, so that "
        "nothing bounds it. It swings to and fro to the end, and may happen to be near $0$ when the run stops.",
    )
    runs = live.session("segments", comparison(values), _GOAL, keyframes=_KEYFRAMES)
    lesson.lab(
        "segments-live",
        figures=[],
        controls=[
            Control.of("critic-steps", KNOBS["critic-steps"], values["critic-steps"]),
            Control.of("live-noise", KNOBS["live-noise"], values["live-noise"], step=0.05),
            Control.of(
                "optimizer",
                KNOBS["optimizer"],
                values["optimizer"],
                choices=(("sgd", "Gradient descent"), ("adam", "Adam")),
            ),
        ],
    )
    left, right = st.columns([2, 1], gap="medium")
    with left:
        live.panels(runs, "Two segments, one weight", height=200)
    with right:
        live.charts(runs, [_THETA])
    st.caption(
        "Try noise of 0.3: the minimax generator comes home too, and GAN stays there; 0.2 is too little for minimax at "
        "this distance. Adam divides a gradient by the size of recent ones, so one that fades slowly would not stop "
        "it. Here the minimax gradient fades faster than that, and Adam stops as well."
    )
    _take(runs.comparison)


def _take(shown: Comparison) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        taken = st.segmented_control(
            "Which run",
            range(len(shown.titles)),
            format_func=lambda index: shown.titles[index],
            default=0,
            required=True,
            key="segments.taken",
        )
        lesson.take_to_train(shown.recipes[taken], key="segments")


@st.fragment
def _gaussians(values: Mapping[str, Any]) -> None:
    lesson.section(
        "Even where they overlap, JS lets go as they move apart",
        r"Two Gaussians on the line, $p = \mathcal N(0, s_1^2)$ and $q = \mathcal N(d, s_2^2)$, always overlap, so "
        r"every divergence has a gradient. With $s_1 = s_2 = s$"
        "\n\n"
        r"$$\begin{aligned} W_1 &= |d| \\[2pt] \mathrm{KL} &= \frac{d^2}{2 s^2} \\[2pt] "
        r"\Bigl|\frac{\partial\,\mathrm{JS}}{\partial d}\Bigr| &\sim e^{-d^2 / 8 s^2} \end{aligned}$$"
        "\n\n"
        r"the last for large $|d|$, up to a factor that changes slowly: "
        r"with $s = 1$ the pull of JS is $0.006$ at $d = 6$ and $0.0002$ at "
        r"$d = 8$. That of $W_1$ stays $1$.",
    )
    widths = values["real-std"], values["fake-std"]
    lesson.lab(
        "segments-gaussians",
        figures=gaussian_line.figures(*widths),
        controls=gaussian_line.controls(values),
        motion=gaussian_line.MOTION,
        readings=gaussian_line.readings(*widths),
    )


@st.fragment
def _noise(values: Mapping[str, Any]) -> None:
    lesson.section(
        "Noise on every point gives JS a slope",
        r"Give real and generated points noise $\varepsilon \sim \mathcal N(0, \sigma^2 I)$ before the critic sees "
        r"them. The segments become bands that overlap, and across them all that counts is $\theta / \sigma$:"
        "\n\n"
        r"$$\mathrm{JS}_\sigma(\theta) "
        r"= \mathrm{JS}\bigl(\mathcal N(0, \sigma^2), \mathcal N(\theta, \sigma^2)\bigr).$$"
        "\n\n"
        r"For $|\theta| \ll \sigma$"
        "\n\n"
        r"$$\mathrm{JS}_\sigma(\theta) \approx \frac{\theta^2}{8 \sigma^2}.$$",
    )
    apart = values["apart"]
    lesson.lab(
        "segments-noise",
        figures=instance_noise.figures(apart),
        controls=instance_noise.controls(values),
        motion=instance_noise.NOISE_MOTION,
        readings=instance_noise.readings(apart),
    )


@st.fragment
def _annealing(values: Mapping[str, Any]) -> None:
    lesson.section(
        "Annealed noise leads home and is gone when the segments meet",
        r"Gradient descent on JS under noise that falls linearly to zero, from $\theta_0 = 1$:"
        "\n\n"
        r"$$\theta_{k+1} = \theta_k - \eta\,\sigma_k^2\,\mathrm{JS}_{\sigma_k}'(\theta_k)$$"
        "\n\n"
        rf"with $\eta = {instance_noise.RATE:g}$. "
        r"The factor $\sigma_k^2$ keeps a step from growing as the valley narrows.",
    )
    plan = values["start-noise"], values["annealing"]
    lesson.lab(
        "segments-annealing",
        figures=instance_noise.annealing_figures(*plan),
        controls=instance_noise.annealing_controls(values),
        motion=instance_noise.STEP_MOTION,
        readings=instance_noise.annealing_readings(*plan),
    )
