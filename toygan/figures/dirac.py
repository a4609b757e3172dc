"""The Dirac-GAN's page: its knobs, the runs that they ask for, and verdicts in words."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from toygan.methods import METHODS, Method
from toygan.recipe import Knob, Recipe
from toygan.theory import Array
from toygan.theory.dirac import DiracGan, field, of_method
from toygan.theory.dynamics import UPDATES, Stability, discrete_stability, trajectory

#: Generator steps of a run.
STEPS = 150

KNOBS: dict[str, Knob] = {
    "method": Knob("Method", "r1", "Loss, penalties and constraint.", kind="choice", choices=tuple(METHODS)),
    "update": Knob(
        "Updates",
        "alternating",
        "Alternating: the generator answers to the critic's newest slope, as in training. Simultaneous: both answer to "
        "where the other was.",
        kind="choice",
        choices=tuple(reversed(UPDATES)),
    ),
    "critic_steps": Knob(
        "Critic steps", 1, "Critic updates before each generator update.", kind="integer", low=1, high=5
    ),
    "learning_rate": Knob("Learning rate", 0.2, "Step size h of both players.", low=0.01, high=2),
    "penalty_weight": Knob(
        "Penalty weight",
        0.15,
        "Weight λ of the gradient penalty; R1's paper calls twice this number gamma. Methods without a penalty "
        "ignore it: for them it changes nothing here.",
        low=0.01,
        high=10,
    ),
    "clip": Knob("Clipping bound", 1.0, "The critic's slope is clipped to plus or minus this bound.", low=0.05, high=2),
    "instance_noise": Knob(
        "Instance noise",
        0.0,
        "Standard deviation of Gaussian noise added to the points that the critic sees, real and generated.",
        low=0,
        high=1.5,
    ),
    "theta": Knob("Start, θ", 1.2, "Where the generated point starts.", unit="data units", low=-1.9, high=1.9),
    "psi": Knob("Start, ψ", 0.8, "The critic's slope at the start.", low=-1.9, high=1.9),
    "step": Knob("Step", 0, "Generator updates so far.", kind="integer", low=0, high=STEPS),
}

#: What small deviations do, by a verdict of ``toygan.theory.dynamics`` in which the linear part alone decides.
_VERDICTS: dict[str, str] = {"stable": "die out", "unstable": "grow", "none": "have no linearisation"}

#: Where the linear part leaves it open, higher orders are looked at on a circle this small, at so many places.
_SMALL, _PLACES = 0.04, 64

#: A run comes in or goes out if its last quarter is so many times as far from rest, on average, as its start.
_IN, _OUT = 0.9, 1.25


@dataclass(frozen=True)
class Setting:
    """The page's values, but for the step that is shown."""

    method: str
    update: str
    critic_steps: int
    learning_rate: float
    penalty_weight: float
    clip: float
    instance_noise: float
    theta: float
    psi: float

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Setting:
        """The setting of a page's values, which may have more names than it needs."""
        return cls(**{part.name: values[part.name] for part in fields(cls)})

    @property
    def entry(self) -> Method:
        """The chosen method's entry in the catalogue."""
        return METHODS[self.method]

    def gan(self, method: Method | None = None) -> DiracGan:
        """The Dirac-GAN of a method, the chosen one if none is named, at this setting's numbers."""
        numbers = {"penalty_weight": self.penalty_weight, "clip": self.clip}
        return of_method(method or self.entry, self.instance_noise, numbers)

    def run(self, gan: DiracGan, steps: int = STEPS, update: str = "") -> Array:
        """(theta, psi) from the start through ``steps`` iterations: (steps + 1, 2), not to be written to."""
        start = (self.theta, self.psi)
        return _run(gan, start, self.learning_rate, steps, self.critic_steps, update or self.update)

    def stability(self, gan: DiracGan, update: str = "") -> Stability:
        """What this setting's steps do near the equilibrium."""
        return discrete_stability(gan, self.learning_rate, self.critic_steps, update or self.update)

    @property
    def recipe(self) -> Recipe:
        """The chosen method on one Gaussian, with what of the page's numbers it listens to.

        Critic steps are the method's own until they are changed here.
        """
        numbers: dict[str, Any] = {"instance_noise": self.instance_noise}
        if self.entry.penalties:
            numbers["penalty_weight"] = self.penalty_weight
        if self.critic_steps != KNOBS["critic_steps"].default:
            numbers["critic_steps"] = self.critic_steps
        return Recipe(data="gaussian", method=self.method, **numbers)


@functools.lru_cache(maxsize=256)
def _run(gan: DiracGan, start: tuple[float, float], step: float, steps: int, critic_steps: int, update: str) -> Array:
    places = trajectory(gan, start, step, steps, critic_steps, update)
    places.setflags(write=False)
    return places


def bare(gan: DiracGan) -> DiracGan:
    """The same loss with nothing added: no penalty, no constraint, no noise."""
    return replace(gan, penalties=(), constraint=None, noise=0.0, weight=0.0)


def verdict(gan: DiracGan, found: Stability) -> str:
    """What small deviations do, in words: "die out", "grow", "circle", "creep in", "have no linearisation".

    Where eigenvalues neither shrink nor grow, orbits are round, and the mean of theta v_theta + psi v_psi over a small
    circle is what higher orders make of half the squared distance: "creeps in" where it is below zero.
    """
    if found.verdict in _VERDICTS:
        return _VERDICTS[found.verdict]
    angles = 2 * np.pi * np.arange(_PLACES) / _PLACES
    theta, psi = _SMALL * np.cos(angles), _SMALL * np.sin(angles)
    up, right = field(gan, theta, psi)
    # Cubic terms of the field make this a fourth power; what is far below that is rounding.
    return "creep in" if (theta * up + psi * right).mean() < -1e-4 * _SMALL**4 else "circle"


def fate(gan: DiracGan, found: Stability, places: Array) -> str:
    """What becomes of a run (steps + 1, 2) from wherever it begins, as a verb: "spirals in", "comes in to a cycle"."""
    if not gan.rule.trained:
        return "runs off" if places[0, 1] else "stands still"
    away = distances(places)
    late = np.nan_to_num(away[-(len(away) // 4) :], nan=np.inf, posinf=np.inf).mean()
    word = verdict(gan, found)
    if word in ("die out", "creep in") and late < _OUT * away[0]:
        turns = found.eigenvalues is not None and bool(np.abs(found.eigenvalues.imag).max() > 0)
        return "creeps in" if word == "creep in" else "spirals in" if turns else "comes to rest"
    # Rest is no place to come to: what comes nearer does so only up to a cycle around it.
    if late < _IN * away[0]:
        return "comes in to a cycle"
    return "goes out" if late > _OUT * away[0] else "goes round"


@dataclass(frozen=True)
class Other:
    """What the chosen run is compared with: in words, as places (steps + 1, 2), and what becomes of it."""

    words: str
    places: Array
    fate: str


def other(setting: Setting) -> Other:
    """The same loss with nothing added; where that is the chosen method itself, the other kind of updates."""
    gan = setting.gan()
    if gan.penalties or gan.constraint or gan.noise:
        words, gan, update = "nothing added", bare(gan), setting.update
    else:
        update = next(name for name in UPDATES if name != setting.update)
        words = f"{update} updates"
    places = setting.run(gan, update=update)
    return Other(words, places, fate(gan, setting.stability(gan, update), places))


def distances(places: Array) -> Array:
    """The distance from theta = psi = 0 at each place (..., 2)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.hypot(places[..., 0], places[..., 1])
