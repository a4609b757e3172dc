"""What the non-saturating generator follows: the slope of its loss with the critic held is that of a divergence."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from toygan.figures.divergences import GRID, KNOBS, SHOWN, target
from toygan.figures.figure import Control, Figure, Handle, Motion, Reading
from toygan.figures.laws import LAWS, MINIMAX, NON_SATURATING
from toygan.figures.numerals import numbers, scientific
from toygan.figures.style import SKY, axes, dots, line
from toygan.figures.walkers import walkers
from toygan.theory import Array, mixtures
from toygan.theory.losses import GENERATOR_LOSSES

#: Where the generator's Gaussian goes, and how far around it the loss with the critic held is shown.
PLACES, _AROUND = np.linspace(-4.5, 4.5, 91), np.linspace(-1.25, 1.25, 21)

MOTION = Motion("place", PLACES.tolist(), seconds=7.0)

#: Each game's divergence at the optimal critic, and how many times that is the divergence of this name.
FOLLOWED: dict[str, tuple[str, float]] = {MINIMAX: ("js", 2.0), NON_SATURATING: ("reverse-kl-minus-2-js", 1.0)}


@dataclass(frozen=True)
class Sweep:
    """At each of ``PLACES``: divergences and their slopes, the slopes that the two generators see, and held losses.

    ``divergences`` and ``slopes`` are by the divergence's name, ``seen`` by the game's; ``held`` (places, around) is
    the non-saturating loss around each place with the critic held there, less what it is at the place itself.
    """

    divergences: Mapping[str, Array]
    slopes: Mapping[str, Array]
    seen: Mapping[str, Array]
    held: Array


@functools.lru_cache(maxsize=64)
def sweep(first: float, second: float, width: float) -> Sweep:
    """A generator N(place, width^2) against a target with two modes, at every place."""
    p, q = _target(first, second), mixtures.mixture(PLACES[:, None], width)
    log_p = mixtures.log_density(p, GRID)
    both = {name: mixtures.value_and_gradient(name, log_p, q, GRID) for name in LAWS}
    around = mixtures.mixture((PLACES[:, None] + _AROUND)[..., None], width)
    loss = GENERATOR_LOSSES[NON_SATURATING].of_logit(mixtures.optimal_logit(p, q, GRID))
    held = np.einsum("pax,px->pa", np.exp(mixtures.log_density(around, GRID)), loss) * (GRID[1] - GRID[0])
    return Sweep(
        {name: value for name, (value, _) in both.items()},
        {name: gradient[:, 0, 0] for name, (_, gradient) in both.items()},
        {game: mixtures.generator_gradient(game, p, q, GRID)[:, 0, 0] for game in FOLLOWED},
        held - held[:, len(_AROUND) // 2, None],
    )


def controls(values: Mapping[str, Any]) -> list[Control]:
    """q's place, which the motion runs through, its width, and the target's two centres, which have handles."""
    return [
        Control.of("place", KNOBS["place"], values["place"], step=0.1),
        Control.of("width", KNOBS["width"], values["width"], step=0.05),
        *(Control.of(name, KNOBS[name], values[name], step=0.05, handled=True) for name in ("first", "second")),
    ]


def figures(values: Mapping[str, Any]) -> list[Figure]:
    """The densities, the divergences by place, the loss with the critic held, and the two slopes over each other."""
    swept = _swept(values)
    return [_densities(values), _by_place(swept), _held(swept), _slopes(swept)]


def readings(values: Mapping[str, Any]) -> list[Reading]:
    """Both slopes in each frame, computed apart, and their largest difference over the whole sweep."""
    swept = _swept(values)
    seen, slope = swept.seen[NON_SATURATING], swept.slopes["reverse-kl-minus-2-js"]
    return [
        Reading("Slope of E[−log D*], D* held", numbers(seen, 3), "The mean over q of −log D* times the score of q."),
        Reading("Slope of KL(q ‖ p) − 2 JS", numbers(slope, 3), "The divergence's own gradient."),
        Reading("Largest difference over the sweep", scientific(float(np.abs(seen - slope).max()), 0)),
    ]


def _swept(values: Mapping[str, Any]) -> Sweep:
    return sweep(values["first"], values["second"], values["width"])


def _target(first: float, second: float) -> Array:
    return target(first, second, KNOBS["spread"].default, KNOBS["share"].default)


def _densities(values: Mapping[str, Any]) -> Figure:
    p = _target(values["first"], values["second"])
    real = np.exp(mixtures.log_density(p, SHOWN))
    fake = np.exp(mixtures.log_density(mixtures.mixture(PLACES[:, None], values["width"]), SHOWN))
    heights = np.exp(mixtures.log_density(p, np.array([values["first"], values["second"]])))
    return Figure(
        "place-of-q",
        "q passes the modes",
        "Two modes of width 0.6, the left one with 60 % of the mass; drag them, or q itself.",
        [
            line(SHOWN, real, "target p", "@real", width=1.5, fill="tozeroy", fillcolor="@faint"),
            line(SHOWN, fake[0], "generated q", SKY, width=2.5),
        ],
        axes("x", "density", xaxis={"range": [-6, 6]}, yaxis={"range": [0, 1.12 * max(real.max(), fake.max())]}),
        height=270,
        moving={1: {"y": np.round(fake, 4).tolist()}},
        handles=(
            Handle("first", "x", float(heights[0]), "First mode"),
            Handle("second", "x", float(heights[1]), "Second mode"),
            Handle("place", "x", float(fake.max()), "Place of q"),
        ),
    )


def _by_place(swept: Sweep) -> Figure:
    curves = {"reverse-kl": 1.0, "js": 2.0, "reverse-kl-minus-2-js": 1.0}
    shown = {name: times * swept.divergences[name] for name, times in curves.items()}
    labels = {name: ("2 JS" if times == 2 else LAWS[name].label) for name, times in curves.items()}
    colours = [LAWS[name].colour for name in shown]
    dot, moving = walkers(PLACES, np.stack(list(shown.values()), axis=-1), colours)
    return Figure(
        "divergences-by-place",
        "Reverse KL less 2 JS",
        "2 JS never exceeds 2 log 2 = 1.39, so far from the data what is left is reverse KL; near a mode taking 2 JS "
        "away makes the valley shallower, and leaves one valley for each mode.",
        [
            *(line(PLACES, y, labels[name], LAWS[name].colour, LAWS[name].dash) for name, y in shown.items()),
            dot,
        ],
        axes("place of q", "nats", xaxis={"range": [-4.6, 4.6]}, yaxis={"range": [0, _ceiling(shown["reverse-kl"])]}),
        height=270,
        moving={len(shown): moving},
    )


def _held(swept: Sweep) -> Figure:
    divergence = swept.divergences["reverse-kl-minus-2-js"]
    touching = divergence[:, None] + swept.held
    law = LAWS["reverse-kl-minus-2-js"]
    dot, moving = walkers(PLACES, divergence[:, None], [law.colour])
    return Figure(
        "critic-held",
        "Its loss touches that",
        "With the critic held at its best for the place of the dot, E[−log D*], moved up or down to meet the dot, is a "
        "different curve; it has the same slope there, and the slope is all that a step uses.",
        [
            line(PLACES, divergence, law.label, law.colour, law.dash),
            line(PLACES[0] + _AROUND, touching[0], "−log D*, held", "@text", width=2.0),
            dot,
        ],
        axes("place of q", "nats", xaxis={"range": [-4.6, 4.6]}, yaxis={"range": [-0.5, _ceiling(divergence)]}),
        height=270,
        moving={1: {"x": (PLACES[:, None] + _AROUND).tolist(), "y": touching.tolist()}, 2: moving},
    )


def _slopes(swept: Sweep) -> Figure:
    own = {game: times * swept.slopes[name] for game, (name, times) in FOLLOWED.items()}
    colours = {game: LAWS[name].colour for game, (name, _) in FOLLOWED.items()}
    labels = {MINIMAX: ("2 JS", "log(1 − D*), held"), NON_SATURATING: ("KL(q ‖ p) − 2 JS", "−log D*, held")}
    symbols = dict(zip(FOLLOWED, ("square-open", "circle-open"), strict=True))
    dot, moving = walkers(PLACES, np.stack(list(own.values()), axis=-1), list(colours.values()))
    return Figure(
        "slopes-by-place",
        "Two slopes that are one",
        "The markers, the slope of each generator's loss with the critic held, lie on the lines, the slope of its "
        "divergence. Beyond the modes the minimax one fades to nothing while the other grows.",
        [
            *(
                line(PLACES, own[game], labels[game][0], colours[game], LAWS[name].dash)
                for game, (name, _) in FOLLOWED.items()
            ),
            *(
                dots(PLACES[::4], swept.seen[game][::4], labels[game][1], colours[game], symbols[game], 7)
                for game in FOLLOWED
            ),
            dot,
        ],
        axes("place of q", "slope", xaxis={"range": [-4.6, 4.6]}, yaxis={"range": _room(own[NON_SATURATING])}),
        height=270,
        moving={4: moving},
    )


def _ceiling(y: Array) -> float:
    """High enough for what lies within the central half of the places and no higher."""
    return float(1.15 * y[len(y) // 5 : -(len(y) // 5)].max())


def _room(y: Array) -> list[float]:
    central = np.abs(y[len(y) // 5 : -(len(y) // 5)]).max()
    return [float(-1.15 * central), float(1.15 * central)]
