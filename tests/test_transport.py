"""Wasserstein distances are exact, and the noise floor is that of two real clouds."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from toygan import metrics
from toygan.distributions import DISTRIBUTIONS, Modes, make_distribution
from toygan.metrics import transport
from toygan.metrics.transport import Floor, noise_floor, wasserstein

ROOT = Path(__file__).parents[1]

#: Mean and std, measured independently, of W1 at n = 500 (20 draws), of W1 and of W2 at n = 2000 (8 draws).
PUBLISHED_FLOORS = {
    "ring8": [(0.074, 0.026), (0.038, 0.010), (0.165, 0.027)],
    "ring8-wide": [(0.109, 0.026), (0.060, 0.021), (0.251, 0.053)],
    "grid25": [(0.389, 0.077), (0.195, 0.022), (0.603, 0.043)],
    "swiss-roll": [(0.118, 0.024), (0.072, 0.017), (0.134, 0.024)],
}


def assignment(x: np.ndarray, y: np.ndarray, p: int) -> float:
    """The same distance from SciPy's assignment solver, on distances taken one pair at a time."""
    cost = np.linalg.norm(x[:, None] - y[None], axis=2) ** p
    rows, columns = linear_sum_assignment(cost)
    return float(cost[rows, columns].mean() ** (1 / p))


def clouds(count: int, n: int = 6) -> st.SearchStrategy:
    coordinate = st.floats(-100, 100, allow_subnormal=False)
    return st.tuples(*[arrays(np.float64, (n, 2), elements=coordinate) for _ in range(count)])


# ---- known answers


@pytest.mark.parametrize("p", [1, 2])
def test_wasserstein_between_shifted_clouds_equals_the_shift(p: int) -> None:
    x = np.random.default_rng(0).standard_normal((300, 2))
    assert wasserstein(x, x + np.array([0.3, -0.4]), p) == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("p", [1, 2])
def test_wasserstein_from_a_cloud_to_itself_is_zero_in_any_order(p: int) -> None:
    x = np.random.default_rng(0).standard_normal((200, 2))
    assert wasserstein(x, x, p) == 0
    assert wasserstein(x, x[::-1], p) == 0


@pytest.mark.parametrize("p", [1, 2])
def test_wasserstein_to_a_point_is_the_mean_distance_to_it(p: int) -> None:
    x = np.random.default_rng(0).standard_normal((100, 2))
    distances = np.hypot(x[:, 0] - 1, x[:, 1] + 2)
    expected = (distances**p).mean() ** (1 / p)
    assert wasserstein(x, np.tile([1.0, -2.0], (100, 1)), p) == pytest.approx(expected, rel=1e-12)


def test_w2_is_the_square_root_and_w1_uses_plain_distances() -> None:
    x, y = np.zeros((2, 2)), np.array([[3.0, 4.0], [0.0, 1.0]])
    assert wasserstein(x, y, 1) == pytest.approx((5 + 1) / 2)
    assert wasserstein(x, y, 2) == pytest.approx(np.sqrt((25 + 1) / 2))


@pytest.mark.parametrize("p", [1, 2])
def test_clouds_on_a_line_are_matched_in_sorted_order(p: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(400), 2 + 3 * rng.random(400)
    on_line = np.column_stack((a, 2 * a)), np.column_stack((b, 2 * b))
    expected = np.sqrt(5) * (np.abs(np.sort(a) - np.sort(b)) ** p).mean() ** (1 / p)
    assert wasserstein(*on_line, p) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("theta", [-1.0, 0.5, 2.0])
def test_two_segments_are_theta_apart_up_to_the_floor(theta: float) -> None:
    rng = np.random.default_rng(0)
    x = make_distribution("segment", theta=0).sample(400, rng)
    y = make_distribution("segment", theta=theta).sample(400, rng)
    assert abs(theta) <= wasserstein(x, y) < abs(theta) + 0.01


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("key", DISTRIBUTIONS)
def test_wasserstein_equals_an_independent_assignment_solver(key: str, p: int) -> None:
    rng = np.random.default_rng(5)
    x = make_distribution(key).sample(200, rng)
    for y in (make_distribution(key).sample(200, rng), rng.standard_normal((200, 2)), 0.01 * x + 1.4):
        assert wasserstein(x, y, p) == pytest.approx(assignment(x, y, p), abs=1e-9)


def test_wasserstein_of_2000_points_is_exact_and_warns_of_nothing() -> None:
    rng = np.random.default_rng(0)
    x, y = make_distribution("ring8-wide").sample(2000, rng), make_distribution("ring8").sample(2000, rng)
    cost = cdist(x, y)
    rows, columns = linear_sum_assignment(cost)
    assert wasserstein(x, y) == pytest.approx(cost[rows, columns].mean(), abs=1e-9)


def test_a_ring_collapsed_to_one_mode_is_at_the_mean_distance_from_it_to_all_eight() -> None:
    distribution = make_distribution("ring8-wide")
    assert isinstance(distribution.support, Modes)
    rng = np.random.default_rng(0)
    centre, std = distribution.support.centres[3], distribution.support.std
    collapsed = centre + std * rng.standard_normal((1000, 2))
    limit = np.hypot(*(distribution.support.centres - centre).T).mean()
    assert limit == pytest.approx(1.778, abs=0.001)
    assert wasserstein(collapsed, distribution.sample(1000, rng)) == pytest.approx(limit, abs=0.06)


# ---- properties


@given(clouds(2), st.sampled_from([1, 2]))
@settings(max_examples=60, deadline=None)
def test_wasserstein_is_symmetric_and_never_negative(pair: tuple[np.ndarray, np.ndarray], p: int) -> None:
    x, y = pair
    assert wasserstein(x, y, p) >= 0
    assert wasserstein(x, y, p) == pytest.approx(wasserstein(y, x, p), rel=1e-9, abs=1e-9)


@given(clouds(3), st.sampled_from([1, 2]))
@settings(max_examples=60, deadline=None)
def test_wasserstein_obeys_the_triangle_inequality(triple: tuple[np.ndarray, np.ndarray, np.ndarray], p: int) -> None:
    x, y, z = triple
    assert wasserstein(x, z, p) <= wasserstein(x, y, p) + wasserstein(y, z, p) + 1e-9


@given(clouds(2), st.sampled_from([1, 2]), st.floats(-1000, 1000), st.floats(0.01, 100))
@settings(max_examples=60, deadline=None)
def test_wasserstein_ignores_translation_and_follows_scale(
    pair: tuple[np.ndarray, np.ndarray], p: int, shift: float, scale: float
) -> None:
    x, y = pair
    distance = wasserstein(x, y, p)
    assert wasserstein(x + shift, y + shift, p) == pytest.approx(distance, abs=1e-9)
    assert wasserstein(scale * x, scale * y, p) == pytest.approx(scale * distance, abs=1e-9 * scale)


@given(clouds(2))
@settings(max_examples=60, deadline=None)
def test_w1_is_at_most_w2_and_at_least_the_distance_of_the_means(pair: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = pair
    assert np.hypot(*(x.mean(axis=0) - y.mean(axis=0))) <= wasserstein(x, y, 1) + 1e-9
    assert wasserstein(x, y, 1) <= wasserstein(x, y, 2) + 1e-9


@given(clouds(2), st.sampled_from([1, 2]))
@settings(max_examples=60, deadline=None)
def test_wasserstein_equals_the_assignment_solver_on_any_clouds(pair: tuple[np.ndarray, np.ndarray], p: int) -> None:
    # |.|^2 of nearly equal points loses half the digits in either solver, hence 1e-6 for p = 2
    assert wasserstein(*pair, p) == pytest.approx(assignment(*pair, p), abs=1e-9 if p == 1 else 1e-6)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e200, 1e300])
def test_wasserstein_neither_under_nor_overflows_at_extreme_scales(scale: float, p: int) -> None:
    x = np.random.default_rng(0).standard_normal((50, 2))
    assert wasserstein(scale * x, scale * (x + np.array([3, 4])), p) / scale == pytest.approx(5, rel=1e-9)


def test_wasserstein_does_not_depend_on_the_order_of_the_points_nor_change_them() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 100, 2))
    copies = x.copy(), y.copy()
    assert wasserstein(x, y) == wasserstein(x, y)
    assert wasserstein(x[rng.permutation(100)], y) == pytest.approx(wasserstein(x, y), abs=1e-12)
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(y, copies[1])


def test_wasserstein_takes_single_precision_and_lists() -> None:
    x = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
    assert wasserstein(x, (x + np.float32(0)).tolist()) == 0
    assert isinstance(wasserstein(x, x + 1), float)


# ---- what is refused


@pytest.mark.parametrize(
    ("x", "y", "sentence"),
    [
        (np.zeros((3, 2)), np.zeros((4, 2)), "the same number of points, not 3 and 4"),
        (np.zeros((3, 3)), np.zeros((3, 3)), r"must have shape \(n, 2\), not \(3, 3\)"),
        (np.zeros(2), np.zeros(2), r"must have shape \(n, 2\), not \(2,\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "must have at least one point"),
        (np.array([[0, np.nan]]), np.zeros((1, 2)), "finite numbers only"),
        (np.zeros((1, 2)), np.array([[np.inf, 0]]), "finite numbers only"),
    ],
)
def test_impossible_clouds_are_refused_with_a_sentence(x: np.ndarray, y: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        wasserstein(x, y)


@pytest.mark.parametrize("p", [0, 3, 1.5, -1])
def test_other_orders_are_refused(p: int) -> None:
    with pytest.raises(ValueError, match=f"the order p must be 1 or 2, not {p}"):
        wasserstein(np.zeros((1, 2)), np.zeros((1, 2)), p)
    with pytest.raises(ValueError, match="the order p must be 1 or 2"):
        noise_floor("ring8", n=10, p=p)


# ---- the noise floor


@pytest.mark.parametrize("key", PUBLISHED_FLOORS)
def test_noise_floor_at_500_points_is_the_published_one(key: str) -> None:
    mean, deviation = PUBLISHED_FLOORS[key][0]
    floor = noise_floor(key, n=500)
    assert floor.mean == pytest.approx(mean, abs=deviation)
    assert 0.4 * deviation < floor.std < 2 * deviation


@pytest.mark.parametrize(("key", "p"), [*((key, 1) for key in PUBLISHED_FLOORS), ("ring8-wide", 2), ("grid25", 2)])
def test_noise_floor_at_2000_points_is_the_published_one(key: str, p: int) -> None:
    mean, deviation = PUBLISHED_FLOORS[key][p]
    # three of the eight draws, for the sake of time
    assert noise_floor(key, n=2000, p=p, draws=3).mean == pytest.approx(mean, abs=deviation)


def test_noise_floor_is_the_mean_and_std_of_independent_real_pairs() -> None:
    floor = noise_floor("gaussian", n=64, draws=50)
    rng = np.random.default_rng(9)
    draw = make_distribution("gaussian").sample
    distances = [wasserstein(draw(64, rng), draw(64, rng)) for _ in range(200)]
    assert floor.mean == pytest.approx(np.mean(distances), abs=5 * np.std(distances) / np.sqrt(50))
    assert floor.std == pytest.approx(np.std(distances), rel=0.4)


def test_noise_floor_is_computed_once_however_its_parameters_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = noise_floor("ring8", {"std": 0.02, "modes": 4}, n=32)
    monkeypatch.setattr("toygan.metrics.transport.wasserstein", None)  # a second computation would fail
    assert noise_floor("ring8", {"modes": 4, "std": 0.02}, n=32) is first
    assert noise_floor("ring8", (("modes", 4.0), ("std", 0.02)), n=32) is first
    assert noise_floor("ring8", {"modes": 4, "std": 0.02, "radius": 1}, 32, 1, 20) is first


def test_a_floor_that_takes_a_while_is_computed_once_a_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = noise_floor("ring8", n=201, draws=2)
    transport._noise_floor.cache_clear()  # as in another process
    with monkeypatch.context() as unable:
        unable.setattr(transport, "wasserstein", None)
        assert noise_floor("ring8", n=201, draws=2) == first
    others = [
        noise_floor("ring8", n=201, draws=3),
        noise_floor("ring8", n=201, draws=2, p=2),
        noise_floor("ring8", {"std": 0.02}, n=201, draws=2),
    ]
    assert first not in others


def test_a_floor_that_is_quick_is_not_written_to_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    noise_floor("ring8", n=31, draws=2)
    assert list(tmp_path.iterdir()) == []


def test_noise_floor_follows_parameters_and_shrinks_with_the_number_of_points() -> None:
    few, many = noise_floor("ring8", n=50), noise_floor("ring8", n=400)
    assert many.mean < 0.6 * few.mean
    twice = noise_floor("ring8", {"radius": 2.0, "std": 0.02}, n=50)
    assert twice.mean == pytest.approx(2 * few.mean)


def test_noise_floor_refuses_what_it_cannot_measure() -> None:
    with pytest.raises(ValueError, match="unknown distribution 'ring9': choose from"):
        noise_floor("ring9")
    with pytest.raises(ValueError, match="unknown ring8 parameter"):
        noise_floor("ring8", {"stdd": 1})
    with pytest.raises(ValueError, match="at least 2 draws, not 1"):
        noise_floor("ring8", n=10, draws=1)
    with pytest.raises(ValueError, match="at least one point, not 0"):
        noise_floor("ring8", n=0)


# ---- what it costs


def printed(script: str) -> str:
    """What a script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_transport_imports_of_pot_the_solvers_alone() -> None:
    script = (
        "import sys, toygan.metrics; early = 'ot.lp' in sys.modules; toygan.metrics.wasserstein; "
        "unwanted = {'torch', 'jax', 'tensorflow', 'cupy', 'sklearn', 'pandas', 'networkx', 'scipy.stats', "
        "'ot.gromov', 'streamlit'}; print(early, 'ot.lp' in sys.modules, sorted(unwanted & set(sys.modules)))"
    )
    assert printed(script) == "False True []"


@pytest.mark.parametrize("first", ["toygan.metrics.transport", "ot"])
def test_pot_is_whole_for_others(first: str) -> None:
    script = (
        f"import {first}, ot, numpy, toygan.metrics.transport as transport; "
        "print(ot.emd2 is transport.lp.emd2 is ot.lp.emd2, ot.dist(numpy.zeros((1, 2)), numpy.ones((1, 2)))[0, 0], "
        "callable(ot.sinkhorn), callable(ot.gromov.gromov_wasserstein))"
    )
    assert printed(script) == "True 2.0 True True"


def test_evaluate_gives_every_metric_as_a_json_number() -> None:
    distribution = make_distribution("ring8")
    rng = np.random.default_rng(0)
    samples, real = distribution.sample(500, rng), distribution.sample(500, rng)
    found = metrics.evaluate(samples, real, distribution)
    assert list(found) == [
        "w1", "w2", "modes", "modes_total", "modes_by_share", "high_quality", "reverse_kl",
    ]  # fmt: skip
    assert found["w1"] == wasserstein(samples, real, 1)
    assert found["w2"] == wasserstein(samples, real, 2)
    assert (found["modes"], found["modes_total"], found["modes_by_share"]) == (8, 8, 8)
    assert all(type(value) in (int, float) for value in found.values())


def test_evaluate_leaves_out_the_orders_not_asked_for() -> None:
    distribution = make_distribution("moons")
    x = distribution.sample(50, np.random.default_rng(0))
    found = metrics.evaluate(x, x, distribution, orders=(1,))
    assert found["w1"] == 0
    assert found["w2"] is None


def test_evaluate_of_a_failed_run_has_no_distance_but_still_its_coverage() -> None:
    distribution = make_distribution("ring8")
    x = distribution.sample(100, np.random.default_rng(0))
    bad = x.copy()
    bad[:50] = np.nan
    found = metrics.evaluate(bad, x, distribution)
    assert found["w1"] is None
    assert found["w2"] is None
    assert found["high_quality"] == pytest.approx(0.5, abs=0.03)
    everything_lost = metrics.evaluate(np.full((100, 2), np.nan), x, distribution)
    assert everything_lost["modes"] == 0
    assert everything_lost["reverse_kl"] is None


def test_evaluate_refuses_clouds_of_different_sizes() -> None:
    distribution = make_distribution("ring8")
    x = distribution.sample(100, np.random.default_rng(0))
    with pytest.raises(ValueError, match="the same number of points, not 60 and 100"):
        metrics.evaluate(x[:60], x, distribution)


def test_metrics_package_names_all_that_it_promises() -> None:
    assert Floor is metrics.Floor
    for name in metrics.__all__:
        assert getattr(metrics, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'sinkhorn'"):
        _ = metrics.sinkhorn
