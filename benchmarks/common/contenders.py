"""The same training, written in several ways: what ``benchmarks/training.py`` times against each other.

Every contender takes a recipe and gives ``train(steps)``, which goes on from where it was and comes back when all is
done; on a GPU where the recipe's device is "cuda". All draw fresh real points,
latents and penalty points for each update, and none computes anything else. They know the methods that are timed: the
Wasserstein and the logistic loss, and a penalty toward gradient norm one, between real and generated points or around
the real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from benchmarks.common import compiled
from toygan.recipe import Recipe
from toygan.training import advance, choose_device, initial_state

Train = Callable[[int], None]


def ours(recipe: Recipe, lanes: int = 1) -> Train:
    """``toygan.training.advance``, as workers and the command line call it; seeds in a row as lanes."""
    state = initial_state(recipe, list(range(recipe.seed, recipe.seed + lanes)))

    def train(steps: int) -> None:
        nonlocal state
        state, _ = advance(recipe, state, steps)

    return train


# ---- PyTorch


def _network(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    widths = [inputs, *[width] * depth]
    hidden = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(widths[-1], outputs))


def _networks(recipe: Recipe) -> tuple[nn.Sequential, nn.Sequential]:
    assert recipe.activation == "relu"
    torch.manual_seed(recipe.seed)
    critic = _network(2, recipe.critic_width, recipe.critic_depth, 1)
    generator = _network(recipe.latent, recipe.generator_width, recipe.generator_depth, 2)
    device = choose_device(recipe)
    return critic.to(device), generator.to(device)


def _wait(device: torch.device) -> None:
    """Until the device has done all it was given; a processor has when the call is back."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _adam(recipe: Recipe, network: nn.Module, rate: float, **options: Any) -> torch.optim.Optimizer:
    assert recipe.optimizer == "adam"
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(recipe.beta1, recipe.beta2), **options)


#: Losses at real and fake points, and of the generator, of the objectives that are timed.
_REAL: dict[str, Callable[[Tensor], Tensor]] = {
    "wasserstein": lambda values: -values.mean(),
    "non-saturating": lambda values: softplus(-values).mean(),
}
_FAKE: dict[str, Callable[[Tensor], Tensor]] = {
    "wasserstein": lambda values: values.mean(),
    "non-saturating": lambda values: softplus(values).mean(),
}


def _penalty_points(where: str, real: Tensor, fake: Tensor) -> Tensor:
    if where == "between":
        return torch.lerp(fake, real, torch.rand(len(real), 1, device=real.device))
    assert where == "around-real"
    return real + 0.5 * real.std() * torch.randn_like(real)


def _penalty(recipe: Recipe, critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    (term,) = recipe.method_entry.penalties
    points = _penalty_points(term.where, real, fake).requires_grad_()
    (gradients,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return recipe.penalty_weight * (gradients.norm(dim=1) - 1).square().mean()


def script(recipe: Recipe) -> Train:
    """Public toy scripts: one pass and one ``backward`` each for real points, fake points and penalty.

    In the manner of caogang/wgan-gp's gan_toy.py, but with real points drawn by one NumPy call a batch; there, each
    point is made in a Python loop, which costs more than the training.
    """
    critic, generator = _networks(recipe)
    critic_adam = _adam(recipe, critic, recipe.critic_learning_rate)
    generator_adam = _adam(recipe, generator, recipe.generator_learning_rate)
    objective, rng = recipe.method_entry.objective, np.random.default_rng(recipe.seed)
    device = choose_device(recipe)
    sample = recipe.distribution.sample

    def train(steps: int) -> None:
        for _ in range(steps):
            for parameter in critic.parameters():
                parameter.requires_grad = True
            for _ in range(recipe.critic_steps):
                real = torch.tensor(sample(recipe.batch, rng), dtype=torch.float32, device=device)
                critic.zero_grad()
                _REAL[objective](critic(real)).backward()
                with torch.no_grad():
                    fake = generator(torch.randn(recipe.batch, recipe.latent, device=device))
                _FAKE[objective](critic(fake)).backward()
                if recipe.method_entry.penalties:
                    _penalty(recipe, critic, real, fake).backward()
                critic_adam.step()
            for parameter in critic.parameters():
                parameter.requires_grad = False
            generator.zero_grad()
            fake = generator(torch.randn(recipe.batch, recipe.latent, device=device))
            _REAL[objective](critic(fake)).backward()
            generator_adam.step()
        _wait(device)

    return train


def eager(recipe: Recipe) -> Train:
    """PyTorch without tricks but with care: one backward pass an update, fused Adam, all fakes and data at once."""
    critic, generator = _networks(recipe)
    critic_adam = _adam(recipe, critic, recipe.critic_learning_rate, fused=True)
    generator_adam = _adam(recipe, generator, recipe.generator_learning_rate, fused=True)
    objective, rng = recipe.method_entry.objective, np.random.default_rng(recipe.seed)
    device = choose_device(recipe)
    sample, total = recipe.distribution.sample, recipe.batch * recipe.critic_steps

    def train(steps: int) -> None:
        for _ in range(steps):
            reals = torch.from_numpy(sample(total, rng).astype(np.float32)).to(device).split(recipe.batch)
            with torch.no_grad():
                fakes = generator(torch.randn(total, recipe.latent, device=device)).split(recipe.batch)
            critic.requires_grad_(True)
            for real, fake in zip(reals, fakes, strict=True):
                at_real, at_fake = critic(torch.cat([real, fake])).chunk(2)
                loss = _REAL[objective](at_real) + _FAKE[objective](at_fake)
                if recipe.method_entry.penalties:
                    loss = loss + _penalty(recipe, critic, real, fake)
                critic_adam.zero_grad()
                loss.backward()
                critic_adam.step()
            critic.requires_grad_(False)
            loss = _REAL[objective](critic(generator(torch.randn(recipe.batch, recipe.latent, device=device))))
            generator_adam.zero_grad()
            loss.backward()
            generator_adam.step()
        _wait(device)

    return train


CONTENDERS: dict[str, Callable[[Recipe], Train]] = {"toygan": ours, "eager": eager, "script": script}
if compiled.AVAILABLE:
    CONTENDERS["jax"] = compiled.compiled
