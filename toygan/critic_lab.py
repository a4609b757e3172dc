"""The critic lab's settings and runs: the same frozen generator, its critic penalised or clipped."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from toygan.comparison import Comparison
from toygan.recipe import Knob

#: By data: what else the paper's toy code does to it. It divides the grid's points by 2.828.
DATA: dict[str, dict[str, str]] = {
    "ring8-wide": {},
    "grid25": {"data.spacing": "0.7072", "data.std": "0.0177"},
    "swiss-roll": {},
}

#: The runs in their order, by the name that a link has for each.
RUNS: dict[str, str] = {
    "penalty": "Penalty",
    "clip-0.1": "Clipped, c = 0.1",
    "clip-0.01": "Clipped, c = 0.01",
    "clip-0.001": "Clipped, c = 0.001",
}

#: Where the critic's slopes are looked at, by the name of ``penalties.WHERE``.
PLACES: dict[str, str] = {"between": "Between real and fake", "around-real": "Around real"}

KNOBS: dict[str, Knob] = {
    "data": Knob(
        "Data",
        "ring8-wide",
        "What the real points are. The fake ones are real points with Gaussian noise of standard deviation 1.",
        kind="choice",
        choices=tuple(DATA),
    ),
    "depth": Knob(
        "Critic depth",
        6,
        "Hidden layers, of 64 units each. The paper's figure has twelve: the deeper, the more a clipped gradient "
        "grows or fades on its way.",
        unit="layers",
        kind="integer",
        low=2,
        high=12,
    ),
    "weight": Knob(
        "Penalty weight",
        "10",
        "Weight of the gradient penalty, of the penalised run alone. With a small one the slope settles well above 1.",
        kind="choice",
        choices=("0.1", "1", "10"),
    ),
    "run": Knob("Critic", "penalty", "Whose slopes and arrows are drawn.", kind="choice", choices=tuple(RUNS)),
    "where": Knob(
        "Points",
        "between",
        "Where a penalty looks: WGAN-GP between real and fake points, DRAGAN around the real ones.",
        kind="choice",
        choices=tuple(PLACES),
    ),
}

#: Generator steps, of five critic updates each, after which none of the critics gets better by much.
STEPS = 600

#: Critic updates before each generator step, in the last section.
CRITIC_STEPS = (1, 2, 5, 10)

#: Generator steps of its runs.
TRAINED_STEPS = 300


class _Critics(Comparison):
    """The four critics by the names that the page has for them."""

    @functools.cached_property
    def titles(self) -> tuple[str, ...]:
        return tuple(RUNS.values())


def clipping(values: Mapping[str, Any]) -> Comparison:
    """The four critics, in the order of ``RUNS``, on the frozen generator."""
    data = {"data": values["data"], **DATA[values["data"]]}
    network = {"critic_depth": str(values["depth"]), "critic_width": "64"}
    # A higher learning rate than the method's, since the generator does not move: the same critic in less time.
    penalised = {"method": "wgan-gp", "penalty_weight": values["weight"], "critic_learning_rate": "0.003"}
    clipped = [{"method": "wgan", "clip": name.removeprefix("clip-")} for name in RUNS if name.startswith("clip-")]
    return _Critics(
        variants=tuple(tuple(sorted(run.items())) for run in (penalised, *clipped)),
        shared=tuple(sorted({**data, **network, "critic_steps": "5", "generator": "frozen"}.items())),
    )


def trained(values: Mapping[str, Any]) -> Comparison:
    """Ordinary runs, their generators trained, that differ in critic updates before each generator step."""
    data = {"data": values["data"], **DATA[values["data"]]}
    return Comparison.of_values("critic_steps", CRITIC_STEPS, {"method": "wgan-gp", **data})
