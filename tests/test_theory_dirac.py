"""The Dirac-GAN's field is what training's own objectives, penalties and constraints give for a point and a line."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from toygan.constraints import CONSTRAINTS as ENFORCED
from toygan.methods import METHODS, Method
from toygan.networks import Shape, value_and_gradient
from toygan.objectives import OBJECTIVES as TRAINED
from toygan.penalties import TOWARD as PULLED
from toygan.penalties import WHERE, gradient_norms
from toygan.theory.dirac import (
    CONSTRAINTS,
    TOWARD,
    DiracGan,
    critic_velocity,
    field,
    generator_velocity,
    of_method,
)
from toygan.theory.losses import OBJECTIVES

LINE = Shape.of(1, 1, 0, 1, "relu")  # D(x) = psi x + b
COORDINATE = st.floats(-3, 3).filter(lambda value: abs(value) > 1e-3)

every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def line(method: Method, psi: Tensor) -> Tensor:
    """The critic's weights as training uses them."""
    bias = torch.tensor(OBJECTIVES[method.objective].neutral, dtype=torch.float64)
    flat = torch.stack([psi, bias])[None]
    vectors = torch.ones(1, sum(LINE.widths[1:]), dtype=torch.float64)
    return ENFORCED[method.constraint].weights(LINE, flat, vectors)


def trained_field(method: Method, weight: float, theta: float, psi: float) -> tuple[float, float]:
    """Minus the gradients of training's losses, by autograd, for two equal real and two equal generated points."""
    place, slope = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (theta, psi))
    real, fake = torch.zeros(1, 2, 1, dtype=torch.float64), place.expand(1, 2, 1)

    def logits(points: Tensor) -> Tensor:
        return value_and_gradient(LINE, line(method, slope), points, slice(None))[0]

    objective = TRAINED[method.objective]
    (up,) = torch.autograd.grad(objective.generator(logits(real), logits(fake)).sum(), place)
    loss = objective.critic(logits(real), logits(fake.detach())).sum()
    for penalty in method.penalties:
        where = WHERE[penalty.where]
        noise = torch.full((1, 2, 1), 0.3, dtype=torch.float64)
        points = where.points(real, fake.detach(), noise if where.law else None)
        norms = gradient_norms(value_and_gradient(LINE, line(method, slope), points, slice(None))[1])
        loss = loss + weight * penalty.share * PULLED[penalty.toward].value(norms).mean()
    (right,) = torch.autograd.grad(loss, slope)
    return -up.item(), -right.item()


# ---- the field


@every_method
@given(theta=COORDINATE, psi=COORDINATE, weight=st.sampled_from([0.05, 0.7, 10.0]))
def test_the_field_is_minus_the_gradients_of_the_losses_that_train(
    method: Method, theta: float, psi: float, weight: float
) -> None:
    gan = of_method(method, settings={"penalty_weight": weight, "clip": 1e9})
    found = [float(part) for part in field(gan, theta, psi)]
    assert found == pytest.approx(trained_field(method, weight, theta, psi), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if CONSTRAINTS[method.constraint].trained])
def test_at_a_critic_without_slope_it_is_training_s_too(name: str) -> None:
    gan = of_method(METHODS[name])
    found = [float(part) for part in field(gan, 0.7, 0.0)]
    assert found == pytest.approx(trained_field(METHODS[name], gan.weight, 0.7, 0.0), abs=1e-12)


@every_method
@given(theta=COORDINATE, psi=COORDINATE)
def test_the_field_is_odd_so_both_sides_are_alike(method: Method, theta: float, psi: float) -> None:
    gan = of_method(method, noise=0.3)
    there, mirrored = field(gan, theta, psi), field(gan, -theta, -psi)
    np.testing.assert_allclose(there, -np.array(mirrored), rtol=1e-9, atol=1e-12)


def test_a_method_brings_its_own_numbers_and_settings_replace_them() -> None:
    for method in METHODS.values():
        gan = of_method(method)
        assert gan.weight == method.defaults.get("penalty_weight", 0.0)
        assert gan.clip == method.defaults.get("clip", math.inf)
        assert (gan.objective, gan.penalties, gan.constraint) == (
            method.objective,
            method.penalties,
            method.constraint,
        )
    changed = of_method(METHODS["wgan"], 0.2, {"clip": 0.5, "penalty_weight": 3, "seed": 1})
    assert (changed.clip, changed.weight, changed.noise) == (0.5, 3, 0.2)


def test_targets_slopes_are_autograd_s() -> None:
    assert set(TOWARD) == set(PULLED)
    norms = torch.tensor([[0.0, 0.4, 0.999, 1.0, 1.7, 5.0]], dtype=torch.float64)
    for name, toward in TOWARD.items():
        for norm in norms[0]:
            leaf = norm.reshape(1, 1).clone().requires_grad_()
            (slope,) = torch.autograd.grad(PULLED[name].value(leaf).sum(), leaf)
            assert toward.slope(norm.numpy()) == pytest.approx(slope.item(), abs=1e-12)
        at, step = np.zeros(1), 1e-6
        difference = (toward.slope(at + 2 * step) - toward.slope(at + step)) / step
        assert toward.curvature == pytest.approx(difference[0], abs=1e-6)


def test_every_constraint_of_training_is_known() -> None:
    assert set(CONSTRAINTS) == set(ENFORCED)


def test_unknown_objectives_and_targets_are_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown objective 'f-gan'"):
        field(DiracGan("f-gan"), 1.0, 1.0)


# ---- what the paper says of it


@given(theta=COORDINATE, psi=COORDINATE)
def test_the_minimax_field_goes_round_in_circles(theta: float, psi: float) -> None:
    up, right = field(of_method(METHODS["minimax"]), theta, psi)
    assert theta * up + psi * right == pytest.approx(0, abs=1e-12)


@given(theta=COORDINATE, psi=COORDINATE)
def test_the_non_saturating_field_comes_nearer_but_to_higher_order_only(theta: float, psi: float) -> None:
    up, right = field(of_method(METHODS["non-saturating"]), theta, psi)
    nearer = theta * psi * math.tanh(theta * psi / 2)
    assert theta * up + psi * right == pytest.approx(-nearer, abs=1e-12)


def test_the_paper_s_vector_fields_with_the_critic_s_sign_turned() -> None:
    # Mescheder et al. 2018: v = (-psi f'(theta psi), theta f'(theta psi)) with f'(t) = 1 / (1 + e^t), and its psi is
    # minus ours.
    theta, psi = np.random.default_rng(0).uniform(-2, 2, (2, 50))
    paper = -psi

    def slope(t: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(t))

    gamma = 0.6
    expected = {
        "minimax": (-paper * slope(theta * paper), theta * slope(theta * paper)),
        "non-saturating": (-paper * slope(-theta * paper), theta * slope(theta * paper)),
        "r1": (-paper * slope(-theta * paper), theta * slope(theta * paper) - gamma * paper),
        "wgan": (-paper, theta),
        "wgan-gp": (-paper, theta - gamma * np.sign(paper) * (np.abs(paper) - 1)),
    }
    for name, (up, right) in expected.items():
        gan = of_method(METHODS[name], settings={"penalty_weight": gamma / 2, "clip": 9.0})
        found = field(gan, theta, psi)
        np.testing.assert_allclose(found[0], up, rtol=1e-12, atol=1e-12, err_msg=name)
        np.testing.assert_allclose(-found[1], right, rtol=1e-12, atol=1e-12, err_msg=name)


# ---- constraints


def test_clipping_projects_and_stops_what_would_leave() -> None:
    gan = of_method(METHODS["wgan"], settings={"clip": 0.3})
    assert gan.project([-2.0, -0.3, 0.1, 5.0]).tolist() == [-0.3, -0.3, 0.1, 0.3]
    # With real at 0 and fake at theta the critic's slope goes toward -theta.
    assert critic_velocity(gan, [1.0, -1.0], -0.3).tolist() == [0, 1]
    assert critic_velocity(gan, [1.0, -1.0], 0.3).tolist() == [-1, 0]
    assert critic_velocity(gan, [1.0, -1.0], 0.29).tolist() == [-1, 1]


def test_a_clip_bound_means_nothing_without_the_constraint() -> None:
    gan = of_method(METHODS["wgan-gp"], settings={"clip": 0.3})
    assert gan.bound == math.inf and gan.project(5.0) == 5


def test_a_spectrally_normalised_line_has_slope_one_whatever_its_weight_and_learns_nothing() -> None:
    gan = of_method(METHODS["sngan"])
    theta, psi = np.array([-2.0, 0.4, 3.0]), np.array([0.01, 1.0, 50.0])
    assert (critic_velocity(gan, theta, psi) == 0).all()
    assert generator_velocity(gan, theta, psi).tolist() == [1, 1, 1]
    assert generator_velocity(gan, theta, -psi).tolist() == [-1, -1, -1]


# ---- instance noise


@pytest.mark.parametrize("objective", [name for name, slopes in OBJECTIVES.items() if slopes.corners is None])
@pytest.mark.parametrize(("theta", "psi", "noise"), [(0.8, -0.6, 0.5), (-1.2, -0.9, 0.2), (0.1, 0.3, 1.0)])
def test_noise_is_the_mean_over_independent_draws_for_real_and_generated_points(
    objective: str, theta: float, psi: float, noise: float
) -> None:
    z = (np.arange(1200) + 0.5) / 100 - 6
    weights = np.exp(-z * z / 2)
    weights /= weights.sum()
    x, shift = noise * z[:, None], noise * z
    slopes = OBJECTIVES[objective]
    real, fake = np.broadcast_arrays(slopes.neutral + psi * x, slopes.neutral + psi * (theta + shift))
    up = -psi * (weights @ slopes.generator_fake(real, fake) @ weights)
    pull = x * slopes.critic_real(real, fake) + (theta + shift) * slopes.critic_fake(real, fake)
    found = field(DiracGan(objective, noise=noise), theta, psi)
    assert [float(part) for part in found] == pytest.approx([up, -(weights @ pull @ weights)], abs=1e-6)


@given(theta=st.floats(-2, 2), psi=st.floats(0.01, 2), sign=st.sampled_from([-1, 1]), noise=st.floats(0.05, 2))
def test_under_noise_the_hinge_gives_partial_moments_of_normal_laws(
    theta: float, psi: float, sign: int, noise: float
) -> None:
    law = NormalDist(0, noise)
    # E[x [psi x < 1]] of real points, and E[y [psi y > -1]] of generated ones
    real = -sign * noise**2 * law.pdf(1 / psi)
    past = sign * theta + 1 / psi
    fake = theta * law.cdf(past) + sign * noise**2 * law.pdf(past)
    up, right = field(DiracGan("hinge", noise=noise), theta, sign * psi)
    assert float(up) == pytest.approx(sign * psi, rel=1e-9)
    assert float(right) == pytest.approx(real - fake, abs=1e-9)


def test_under_noise_a_flat_line_of_the_hinge_is_drawn_to_where_the_points_differ() -> None:
    assert float(critic_velocity(DiracGan("hinge", noise=0.7), 1.3, 0.0)) == pytest.approx(-1.3, rel=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_places_broadcast_and_points_at_once_are_each_their_own(noise: float) -> None:
    theta, psi = np.linspace(-2, 2, 5), np.linspace(-1, 1, 4)[:, None]
    for method in METHODS.values():
        gan = of_method(method, noise)
        up, right = field(gan, theta, psi)
        assert up.shape == right.shape == (4, 5)
        for i, j in itertools.product(range(4), range(5)):
            alone = field(gan, theta[j], psi[i, 0])
            assert (up[i, j], right[i, j]) == pytest.approx([float(part) for part in alone], rel=1e-12, abs=1e-15)
