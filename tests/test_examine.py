"""Facts about examining a critic: exact transport, its gradients and weights, and the runs of the critic lab."""

from __future__ import annotations

import functools
from concurrent.futures import Future

import numpy as np
import pytest
import torch

from tests.conftest import Clock
from toygan import critic_lab
from toygan.asked import TRIES
from toygan.critic_lab import KNOBS, RUNS
from toygan.engine import Engine
from toygan.examination import Examination, Ideal
from toygan.examine import POINTS, examine, ideal, layer_gradients
from toygan.examiner import EVERY, Examiner
from toygan.frames import GRID
from toygan.iteration import critic_shape
from toygan.metrics.transport import optimal_plan, wasserstein
from toygan.networks import Shape, forward
from toygan.pool import InlineExecutor
from toygan.recipe import Recipe
from toygan.theory.dual import extend_potential
from toygan.training import advance, initial_state

DEFAULTS = {name: knob.default for name, knob in KNOBS.items()}


def recipe(name: str, **values: object) -> Recipe:
    """The lab's run of this name."""
    return critic_lab.clipping({**DEFAULTS, **values}).recipes[list(RUNS).index(name)]


def clouds(seed: int, n: int = 120) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 2)) * [1.0, 0.3], rng.uniform(-2, 3, (n, 2))


# ---- exact transport


@pytest.mark.parametrize("seed", range(4))
def test_the_dual_solution_is_feasible_and_tight_on_the_plan(seed: int) -> None:
    x, y = clouds(seed)
    plan = optimal_plan(x, y)
    slack = np.linalg.norm(x[:, None] - y, axis=-1) - plan.u[:, None] - plan.v
    assert slack.min() > -1e-9
    assert np.abs(slack[plan.partner, np.arange(len(y))]).max() < 1e-9
    assert plan.u.mean() + plan.v.mean() == pytest.approx(wasserstein(x, y), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_the_plan_is_a_permutation_whose_mean_length_is_the_distance(seed: int) -> None:
    x, y = clouds(seed)
    plan = optimal_plan(x, y)
    assert sorted(plan.partner) == list(range(len(x)))
    assert np.linalg.norm(x[plan.partner] - y, axis=1).mean() == pytest.approx(wasserstein(x, y), abs=1e-9)
    assert plan.w1 == pytest.approx(wasserstein(x, y), abs=1e-9)


def test_a_plan_scales_with_its_clouds() -> None:
    x, y = clouds(5)
    small, large = optimal_plan(x, y), optimal_plan(1e6 * x, 1e6 * y)
    assert (small.partner == large.partner).all()
    assert large.w1 == pytest.approx(1e6 * small.w1)


@pytest.mark.parametrize("seed", range(3))
def test_the_extended_potential_agrees_with_the_duals_and_is_1_lipschitz(seed: int) -> None:
    x, y = clouds(seed)
    plan = optimal_plan(x, y)
    np.testing.assert_allclose(extend_potential(x, y, plan.v), plan.u, atol=1e-9)
    np.testing.assert_allclose(extend_potential(y, y, plan.v), -plan.v, atol=1e-9)
    places = np.random.default_rng(seed + 50).uniform(-4, 4, (300, 2))
    rise = np.abs(np.subtract.outer(*(2 * [extend_potential(places, y, plan.v)])))
    assert (rise <= np.linalg.norm(places[:, None] - places, axis=-1) + 1e-12).all()


@pytest.mark.parametrize("data", list(critic_lab.DATA))
def test_the_best_critic_s_means_are_w1_apart(data: str) -> None:
    run = recipe("penalty", data=data)
    found = ideal(run, initial_state(run))
    plan = optimal_plan(found.real, found.fake)
    values = [extend_potential(cloud, found.fake, plan.v).mean() for cloud in (found.real, found.fake)]
    assert values[0] - values[1] == pytest.approx(found.w1, abs=1e-9)
    assert found.potential.shape == (GRID, GRID)
    assert np.linalg.norm(found.real[found.partner] - found.fake, axis=1).mean() == pytest.approx(found.w1)


def test_the_frozen_generator_s_clouds_do_not_depend_on_the_critic() -> None:
    one, other = (recipe(name) for name in ("penalty", "clip-0.01"))
    np.testing.assert_array_equal(ideal(one, initial_state(one)).fake, ideal(other, initial_state(other)).fake)


# ---- gradients


def test_layer_gradients_are_those_of_a_network_cut_at_that_layer() -> None:
    """Each layer's gradient by finite differences: the rest of the network as a function of its activations."""
    shape = Shape.of(2, 9, 3, 1, "relu")
    weights = torch.from_numpy(shape.initial(np.random.default_rng(1)))[None]
    points = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    slopes = torch.linspace(-1, 2, 7, dtype=torch.float64)
    found = layer_gradients(shape, weights, points.clone(), slopes)
    pieces = shape.split(weights)

    def loss(level: int, activations: torch.Tensor) -> torch.Tensor:
        for weight, bias in pieces[level:-1]:
            activations = torch.relu(activations @ weight[0] + bias[0])
        weight, bias = pieces[-1]
        return (slopes * (activations @ weight[0] + bias[0])[:, 0]).sum()

    activations = points
    for level, gradient in enumerate(found):
        assert gradient.shape == activations.shape
        for place in ((0, 0), (3, 1), (6, activations.shape[1] - 1)):
            step = torch.zeros_like(activations)
            step[place] = 1e-6
            difference = (loss(level, activations + step) - loss(level, activations - step)) / 2e-6
            assert float(gradient[place]) == pytest.approx(float(difference), abs=1e-7)
        if level < len(found) - 1:
            weight, bias = pieces[level]
            activations = torch.relu(activations @ weight[0] + bias[0])


@functools.cache
def barely_trained(name: str) -> tuple[Recipe, Examination, np.ndarray]:
    """A run of the lab after three steps: recipe, examination, its critic's weights."""
    run = recipe(name, depth=4)
    state, _ = advance(run, initial_state(run), 3)
    return run, examine(run, state), state.critic


@pytest.mark.parametrize("name", ["penalty", "clip-0.1"])
def test_the_slopes_over_the_plane_agree_with_finite_differences(name: str) -> None:
    run, found, critic = barely_trained(name)
    axis = np.linspace(-run.distribution.extent, run.distribution.extent, GRID)
    weights, shape, step = torch.from_numpy(critic).double(), critic_shape(run), 1e-7

    def value(x: float, y: float) -> float:
        return float(forward(shape, weights, torch.tensor([[[x, y]]], dtype=torch.float64)))

    for row, column in np.random.default_rng(3).integers(0, GRID, (25, 2)):
        x, y = axis[column], axis[row]
        along_x = (value(x + step, y) - value(x - step, y)) / (2 * step)
        along_y = (value(x, y + step) - value(x, y - step)) / (2 * step)
        assert found.slopes[row, column] == pytest.approx(np.hypot(along_x, along_y), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("name", ["penalty", "clip-0.1"])
def test_the_gradient_at_the_input_layer_is_the_critic_s_slope(name: str) -> None:
    """Under Wasserstein's loss each point's own gradient is plus or minus the critic's."""
    run, found, critic = barely_trained(name)
    clouds = ideal(run, initial_state(run))
    points = torch.from_numpy(np.concatenate([clouds.real, clouds.fake]))[None].requires_grad_()
    values = forward(critic_shape(run), torch.from_numpy(critic).double(), points)
    (gradients,) = torch.autograd.grad(values.sum(), points)
    assert found.layers[0] == pytest.approx(float(gradients.square().sum(dim=-1).mean().sqrt()))


def test_an_estimate_is_at_most_the_exact_distance() -> None:
    for name in RUNS:
        run, found, _ = barely_trained(name)
        assert found.estimate <= ideal(run, initial_state(run)).w1 + 1e-9
        assert found.estimate == pytest.approx(found.gap / found.lipschitz)


def test_the_surface_is_the_critic_divided_by_its_steepest_slope() -> None:
    run, found, _ = barely_trained("clip-0.1")
    step = 2 * run.distribution.extent / (GRID - 1)
    assert max(np.abs(np.diff(found.surface, axis=axis)).max() for axis in (0, 1)) <= step * (1 + 1e-9)


def test_all_weights_of_a_clipped_critic_are_in_its_histogram_and_within_the_bound() -> None:
    _, found, critic = barely_trained("clip-0.01")
    assert np.abs(critic).max() <= np.float32(0.01)
    assert found.bound == 0.01
    assert found.shares.sum() == pytest.approx(1)
    assert found.pinned == pytest.approx((np.abs(critic) >= 0.0099).mean())


def test_both_places_are_examined_and_the_penalty_s_own_is_between_the_clouds() -> None:
    run, found, _ = barely_trained("penalty")
    clouds = ideal(run, initial_state(run))
    way, gone = clouds.real - clouds.fake, found.places["between"].points - clouds.fake
    np.testing.assert_allclose(way[:, 0] * gone[:, 1], way[:, 1] * gone[:, 0], atol=1e-12)
    for place in found.places.values():
        assert place.points.shape == (POINTS, 2)
        assert place.norms.shape == (POINTS,)


# ---- what the page claims


@functools.cache
def trained(name: str, seed: int, steps: int, weight: str = "10") -> Examination:
    run = Recipe.from_json({**recipe(name, weight=weight).to_json(), "seed": seed})
    state, _ = advance(run, initial_state(run), steps)
    return examine(run, state)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_penalised_critic_s_slopes_between_the_clouds_are_one_on_average(seed: int) -> None:
    found = trained("penalty", seed, critic_lab.STEPS)
    assert found.places["between"].norms.mean() == pytest.approx(1, abs=0.1)
    assert found.pinned < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_most_weights_of_the_clipped_critic_pile_up_at_the_bound(seed: int) -> None:
    assert trained("clip-0.01", seed, 100).pinned > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_penalised_critic_s_arrows_follow_the_plan_better_than_the_clipped_one_s(seed: int) -> None:
    penalised, clipped = trained("penalty", seed, critic_lab.STEPS), trained("clip-0.01", seed, 100)
    assert penalised.cosines.mean() > 0.7 > 0.6 > clipped.cosines.mean()


@pytest.mark.slow
def test_a_weak_penalty_lets_the_slope_go_to_where_gain_and_penalty_balance() -> None:
    """One plus W1 over twice the weight."""
    run = recipe("penalty")
    balance = 1 + ideal(run, initial_state(run)).w1 / (2 * 0.1)
    # The slope swings about the balance while it trains: the mean of two runs.
    slopes = [trained("penalty", seed, 300, weight="0.1").places["between"].norms.mean() for seed in (0, 1)]
    assert np.mean(slopes) == pytest.approx(balance, rel=0.1)


@pytest.mark.slow
def test_gradients_explode_or_vanish_from_layer_to_layer_when_clipped_and_stay_when_penalised() -> None:
    ends = {
        name: float(np.divide(*trained(name, 0, critic_lab.STEPS if name == "penalty" else 100).layers[[1, -1]]))
        for name in RUNS
    }
    assert 0.2 < ends["penalty"] < 5
    assert ends["clip-0.1"] > 50
    assert ends["clip-0.01"] < 1e-3
    assert ends["clip-0.001"] < 1e-9


# ---- the lab's runs, and asking for examinations


def test_every_setting_of_the_lab_gives_four_critics_of_one_frozen_generator() -> None:
    for data in critic_lab.DATA:
        for depth in (2, 12):
            comparison = critic_lab.clipping({**DEFAULTS, "data": data, "depth": depth})
            assert comparison.titles == tuple(RUNS.values())
            assert {run.generator for run in comparison.recipes} == {"frozen"}
            assert {run.critic_depth for run in comparison.recipes} == {depth}
            assert {run.critic_steps for run in comparison.recipes} == {5}
            assert [run.clip for run in comparison.recipes[1:]] == [0.1, 0.01, 0.001]
            assert comparison.same_data
    assert recipe("penalty", weight="0.1").penalty_weight == 0.1


def test_the_trained_runs_differ_in_their_critic_steps_alone() -> None:
    runs = critic_lab.trained({**DEFAULTS, "data": "grid25"}).recipes
    assert [run.critic_steps for run in runs] == list(critic_lab.CRITIC_STEPS)
    assert len({run.to_query().get("data.spacing") for run in runs}) == 1


def test_an_examiner_asks_once_a_step_and_not_more_often_than_its_time() -> None:
    clock, engine = Clock(), Engine(InlineExecutor)
    examiner, run = Examiner(engine, clock), engine.open(recipe("clip-0.1", depth=2))
    assert not examiner.settled(run, 0)
    assert [found.step for found in examiner.history(run, 0)] == [0]
    assert examiner.settled(run, 0)
    engine.watch(run, "somebody", 0, until=4, stride=4)
    assert run.frontier == 4
    assert [found.step for found in examiner.history(run, 4)] == [0]
    clock.now += EVERY
    assert [found.step for found in examiner.history(run, 4)] == [0, 4]
    assert [found.step for found in examiner.history(run, 3)] == [0]


def test_the_way_of_a_run_that_was_trained_before_is_examined_bit_by_bit_from_its_end() -> None:
    clock, engine = Clock(), Engine(InlineExecutor)
    examiner, run = Examiner(engine, clock), engine.open(recipe("clip-0.1", depth=2))
    for step in (1, 2, 3):
        engine.watch(run, "somebody", step - 1, until=step, stride=1)
    seen = []
    while not examiner.settled(run, 3):
        seen.append([found.step for found in examiner.history(run, 3)])
        clock.now += EVERY
    assert seen == [[3], [2, 3], [1, 2, 3], [0, 1, 2, 3]]


def test_step_zero_is_examined_even_where_no_state_of_it_is_kept() -> None:
    engine = Engine(InlineExecutor)
    run = engine.open(recipe("penalty", depth=2))
    whole = Examiner(engine).history(run, 0)
    run.states.clear()
    (found,) = Examiner(engine).history(run, 0)
    np.testing.assert_array_equal(found.surface, whole[0].surface)


def test_an_examiner_knows_the_best_critic_of_a_frozen_generator_once_for_all_runs() -> None:
    engine = Engine(InlineExecutor)
    examiner = Examiner(engine)
    found = [examiner.ideal(engine.open(recipe(name, depth=2))) for name in ("penalty", "clip-0.1")]
    assert isinstance(found[0], Ideal)
    assert found[0] is found[1]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """An engine whose workers train, and fail at everything else."""
    engine = Engine(InlineExecutor)

    def fails(*_: object) -> Future[Examination]:
        future: Future[Examination] = Future()
        future.set_exception(RuntimeError("out of memory"))
        return future

    engine.open(recipe("penalty", depth=2))
    monkeypatch.setattr(engine, "ask", fails)
    return engine


def test_an_examination_that_fails_is_asked_for_again_and_then_left_out(
    failing: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    clock, run = Clock(), failing.open(recipe("penalty", depth=2))
    examiner = Examiner(failing, clock)
    for tries in range(1, TRIES + 1):
        assert not examiner.settled(run, 0)
        assert examiner.history(run, 0) == []
        assert caplog.text.count("out of memory") == tries
        clock.now += EVERY
    assert examiner.settled(run, 0)
    examiner.history(run, 0)
    assert caplog.text.count("out of memory") == TRIES


def test_a_best_critic_that_cannot_be_had_is_not_waited_for(failing: Engine) -> None:
    run, examiner = failing.open(recipe("penalty", depth=2)), Examiner(failing)
    for _ in range(TRIES):
        assert not examiner.ideal_settled(run)
        assert examiner.ideal(run) is None
    assert examiner.ideal_settled(run)
