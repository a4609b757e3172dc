"""The distributions have the laws they claim, the scales they show, and refuse what they cannot be."""

import pickle
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import chisquare, ks_2samp, kstest
from sklearn.datasets import make_circles, make_moons, make_swiss_roll

from toygan.distributions import (
    DISTRIBUTIONS,
    Cells,
    Curve,
    Distribution,
    Modes,
    find_distribution,
    make_distribution,
)

ROOT = Path(__file__).parents[1]
KEYS = list(DISTRIBUTIONS)
#: A p-value below this counts as another law: one right law in ten thousand would fail.
UNLIKELY = 1e-4


def draw(key: str, n: int, seed: int = 0, **parameters: float) -> np.ndarray:
    return make_distribution(key, **parameters).sample(n, np.random.default_rng(seed))


def modes_of(key: str, **parameters: float) -> Modes:
    support = make_distribution(key, **parameters).support
    assert isinstance(support, Modes)
    return support


def same_law(x: np.ndarray, y: np.ndarray) -> bool:
    """Kolmogorov-Smirnov on projections in eight directions and on the radius, Bonferroni-corrected."""
    angles = np.pi * np.arange(8) / 8
    directions = np.stack([np.cos(angles), np.sin(angles)])
    pairs = [*zip((x @ directions).T, (y @ directions).T, strict=True)]
    pairs.append((np.hypot(*x.T), np.hypot(*y.T)))
    return all(ks_2samp(a, b).pvalue > UNLIKELY / len(pairs) for a, b in pairs)


def energy_distance(x: np.ndarray, y: np.ndarray) -> float:
    return float(2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean())


def test_catalogue_lists_the_twelve_distributions_in_order() -> None:
    assert KEYS == [
        "ring8",
        "ring8-wide",
        "grid25",
        "swiss-roll",
        "segment",
        "two-gaussians",
        "gaussian",
        "moons",
        "circles",
        "spiral",
        "pinwheel",
        "checkerboard",
    ]


@pytest.mark.parametrize("key", KEYS)
def test_distribution_describes_itself_as_its_catalogue_entry_does(key: str) -> None:
    family, distribution = DISTRIBUTIONS[key], make_distribution(key)
    assert distribution.key == key
    assert (distribution.title, distribution.description) == (family.title, family.description)
    assert distribution.source == family.source != ""
    assert distribution.description.endswith(".")
    assert distribution.description.count(".") - distribution.description.count("1.414") == 1
    assert distribution.parameters == {name: p.default for name, p in family.parameters.items()}


@pytest.mark.parametrize("key", KEYS)
def test_a_distribution_is_found_by_its_key_and_by_its_title_in_upper_or_lower_case(key: str) -> None:
    title = DISTRIBUTIONS[key].title
    assert [find_distribution(name) for name in (key, key.upper(), title, title.lower())] == [key] * 4


def test_data_that_is_not_there_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"^unknown data 'ring': choose from ring8, ring8-wide, "):
        find_distribution("ring")


@pytest.mark.parametrize("key", KEYS)
def test_every_parameter_has_a_default_in_its_range_a_unit_and_help(key: str) -> None:
    for parameter in DISTRIBUTIONS[key].parameters.values():
        assert parameter.low <= parameter.default <= parameter.high
        assert parameter.low < parameter.high
        assert parameter.unit
        assert parameter.help.endswith(".")


@pytest.mark.parametrize("key", KEYS)
def test_sample_is_finite_float64_of_shape_n_by_2(key: str) -> None:
    for n in (0, 1, 7):
        points = draw(key, n)
        assert points.shape == (n, 2)
        assert points.dtype == np.float64
        assert np.isfinite(points).all()


@pytest.mark.parametrize("key", KEYS)
def test_same_seed_gives_the_same_points_and_another_seed_others(key: str) -> None:
    np.testing.assert_array_equal(draw(key, 50, seed=1), draw(key, 50, seed=1))
    assert not np.array_equal(draw(key, 50, seed=1), draw(key, 50, seed=2))


@pytest.mark.parametrize("key", KEYS)
def test_plot_holds_the_data_with_room_to_spare(key: str) -> None:
    for corner in ("low", "default", "high"):
        values = {name: getattr(p, corner) for name, p in DISTRIBUTIONS[key].parameters.items()}
        distribution = make_distribution(key, **values)
        reach = np.quantile(np.abs(distribution.sample(5000, np.random.default_rng(0))), 0.99)
        assert reach < 0.85 * distribution.extent
        assert reach > 0.3 * distribution.extent


@pytest.mark.parametrize("key", KEYS)
def test_distribution_survives_pickling(key: str) -> None:
    distribution = make_distribution(key)
    copy = pickle.loads(pickle.dumps(distribution))
    assert copy == distribution
    assert hash(copy) == hash(distribution)
    rngs = np.random.default_rng(3), np.random.default_rng(3)
    np.testing.assert_array_equal(copy.sample(20, rngs[0]), distribution.sample(20, rngs[1]))


def test_distributions_are_equal_when_key_and_parameters_are() -> None:
    assert make_distribution("ring8", std=0.01) == make_distribution("ring8")
    assert make_distribution("ring8", std=0.02) != make_distribution("ring8")
    assert make_distribution("moons") != make_distribution("circles")


@pytest.mark.parametrize("key", KEYS)
def test_supports_are_read_only(key: str) -> None:
    support = make_distribution(key).support
    arrays = support.lines if isinstance(support, Curve) else (support.centres,)
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1.0


@pytest.mark.parametrize("key", KEYS)
def test_independent_draws_do_not_give_equal_counts_per_mode(key: str) -> None:
    """With equal counts the sample mean would vary far less than sigma / root n."""
    distribution = make_distribution(key)
    rng = np.random.default_rng(0)
    n, repeats = 96, 400
    points = distribution.sample(n * repeats, rng)
    means = np.stack([distribution.sample(n, rng).mean(axis=0) for _ in range(repeats)])
    spread, expected = means.std(axis=0), points.std(axis=0) / np.sqrt(n)
    np.testing.assert_allclose(spread, expected, rtol=0.15, atol=1e-12)


# ---- modes


def test_ring8_has_eight_distinct_modes_45_degrees_apart() -> None:
    centres = modes_of("ring8").centres
    assert len(np.unique(centres.round(9), axis=0)) == 8
    degrees = np.rad2deg(np.unwrap(np.arctan2(centres[:, 1], centres[:, 0])))
    np.testing.assert_allclose(degrees, 45 * np.arange(8), atol=1e-9)
    np.testing.assert_allclose(np.hypot(*centres.T), 1)


@pytest.mark.parametrize("key", ["ring8", "ring8-wide", "grid25", "two-gaussians"])
def test_modes_are_equally_likely_and_round(key: str) -> None:
    modes = modes_of(key)
    points = draw(key, 40_000)
    nearest = cdist(points, modes.centres).argmin(axis=1)
    assert chisquare(np.bincount(nearest, minlength=len(modes.centres))).pvalue > UNLIKELY
    residual = (points - modes.centres[nearest]) / modes.std
    assert np.abs(residual.mean(axis=0)).max() < 0.02
    np.testing.assert_allclose(np.cov(residual.T), np.eye(2), atol=0.03)
    assert kstest(residual.ravel(), "norm").pvalue > UNLIKELY


@pytest.mark.parametrize("key", ["ring8", "ring8-wide", "grid25", "two-gaussians", "gaussian"])
def test_weights_are_the_fair_shares(key: str) -> None:
    modes = modes_of(key)
    np.testing.assert_allclose(modes.weights, 1 / len(modes.centres))
    assert modes.weights.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("modes", [2, 7, 32])
def test_ring_takes_other_numbers_of_modes(modes: int) -> None:
    centres = modes_of("ring8", modes=modes).centres
    neighbours = np.hypot(*(centres - np.roll(centres, 1, axis=0)).T)
    np.testing.assert_allclose(neighbours, 2 * np.sin(np.pi / modes))


def test_ring8_wide_is_the_toy_of_wgan_gp() -> None:
    """Its loop: a unit-circle centre times 2, plus 0.02 times a normal, all divided by 1.414."""
    modes = modes_of("ring8-wide")
    s = 1 / np.sqrt(2)
    unit = np.array([(1, 0), (s, s), (0, 1), (-s, s), (-1, 0), (-s, -s), (0, -1), (s, -s)])
    np.testing.assert_allclose(modes.centres, 2 * unit / 1.414, atol=1e-12)
    assert modes.std == pytest.approx(0.02 / 1.414)
    np.testing.assert_allclose(draw("ring8-wide", 50_000).std(axis=0), 1, atol=0.02)


def test_grid25_is_five_by_five_with_spacing_two() -> None:
    modes = modes_of("grid25")
    expected = {(2.0 * x, 2.0 * y) for x in range(-2, 3) for y in range(-2, 3)}
    assert {tuple(centre) for centre in modes.centres.tolist()} == expected
    assert modes.std == 0.05


def test_two_gaussians_are_their_distance_apart() -> None:
    centres = modes_of("two-gaussians", distance=3).centres
    np.testing.assert_allclose(centres, [[-1.5, 0], [1.5, 0]])


def test_gaussian_is_standard_normal() -> None:
    points = draw("gaussian", 20_000)
    assert kstest(points[:, 0], "norm").pvalue > UNLIKELY
    assert kstest(points[:, 1], "norm").pvalue > UNLIKELY


def test_spread_is_std_over_radius_or_spacing_whatever_the_scale() -> None:
    assert make_distribution("ring8").spread == pytest.approx(0.01)
    assert make_distribution("ring8", radius=2, std=0.5).spread == pytest.approx(0.25)
    assert make_distribution("ring8-wide").spread == pytest.approx(0.01)
    modes = modes_of("ring8-wide", radius=3, std=0.3)
    assert modes.std / np.hypot(*modes.centres[0]) == pytest.approx(0.1)
    assert make_distribution("ring8-wide", radius=3, std=0.3).spread == pytest.approx(0.1)
    assert make_distribution("grid25").spread == pytest.approx(0.025)
    assert make_distribution("swiss-roll").spread is None


# ---- curves and cells


def roll_of_scikit_learn(n: int) -> np.ndarray:
    return make_swiss_roll(n, noise=0.25, random_state=1)[0][:, [0, 2]] / 7.5


def moons_of_scikit_learn(n: int) -> np.ndarray:
    return make_moons(n, noise=0.05, random_state=1)[0]


def circles_of_scikit_learn(n: int) -> np.ndarray:
    return make_circles(n, noise=0.05, factor=0.5, random_state=1)[0]


SCIKIT_LEARN = {
    "swiss-roll": roll_of_scikit_learn,
    "moons": moons_of_scikit_learn,
    "circles": circles_of_scikit_learn,
}


def pinwheel_by_rotation_matrices(n: int) -> np.ndarray:
    """The published loop: features (1 + 0.3 normal, 0.1 normal), turned by 0.25 exp(first) and the class."""
    rng = np.random.default_rng(1)
    points = np.empty((n, 2))
    for i, (along, across) in enumerate(rng.standard_normal((n, 2)) * [0.3, 0.1] + [1, 0]):
        angle = 2 * np.pi * (i % 5) / 5 + 0.25 * np.exp(along)
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        points[i] = 2 * np.array([along, across]) @ turn
    return points


def spirals_by_arms(n: int) -> np.ndarray:
    """Two arms, half a turn apart, of one and a half turns out to radius 3, with noise 0.1."""
    rng = np.random.default_rng(1)
    angle = np.sqrt(rng.random((n // 2, 1))) * 3 * np.pi
    arm = np.hstack((-np.cos(angle), np.sin(angle))) * angle / np.pi
    return np.vstack((arm, -arm)) + 0.1 * rng.standard_normal((n, 2))


def checkerboard_by_floor(n: int) -> np.ndarray:
    """The published formula: x uniform, y uniform in the cells of x's column."""
    rng = np.random.default_rng(1)
    x = 4 * rng.random(n) - 2
    y = rng.random(n) - 2 * rng.integers(0, 2, n) + np.floor(x) % 2
    return 2 * np.column_stack((x, y))


REFERENCES = SCIKIT_LEARN | {
    "pinwheel": pinwheel_by_rotation_matrices,
    "spiral": spirals_by_arms,
    "checkerboard": checkerboard_by_floor,
}


@pytest.mark.parametrize("key", REFERENCES)
def test_law_is_that_of_the_reference_generator(key: str) -> None:
    ours, theirs = draw(key, 20_000), REFERENCES[key](20_000)
    assert same_law(ours, theirs)
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), atol=0.05 * theirs.std())
    np.testing.assert_allclose(np.cov(ours.T), np.cov(theirs.T), atol=0.05 * theirs.var())


@pytest.mark.parametrize("key", REFERENCES)
def test_energy_distance_to_the_reference_generator_is_that_of_two_own_samples(key: str) -> None:
    ours, again, theirs = draw(key, 1500), draw(key, 1500, seed=1), REFERENCES[key](1500)
    shifted = theirs + 0.15 * theirs.std()
    assert energy_distance(ours, theirs) < 3 * energy_distance(ours, again) + 1e-3
    assert energy_distance(ours, shifted) > 2 * energy_distance(ours, theirs)


@pytest.mark.parametrize("key", SCIKIT_LEARN)
def test_same_law_notices_a_shift_of_a_tenth(key: str) -> None:
    theirs = SCIKIT_LEARN[key](20_000)
    assert not same_law(draw(key, 20_000), theirs + 0.1)


@pytest.mark.parametrize("theta", [-1.5, 0.0, 1.0])
def test_segment_is_uniform_at_theta_with_no_thickness(theta: float) -> None:
    points = draw("segment", 5000, theta=theta)
    assert (points[:, 0] == theta).all()
    assert kstest(points[:, 1], "uniform").pvalue > UNLIKELY
    assert make_distribution("segment", theta=theta).extent > abs(theta)


@pytest.mark.parametrize("key", [key for key in KEYS if isinstance(make_distribution(key).support, Curve)])
def test_real_samples_lie_within_the_tolerance_of_their_curve(key: str) -> None:
    distribution = make_distribution(key)
    assert isinstance(distribution.support, Curve)
    dense = [
        start + np.linspace(0, 1, 40)[:, None] * (end - start)
        for line in distribution.support.lines
        for start, end in pairwise(line)
    ]
    points = distribution.sample(2000, np.random.default_rng(0))
    distance = cdist(points, np.concatenate(dense)).min(axis=1)
    assert np.mean(distance <= distribution.support.tolerance) > 0.98
    assert np.quantile(distance, 0.95) > 0.3 * distribution.support.tolerance or key == "segment"


def test_noiseless_samples_lie_on_the_polyline() -> None:
    for key in ("swiss-roll", "moons", "circles", "spiral"):
        distribution = make_distribution(key, noise=0)
        assert isinstance(distribution.support, Curve)
        vertices = np.concatenate(distribution.support.lines)
        longest = max(np.hypot(*np.diff(line, axis=0).T).max() for line in distribution.support.lines)
        distance = cdist(distribution.sample(1000, np.random.default_rng(0)), vertices).min(axis=1)
        assert distance.max() <= 0.51 * longest


def test_checkerboard_fills_every_other_cell_evenly() -> None:
    support = make_distribution("checkerboard").support
    assert isinstance(support, Cells)
    assert support.centres.shape == (8, 2)
    points = draw("checkerboard", 20_000)
    distance = np.abs(points[:, None] - support.centres).max(axis=2)
    assert (distance.min(axis=1) <= support.half_width).all()
    assert chisquare(np.bincount(distance.argmin(axis=1))).pvalue > UNLIKELY
    within = (points - support.centres[distance.argmin(axis=1)]) / support.half_width
    assert kstest(within.ravel(), "uniform", args=(-1, 2)).pvalue > UNLIKELY


@pytest.mark.parametrize(("side", "filled"), [(2, 2), (3, 5), (7, 25)])
def test_checkerboards_of_other_sizes_fill_half_their_cells(side: int, filled: int) -> None:
    support = make_distribution("checkerboard", side=side, width=1).support
    assert isinstance(support, Cells)
    assert len(support.centres) == filled
    np.testing.assert_allclose(np.abs(support.centres).max(), (side - 1) / 2)


# ---- what is refused


def test_unknown_distribution_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"unknown distribution 'rnig8': choose from ring8, ring8-wide, .*"):
        make_distribution("rnig8")


def test_unknown_parameter_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown ring8 parameter 'sdt': choose from modes, radius, std"):
        make_distribution("ring8", sdt=0.1)
    with pytest.raises(ValueError, match="unknown ring8 parameter 'key'"):
        make_distribution("ring8", key=1.0)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1.5, 10**400, "0.1", None, True, 1j]
)
def test_impossible_std_is_refused_with_its_range(value: object) -> None:
    with pytest.raises(ValueError, match=r"std of ring8 must be a number from 0.001 to 1, not "):
        make_distribution("ring8", std=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [1, 33, 8.5, float("nan")])
def test_impossible_number_of_modes_is_refused_with_its_range(value: float) -> None:
    with pytest.raises(ValueError, match="modes of ring8 must be a whole number from 2 to 32, not "):
        make_distribution("ring8", modes=value)


def test_whole_numbers_come_out_as_int_and_others_as_float() -> None:
    parameters = make_distribution("ring8", modes=np.float64(9.0), radius=2, std=np.float64(0.5)).parameters
    assert parameters == {"modes": 9, "radius": 2.0, "std": 0.5}
    assert [type(value) for value in parameters.values()] == [int, float, float]


@given(data=st.data(), key=st.sampled_from(KEYS))
@settings(deadline=None)
def test_every_combination_in_range_makes_a_distribution_that_samples(data: st.DataObject, key: str) -> None:
    values: dict[str, float] = {}
    for name, p in DISTRIBUTIONS[key].parameters.items():
        kind = st.integers(int(p.low), int(p.high)) if p.whole else st.floats(p.low, p.high)
        values[name] = data.draw(kind, label=name)
    distribution = make_distribution(key, **values)
    assert isinstance(distribution, Distribution)
    assert distribution.parameters == values
    points = distribution.sample(16, np.random.default_rng(0))
    assert np.isfinite(points).all()
    assert 0 < distribution.extent < np.inf


def test_importing_the_distributions_loads_neither_torch_nor_scipy_nor_scikit_learn() -> None:
    script = (
        "import sys, toygan.distributions; "
        "print(sorted({'torch', 'ot', 'scipy', 'sklearn', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
