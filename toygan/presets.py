"""Presets: named recipes, plain data. Each says where it comes from and where it differs from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toygan.lookup import lookup
from toygan.recipe import Recipe


@dataclass(frozen=True)
class Preset:
    """A named starting point; ``fields`` are the recipe fields it sets, the rest are the method's defaults."""

    title: str
    note: str
    source: str
    fields: Mapping[str, Any]

    @property
    def recipe(self) -> Recipe:
        """The preset's recipe."""
        return Recipe.from_json(self.fields)


#: gan_toy.py: networks, batch and Adam of every run there.
_GAN_TOY = {
    "generator_width": 512,
    "generator_depth": 3,
    "critic_width": 512,
    "critic_depth": 3,
    "latent": 2,
    "batch": 256,
    "critic_steps": 5,
    "ema": 0.0,
}
_GAN_TOY_GP = {
    **_GAN_TOY,
    "method": "wgan-gp",
    "penalty_weight": 0.1,
    "optimizer": "adam",
    "generator_learning_rate": 1e-4,
    "critic_learning_rate": 1e-4,
    "beta1": 0.5,
    "beta2": 0.9,
}
_GAN_TOY_SOURCE = "igul222/improved_wgan_training, gan_toy.py"

_PACGAN = {
    "method": "non-saturating",
    "generator_width": 400,
    "generator_depth": 4,
    "critic_width": 200,
    "critic_depth": 3,
    "batch": 100,
    "critic_steps": 1,
    "optimizer": "adam",
    "generator_learning_rate": 1e-4,
    "critic_learning_rate": 1e-4,
    "beta1": 0.8,
    "beta2": 0.999,
    "ema": 0.0,
}
_PACGAN_NOTE = (
    "Theirs has batch normalisation in the generator, maxout units in the critic, weights from N(0, 0.02) "
    "and a fixed pool of 100,000 points; here plain ReLU layers, He's weights and fresh points."
)

PRESETS: dict[str, Preset] = {
    "ring-gp": Preset(
        "Ring with WGAN-GP",
        "Small networks that learn all eight modes; a good place to start.",
        "toygan",
        {"method": "wgan-gp", "data": "ring8-wide"},
    ),
    "ring-dragan": Preset(
        "Ring with DRAGAN",
        "The usual GAN loss, held steady by a penalty around the real points.",
        "toygan",
        {"method": "dragan", "data": "ring8-wide"},
    ),
    "ring-collapse": Preset(
        "Mode collapse",
        "A generator that learns twenty times as fast as its critic. From about step 1,000 on, most samples sit on one "
        "of the eight modes at most times, hop to another every hundred steps or so, and still do at step 20,000: "
        "watch the bars and the numbers on the stage. The modes are ten times as wide as this ring's usual ones.",
        "toygan",
        {
            "method": "non-saturating",
            "data": "ring8",
            "data_parameters": {"std": 0.1},
            "generator_width": 64,
            "critic_width": 64,
            "batch": 128,
            "generator_learning_rate": 0.04,
            "critic_learning_rate": 2e-3,
            "beta1": 0.0,
            "beta2": 0.999,
            "ema": 0.0,
        },
    ),
    "grid-r3gan": Preset(
        "Grid of 25 with R3GAN",
        "Relativistic pairs and two zero-centred penalties on the hardest of the Gaussian sets.",
        "toygan",
        {"method": "r3gan", "data": "grid25"},
    ),
    "swiss-roll-gp": Preset(
        "Swiss roll with WGAN-GP",
        "A curve instead of modes: watch the generator unroll along it.",
        "toygan",
        {"method": "wgan-gp", "data": "swiss-roll"},
    ),
    "gan-toy-ring": Preset(
        "WGAN-GP paper, 8 Gaussians",
        "100,000 generator steps in the paper's code.",
        _GAN_TOY_SOURCE,
        {**_GAN_TOY_GP, "data": "ring8-wide"},
    ),
    "gan-toy-grid": Preset(
        "WGAN-GP paper, 25 Gaussians",
        "The grid divided by 2.828, as in the paper's code.",
        _GAN_TOY_SOURCE,
        {
            **_GAN_TOY_GP,
            "data": "grid25",
            "data_parameters": {"spacing": 2 / 2.828, "std": 0.05 / 2.828},
        },
    ),
    "gan-toy-swiss-roll": Preset(
        "WGAN-GP paper, swiss roll",
        "100,000 generator steps in the paper's code.",
        _GAN_TOY_SOURCE,
        {**_GAN_TOY_GP, "data": "swiss-roll"},
    ),
    "gan-toy-clip": Preset(
        "WGAN with clipping, 8 Gaussians",
        "The same networks with weight clipping at 0.01 and RMSProp. It learns slowly, which is the paper's point.",
        _GAN_TOY_SOURCE,
        {
            **_GAN_TOY,
            "method": "wgan",
            "data": "ring8-wide",
            "optimizer": "rmsprop",
            "generator_learning_rate": 5e-5,
            "critic_learning_rate": 5e-5,
            "beta2": 0.9,
            "clip": 0.01,
        },
    ),
    "pacgan-ring": Preset(
        "PacGAN paper, plain GAN on the ring",
        _PACGAN_NOTE,
        "fjxmlzn/PacGAN",
        {**_PACGAN, "data": "ring8"},
    ),
    "pacgan-grid": Preset(
        "PacGAN paper, plain GAN on the grid",
        _PACGAN_NOTE,
        "fjxmlzn/PacGAN",
        {**_PACGAN, "data": "grid25"},
    ),
    "unrolled-baseline": Preset(
        "Unrolled GAN paper, without unrolling",
        "Their baseline that collapses. Theirs has orthogonal weights of gain 1.4 and a ring of seven modes, "
        "one doubled.",
        "poolio/unrolled_gan",
        {
            "method": "minimax",
            "data": "ring8",
            "activation": "tanh",
            "generator_width": 128,
            "generator_depth": 2,
            "critic_width": 128,
            "critic_depth": 2,
            "latent": 256,
            "batch": 512,
            "optimizer": "adam",
            "generator_learning_rate": 1e-3,
            "critic_learning_rate": 1e-4,
            "beta1": 0.5,
            "beta2": 0.999,
            "critic_steps": 1,
            "ema": 0.0,
        },
    ),
    "gan-lab": Preset(
        "GAN Lab",
        "Its two Gaussians and plain gradient descent, with networks of its size.",
        "poloclub/ganlab",
        {
            "method": "non-saturating",
            "data": "two-gaussians",
            "generator_width": 10,
            "generator_depth": 2,
            "critic_width": 11,
            "critic_depth": 2,
            "latent_law": "uniform",
            "batch": 150,
            "optimizer": "sgd",
            "beta1": 0.0,
            "generator_learning_rate": 0.03,
            "critic_learning_rate": 0.1,
            "critic_steps": 1,
            "ema": 0.0,
        },
    ),
}


def find_preset(key: str) -> Preset:
    """The preset called ``key``; raises ``ValueError`` naming the choices when there is none."""
    return lookup("preset", key, PRESETS)
