"""Mixtures on a grid: densities, divergences and gradients against SciPy, closed forms and finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import entr

from toygan.theory import gaussians, mixtures
from toygan.theory.logistic import sigmoid
from toygan.theory.losses import GENERATOR_LOSSES
from toygan.theory.mixtures import DIVERGENCES, GRID, divergence, divergence_gradient, mixture

TWO = mixture([-2.0, 2.0], [0.5, 0.5], [0.6, 0.4])
CLOSE = mixture([-0.5, 1.2], [0.3, 0.9], [0.2, 0.8])

#: p, q: one Gaussian against two, two against two, one against one, unequal widths.
PAIRS = {
    "one": (TWO, mixture(0.7, 1.1)),
    "two": (TWO, mixture([-1.0, 1.5], [0.6, 0.9], [0.3, 0.7])),
    "close": (CLOSE, mixture(0.2, 0.4)),
    "three": (CLOSE, mixture([-1.0, 0.5, 2.0], [0.6, 0.4, 0.8], [0.2, 0.5, 0.3])),
}
pairs = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
every_divergence = pytest.mark.parametrize("name", DIVERGENCES)


def density(parameters: np.ndarray) -> Callable[[float], float]:
    parts = list(zip(mixtures.means(parameters), mixtures.stds(parameters), mixtures.weights(parameters), strict=True))
    return lambda x: sum(w / s / math.sqrt(2 * math.pi) * math.exp(-(((x - m) / s) ** 2) / 2) for m, s, w in parts)


def differences(of: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """The gradient of a function of parameters by central differences."""
    gradient = np.empty_like(at)
    for index in np.ndindex(at.shape):
        shift = np.zeros_like(at)
        shift[index] = step
        gradient[index] = (of(at + shift) - of(at - shift)) / (2 * step)
    return gradient


# ---- densities


def test_parameters_hold_means_stds_and_weights() -> None:
    three = mixture([0.0, 1.0, 2.0], [0.1, 0.2, 0.3], [1, 1, 2])
    assert mixtures.means(three).tolist() == [0, 1, 2]
    assert mixtures.stds(three) == pytest.approx([0.1, 0.2, 0.3])
    assert mixtures.weights(three) == pytest.approx([0.25, 0.25, 0.5])
    assert mixture(0.0, 1.0).shape == (3, 1) and mixture(np.zeros((4, 2)), 1.0).shape == (4, 3, 2)


@pairs
def test_log_densities_are_scipy_s(pair: tuple[np.ndarray, np.ndarray]) -> None:
    for parameters in pair:
        parts = [part(parameters)[:, None] for part in (mixtures.weights, mixtures.means, mixtures.stds)]
        expected = np.sum(parts[0] * stats.norm(*parts[1:]).pdf(GRID), axis=0)
        np.testing.assert_allclose(np.exp(mixtures.log_density(parameters)), expected, rtol=1e-10)


def test_log_densities_do_not_underflow() -> None:
    far = mixtures.log_density(mixture([0.0, 1.0], [0.01, 0.01]), np.array([100.0]))
    assert far[0] == pytest.approx(-(99**2) / 2e-4, rel=1e-3)


@pytest.mark.parametrize(("std", "weight"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0), (math.nan, 1.0)])
def test_stds_and_weights_must_be_positive(std: float, weight: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        mixture([0.0, 1.0], [1.0, std], [1.0, weight])


# ---- divergences


@pairs
def test_divergences_are_their_integrals(pair: tuple[np.ndarray, np.ndarray]) -> None:
    p, q = density(pair[0]), density(pair[1])

    def integral(function: Callable[[float], float]) -> float:
        return sum(quad(function, a, a + 0.5, epsabs=1e-12)[0] for a in np.arange(-8, 8, 0.5))

    forward = integral(lambda x: p(x) * math.log(p(x) / q(x)))
    backward = integral(lambda x: q(x) * math.log(q(x) / p(x)))
    shannon = integral(lambda x: float(entr((p(x) + q(x)) / 2) - (entr(p(x)) + entr(q(x))) / 2))
    truths = {"kl": forward, "reverse-kl": backward, "js": shannon, "reverse-kl-minus-2-js": backward - 2 * shannon}
    assert {name: float(divergence(name, *pair)) for name in DIVERGENCES} == pytest.approx(truths, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("pair", [(-0.4, 1.1, 0.7, 0.6), (1.0, 0.3, 1.0, 0.3), (0.0, 0.2, 1.5, 0.8)])
def test_for_two_gaussians_they_are_the_closed_forms(pair: tuple[float, float, float, float]) -> None:
    p, q = mixture(*pair[:2]), mixture(*pair[2:])
    for name in ("kl", "reverse-kl", "js"):
        exact = gaussians.DIVERGENCES[name]
        assert float(divergence(name, p, q)) == pytest.approx(float(exact.value(*pair)), rel=1e-9, abs=1e-10)
        slope = divergence_gradient(name, p, q)[0, 0]
        assert slope == pytest.approx(float(exact.slope(*pair)), rel=1e-9, abs=1e-10)


@pytest.mark.parametrize(("spacings", "error"), [(1.5, 2.2e-5), (2, 2e-6), (4, 1e-9)])
def test_narrow_gaussians_are_right_to_what_the_module_says(spacings: float, error: float) -> None:
    rng, width = np.random.default_rng(0), spacings * (GRID[1] - GRID[0])
    for m1, m2 in rng.uniform(-2, 2, (50, 2)):
        for other in (width, 3 * width):
            pair = m1, width, m2, other
            for name, bound in (("kl", 1e-9), ("reverse-kl", 1e-9), ("js", error)):
                exact = float(gaussians.DIVERGENCES[name].value(*pair))
                found = float(divergence(name, mixture(*pair[:2]), mixture(*pair[2:])))
                assert found == pytest.approx(exact, rel=1e-9, abs=bound)


@every_divergence
@pairs
def test_gradients_are_finite_differences(name: str, pair: tuple[np.ndarray, np.ndarray]) -> None:
    p, q = pair
    found = divergence_gradient(name, p, q)
    np.testing.assert_allclose(found, differences(lambda at: float(divergence(name, p, at)), q), rtol=1e-6, atol=1e-8)


@every_divergence
def test_equal_mixtures_are_at_zero_without_a_gradient(name: str) -> None:
    assert float(divergence(name, TWO, TWO)) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(divergence_gradient(name, TWO, TWO), 0, atol=1e-9)


@every_divergence
def test_several_mixtures_at_once_are_each_its_own(name: str) -> None:
    several = np.stack([PAIRS["two"][1], TWO, CLOSE])
    values, gradients = mixtures.value_and_gradient(name, mixtures.log_density(TWO), several)
    for index, each in enumerate(several):
        assert values[index] == divergence(name, TWO, each)
        np.testing.assert_array_equal(gradients[index], divergence_gradient(name, TWO, each))


def test_kl_covers_and_reverse_kl_chooses() -> None:
    one_mode, both = mixture(-2.0, 0.5), mixtures.match_moments(TWO)
    assert divergence("kl", TWO, both) < divergence("kl", TWO, one_mode)
    assert divergence("reverse-kl", TWO, one_mode) < divergence("reverse-kl", TWO, both)


def test_matched_moments_are_the_mixture_s_mean_and_variance() -> None:
    matched, x = mixtures.match_moments(CLOSE), GRID
    weight = np.exp(mixtures.log_density(CLOSE)) * (x[1] - x[0])
    mean = float(weight @ x)
    assert mixtures.means(matched)[0] == pytest.approx(mean)
    assert mixtures.stds(matched)[0] ** 2 == pytest.approx(float(weight @ (x - mean) ** 2))
    np.testing.assert_allclose(divergence_gradient("kl", CLOSE, matched), 0, atol=1e-9)


def test_unknown_names_are_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown divergence 'hellinger': choose from kl"):
        divergence("hellinger", TWO, CLOSE)
    with pytest.raises(ValueError, match="unknown generator loss 'hinge': choose from minimax"):
        mixtures.generator_gradient("hinge", TWO, CLOSE)


# ---- the game


@pairs
def test_the_value_of_the_optimal_critic_is_two_js_less_log_four(pair: tuple[np.ndarray, np.ndarray]) -> None:
    expected = 2 * float(divergence("js", *pair)) - 2 * math.log(2)
    assert float(mixtures.game_value(*pair)) == pytest.approx(expected, abs=1e-9)


@pairs
def test_the_optimal_critic_is_p_over_p_plus_q_and_no_other_has_a_higher_value(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    p, q = (np.exp(mixtures.log_density(part)) for part in pair)
    best = mixtures.optimal_logit(*pair)
    np.testing.assert_allclose(sigmoid(best), p / (p + q), rtol=1e-9)
    rng = np.random.default_rng(0)
    for size in (0.01, 0.3, 3.0):
        other = best + size * rng.standard_normal(len(GRID))
        assert mixtures.game_value(*pair, logit=other) < mixtures.game_value(*pair)


@pairs
@pytest.mark.parametrize("loss", GENERATOR_LOSSES)
def test_a_generator_s_gradient_is_that_of_its_loss_with_the_critic_held(
    loss: str, pair: tuple[np.ndarray, np.ndarray]
) -> None:
    p, q = pair
    frozen = GENERATOR_LOSSES[loss].of_logit(mixtures.optimal_logit(p, q))

    def expected_loss(at: np.ndarray) -> float:
        return float(np.sum(np.exp(mixtures.log_density(at)) * frozen) * (GRID[1] - GRID[0]))

    found = mixtures.generator_gradient(loss, p, q)
    np.testing.assert_allclose(found, differences(expected_loss, q), rtol=1e-6, atol=1e-8)


@pairs
def test_the_minimax_generator_follows_two_js_and_the_non_saturating_one_reverse_kl_less_two_js(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    p, q = pair
    two_js = differences(lambda at: 2 * float(divergence("js", p, at)), q)
    other = differences(lambda at: float(divergence("reverse-kl", p, at) - 2 * divergence("js", p, at)), q)
    np.testing.assert_allclose(mixtures.generator_gradient("minimax", p, q), two_js, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(mixtures.generator_gradient("non-saturating", p, q), other, rtol=1e-6, atol=1e-8)
