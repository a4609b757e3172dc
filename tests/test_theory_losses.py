"""Losses as functions of the critic's output, and the objectives' slopes, against torch's autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from toygan.objectives import OBJECTIVES as TRAINED
from toygan.theory.logistic import sigmoid, softplus
from toygan.theory.losses import GENERATOR_LOSSES, OBJECTIVES

SHARES, LOGITS = st.floats(1e-6, 1 - 1e-6), st.floats(-15, 15)

every_loss = pytest.mark.parametrize("name", GENERATOR_LOSSES)
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


def autograd(loss: Callable[[Tensor, Tensor], Tensor], r: float, f: float) -> tuple[float, float]:
    leaves = [torch.tensor([[value]], dtype=torch.float64, requires_grad=True) for value in (r, f)]
    gradients = torch.autograd.grad(loss(*leaves).sum(), leaves, allow_unused=True, materialize_grads=True)
    return gradients[0].item(), gradients[1].item()


# ---- the two generator losses


@given(t=st.floats(-700, 700))
def test_softplus_and_sigmoid_overflow_nowhere(t: float) -> None:
    assert softplus(t) - softplus(-t) == pytest.approx(t)
    assert sigmoid(t) + sigmoid(-t) == pytest.approx(1)
    assert sigmoid(t) == pytest.approx(torch.sigmoid(torch.tensor(t, dtype=torch.float64)).item(), rel=1e-12)


def test_the_two_losses_are_log_of_one_minus_d_and_minus_log_d() -> None:
    d = np.linspace(0.01, 0.99, 99)
    np.testing.assert_allclose(GENERATOR_LOSSES["minimax"].value(d), np.log(1 - d), rtol=1e-12)
    np.testing.assert_allclose(GENERATOR_LOSSES["non-saturating"].value(d), -np.log(d), rtol=1e-12)


@every_loss
@given(d=SHARES)
def test_a_loss_of_d_is_that_of_its_logit(name: str, d: float) -> None:
    loss, logit = GENERATOR_LOSSES[name], np.log(d / (1 - d))
    assert float(loss.of_logit(logit)) == pytest.approx(float(loss.value(d)), rel=1e-8, abs=1e-12)


@every_loss
@given(d=st.floats(0.01, 0.99))
def test_slopes_in_d_and_in_the_logit_are_autograd_s(name: str, d: float) -> None:
    loss = GENERATOR_LOSSES[name]
    share = torch.tensor(d, dtype=torch.float64, requires_grad=True)
    (torch.log(1 - share) if name == "minimax" else -torch.log(share)).backward()
    assert share.grad is not None
    assert float(loss.slope(d)) == pytest.approx(share.grad.item(), rel=1e-12)
    logit = np.log(d / (1 - d))
    assert float(loss.logit_slope(logit)) == pytest.approx(share.grad.item() * d * (1 - d), rel=1e-9)


@every_loss
@given(t=LOGITS)
def test_the_losses_are_those_that_train(name: str, t: float) -> None:
    fake = torch.tensor([[t]], dtype=torch.float64)
    assert float(GENERATOR_LOSSES[name].of_logit(t)) == pytest.approx(TRAINED[name].generator(fake, fake).item())
    assert float(GENERATOR_LOSSES[name].logit_slope(t)) == pytest.approx(autograd(TRAINED[name].generator, 0, t)[1])


def test_where_the_critic_is_sure_only_log_of_one_minus_d_has_no_slope_in_the_logit() -> None:
    assert abs(float(GENERATOR_LOSSES["minimax"].logit_slope(-40))) < 1e-15
    assert float(GENERATOR_LOSSES["non-saturating"].logit_slope(-40)) == pytest.approx(-1)


# ---- the objectives


def test_every_objective_that_trains_has_its_slopes() -> None:
    assert set(OBJECTIVES) == set(TRAINED)
    assert {name: each.paired for name, each in OBJECTIVES.items()} == {
        name: each.paired for name, each in TRAINED.items()
    }


@every_objective
@given(r=LOGITS, f=LOGITS)
def test_slopes_are_autograd_s_of_the_objective_that_trains(name: str, r: float, f: float) -> None:
    slopes, real, fake = OBJECTIVES[name], np.array([r]), np.array([f])
    found = [slope(real, fake)[0] for slope in (slopes.critic_real, slopes.critic_fake, slopes.generator_fake)]
    critic, generator = autograd(TRAINED[name].critic, r, f), autograd(TRAINED[name].generator, r, f)
    assert found == pytest.approx([*critic, generator[1]], rel=1e-9, abs=1e-12)


@every_objective
def test_slopes_at_the_hinge_s_corners_are_autograd_s(name: str) -> None:
    for r, f in ((1.0, -1.0), (-1.0, 1.0), (0.0, 0.0)):
        slopes, real, fake = OBJECTIVES[name], np.array([r]), np.array([f])
        critic = autograd(TRAINED[name].critic, r, f)
        assert [slopes.critic_real(real, fake)[0], slopes.critic_fake(real, fake)[0]] == pytest.approx(critic)


@every_objective
def test_the_neutral_constant_is_best_when_real_and_generated_points_are_equal(name: str) -> None:
    constants = torch.linspace(-3, 3, 601, dtype=torch.float64)[:, None]
    losses = TRAINED[name].critic(constants, constants)
    neutral = torch.full((1, 1), OBJECTIVES[name].neutral, dtype=torch.float64)
    assert TRAINED[name].critic(neutral, neutral).item() <= losses.min().item() + 1e-12


@every_objective
def test_the_curvature_is_the_critic_loss_s_second_derivatives_at_the_neutral_constant(name: str) -> None:
    slopes, step = OBJECTIVES[name], 1e-5
    at, higher, lower = (np.array([slopes.neutral + shift]) for shift in (0, step, -step))
    real = (slopes.critic_real(higher, at) - slopes.critic_real(lower, at)) / (2 * step)
    fake = (slopes.critic_fake(at, higher) - slopes.critic_fake(at, lower)) / (2 * step)
    assert slopes.curvature == pytest.approx(float((real + fake)[0]), abs=1e-8)
