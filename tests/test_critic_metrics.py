"""The critic's own report: gap, measured Lipschitz constant, gradient norms and clipped weights."""

import json
import math

import numpy as np
import pytest

from toygan.metrics import critic_report, wasserstein

NORMS = {"real": [1.0, 2.0], "fake": [0.5, 0.5], "between": [3.0, 1.0]}
NAMES = {
    "critic_gap",
    "lipschitz",
    "critic_estimate",
    "gradient_norm_real",
    "gradient_norm_fake",
    "gradient_norm_between",
    "clipped_share",
    "real_mean",
    "fake_mean",
}


def single(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_report_has_every_name_and_plain_numbers() -> None:
    found = critic_report(single(1, 3), single(0, 1), NORMS, single(0.01, 0), 0.01)
    assert set(found) == NAMES
    assert all(type(value) is float for value in found.values())
    json.dumps(found, allow_nan=False)


def test_gap_is_mean_at_real_minus_mean_at_fake() -> None:
    found = critic_report([1.0, 3.0], [0.0, 1.0], NORMS, [np.ones(3)], None)
    assert (found["real_mean"], found["fake_mean"], found["critic_gap"]) == (2.0, 0.5, 1.5)


def test_lipschitz_is_the_largest_norm_anywhere_and_divides_the_gap() -> None:
    found = critic_report([1.0, 3.0], [0.0, 1.0], NORMS, [np.ones(3)], None)
    assert found["lipschitz"] == 3.0
    assert found["critic_estimate"] == 0.5
    elsewhere = critic_report([1.0, 3.0], [0.0, 1.0], NORMS | {"around": [6.0]}, [np.ones(3)], None)
    assert elsewhere["lipschitz"] == 6.0
    assert elsewhere["critic_estimate"] == 0.25


def test_gradient_norms_are_means_by_place() -> None:
    found = critic_report([0.0], [0.0], NORMS)
    assert found["gradient_norm_real"] == 1.5
    assert found["gradient_norm_fake"] == 0.5
    assert found["gradient_norm_between"] == 2.0


def test_places_not_measured_are_none() -> None:
    found = critic_report([1.0], [0.0], {"real": [2.0], "fake": []})
    assert found["gradient_norm_fake"] is None
    assert found["gradient_norm_between"] is None
    assert found["lipschitz"] == 2.0
    assert critic_report([1.0], [0.0], {})["lipschitz"] is None


def test_estimate_does_not_depend_on_the_scale_of_the_critic() -> None:
    rng = np.random.default_rng(0)
    r, f, norms = rng.random(50) + 1, rng.random(50), rng.random(50)
    once = critic_report(r, f, {"real": norms})["critic_estimate"]
    scaled = critic_report(70 * r, 70 * f, {"real": 70 * norms})["critic_estimate"]
    assert once == pytest.approx(scaled)


def test_estimate_of_the_optimal_critic_is_the_wasserstein_distance() -> None:
    """Between a cloud and its shift the optimal critic is linear along the shift; any slope will do."""
    x = np.random.default_rng(0).standard_normal((200, 2))
    shift = np.array([0.6, 0.8])
    y = x - 2 * shift
    found = critic_report(7 * x @ shift, 7 * y @ shift, {"real": np.full(200, 7.0)})
    assert found["critic_estimate"] == pytest.approx(wasserstein(x, y))
    assert found["critic_gap"] == pytest.approx(14)


@pytest.mark.parametrize("norm", [0.0, math.nan, math.inf])
def test_estimate_without_a_usable_lipschitz_constant_is_none(norm: float) -> None:
    found = critic_report([1.0], [0.0], {"real": [norm], "fake": [0.0]})
    assert found["critic_estimate"] is None
    assert found["lipschitz"] == (0.0 if norm == 0 else None)
    assert found["critic_gap"] == 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("order", ["first", "last"])
def test_values_that_are_not_finite_become_none(bad: float, order: str) -> None:
    places = {"real": [1.0, bad], "fake": [1.0]}
    if order == "last":
        places = dict(reversed(places.items()))
    found = critic_report([bad, 1.0], [0.0], places, np.array([bad, 0.0]), 0.01)
    assert found["real_mean"] is None
    assert found["critic_gap"] is None
    assert found["critic_estimate"] is None
    assert found["gradient_norm_real"] is None
    assert found["lipschitz"] is None
    assert found["fake_mean"] == 0.0
    assert found["gradient_norm_fake"] == 1.0


def test_clipped_share_counts_weights_at_the_bound_in_single_precision_too() -> None:
    weights = single(0.01, -0.01, 0.0099, 0.0, 0.00999999)
    assert critic_report([0], [0], {}, weights, 0.01)["clipped_share"] == pytest.approx(0.6)
    assert critic_report([0], [0], {}, weights.reshape(1, 5), 0.01)["clipped_share"] == pytest.approx(0.6)


def test_clipped_share_takes_several_arrays_as_one() -> None:
    parts = [np.full((2, 3), 0.5), np.zeros(3), np.full(1, -0.5)]
    assert critic_report([0], [0], {}, parts, 0.5)["clipped_share"] == pytest.approx(0.7)
    assert critic_report([0], [0], {}, iter(parts), 0.5)["clipped_share"] == pytest.approx(0.7)


def test_clipped_share_without_clipping_or_weights_is_none() -> None:
    assert critic_report([0], [0], {}, np.ones(3), None)["clipped_share"] is None
    assert critic_report([0], [0], {}, None, 0.01)["clipped_share"] is None
    assert critic_report([0], [0], {}, [], 0.01)["clipped_share"] is None


def test_no_values_are_none() -> None:
    found = critic_report([], [], {})
    assert all(value is None for value in found.values())
