"""The page on what clipping does: four critics of one frozen generator, examined while they train."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from toygan import critic_lab
from toygan.critic_lab import KNOBS, PLACES, RUNS
from toygan.demonstration import Demonstration
from toygan.distributions import DISTRIBUTIONS
from toygan.examination import Ideal, unknown_examination, unknown_ideal
from toygan.examiner import Examiner
from toygan.figures import critic_planes, critics
from toygan.figures.critics import Course, Critic, short
from toygan.figures.figure import Control, Figure
from toygan.ui import lesson, live, server

#: Seconds between two looks for a new examination.
_TICK = 1.0

#: What stands in a figure's place while it is measured, and where it cannot be.
_WAITING = "Being measured."
_FAILED = "This could not be measured. Reload the page to try again."

#: How far from the balance training leaves a slope: at the largest weight it wanders by about as much around 1.
_LEFT = 0.1

_REFERENCES = (
    "Gulrajani et al. 2017, Improved training of Wasserstein GANs (figure 1), arXiv:1704.00028",
    "Arjovsky, Chintala and Bottou 2017, Wasserstein GAN (weight clipping), arXiv:1701.07875",
    "Kodali et al. 2017, On convergence and stability of GANs (a penalty around real points), arXiv:1705.07215",
    "Petzka et al. 2018, On the regularization of Wasserstein GANs, arXiv:1709.08894",
    "Villani 2009, Optimal Transport: Old and New, theorem 5.10 (Kantorovich's potential)",
    "Flamary et al. 2021, POT: Python Optimal Transport, JMLR 22(78)",
)

_CHOICES = {
    "data": tuple((key, DISTRIBUTIONS[key].title) for key in critic_lab.DATA),
    "run": tuple(RUNS.items()),
    "where": tuple(PLACES.items()),
    "weight": tuple((text, text) for text in KNOBS["weight"].choices),
}


def page() -> None:
    """The whole page."""
    values = lesson.values("critic-lab", KNOBS)
    lesson.title(
        "Critic lab",
        "A critic measures the Wasserstein distance only if its slope is at most 1. Clipping its weights holds the "
        "slope down blindly; a gradient penalty asks for the slope itself.",
    )
    runs = live.session("critic-lab", critic_lab.clipping(values), critic_lab.STEPS, keyframes=40)
    examiner = _examiner()
    lesson.section(
        "One generator that never learns, four critics that do",
        r"The paper's experiment: the fake points are real points plus noise, $\tilde x = x + \mathcal N(0, I)$, for "
        rf"ever, so that only the critic is trained; a step here is {runs.comparison.recipes[0].critic_steps} of its "
        r"updates. Each is to make $\mathbb E\,D(x) - \mathbb E\,D(\tilde x)$ as "
        r"large as it can. The first pays $\lambda\,\mathbb E\,(\lVert\nabla D(\hat x)\rVert - 1)^2$ on points $\hat "
        r"x$ between real and fake ones; the others have each weight clipped to $[-c, c]$ after every update. Look at "
        "the surfaces: which of them follow the data? Each has its own scale of colours; with the same scale for all "
        "you see how far apart their slopes are. One that stays blank is flat to single precision.",
    )
    lesson.lab("critic-lab-settings", figures=[], controls=_controls(values, ["data", "depth", "weight"]))
    live.panels(runs, f"The critics' values on {DISTRIBUTIONS[values['data']].title}", height=300, scale="own")
    st.caption(_settings(values))
    _examined(runs, examiner, values)
    _critic_steps(values)
    lesson.take_to_train(runs.comparison.recipes[list(RUNS).index(values["run"])], "Take the chosen critic to Train")
    lesson.references(_REFERENCES)


def _settings(values: Mapping[str, Any]) -> str:
    """What differs from the methods' defaults and from the paper."""
    recipes = critic_lab.clipping(values).recipes
    penalised, clipped = recipes[0], recipes[1]
    faster = penalised.critic_learning_rate / penalised.method_entry.defaults["critic_learning_rate"]
    scaled = " The grid is the paper's, its spacing divided by 2.828." if critic_lab.DATA[values["data"]] else ""
    return (
        f"{critic_lab.STEPS} steps of {penalised.critic_steps} critic updates on {penalised.batch} points; "
        f"{values['depth']} hidden layers of {penalised.critic_width} ReLU units (the paper: 3 of 512 for surfaces, "
        f"12 for gradients). Penalised: Adam, learning rate {penalised.critic_learning_rate:g}, {faster:g} times "
        f"the method's default here, so that it is done in half a minute. Clipped: RMSProp, "
        f"{clipped.critic_learning_rate:g}, the method's defaults.{scaled}"
    )


def _controls(values: Mapping[str, Any], names: Sequence[str]) -> list[Control]:
    return [
        Control.of(name, KNOBS[name], values[name], **({"choices": _CHOICES[name]} if name in _CHOICES else {}))
        for name in names
    ]


def _examiner() -> Examiner:
    if "examiner" not in st.session_state:
        st.session_state.examiner = Examiner(server.engine())
    examiner = st.session_state.examiner
    assert isinstance(examiner, Examiner)
    return examiner


def _examined(runs: Demonstration, examiner: Examiner, values: Mapping[str, Any]) -> None:
    """The figures of the critics' examinations, drawn anew while there are new ones."""

    def waiting() -> bool:
        settled = all(examiner.settled(run, step) for run, step in zip(runs.runs, runs.steps, strict=True))
        return runs.playing or not settled or not examiner.ideal_settled(runs.runs[0])

    _critics(runs, examiner, values["depth"])
    examiner.ideal(runs.runs[0])
    before = waiting()

    @st.fragment(run_every=_TICK if before else None)
    def part() -> None:
        found = _critics(runs, examiner, values["depth"])
        if waiting() != before:
            st.rerun()
        extent = runs.comparison.recipes[0].distribution.extent
        ideal = examiner.ideal(runs.runs[0]) or unknown_ideal(extent)
        missing = _WAITING if before else _FAILED
        _weights(found, missing)
        _layers(found, missing)
        _best(found, ideal, values, missing)
        _slopes(found, ideal, values, missing)
        _course(found, ideal, missing)

    part()


def _critics(runs: Demonstration, examiner: Examiner, depth: int) -> list[Critic]:
    """The four critics as far as they are examined."""
    comparison = runs.comparison
    histories = [examiner.history(run, step) for run, step in zip(runs.runs, runs.steps, strict=True)]
    return [
        Critic(
            name=name,
            title=title,
            colour=colour,
            clip=recipe.clip if recipe.method_entry.constraint else None,
            found=history[-1] if history else unknown_examination(depth),
            history=history,
        )
        for (name, title), colour, recipe, history in zip(
            RUNS.items(), comparison.colours, comparison.recipes, histories, strict=True
        )
    ]


def _known(figure: Figure, known: bool, missing: str) -> Figure:
    """The figure, or its empty place, which says why, while there is nothing to draw."""
    if known:
        return figure
    bare: dict[str, Any] = {"shapes": [], "annotations": []}
    return dataclasses.replace(figure, traces=[], layout={**figure.layout, **bare}, look=missing)


def _weights(found: Sequence[Critic], missing: str) -> None:
    lesson.section(
        "Clipping piles the weights up at the bound",
        "All weights and biases of each critic, as a histogram over the range that holds 99.5 % of them. To get the "
        "most out of a bound on each weight, gradient descent drives nearly every one of them to it: the critic can "
        "hardly be anything but a sum of the same few pieces.",
    )
    lesson.lab(
        "critic-lab-weights", [_known(critics.weights(critic), critic.found.step >= 0, missing) for critic in found]
    )


def _layers(found: Sequence[Critic], missing: str) -> None:
    lesson.section(
        "On its way back, a clipped gradient explodes or vanishes",
        r"What back-propagation hands from layer to layer: the gradient of the critic's loss $L = \mathbb E\,D(\tilde "
        r"x) - \mathbb E\,D(x)$, without any penalty, with respect to the activations $h_l$ of each layer, "
        r"$\lVert n\,\partial L / \partial h_l \rVert$ for each point, as the root mean square over all of them. "
        r"Each layer of a clipped critic multiplies it by a matrix of entries $\pm c$, so by about the same factor: it "
        r"changes exponentially with depth. At the input it is the critic's slope.",
    )
    lesson.lab(
        "critic-lab-layers", [_known(critics.layers(found), all(critic.found.step >= 0 for critic in found), missing)]
    )


def _best(found: Sequence[Critic], ideal: Ideal, values: Mapping[str, Any], missing: str) -> None:
    critic = found[list(RUNS).index(values["run"])]
    known = not math.isnan(ideal.w1)
    lesson.section(
        "What the critic should be",
        r"Between two clouds of 1,000 points the best critic can be computed exactly (Kantorovich and Rubinstein):"
        "\n\n"
        r"$$W_1 = \max_\varphi\, \mathbb E\,\varphi(x) - \mathbb E\,\varphi(\tilde x)$$"
        "\n\n"
        r"over all $\varphi$ with $|\varphi(x) - \varphi(y)| \le \lVert x - y \rVert$. The linear programme's dual "
        "variables $v$ give the best one over the whole plane,"
        "\n\n"
        r"$$\varphi(x) = \min_j\, (\lVert x - \tilde x_j \rVert - v_j).$$"
        "\n\n"
        r"Where the optimal plan joins a fake point to a "
        r"real one, $\varphi$ rises along the line with slope exactly 1.",
    )
    lesson.lab(
        "critic-lab-best",
        [
            _known(critic_planes.best(ideal), known, missing),
            _known(critic_planes.learned(critic, ideal), known and critic.found.step >= 0, missing),
            _known(critics.cosines(found), all(critic.found.step >= 0 for critic in found), missing),
        ],
        controls=_controls(values, ["run"]),
    )


def _slopes(found: Sequence[Critic], ideal: Ideal, values: Mapping[str, Any], missing: str) -> None:
    critic = found[list(RUNS).index(values["run"])]
    known = critic.found.step >= 0
    all_known = not math.isnan(ideal.w1) and all(critic.found.step >= 0 for critic in found)
    where = values["where"]
    lesson.section(
        "The slope, over the plane",
        r"The penalty asks for $\lVert\nabla D\rVert = 1$ where it looks, and nowhere else. In theory it "
        r"gets more: a critic of slope $s$ gains $s\,W_1$ and pays $\lambda (s - 1)^2$, which balance at"
        "\n\n"
        r"$$s = 1 + \frac{W_1}{2 \lambda}.$$"
        "\n\n"
        f"{balance(values, ideal, found[0])}"
        r"Does it matter? A critic with Lipschitz constant $K$ says at most $K\,W_1$, so that what it says divided by "
        r"$K$ is its estimate of $W_1$. $K$ is the largest slope met over the plane, in both clouds and between them.",
    )
    lesson.lab(
        "critic-lab-slopes",
        [
            _known(critic_planes.slopes(critic, ideal.extent, where, PLACES[where]), known, missing),
            _known(critic_planes.slope_histogram(critic, where, PLACES[where]), known, missing),
            _known(critics.estimates(found, ideal), all_known, missing),
        ],
        controls=_controls(values, ["run", "where"]),
        readings=critics.readings(found, ideal) if all_known else (),
    )


def balance(values: Mapping[str, Any], ideal: Ideal, penalised: Critic) -> str:
    """Where gain and penalty are in balance and what the penalised critic's slope is, once both are known."""
    if math.isnan(ideal.w1) or not penalised.trained:
        return ""
    weight = float(values["weight"])
    excess, slope = ideal.w1 / (2 * weight), float(penalised.found.places["between"].norms.mean())
    words = (
        f"With the weight {weight:g} that is {short(1 + excess)}; between the clouds the penalised critic's mean slope "
        f"is {short(slope)} after {penalised.found.step} steps. "
    )
    if excess < _LEFT:
        words += (
            f"The excess over 1, {excess:.2f}, is smaller than the error that training leaves; set the weight to "
            f"{KNOBS['weight'].choices[0]}, which the paper's toy code uses, to see it."
        )
    return f"{words.rstrip()}\n\n"


def _course(found: Sequence[Critic], ideal: Ideal, missing: str) -> None:
    """How the critics came to where they are."""
    figures = [
        critics.estimates_while_training(found, ideal, critic_lab.STEPS),
        critics.slopes_while_training(found, critic_lab.STEPS),
    ]
    known = all(critic.history for critic in found)
    lesson.lab("critic-lab-course", [_known(figure, known, missing) for figure in figures])


def _critic_steps(values: Mapping[str, Any]) -> None:
    """Ordinary GANs that differ in their critic steps, trained when asked for."""
    lesson.section(
        "How many critic updates does a generator step need?",
        "Now the generator learns too, and the critic has to follow it. Four WGAN-GP runs with 1, 2, 5 and 10 critic "
        f"updates before each of {critic_lab.TRAINED_STEPS} generator steps, all else the method's defaults.",
    )
    comparison = critic_lab.trained(values)
    runs = st.session_state.get("critic-steps")
    if not isinstance(runs, Demonstration):
        runs = st.session_state["critic-steps"] = Demonstration(server.engine(), comparison)
        runs.held = True
    runs.keyframes = 40
    runs.ask(comparison, critic_lab.TRAINED_STEPS)
    with st.container(horizontal=True, vertical_alignment="center"):
        label = "Pause" if runs.playing else "Train again" if runs.ended else "Train these four"
        icon = ":material/pause:" if runs.playing else ":material/play_arrow:"
        st.button(label, icon=icon, on_click=runs.pause if runs.playing else runs.play, key=f"critic-steps.{label}")
    before = runs.playing, runs.live

    @st.fragment(run_every=_TICK if runs.live else None)
    def part() -> None:
        if (runs.playing, runs.live) != before:
            st.rerun()
        runs.tick()
        courses = _courses(runs)
        known = any(len(course.steps) > 1 for course in courses)
        empty = "Press Train these four."
        figures = [
            critics.ratios(courses, critic_lab.TRAINED_STEPS),
            critics.distances(courses, critic_lab.TRAINED_STEPS),
        ]
        lesson.lab(
            "critic-lab-critic-steps",
            [figure if known else dataclasses.replace(figure, look=empty) for figure in figures],
        )

    part()


def _courses(runs: Demonstration) -> list[Course]:
    comparison = runs.comparison
    return [
        Course(title, colour, *_columns(run.until(step)))
        for title, colour, run, step in zip(comparison.titles, comparison.colours, runs.runs, runs.steps, strict=True)
    ]


def _columns(keyframes: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps, the critic's estimates and W1 of keyframes, as arrays with NaN for what is missing."""
    steps, estimates, distances = (
        np.array([math.nan if value is None else value for value in column], dtype=np.float64)
        for column in (
            [keyframe.step for keyframe in keyframes],
            [keyframe.lanes[0].get("critic_estimate") for keyframe in keyframes],
            [keyframe.lanes[0].get("w1") for keyframe in keyframes],
        )
    )
    return steps, estimates, distances
