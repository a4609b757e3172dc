"""Adversarial objectives on logits.

``real`` and ``fake`` are the critic's outputs, shape (L, B): L lanes, a batch of B. Each objective has a critic
loss and a generator loss, both minimised, both returning one mean a lane, shape (L,). sp is softplus.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Objective:
    """A pair of losses; ``paired`` tells that the generator's loss needs a batch of real points too."""

    critic: Loss
    generator: Loss
    paired: bool = False


def _mean(values: Tensor) -> Tensor:
    return values.mean(dim=-1)


def logistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[sp(-r)] + E[sp(f)], the negative log-likelihood of telling real from fake (Goodfellow et al. 2014)."""
    return _mean(softplus(-real)) + _mean(softplus(fake))


def minimax_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[sp(f)] = E[log(1 - sigma(f))]; its gradient fades where the critic is sure (Goodfellow et al. 2014)."""
    return -_mean(softplus(fake))


def non_saturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """E[sp(-f)] = -E[log sigma(f)], the "-log D" form (Goodfellow et al. 2014)."""
    return _mean(softplus(-fake))


def least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """(E[(r - 1)^2] + E[f^2]) / 2 (Mao et al. 2017)."""
    return (_mean((real - 1).square()) + _mean(fake.square())) / 2


def least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    """E[(f - 1)^2] / 2 (Mao et al. 2017)."""
    return _mean((fake - 1).square()) / 2


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - r)] + E[max(0, 1 + f)] (Lim and Ye 2017)."""
    return _mean(torch.relu(1 - real)) + _mean(torch.relu(1 + fake))


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[f] - E[r]: minus the critic's estimate of the Wasserstein distance (Arjovsky et al. 2017)."""
    return _mean(fake) - _mean(real)


def negative_mean_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[f] (Arjovsky et al. 2017; Lim and Ye 2017)."""
    return -_mean(fake)


def relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[sp(-(r - f))] over pairs (Jolicoeur-Martineau 2019; RpGAN in Huang et al. 2024)."""
    return _mean(softplus(fake - real))


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """E[sp(-(f - r))] over pairs (Jolicoeur-Martineau 2019; RpGAN in Huang et al. 2024)."""
    return _mean(softplus(real - fake))


OBJECTIVES: dict[str, Objective] = {
    "minimax": Objective(logistic_critic, minimax_generator),
    "non-saturating": Objective(logistic_critic, non_saturating_generator),
    "least-squares": Objective(least_squares_critic, least_squares_generator),
    "hinge": Objective(hinge_critic, negative_mean_generator),
    "wasserstein": Objective(wasserstein_critic, negative_mean_generator),
    "relativistic": Objective(relativistic_critic, relativistic_generator, paired=True),
}
