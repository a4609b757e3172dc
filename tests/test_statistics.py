"""Means, intervals and tests of a few seeds against brute force, SciPy and simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from toygan.statistics import Estimate, estimate_means, estimate_medians, holm, seeds_needed, sign_flip_test

SEEDS = range(2, 17)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def covered(found: list[Estimate], truth: float) -> int:
    return sum(e.low is not None and e.high is not None and e.low <= truth <= e.high for e in found)


# ---- means


@pytest.mark.parametrize("count", [1, 2, 7, 16])
def test_the_mean_is_the_mean_of_the_seeds_there_are(count: int) -> None:
    values = rng().standard_normal((3, 16))
    values[:, count:] = np.nan
    found = estimate_means(rng(1).permuted(values, axis=1))
    assert [e.value for e in found] == pytest.approx(np.nanmean(values, axis=1))
    assert {e.seeds for e in found} == {count}


def test_one_seed_has_no_interval_and_none_has_not_even_a_mean() -> None:
    assert estimate_means([[np.nan, 3.0], [np.nan, np.nan]]) == [Estimate(3.0, None, None, 1), Estimate()]
    assert estimate_medians([[np.nan, 3.0], [np.nan, np.nan]]) == [Estimate(3.0, None, None, 1), Estimate()]
    assert estimate_means(np.empty((2, 0))) == [Estimate(), Estimate()]
    assert estimate_means(np.empty((0, 4))) == []


def expanded(count: int) -> float:
    """The share of resamples that Hesterberg's interval leaves out at each end."""
    return float(stats.norm.cdf(-math.sqrt(count / (count - 1)) * stats.t.ppf(0.975, count - 1)))


@pytest.mark.parametrize("count", [2, 3, 5, 8, 12, 16])
def test_the_interval_is_the_expanded_percentile_interval_by_another_bootstrap(count: int) -> None:
    values = np.exp(rng(count).standard_normal(count))
    picks = rng(99).integers(count, size=(400_000, count))
    low, high = np.quantile(values[picks].mean(axis=1), [expanded(count), 1 - expanded(count)])
    (found,) = estimate_means([values])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * (high - low))


def test_the_interval_is_that_of_scipy_at_the_expanded_level() -> None:
    values = rng(3).exponential(size=10)
    level = 1 - 2 * expanded(10)
    theirs = stats.bootstrap(
        (values,), np.mean, confidence_level=level, n_resamples=100_000, method="percentile", rng=rng(4)
    ).confidence_interval
    (found,) = estimate_means([values])
    assert (found.low, found.high) == pytest.approx(theirs, abs=0.03 * (theirs.high - theirs.low))


def test_the_interval_of_four_seeds_is_that_of_all_256_resamples() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])
    means = np.sort([np.mean(pick) for pick in itertools.product(values, repeat=4)])
    # Each end is left out by less than one resample in 256: only the extremes are beyond.
    assert expanded(4) < 1 / 256
    (found,) = estimate_means([values])
    assert (found.low, found.high) == (means[0], means[-1])


@pytest.mark.parametrize(
    ("count", "normal", "skewed"),
    [(2, 0.50, 0.48), (3, 0.75, 0.72), (4, 0.88, 0.84), (6, 0.93, 0.91), (8, 0.94, 0.92), (16, 0.95, 0.93)],
)
def test_the_interval_covers_the_mean_as_often_as_its_documentation_says(
    count: int, normal: float, skewed: float
) -> None:
    draws = 1500
    values = rng(count).standard_normal((draws, count))
    for sample, truth, expected in (
        (values, 0.0, normal),
        (np.exp(values / 2), math.exp(1 / 8), skewed),
    ):
        error = math.sqrt(expected * (1 - expected) / draws)
        assert covered(estimate_means(sample), truth) / draws == pytest.approx(expected, abs=0.005 + 3.3 * error)


@given(arrays(float, st.integers(2, 16), elements=st.floats(-1e6, 1e6)))
def test_the_interval_holds_the_mean_and_never_leaves_the_range_of_the_seeds(values: np.ndarray) -> None:
    (found,) = estimate_means([values])
    assert found.value is not None and found.low is not None and found.high is not None
    slack = 1e-9 * max(1.0, float(np.abs(values).max()))
    assert values.min() - slack <= found.low <= found.value + slack
    assert found.value - slack <= found.high <= values.max() + slack


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -7.7])
def test_equal_seeds_have_an_interval_that_is_a_point(value: float) -> None:
    for found in estimate_means([[value] * count for count in (7,)]) + estimate_medians([[value] * 7]):
        assert found == Estimate(value, value, value, 7)


def test_equal_rows_have_equal_intervals_today_and_tomorrow() -> None:
    values = rng().standard_normal((1, 8))
    first, second = estimate_means(np.repeat(values, 2, axis=0))
    assert first == second == estimate_means(values)[0]


def test_intervals_move_and_stretch_with_the_values() -> None:
    values = rng(2).standard_normal(9)
    plain, moved, mirrored = estimate_means([values, 3 * values + 5, -values])
    for name, other in (("value", "value"), ("low", "high"), ("high", "low")):
        assert getattr(moved, name) == pytest.approx(3 * getattr(plain, name) + 5)
        assert getattr(mirrored, name) == pytest.approx(-getattr(plain, other))


def test_pairing_by_seed_takes_out_what_the_seeds_have_in_common() -> None:
    luck = 10 * rng(5).standard_normal(8)
    noise = 0.1 * rng(6).standard_normal((2, 8))
    first, second = luck + noise[0], luck + noise[1] + 1
    alone, other, difference = estimate_means([first, second, second - first])
    assert alone.high is not None and other.low is not None and alone.high > other.low
    assert difference.low is not None and difference.low > 0.8


def test_an_estimate_in_another_unit_or_sign_is_scaled_as_a_whole() -> None:
    found = Estimate(2.0, 0.0, 5.0, 4)
    assert found.times(10) == Estimate(20.0, 0.0, 50.0, 4)
    assert found.times(-1) == Estimate(-2.0, -5.0, 0.0, 4)
    assert math.copysign(1, found.times(-1).high or 0.0) == 1, "no minus zero"
    assert Estimate(2.0, seeds=1).times(3) == Estimate(6.0, seeds=1)
    assert Estimate().times(-3) == Estimate()


@pytest.mark.parametrize("function", [estimate_means, estimate_medians])
def test_other_shapes_and_too_many_seeds_are_refused(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="shape"):
        function([1.0, 2.0])
    with pytest.raises(ValueError, match="at most 16 seeds"):
        function(np.zeros((1, 17)))
    many = np.full((1, 40), np.nan)
    many[0, ::4] = 1.0
    assert function(many)[0].seeds == 10


# ---- medians


@pytest.mark.parametrize("count", SEEDS)
def test_the_median_s_interval_is_the_narrowest_between_two_seeds_with_95_percent(count: int) -> None:
    values = rng(count).permutation(count) + 1.0
    (found,) = estimate_medians([values])
    assert found.value == np.median(values)
    assert found.low is not None and found.high == count + 1 - found.low
    rank = int(found.low)

    def coverage(rank: int) -> float:
        return float(1 - 2 * stats.binom.cdf(rank - 1, count, 0.5))

    assert coverage(rank + 1) < 0.95
    assert coverage(rank) >= 0.95 or rank == 1


@pytest.mark.parametrize("count", [5, 6, 11, 16])
def test_the_median_s_interval_covers_the_median(count: int) -> None:
    found = estimate_medians(rng(count).exponential(size=(4000, count)))
    assert covered(found, math.log(2)) / 4000 >= (0.93 if count == 5 else 0.942)


# ---- the sign-flip test


def brute_force(differences: list[float]) -> float:
    """Every choice of signs, one by one, in whole numbers."""
    found = abs(sum(differences))
    choices = [
        sum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(abs(choice) >= found for choice in choices) / len(choices)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=9))
def test_p_is_the_share_of_sign_choices_with_as_large_a_mean_ties_included(differences: list[int]) -> None:
    assert sign_flip_test(differences) == brute_force([float(d) for d in differences])
    # In tenths, where rounding makes sums differ that are equal.
    assert sign_flip_test([d / 10 for d in differences]) == brute_force([float(d) for d in differences])


@pytest.mark.parametrize("count", [2, 5, 9])
def test_p_is_that_of_scipy(count: int) -> None:
    differences = rng(count).standard_normal(count) + 0.5
    theirs = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_test(differences) == pytest.approx(theirs.pvalue)


def test_no_difference_at_all_gives_one() -> None:
    for differences in ([0.0] * 8, [], [np.nan], [0.0, np.nan]):
        assert sign_flip_test(differences) == 1.0


@pytest.mark.parametrize("count", range(1, 17))
def test_differences_of_one_sign_give_the_smallest_p_there_is(count: int) -> None:
    assert sign_flip_test(rng(count).random(count) + 0.1) == 2 / 2**count
    assert sign_flip_test(-rng(count).random(count) - 0.1) == 2 / 2**count


def test_p_depends_neither_on_the_scale_nor_on_the_order_nor_on_missing_seeds() -> None:
    differences = rng(1).standard_normal(8)
    p = sign_flip_test(differences)
    for same in (1e300 * differences, 1e-300 * differences, differences[::-1], np.append(differences, np.nan)):
        assert sign_flip_test(same) == p


def test_too_many_seeds_are_refused_by_the_test_too() -> None:
    with pytest.raises(ValueError, match="at most 16 seeds"):
        sign_flip_test(np.ones(17))


@pytest.mark.parametrize("count", [6, 8, 16])
def test_equal_laws_give_p_below_any_level_no_more_often_than_the_level(count: int) -> None:
    draws = 2000
    luck = rng(count).exponential(size=(draws, 1, count))
    first, second = np.moveaxis(luck + rng(count + 1).exponential(size=(draws, 2, count)), 1, 0)
    p = np.array([sign_flip_test(line) for line in second - first])
    for level in (0.05, 0.2, 0.5):
        assert (p <= level).sum() <= stats.binom.ppf(0.9999, draws, level)


# ---- several pairs


@given(st.lists(st.floats(0, 1), min_size=0, max_size=7))
def test_holm_s_correction_is_bonferroni_s_on_every_set_of_tests(p_values: list[float]) -> None:
    """Closed testing (Marcus, Peritz and Gabriel 1976): a test holds if each set it belongs to does."""
    count = len(p_values)
    sets = [subset for size in range(1, count + 1) for subset in itertools.combinations(range(count), size)]
    expected = [
        max(min(1.0, len(subset) * min(p_values[j] for j in subset)) for subset in sets if i in subset)
        for i in range(count)
    ]
    assert holm(p_values) == pytest.approx(expected)


def test_holm_s_correction_of_an_example() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_fewer_seeds_than_needed_can_tell_nothing_and_as_many_can() -> None:
    for pairs in range(1, 121):
        needed, others = seeds_needed(pairs), [1.0] * (pairs - 1)
        assert holm([sign_flip_test(np.ones(needed)), *others])[0] <= 0.05
        assert holm([sign_flip_test(np.ones(needed - 1)), *others])[0] > 0.05


def test_the_seeds_that_one_six_and_fifteen_pairs_need() -> None:
    assert [seeds_needed(pairs) for pairs in (1, 3, 6, 15)] == [6, 7, 8, 10]
    with pytest.raises(ValueError, match="at least one pair"):
        seeds_needed(0)
