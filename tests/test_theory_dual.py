"""Kantorovich potentials carried over the plane: 1-Lipschitz, within their constraints, as good as POT's optimum."""

from __future__ import annotations

import numpy as np
import ot
import pytest
from scipy.spatial.distance import cdist

from toygan.distributions import make_distribution
from toygan.metrics.transport import wasserstein
from toygan.theory.dual import extend_gradient, extend_potential

SOURCES = [("ring8", 0), ("swiss-roll", 1), ("grid25", 2)]

every_source = pytest.mark.parametrize(("key", "seed"), SOURCES)


def clouds(key: str, seed: int, n: int = 120, m: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Real points, and the frozen generator's: other real points with normal noise."""
    rng, distribution = np.random.default_rng(seed), make_distribution(key)
    return distribution.sample(n, rng), distribution.sample(m, rng) + rng.standard_normal((m, 2))


def exact(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """POT's optimal plan and duals u, v."""
    plan, log = ot.emd(ot.unif(len(real)), ot.unif(len(fake)), cdist(real, fake), log=True)
    return plan, log["u"], log["v"]


def test_it_is_the_lowest_cone() -> None:
    rng = np.random.default_rng(0)
    places, anchors, duals = rng.standard_normal((700, 2)), rng.standard_normal((40, 2)), rng.standard_normal(40)
    expected = (cdist(places, anchors) - duals).min(axis=1)
    np.testing.assert_allclose(extend_potential(places, anchors, duals), expected, rtol=1e-12, atol=1e-12)


@every_source
def test_pot_s_potential_keeps_its_constraints_once_extended(key: str, seed: int) -> None:
    real, fake = clouds(key, seed)
    plan, u, v = exact(real, fake)
    on_real, on_fake = extend_potential(real, fake, v), extend_potential(fake, fake, v)
    assert (u[:, None] + v <= cdist(real, fake) + 1e-9).all()
    assert (on_real >= u - 1e-9).all()
    assert (on_fake <= -v + 1e-12).all()
    rows, columns = np.nonzero(plan > 1e-12)
    np.testing.assert_allclose(on_real[rows], u[rows], atol=1e-9)
    np.testing.assert_allclose(on_fake[columns], -v[columns], atol=1e-9)


@every_source
@pytest.mark.parametrize("m", [120, 75])
def test_its_gap_between_real_and_generated_points_is_w1(key: str, seed: int, m: int) -> None:
    real, fake = clouds(key, seed, m=m)
    plan, _, v = exact(real, fake)
    gap = extend_potential(real, fake, v).mean() - extend_potential(fake, fake, v).mean()
    assert gap == pytest.approx(float((plan * cdist(real, fake)).sum()), rel=1e-9)
    if m == len(real):
        assert gap == pytest.approx(wasserstein(real, fake), rel=1e-9)


@every_source
def test_it_is_one_lipschitz_over_the_plane(key: str, seed: int) -> None:
    real, fake = clouds(key, seed)
    places = np.random.default_rng(9).uniform(-5, 5, (400, 2))
    potential = extend_potential(places, fake, exact(real, fake)[2])
    rises = np.abs(potential[:, None] - potential)
    assert (rises <= cdist(places, places) + 1e-12).all()


@every_source
def test_along_the_plan_s_lines_it_rises_at_slope_one_toward_the_real_point(key: str, seed: int) -> None:
    real, fake = clouds(key, seed)
    plan, _, v = exact(real, fake)
    rows, columns = np.nonzero(plan > 1e-12)
    lines = real[rows] - fake[columns]
    lengths = np.linalg.norm(lines, axis=1)
    for share in (0.25, 0.5, 0.75):
        between = fake[columns] + share * lines
        expected = extend_potential(fake, fake, v)[columns] + share * lengths
        np.testing.assert_allclose(extend_potential(between, fake, v), expected, atol=1e-8)
        cosines = np.sum(extend_gradient(between, fake, v) * lines, axis=1) / lengths
        assert np.median(cosines) == pytest.approx(1, abs=1e-6)


def test_the_gradient_is_a_finite_difference_of_size_one() -> None:
    real, fake = clouds("swiss-roll", 3)
    v = exact(real, fake)[2]
    places, step = np.random.default_rng(4).uniform(-2, 2, (300, 2)), 1e-7
    found = extend_gradient(places, fake, v)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-12)
    difference = np.stack(
        [
            (extend_potential(places + step * unit, fake, v) - extend_potential(places - step * unit, fake, v))
            / 2
            / step
            for unit in np.eye(2)
        ],
        axis=1,
    )
    close = np.abs(found - difference).max(axis=1) < 1e-4  # all but those on a border between two cones
    assert close.mean() > 0.99
    assert extend_gradient(fake[:1], fake[:1], [0.0]).tolist() == [[0, 0]]


def test_any_shape_of_places_is_kept_and_chunks_do_not_show() -> None:
    rng = np.random.default_rng(5)
    grid, anchors, duals = rng.standard_normal((37, 21, 2)), rng.standard_normal((9, 2)), rng.standard_normal(9)
    values = extend_potential(grid, anchors, duals)
    assert values.shape == (37, 21) and extend_gradient(grid, anchors, duals).shape == (37, 21, 2)
    assert values[30, 20] == extend_potential(grid[30, 20], anchors, duals)
    assert extend_potential(np.empty((0, 2)), anchors, duals).shape == (0,)


def test_what_is_no_potential_is_refused() -> None:
    anchors, duals = np.zeros((3, 2)), np.zeros(3)
    for places, at, values in (
        (np.zeros((4, 3)), anchors, duals),
        (anchors, anchors, duals[:2]),
        (anchors, duals, duals),
    ):
        with pytest.raises(ValueError, match="anchors"):
            extend_potential(places, at, values)
    with pytest.raises(ValueError, match="at least 1"):
        extend_potential(anchors, anchors[:0], duals[:0])
    with pytest.raises(ValueError, match="finite"):
        extend_potential(anchors, anchors, [0.0, np.nan, 0.0])
