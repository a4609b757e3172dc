"""The adversarial objectives are the papers' formulas, with their gradients, at any logits."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from toygan.objectives import OBJECTIVES

Array = np.ndarray
Formula = Callable[[Array, Array], Array]


def sp(x: Array) -> Array:
    return np.logaddexp(0, x)


def sigma(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


#: name -> (what the critic minimises, what the generator minimises) at one real logit r and one fake logit f.
FORMULAS: dict[str, tuple[Formula, Formula]] = {
    "minimax": (lambda r, f: sp(-r) + sp(f), lambda r, f: -sp(f)),
    "non-saturating": (lambda r, f: sp(-r) + sp(f), lambda r, f: sp(-f)),
    "least-squares": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda r, f: (f - 1) ** 2 / 2),
    "hinge": (lambda r, f: relu(1 - r) + relu(1 + f), lambda r, f: -f),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "relativistic": (lambda r, f: sp(-(r - f)), lambda r, f: sp(-(f - r))),
}

#: name -> slopes of the critic's loss in r and in f, and of the generator's in r and in f, times the batch.
SLOPES: dict[str, tuple[Formula, Formula, Formula, Formula]] = {
    "minimax": (lambda r, f: -sigma(-r), lambda r, f: sigma(f), lambda r, f: 0 * r, lambda r, f: -sigma(f)),
    "non-saturating": (
        lambda r, f: -sigma(-r),
        lambda r, f: sigma(f),
        lambda r, f: 0 * r,
        lambda r, f: -sigma(-f),
    ),
    "least-squares": (lambda r, f: r - 1, lambda r, f: f, lambda r, f: 0 * r, lambda r, f: f - 1),
    "hinge": (
        lambda r, f: -1.0 * (r < 1),
        lambda r, f: 1.0 * (f > -1),
        lambda r, f: 0 * r,
        lambda r, f: -np.ones_like(f),
    ),
    "wasserstein": (
        lambda r, f: -np.ones_like(r),
        lambda r, f: np.ones_like(f),
        lambda r, f: 0 * r,
        lambda r, f: -np.ones_like(f),
    ),
    "relativistic": (
        lambda r, f: -sigma(f - r),
        lambda r, f: sigma(f - r),
        lambda r, f: sigma(r - f),
        lambda r, f: -sigma(r - f),
    ),
}

#: PyTorch's softplus is the identity above 20, where log(1 + exp(x)) - x is at most this.
SOFTPLUS = 2.1e-9

LOGITS = arrays(np.float64, (3, 7), elements=st.floats(-50, 50))


def slopes(loss: Callable[..., torch.Tensor], real: Array, fake: Array) -> tuple[Array, Array]:
    """The loss's gradient with respect to real and fake logits; zero where it does not depend on them."""
    leaves = [torch.tensor(logits, requires_grad=True) for logits in (real, fake)]
    gradients = torch.autograd.grad(loss(*leaves).sum(), leaves, allow_unused=True, materialize_grads=True)
    return gradients[0].numpy(), gradients[1].numpy()


def test_every_objective_has_its_formula_here() -> None:
    assert set(OBJECTIVES) == set(FORMULAS) == set(SLOPES)


@pytest.mark.parametrize("name", FORMULAS)
@given(real=LOGITS, fake=LOGITS)
def test_losses_are_the_batch_means_of_the_formulas_one_a_lane(name: str, real: Array, fake: Array) -> None:
    objective, formulas = OBJECTIVES[name], FORMULAS[name]
    logits = torch.tensor(real), torch.tensor(fake)
    for loss, formula in zip((objective.critic, objective.generator), formulas, strict=True):
        np.testing.assert_allclose(loss(*logits), formula(real, fake).mean(axis=1), rtol=1e-12, atol=SOFTPLUS)


@pytest.mark.parametrize("name", SLOPES)
def test_gradients_are_the_closed_forms_over_the_batch_size(name: str) -> None:
    rng = np.random.default_rng(0)
    real, fake = 3 * rng.standard_normal((2, 3, 7))
    objective, forms = OBJECTIVES[name], SLOPES[name]
    found = (*slopes(objective.critic, real, fake), *slopes(objective.generator, real, fake))
    for gradient, form in zip(found, forms, strict=True):
        np.testing.assert_allclose(gradient, form(real, fake) / 7, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", OBJECTIVES)
@given(real=LOGITS, fake=LOGITS)
def test_slopes_by_hand_are_autograd_s(name: str, real: Array, fake: Array) -> None:
    objective, logits = OBJECTIVES[name], (torch.tensor(real), torch.tensor(fake))
    found = *objective.critic_slopes(*logits), objective.generator_slope(*logits)
    expected = *slopes(objective.critic, real, fake), slopes(objective.generator, real, fake)[1]
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=SOFTPLUS)


def test_linear_objectives_are_those_whose_slopes_do_not_depend_on_the_logits() -> None:
    rng = np.random.default_rng(0)
    here, there = (torch.tensor(5 * logits) for logits in rng.standard_normal((2, 2, 3, 7)))
    for objective in OBJECTIVES.values():
        pairs = zip(objective.critic_slopes(*here), objective.critic_slopes(*there), strict=True)
        assert all(torch.equal(*pair) for pair in pairs) == objective.linear


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("real", [-1e4, 1e4])
@pytest.mark.parametrize("fake", [-1e4, 1e4])
def test_logits_of_ten_thousand_overflow_nothing(name: str, real: float, fake: float) -> None:
    r = torch.full((2, 5), real, requires_grad=True)
    f = torch.full((2, 5), fake, requires_grad=True)
    for loss, form in zip((OBJECTIVES[name].critic, OBJECTIVES[name].generator), FORMULAS[name], strict=True):
        value = loss(r, f)
        np.testing.assert_allclose(value.detach(), form(np.full(2, real), np.full(2, fake)), rtol=1e-6)
        for gradient in torch.autograd.grad(value.sum(), (r, f), allow_unused=True, materialize_grads=True):
            assert torch.isfinite(gradient).all()


def test_only_the_relativistic_generator_needs_real_points() -> None:
    assert [name for name, objective in OBJECTIVES.items() if objective.paired] == ["relativistic"]
    nothing, fake = torch.full((1, 4), torch.nan), torch.zeros(1, 4)
    for objective in OBJECTIVES.values():
        assert torch.isfinite(objective.generator(nothing, fake)).all() != objective.paired


def test_the_relativistic_loss_pairs_points_by_their_place_in_the_batch() -> None:
    real, fake = torch.tensor([[1.0, -1.0]]), torch.tensor([[2.0, 0.0]])
    turned = fake.flip(1)
    assert OBJECTIVES["relativistic"].critic(real, fake) != OBJECTIVES["relativistic"].critic(real, turned)
    for name in ("minimax", "wasserstein", "hinge", "least-squares"):
        assert OBJECTIVES[name].critic(real, fake) == OBJECTIVES[name].critic(real, turned)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_lane_s_loss_does_not_depend_on_the_others(name: str) -> None:
    rng = np.random.default_rng(1)
    real, fake = (torch.tensor(logits) for logits in rng.standard_normal((2, 3, 8)))
    poisoned_real, poisoned_fake = real.clone(), fake.clone()
    poisoned_real[1], poisoned_fake[1] = torch.nan, torch.inf
    for loss in (OBJECTIVES[name].critic, OBJECTIVES[name].generator):
        before, after = loss(real, fake), loss(poisoned_real, poisoned_fake)
        assert torch.equal(before[[0, 2]], after[[0, 2]])


def test_an_undecided_critic_pays_log_four() -> None:
    undecided = torch.zeros(1, 4, dtype=torch.float64)
    assert OBJECTIVES["minimax"].critic(undecided, undecided).item() == pytest.approx(log(4))


def test_where_the_critic_is_sure_only_the_minimax_generator_gets_no_gradient() -> None:
    real, fake = np.full((1, 4), 40.0), np.full((1, 4), -40.0)
    steepness = {name: float(np.abs(slopes(OBJECTIVES[name].generator, real, fake)[1]).sum()) for name in OBJECTIVES}
    assert steepness["minimax"] < 1e-15
    assert all(steep >= 1 - 1e-12 for name, steep in steepness.items() if name != "minimax")
