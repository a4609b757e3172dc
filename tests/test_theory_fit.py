"""Fits reach known answers: forward KL matches moments, reverse KL picks a mode, all find the mixture itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from toygan.theory import mixtures
from toygan.theory.fit import OPTIMIZERS, fit
from toygan.theory.mixtures import DIVERGENCES, GRID, divergence, divergence_gradient, mixture

TARGET = mixture([-2.0, 2.0], [0.5, 0.5], [0.6, 0.4])

every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)
every_divergence = pytest.mark.parametrize("name", DIVERGENCES)


@every_optimizer
@pytest.mark.parametrize("start", [-3.0, 0.3, 2.0])
def test_forward_kl_matches_the_moments_from_anywhere(optimizer: str, start: float) -> None:
    steps = 600 if optimizer == "descent" else 400
    end = fit("kl", TARGET, mixture(start, 1.0), steps, optimizer=optimizer).parameters[-1]
    matched = mixtures.match_moments(TARGET)
    assert mixtures.means(end) == pytest.approx(mixtures.means(matched), abs=0.01)
    assert mixtures.stds(end) == pytest.approx(mixtures.stds(matched), abs=0.01)


@every_optimizer
def test_reverse_kl_picks_the_mode_it_starts_near(optimizer: str) -> None:
    starts = mixture([[-3.0], [-1.0], [1.0], [3.0]], 1.0)
    ends = fit("reverse-kl", TARGET, starts, optimizer=optimizer, rate=0.1).parameters[-1]
    assert mixtures.means(ends)[:, 0] == pytest.approx([-2, -2, 2, 2], abs=0.01)
    assert mixtures.stds(ends)[:, 0] == pytest.approx([0.5] * 4, abs=0.01)
    # On its mode q is p without the other one: the divergence is minus the logarithm of the mode's weight.
    values = [float(divergence("reverse-kl", TARGET, end)) for end in ends]
    assert values == pytest.approx([-np.log(0.6)] * 2 + [-np.log(0.4)] * 2, abs=1e-3)


@every_divergence
def test_two_gaussians_find_both_modes_and_their_weights(name: str) -> None:
    end = fit(name, TARGET, mixture([-1.0, 1.5], 1.0), 500).parameters[-1]
    assert mixtures.means(end) == pytest.approx([-2, 2], abs=1e-3)
    assert mixtures.stds(end) == pytest.approx([0.5, 0.5], abs=1e-3)
    assert mixtures.weights(end) == pytest.approx([0.6, 0.4], abs=1e-3)


@every_divergence
def test_the_end_is_as_good_as_scipy_s_minimum(name: str) -> None:
    target, start = mixture([-1.0, 1.0], [0.5, 0.8], [0.3, 0.7]), mixture(0.5, 0.8)
    best = minimize(
        lambda at: float(divergence(name, target, np.append(at, 0.0)[:, None])),
        start[:2, 0],
        jac=lambda at: divergence_gradient(name, target, np.append(at, 0.0)[:, None])[:2, 0],
        method="BFGS",
    )
    assert fit(name, target, start, 600).values[-1] == pytest.approx(best.fun, abs=1e-5)


@every_divergence
def test_the_trajectory_starts_at_the_start_and_its_values_are_the_divergence(name: str) -> None:
    start = mixture([[0.3, 1.0], [-1.0, 0.2]], 0.9)
    way = fit(name, TARGET, start, 40)
    assert way.parameters.shape == (41, 2, 3, 2) and way.values.shape == (41, 2)
    np.testing.assert_array_equal(way.parameters[0], start)
    for step in (0, 17, 40):
        np.testing.assert_allclose(way.values[step], divergence(name, TARGET, way.parameters[step]), rtol=1e-12)
    assert (way.values[-1] < way.values[0]).all()


@every_divergence
def test_small_steps_of_descent_never_go_up(name: str) -> None:
    values = fit(name, TARGET, mixture([[-2.5], [0.3], [1.0]], 1.0), 200, 0.02, "descent").values
    assert (np.diff(values, axis=0) <= 1e-12).all()


def test_descent_is_start_less_rate_times_gradient() -> None:
    start = mixture([-1.0, 1.5], 1.0)
    after = fit("js", TARGET, start, 1, 0.3, "descent").parameters[1]
    np.testing.assert_allclose(after, start - 0.3 * divergence_gradient("js", TARGET, start), rtol=1e-12)


def test_adam_is_torch_s() -> None:
    import torch

    start = mixture([-1.0, 1.5], 1.0)
    way = fit("kl", TARGET, start, 30, 0.05).parameters
    leaf = torch.tensor(start)
    optimizer = torch.optim.Adam([leaf], lr=0.05)
    for step in range(1, 31):
        leaf.grad = torch.tensor(divergence_gradient("kl", TARGET, leaf.numpy()))
        optimizer.step()
        np.testing.assert_allclose(way[step], leaf.numpy(), rtol=1e-9, atol=1e-9)


def test_fits_at_once_are_each_their_own() -> None:
    starts = mixture([[-1.0, 0.5], [0.3, 2.0]], 0.9)
    together = fit("js", TARGET, starts, 60).parameters
    for index, start in enumerate(starts):
        np.testing.assert_allclose(together[:, index], fit("js", TARGET, start, 60).parameters, rtol=1e-9, atol=1e-12)


@every_divergence
@every_optimizer
def test_steps_that_are_far_too_large_stay_finite_and_on_the_grid(name: str, optimizer: str) -> None:
    way = fit(name, mixture([-6.0, 6.0], 0.1), mixture([7.0, -1.0], 0.1), 60, 50.0, optimizer)
    assert np.isfinite(way.values).all() and np.isfinite(way.parameters[:, :2]).all()
    assert mixtures.means(way.parameters).min() >= GRID[0] and mixtures.means(way.parameters).max() <= GRID[-1]
    assert mixtures.stds(way.parameters).min() >= 1.49 * (GRID[1] - GRID[0])


def test_unknown_names_are_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown optimizer 'newton': choose from adam, descent"):
        fit("kl", TARGET, TARGET, optimizer="newton")
    with pytest.raises(ValueError, match="unknown divergence"):
        fit("tv", TARGET, TARGET)
