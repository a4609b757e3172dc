"""Comparisons worth seeing: what each is about, and its runs."""

from __future__ import annotations

from dataclasses import dataclass

from toygan.comparison import Comparison
from toygan.methods import CARD_METHODS


@dataclass(frozen=True)
class ComparisonPreset:
    """``note`` says what to look at."""

    title: str
    note: str
    comparison: Comparison


COMPARISON_PRESETS: dict[str, ComparisonPreset] = {
    "four-methods": ComparisonPreset(
        "Four methods",
        "The usual GAN, weight clipping, a penalty between real and generated points, a penalty around real ones.",
        Comparison.of_methods(CARD_METHODS),
    ),
    "clip-or-penalty": ComparisonPreset(
        "Clipping or penalty",
        "The same loss, its critic held back in two ways. Look at the gradient norm: the penalty keeps it near 1, "
        "clipping lets it go wherever its bound leads.",
        Comparison.of_methods(("wgan", "wgan-gp")),
    ),
    "critic-steps": ComparisonPreset(
        "Critic steps",
        "One, two or five critic updates before each generator update. Set the clock to critic updates or to training "
        "time: is the better critic worth what it costs?",
        Comparison.of_values("critic_steps", (1, 2, 5), {"method": "wgan-gp"}),
    ),
    "one-sided": ComparisonPreset(
        "One-sided or two-sided",
        "WGAN-LP penalises slopes above 1 only, WGAN-GP any other slope than 1.",
        Comparison.of_methods(("wgan-lp", "wgan-gp")),
    ),
    "penalty-weight": ComparisonPreset(
        "Penalty weight",
        "Three weights of the same penalty: with a small one the slope runs off, with a large one the critic sees "
        "little else.",
        Comparison.of_values("penalty_weight", (0.01, 0.1, 10), {"method": "wgan-gp"}),
    ),
    "instance-noise": ComparisonPreset(
        "Instance noise",
        "The usual GAN on narrow modes, with and without noise on what the critic sees. The noise makes the two clouds "
        "overlap, so that the critic cannot be sure from the start.",
        Comparison.of_values("instance_noise", (0, 0.5), {"method": "non-saturating", "data": "ring8"}),
    ),
    "segments": ComparisonPreset(
        "Two segments",
        "A generator with one weight, theta, moves a whole segment towards the real one. With a critic near its best "
        "the minimax generator stays where it is; those of the Wasserstein distance come home.",
        Comparison.of_methods(
            ("minimax", "non-saturating", "wgan", "wgan-gp"),
            {
                "data": "segment",
                "generator": "line",
                "latent": "1",
                "latent_law": "uniform",
                "critic_width": "64",
                "critic_depth": "2",
                "critic_steps": "20",
                "batch": "64",
                "penalty_weight": "1",
                "clip": "0.1",
                "optimizer": "sgd",
                "beta1": "0",
                "beta2": "0.9",
                "generator_learning_rate": "0.01",
                "critic_learning_rate": "0.05",
                "ema": "0",
            },
        ),
    ),
}
