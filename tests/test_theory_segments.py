"""Two segments at a distance: the closed forms against exact transport, limits and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from toygan.metrics.transport import wasserstein
from toygan.theory import segments
from toygan.theory.gaussians import jensen_shannon, kl
from toygan.theory.segments import DIVERGENCES

APART = st.floats(0.01, 50).flatmap(lambda size: st.sampled_from([-size, size]))
PLACES = np.linspace(-3, 3, 1201)


@pytest.mark.parametrize("theta", [-2.3, -0.4, 0.0, 0.07, 1.0, 3.1])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_every_wasserstein_distance_of_the_segments_is_their_distance(theta: float, order: int) -> None:
    height = np.random.default_rng(0).random(60)
    cost = np.hypot(theta, height[:, None] - height) ** order
    rows, columns = linear_sum_assignment(cost)
    assert cost[rows, columns].mean() ** (1 / order) == pytest.approx(float(segments.wasserstein(theta)), abs=1e-12)


@pytest.mark.parametrize("theta", [-1.5, 0.2, 0.9])
def test_exact_transport_of_independent_samples_is_a_little_more_than_the_distance(theta: float) -> None:
    rng = np.random.default_rng(1)
    real, fake = (np.stack([np.full(400, x), rng.random(400)], axis=1) for x in (0.0, theta))
    found, truth = wasserstein(real, fake), float(segments.wasserstein(theta))
    assert truth - 1e-12 <= found <= truth + 0.03


@given(theta=APART)
def test_divergences_of_thin_bars_tend_to_the_closed_forms(theta: float) -> None:
    # Gaussian bars of width w across, as w goes to zero: the y direction is the same law in both and drops out.
    width = abs(theta) / 40
    assert float(jensen_shannon(0, width, theta, width)) == pytest.approx(float(segments.jensen_shannon(theta)))
    assert float(kl(0, width, theta, width)) == pytest.approx(800)
    assert float(kl(0, width / 1e3, theta, width / 1e3)) > 1e8
    assert segments.kl(theta) == math.inf and segments.total_variation(theta) == 1


def test_equal_segments_are_at_distance_zero_by_every_measure() -> None:
    assert {float(each.value(0.0)) for each in DIVERGENCES.values()} == {0.0}
    assert all(math.isnan(each.slope(0.0)) for each in DIVERGENCES.values())


@given(theta=APART)
def test_slopes_are_finite_differences(theta: float) -> None:
    step = 1e-4
    for name, each in DIVERGENCES.items():
        with np.errstate(invalid="ignore"):
            difference = (each.value(theta + step) - each.value(theta - step)) / (2 * step)
        np.testing.assert_allclose(each.slope(theta), difference, rtol=1e-8, atol=1e-12, err_msg=name)


def test_only_the_wasserstein_distance_has_a_slope_that_says_which_way() -> None:
    theta = np.array([-2.0, -1e-9, 1e-9, 2.0])
    assert DIVERGENCES["w1"].slope(theta).tolist() == [-1, -1, 1, 1]
    assert DIVERGENCES["js"].slope(theta).tolist() == DIVERGENCES["tv"].slope(theta).tolist() == [0] * 4
    assert np.isnan(DIVERGENCES["kl"].slope(theta)).all() and np.isnan(DIVERGENCES["reverse-kl"].slope(theta)).all()


def test_a_distance_that_is_not_a_number_stays_one() -> None:
    assert all(math.isnan(each.value(math.nan)) and math.isnan(each.slope(math.nan)) for each in DIVERGENCES.values())


# ---- critics


@given(theta=APART)
def test_the_optimal_critic_is_one_on_real_and_zero_on_generated_points_and_flat_near_both(theta: float) -> None:
    near = np.linspace(-0.24, 0.24, 9) * theta
    assert (segments.optimal_critic(near, theta) == 1).all()
    assert (segments.optimal_critic(theta + near, theta) == 0).all()
    assert (segments.optimal_critic_slope(np.append(near, theta + near), theta) == 0).all()


def test_the_optimal_critic_cannot_tell_equal_segments() -> None:
    assert (segments.optimal_critic(PLACES, 0.0) == 0.5).all()
    assert (segments.optimal_critic_slope(PLACES, 0.0) == 0).all()


@pytest.mark.parametrize("theta", [-1.7, -0.3, 0.0, 0.8, 2.5])
def test_critics_slopes_are_finite_differences(theta: float) -> None:
    step = 1e-6
    for critic, slope in (
        (segments.optimal_critic, segments.optimal_critic_slope),
        (segments.kantorovich_potential, segments.kantorovich_slope),
    ):
        difference = (critic(PLACES + step, theta) - critic(PLACES - step, theta)) / (2 * step)
        np.testing.assert_allclose(slope(PLACES, theta), difference, atol=1e-4)


@given(theta=APART)
def test_the_potential_has_slope_one_and_attains_the_distance(theta: float) -> None:
    steps = np.diff(segments.kantorovich_potential(PLACES, theta)) / np.diff(PLACES)
    np.testing.assert_allclose(np.abs(steps), 1, rtol=1e-9)
    gap = segments.kantorovich_potential(0.0, theta) - segments.kantorovich_potential(theta, theta)
    assert gap == segments.wasserstein(theta)


@given(theta=APART)
def test_at_the_optimal_critic_the_minimax_gradient_is_exactly_zero_and_wasserstein_s_exactly_one(theta: float) -> None:
    assert segments.minimax_gradient(theta) == 0
    assert segments.wasserstein_gradient(theta) == math.copysign(1, theta)


@given(theta=APART)
def test_generator_gradients_are_those_of_what_the_optimal_critics_measure(theta: float) -> None:
    # The value at the optimal critic is 2 JS - 2 log 2, or W1: its derivative is the gradient with the critic held.
    assert segments.minimax_gradient(theta) == 2 * segments.DIVERGENCES["js"].slope(theta)
    assert segments.wasserstein_gradient(theta) == segments.DIVERGENCES["w1"].slope(theta)


def test_at_distance_zero_both_generators_rest() -> None:
    assert segments.minimax_gradient(0.0) == segments.wasserstein_gradient(0.0) == 0


def test_many_distances_and_places_broadcast() -> None:
    theta = np.array([[-1.0], [2.0], [0.0]])
    assert segments.optimal_critic(PLACES, theta).shape == (3, len(PLACES))
    assert segments.kantorovich_potential(PLACES, theta).shape == (3, len(PLACES))
    assert segments.kantorovich_slope(PLACES, theta).shape == (3, len(PLACES))
