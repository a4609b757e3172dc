"""Steps and stability of the Dirac-GAN: Jacobians against finite differences, and what the paper proves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from toygan.methods import METHODS, Method
from toygan.theory.dirac import DiracGan, field, of_method
from toygan.theory.dynamics import (
    UPDATES,
    advance,
    continuous_stability,
    discrete_stability,
    flow,
    jacobian,
    trajectory,
)

every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
every_update = pytest.mark.parametrize("update", UPDATES)

#: Methods whose field jumps at psi = 0 or that cannot rest at all.
ROUGH = {"wgan-gp", "dragan", "sngan"}
SMOOTH = {name: method for name, method in METHODS.items() if name not in ROUGH}
every_smooth_method = pytest.mark.parametrize("method", SMOOTH.values(), ids=SMOOTH)


def size(places: np.ndarray) -> np.ndarray:
    return np.hypot(places[..., 0], places[..., 1])


def sorted_values(values: np.ndarray | None) -> list[complex]:
    assert values is not None
    return sorted(values.tolist(), key=lambda value: (value.imag, value.real))


# ---- Jacobians


@every_smooth_method
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_jacobian_is_a_finite_difference_of_the_field(method: Method, noise: float) -> None:
    gan, step = of_method(method, noise), 1e-5
    columns = [
        (np.array(field(gan, *(step * unit))) - np.array(field(gan, *(-step * unit)))) / (2 * step)
        for unit in np.eye(2)
    ]
    np.testing.assert_allclose(jacobian(gan), np.stack(columns, axis=1), atol=1e-8)


@every_smooth_method
@every_update
@pytest.mark.parametrize("critic_steps", [1, 2, 5])
def test_the_step_s_matrix_is_a_finite_difference_of_the_step(method: Method, update: str, critic_steps: int) -> None:
    gan, h, step = of_method(method, 0.3), 0.2, 1e-5

    def after(at: np.ndarray) -> np.ndarray:
        return np.array(advance(gan, at[0], at[1], h, critic_steps, update))

    columns = [(after(step * unit) - after(-step * unit)) / (2 * step) for unit in np.eye(2)]
    found = discrete_stability(gan, h, critic_steps, update)
    np.testing.assert_allclose(found.matrix, np.stack(columns, axis=1), atol=1e-8)
    assert found.growth == pytest.approx(np.abs(np.linalg.eigvals(np.stack(columns, axis=1))).max(), abs=1e-6)


@every_method
def test_all_methods_rest_at_the_equilibrium_but_the_spectrally_normalised_one(method: Method) -> None:
    assert [float(part) for part in field(of_method(method), 0.0, 0.0)] == [0, 0]


# ---- verdicts

#: What continuous time does near the equilibrium, by method with its own defaults.
VERDICTS = {
    "non-saturating": "marginal",
    "minimax": "marginal",
    "least-squares": "marginal",
    "hinge": "marginal",
    "wgan": "marginal",
    "wgan-lp": "marginal",
    "wgan-gp": "none",
    "dragan": "none",
    "sngan": "none",
    "wgan-max-gp": "stable",
    "r1": "stable",
    "r3gan": "stable",
}


def test_zero_centred_penalties_alone_are_stable() -> None:
    assert {name: continuous_stability(of_method(method)).verdict for name, method in METHODS.items()} == VERDICTS


@pytest.mark.parametrize("name", sorted(ROUGH))
@every_update
def test_where_there_is_no_jacobian_the_obstacle_is_told_in_a_sentence(name: str, update: str) -> None:
    gan = of_method(METHODS[name])
    for found in (continuous_stability(gan), discrete_stability(gan, 0.1, 1, update)):
        assert found.verdict == "none"
        assert found.obstacle.endswith(".")
        assert found.matrix is None and found.eigenvalues is None and found.growth is None
    assert jacobian(gan) is None


def test_a_two_sided_penalty_without_weight_is_no_obstacle() -> None:
    assert continuous_stability(of_method(METHODS["wgan-gp"], settings={"penalty_weight": 0})).verdict == "marginal"


# ---- the paper: eigenvalues


@pytest.mark.parametrize(("name", "slope"), [("minimax", 0.5), ("non-saturating", 0.5), ("least-squares", 0.5)])
def test_without_regularisation_the_eigenvalues_are_plus_and_minus_i_f_prime(name: str, slope: float) -> None:
    found = continuous_stability(of_method(METHODS[name]))
    assert sorted_values(found.eigenvalues) == pytest.approx([-1j * slope, 1j * slope])


@pytest.mark.parametrize("name", ["wgan", "hinge", "wgan-lp"])
def test_wasserstein_and_hinge_turn_at_one_radian_a_unit_of_time(name: str) -> None:
    assert sorted_values(continuous_stability(of_method(METHODS[name])).eigenvalues) == pytest.approx([-1j, 1j])


@pytest.mark.parametrize("gamma", [0.1, 0.9, 1.0, 1.7, 4.0])
def test_r1_has_the_paper_s_eigenvalues(gamma: float) -> None:
    found = continuous_stability(of_method(METHODS["r1"], settings={"penalty_weight": gamma / 2}))
    root = np.sqrt(complex(gamma**2 / 4 - 0.25))
    expected = sorted_values(np.array([-gamma / 2 - root, -gamma / 2 + root]))
    assert sorted_values(found.eigenvalues) == pytest.approx(expected, abs=1e-7)
    assert found.verdict == "stable"


@pytest.mark.parametrize("noise", [0.2, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("name", ["minimax", "non-saturating"])
def test_instance_noise_has_the_paper_s_eigenvalues(name: str, noise: float) -> None:
    slope, curvature = 0.5, -0.25  # f'(0) and f''(0) of f(t) = -log(1 + e^-t)
    found = continuous_stability(of_method(METHODS[name], noise))
    root = np.sqrt(complex(curvature**2 * noise**4 - slope**2))
    expected = sorted_values(np.array([curvature * noise**2 - root, curvature * noise**2 + root]))
    assert sorted_values(found.eigenvalues) == pytest.approx(expected, abs=1e-7)
    assert found.verdict == "stable"


@pytest.mark.parametrize("name", ["wgan", "hinge"])
def test_instance_noise_does_not_calm_losses_without_curvature(name: str) -> None:
    assert continuous_stability(of_method(METHODS[name], 0.5)).verdict == "marginal"


@given(h=st.floats(0.01, 3), name=st.sampled_from(["minimax", "non-saturating", "least-squares", "wgan", "hinge"]))
def test_simultaneous_steps_without_regularisation_always_spiral_out(h: float, name: str) -> None:
    slope = 1.0 if name in ("wgan", "hinge") else 0.5
    found = discrete_stability(of_method(METHODS[name]), h)
    assert sorted_values(found.eigenvalues) == pytest.approx([1 - 1j * h * slope, 1 + 1j * h * slope])
    assert found.verdict == "unstable"
    assert found.growth == pytest.approx(math.sqrt(1 + (h * slope) ** 2))


@given(h=st.floats(0.01, 6), critic_steps=st.integers(1, 6))
def test_alternating_steps_stay_on_the_unit_circle_until_they_are_too_large(h: float, critic_steps: int) -> None:
    alpha = math.sqrt(critic_steps) * h * 0.5
    if abs(alpha - 2) < 1e-3:
        return
    found = discrete_stability(of_method(METHODS["minimax"]), h, critic_steps, "alternating")
    middle = 1 - alpha**2 / 2
    root = np.sqrt(complex(middle**2 - 1))
    expected = sorted_values(np.array([middle - root, middle + root]))
    assert sorted_values(found.eigenvalues) == pytest.approx(expected, abs=1e-6)
    assert found.verdict == ("marginal" if alpha < 2 else "unstable")


@every_update
def test_r1_is_stable_in_steps_that_are_small_enough_only(update: str) -> None:
    gan = of_method(METHODS["r1"], settings={"penalty_weight": 0.5})
    assert discrete_stability(gan, 0.1, 1, update).verdict == "stable"
    assert discrete_stability(gan, 9.0, 1, update).verdict == "unstable"


# ---- the paper: trajectories


def test_simultaneous_steps_of_the_unregularised_gan_go_outward() -> None:
    distance = size(trajectory(of_method(METHODS["minimax"]), [1.0, 1.0], 0.1, 500))
    assert (np.diff(distance) > 0).all()


@pytest.mark.parametrize("name", ["minimax", "wgan", "hinge"])
def test_alternating_steps_go_round_and_round(name: str) -> None:
    gan = of_method(METHODS[name], settings={"clip": 9.0})
    distance = size(trajectory(gan, [0.5, 0.5], 0.1, 2000, update="alternating"))
    assert 0.6 < distance.min() < distance.max() < 0.85


@every_update
@pytest.mark.parametrize("critic_steps", [1, 5])
def test_wgan_does_not_converge_and_its_slope_stays_clipped(update: str, critic_steps: int) -> None:
    gan = of_method(METHODS["wgan"], settings={"clip": 0.3})
    places = trajectory(gan, [1.0, 1.0], 0.1, 3000, critic_steps, update)
    assert np.abs(places[:, 1]).max() == 0.3 and places[0, 1] == 0.3
    assert size(places[-500:]).max() > 0.1


@every_update
@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_wgan_gp_goes_round_for_ever(update: str, weight: float) -> None:
    gan = of_method(METHODS["wgan-gp"], settings={"penalty_weight": weight})
    late = trajectory(gan, [[1.0, 1.0], [0.01, 0.02]], 0.05, 4000, 1, update)[-1000:]
    assert size(late).min() > 0.2
    assert (late.min(axis=0) < -0.2).all() and (late.max(axis=0) > 0.2).all()


@pytest.mark.parametrize(
    ("name", "weight", "rest"), [("wgan-gp", 1.5, 3.0), ("wgan-gp", 4.0, 8.0), ("dragan", 1.0, 4.0)]
)
def test_a_strong_two_sided_penalty_creeps_to_the_wrong_place(name: str, weight: float, rest: float) -> None:
    # Where psi is just above 0 the penalty's push 2 lambda and the critic's pull theta c cancel: theta = 2 lambda / c.
    gan = of_method(METHODS[name], settings={"penalty_weight": weight})
    end = trajectory(gan, [[1.0, 1.0], [-1.0, -1.0]], 0.05, 20_000, update="alternating")[-1]
    assert end[:, 0] == pytest.approx([rest, -rest], rel=0.05)
    assert np.abs(end[:, 1]).max() < 0.01


@every_update
@pytest.mark.parametrize("name", ["r1", "r3gan", "wgan-max-gp"])
def test_zero_centred_penalties_converge(name: str, update: str) -> None:
    places = trajectory(of_method(METHODS[name]), [1.0, 1.0], 0.1, 4000, update=update)
    assert size(places[-1]) < 1e-6


@pytest.mark.parametrize("name", ["minimax", "non-saturating", "least-squares"])
def test_instance_noise_converges(name: str) -> None:
    places = trajectory(of_method(METHODS[name], 0.7), [1.0, 1.0], 0.1, 2000, update="alternating")
    assert size(places[-1]) < 1e-6


def test_wgan_lp_damps_slopes_above_one_only() -> None:
    gan = of_method(METHODS["wgan-lp"], settings={"penalty_weight": 1.0})
    late = flow(gan, [[2.0, 2.0], [0.3, 0.3]], 0.02, 8000)[-500:]
    assert size(late[:, 0]) == pytest.approx(np.ones(500), abs=0.03)
    assert size(late[:, 1]) == pytest.approx(np.full(500, math.hypot(0.3, 0.3)), rel=1e-3)


@every_update
def test_spectral_normalisation_sends_the_point_off_at_constant_speed(update: str) -> None:
    places = trajectory(of_method(METHODS["sngan"]), [[1.0, 0.2], [1.0, -0.2]], 0.1, 100, 5, update)
    np.testing.assert_allclose(places[-1], [[11, 0.2], [-9, -0.2]])


def test_steps_near_the_equilibrium_shrink_as_the_spectral_radius_says() -> None:
    gan = of_method(METHODS["r1"], settings={"penalty_weight": 0.3})
    growth = discrete_stability(gan, 0.1, 2, "alternating").growth
    assert growth is not None
    distance = size(trajectory(gan, [1e-4, 1e-4], 0.1, 2000, 2, "alternating"))
    assert (distance[-1] / distance[0]) ** (1 / 2000) == pytest.approx(growth, abs=1e-3)


# ---- how it is computed


@every_method
@every_update
def test_starts_at_once_are_each_their_own(method: Method, update: str) -> None:
    gan, starts = of_method(method, 0.2), np.array([[1.0, 1.0], [-0.3, 0.6], [0.0, -2.0]])
    together = trajectory(gan, starts, 0.1, 30, 2, update)
    assert together.shape == (31, 3, 2)
    for index, start in enumerate(starts):
        np.testing.assert_allclose(
            together[:, index], trajectory(gan, start, 0.1, 30, 2, update), rtol=1e-9, atol=1e-12
        )


def test_alternating_means_that_the_generator_answers_to_the_new_critic() -> None:
    gan = DiracGan("wasserstein")
    theta, psi = np.array(1.0), np.array(0.5)
    # The critic goes from 0.5 to 0.4 and 0.3, the generator adds a tenth of what it sees.
    assert advance(gan, theta, psi, 0.1, 2, "simultaneous") == (pytest.approx(1.05), pytest.approx(0.3))
    assert advance(gan, theta, psi, 0.1, 2, "alternating") == (pytest.approx(1.03), pytest.approx(0.3))


@every_smooth_method
def test_integral_curves_are_scipy_s(method: Method) -> None:
    gan = of_method(method, 0.1, {"clip": 9.0})
    start = [0.6, 0.4]
    truth = solve_ivp(
        lambda _, at: [float(part) for part in field(gan, at[0], at[1])], (0, 10), start, rtol=1e-9, atol=1e-11
    ).y[:, -1]
    np.testing.assert_allclose(flow(gan, start, 0.05, 200)[-1], truth, atol=1e-5)


def test_the_flow_of_the_minimax_gan_keeps_its_distance() -> None:
    distance = size(flow(of_method(METHODS["minimax"]), [[1.0, 1.0], [0.2, -1.5]], 0.05, 1000))
    np.testing.assert_allclose(distance, np.broadcast_to(distance[0], distance.shape), rtol=1e-6)


def test_what_diverges_ends_without_a_warning() -> None:
    places = trajectory(of_method(METHODS["least-squares"]), [5.0, 5.0], 3.0, 50)
    assert not np.isfinite(places[-1]).all()


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"update": "random"}, "unknown update 'random': choose from simultaneous, alternating"),
        ({"step": 0.0}, "above 0"),
        ({"step": math.nan}, "above 0"),
        ({"critic_steps": 0}, "at least one critic step"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], match: str) -> None:
    gan = DiracGan("wasserstein")
    with pytest.raises(ValueError, match=match):
        discrete_stability(gan, **{"step": 0.1, **wrong})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=match):
        trajectory(gan, [1.0, 1.0], **{"step": 0.1, "steps": 5, **wrong})  # type: ignore[arg-type]
