"""How well the methods learn with their recommended defaults: several seeds each, measured as the command line does.

    python benchmarks/quality.py                           # some minutes; writes a table into docs/results.md
    python benchmarks/quality.py --seeds 0:8 --steps 10000 --at 2000 5000 10000 --set batch=128
    python benchmarks/quality.py --time-to                 # seconds until the ring is learnt, half an hour

The seeds of a method are lanes of one stack, which a test shows to train as each would alone. Every number is the mean
over the seeds and, after ±, their standard deviation; a seed whose numbers overflowed is counted, not averaged.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.common.environment import one_thread, own_kernels

own_kernels()
one_thread()

import numpy as np

from benchmarks.common.tables import machine, one_core, table, write
from toygan.methods import CARD_METHODS
from toygan.recipe import MAX_STEPS, Recipe

METHODS = (*CARD_METHODS, "r3gan")
COLUMNS = {"w1 / floor": "{:.2f}", "modes": "{:.1f}", "high quality, %": "{:.1f}", "reverse KL": "{:.3f}"}

#: What ``--time-to`` waits for, first seen: all modes and this share of high quality, and W1 in units of its floor.
ENOUGH, NEAR = 0.9, 1.5
GOALS = (f"all modes, {ENOUGH:.0%} high quality", f"W1 within {NEAR:g} x its floor")

#: Steps between two looks of ``--time-to``.
EVERY = 100


def measured(recipe: Recipe, seeds: Sequence[int], steps: Sequence[int]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """At each of ``steps``: the reports of the seeds that have not overflowed."""
    from toygan.observe import report
    from toygan.training import advance, initial_state

    state = initial_state(recipe, list(seeds))
    for step in steps:
        state, _ = advance(recipe, state, step - state.step)
        with np.errstate(all="ignore"):
            sound = [lane for lane in range(len(seeds)) if state.failed_at[lane] < 0]
            yield step, [report(recipe, state, lane=lane) for lane in sound]


def numbers(report: Mapping[str, Any]) -> dict[str, float | None]:
    """One report as the table's columns."""
    return {
        "w1 / floor": None if report["w1"] is None else report["w1"] / report["w1_floor"],
        "modes": report["modes"],
        "high quality, %": 100 * report["high_quality"],
        "reverse KL": report["reverse_kl"],
    }


def spread(values: Sequence[float], form: str) -> str:
    """Mean +- standard deviation, as far as there are values."""
    if not values:
        return "none"
    return form.format(mean(values)) + (f" ± {form.format(stdev(values))}" if len(values) > 1 else "")


def quality_rows(recipes: Mapping[str, Recipe], seeds: Sequence[int], steps: Sequence[int]) -> Iterator[list[str]]:
    """A row for every method and checkpoint."""
    for name, recipe in recipes.items():
        for step, reports in measured(recipe, seeds, steps):
            found = [numbers(report) for report in reports]
            cells = [
                spread([value for entry in found if (value := entry[column]) is not None], form)
                for column, form in COLUMNS.items()
            ]
            print(name, step, *cells, sep="  ", file=sys.stderr)
            yield [name, f"{step:,}", *cells, f"{len(seeds) - len(reports)} of {len(seeds)}"]


@dataclass(frozen=True)
class Reached:
    """When a goal was first seen reached: after how many steps, and seconds of training."""

    step: int
    seconds: float


def goals(seen: Mapping[str, Any], floor: float) -> dict[str, bool]:
    """Which of the goals a live frame's numbers reach, ``floor`` being W1's."""
    return {
        GOALS[0]: seen["modes"] == seen["modes_total"] and (seen["high_quality"] or 0) >= ENOUGH,
        GOALS[1]: seen["w1"] is not None and seen["w1"] <= NEAR * floor,
    }


def time_to(recipe: Recipe, most: float) -> dict[str, Reached]:
    """When each goal was reached that was, within so many seconds of training.

    One lane; a look is a live frame, of 600 samples and for the distance 500, and takes no time here.
    """
    from toygan.metrics import noise_floor
    from toygan.metrics.sizes import LIVE_POINTS
    from toygan.observe import observe
    from toygan.training import advance, initial_state

    floor = noise_floor(recipe.data, dict(recipe.data_parameters), LIVE_POINTS).mean
    state, seconds, found = initial_state(recipe), 0.0, dict[str, Reached]()
    while seconds < most and state.step < MAX_STEPS and state.failed_at[0] < 0 and len(found) < len(GOALS):
        began = time.perf_counter()
        state, trace = advance(recipe, state, EVERY)
        seconds += time.perf_counter() - began
        for goal, reached in goals(observe(recipe, state, trace).metrics[0], floor).items():
            if reached:
                found.setdefault(goal, Reached(state.step, seconds))
    return found


def time_rows(recipes: Mapping[str, Recipe], seeds: Sequence[int], most: float) -> Iterator[list[str]]:
    """A row for every method and goal: medians over all seeds, and ranges over those that got there."""
    for name, recipe in recipes.items():
        each = [time_to(dataclasses.replace(recipe, seed=seed), most) for seed in seeds]
        for goal in GOALS:
            reached = [found[goal] for found in each if goal in found]
            missing = [math.inf] * (len(seeds) - len(reached))
            cells = [
                middle([*values, *missing], form)
                for values, form in (
                    ([found.step for found in reached], "{:,.0f}"),
                    ([found.seconds for found in reached], "{:.1f}"),
                )
            ]
            print(name, goal, f"{len(reached)} of {len(seeds)}", *cells, sep="  ", file=sys.stderr)
            yield [name, goal, f"{len(reached)} of {len(seeds)}", *cells]


def middle(values: Sequence[float], form: str) -> str:
    """The median, and the range of what is finite; in words where more than half are infinite, or all."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return "none"
    centre = median(values)
    text = form.format(centre) if math.isfinite(centre) else "not at the median"
    return f"{text} ({form.format(min(finite))} to {form.format(max(finite))})"


def read_seeds(text: str) -> list[int]:
    """``0:4`` as 0, 1, 2, 3; ``3,5`` as 3, 5."""
    first, colon, last = text.partition(":")
    seeds = list(range(int(first or 0), int(last))) if colon else [int(part) for part in text.split(",")]
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ValueError(text)
    return seeds


read_seeds.__name__ = "list of seeds"  # what argparse calls it when it complains


def read_arguments(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, dict[str, Recipe]]:
    """The options, and the recipe of each method."""
    parser = argparse.ArgumentParser(description="How well the methods learn.")
    parser.add_argument("--methods", nargs="+", metavar="KEY", default=METHODS)
    parser.add_argument("--data", metavar="KEY", help="default: ring8-wide; with --time-to ring8")
    parser.add_argument(
        "--seeds",
        metavar="A:B",
        type=read_seeds,
        help="default: 0:4; with --time-to 100:110, not tuned on",
    )
    parser.add_argument("--steps", metavar="N", type=int, default=5000, help="default: 5000")
    parser.add_argument(
        "--at", metavar="STEP", nargs="+", type=int, help="checkpoints (default: a fifth, a half and all of the steps)"
    )
    parser.add_argument("--set", metavar="FIELD=VALUE", nargs="+", action="extend", default=[], help="recipe fields")
    parser.add_argument("--time-to", action="store_true", help="instead: time until the ring is learnt, on one core")
    parser.add_argument("--most", metavar="SECONDS", type=float, default=60, help="of --time-to a seed (default: 60)")
    parser.add_argument("--page", type=Path, help="the page to write into (default: docs/results.md)")
    given = parser.parse_args(arguments)
    given.data = given.data or ("ring8" if given.time_to else "ring8-wide")
    given.seeds = given.seeds or read_seeds("100:110" if given.time_to else "0:4")
    if not given.most > 0:
        parser.error(f"--most must be above 0, not {given.most:g}")
    if not 1 <= given.steps <= MAX_STEPS:
        parser.error(f"--steps must be from 1 to {MAX_STEPS:,}, not {given.steps}")
    given.at = sorted({*(given.at or (given.steps // 5 or 1, given.steps // 2 or 1)), given.steps})
    if not 1 <= given.at[0] <= given.at[-1] <= given.steps:
        parser.error(f"--at must be from 1 to --steps, {given.steps:,}")
    try:
        settings = {name: value for name, _, value in (text.partition("=") for text in given.set)}
        recipes = {
            method: Recipe.from_query({**settings, "data": given.data, "method": method, "device": "cpu"})
            for method in given.methods
        }
    except ValueError as error:
        parser.error(str(error))
    return given, recipes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    given, recipes = read_arguments(arguments)
    one_core()

    import torch

    torch.set_num_threads(1)
    if given.time_to:
        part, head = "time-to", ["method", "goal", "seeds that got there", "steps", "seconds"]
        rows = list(time_rows(recipes, given.seeds, given.most))
    else:
        part, head = "quality", ["method", "steps", *COLUMNS, "overflowed"]
        rows = list(quality_rows(recipes, given.seeds, given.at))
    changed = f" with {' '.join(given.set)}" if given.set else ""
    seeds = f"seeds {', '.join(map(str, given.seeds))}"
    most = f", at most {given.most:g} seconds a seed" if given.time_to else ""
    text = f"{table(head, rows)}\n\n`{given.data}`{changed}, {seeds}{most}. {machine('torch')}."
    print(text)
    write(given.page or ROOT / "docs" / "results.md", part, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
