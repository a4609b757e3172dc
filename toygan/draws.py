"""The random numbers training consumes, a block of steps at a time, as pure functions of seeds and step."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from toygan.generators import GENERATORS
from toygan.penalties import WHERE
from toygan.recipe import Recipe
from toygan.streams import BLOCK, Purpose, stream


@dataclass(frozen=True)
class Draws:
    """One step's numbers; L lanes, C critic updates, batch B.

    ``data`` (L, C, B, 2); ``paired`` (L, B, 2), real points for the generator's loss; ``latents`` (L, C + 1, B, Z),
    what the generator makes points of, the last for its own update; ``penalties`` one (L, C, B, width) or ``None`` a
    penalty; ``noise`` (L, C + 1, 2, B, 2) standard normal, for real and for fake points, or ``None`` without
    instance noise.
    """

    data: Tensor
    paired: Tensor | None
    latents: Tensor
    penalties: tuple[Tensor | None, ...]
    noise: Tensor | None

    def tensors(self) -> list[Tensor]:
        """All there are, in one order."""
        each = (self.data, self.paired, self.latents, *self.penalties, self.noise)
        return [tensor for tensor in each if tensor is not None]

    def clone(self) -> Draws:
        """The same numbers elsewhere."""

        def copy(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.clone()

        penalties = tuple(copy(tensor) for tensor in self.penalties)
        return Draws(self.data.clone(), copy(self.paired), self.latents.clone(), penalties, copy(self.noise))


#: All that one lane draws for a block, (BLOCK, ...) each: data, pairs, latents, noise, and one for each penalty.
Lane = list[Tensor | None]

#: ``map``, or what does the same in threads.
Map = Callable[[Callable[[int], Lane], list[int]], Iterable[Lane]]

#: Of one block: the recipe, whether its objective is paired, and which block.
_Wanted = tuple[Recipe, bool, int]


class DrawSource:
    """Draws for any step of one recipe's lanes; keeps the block it last made.

    NumPy draws on the processor, whatever the device, so that a run is the same everywhere. ``each`` maps a function
    over the lanes: ``threads().map`` begins at once, so that the next block, if a step before ``end`` is in it, is
    drawn while a GPU works on this one. Where that takes longer than the GPU it waits: for hundreds of lanes the draws
    bound the speed.
    """

    def __init__(
        self, seeds: list[int], dtype: torch.dtype, device: torch.device, end: float = math.inf, each: Map = map
    ) -> None:
        self._seeds = seeds
        self._dtype = dtype
        self._device = device
        self._end = end
        self._each = each
        self._made: _Wanted | None = None
        self._block: list[Tensor | None] = []
        self._ahead: tuple[_Wanted, Iterable[Lane]] | None = None

    def at(self, recipe: Recipe, paired: bool, step: int) -> Draws:
        """The numbers of ``step`` under ``recipe`` (the one in force there)."""
        block, index = divmod(step, BLOCK)
        if self._made != (recipe, paired, block):
            self._make(recipe, paired, block)
        data, pairs, latent, noise, *penalties = (None if tensor is None else tensor[index] for tensor in self._block)
        assert data is not None and latent is not None
        return Draws(data, pairs, latent, tuple(penalties), noise)

    def _make(self, recipe: Recipe, paired: bool, block: int) -> None:
        wanted, following = (recipe, paired, block), (recipe, paired, block + 1)
        ahead, self._ahead = self._ahead, None
        lanes = list(ahead[1] if ahead is not None and ahead[0] == wanted else self._draw(*wanted))
        if (block + 1) * BLOCK < self._end:
            # Without threads nothing of it is drawn before it is asked for.
            self._ahead = following, self._draw(*following)
        self._block = [None if parts[0] is None else self._stack(parts) for parts in zip(*lanes, strict=True)]
        self._made = wanted

    def _draw(self, recipe: Recipe, paired: bool, block: int) -> Iterable[Lane]:
        return self._each(partial(_lane, recipe, paired, block, self._dtype), self._seeds)

    def _stack(self, parts: tuple[Tensor, ...]) -> Tensor:
        """The lanes' numbers behind the block's steps, (BLOCK, L, ...), on the device."""
        if self._device.type != "cuda":
            return torch.stack(parts, dim=1).to(self._device)
        # From pinned memory a GPU copies by itself, while this thread goes on.
        steps, *shape = parts[0].shape
        pinned = torch.empty((steps, len(parts), *shape), dtype=self._dtype, pin_memory=True)
        torch.stack(parts, dim=1, out=pinned)
        return pinned.to(self._device, non_blocking=True)


def _lane(recipe: Recipe, paired: bool, block: int, dtype: torch.dtype, seed: int) -> Lane:
    """What one lane draws; for all of a source's draws the same arguments but the last."""
    steps, batch = recipe.critic_steps, recipe.batch

    def rng(purpose: int) -> np.random.Generator:
        return stream(seed, purpose, block)

    def points(purpose: Purpose, *shape: int) -> np.ndarray:
        return recipe.distribution.sample(int(np.prod(shape)), rng(purpose)).reshape(*shape, 2)

    latents = GENERATORS[recipe.generator].draw(recipe, seed, Purpose.LATENT, block, (BLOCK, steps + 1, batch))
    made = [
        points(Purpose.DATA, BLOCK, steps, batch),
        points(Purpose.PAIRED_DATA, BLOCK, batch) if paired else None,
        latents,
        rng(Purpose.INSTANCE_NOISE).standard_normal((BLOCK, steps + 1, 2, batch, 2)) if recipe.instance_noise else None,
    ]
    for number, penalty in enumerate(recipe.method_entry.penalties):
        where = WHERE[penalty.where]
        law = _LAWS.get(where.law)
        made.append(law(rng(Purpose.PENALTY + number), (BLOCK, steps, batch, where.width)) if law else None)
    return [None if array is None else torch.from_numpy(array).to(dtype) for array in made]


#: By name of a law: how to draw so many numbers of it.
_LAWS: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "uniform": lambda rng, shape: rng.random(shape),
    "normal": lambda rng, shape: rng.standard_normal(shape),
}


@functools.cache
def threads() -> ThreadPoolExecutor:
    """One for each core to draw in, made once a process; NumPy lets go of the interpreter while it draws."""
    return ThreadPoolExecutor(os.cpu_count(), "toygan-draws")
