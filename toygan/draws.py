"""The random numbers training consumes, a block of steps at a time, as pure functions of seeds and step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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


class DrawSource:
    """Draws for any step of one recipe's lanes; keeps the block it last made."""

    def __init__(self, seeds: list[int], dtype: torch.dtype, device: torch.device) -> None:
        self._seeds = seeds
        self._dtype = dtype
        self._device = device
        self._made: tuple[Recipe, bool, int] | None = None
        self._block: list[Tensor | None] = []

    def at(self, recipe: Recipe, paired: bool, step: int) -> Draws:
        """The numbers of ``step`` under ``recipe`` (the one in force there)."""
        block, index = divmod(step, BLOCK)
        if self._made != (recipe, paired, block):
            self._block = self._make(recipe, paired, block)
            self._made = (recipe, paired, block)
        data, pairs, latent, noise, *penalties = (None if tensor is None else tensor[index] for tensor in self._block)
        assert data is not None and latent is not None
        return Draws(data, pairs, latent, tuple(penalties), noise)

    def _make(self, recipe: Recipe, paired: bool, block: int) -> list[Tensor | None]:
        updates, batch = recipe.critic_steps, recipe.batch
        sample = recipe.distribution.sample

        def points(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
            return lambda rng: sample(int(np.prod(shape)), rng).reshape(*shape, 2)

        def normal(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
            return lambda rng: rng.standard_normal(shape)

        def uniform(*shape: int) -> Callable[[np.random.Generator], np.ndarray]:
            return lambda rng: rng.random(shape)

        def latents(seed: int) -> np.ndarray:
            return GENERATORS[recipe.generator].draw(recipe, seed, Purpose.LATENT, block, (BLOCK, updates + 1, batch))

        made = [
            self._stack(Purpose.DATA, block, points(BLOCK, updates, batch)),
            self._stack(Purpose.PAIRED_DATA, block, points(BLOCK, batch)) if paired else None,
            self._tensor(latents),
            self._stack(Purpose.INSTANCE_NOISE, block, normal(BLOCK, updates + 1, 2, batch, 2))
            if recipe.instance_noise
            else None,
        ]
        for number, penalty in enumerate(recipe.method_entry.penalties):
            where = WHERE[penalty.where]
            law = {"uniform": uniform, "normal": normal}.get(where.law)
            shape = (BLOCK, updates, batch, where.width)
            made.append(self._stack(Purpose.PENALTY + number, block, law(*shape)) if law else None)
        return made

    def _stack(self, purpose: int, block: int, draw: Callable[[np.random.Generator], np.ndarray]) -> Tensor:
        return self._tensor(lambda seed: draw(stream(seed, purpose, block)))

    def _tensor(self, draw: Callable[[int], np.ndarray]) -> Tensor:
        """Each lane's numbers by its seed, stacked behind the block's steps: (BLOCK, L, ...)."""
        stacked = np.stack([draw(seed) for seed in self._seeds], axis=1)
        return torch.from_numpy(stacked).to(self._dtype).to(self._device)
