"""Instance noise gives the Jensen-Shannon divergence a slope: against integrals in the plane and samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import erf, rel_entr

from toygan.recipe import Recipe
from toygan.theory import noise, segments
from toygan.theory.histograms import grid_jensen_shannon

THETA, NOISE = st.floats(-4, 4), st.floats(0.05, 3)


@pytest.mark.parametrize(("theta", "std"), [(0.7, 0.3), (-1.0, 0.5), (1.2, 1.0)])
def test_in_the_plane_the_segments_differ_only_across(theta: float, std: float) -> None:
    # Densities in the plane, on a grid: a blurred unit segment is a bell across times a box with soft ends.
    x, y = np.meshgrid(np.linspace(-7, 7, 701), np.linspace(-6, 7, 651), indexing="ij")
    reach = std * math.sqrt(2)
    along = (erf(y / reach) - erf((y - 1) / reach)) / 2
    p, q = (stats.norm(at, std).pdf(x) * along for at in (0, theta))
    divergence = (rel_entr(p, (p + q) / 2) + rel_entr(q, (p + q) / 2)).sum() / 2
    cell = 0.02 * 0.02
    assert p.sum() * cell == pytest.approx(1, abs=1e-6)
    assert float(noise.jensen_shannon(theta, std)) == pytest.approx(divergence * cell, abs=1e-6)


def test_samples_with_noise_agree_with_the_curve() -> None:
    rng = np.random.default_rng(0)
    n, theta, std = 60_000, 0.8, 0.5
    real, fake = (
        np.stack([np.full(n, at) + std * rng.standard_normal(n), rng.random(n) + std * rng.standard_normal(n)], axis=1)
        for at in (0.0, theta)
    )
    found = grid_jensen_shannon(real, fake, 0.15)
    assert found.value - found.bias == pytest.approx(float(noise.jensen_shannon(theta, std)), abs=0.004)


@given(theta=THETA)
def test_without_noise_it_is_the_closed_form(theta: float) -> None:
    assert noise.jensen_shannon(theta, 0) == segments.jensen_shannon(theta)
    np.testing.assert_equal(noise.jensen_shannon_slope(theta, 0), segments.DIVERGENCES["js"].slope(theta))


@given(theta=THETA, std=NOISE, factor=st.floats(0.1, 10))
def test_only_the_ratio_of_distance_and_noise_counts(theta: float, std: float, factor: float) -> None:
    once, scaled = noise.jensen_shannon(theta, std), noise.jensen_shannon(factor * theta, factor * std)
    assert float(once) == pytest.approx(float(scaled), abs=1e-12)


@given(theta=THETA, std=NOISE)
def test_the_slope_is_a_finite_difference_and_points_away_from_home(theta: float, std: float) -> None:
    step = 1e-4 * std
    ends = noise.jensen_shannon(np.array([theta - step, theta + step]), std)
    slope = float(noise.jensen_shannon_slope(theta, std))
    assert slope == pytest.approx(float(ends[1] - ends[0]) / (2 * step), abs=1e-7 / std)
    assert slope * theta >= -1e-12


def test_more_noise_makes_the_divergence_smaller() -> None:
    curve = noise.jensen_shannon(1.0, np.linspace(0, 5, 101))
    assert curve[0] == math.log(2)
    assert (np.diff(curve) <= 1e-15).all()
    assert curve[-1] == pytest.approx(1 / 8 / 25, rel=0.02)


def test_the_slope_is_greatest_at_a_noise_in_proportion_to_the_distance() -> None:
    noises = np.linspace(0.01, 3, 600)
    best = [noises[np.argmax(noise.jensen_shannon_slope(theta, noises))] for theta in (0.5, 1.0, 2.0)]
    assert best[1] / best[0] == pytest.approx(2, abs=0.05)
    assert best[2] / best[1] == pytest.approx(2, abs=0.05)


def test_the_annealing_is_training_s() -> None:
    recipe = Recipe(instance_noise=0.4, instance_noise_steps=50)
    training = [recipe.instance_noise * max(0.0, 1 - step / recipe.instance_noise_steps) for step in range(70)]
    np.testing.assert_allclose(noise.annealed_noise(0.4, 50, 70), training)


def test_annealed_noise_brings_the_segment_home_and_without_noise_it_stays() -> None:
    starts = np.array([-1.0, 0.3, 1.5])
    without = noise.descend(starts, np.zeros(50), 1.0)
    assert (without == starts).all() and without.shape == (51, 3)
    annealed = noise.descend(starts, noise.annealed_noise(1.0, 200, 250), 1.0)
    assert np.abs(annealed[-1]).max() < 1e-3
    too_little = noise.descend(starts, noise.annealed_noise(0.05, 200, 250), 1.0)
    assert np.abs(too_little[-1] - starts)[[0, 2]].max() < 1e-6


def test_a_step_is_the_slope_times_the_squared_noise() -> None:
    ((before, after),) = noise.descend([0.8], [0.5], 1.5).T
    assert after == before - 1.5 * 0.25 * noise.jensen_shannon_slope(0.8, 0.5)
    small = noise.descend([1e-4], [0.5], 1.0)
    assert small[1, 0] / small[0, 0] == pytest.approx(3 / 4, rel=1e-6)


@pytest.mark.parametrize("std", [-0.1, math.inf, math.nan])
def test_noise_is_a_standard_deviation(std: float) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        noise.jensen_shannon(1.0, std)
