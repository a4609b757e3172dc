"""Coverage counts what VEEGAN and PacGAN count, on modes, on arcs of curves and on cells."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist

from toygan.distributions import DISTRIBUTIONS, Cells, Curve, Modes, make_distribution
from toygan.metrics import coverage, perfect_shares, reverse_kl

KEYS = list(DISTRIBUTIONS)
CURVES = [key for key in KEYS if isinstance(make_distribution(key).support, Curve)]
GAUSSIANS = [key for key in KEYS if isinstance(make_distribution(key).support, Modes)]


def real(key: str, n: int, seed: int = 0) -> np.ndarray:
    return make_distribution(key).sample(n, np.random.default_rng(seed))


def modes_of(key: str) -> Modes:
    support = make_distribution(key).support
    assert isinstance(support, Modes)
    return support


# ---- perfect samples


@pytest.mark.parametrize("key", GAUSSIANS)
def test_perfect_samples_of_gaussians_are_98_9_percent_of_high_quality(key: str) -> None:
    found = coverage(real(key, 50_000), make_distribution(key))
    assert found.expected_high_quality == pytest.approx(0.98889, abs=1e-5)
    assert found.high_quality == pytest.approx(1 - math.exp(-4.5), abs=4 * math.sqrt(0.011 * 0.989 / 50_000))


@pytest.mark.parametrize(
    ("key", "parameters"), [("ring8", {"std": 0.2}), ("grid25", {"std": 0.5}), ("ring8", {"modes": 3, "std": 0.4})]
)
def test_of_modes_that_overlap_perfect_samples_score_more(key: str, parameters: dict[str, float]) -> None:
    distribution = make_distribution(key, **parameters)
    found = coverage(distribution.sample(200_000, np.random.default_rng(7)), distribution)
    assert found.expected_high_quality is not None
    assert found.high_quality == pytest.approx(found.expected_high_quality, abs=1e-3)
    assert found.expected_high_quality > 0.99
    assert found.weights.sum() == pytest.approx(1)
    assert found.reverse_kl == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(("std", "overlap"), [(0.127, False), (0.128, True)])
def test_modes_overlap_once_their_discs_of_three_std_meet(std: float, overlap: bool) -> None:
    support = make_distribution("ring8", std=std).support
    assert isinstance(support, Modes)
    # neighbours on the ring are 2 sin(pi / 8) = 0.765 apart
    assert support.overlap is overlap


@pytest.mark.parametrize("key", KEYS)
def test_perfect_samples_score_what_is_expected_of_them(key: str) -> None:
    found = coverage(real(key, 2500, seed=1), make_distribution(key))
    assert found.modes == found.total == found.modes_by_share
    assert found.expected_high_quality is not None
    assert found.high_quality == pytest.approx(found.expected_high_quality, abs=0.01)
    # twice n KL is chi-squared with K - 1 degrees of freedom
    assert found.reverse_kl is not None
    assert found.reverse_kl < 3 * found.total / (2 * 2500)


@pytest.mark.parametrize("key", KEYS)
def test_500_perfect_samples_capture_everything(key: str) -> None:
    for seed in range(5):
        found = coverage(real(key, 500, seed), make_distribution(key))
        assert found.modes == found.total


@pytest.mark.parametrize("key", KEYS)
def test_histogram_counts_the_high_quality_samples(key: str) -> None:
    found = coverage(real(key, 700), make_distribution(key))
    assert found.histogram.shape == (found.total,) == found.weights.shape
    assert found.histogram.dtype == np.int64
    assert found.histogram.sum() == round(found.high_quality * 700)
    assert found.weights.sum() == pytest.approx(1)
    assert (found.weights > 0).all()


def test_kinds_are_modes_arcs_and_cells() -> None:
    kinds = {key: perfect_shares(make_distribution(key)).kind for key in KEYS}
    assert {key for key in KEYS if kinds[key] == "modes"} == set(GAUSSIANS)
    assert {key for key in KEYS if kinds[key] == "arcs"} == set(CURVES)
    assert kinds["checkerboard"] == "cells"


# ---- modes


def test_a_mode_is_captured_by_one_high_quality_sample() -> None:
    modes = modes_of("ring8")
    samples = np.zeros((100, 2))
    samples[0] = modes.centres[2] + [0, 2.9 * modes.std]
    samples[1] = modes.centres[5] + [0, 3.1 * modes.std]
    found = coverage(samples, make_distribution("ring8"))
    assert found.modes == 1
    assert found.histogram.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert found.high_quality == 0.01


def test_capture_by_share_takes_a_quarter_of_the_fair_share_of_all_samples() -> None:
    """Of 320 samples a mode's fair share is 40: ten capture it, nine do not."""
    centres = modes_of("ring8").centres
    samples = np.concatenate([np.repeat(centres, [10, 9, 40, 40, 40, 40, 40, 1], axis=0), np.zeros((100, 2))])
    found = coverage(samples, make_distribution("ring8"))
    assert len(samples) == 320
    assert found.modes == 8
    assert found.modes_by_share == 6


def test_collapse_to_one_mode_has_reverse_kl_log_8() -> None:
    modes = modes_of("ring8-wide")
    found = coverage(np.repeat(modes.centres[:1], 50, axis=0), make_distribution("ring8-wide"))
    assert (found.modes, found.modes_by_share, found.high_quality) == (1, 1, 1.0)
    assert found.reverse_kl == pytest.approx(math.log(8))


def test_collapse_to_half_the_modes_has_reverse_kl_log_2() -> None:
    modes = modes_of("ring8")
    found = coverage(np.repeat(modes.centres[::2], 25, axis=0), make_distribution("ring8"))
    assert found.modes == 4
    assert found.reverse_kl == pytest.approx(math.log(2))


def test_equal_counts_have_reverse_kl_zero() -> None:
    found = coverage(np.repeat(modes_of("grid25").centres, 4, axis=0), make_distribution("grid25"))
    assert found.reverse_kl == pytest.approx(0, abs=1e-12)


def test_reverse_kl_of_a_known_histogram() -> None:
    assert reverse_kl([3, 1], [0.5, 0.5]) == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))
    assert reverse_kl([0, 2], [0.75, 0.25]) == pytest.approx(math.log(4))
    assert reverse_kl([3, 1], [0.75, 0.25]) == 0
    assert reverse_kl([0, 0], [0.5, 0.5]) is None


def test_samples_far_from_every_mode_are_of_no_quality() -> None:
    found = coverage(np.zeros((10, 2)), make_distribution("ring8"))
    assert (found.modes, found.modes_by_share, found.high_quality, found.reverse_kl) == (0, 0, 0.0, None)


@pytest.mark.parametrize("key", GAUSSIANS)
def test_modes_agree_with_a_plain_computation(key: str) -> None:
    modes = modes_of(key)
    rng = np.random.default_rng(3)
    samples = make_distribution(key).sample(2000, rng) + 2 * modes.std * rng.standard_normal((2000, 2))
    distance = cdist(samples, modes.centres)
    good = distance.min(axis=1) <= 3 * modes.std
    histogram = np.bincount(distance.argmin(axis=1)[good], minlength=len(modes.centres))
    found = coverage(samples, make_distribution(key))
    assert found.histogram.tolist() == histogram.tolist()
    assert found.high_quality == good.mean()


# ---- arcs


def arcs_by_dense_points(samples: np.ndarray, curve: Curve, arcs: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the curve and arc of every sample, from 4,000 points spread evenly along each line."""
    points, labels = [], []
    firsts = np.cumsum(arcs) - arcs
    for line, count, first in zip(curve.lines, arcs, firsts, strict=True):
        at = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        fractions = (np.arange(4000) + 0.5) / 4000
        points.append(np.column_stack([np.interp(fractions * at[-1], at, line[:, i]) for i in (0, 1)]))
        labels.append(first + np.floor(fractions * count).astype(int))
    distance = cdist(samples, np.concatenate(points))
    return distance.min(axis=1), np.concatenate(labels)[distance.argmin(axis=1)]


ARCS_OF_LINES = {
    "swiss-roll": [20],
    "segment": [20],
    "moons": [10, 10],
    "circles": [13, 7],
    "spiral": [10, 10],
    "pinwheel": [4, 4, 4, 4, 4],
}


@pytest.mark.parametrize("key", CURVES)
def test_arcs_agree_with_a_dense_curve(key: str) -> None:
    distribution = make_distribution(key)
    assert isinstance(distribution.support, Curve)
    rng = np.random.default_rng(3)
    blur = 0.5 * distribution.support.tolerance
    samples = distribution.sample(1500, rng) + blur * rng.standard_normal((1500, 2))
    distance, arc = arcs_by_dense_points(samples, distribution.support, ARCS_OF_LINES[key])
    histogram = np.bincount(arc[distance <= distribution.support.tolerance], minlength=sum(ARCS_OF_LINES[key]))
    found = coverage(samples, distribution)
    assert found.total == len(histogram)
    # a point between two arcs, or just at the tolerance, may fall on either side
    assert np.abs(found.histogram - histogram).max() <= 2


@pytest.mark.parametrize("key", CURVES)
def test_arc_weights_are_the_laws_own_shares(key: str) -> None:
    found = coverage(real(key, 100_000, seed=7), make_distribution(key))
    shares = found.histogram / found.histogram.sum()
    np.testing.assert_allclose(shares, found.weights, atol=6 * math.sqrt(0.1 / 100_000))


def test_swiss_roll_weights_fall_along_the_roll_as_its_parameter_does() -> None:
    """Uniform in t with speed root(1 + t^2): an arc's weight is the share of t that it takes."""
    t = np.linspace(1.5 * np.pi, 4.5 * np.pi, 20_001)
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(t * np.cos(t)), np.diff(t * np.sin(t))))])
    edges = np.interp(np.linspace(0, length[-1], 21), length, t)
    expected = np.diff(edges) / (3 * np.pi)
    weights = perfect_shares(make_distribution("swiss-roll")).weights
    np.testing.assert_allclose(weights, expected, atol=0.003)
    assert weights[0] > 2 * weights[-1]


def test_segment_weights_are_equal_and_distance_decides_quality() -> None:
    distribution = make_distribution("segment", theta=0.5)
    np.testing.assert_allclose(perfect_shares(distribution).weights, 0.05, atol=0.003)
    samples = np.array([[0.5, 0.52], [0.519, 0.52], [0.521, 0.52], [0.5, 1.019], [0.5, 1.021], [0.5, -0.019]])
    found = coverage(samples, distribution)
    assert found.high_quality == pytest.approx(4 / 6)
    assert found.histogram[10] == 2
    assert found.histogram[19] == 1
    assert found.histogram[0] == 1


def test_half_a_swiss_roll_covers_half_its_arcs() -> None:
    distribution = make_distribution("swiss-roll", noise=0)
    assert isinstance(distribution.support, Curve)
    line = distribution.support.lines[0]
    at = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    half = np.linspace(0, 0.4999 * at[-1], 1000)
    samples = np.column_stack([np.interp(half, at, line[:, i]) for i in (0, 1)])
    found = coverage(samples, distribution)
    assert found.modes == 10
    assert found.histogram.tolist() == pytest.approx([100] * 10 + [0] * 10, abs=1)
    assert found.high_quality == 1


@pytest.mark.parametrize("arms", range(2, 9))
def test_equal_arms_get_equally_many_arcs(arms: int) -> None:
    assert len(perfect_shares(make_distribution("pinwheel", arms=arms)).weights) % arms == 0


def test_perfect_shares_are_measured_once() -> None:
    assert perfect_shares(make_distribution("spiral")) is perfect_shares(make_distribution("spiral"))
    assert perfect_shares(make_distribution("spiral", arms=3)) is not perfect_shares(make_distribution("spiral"))


def test_weights_are_positive_even_where_noise_hides_an_arc() -> None:
    weights = perfect_shares(make_distribution("circles", factor=0.1, noise=0.5)).weights
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1)


# ---- cells


def test_cells_hold_samples_up_to_their_edge() -> None:
    distribution = make_distribution("checkerboard")
    assert isinstance(distribution.support, Cells)
    # the cell from -4 to -2 both ways is filled, its right neighbour is not
    samples = np.array([[-3.9, -2.1], [-2.1, -2.1], [-1.9, -2.1], [-4.1, -3]])
    found = coverage(samples, distribution)
    assert (found.total, found.modes, found.high_quality) == (8, 1, 0.5)
    assert found.reverse_kl == pytest.approx(math.log(8))
    assert found.expected_high_quality == 1


def test_uniform_samples_on_the_board_are_half_of_high_quality() -> None:
    samples = np.random.default_rng(0).uniform(-4, 4, (20_000, 2))
    assert coverage(samples, make_distribution("checkerboard")).high_quality == pytest.approx(0.5, abs=0.015)


# ---- whatever a generator may produce


@pytest.mark.parametrize("key", KEYS)
def test_samples_that_are_not_finite_are_just_not_of_high_quality(key: str) -> None:
    samples = real(key, 400)
    expected = coverage(samples[100:], make_distribution(key)).histogram
    samples[:25], samples[25:50], samples[50:75, 0], samples[75:100, 1] = np.nan, np.inf, -np.inf, 1e300
    found = coverage(samples, make_distribution(key))
    assert found.histogram.tolist() == expected.tolist()
    assert found.high_quality == expected.sum() / 400


@given(
    samples=arrays(np.float64, (5, 2), elements=st.floats(width=64)),
    key=st.sampled_from(KEYS),
)
@settings(max_examples=150, deadline=None)
def test_coverage_of_any_five_points_is_well_formed(samples: np.ndarray, key: str) -> None:
    found = coverage(samples, make_distribution(key))
    assert 0 <= found.modes_by_share <= found.total
    assert 0 <= found.modes <= min(5, found.total)
    assert 0 <= found.high_quality <= 1
    assert (found.reverse_kl is None) == (found.high_quality == 0)
    assert found.reverse_kl is None or 0 <= found.reverse_kl < math.inf


@pytest.mark.parametrize("key", ["ring8", "swiss-roll", "checkerboard"])
def test_single_precision_samples_count_like_double(key: str) -> None:
    samples = real(key, 300).astype(np.float32)
    exact = coverage(samples.astype(np.float64), make_distribution(key))
    assert coverage(samples, make_distribution(key)).histogram.tolist() == exact.histogram.tolist()


@pytest.mark.parametrize("shape", [(0, 2), (3,), (3, 3), (2, 3, 2)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"samples must have shape \(n, 2\) with n at least 1, not"):
        coverage(np.zeros(shape), make_distribution("ring8"))
