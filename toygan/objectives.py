"""Adversarial objectives on logits.

``real`` and ``fake`` are the critic's outputs, shape (L, B): L lanes, a batch of B. Each objective has a critic
loss and a generator loss, both minimised, both returning one mean a lane, shape (L,). sp is softplus, sigma its
derivative. The slopes are the losses' derivatives by hand: autograd on so few numbers costs as much as a whole layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

Loss = Callable[[Tensor, Tensor], Tensor]
CriticSlopes = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Objective:
    """A pair of losses; ``paired`` tells that the generator's loss needs a batch of real points too.

    ``critic_slopes`` gives the derivatives of each lane's critic loss with respect to its real and its fake logits,
    (L, B) each, and ``generator_slope`` that of its generator loss with respect to its fake ones. ``linear`` tells that
    neither depends on the logits.
    """

    critic: Loss
    generator: Loss
    critic_slopes: CriticSlopes
    generator_slope: Loss
    paired: bool = False
    linear: bool = False


def _mean(values: Tensor) -> Tensor:
    return values.mean(dim=-1)


def logistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[sp(-r)] + E[sp(f)], the negative log-likelihood of telling real from fake (Goodfellow et al. 2014)."""
    return _mean(softplus(-real)) + _mean(softplus(fake))


def logistic_critic_slopes(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """-sigma(-r) / B and sigma(f) / B."""
    count = fake.shape[-1]
    return torch.sigmoid(-real) / -count, torch.sigmoid(fake) / count


def minimax_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[sp(f)] = E[log(1 - sigma(f))]; its gradient fades where the critic is sure (Goodfellow et al. 2014)."""
    return -_mean(softplus(fake))


def minimax_slope(real: Tensor, fake: Tensor) -> Tensor:
    """-sigma(f) / B."""
    return torch.sigmoid(fake) / -fake.shape[-1]


def non_saturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """E[sp(-f)] = -E[log sigma(f)], the "-log D" form (Goodfellow et al. 2014)."""
    return _mean(softplus(-fake))


def non_saturating_slope(real: Tensor, fake: Tensor) -> Tensor:
    """-sigma(-f) / B."""
    return torch.sigmoid(-fake) / -fake.shape[-1]


def least_squares_critic(real: Tensor, fake: Tensor) -> Tensor:
    """(E[(r - 1)^2] + E[f^2]) / 2 (Mao et al. 2017)."""
    return (_mean((real - 1).square()) + _mean(fake.square())) / 2


def least_squares_critic_slopes(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """(r - 1) / B and f / B."""
    count = fake.shape[-1]
    return (real - 1) / count, fake / count


def least_squares_generator(real: Tensor, fake: Tensor) -> Tensor:
    """E[(f - 1)^2] / 2 (Mao et al. 2017)."""
    return _mean((fake - 1).square()) / 2


def least_squares_slope(real: Tensor, fake: Tensor) -> Tensor:
    """(f - 1) / B."""
    return (fake - 1) / fake.shape[-1]


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - r)] + E[max(0, 1 + f)] (Lim and Ye 2017)."""
    return _mean(torch.relu(1 - real)) + _mean(torch.relu(1 + fake))


def hinge_critic_slopes(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """-[r < 1] / B and [f > -1] / B."""
    count = fake.shape[-1]
    return (real < 1).to(real.dtype) / -count, (fake > -1).to(fake.dtype) / count


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[f] - E[r]: minus the critic's estimate of the Wasserstein distance (Arjovsky et al. 2017)."""
    return _mean(fake) - _mean(real)


def wasserstein_critic_slopes(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """-1 / B and 1 / B."""
    count = fake.shape[-1]
    return torch.full_like(real, -1 / count), torch.full_like(fake, 1 / count)


def negative_mean_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[f] (Arjovsky et al. 2017; Lim and Ye 2017)."""
    return -_mean(fake)


def negative_mean_slope(real: Tensor, fake: Tensor) -> Tensor:
    """-1 / B."""
    return torch.full_like(fake, -1 / fake.shape[-1])


def relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """E[sp(-(r - f))] over pairs (Jolicoeur-Martineau 2019; RpGAN in Huang et al. 2024)."""
    return _mean(softplus(fake - real))


def relativistic_critic_slopes(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """-sigma(f - r) / B and sigma(f - r) / B."""
    slopes = torch.sigmoid(fake - real) / fake.shape[-1]
    return -slopes, slopes


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """E[sp(-(f - r))] over pairs (Jolicoeur-Martineau 2019; RpGAN in Huang et al. 2024)."""
    return _mean(softplus(real - fake))


def relativistic_slope(real: Tensor, fake: Tensor) -> Tensor:
    """-sigma(r - f) / B."""
    return torch.sigmoid(real - fake) / -fake.shape[-1]


OBJECTIVES: dict[str, Objective] = {
    "minimax": Objective(logistic_critic, minimax_generator, logistic_critic_slopes, minimax_slope),
    "non-saturating": Objective(
        logistic_critic, non_saturating_generator, logistic_critic_slopes, non_saturating_slope
    ),
    "least-squares": Objective(
        least_squares_critic, least_squares_generator, least_squares_critic_slopes, least_squares_slope
    ),
    "hinge": Objective(hinge_critic, negative_mean_generator, hinge_critic_slopes, negative_mean_slope),
    "wasserstein": Objective(
        wasserstein_critic, negative_mean_generator, wasserstein_critic_slopes, negative_mean_slope, linear=True
    ),
    "relativistic": Objective(
        relativistic_critic, relativistic_generator, relativistic_critic_slopes, relativistic_slope, paired=True
    ),
}
