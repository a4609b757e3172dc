"""The optimal critic between two Gaussians on the line, and the value of the game that it wins."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from toygan.figures.divergences import GRID, KNOBS, SHOWN
from toygan.figures.figure import Control, Figure, Handle, Motion, Reading
from toygan.figures.laws import MINIMAX
from toygan.figures.numerals import numbers
from toygan.figures.style import SKY, axes, dots, line
from toygan.figures.walkers import walkers
from toygan.methods import METHODS
from toygan.theory import Array, gaussians, mixtures
from toygan.theory.logistic import sigmoid

#: Where q's centre goes.
CENTRES = np.linspace(-4.0, 4.0, 81)

MOTION = Motion("fake", CENTRES.tolist(), seconds=5.0)

_LEAST = -2 * math.log(2)


def controls(values: Mapping[str, Any]) -> list[Control]:
    """q's centre, which the motion runs through, and both widths; p's centre has a handle."""
    return [
        Control.of("fake", KNOBS["fake"], values["fake"], step=0.1),
        *(Control.of(name, KNOBS[name], values[name], step=0.05) for name in ("real-std", "fake-std")),
        Control.of("real", KNOBS["real"], values["real"], step=0.05, handled=True),
    ]


@functools.lru_cache(maxsize=64)
def sweep(real: float, real_std: float, fake_std: float) -> tuple[Array, Array, Array]:
    """For each of q's centres the game's value at D*, 2 JS - 2 log 2, and the logit of D* on ``SHOWN``.

    The value is a sum over a grid, E_p log D* + E_q log(1 - D*); JS comes from a quadrature that shares nothing with
    it but the densities.
    """
    p, q = mixtures.mixture(real, real_std), mixtures.mixture(CENTRES[:, None], fake_std)
    value = mixtures.game_value(p, q, x=GRID)
    shannon = gaussians.jensen_shannon(real, real_std, CENTRES, fake_std)
    return value, 2 * shannon + _LEAST, mixtures.optimal_logit(p, q, SHOWN)


def figures(values: Mapping[str, Any]) -> list[Figure]:
    """The two densities, the optimal critic between them, and the game's value against q's centre."""
    real, real_std, fake_std = values["real"], values["real-std"], values["fake-std"]
    value, shannon, logits = sweep(real, real_std, fake_std)
    p = np.exp(gaussians.log_density(SHOWN, real, real_std))
    q = np.exp(gaussians.log_density(SHOWN, CENTRES[:, None], fake_std))
    peaks = [1 / (std * math.sqrt(2 * math.pi)) for std in (real_std, fake_std)]
    best = sigmoid(logits)
    dot, moving = walkers(CENTRES, value[:, None], [METHODS[MINIMAX].colour], size=11)
    return [
        Figure(
            "two-densities",
            "Real and generated",
            "Drag either density by its handle.",
            [
                line(SHOWN, p, "real p", "@real", width=1.5, fill="tozeroy", fillcolor="@faint"),
                line(SHOWN, q[0], "generated q", SKY, width=2.5),
            ],
            axes("x", "density", xaxis={"range": [-6, 6]}, yaxis={"range": [0, 1.12 * max(peaks)]}),
            moving={1: {"y": np.round(q, 4).tolist()}},
            handles=(
                Handle("real", "x", peaks[0], "Centre of p"),
                Handle("fake", "x", peaks[1], "Centre of q"),
            ),
        ),
        Figure(
            "optimal-critic",
            "The best answer: D* = p / (p + q)",
            "One half where the densities are equal. Where they are far apart it is a cliff between two plains, and a "
            "generator on the plain is told nothing of the way.",
            [
                line(SHOWN, np.full(SHOWN.shape, 0.5), "cannot tell", "@muted", "dot", 1.0),
                line(SHOWN, best[0], "D*", METHODS[MINIMAX].colour, width=2.5),
            ],
            axes("x", "D*", xaxis={"range": [-6, 6]}, yaxis={"range": [-0.03, 1.03]}),
            moving={1: {"y": np.round(best, 4).tolist()}},
        ),
        Figure(
            "game-value",
            "What the critic wins",
            "The circles, 2 JS − 2 log 2, lie on the line, the value of the game: they were computed apart. The value "
            "rises from −2 log 2, where nothing can be told apart, to 0.",
            [
                line(CENTRES, value, "value at D*", METHODS[MINIMAX].colour),
                dots(CENTRES[::5], shannon[::5], "2 JS − 2 log 2", "@text", "circle-open", 9),
                line([-4, 4], [_LEAST, _LEAST], "−2 log 2", "@muted", "dot", 1.0),
                dot,
            ],
            axes("centre of q", "nats", xaxis={"range": [-4.2, 4.2]}, yaxis={"range": [-1.55, 0.1]}),
            moving={3: moving},
        ),
    ]


def readings(values: Mapping[str, Any]) -> list[Reading]:
    """The game's value and 2 JS - 2 log 2, computed apart, and JS, in each frame."""
    value, shannon, _ = sweep(values["real"], values["real-std"], values["fake-std"])
    return [
        Reading("Value of the game at D*", numbers(value, 3), "E log D* over p plus E log(1 − D*) over q, on a grid."),
        Reading("2 JS − 2 log 2", numbers(shannon, 3), "JS by Gauss-Legendre quadrature."),
        Reading("JS", numbers((shannon - _LEAST) / 2, 3), "At most log 2 = 0.693 nats."),
    ]
