"""Runs in lock-step on a page: their small stages, and what the browser knows of each."""

from __future__ import annotations

from typing import Any

from toygan.comparison import Comparison
from toygan.distributions import Cells, Modes
from toygan.frames import BOX
from toygan.lockstep import Lockstep
from toygan.recipe import Recipe
from toygan.ui import channel, components, server, transport


def show(lockstep: Lockstep, title: str, key: str, size: int | None = None, scale: str = "same") -> None:
    """The small stages and their timeline; ``size`` in CSS pixels keeps each from growing with the page.

    ``scale`` is how the critics' colours begin, until a reader chooses: the "same" for all, or each its "own".
    """
    comparison = lockstep.comparison
    components.compare(
        {
            "comparison": comparison.key,
            "clock": comparison.clock,
            "title": title,
            "extent": max(recipe.distribution.extent for recipe in comparison.recipes),
            "playing": lockstep.playing,
            "size": size,
            "scale": scale,
            "replicates": comparison.replicates,
            "panels": [
                {**described, **_scenery(recipe)}
                for described, recipe in zip(runs(comparison), comparison.recipes, strict=True)
            ],
        },
        key=key,
        **transport.wishes(lockstep, key),
    )


def runs(comparison: Comparison) -> list[dict[str, Any]]:
    """The runs as panels and curves know them; ``rates`` says from which step on how many critic updates a step has."""
    return [
        {
            "run": key,
            "title": title,
            "colour": colour,
            "neutral": recipe.method_entry.neutral,
            "support": recipe.distribution.support.kind,
            # How well noisy data or a single line covers the data is not what such runs are about.
            "judged": recipe.generator == "network",
            "rates": [[step, phase.critic_steps] for step, phase in recipe.phases()],
        }
        for key, title, colour, recipe in zip(
            comparison.run_keys, comparison.titles, comparison.colours, comparison.recipes, strict=True
        )
    ]


def curves(lockstep: Lockstep) -> dict[str, Any]:
    """What every chart of these runs needs: the runs, their clock, and whether they share their data."""
    comparison = lockstep.comparison
    return {
        "comparison": comparison.key,
        "clock": comparison.clock,
        "runs": runs(comparison),
        "replicates": comparison.replicates,
        "shared": comparison.same_data,
        "base": server.base(),
    }


def _scenery(recipe: Recipe) -> dict[str, Any]:
    support = recipe.distribution.support
    return {
        "real": server.real_points(recipe.data, recipe.data_parameters),
        "box": BOX * recipe.distribution.extent,
        "modes": support.centres.tolist() if isinstance(support, Modes | Cells) else [],
    }


def watch(lockstep: Lockstep) -> None:
    """Tick these runs for as long as a browser shows them."""
    # Before all else that workers are asked for: the stages wait for them.
    for recipe in lockstep.comparison.recipes:
        lockstep.engine.open(recipe, lockstep.comparison.replicates)
    channel.watch(lockstep, lambda: _drawn(lockstep))


def _drawn(lockstep: Lockstep) -> tuple[Any, ...]:
    """What the page draws by its script and a tick may change."""
    return lockstep.comparison, lockstep.playing
