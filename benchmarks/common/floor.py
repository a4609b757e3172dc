"""The least an iteration can take, and where the rest goes: matrix products alone, launches, and a profile.

The floor is all matrix products of toygan's own algorithm and nothing else, at their shapes, by the same routes, in
buffers that are there. ``products`` is a contender like the others, so that floor and training are timed in turn.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from toygan import passes
from toygan.evaluation import ROWS
from toygan.frames import GRID
from toygan.generators import generator_shape
from toygan.iteration import critic_shape
from toygan.networks import Shape
from toygan.observe import SAMPLES
from toygan.recipe import Recipe
from toygan.routes import Product, product

Train = Callable[[int], None]

#: Which kind of work an operation is; those not named are "small operations".
KINDS = {
    "products": ("mm", "bmm", "addmm", "baddbmm", "addmv"),
    "activations": ("relu", "relu_", "threshold", "threshold_backward", "clamp_min", "clamp_min_"),
    "optimiser": ("_fused_adam_",),
}


def shapes(recipe: Recipe) -> Iterator[tuple[int, int, int, int]]:
    """(how many, rows, inner size, columns) of the products of one iteration; for methods without shared points."""
    critic, generator, batch = critic_shape(recipe), generator_shape(recipe), recipe.batch
    updates, looked_at = recipe.critic_steps, batch * len(recipe.method_entry.penalties)
    rows = 2 * batch + looked_at

    def forward(shape: Shape, count: int, rows: int) -> Iterator[tuple[int, int, int, int]]:
        yield from ((count, rows, a, b) for a, b in shape.layers)

    def backward(shape: Shape, count: int, rows: int, points: int) -> Iterator[tuple[int, int, int, int]]:
        yield from ((count, rows, b, a) for a, b in shape.layers[1:])
        if points:
            yield count, points, shape.widths[1], shape.widths[0]

    def weights(shape: Shape, count: int, rows: int) -> Iterator[tuple[int, int, int, int]]:
        yield from ((count, a, rows, b) for a, b in shape.layers)

    yield from forward(generator, 1, batch * (updates + 1))
    yield from forward(critic, updates, rows)
    yield from backward(critic, updates, rows, looked_at)
    if looked_at:
        yield from ((updates, looked_at, a, b) for a, b in critic.layers[:-1])
    yield from weights(critic, updates, rows)
    yield from forward(critic, 1, batch)
    yield from backward(critic, 1, batch, batch)
    yield from backward(generator, 1, batch, 0)
    yield from weights(generator, 1, batch)


def picture(recipe: Recipe) -> Iterator[tuple[int, int, int, int]]:
    """The same of what is painted of a keyframe: the critic on its grid, and the samples."""
    yield from ((GRID**2 // ROWS, ROWS, a, b) for a, b in critic_shape(recipe).layers)
    yield from ((1, SAMPLES, a, b) for a, b in generator_shape(recipe).layers)


def operations(recipe: Recipe) -> int:
    """Floating-point operations of the products of one iteration."""
    return sum(2 * count * a * b * c for count, a, b, c in shapes(recipe))


def products(wanted: Iterable[tuple[int, int, int, int]]) -> Train:
    """Products of these shapes, and nothing else, so many times; equal shapes in the same memory, so in the cache."""
    left, right, results = functools.cache(torch.randn), functools.cache(torch.randn), functools.cache(torch.empty)
    work = [
        (count, product(left(rows, inner), right(inner, columns), results(rows, columns)))
        for count, rows, inner, columns in wanted
    ]

    def train(steps: int) -> None:
        for _ in range(steps):
            for count, multiply in work:
                for _ in range(count):
                    multiply()

    return train


def _each_product(around: Callable[[Any], Product]) -> AbstractContextManager[object]:
    """The passes that are made meanwhile go by ``around`` of their products: PyTorch does not see those of NumPy."""
    return mock.patch.object(passes, "product", lambda *buffers: around(product(*buffers)))


class _Counting(TorchDispatchMode):
    """Counts the operations that compute something."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))

    def product(self, multiply: Any) -> Product:
        """The same product, counted if it is NumPy's."""

        def counted() -> None:
            self.count += multiply.func is np.matmul
            multiply()

        return counted


def launches(train: Train, steps: int = 8) -> float:
    """Operations of PyTorch, views aside, and products of NumPy that one iteration launches."""
    with _Counting() as counting, _each_product(counting.product):
        train(steps)
    return counting.count / steps


def _recorded(multiply: Product) -> Product:
    def recorded() -> None:
        with torch.profiler.record_function("products"):
            multiply()

    return recorded


def profile(train: Train, steps: int = 40) -> dict[str, float]:
    """Shares of an iteration's processor time by kind of work; what no operation accounts for is "Python and NumPy"."""
    kind_of = {f"aten::{name}": kind for kind, names in KINDS.items() for name in names} | {"products": "products"}
    times: Counter[str] = Counter(dict.fromkeys((*KINDS, "small operations", "Python and NumPy"), 0))
    cpu = [torch.profiler.ProfilerActivity.CPU]
    recording = torch.profiler.profile(activities=cpu)
    with _each_product(_recorded), recording as found, torch.profiler.record_function("all"):
        train(steps)
    for event in found.key_averages():
        name = "Python and NumPy" if event.key == "all" else kind_of.get(event.key, "small operations")
        times[name] += event.self_cpu_time_total
    total = sum(times.values())
    return {name: time / total for name, time in times.items()}
