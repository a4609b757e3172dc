"""The page on why modes vanish: four divergences, the generator's two losses, the best critic, and mode hopping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from toygan.figures import divergences, laws, losses, non_saturating, optimal_critic
from toygan.figures.divergences import KNOBS
from toygan.figures.laws import MINIMAX, NON_SATURATING
from toygan.presets import find_preset
from toygan.recipe import Recipe
from toygan.ui import channel, hopping, lesson

_REFERENCES = (
    "Goodfellow et al. 2014, Generative adversarial nets (both losses, the best critic, JS), arXiv:1406.2661",
    "Nowozin, Cseke and Tomioka 2016, f-GAN: training generative neural samplers, arXiv:1606.00709",
    "Arjovsky and Bottou 2017, Towards principled methods for training GANs (theorem 2.5), arXiv:1701.04862",
    "Metz et al. 2017, Unrolled generative adversarial networks (hopping), arXiv:1611.02163",
    "Shannon et al. 2020, Non-saturating GAN training as divergence minimization, arXiv:2010.08029",
)

_FITS = (
    "Gradient descent on the means, widths and weights of $q$ (no step is taken that would go up) makes smaller"
    "\n\n"
    r"$$\mathrm{KL}(p \| q) = \int p \log \frac{p}{q},$$"
    "\n\n"
    r"$$\mathrm{KL}(q \| p) = \int q \log \frac{q}{p},$$"
    "\n\n"
    r"$$\mathrm{JS} = \tfrac12 \mathrm{KL}\big(p \,\big\|\, \tfrac{p + q}{2}\big) "
    r"+ \tfrac12 \mathrm{KL}\big(q \,\big\|\, \tfrac{p + q}{2}\big)$$"
    "\n\n"
    r"or $\mathrm{KL}(q \| p) - 2\,\mathrm{JS}$. One Gaussian under $\mathrm{KL}(p \| q)$ ends "
    r"at the mean and variance of $p$, wherever it starts; which mode reverse KL picks is decided by the start. With "
    "the modes as they are at first and a start between −0.2 and 0.3, even reverse KL comes to rest across both, in a "
    "valley that is not the deepest. Two Gaussians have room for both modes; yet started beside one, at 1.5 say, "
    "neither reverse KL finds the other. In the plots a mode counts as covered when $q$ has at least a tenth of $p$'s "
    "mass within two standard deviations of it; what is further from both is off them."
)

_PRICES = (
    r"All four are $\int p\, f(q / p)$ for some $f$: a price for each place, which depends on nothing but the ratio of "
    r"the densities there. Where a mode is left out, $q / p \to 0$, one unit of its mass costs"
    "\n\n"
    r"- without bound in $\mathrm{KL}(p \| q)$,"
    "\n"
    r"- $1$ nat in $\mathrm{KL}(q \| p)$,"
    "\n"
    r"- $\tfrac12 \log 2 = 0.35$ in JS, and"
    "\n"
    r"- $1 - \log 2 = 0.31$ in $\mathrm{KL}(q \| p) - 2\,\mathrm{JS}$."
    "\n\n"
    r"($f(u)$ and $f(u) + c\,(1 - u)$ give the same divergence, since $p$ and $q$ both integrate to one; the price is "
    "the one that is nowhere negative.)"
)


def page() -> None:
    """The whole page."""
    lesson.values("divergences", KNOBS)
    lesson.title(
        "Divergences",
        "Why modes vanish: what a generator follows at the best critic asks next to nothing for a mode it leaves out.",
    )
    lesson.section(
        "KL covers every mode, reverse KL picks one",
        r"The target $p$ has two modes. Four copies of a density $q$ start alike, and each is changed step by step to "
        "make one measure of its difference from $p$ smaller. Drag the modes, or the handle at the foot, where $q$ "
        "starts.",
    )
    _fits()
    st.markdown(_FITS)
    lesson.take_to_train(_two_gaussians(NON_SATURATING), _taken("a non-saturating"), key="divergences.fits")
    _prices()
    lesson.section(
        "Where the critic is sure, only −log D still pulls",
        r"The generator of the first game minimises $\log(1 - D)$ at its points; in practice it minimises $-\log D$. "
        r"With the critic's logit $t$ and $D = \sigma(t)$,"
        "\n\n"
        r"$$\frac{\mathrm{d}}{\mathrm{d}t} \log(1 - D) = -D,$$"
        "\n\n"
        r"$$\frac{\mathrm{d}}{\mathrm{d}t} (-\log D) = -(1 - D).$$"
        "\n\n"
        r"Early on the critic is sure of generated points, $D \approx 0$: the first slope is gone just when it is "
        "needed, and the game is said to saturate.",
    )
    _losses()
    lesson.take_to_train(_two_gaussians(MINIMAX), _taken("a minimax"), key="divergences.losses")
    lesson.section(
        "The best critic turns the game into JS",
        r"Against a generator that stands still the best critic is $D^*(x) = p(x) / (p(x) + q(x))$, and what it wins is"
        "\n\n"
        r"$$\begin{aligned} &\mathbb{E}_p \log D^* + \mathbb{E}_q \log (1 - D^*) \\ "
        r"&\quad = 2\,\mathrm{JS}(p, q) - 2 \log 2. \end{aligned}$$"
        "\n\n"
        "So the minimax generator descends JS, which is all but flat once the two densities no longer overlap.",
    )
    _critic()
    lesson.section(
        "The non-saturating generator follows reverse KL, less 2 JS",
        r"With $D^*$ held at the best for the current $\theta$, the step that $-\log D$ asks for is the gradient of "
        "another divergence (Arjovsky and Bottou 2017, theorem 2.5):"
        "\n\n"
        r"$$\begin{aligned} &\mathbb{E}_z\big[\nabla_\theta\big(-\log D^*(g_\theta(z))\big)\big] \\ "
        r"&\quad = \nabla_\theta \big[\mathrm{KL}(q_\theta \| p) - 2\,\mathrm{JS}(q_\theta, p)\big]. "
        r"\end{aligned}$$"
        "\n\n"
        r"It is an $f$-divergence, $\int p\, f(q / p)$, with $f''(u) = 1 / (1 + u)$ where reverse KL has $1 / u$: "
        r"far from $p$ a generated point costs $\log 2 = 0.69$ nats less than in reverse KL, which matters little "
        "where the price has no limit; a mode left out costs 0.31 in place of 1. So it drops modes, and more "
        "readily than reverse KL.",
    )
    _generator()
    _hopping()
    channel.feed()


@st.fragment
def _fits() -> None:
    values = _values()
    lesson.lab(
        "divergences-fits",
        figures=divergences.figures(values),
        controls=divergences.controls(values),
        motion=divergences.MOTION,
        readings=divergences.readings(values),
    )


def _prices() -> None:
    with st.container(key="divergences-prices"):
        left, right = st.columns([2, 3], gap="medium")
    with left:
        lesson.section("A mode that is left out is nearly free", _PRICES)
    with right:
        lesson.lab("divergences-prices-lab", figures=[laws.price_figure()])


@st.fragment
def _losses() -> None:
    lesson.lab(
        "divergences-losses",
        figures=losses.figures(),
        controls=losses.controls(_values()),
        motion=losses.MOTION,
        readings=losses.readings(),
    )


@st.fragment
def _critic() -> None:
    values = _values()
    lesson.lab(
        "divergences-critic",
        figures=optimal_critic.figures(values),
        controls=optimal_critic.controls(values),
        motion=optimal_critic.MOTION,
        readings=optimal_critic.readings(values),
    )


@st.fragment
def _generator() -> None:
    values = _values()
    lesson.lab(
        "divergences-generator",
        figures=non_saturating.figures(values),
        controls=non_saturating.controls(values),
        motion=non_saturating.MOTION,
        readings=non_saturating.readings(values),
    )


def _hopping() -> None:
    lesson.section(
        "A generator that outruns its critic hops from mode to mode",
        "Nothing above says that a mode stays dropped. The critic learns that points on the crowded mode are "
        "generated, and then any other mode looks better: all samples move there together, and the chase begins "
        "again. Here a generator learns the ring of eight Gaussians with a learning rate twenty times its critic's.",
    )
    hopping.hopping()
    lesson.take_to_train(find_preset("ring-collapse").recipe, "Train the ring that hops", key="divergences.hopping")
    lesson.references(_REFERENCES)


def _values() -> Mapping[str, Any]:
    return lesson.values("divergences", KNOBS)


def _taken(game: str) -> str:
    """What a button takes to Train, in words."""
    return f"Train {game} GAN on two equal Gaussians"


def _two_gaussians(method: str) -> Recipe:
    """The two modes of the fits as a distribution of the plane, equally likely there."""
    values = _values()
    distance = max(round(values["right"] - values["left"], 2), 0.1)
    return Recipe(
        data="two-gaussians", data_parameters=(("distance", distance), ("std", values["spread"])), method=method
    )
