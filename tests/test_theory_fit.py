"""Fits reach known answers: forward KL matches moments, reverse KL picks a mode, all find the mixture itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from toygan.theory import mixtures
from toygan.theory.fit import fit
from toygan.theory.mixtures import DIVERGENCES, divergence, divergence_gradient, mixture

TARGET = mixture([-2.0, 2.0], [0.5, 0.5], [0.6, 0.4])

every_divergence = pytest.mark.parametrize("name", DIVERGENCES)


@pytest.mark.parametrize("start", [-3.0, 0.3, 2.0])
def test_forward_kl_matches_the_moments_from_anywhere(start: float) -> None:
    end = fit("kl", TARGET, mixture(start, 1.0), 400).parameters[-1]
    matched = mixtures.match_moments(TARGET)
    assert mixtures.means(end) == pytest.approx(mixtures.means(matched), abs=0.01)
    assert mixtures.stds(end) == pytest.approx(mixtures.stds(matched), abs=0.01)


@pytest.mark.parametrize(("start", "mode", "weight"), [(-3.0, -2, 0.6), (-1.0, -2, 0.6), (1.0, 2, 0.4), (3.0, 2, 0.4)])
def test_reverse_kl_picks_the_mode_it_starts_near(start: float, mode: float, weight: float) -> None:
    way = fit("reverse-kl", TARGET, mixture(start, 0.5), 400)
    assert mixtures.means(way.parameters[-1]) == pytest.approx([mode], abs=0.01)
    assert mixtures.stds(way.parameters[-1]) == pytest.approx([0.5], abs=0.01)
    # On its mode q is p without the other one: the divergence is minus the logarithm of the mode's weight.
    assert way.values[-1] == pytest.approx(-np.log(weight), abs=1e-3)


@every_divergence
def test_two_gaussians_find_both_modes_and_their_weights(name: str) -> None:
    end = fit(name, TARGET, mixture([-1.0, 1.5], 1.0), 600).parameters[-1]
    assert mixtures.means(end) == pytest.approx([-2, 2], abs=1e-2)
    assert mixtures.stds(end) == pytest.approx([0.5, 0.5], abs=1e-2)
    assert mixtures.weights(end) == pytest.approx([0.6, 0.4], abs=1e-2)


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
@pytest.mark.parametrize("start", [mixture(0.3, 0.9), mixture([-1.0, 0.2], 0.9)])
def test_the_trajectory_starts_at_the_start_and_its_values_are_the_divergence(name: str, start: np.ndarray) -> None:
    way = fit(name, TARGET, start, 40)
    assert way.parameters.shape == (41, *start.shape) and way.values.shape == (41,)
    np.testing.assert_array_equal(way.parameters[0], start)
    for step in (0, 17, 40):
        assert way.values[step] == pytest.approx(divergence(name, TARGET, way.parameters[step]), rel=1e-12)


@every_divergence
@pytest.mark.parametrize("rate", [0.02, 1.0, 1e6])
def test_no_step_goes_up(name: str, rate: float) -> None:
    way = fit(name, mixture([-6.0, 6.0], 0.1), mixture([5.0, -1.0], 0.1), 100, rate)
    assert (np.diff(way.values) <= 0).all() and way.values[-1] < way.values[0]
    assert np.isfinite(way.parameters).all()


def test_the_first_step_is_start_less_rate_times_gradient_unless_it_is_too_long() -> None:
    start = mixture([-1.0, 1.5], 1.0)
    slope = divergence_gradient("js", TARGET, start)
    np.testing.assert_allclose(fit("js", TARGET, start, 1, 0.3).parameters[1], start - 0.3 * slope, rtol=1e-12)
    long = fit("js", TARGET, start, 1, 50.0).parameters[1]
    np.testing.assert_allclose(long, start - 0.1 * slope / np.abs(slope).max(), rtol=1e-12)


def test_unknown_names_are_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown divergence"):
        fit("tv", TARGET, TARGET)
