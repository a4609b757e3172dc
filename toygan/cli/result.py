"""What a run came to: its numbers as JSON, the two clouds they are of, and a summary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from toygan.cli.progress import Progress
from toygan.cli.text import columns, digits, percent
from toygan.frames import finite
from toygan.metrics import perfect_shares
from toygan.metrics.sizes import REPORT_POINTS
from toygan.recipe import Recipe
from toygan.streams import Purpose
from toygan.versions import versions


def measure(recipe: Recipe, progress: Progress) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The JSON object of a run, and the two clouds its metrics are of, ``samples`` and ``real``."""
    from toygan.observe import report
    from toygan.routes import route

    state = progress.state
    with np.errstate(all="ignore"):
        metrics = report(recipe, state)
    clouds = {name: metrics.pop(name) for name in ("samples", "real")}
    failed_at = int(state.failed_at[0])
    result = {
        "recipe": recipe.to_json(),
        "steps": state.step,
        "seconds": progress.seconds,
        "steps_per_second": progress.steps_per_second,
        "failed_at": None if failed_at < 0 else failed_at,
        "metrics": {name: finite(value) for name, value in {**metrics, **progress.losses}.items()},
        "versions": versions(),
        "products": route(),
        "evaluation": {
            "points": REPORT_POINTS,
            "reference": f"{REPORT_POINTS:,} independent draws from the recipe's distribution, with NumPy's Philox "
            f"generator at key [seed, {int(Purpose.EVALUATION_DATA)}], a stream that training never uses",
        },
    }
    return result, clouds


def summary(recipe: Recipe, result: Mapping[str, Any]) -> list[str]:
    """The run in short: a number a line, beside what it should be compared with."""
    metrics = result["metrics"]
    perfect = perfect_shares(recipe.distribution)
    total = metrics["modes_total"]
    rate = result["steps_per_second"]
    # Only a Wasserstein critic estimates a distance; interventions may have changed which one was measured.
    objective = recipe.at(result["steps"]).method_entry.objective
    critic = "critic's W1" if objective == "wasserstein" else "critic's gap"
    return columns(
        [
            ("recipe", f"{recipe.method} on {recipe.data}, seed {recipe.seed}", ""),
            ("steps", f"{result['steps']:,}", "" if rate is None else f"{digits(rate)} a second"),
            ("W1", digits(metrics["w1"]), f"floor {digits(metrics['w1_floor'])} +- {digits(metrics['w1_floor_std'])}"),
            ("W2", digits(metrics["w2"]), ""),
            (perfect.kind, f"{metrics['modes']} of {total}", "with a high-quality sample"),
            ("", f"{metrics['modes_by_share']} of {total}", "with a quarter of their share"),
            ("high quality", percent(metrics["high_quality"]), f"perfect: {percent(perfect.high_quality)}"),
            ("reverse KL", digits(metrics["reverse_kl"]), "nats"),
            (critic, digits(metrics["critic_estimate"]), "its gap over its largest slope"),
            ("critic loss", digits(metrics["critic_loss"]), ""),
            ("generator loss", digits(metrics["generator_loss"]), ""),
        ]
    )
