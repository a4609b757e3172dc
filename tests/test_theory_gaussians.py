"""Two Gaussians on the line: closed forms and quadrature against SciPy's integrals, quantiles and differences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import entr

from toygan.theory import gaussians
from toygan.theory.gaussians import DIVERGENCES
from toygan.theory.quadrature import normal_nodes, normal_panels, panels

Four = tuple[float, float, float, float]

#: m1, s1, m2, s2: equal, near, far, of equal and of very unequal widths.
PAIRS: list[Four] = [
    (0.0, 1.0, 0.0, 1.0),
    (0.3, 0.7, 0.3, 1.9),
    (-1.0, 0.5, 1.3, 0.5),
    (2.0, 1.5, -1.0, 0.4),
    (0.0, 1.0, 0.4, 0.01),
    (0.0, 0.03, 2.0, 1.0),
    (0.0, 1.0, 9.0, 1.0),
]
#: And those apart enough that every slope is defined.
APART = [pair for pair in PAIRS if pair[0] != pair[2]]

pairs = pytest.mark.parametrize("pair", PAIRS)
MEANS, STDS = st.floats(-5, 5), st.floats(0.05, 5)


def laws(pair: Four) -> tuple[stats.rv_continuous, stats.rv_continuous]:
    return stats.norm(pair[0], pair[1]), stats.norm(pair[2], pair[3])


def integral(function: Callable[[float], float], pair: Four) -> float:
    """SciPy's adaptive integral over pieces of one standard deviation of either."""
    ends = np.unique([m + k * s for m, s in (pair[:2], pair[2:]) for k in range(-12, 13)])
    return sum(quad(function, *piece, epsabs=1e-13)[0] for piece in itertools.pairwise(ends))


@pairs
def test_w1_and_w2_are_those_of_the_quantile_functions(pair: Four) -> None:
    p, q = laws(pair)
    for order, name in ((1, "w1"), (2, "w2")):
        level = (pair[2] - pair[0]) / (pair[1] - pair[3]) if pair[1] != pair[3] else 0.0  # where they cross
        points = [float(stats.norm.cdf(level))] if abs(level) < 8 else []
        moved = quad(lambda u, n=order: abs(q.ppf(u) - p.ppf(u)) ** n, 0, 1, points=points, limit=400)[0]
        assert float(DIVERGENCES[name].value(*pair)) == pytest.approx(moved ** (1 / order), rel=1e-6, abs=1e-9)


@pairs
def test_w1_is_the_area_between_the_cumulative_distributions(pair: Four) -> None:
    p, q = laws(pair)
    area = integral(lambda x: abs(p.cdf(x) - q.cdf(x)), pair)
    assert float(gaussians.wasserstein1(*pair)) == pytest.approx(area, rel=1e-6, abs=1e-12)


@given(m1=MEANS, m2=MEANS, std=STDS)
def test_equal_widths_are_at_their_means_distance(m1: float, m2: float, std: float) -> None:
    assert gaussians.wasserstein1(m1, std, m2, std) == gaussians.wasserstein2(m1, std, m2, std) == abs(m2 - m1)


@given(m1=MEANS, s1=STDS, m2=MEANS, s2=STDS)
def test_w1_lies_between_the_means_distance_and_w2_and_is_symmetric(m1: float, s1: float, m2: float, s2: float) -> None:
    found = float(gaussians.wasserstein1(m1, s1, m2, s2))
    assert abs(m2 - m1) - 1e-12 <= found <= float(gaussians.wasserstein2(m1, s1, m2, s2)) + 1e-12
    assert found == pytest.approx(float(gaussians.wasserstein1(m2, s2, m1, s1)), rel=1e-12)


def test_nearly_equal_widths_give_nearly_the_distance() -> None:
    assert float(gaussians.wasserstein1(0, 1, 0.5, 1 + 1e-13)) == pytest.approx(0.5, rel=1e-12)


@pairs
def test_kl_both_ways_is_its_integral(pair: Four) -> None:
    p, q = laws(pair)
    forward = integral(lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), pair)
    backward = integral(lambda x: q.pdf(x) * (q.logpdf(x) - p.logpdf(x)), pair)
    assert float(gaussians.kl(*pair)) == pytest.approx(forward, rel=1e-9, abs=1e-10)
    assert float(gaussians.reverse_kl(*pair)) == pytest.approx(backward, rel=1e-9, abs=1e-10)


@pairs
def test_js_is_its_integral_to_a_part_in_a_hundred_billion(pair: Four) -> None:
    p, q = laws(pair)
    truth = integral(lambda x: entr((p.pdf(x) + q.pdf(x)) / 2) - (entr(p.pdf(x)) + entr(q.pdf(x))) / 2, pair)
    assert float(gaussians.jensen_shannon(*pair)) == pytest.approx(truth, abs=1e-11)


@given(m1=MEANS, s1=st.floats(1e-3, 5), m2=MEANS, s2=st.floats(1e-3, 5))
def test_js_is_symmetric_at_most_log_two_and_the_same_in_every_unit(m1: float, s1: float, m2: float, s2: float) -> None:
    found = float(gaussians.jensen_shannon(m1, s1, m2, s2))
    assert 0 <= found <= math.log(2)
    assert found == pytest.approx(float(gaussians.jensen_shannon(m2, s2, m1, s1)), abs=1e-12)
    assert found == pytest.approx(float(gaussians.jensen_shannon(7 * m1, 7 * s1, 7 * m2, 7 * s2)), abs=1e-11)


def test_js_of_near_gaussians_is_an_eighth_of_the_square_and_of_far_ones_log_two() -> None:
    near = np.array([0.01, 0.02, 0.05])
    np.testing.assert_allclose(gaussians.jensen_shannon(0, 1, near, 1), near**2 / 8, rtol=1e-3)
    assert float(gaussians.jensen_shannon(0, 1, 40, 1)) == pytest.approx(math.log(2), abs=1e-15)


@pytest.mark.parametrize("pair", APART)
@pytest.mark.parametrize("name", DIVERGENCES)
def test_slopes_are_finite_differences_in_the_generator_s_mean(name: str, pair: Four) -> None:
    m1, s1, m2, s2 = pair
    step = 1e-4 * min(s1, s2)
    ends = DIVERGENCES[name].value(m1, s1, np.array([m2 - step, m2 + step]), s2)
    difference = (ends[1] - ends[0]) / (2 * step)
    assert float(DIVERGENCES[name].slope(*pair)) == pytest.approx(float(difference), rel=1e-6, abs=1e-7)


def test_where_the_gaussians_are_equal_only_wasserstein_distances_have_a_corner() -> None:
    slopes = {name: float(each.slope(1.0, 0.5, 1.0, 0.5)) for name, each in DIVERGENCES.items()}
    assert {name for name, slope in slopes.items() if math.isnan(slope)} == {"w1", "w2"}
    assert all(abs(slope) < 1e-12 for slope in slopes.values() if not math.isnan(slope))


def test_far_apart_js_pulls_no_more_while_w1_pulls_as_ever() -> None:
    assert abs(float(gaussians.jensen_shannon_slope(0, 1, 20, 1))) < 1e-10
    assert float(gaussians.wasserstein1_slope(0, 1, 20, 1)) == 1


# ---- critics


@pairs
def test_the_optimal_critic_is_p_over_p_plus_q_also_where_both_underflow(pair: Four) -> None:
    p, q = laws(pair)
    x = np.linspace(-3, 3, 61)
    sums = p.pdf(x) + q.pdf(x)
    seen = sums > 1e-300
    np.testing.assert_allclose(gaussians.optimal_critic(x, *pair)[seen], (p.pdf(x)[seen] / sums[seen]), rtol=1e-9)
    assert np.isfinite(gaussians.optimal_critic(np.array([-1e3, 1e3]), *pair)).all()


@pairs
def test_the_potential_has_slope_one_and_attains_w1(pair: Four) -> None:
    x = np.linspace(-40, 40, 8001)
    steps = np.abs(np.diff(gaussians.kantorovich_potential(x, *pair))) / np.diff(x)
    assert steps.max() <= 1 + 1e-9
    crossing = (pair[0] * pair[3] - pair[2] * pair[1]) / (pair[3] - pair[1]) if pair[1] != pair[3] else 0.0
    gap = 0.0
    for sign, (mean, std) in ((1, pair[:2]), (-1, pair[2:])):
        ends = np.unique([crossing, *(mean + std * np.arange(-12.0, 13))])
        for piece in itertools.pairwise(ends):
            weight = stats.norm(mean, std).pdf
            potential = gaussians.kantorovich_potential
            gap += sign * quad(lambda t, w=weight, f=potential: w(t) * float(f(t, *pair)), *piece)[0]
    assert gap == pytest.approx(float(gaussians.wasserstein1(*pair)), abs=1e-9)


def test_parameters_broadcast_and_standard_deviations_must_be_positive() -> None:
    m2, s2 = np.linspace(-1, 1, 5)[:, None], np.array([0.5, 1.0, 2.0])
    for each in DIVERGENCES.values():
        assert each.value(0, 1, m2, s2).shape == (5, 3)
        with pytest.raises(ValueError, match="above 0"):
            each.slope(0, 1, 0, 0)
        with pytest.raises(ValueError, match="above 0"):
            each.value(0, -1, 0, 1)


# ---- quadrature


def test_panels_integrate_polynomials_and_exponentials_between_any_ends() -> None:
    ends = np.array([[-1.0, 0.5, 0.5, 2.0], [0.0, 1.0, 2.0, 3.0]])
    nodes, weights = panels(ends)
    assert nodes.shape == weights.shape == (2, 36)
    for power in range(24):
        exact = (ends[:, -1] ** (power + 1) - ends[:, 0] ** (power + 1)) / (power + 1)
        np.testing.assert_allclose(np.sum(weights * nodes**power, axis=1), exact, rtol=1e-12)
    np.testing.assert_allclose(np.sum(weights * np.exp(nodes), axis=1), np.exp(ends[:, -1]) - np.exp(ends[:, 0]))


def test_normal_nodes_give_the_normal_law_s_moments() -> None:
    nodes, weights = normal_nodes()
    moments = [float(weights @ nodes**power) for power in range(9)]
    assert moments == pytest.approx([1, 0, 1, 0, 3, 0, 15, 0, 105], abs=1e-9)


@given(corner=st.floats(-12, 12) | st.sampled_from([-math.inf, math.inf]))
def test_normal_panels_give_the_share_of_the_law_beyond_a_corner(corner: float) -> None:
    nodes, weights = normal_panels(np.array([[corner, 0.3]]))
    assert float(weights.sum()) == pytest.approx(1, abs=1e-12)
    share = float(weights[nodes > corner].sum())
    assert share == pytest.approx(math.erfc(corner / math.sqrt(2)) / 2, abs=1e-12)
