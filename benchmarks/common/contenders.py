"""The same training, written in several ways: what ``benchmarks/training.py`` times against each other.

Every contender takes a recipe and gives ``train(steps)``, which goes on from where it was. All draw fresh real points,
latents and penalty points for each update, and none computes anything else. They know the methods that are timed: the
Wasserstein and the logistic loss, and a penalty toward gradient norm one, between real and generated points or around
the real ones.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from toygan.distributions import Modes
from toygan.recipe import Recipe
from toygan.training import advance, initial_state

Train = Callable[[int], None]


def ours(recipe: Recipe) -> Train:
    """``toygan.training.advance``, as workers and the command line call it."""
    state = initial_state(recipe)

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
    return (
        _network(2, recipe.critic_width, recipe.critic_depth, 1),
        _network(recipe.latent, recipe.generator_width, recipe.generator_depth, 2),
    )


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
        return torch.lerp(fake, real, torch.rand(len(real), 1))
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
    sample = recipe.distribution.sample

    def train(steps: int) -> None:
        for _ in range(steps):
            for parameter in critic.parameters():
                parameter.requires_grad = True
            for _ in range(recipe.critic_steps):
                real = torch.tensor(sample(recipe.batch, rng), dtype=torch.float32)
                critic.zero_grad()
                _REAL[objective](critic(real)).backward()
                with torch.no_grad():
                    fake = generator(torch.randn(recipe.batch, recipe.latent))
                _FAKE[objective](critic(fake)).backward()
                if recipe.method_entry.penalties:
                    _penalty(recipe, critic, real, fake).backward()
                critic_adam.step()
            for parameter in critic.parameters():
                parameter.requires_grad = False
            generator.zero_grad()
            fake = generator(torch.randn(recipe.batch, recipe.latent))
            _REAL[objective](critic(fake)).backward()
            generator_adam.step()

    return train


def eager(recipe: Recipe) -> Train:
    """PyTorch without tricks but with care: one backward pass an update, fused Adam, all fakes and data at once."""
    critic, generator = _networks(recipe)
    critic_adam = _adam(recipe, critic, recipe.critic_learning_rate, fused=True)
    generator_adam = _adam(recipe, generator, recipe.generator_learning_rate, fused=True)
    objective, rng = recipe.method_entry.objective, np.random.default_rng(recipe.seed)
    sample, total = recipe.distribution.sample, recipe.batch * recipe.critic_steps

    def train(steps: int) -> None:
        for _ in range(steps):
            reals = torch.from_numpy(sample(total, rng).astype(np.float32)).split(recipe.batch)
            with torch.no_grad():
                fakes = generator(torch.randn(total, recipe.latent)).split(recipe.batch)
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
            loss = _REAL[objective](critic(generator(torch.randn(recipe.batch, recipe.latent))))
            generator_adam.zero_grad()
            loss.backward()
            generator_adam.step()

    return train


# ---- JAX, where it is installed


def compiled(recipe: Recipe) -> Train:
    """JAX: any number of whole iterations compiled into one program, which is compiled before it is timed."""
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    objective, penalties = recipe.method_entry.objective, recipe.method_entry.penalties
    support, batch = recipe.distribution.support, recipe.batch
    assert isinstance(support, Modes)
    centres, std = jnp.asarray(support.centres, jnp.float32), support.std

    def network(key: Any, widths: list[int]) -> list[tuple[Any, Any]]:
        keys = jax.random.split(key, len(widths) - 1)
        return [
            (jax.random.normal(k, (a, b)) * (2 / a) ** 0.5, jnp.zeros(b))
            for k, (a, b) in zip(keys, pairwise(widths), strict=True)
        ]

    def forward(layers: Any, points: Any) -> Any:
        for weight, bias in layers[:-1]:
            points = jax.nn.relu(points @ weight + bias)
        weight, bias = layers[-1]
        return points @ weight + bias

    def at_real(values: Any) -> Any:
        return -values.mean() if objective == "wasserstein" else jax.nn.softplus(-values).mean()

    def at_fake(values: Any) -> Any:
        return values.mean() if objective == "wasserstein" else jax.nn.softplus(values).mean()

    def critic_loss(critic: Any, real: Any, fake: Any, key: Any) -> Any:
        values = forward(critic, jnp.concatenate([real, fake]))
        loss = at_real(values[:batch]) + at_fake(values[batch:])
        for term in penalties:
            if term.where == "between":
                points = fake + jax.random.uniform(key, (batch, 1)) * (real - fake)
            else:
                points = real + 0.5 * real.std() * jax.random.normal(key, real.shape)
            gradients = jax.grad(lambda at: forward(critic, at).sum())(points)
            norms = jnp.sqrt((gradients**2).sum(axis=1) + 1e-12)
            loss = loss + recipe.penalty_weight * ((norms - 1) ** 2).mean()
        return loss

    def generator_loss(generator: Any, critic: Any, latent: Any) -> Any:
        return at_real(forward(critic, forward(generator, latent)))

    def adam(weights: Any, gradient: Any, moments: Any, count: Any, rate: float) -> tuple[Any, Any]:
        b1, b2 = recipe.beta1, recipe.beta2
        first = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, moments[0], gradient)
        second = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, moments[1], gradient)
        scale = rate / (1 - b1**count)

        def step(w: Any, m: Any, v: Any) -> Any:
            return w - scale * m / (jnp.sqrt(v / (1 - b2**count)) + 1e-8)

        return jax.tree.map(step, weights, first, second), (first, second)

    def iterate(step: Any, carry: Any) -> Any:
        critic, generator, critic_moments, generator_moments, key = carry
        for update in range(recipe.critic_steps):
            key, *keys = jax.random.split(key, 5)
            real = centres[jax.random.randint(keys[0], (batch,), 0, len(centres))]
            real = real + std * jax.random.normal(keys[1], real.shape)
            fake = forward(generator, jax.random.normal(keys[2], (batch, recipe.latent)))
            gradient = jax.grad(critic_loss)(critic, real, fake, keys[3])
            count = (step * recipe.critic_steps + update + 1).astype(jnp.float32)
            critic, critic_moments = adam(critic, gradient, critic_moments, count, recipe.critic_learning_rate)
        key, latent_key = jax.random.split(key)
        latent = jax.random.normal(latent_key, (batch, recipe.latent))
        gradient = jax.grad(generator_loss)(generator, critic, latent)
        count = (step + 1).astype(jnp.float32)
        generator, generator_moments = adam(
            generator, gradient, generator_moments, count, recipe.generator_learning_rate
        )
        return critic, generator, critic_moments, generator_moments, key

    @jax.jit
    def run(first: Any, last: Any, carry: Any) -> Any:
        return jax.lax.fori_loop(first, last, iterate, carry)

    keys = jax.random.split(jax.random.key(recipe.seed), 3)
    critic = network(keys[0], [2, *[recipe.critic_width] * recipe.critic_depth, 1])
    generator = network(keys[1], [recipe.latent, *[recipe.generator_width] * recipe.generator_depth, 2])
    zeros = [(jax.tree.map(jnp.zeros_like, weights),) * 2 for weights in (critic, generator)]
    done, carry = 0, (critic, generator, *zeros, keys[2])

    def train(steps: int) -> None:
        nonlocal done, carry
        carry = jax.block_until_ready(run(done, done + steps, carry))
        done += steps

    return train


CONTENDERS: dict[str, Callable[[Recipe], Train]] = {"toygan": ours, "eager": eager, "script": script}
if importlib.util.find_spec("jax") is not None:
    CONTENDERS["jax"] = compiled
