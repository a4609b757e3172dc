"""The same training in JAX: any number of whole iterations compiled into one program, seeds by ``vmap``.

JAX is needed by nothing else: ``pip install -r benchmarks/requirements.txt`` adds it, and without it the benchmark
leaves this contender out and says so.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from toygan.distributions import Modes
from toygan.recipe import Recipe

AVAILABLE = importlib.util.find_spec("jax") is not None


def on_gpu() -> bool:
    """Whether JAX is there and sees a CUDA GPU: its plain build does not."""
    if not AVAILABLE:
        return False
    jax: Any = importlib.import_module("jax")
    try:
        return bool(jax.devices("gpu"))
    except RuntimeError:
        return False


def compiled(recipe: Recipe, lanes: int = 1) -> Callable[[int], None]:
    """``train(steps)`` of a recipe, for seeds in a row; the program is compiled by the first call.

    On a GPU where the recipe's device is "cuda", and there in single precision like the others, where JAX by itself
    would compute products in TF32.
    """
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    objective, penalties = recipe.method_entry.objective, recipe.method_entry.penalties
    support, batch = recipe.distribution.support, recipe.batch
    assert isinstance(support, Modes)
    place = jax.devices("gpu" if recipe.device == "cuda" else "cpu")[0]
    precision = "highest" if recipe.device == "cuda" else None
    with jax.default_device(place):
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

    def start(seed: Any) -> Any:
        keys = jax.random.split(jax.random.key(seed), 3)
        critic = network(keys[0], [2, *[recipe.critic_width] * recipe.critic_depth, 1])
        generator = network(keys[1], [recipe.latent, *[recipe.generator_width] * recipe.generator_depth, 2])
        zeros = [(jax.tree.map(jnp.zeros_like, weights),) * 2 for weights in (critic, generator)]
        return critic, generator, *zeros, keys[2]

    each = iterate if lanes == 1 else jax.vmap(iterate, in_axes=(None, 0))

    @jax.jit
    def run(first: Any, last: Any, carry: Any) -> Any:
        return jax.lax.fori_loop(first, last, each, carry)

    with jax.default_device(place):
        seeds = jnp.arange(recipe.seed, recipe.seed + lanes)
        done, carry = 0, start(recipe.seed) if lanes == 1 else jax.vmap(start)(seeds)

    def train(steps: int) -> None:
        nonlocal done, carry
        with jax.default_device(place), jax.default_matmul_precision(precision):
            carry = jax.block_until_ready(run(done, done + steps, carry))
        done += steps

    return train
