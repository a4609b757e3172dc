"""A frame shows what the networks compute, and a report's numbers are those of its own points."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from toygan import metrics
from toygan.constraints import CONSTRAINTS
from toygan.distributions import DISTRIBUTIONS, make_distribution
from toygan.frames import GRID, Frame
from toygan.generators import generator_shape
from toygan.iteration import critic_shape
from toygan.methods import METHODS
from toygan.metrics.sizes import LIVE_POINTS
from toygan.networks import forward
from toygan.observe import SAMPLES, observe, report
from toygan.recipe import Recipe
from toygan.state import State
from toygan.training import advance, initial_state

SMALL = {"generator_width": 16, "generator_depth": 2, "critic_width": 16, "critic_depth": 2, "batch": 32}


def small(method: str = "wgan-gp", **fields: Any) -> Recipe:
    return Recipe.from_json({**SMALL, "method": method, **fields})


def trained(recipe: Recipe, steps: int = 5, seeds: list[int] | None = None, dtype: type = np.float64) -> State:
    return advance(recipe, initial_state(recipe, seeds, dtype), steps)[0]


def critic(recipe: Recipe, state: State, points: torch.Tensor, lane: int = 0) -> torch.Tensor:
    """The critic in use, (N,) at points (N, 2)."""
    now, shape = recipe.at(state.step), critic_shape(recipe)
    flat, vectors = torch.from_numpy(state.critic), torch.from_numpy(state.vectors)
    weights = CONSTRAINTS[now.method_entry.constraint].weights(shape, flat, vectors)
    return forward(shape, weights[lane : lane + 1], points[None])[0, :, 0]


# ---- the grid


@pytest.mark.parametrize("method", ["wgan-gp", "sngan"])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, GRID - 1), (GRID - 1, 0), (17, 40), (50, 3)])
def test_the_grid_s_rows_go_up_in_y_and_its_columns_in_x(method: str, row: int, column: int) -> None:
    recipe = small(method)
    state = trained(recipe)
    extent = recipe.distribution.extent
    axis = np.linspace(-extent, extent, GRID)
    expected = critic(recipe, state, torch.tensor([[axis[column], axis[row]]], dtype=torch.float64))
    frame = observe(recipe, state)
    assert frame.extent == extent
    assert frame.grid.shape == (1, GRID, GRID)
    assert frame.grid[0, row, column] == pytest.approx(expected.item(), rel=1e-10)


# ---- samples and mesh


def test_samples_are_the_shown_generator_s_and_the_same_latents_in_each_frame() -> None:
    recipe = small()
    state = trained(recipe)
    later = dataclasses.replace(state, step=999)
    assert np.array_equal(observe(recipe, state).samples, observe(recipe, later).samples)
    assert observe(recipe, state).samples.shape == (1, SAMPLES, 2)
    # A generator that hands its latent through shows the latents themselves.
    through = dataclasses.replace(recipe, generator_depth=0)
    identity = initial_state(through, dtype=np.float64)
    identity.average[0] = [1, 0, 0, 1, 0, 0]
    latents = observe(through, identity).samples[0]
    shape = generator_shape(recipe)
    expected = forward(shape, torch.from_numpy(state.average), torch.from_numpy(latents)[None])
    np.testing.assert_allclose(observe(recipe, state).samples, expected, rtol=1e-12)


def test_the_averaged_generator_is_the_one_that_is_shown() -> None:
    recipe = small(ema=0.9)
    state = trained(recipe)
    swapped = dataclasses.replace(state, generator=np.zeros_like(state.generator))
    assert np.array_equal(observe(recipe, state).samples, observe(recipe, swapped).samples)


def test_latents_do_not_depend_on_the_method_so_that_a_flip_moves_points_and_does_not_shuffle_them() -> None:
    frames = [observe(small(method), initial_state(small(method))) for method in METHODS]
    assert all(np.array_equal(frame.samples, frames[0].samples) for frame in frames)


@pytest.mark.parametrize(("law", "reach"), [("normal", 2.0), ("uniform", 1.0)])
def test_the_mesh_is_the_image_of_a_regular_grid_of_latents(law: str, reach: float) -> None:
    recipe = small(latent_law=law, latent=3, generator_depth=0)
    state = initial_state(recipe, dtype=np.float64)
    state.average[0] = [1, 0, 0, 1, 7, 7, 0, 0]  # the first two coordinates as they are, the third times 7
    mesh = observe(recipe, state).mesh[0]
    axis = np.linspace(-reach, reach, 11)
    np.testing.assert_allclose(mesh[..., 0], np.broadcast_to(axis, (11, 11)), atol=1e-12)
    np.testing.assert_allclose(mesh[..., 1], np.broadcast_to(axis[:, None], (11, 11)), atol=1e-12)


def test_a_generator_with_one_latent_has_a_mesh_too() -> None:
    recipe = small(latent=1)
    assert observe(recipe, initial_state(recipe)).mesh.shape == (1, 11, 11, 2)


# ---- arrows

#: objective -> the generator's loss of one sample, of real and fake logits.
GENERATOR_LOSSES = {
    "minimax": lambda r, f: -softplus(f),
    "non-saturating": lambda r, f: softplus(-f),
    "least-squares": lambda r, f: (f - 1) ** 2 / 2,
    "hinge": lambda r, f: -f,
    "wasserstein": lambda r, f: -f,
    "relativistic": lambda r, f: softplus(-(f - r)),
}


@pytest.mark.parametrize("method", METHODS)
def test_arrows_point_down_the_generator_s_loss_at_its_samples(method: str) -> None:
    recipe = small(method)
    state = trained(recipe)
    frame = observe(recipe, state)
    samples = torch.tensor(frame.samples[0]).requires_grad_()
    real = torch.zeros(0)
    if method == "r3gan":
        # The real points that samples are paired with are those of the frame's own distance.
        real = critic(recipe, state, torch.tensor(_real_of(frame, recipe, state)))
    loss = GENERATOR_LOSSES[recipe.method_entry.objective](real, critic(recipe, state, samples))
    (gradient,) = torch.autograd.grad(loss.sum(), samples)
    assert frame.arrows.shape == (1, 64, 2)
    np.testing.assert_allclose(frame.arrows[0], -gradient[:64], rtol=1e-8, atol=1e-12)
    assert frame.metrics[0]["generator_gradient"] == pytest.approx(gradient.norm(dim=1).mean().item(), rel=1e-8)


def _real_of(frame: Frame, recipe: Recipe, state: State) -> np.ndarray:
    """The frame's real points: those whose distance it gives, and whose mean critic value it reports."""
    from toygan.streams import Purpose, stream

    real = recipe.distribution.sample(SAMPLES, stream(int(state.seeds[0]), Purpose.PROBE_DATA))
    mean = critic(recipe, state, torch.tensor(real)).mean().item()
    assert frame.metrics[0]["real_mean"] == pytest.approx(mean, rel=1e-9)
    return real


# ---- metrics of a frame


def test_a_frame_s_metrics_are_those_of_its_samples() -> None:
    recipe = small(data="grid25")
    state = trained(recipe, 20)
    frame = observe(recipe, state)
    found, shown = frame.metrics[0], metrics.coverage(frame.samples[0], recipe.distribution)
    assert found["modes"] == shown.modes and found["modes_total"] == 25
    assert found["modes_by_share"] == shown.modes_by_share
    assert found["high_quality"] == shown.high_quality
    assert found["reverse_kl"] == shown.reverse_kl
    assert frame.histogram[0] == tuple(shown.histogram)
    real = _real_of(frame, recipe, state)[:LIVE_POINTS]
    assert found["w1"] == pytest.approx(metrics.wasserstein(frame.samples[0, :LIVE_POINTS], real), rel=1e-12)


def test_a_frame_tells_the_losses_of_the_step_before_it_and_none_at_the_start() -> None:
    recipe = small()
    state, trace = advance(recipe, initial_state(recipe), 4)
    shown = observe(recipe, state, trace).metrics[0]
    for name in ("critic_loss", "penalty", "generator_loss"):
        assert shown[name] == getattr(trace, name)[-1, 0]
        assert observe(recipe, initial_state(recipe)).metrics[0][name] is None


def test_the_share_of_clipped_weights_is_told_only_where_weights_are_clipped() -> None:
    clipped = small("wgan", clip=0.05)
    state = trained(clipped, 10)
    share = (np.abs(state.critic) >= 0.05 * (1 - 1e-6)).mean()
    assert observe(clipped, state).metrics[0]["clipped_share"] == pytest.approx(share)
    assert share > 0
    assert observe(small(), trained(small())).metrics[0]["clipped_share"] is None


def test_lanes_are_observed_as_if_each_were_alone() -> None:
    recipe = small()
    stack = trained(recipe, 3, seeds=[4, 9])
    together = observe(recipe, stack)
    for lane, seed in enumerate((4, 9)):
        alone = observe(small(seed=seed), trained(small(seed=seed), 3))
        for name in ("samples", "grid", "mesh", "arrows"):
            np.testing.assert_allclose(getattr(together, name)[lane], getattr(alone, name)[0], rtol=1e-8, atol=1e-9)
        assert together.metrics[lane]["w1"] == pytest.approx(alone.metrics[0]["w1"], rel=1e-8)


def test_a_frame_shows_the_method_in_force_at_its_step() -> None:
    recipe = small("wgan-gp").intervene(3, method="sngan")
    state = trained(recipe, 6)
    extent = recipe.distribution.extent
    corner = critic(recipe, state, torch.tensor([[-extent, -extent]], dtype=torch.float64))
    assert observe(recipe, state).grid[0, 0, 0] == pytest.approx(corner.item(), rel=1e-10)


def test_a_failed_lane_says_when_and_all_numbers_shown_stay_finite() -> None:
    recipe = small()
    state = initial_state(recipe, [0, 1])
    state.generator[1] = state.average[1] = np.nan
    state.critic[1] = np.inf
    state.failed_at[1] = 1234
    frame = observe(recipe, state)
    assert frame.failed[0] is None
    assert frame.failed[1] is not None and "1,234" in frame.failed[1]
    for name in ("samples", "grid", "mesh", "arrows"):
        assert np.isfinite(getattr(frame, name)).all()


def test_a_gradient_that_overflows_is_unknown() -> None:
    recipe = small()
    state = initial_state(recipe)
    state.critic[:] = 1e30
    with np.errstate(all="ignore"):
        found = report(recipe, state, 50)
    assert found["generator_gradient"] is None
    assert found["w1"] > 0


@pytest.mark.parametrize("data", DISTRIBUTIONS)
def test_every_distribution_can_be_looked_at(data: str) -> None:
    recipe = small(data=data)
    frame = observe(recipe, initial_state(recipe))
    assert frame.extent == make_distribution(data).extent
    assert frame.metrics[0]["w1"] is not None and frame.metrics[0]["w1"] > 0


# ---- report


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    recipe = small("wgan-gp", seed=3)
    return report(recipe, trained(recipe, 30), points=300)


def test_a_report_s_numbers_are_those_of_the_points_it_gives(measured: dict[str, Any]) -> None:
    distribution = Recipe().distribution
    samples, real = measured["samples"], measured["real"]
    assert samples.shape == real.shape == (300, 2)
    for name, value in metrics.evaluate(samples, real, distribution).items():
        assert measured[name] == value, name
    floor = metrics.noise_floor("ring8-wide", n=300)
    assert (measured["w1_floor"], measured["w1_floor_std"]) == (floor.mean, floor.std)


def test_a_report_s_critic_is_judged_at_the_same_points(measured: dict[str, Any]) -> None:
    recipe = small("wgan-gp", seed=3)
    state = trained(recipe, 30)
    real = critic(recipe, state, torch.tensor(measured["real"])).detach().numpy()
    fake = critic(recipe, state, torch.tensor(measured["samples"])).detach().numpy()
    assert measured["real_mean"] == pytest.approx(real.mean(), rel=1e-9)
    assert measured["fake_mean"] == pytest.approx(fake.mean(), rel=1e-9)
    assert measured["critic_gap"] == pytest.approx(real.mean() - fake.mean(), rel=1e-9)
    assert measured["critic_estimate"] == pytest.approx(measured["critic_gap"] / measured["lipschitz"])
    leaf = torch.tensor(measured["real"]).requires_grad_()
    (slopes,) = torch.autograd.grad(critic(recipe, state, leaf).sum(), leaf)
    assert measured["gradient_norm_real"] == pytest.approx(slopes.norm(dim=1).mean().item(), rel=1e-9)
    assert measured["lipschitz"] >= slopes.norm(dim=1).max().item() * (1 - 1e-12)


def test_a_report_draws_points_of_its_own() -> None:
    recipe = small()
    state = trained(recipe)
    frame = observe(recipe, state)
    found = report(recipe, state, points=100)
    assert not np.isin(found["samples"], frame.samples).any()
    again = report(recipe, state, points=100)
    assert np.array_equal(found["samples"], again["samples"]) and np.array_equal(found["real"], again["real"])


def test_a_report_of_a_lane_is_that_lane_s() -> None:
    recipe = small()
    stack = trained(recipe, 3, seeds=[4, 9])
    found = report(recipe, stack, points=60, lane=1)
    alone = report(small(seed=9), trained(small(seed=9), 3), points=60)
    np.testing.assert_allclose(found["samples"], alone["samples"], rtol=1e-8, atol=1e-9)
    assert np.array_equal(found["real"], alone["real"])
    assert found["w1"] == pytest.approx(alone["w1"], rel=1e-7)
