"""The gradients of an iteration are the same by passes and by autograd, for every method."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from toygan.gradients import (
    CriticByAutograd,
    CriticByPasses,
    GeneratorByAutograd,
    GeneratorByPasses,
    critic_gradients,
    generator_gradients,
)
from toygan.iteration import Plan
from toygan.methods import METHODS, Penalty
from toygan.networks import forward
from toygan.penalties import TOWARD, WHERE
from toygan.recipe import Recipe
from toygan.training import initial_state

BATCH = 6
every_method = pytest.mark.parametrize("method", METHODS)
every_stack = pytest.mark.parametrize("lanes", [1, 3])


def recipe(method: str, **fields: Any) -> Recipe:
    small = {"generator_width": 7, "critic_width": 7, "generator_depth": 2, "critic_depth": 3, "batch": BATCH}
    return Recipe(method=method, **{**small, **fields})


def normal(*shape: int) -> Tensor:
    return torch.tensor(np.random.default_rng(3).standard_normal(shape))


def critics(method: str, lanes: int, activation: str, **changes: Any) -> tuple[Any, ...]:
    """The same critic twice, and what it looks at."""
    given = recipe(method, activation=activation)
    plan, state = replace(Plan.of(given, 0), **changes), initial_state(given, list(range(lanes)), np.float64)
    flat, vectors = torch.tensor(state.critic), torch.tensor(state.vectors)
    parts = (plan.critic, flat, BATCH, plan.objective, plan.penalties, plan.constraint, vectors)
    (real, fake), paired = normal(2, lanes, 2, BATCH, 2), normal(lanes, BATCH, 2)
    noises = [torch.rand(lanes, 2, BATCH, where.width).double() for where, _, _ in plan.penalties]
    return (
        CriticByPasses(*parts),
        CriticByAutograd(*parts),
        real,
        fake,
        noises,
        paired if plan.objective.paired else None,
    )


def assert_equal(passes: Any, autograd: Any, real: Tensor, fake: Tensor, noises: Any, paired: Tensor | None) -> None:
    close = {"rtol": 1e-10, "atol": 1e-12}
    for cloud in (fake, 2 * fake, fake - 1):
        for critic in (passes, autograd):
            critic.look(real, cloud, noises)
        for update in (0, 1):
            torch.testing.assert_close(passes.of_weights(update), autograd.of_weights(update), **close)
            torch.testing.assert_close(passes.losses(), autograd.losses(), **close)
        last = cloud[:, 0]
        torch.testing.assert_close(passes.of_points(last, paired), autograd.of_points(last, paired), **close)


@every_method
@every_stack
@pytest.mark.parametrize("activation", ["relu", "leaky-relu"])
def test_a_critic_s_gradients_are_the_same_by_passes_and_by_autograd(method: str, lanes: int, activation: str) -> None:
    assert_equal(*critics(method, lanes, activation))


@every_stack
@pytest.mark.parametrize("toward", TOWARD)
@pytest.mark.parametrize(
    "places", [("at-real", "between"), ("around-real", "at-fake"), ("between", "between")], ids=str
)
def test_penalties_may_look_anywhere_together(places: tuple[str, ...], toward: str, lanes: int) -> None:
    terms = tuple((WHERE[place], TOWARD[toward], 0.5 + number) for number, place in enumerate(places))
    assert_equal(*critics("wgan-gp", lanes, "relu", penalties=terms))


def test_the_catalogue_s_penalties_are_among_these() -> None:
    terms = [term for method in METHODS.values() for term in method.penalties]
    assert terms and all(isinstance(term, Penalty) and term.where in WHERE for term in terms)


@every_method
def test_a_critic_s_gradient_is_the_quotient_of_differences_of_its_loss(method: str) -> None:
    passes, _, real, fake, noises, _ = critics(method, 1, "relu")
    passes.look(real, fake, noises)
    gradient, flat, step = passes.of_weights(1).clone(), passes._flat, 1e-6
    for weight in range(0, flat.shape[1], 5):
        losses = []
        for sign in (1, -2):
            flat[0, weight] += sign * step
            passes.of_weights(1)
            losses.append(passes.losses()[0].item())
        flat[0, weight] += step
        quotient = (losses[0] - losses[1]) / (2 * step)
        assert gradient[0, weight].item() == pytest.approx(quotient, rel=1e-4, abs=1e-7)


@every_stack
@pytest.mark.parametrize("latent", [1, 2, 5])
def test_a_generator_s_points_and_gradients_are_the_same_by_passes_and_by_autograd(lanes: int, latent: int) -> None:
    given = recipe("wgan-gp", latent=latent)
    flat = torch.tensor(initial_state(given, list(range(lanes)), np.float64).generator)
    generator = Plan.of(given, 0).generator
    assert generator.shape is not None
    shape, latents, slopes = generator.shape(given), normal(lanes, 3, BATCH, latent), normal(lanes, BATCH, 2)
    passes, autograd = GeneratorByPasses(shape, flat, BATCH, 3), GeneratorByAutograd(partial(forward, shape), flat)
    for factor in (1, -2):
        assert passes.points(factor * latents).shape == (lanes, 3, BATCH, 2)
        torch.testing.assert_close(passes.points(factor * latents), autograd.points(factor * latents))
        torch.testing.assert_close(passes.of_weights(slopes), autograd.of_weights(slopes))


@pytest.mark.parametrize(
    ("activation", "linear"), [("relu", True), ("leaky-relu", True), ("tanh", False), ("elu", False)]
)
def test_activations_that_bend_go_by_autograd(activation: str, linear: bool) -> None:
    given = recipe("wgan-gp", activation=activation)
    plan, state = Plan.of(given, 0), initial_state(given)
    critic, generator, vectors = (torch.tensor(each) for each in (state.critic, state.generator, state.vectors))
    found = critic_gradients(plan.critic, critic, BATCH, plan.objective, plan.penalties, plan.constraint, vectors)
    assert isinstance(found, CriticByPasses if linear else CriticByAutograd)
    assert plan.generator.shape is not None
    shape = plan.generator.shape(given)
    made = generator_gradients(partial(forward, shape), shape, generator, BATCH, 2)
    assert isinstance(made, GeneratorByPasses if linear else GeneratorByAutograd)
