"""How well the methods learn with their recommended defaults: several seeds each, measured as the command line does.

    python benchmarks/quality.py                           # about ten minutes; writes a table into docs/results.md
    python benchmarks/quality.py --seeds 0:8 --steps 10000 --at 2000 5000 10000 --set batch=128
    python benchmarks/quality.py --time-to                 # seconds until 8 of 8 modes at 90 % high quality

The seeds of a method are lanes of one stack, which a test shows to train as each would alone. Every number is the mean
over the seeds and, after ±, their standard deviation; a seed whose numbers overflowed is counted, not averaged.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_variable] = "1"

import numpy as np

from benchmarks.common.tables import machine, one_core, table, write
from toygan.methods import CARD_METHODS
from toygan.recipe import MAX_STEPS, Recipe

METHODS = (*CARD_METHODS, "r3gan")
COLUMNS = {"w1 / floor": "{:.2f}", "modes": "{:.1f}", "high quality, %": "{:.1f}", "reverse KL": "{:.3f}"}

#: Steps between two looks of ``--time-to``, and the share of high quality it waits for.
EVERY, ENOUGH = 50, 0.9


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


def time_to(recipe: Recipe, most: int) -> tuple[int, float] | None:
    """The first step looked at, and the seconds of training before it, at which all modes are hit and good enough.

    One lane; a look is what a live frame shows, of 600 samples, and takes no time here. ``None`` when ``most`` steps
    do not suffice.
    """
    from toygan.observe import observe
    from toygan.training import advance, initial_state

    state, seconds = initial_state(recipe), 0.0
    while state.step < most and state.failed_at[0] < 0:
        began = time.perf_counter()
        state, trace = advance(recipe, state, min(EVERY, most - state.step))
        seconds += time.perf_counter() - began
        seen = observe(recipe, state, trace).metrics[0]
        if seen["modes"] == seen["modes_total"] and (seen["high_quality"] or 0) >= ENOUGH:
            return state.step, seconds
    return None


def time_rows(recipes: Mapping[str, Recipe], seeds: Sequence[int], most: int) -> Iterator[list[str]]:
    """A row for every method: medians and ranges over the seeds that got there."""
    for name, recipe in recipes.items():
        times = [time_to(dataclasses.replace(recipe, seed=seed), most) for seed in seeds]
        reached = [found for found in times if found is not None]
        cells = ["none", "none"]
        if reached:
            steps, seconds = zip(*reached, strict=True)
            cells = [f"{median(steps):,.0f} ({min(steps):,} to {max(steps):,})"]
            cells += [f"{median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"]
        print(name, *cells, sep="  ", file=sys.stderr)
        yield [name, f"{len(reached)} of {len(seeds)}", *cells]


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
    parser.add_argument("--data", metavar="KEY", default="ring8-wide")
    parser.add_argument("--seeds", metavar="A:B", type=read_seeds, default=read_seeds("0:4"), help="default: 0:4")
    parser.add_argument("--steps", metavar="N", type=int, default=5000, help="default: 5000")
    parser.add_argument(
        "--at", metavar="STEP", nargs="+", type=int, help="checkpoints (default: a fifth, a half and all of the steps)"
    )
    parser.add_argument("--set", metavar="FIELD=VALUE", nargs="+", action="extend", default=[], help="recipe fields")
    parser.add_argument("--time-to", action="store_true", help="instead: time until all modes are learned, on one core")
    parser.add_argument("--page", type=Path, help="the page to write into (default: docs/results.md)")
    given = parser.parse_args(arguments)
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
        part, head = "time-to", ["method", "seeds that got there", "steps", "seconds"]
        rows = list(time_rows(recipes, given.seeds, given.steps))
    else:
        part, head = "quality", ["method", "steps", *COLUMNS, "overflowed"]
        rows = list(quality_rows(recipes, given.seeds, given.at))
    changed = f" with {' '.join(given.set)}" if given.set else ""
    seeds = f"seeds {', '.join(map(str, given.seeds))}"
    most = f", at most {given.steps:,} steps" if given.time_to else ""
    text = f"{table(head, rows)}\n\n`{given.data}`{changed}, {seeds}{most}. {machine('torch')}."
    print(text)
    write(given.page or ROOT / "docs" / "results.md", part, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
