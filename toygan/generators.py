"""Generators: what makes points, of how many trained weights, and of which random numbers.

Each is an entry of ``GENERATORS``. A generator without weights is not trained: of a generator step, its recipe's critic
updates are all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from toygan.networks import Shape, forward
from toygan.recipe import Recipe
from toygan.streams import Purpose, latents, stream


def draw_latents(recipe: Recipe, seed: int, purpose: Purpose, block: int, shape: tuple[int, ...]) -> np.ndarray:
    """Latents (*shape, Z) of the recipe's law, float64, from stream (seed, purpose, block)."""
    return latents(stream(seed, purpose, block), recipe.latent_law, (*shape, recipe.latent))


@dataclass(frozen=True)
class Generator:
    """``initial(recipe, rng)`` gives one lane's first weights (P,), as many as its recipe says.

    ``points(recipe, weights, latents)`` makes points (L, R, 2), in data units, of weights (L, P) and what
    ``draw(recipe, seed, purpose, block, shape)`` drew for each lane, (L, R, Z), the purpose being that of latents in
    training, in frames or in reports. ``readings(weights)`` is what one lane's weights (P,) tell as metrics.
    ``shape(recipe)``, where there is one, says that the points are those of a network, so that it need not be asked.
    """

    initial: Callable[[Recipe, np.random.Generator], np.ndarray]
    points: Callable[[Recipe, Tensor, Tensor], Tensor]
    draw: Callable[[Recipe, int, Purpose, int, tuple[int, ...]], np.ndarray] = draw_latents
    readings: Callable[[np.ndarray], dict[str, float]] = lambda weights: {}
    shape: Callable[[Recipe], Shape] | None = None


def generator_shape(recipe: Recipe) -> Shape:
    """A generator network's layers: a latent to two coordinates."""
    return Shape.of(recipe.latent, recipe.generator_width, recipe.generator_depth, 2, recipe.activation)


def _through_network(recipe: Recipe, weights: Tensor, latent: Tensor) -> Tensor:
    return forward(generator_shape(recipe), weights, latent)


#: By latent law: its cumulative distribution function, which makes a latent a share even between 0 and 1.
_SHARES: dict[str, Callable[[Tensor], Tensor]] = {
    "normal": torch.special.ndtr,
    "uniform": lambda latent: (latent + 1) / 2,
}


def on_line(recipe: Recipe, weights: Tensor, latent: Tensor) -> Tensor:
    """(theta, y), y in [0, 1] the share of the latent's first coordinate (Arjovsky et al. 2017, example 1)."""
    y = _SHARES[recipe.latent_law](latent[..., :1])
    return torch.cat([weights.unsqueeze(1).expand_as(y), y], dim=-1)


#: By purpose of latents: the streams of the frozen generator's real points and of their noise.
_FROZEN_STREAMS = {
    Purpose.LATENT: (Purpose.FROZEN_DATA, Purpose.FROZEN_NOISE),
    Purpose.PROBE_LATENT: (Purpose.PROBE_FROZEN_DATA, Purpose.PROBE_FROZEN_NOISE),
    Purpose.EVALUATION_LATENT: (Purpose.EVALUATION_FROZEN_DATA, Purpose.EVALUATION_FROZEN_NOISE),
}


def noisy_data(recipe: Recipe, seed: int, purpose: Purpose, block: int, shape: tuple[int, ...]) -> np.ndarray:
    """Real points of their own plus N(0, I) in data units, (*shape, 2) float64 (Gulrajani et al. 2017, figure 1)."""
    data, noise = (stream(seed, own, block) for own in _FROZEN_STREAMS[purpose])
    real = recipe.distribution.sample(int(np.prod(shape)), data).reshape(*shape, 2)
    return real + noise.standard_normal(real.shape)


GENERATORS: dict[str, Generator] = {
    "network": Generator(
        initial=lambda recipe, rng: generator_shape(recipe).initial(rng),
        points=_through_network,
        shape=generator_shape,
    ),
    "line": Generator(
        initial=lambda recipe, rng: np.ones(1),
        points=on_line,
        readings=lambda weights: {"theta": float(weights[0])},
    ),
    "frozen": Generator(
        initial=lambda recipe, rng: np.zeros(0),
        points=lambda recipe, weights, points: points,
        draw=noisy_data,
    ),
}
