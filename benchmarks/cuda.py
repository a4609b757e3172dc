"""How fast training is on a CUDA GPU: by captured graphs, beside eager PyTorch and JAX on it, and many lanes at once.

    python benchmarks/cuda.py           # some minutes; writes its table into docs/performance.md
    python benchmarks/cuda.py --quick   # prints it only

Where there is no CUDA GPU it measures the draws alone, which the processor makes, and writes so. JAX takes part where
it is installed with its GPU part. Contenders take turns, as in ``benchmarks/training.py``; here they may use all of the
machine's cores.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# JAX would take most of the GPU's memory for itself.
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"

from benchmarks.common.tables import machine, table, write
from benchmarks.training import METHODS, NETWORKS, Train, ratio, recipe_of, times_of
from toygan.recipe import Recipe

LANES = 256
HEAD = [
    *("networks", "method", "toygan, steps/s", "eager, steps/s", "jax, steps/s"),
    *("toygan / eager", "toygan / jax", f"time of {LANES} lanes / of one", f"draws of {LANES} lanes, ms on one core"),
]
NOT = "not measured"


def draws(recipe: Recipe, rounds: int) -> float:
    """Milliseconds of one core's time that the random numbers of all lanes take, a step."""
    import torch

    from toygan.draws import BLOCK, DrawSource

    sixteen, blocks, times = list(range(16)), 4, []
    for _ in range(rounds):
        source = DrawSource(sixteen, torch.float32, torch.device("cpu"))
        began = time.process_time()
        for block in range(blocks):
            source.at(recipe, False, block * BLOCK)
        times.append(time.process_time() - began)
    return 1000 * median(times) / (blocks * BLOCK) * LANES / len(sixteen)


def speeds(rounds: int, target: float) -> Iterator[list[str]]:
    """Steps per second of every contender, how many times toygan's each is, and at S what lanes take."""
    from benchmarks.common import compiled
    from benchmarks.common.contenders import eager, ours

    makes: dict[str, Callable[[Recipe], Train]] = {"toygan": ours, "eager": eager}
    if compiled.on_gpu():
        makes["jax"] = compiled.compiled
    for networks, method in product(NETWORKS, METHODS):
        recipe = dataclasses.replace(recipe_of(networks, method), device="cuda")
        each = times_of({name: make(recipe) for name, make in makes.items()}, rounds, target)
        speed = {name: f"{1 / median(found):.3g}" for name, found in each.items()}
        ratios = {name: f"{ratio(found, each['toygan']):.2f}" for name, found in each.items()}
        jax = speed.get("jax", NOT), ratios.get("jax", NOT)
        lanes = NOT
        if networks == "S":
            many = times_of({"one": ours(recipe), "many": ours(recipe, LANES)}, rounds, target)
            lanes = f"{ratio(many['many'], many['one']):.2f}"
        yield [speed["toygan"], speed["eager"], jax[0], ratios["eager"], jax[1], lanes]


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description="How fast training is on a CUDA GPU.")
    parser.add_argument("--quick", action="store_true", help="less exact; write no page")
    parser.add_argument("--page", type=Path, help="the page to write into (default: docs/performance.md)")
    given = parser.parse_args(arguments)

    import torch

    torch.set_num_threads(1)
    rounds, target = (3, 0.2) if given.quick else (9, 1.5)
    if torch.cuda.is_available():
        found = speeds(rounds, target)
        note = f"Medians of {rounds} rounds. {torch.cuda.get_device_name()}, {machine('torch')}."
    else:
        found = ([NOT] * (len(HEAD) - 3) for _ in product(NETWORKS, METHODS))
        note = f"Not measured but for the draws: no CUDA GPU on this machine. {machine('torch')}."
    rows = (
        [*pair, *measured, f"{draws(recipe_of(*pair), 3 * rounds):.3g}"]
        for pair, measured in zip(product(NETWORKS, METHODS), found, strict=True)
    )
    text = f"{table(HEAD, rows)}\n\n{note}"
    print(text)
    page = given.page or (None if given.quick else ROOT / "docs" / "performance.md")
    if page is not None:
        write(page, "cuda", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
