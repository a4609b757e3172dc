"""What makes points: a network of latents, a line with one weight, or real points with noise and no weight at all."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch.nn.functional import softplus

from toygan.distributions import make_distribution
from toygan.draws import DrawSource
from toygan.frames import pack, unpack
from toygan.generators import GENERATORS, generator_shape
from toygan.iteration import critic_shape
from toygan.methods import METHODS
from toygan.networks import forward
from toygan.objectives import OBJECTIVES
from toygan.observe import SAMPLES, observe, report
from toygan.recipe import GENERATORS as NAMES
from toygan.recipe import KNOBS, Recipe, generator_size
from toygan.state import State
from toygan.store.codec import pack_state, unpack_state
from toygan.streams import Purpose, stream
from toygan.training import advance, initial_state

CPU = torch.device("cpu")

every_generator = pytest.mark.parametrize("generator", GENERATORS)
every_method = pytest.mark.parametrize("method", METHODS)


def small(generator: str, method: str = "wgan-gp", **fields: Any) -> Recipe:
    sizes = {"generator_width": 8, "generator_depth": 2, "critic_width": 8, "critic_depth": 2, "batch": 16}
    return Recipe.from_json({**sizes, "generator": generator, "method": method, **fields})


def run(recipe: Recipe, *chunks: int, seeds: list[int] | None = None, dtype: type = np.float64) -> State:
    state = initial_state(recipe, seeds, dtype)
    for steps in chunks:
        state, _ = advance(recipe, state, steps)
    return state


def points_of(recipe: Recipe, weights: torch.Tensor, purpose: Purpose = Purpose.LATENT, count: int = 5) -> torch.Tensor:
    """Points (L, count, 2) of what each lane draws, lane l having seed l."""
    entry = GENERATORS[recipe.generator]
    drawn = np.stack([entry.draw(recipe, seed, purpose, 0, (count,)) for seed in range(len(weights))])
    return entry.points(recipe, weights, torch.from_numpy(drawn))


# ---- all of them


def test_recipes_name_the_generators_that_there_are() -> None:
    assert KNOBS["generator"].choices == NAMES == tuple(GENERATORS)


@every_generator
def test_a_generator_has_as_many_weights_as_its_recipe_says(generator: str) -> None:
    recipe = small(generator, latent=3)
    state = initial_state(recipe, [0, 1])
    assert state.generator.shape == state.average.shape == (2, generator_size(recipe))
    assert state.generator_moments.shape == (2, 2, generator_size(recipe))
    assert recipe.trains_generator == (generator_size(recipe) > 0)


@every_generator
def test_all_generators_meet_the_same_critic_and_the_same_data(generator: str) -> None:
    recipe, network = small(generator, seed=4), small("network", seed=4)
    assert np.array_equal(initial_state(recipe).critic, initial_state(network).critic)
    one, other = (DrawSource([4], torch.float64, CPU).at(each, False, 9) for each in (recipe, network))
    assert torch.equal(one.data, other.data)


@pytest.mark.parametrize("generator", ["line", "frozen"])
@every_method
def test_a_lane_in_a_stack_equals_the_run_alone(generator: str, method: str) -> None:
    recipe = small(generator, method, gradient_clip=0.7, instance_noise=0.1, ema=0.5)
    together = run(recipe, 3, seeds=[3, 8])
    for lane, seed in enumerate((3, 8)):
        alone = run(dataclasses.replace(recipe, seed=seed), 3)
        for name in ("critic", "generator", "average", "vectors"):
            pair = getattr(together, name)[lane], getattr(alone, name)[0]
            np.testing.assert_allclose(*pair, rtol=1e-9, atol=1e-9, err_msg=name)
        assert together.failed_at[lane] == -1


@pytest.mark.parametrize("generator", ["line", "frozen"])
def test_chunks_of_any_length_give_the_bytes_of_one(generator: str) -> None:
    recipe = small(generator, "dragan", critic_steps=2, interventions=[[4, {"latent_law": "uniform", "batch": 8}]])
    whole = run(recipe, 10, dtype=np.float32)
    for chunks in ((3, 7), (1,) * 10):
        parts = run(recipe, *chunks, dtype=np.float32)
        assert whole.critic.tobytes() == parts.critic.tobytes()
        assert whole.average.tobytes() == parts.average.tobytes()


@pytest.mark.parametrize("generator", ["line", "frozen"])
def test_a_lane_of_nans_leaves_its_neighbours_bit_for_bit(generator: str) -> None:
    recipe = small(generator, gradient_clip=0.5)
    clean, poisoned = initial_state(recipe, [0, 1, 2]), initial_state(recipe, [0, 1, 2])
    poisoned.critic[1, ::3] = np.nan
    after, broken = (advance(recipe, state, 3)[0] for state in (clean, poisoned))
    for name in ("critic", "generator", "average"):
        assert getattr(after, name)[[0, 2]].tobytes() == getattr(broken, name)[[0, 2]].tobytes()
    assert broken.failed_at.tolist() == [-1, 1, -1]


@every_generator
def test_a_state_is_kept_and_comes_back_whatever_its_generator(generator: str) -> None:
    state = run(small(generator), 2, seeds=[0, 1])
    back = unpack_state(pack_state(state))
    assert back.generator.shape == state.generator.shape
    assert np.array_equal(back.average, state.average)


# ---- a network


def test_a_network_s_points_are_its_outputs() -> None:
    recipe = small("network")
    weights = torch.from_numpy(run(recipe, 1).generator)
    latents = stream(0, Purpose.LATENT).standard_normal((1, 5, 2))
    expected = forward(generator_shape(recipe), weights, torch.from_numpy(latents))
    assert torch.equal(points_of(recipe, weights), expected)


# ---- the line


@pytest.mark.parametrize("seed", [0, 7])
def test_the_line_s_theta_starts_at_one_for_every_seed(seed: int) -> None:
    assert initial_state(small("line", seed=seed)).generator.tolist() == [[1.0]]


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_the_line_s_points_have_theta_and_a_height_that_is_even_between_0_and_1(law: str) -> None:
    recipe = small("line", latent_law=law, latent=3)
    found = points_of(recipe, torch.tensor([[0.25], [-2.0]], dtype=torch.float64), count=4000)
    assert found.shape == (2, 4000, 2)
    assert found[0, :, 0].unique().tolist() == [0.25]
    assert found[1, :, 0].unique().tolist() == [-2.0]
    for lane in range(2):
        assert kstest(found[lane, :, 1].numpy(), "uniform").pvalue > 0.01


def test_the_line_s_height_is_the_share_of_the_first_coordinate() -> None:
    latents = torch.tensor([[[0.0, 9.0], [1.0, 9.0], [-1.0, 9.0]]], dtype=torch.float64)
    theta = torch.zeros(1, 1, dtype=torch.float64)
    uniform = GENERATORS["line"].points(small("line", latent_law="uniform"), theta, latents)
    assert uniform[0, :, 1].tolist() == [0.5, 1.0, 0.0]
    normal = GENERATORS["line"].points(small("line"), theta, latents)
    # Phi(1) = 0.841344746...
    assert normal[0, :, 1].tolist() == pytest.approx([0.5, 0.8413447460685429, 0.15865525393145707], rel=1e-14)


#: objective -> slope of one generated point's loss in its own critic value f, paired with the real value r.
SLOPES = {
    "minimax": lambda r, f: -torch.sigmoid(f),
    "non-saturating": lambda r, f: -torch.sigmoid(-f),
    "least-squares": lambda r, f: f - 1,
    "hinge": lambda r, f: -torch.ones_like(f),
    "wasserstein": lambda r, f: -torch.ones_like(f),
    "relativistic": lambda r, f: -torch.sigmoid(r - f),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_theta_s_gradient_is_the_mean_of_the_loss_s_slope_times_the_critic_s_slope_in_x(objective: str) -> None:
    # One pass of gradient descent with rate one moves theta by minus its gradient.
    method = next(key for key, one in METHODS.items() if one.objective == objective and one.constraint is None)
    fields = {"optimizer": "sgd", "beta1": 0, "critic_learning_rate": 0, "generator_learning_rate": 1}
    recipe = small("line", method, critic_steps=1, activation="tanh", **fields)
    before = initial_state(recipe, dtype=np.float64)
    after, _ = advance(recipe, before, 1)
    paired = OBJECTIVES[objective].paired
    draws = DrawSource([0], torch.float64, CPU).at(recipe, paired, 0)
    fake = GENERATORS["line"].points(recipe, torch.ones(1, 1, dtype=torch.float64), draws.latents[:, -1])
    fake.requires_grad_()
    critic = torch.from_numpy(before.critic)
    values = forward(critic_shape(recipe), critic, fake)[..., 0]
    (slopes,) = torch.autograd.grad(values.sum(), fake)
    real = torch.zeros_like(values)
    if draws.paired is not None:
        real = forward(critic_shape(recipe), critic, draws.paired)[..., 0]
    gradient = (SLOPES[objective](real, values) * slopes[..., 0]).mean().item()
    assert abs(gradient) > 1e-6
    assert after.generator[0, 0] == pytest.approx(1 - gradient, rel=1e-10)


def test_wgan_gp_moves_theta_to_the_segment_of_the_data() -> None:
    recipe = small("line", data="segment", penalty_weight=1.0, generator_learning_rate=0.02, batch=64, seed=2)
    state = initial_state(recipe)
    distances = []
    for _ in range(6):
        state, trace = advance(recipe, state, 25)
        metrics = observe(recipe, state, trace).metrics[0]
        assert metrics["theta"] == pytest.approx(float(state.average[0, 0]))
        distances.append(abs(float(metrics["theta"] or 0.0)))
    assert distances[0] < 1
    assert distances[-1] < 0.2
    # W1 of two parallel segments is their distance.
    assert metrics["w1"] == pytest.approx(distances[-1], abs=0.1)


def test_theta_is_told_of_the_averaged_generator_of_each_lane_and_of_no_other_generator() -> None:
    recipe = small("line")
    state = run(recipe, 2, seeds=[0, 1])
    state.average[:, 0] = [0.5, -0.75]
    frame = observe(recipe, state)
    assert [metrics["theta"] for metrics in frame.metrics] == [0.5, -0.75]
    assert report(recipe, state, points=60, lane=1)["theta"] == -0.75
    assert set(frame.samples[1, :, 0]) == {-0.75}
    for other in ("network", "frozen"):
        assert "theta" not in observe(small(other), run(small(other))).metrics[0]
        assert "theta" not in report(small(other), run(small(other)), points=60)


# ---- the frozen one


@every_method
def test_of_a_frozen_generator_s_step_the_critic_s_updates_are_all(method: str) -> None:
    recipe = small("frozen", method, critic_steps=3)
    state, trace = advance(recipe, initial_state(recipe, dtype=np.float64), 4)
    assert state.generator.shape == (1, 0)
    assert (state.critic_updates, state.generator_updates) == (12, 0)
    assert state.step == 4
    assert np.isfinite(trace.generator_loss).all()


def test_the_frozen_generator_s_critic_is_updated_as_on_any_points(monkeypatch: pytest.MonkeyPatch) -> None:
    # A network that is handed the same points, and whose weights stand still, trains the same critic.
    frozen, network = small("frozen", seed=6), small("network", seed=6, generator_learning_rate=0)
    same = dataclasses.replace(
        GENERATORS["network"],
        draw=GENERATORS["frozen"].draw,
        points=lambda recipe, weights, points: points + 0 * weights.sum(),
        shape=None,
    )
    found, trace = advance(frozen, initial_state(frozen, dtype=np.float64), 5)
    monkeypatch.setitem(GENERATORS, "network", same)
    expected, expected_trace = advance(network, initial_state(network, dtype=np.float64), 5)
    np.testing.assert_allclose(found.critic, expected.critic, rtol=1e-12)
    np.testing.assert_allclose(trace.critic_loss, expected_trace.critic_loss, rtol=1e-12)
    np.testing.assert_allclose(trace.generator_loss, expected_trace.generator_loss, rtol=1e-12)


def test_the_frozen_generator_s_loss_is_the_objective_s_at_its_last_points() -> None:
    recipe = small("frozen", "non-saturating", critic_learning_rate=0)
    state, trace = advance(recipe, initial_state(recipe, dtype=np.float64), 1)
    fake = DrawSource([0], torch.float64, CPU).at(recipe, False, 0).latents[:, -1]
    values = forward(critic_shape(recipe), torch.from_numpy(state.critic), fake)[..., 0]
    assert trace.generator_loss[0, 0] == pytest.approx(softplus(-values).mean().item(), rel=1e-12)


def test_frozen_samples_are_real_points_with_standard_normal_noise() -> None:
    for purpose in (Purpose.LATENT, Purpose.PROBE_LATENT, Purpose.EVALUATION_LATENT):
        recipe = small("frozen", data="segment")
        found = GENERATORS["frozen"].draw(recipe, 3, purpose, 0, (4000,))
        # The segment stands at x = 0, so that x is noise alone.
        assert kstest(found[:, 0], "norm").pvalue > 0.01
        data = {
            Purpose.LATENT: Purpose.FROZEN_DATA,
            Purpose.PROBE_LATENT: Purpose.PROBE_FROZEN_DATA,
            Purpose.EVALUATION_LATENT: Purpose.EVALUATION_FROZEN_DATA,
        }[purpose]
        noise = found - make_distribution("segment").sample(4000, stream(3, data))
        assert kstest(noise[:, 1], "norm").pvalue > 0.01


def test_frozen_points_are_new_in_every_update_and_independent_of_the_data() -> None:
    draws = [DrawSource([0], torch.float64, CPU).at(small("frozen", critic_steps=2), False, step) for step in (0, 1, 8)]
    points = torch.cat([each.latents.flatten() for each in draws])
    assert len(points.unique()) == len(points)
    assert draws[0].latents.shape == (1, 3, 16, 2)
    data = torch.cat([each.data.flatten(0, 2) for each in draws])
    fakes = torch.cat([each.latents[:, :-1].flatten(0, 2) for each in draws])
    assert not torch.isclose(data, fakes, atol=1e-6).all(dim=1).any()


def test_a_frozen_frame_shows_the_same_points_throughout_and_no_mesh() -> None:
    recipe = small("frozen")
    before, after = (observe(recipe, run(recipe, steps, seeds=[0, 5])) for steps in (0, 6))
    assert np.array_equal(before.samples, after.samples)
    assert before.samples.shape == (2, SAMPLES, 2)
    assert not np.array_equal(before.samples[0], before.samples[1])
    assert after.mesh.shape == (2, 0, 0, 2)
    assert np.abs(after.arrows).max() > 0
    back = unpack(pack(after))
    assert back.mesh.shape == (1, 0, 0, 2)
    np.testing.assert_allclose(back.samples[0], after.samples[0], atol=2e-4 * after.extent)
    drawn = report(recipe, run(recipe), points=60)["samples"]
    assert not np.isin(drawn, before.samples).any()
