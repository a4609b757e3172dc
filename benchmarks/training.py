"""How fast training is, beside other ways to write it, and what frames and exact distances cost.

    python benchmarks/training.py           # half an hour; writes its tables into docs/performance.md
    python benchmarks/training.py --quick   # some minutes; prints them only

JAX takes part where it is installed: ``pip install -r benchmarks/requirements.txt``. Everything runs on one core with
one thread. Contenders take turns within one process, so that whatever else the machine does falls on all of them: trust
the ratios, which are medians of ratios taken round by round, more than the steps per second.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.common.environment import one_thread, own_kernels

own_kernels()
one_thread()

import numpy as np

from benchmarks.common.tables import machine, one_core, table, write
from toygan.frames import Frame
from toygan.metrics.sizes import LIVE_POINTS, PAUSED_POINTS
from toygan.recipe import Recipe
from toygan.state import State

Train = Callable[[int], None]

NETWORKS = {"S": 128, "P": 512}

#: The methods measured, with the critic steps that their papers take.
METHODS = {"wgan-gp": 5, "non-saturating": 1, "dragan": 1}
LANES = 8
CLOUDS = (LIVE_POINTS, PAUSED_POINTS)


def recipe_of(networks: str, method: str) -> Recipe:
    """Batch 256, latent dimension 2, three hidden layers, the papers' critic steps; the rest is the method's."""
    width = NETWORKS[networks]
    return Recipe(
        method=method,
        critic_steps=METHODS[method],
        generator_width=width,
        critic_width=width,
        generator_depth=3,
        critic_depth=3,
        batch=256,
        latent=2,
        device="cpu",
    )


def in_turn(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Wall-clock seconds of each call in each round; the order turns, so that none is always first."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            began = time.perf_counter()
            calls[name]()
            times[name].append(time.perf_counter() - began)
    return times


def ratio(slow: list[float], fast: list[float]) -> float:
    """How many times the second takes less than the first: the median over rounds."""
    return median(a / b for a, b in zip(slow, fast, strict=True))


def times_of(trains: Mapping[str, Train], rounds: int, target: float) -> dict[str, list[float]]:
    """Seconds a step in each round, every contender timed for about ``target`` seconds a round."""
    eight = {name: partial(train, 8) for name, train in trains.items()}
    in_turn(eight, 1)  # compilation, allocation, caches
    # Multiples of eight, since toygan draws its random numbers eight steps at a time.
    steps = {name: 8 * max(1, round(target / found[0])) for name, found in in_turn(eight, 1).items()}
    times = in_turn({name: partial(train, steps[name]) for name, train in trains.items()}, rounds)
    return {name: [t / steps[name] for t in found] for name, found in times.items()}


def training_rows(pairs: Iterable[tuple[str, str]], rounds: int, target: float) -> Iterator[list[str]]:
    """Steps per second of every contender, and how many times toygan's each is."""
    from benchmarks.common.contenders import CONTENDERS

    for networks, method in pairs:
        recipe = recipe_of(networks, method)
        each = times_of({name: make(recipe) for name, make in CONTENDERS.items()}, rounds, target)
        yield [
            *(networks, method, str(recipe.critic_steps)),
            *(f"{1 / median(found):.3g}" for found in each.values()),
            *(f"{ratio(found, each['toygan']):.2f}" for name, found in each.items() if name != "toygan"),
        ]


def lane_rows(pairs: Iterable[tuple[str, str]], rounds: int, target: float) -> Iterator[list[str]]:
    """Steps per second of eight seeds together: one run after the other, as lanes of one run, and by JAX's ``vmap``."""
    from benchmarks.common import compiled
    from benchmarks.common.contenders import ours

    for networks, method in pairs:
        recipe = recipe_of(networks, method)
        singles = [ours(replace(recipe, seed=seed)) for seed in range(LANES)]

        def one_by_one(steps: int, singles: list[Train] = singles) -> None:
            for train in singles:
                train(steps)

        trains: dict[str, Train] = {"single": one_by_one, "lanes": ours(recipe, LANES)}
        if compiled.AVAILABLE:
            trains["jax"] = compiled.compiled(recipe, LANES)
        each = times_of(trains, rounds, target)
        yield [
            *(networks, method),
            *(f"{LANES / median(found):.3g}" for found in each.values()),
            *(f"{ratio(found, each['lanes']):.2f}" for name, found in each.items() if name != "lanes"),
        ]


def floor_rows(pairs: Iterable[tuple[str, str]], rounds: int, target: float) -> Iterator[list[str]]:
    """Milliseconds of an iteration and of its matrix products alone, operations launched, and where the time goes."""
    from benchmarks.common import floor
    from benchmarks.common.contenders import CONTENDERS, ours

    for networks, method in pairs:
        recipe = recipe_of(networks, method)
        each = times_of({"toygan": ours(recipe), "products": floor.products(floor.shapes(recipe))}, rounds, target)
        best, launched = median(each["products"]), {}
        for name, make in CONTENDERS.items():
            if name != "jax":
                train = make(recipe)
                train(8)
                launched[name] = floor.launches(train)
        shares = floor.profile(ours(recipe))
        yield [
            *(networks, method),
            *(f"{floor.operations(recipe) / 1e9:.3g}", f"{floor.operations(recipe) / best / 1e9:.0f}"),
            *(f"{1000 * best:.3g}", f"{1000 * median(each['toygan']):.3g}"),
            f"{100 * ratio(each['products'], each['toygan']):.0f} %",
            *(f"{count:.0f}" for count in launched.values()),
            ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items()),
        ]


def frame_rows(rounds: int) -> Iterator[list[str]]:
    """Milliseconds a keyframe costs on top of the training that leads to it, and what of it is painted."""
    from benchmarks.common import floor
    from toygan.frames import GRID, pack
    from toygan.observe import SAMPLES, Networks, observe
    from toygan.training import advance, initial_state

    axis = np.linspace(-1, 1, GRID)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(1, -1, 2)
    latents = np.random.default_rng(0).standard_normal((1, SAMPLES, 2))

    def paint(recipe: Recipe, state: State, frame: Frame) -> None:
        networks = Networks.of(recipe, state)
        networks.generate(latents)
        networks.values(grid)
        pack(frame)

    for networks in NETWORKS:
        recipe = recipe_of(networks, "wgan-gp")
        state, trace = advance(recipe, initial_state(recipe), 40)
        frame = observe(recipe, state, trace)
        products = floor.products(floor.picture(recipe))
        jobs: dict[str, Callable[[], object]] = {
            "observe": partial(observe, recipe, state, trace),
            "pack": partial(pack, frame),
            "paint": partial(paint, recipe, state, frame),
            "products": partial(products, 1),
        }
        observing, packing, *painting = (1000 * median(found) for found in in_turn(jobs, rounds).values())
        cost = [observing, packing, observing + packing, *painting]
        yield [networks, *(f"{value:.1f}" for value in cost), f"{len(pack(frame)):,}"]


def distance_rows(rounds: int) -> Iterator[list[str]]:
    """Milliseconds of the exact distance and of the bare solver, between the same two clouds of ring8-wide."""
    import ot

    from toygan.metrics import transport

    def bare(x: np.ndarray, y: np.ndarray) -> float:
        cost = ot.dist(x, y, metric="euclidean")
        return float(ot.emd2([], [], cost, numItermax=10**7))

    for count in CLOUDS:
        rng = np.random.default_rng(0)
        x, y = (Recipe().distribution.sample(count, rng) for _ in range(2))
        times = in_turn({"wasserstein": partial(transport.wasserstein, x, y), "bare": partial(bare, x, y)}, rounds)
        cost = [f"{1000 * median(found):.1f}" for found in times.values()]
        yield [f"{count:,}", *cost, f"{ratio(times['wasserstein'], times['bare']):.2f}"]


def main(arguments: list[str] | None = None) -> int:
    """Run all benchmarks; returns the exit status."""
    parser = argparse.ArgumentParser(description="How fast training, frames and distances are.")
    parser.add_argument("--quick", action="store_true", help="some minutes, less exact; write no page")
    parser.add_argument("--page", type=Path, help="the page to write into (default: docs/performance.md)")
    given = parser.parse_args(arguments)
    one_core()

    import torch

    torch.set_num_threads(1)
    from benchmarks.common import compiled
    from benchmarks.common.contenders import CONTENDERS
    from toygan.routes import route

    rounds, target = (3, 0.2) if given.quick else (9, 1.5)
    pairs = [("S", method) for method in METHODS] if given.quick else list(product(NETWORKS, METHODS))
    head = ["networks", "method", "critic steps", *(f"{name}, steps/s" for name in CONTENDERS)]
    head += [f"toygan / {name}" for name in CONTENDERS if name != "toygan"]
    lanes = ["networks", "method", f"{LANES} runs one by one, steps/s", f"{LANES} lanes, steps/s"]
    lanes += [f"jax, {LANES} by vmap, steps/s"] if compiled.AVAILABLE else []
    lanes += ["lanes / one by one"] + (["lanes / jax"] if compiled.AVAILABLE else [])
    floors = ["networks", "method", "GFLOP", "GFLOP/s", "products, ms", "toygan, ms", "products / toygan"]
    floors += [*(f"launches, {name}" for name in CONTENDERS if name != "jax"), "where toygan's time goes"]
    jax = ["jax"] if compiled.AVAILABLE else []
    note = f"{machine('torch', 'ot', *jax)}, products by {route()}"
    if not jax:
        note += ". Without JAX: pip install -r benchmarks/requirements.txt adds it"
    frames = ["networks", "observe, ms", "pack, ms", "together, ms"]
    frames += ["grid, samples and pack alone, ms", "their products alone, ms", "bytes"]
    distances = ["points", "wasserstein, ms", "bare emd2, ms", "wasserstein / bare"]
    parts = {
        "training": f"{table(head, training_rows(pairs, rounds, target))}\n\nMedians of {rounds} rounds. {note}.",
        "lanes": table(lanes, lane_rows(pairs, rounds, target)),
        "floor": table(floors, floor_rows(pairs, rounds, target)),
        "frames": table(frames, frame_rows(3 * rounds)),
        "distances": table(distances, distance_rows(rounds)),
    }
    print("\n\n".join(parts.values()))
    page = given.page or (None if given.quick else ROOT / "docs" / "performance.md")
    if page is not None:
        for name, text in parts.items():
            write(page, name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
