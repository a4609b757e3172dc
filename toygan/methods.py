"""The catalogue of methods: plain data, one literal entry a method.

A method is an adversarial objective plus gradient penalties plus a constraint on the critic. The names of
objectives, places and targets are looked up in ``objectives.py`` and ``penalties.py`` by the worker that trains;
nothing heavy is imported here, so that the page, the command line and the docs can read the catalogue at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toygan.lookup import find_key


@dataclass(frozen=True)
class Penalty:
    """One gradient penalty: ``weight * mean(toward(norm of the critic's gradient at where(real, fake)))``.

    ``share`` is this term's factor on the recipe's ``penalty_weight``.
    """

    where: str
    toward: str
    share: float = 1.0


@dataclass(frozen=True)
class Method:
    """A named way to train a GAN.

    ``neutral`` says where the critic takes no side: at logit 0 ("zero"), or halfway between its means on real
    and fake ("midpoint"), for critics whose outputs mean something only up to a constant. ``defaults`` are recipe
    fields that apply when the method is picked and that a recipe may override.
    """

    title: str
    label: str
    paper: str
    summary: str
    objective: str
    colour: str
    penalties: tuple[Penalty, ...] = ()
    constraint: str | None = None
    neutral: str = "zero"
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def uses(self, name: str) -> bool:
        """Whether a recipe field of this name means something to the method, and is not ignored."""
        return {"penalty_weight": bool(self.penalties), "clip": self.constraint == "clip"}.get(name, True)


METHODS: dict[str, Method] = {
    "non-saturating": Method(
        title="GAN (non-saturating)",
        label="GAN",
        paper="Goodfellow et al. 2014, arXiv:1406.2661",
        summary="The usual GAN: the generator maximises log D of its samples. No penalty, no constraint.",
        objective="non-saturating",
        colour="#D55E00",
        defaults={
            "critic_steps": 1,
            "generator_learning_rate": 1e-3,
            "critic_learning_rate": 1e-3,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
    "wgan": Method(
        title="WGAN (weight clipping)",
        label="WGAN",
        paper="Arjovsky et al. 2017, arXiv:1701.07875",
        summary="The critic estimates the Wasserstein distance; clipping its weights keeps it Lipschitz.",
        objective="wasserstein",
        constraint="clip",
        neutral="midpoint",
        colour="#0072B2",
        defaults={
            "critic_steps": 2,
            "optimizer": "rmsprop",
            "generator_learning_rate": 5e-4,
            "critic_learning_rate": 5e-4,
            "beta2": 0.99,
            "clip": 0.2,
        },
    ),
    "wgan-gp": Method(
        title="WGAN-GP (gradient penalty)",
        label="WGAN-GP",
        paper="Gulrajani et al. 2017, arXiv:1704.00028",
        summary="WGAN whose critic is asked for gradient norm one between real and generated points.",
        objective="wasserstein",
        penalties=(Penalty("between", "one"),),
        neutral="midpoint",
        colour="#009E73",
        defaults={
            "critic_steps": 1,
            "penalty_weight": 0.1,
            "generator_learning_rate": 2e-3,
            "critic_learning_rate": 2e-3,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
    "dragan": Method(
        title="DRAGAN",
        label="DRAGAN",
        paper="Kodali et al. 2017, arXiv:1705.07215",
        summary="The usual GAN loss, with gradient norm one asked for in a cloud around the real points.",
        objective="non-saturating",
        penalties=(Penalty("around-real", "one"),),
        colour="#CC79A7",
        defaults={
            "critic_steps": 1,
            "penalty_weight": 1.0,
            "generator_learning_rate": 2e-3,
            "critic_learning_rate": 2e-3,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
    "r3gan": Method(
        title="R3GAN",
        label="R3GAN",
        paper="Huang et al. 2024, arXiv:2501.05441",
        summary="Relativistic pairing of real and fake, with zero-centred penalties on both.",
        objective="relativistic",
        penalties=(Penalty("at-real", "zero"), Penalty("at-fake", "zero")),
        neutral="midpoint",
        colour="#E69F00",
        defaults={
            "critic_steps": 1,
            "penalty_weight": 0.05,
            "generator_learning_rate": 2e-3,
            "critic_learning_rate": 2e-3,
            "beta1": 0.0,
            "beta2": 0.9,
        },
    ),
    "r1": Method(
        title="R1 (zero-centred penalty at real points)",
        label="R1",
        paper="Mescheder et al. 2018, arXiv:1801.04406",
        summary="The usual GAN with the critic's gradient damped where the real points are.",
        objective="non-saturating",
        penalties=(Penalty("at-real", "zero"),),
        colour="#56B4E9",
        defaults={
            "critic_steps": 1,
            "penalty_weight": 0.05,
            "generator_learning_rate": 2e-3,
            "critic_learning_rate": 2e-3,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
    "sngan": Method(
        title="SN-GAN (spectral normalisation)",
        label="SN-GAN",
        paper="Miyato et al. 2018, arXiv:1802.05957",
        summary="Hinge loss, with every critic layer divided by its largest singular value.",
        objective="hinge",
        constraint="spectral-norm",
        colour="#B09C2B",
        defaults={"critic_steps": 5, "beta1": 0.0, "beta2": 0.9},
    ),
    "wgan-lp": Method(
        title="WGAN-LP (one-sided penalty)",
        label="WGAN-LP",
        paper="Petzka et al. 2018, arXiv:1709.08894",
        summary="WGAN-GP that punishes only gradient norms above one.",
        objective="wasserstein",
        penalties=(Penalty("between", "at-most-one"),),
        neutral="midpoint",
        colour="#44AA99",
        defaults={
            "critic_steps": 1,
            "penalty_weight": 0.1,
            "generator_learning_rate": 2e-3,
            "critic_learning_rate": 2e-3,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
    "wgan-max-gp": Method(
        title="WGAN with maximum gradient penalty",
        label="Max-GP",
        paper="Zhou et al. 2019, arXiv:1902.05687",
        summary="WGAN with a penalty on the batch's largest gradient norm alone.",
        objective="wasserstein",
        penalties=(Penalty("between", "zero-at-largest"),),
        neutral="midpoint",
        colour="#A0714F",
        defaults={
            "critic_steps": 1,
            "penalty_weight": 0.1,
            "generator_learning_rate": 2e-3,
            "critic_learning_rate": 2e-3,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
    "hinge": Method(
        title="Hinge GAN",
        label="Hinge",
        paper="Lim and Ye 2017, arXiv:1705.02894",
        summary="The critic stops pushing once real and fake are a margin apart.",
        objective="hinge",
        colour="#7B6FD0",
        defaults={
            "critic_steps": 1,
            "generator_learning_rate": 5e-4,
            "critic_learning_rate": 5e-4,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
    "least-squares": Method(
        title="LSGAN (least squares)",
        label="LSGAN",
        paper="Mao et al. 2017, arXiv:1611.04076",
        summary="Squared distance to the labels one and zero instead of the logistic loss.",
        objective="least-squares",
        neutral="midpoint",
        colour="#999933",
        defaults={
            "critic_steps": 1,
            "generator_learning_rate": 5e-4,
            "critic_learning_rate": 5e-4,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
    "minimax": Method(
        title="GAN (minimax, saturating)",
        label="Minimax",
        paper="Goodfellow et al. 2014, arXiv:1406.2661",
        summary="The original game: the generator minimises log(1 - D), which fades when the critic is sure.",
        objective="minimax",
        colour="#AA4466",
        defaults={
            "critic_steps": 1,
            "generator_learning_rate": 1e-3,
            "critic_learning_rate": 1e-3,
            "beta1": 0.5,
            "beta2": 0.9,
        },
    ),
}

#: The four methods the page shows first.
CARD_METHODS = ("non-saturating", "wgan", "wgan-gp", "dragan")


def find_method(name: str) -> str:
    """The key of the method that ``name`` means: a key or a label, in upper or lower case.

    Raises ``ValueError`` naming the choices when there is none.
    """
    return find_key("method", name, {key: method.label for key, method in METHODS.items()})
