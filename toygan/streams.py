"""Random streams as pure functions of seed, purpose and position.

Nothing has to be carried from chunk to chunk: the numbers of step k follow from the seed and k alone. Purposes are
independent, so that every method with the same seed sees the same data and latents, whatever else it draws.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

#: Steps whose numbers are drawn together: one generator and one call a stream, which costs about what one step's would.
#: Part of what a recipe means.
BLOCK = 8


class Purpose(IntEnum):
    """What a stream is for. The numbers are part of what a recipe means: never renumber them."""

    CRITIC_WEIGHTS = 0
    GENERATOR_WEIGHTS = 1
    POWER_ITERATION = 2
    DATA = 3
    PAIRED_DATA = 4
    LATENT = 5
    INSTANCE_NOISE = 6
    PROBE_LATENT = 7
    PROBE_DATA = 8
    EVALUATION_LATENT = 9
    EVALUATION_DATA = 10
    # Of the generator that is real points plus noise, in place of latents: in training, in frames, in reports.
    FROZEN_DATA = 11
    FROZEN_NOISE = 12
    PROBE_FROZEN_DATA = 13
    PROBE_FROZEN_NOISE = 14
    EVALUATION_FROZEN_DATA = 15
    EVALUATION_FROZEN_NOISE = 16
    PENALTY = 100


def stream(seed: int, purpose: int, block: int = 0) -> np.random.Generator:
    """The generator of stream (seed, purpose, block): Philox, a counter-based generator (Salmon et al. 2011)."""
    bits = np.random.Philox(key=[seed, int(purpose)], counter=[0, 0, 0, block])
    return np.random.Generator(bits)


def latents(rng: np.random.Generator, law: str, shape: tuple[int, ...]) -> np.ndarray:
    """Latents of the given law, float64: "normal" N(0, 1), "uniform" U[-1, 1], coordinate by coordinate."""
    return rng.standard_normal(shape) if law == "normal" else rng.uniform(-1.0, 1.0, shape)
