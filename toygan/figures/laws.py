"""The four divergences as they are shown, and what each asks for a ratio of densities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toygan.figures.figure import Figure
from toygan.figures.style import BLUE, GREEN, axes, line
from toygan.methods import METHODS
from toygan.theory import Array, mixtures
from toygan.theory.losses import GENERATOR_LOSSES

#: The two games of Goodfellow et al. 2014 by the catalogue's names, which the generator's losses share.
MINIMAX, NON_SATURATING = GENERATOR_LOSSES


@dataclass(frozen=True)
class Law:
    """How a divergence is shown: its label, the heading over its fit, a sentence on its prices, colour and dash.

    ``tilt`` is the slope at one of f, where the divergence is the integral of p f(q / p).
    """

    label: str
    title: str
    look: str
    colour: str
    dash: str
    tilt: float


#: By the names of ``mixtures.DIVERGENCES``; the two games have the colours of the methods that play them.
LAWS: dict[str, Law] = {
    "kl": Law(
        "KL(p ‖ q)",
        "KL(p ‖ q): maximum likelihood",
        "The less q has where p has points, the more that costs, without limit; points where p has none are cheap.",
        BLUE,
        "solid",
        -1.0,
    ),
    "reverse-kl": Law(
        "KL(q ‖ p)",
        "KL(q ‖ p): reverse KL",
        "The less p has where q makes points, the more that costs, without limit; a mode left out costs little.",
        GREEN,
        "dash",
        1.0,
    ),
    "js": Law(
        "JS(p, q)",
        "JS: the minimax game",
        "Neither costs more than 0.35 nats a unit of mass: a mode left out, or points where p has none.",
        METHODS[MINIMAX].colour,
        "dashdot",
        0.0,
    ),
    "reverse-kl-minus-2-js": Law(
        "KL(q ‖ p) − 2 JS",
        "KL(q ‖ p) − 2 JS",
        "What the non-saturating generator follows at the best critic: as reverse KL, but a mode left out costs less.",
        METHODS[NON_SATURATING].colour,
        "dot",
        1.0,
    ),
}


def price(name: str, ratio: Array) -> Array:
    """What a place costs for each unit of p + q there, in nats, at log(q / p) = ``ratio``.

    A divergence is the integral of p f(q / p), and the same with f(u) + c (1 - u) for any c, since p and q both
    integrate to one. With c = f'(1) the price is least, and zero, where q = p.
    """
    log_p, log_q = -np.logaddexp(0.0, ratio), -np.logaddexp(0.0, -ratio)
    value, _ = mixtures.DIVERGENCES[name](log_p, log_q)
    return np.asarray(value + LAWS[name].tilt * (np.exp(log_p) - np.exp(log_q)))


def price_figure() -> Figure:
    """The four prices against log(q / p), from modes that are dropped to points that are invented."""
    ratio = np.linspace(-8.0, 8.0, 129)
    return Figure(
        "price-of-a-ratio",
        "What a wrong density costs",
        "On the left, real points without generated ones: only KL(p ‖ q) grows without end. On the right, generated "
        "points without real ones: there KL(p ‖ q) stays below 1 nat, and both forms of reverse KL grow without end, "
        "the dotted one log 2 = 0.69 below the dashed one.",
        [line(ratio, price(name, ratio), law.label, law.colour, law.dash) for name, law in LAWS.items()],
        axes(
            "← left out by q      log q / p      invented by q →",
            "nats per unit of p + q",
            xaxis={"range": [-8, 8]},
            yaxis={"range": [0, 3]},
        ),
    )
