"""The divergence of two histograms against SciPy and simulation, and beside the segments' closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from toygan.theory import segments
from toygan.theory.histograms import grid_jensen_shannon


def segment(theta: float, n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([np.full(n, theta), rng.random(n)], axis=1)


@given(seed=st.integers(0, 1000), cell=st.floats(0.05, 3))
def test_it_is_scipy_s_divergence_of_the_counts(seed: int, cell: float) -> None:
    rng = np.random.default_rng(seed)
    real, fake = rng.standard_normal((40, 2)), rng.standard_normal((70, 2)) + 1
    cells = np.arange(math.floor(-9 / cell), math.ceil(9 / cell) + 1) * cell
    counts = [np.histogram2d(*cloud.T, bins=(cells, cells))[0].ravel() for cloud in (real, fake)]
    found = grid_jensen_shannon(real, fake, cell)
    assert found.value == pytest.approx(jensenshannon(*counts) ** 2, abs=1e-12)
    assert found.cells == np.count_nonzero(counts[0] + counts[1])
    assert 0 <= found.value <= math.log(2) + 1e-15


@pytest.mark.parametrize("theta", [-2.0, -0.15, 0.3, 1.0])
def test_samples_of_segments_apart_are_at_log_two_like_the_closed_form_without_bias(theta: float) -> None:
    found = grid_jensen_shannon(segment(0, 300, 0), segment(theta, 500, 1), 0.1)
    assert found.value == pytest.approx(float(segments.jensen_shannon(theta)), abs=1e-12)
    assert found.bias == pytest.approx(0, abs=1e-15)


def test_a_cloud_is_at_distance_zero_from_itself() -> None:
    cloud = segment(0, 100, 0)
    assert grid_jensen_shannon(cloud, cloud, 0.1).value == 0


@pytest.mark.parametrize(("n", "m", "cell"), [(1000, 1000, 0.1), (400, 900, 0.2), (2000, 500, 0.05)])
def test_samples_of_equal_segments_differ_by_the_bias_on_average(n: int, m: int, cell: float) -> None:
    draws = [grid_jensen_shannon(segment(0, n, 2 * i), segment(0, m, 2 * i + 1), cell) for i in range(300)]
    mean = np.mean([each.value for each in draws])
    cells = round(1 / cell)
    assert mean == pytest.approx((cells - 1) * (1 / n + 1 / m) / 8, rel=0.1)
    assert np.mean([each.bias for each in draws]) == pytest.approx(mean, rel=0.1)


def test_taking_the_bias_off_leaves_the_divergence_of_unequal_laws_too() -> None:
    # Shares 1/2, 1/4, 1/4 against 1/4, 1/4, 1/2 on three cells.
    p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.25, 0.5])
    truth = jensenshannon(p, q) ** 2
    rng = np.random.default_rng(0)
    draws = [
        grid_jensen_shannon(*(np.stack([rng.choice(3, 60, p=law), np.zeros(60)], axis=1) for law in (p, q)), cell=1)
        for _ in range(4000)
    ]
    values, biases = (np.array([getattr(each, name) for each in draws]) for name in ("value", "bias"))
    error = values.std() / math.sqrt(len(draws))
    assert values.mean() - truth > 5 * error
    assert (values - biases).mean() == pytest.approx(truth, abs=4 * error)


def test_what_is_no_pair_of_clouds_is_refused() -> None:
    cloud = segment(0, 5, 0)
    for real, fake in ((cloud[:, 0], cloud), (cloud, cloud[:0]), (cloud, np.zeros((3, 3)))):
        with pytest.raises(ValueError, match="shape"):
            grid_jensen_shannon(real, fake, 0.1)
    with pytest.raises(ValueError, match="finite"):
        grid_jensen_shannon(cloud, [[0.0, math.nan]], 0.1)
    for cell in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="width"):
            grid_jensen_shannon(cloud, cloud, cell)
