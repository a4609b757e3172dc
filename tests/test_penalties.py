"""Gradient penalties look where they say, and pull each sample's own gradient norm toward what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from toygan.networks import Shape, value_and_gradient
from toygan.penalties import TOWARD, WHERE, gradient_norms, penalty_slopes


def clouds(lanes: int = 2, batch: int = 6) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((2, lanes, batch, 2))
    return torch.tensor(real), torch.tensor(fake)


def drawn(name: str, lanes: int, batch: int) -> Tensor | None:
    """Noise of the law and width that a place asks for."""
    rng, where = np.random.default_rng(1), WHERE[name]
    if not where.law:
        return None
    shape = (lanes, batch, where.width)
    return torch.tensor(rng.random(shape) if where.law == "uniform" else rng.standard_normal(shape))


# ---- where


def test_between_lies_on_each_pair_s_segment_with_one_share_a_sample() -> None:
    real, fake = clouds()
    noise = drawn("between", 2, 6)
    assert noise is not None and noise.shape == (2, 6, 1)
    points = WHERE["between"].points(real, fake, noise)
    share = ((points - fake) / (real - fake)).numpy()
    np.testing.assert_allclose(share[..., 0], share[..., 1], rtol=1e-9)
    np.testing.assert_allclose(share[..., 0], noise[..., 0], rtol=1e-9)
    assert len(np.unique(share[..., 0].round(9))) == 12


def test_between_goes_from_fake_at_zero_to_real_at_one() -> None:
    real, fake = clouds()
    assert WHERE["between"].law == "uniform"
    nought = torch.zeros(2, 6, 1, dtype=torch.float64)
    assert torch.equal(WHERE["between"].points(real, fake, nought), fake)
    assert torch.equal(WHERE["between"].points(real, fake, nought + 1), real)


def test_noise_around_real_is_zero_mean_with_half_the_data_s_std() -> None:
    rng = np.random.default_rng(2)
    real = torch.tensor(rng.standard_normal((2, 40_000, 2)) * [[[3.0]], [[0.2]]])
    noise = drawn("around-real", 2, 40_000)
    assert WHERE["around-real"].law == "normal"
    shift = WHERE["around-real"].points(real, torch.full_like(real, torch.nan), noise) - real
    for lane in range(2):
        spread = real[lane].std().item()
        assert shift[lane].mean(dim=0).abs().max().item() < 0.02 * spread
        np.testing.assert_allclose(shift[lane].std(dim=0), 0.5 * spread, rtol=0.02)
        assert (shift[lane] < 0).double().mean().item() == pytest.approx(0.5, abs=0.01)


def test_noise_around_real_moves_the_two_coordinates_independently() -> None:
    real, fake = clouds(1, 5000)
    shift = (WHERE["around-real"].points(real, fake, drawn("around-real", 1, 5000)) - real)[0]
    assert abs(np.corrcoef(shift.T)[0, 1]) < 0.05


def test_penalties_at_real_and_at_fake_points_take_the_very_points_of_the_batch() -> None:
    real, fake = clouds()
    assert WHERE["at-real"].points(real, fake, None) is real
    assert WHERE["at-fake"].points(real, fake, None) is fake
    assert WHERE["at-real"].law == WHERE["at-fake"].law == ""


@pytest.mark.parametrize("name", WHERE)
def test_a_place_keeps_lanes_apart(name: str) -> None:
    real, fake = clouds()
    noise = drawn(name, 2, 6)
    before = WHERE[name].points(real, fake, noise)
    poisoned = [tensor.clone() for tensor in (real, fake)]
    for tensor in poisoned:
        tensor[1] = torch.nan
    after = WHERE[name].points(poisoned[0], poisoned[1], noise)
    assert torch.equal(before[0], after[0])


# ---- norms


def test_there_is_one_norm_a_sample_over_its_two_coordinates() -> None:
    gradients = torch.tensor([[[3.0, 4.0], [0.0, -2.0]], [[0.0, 0.0], [5.0, 12.0]]])
    assert gradient_norms(gradients).tolist() == [[5.0, 2.0], [0.0, 13.0]]


def test_the_penalty_of_a_batch_is_the_mean_over_its_samples_own_penalties() -> None:
    # One norm over the whole batch, the popular mistake, would give (5 - 1)^2 instead.
    gradients = torch.tensor([[[3.0, 0.0], [0.0, 4.0]]])
    assert TOWARD["one"].value(gradient_norms(gradients)).mean(dim=-1).tolist() == [(4 + 9) / 2]


# ---- toward


def test_targets_are_the_papers_formulas() -> None:
    norms = np.random.default_rng(3).exponential(size=(3, 9))
    formulas = {
        "one": (norms - 1) ** 2,
        "at-most-one": np.maximum(0, norms - 1) ** 2,
        "zero": norms**2,
        "zero-at-largest": np.repeat(norms.max(axis=1, keepdims=True) ** 2, 9, axis=1),
    }
    assert set(TOWARD) == set(formulas)
    for name, expected in formulas.items():
        np.testing.assert_allclose(TOWARD[name].value(torch.tensor(norms)), expected, rtol=1e-12, err_msg=name)


def test_the_one_sided_penalty_leaves_norms_below_one_alone() -> None:
    norms = torch.tensor([[0.0, 0.3, 1.0, 1.5]], requires_grad=True)
    (slope,) = torch.autograd.grad(TOWARD["at-most-one"].value(norms).sum(), norms)
    assert slope.tolist() == [[0.0, 0.0, 0.0, 1.0]]


def test_the_maximum_penalty_pulls_at_each_lane_s_largest_norm_alone() -> None:
    norms = torch.tensor([[0.5, 3.0, 1.0], [2.0, 0.1, 0.2]], requires_grad=True)
    value = TOWARD["zero-at-largest"].value(norms).mean(dim=-1)
    assert value.tolist() == [9.0, 4.0]
    (slope,) = torch.autograd.grad(value.sum(), norms)
    np.testing.assert_allclose(slope, [[0, 6, 0], [4, 0, 0]], rtol=1e-6)


# ---- on a critic


@pytest.mark.parametrize("toward", TOWARD)
@pytest.mark.parametrize("activation", ["relu", "leaky-relu", "tanh", "elu"])
def test_a_critic_without_slope_gets_a_finite_gradient(toward: str, activation: str) -> None:
    shape = Shape.of(2, 5, 2, 1, activation)
    flat = torch.zeros(2, shape.parameters, requires_grad=True)
    points = clouds()[0].float()
    _, gradients = value_and_gradient(shape, flat, points, slice(None))
    loss = TOWARD[toward].value(gradient_norms(gradients)).mean(dim=-1)
    (slope,) = torch.autograd.grad(loss.sum(), flat)
    assert torch.isfinite(loss).all()
    assert torch.isfinite(slope).all()


def test_samples_where_all_units_are_off_do_not_spoil_the_others_gradient() -> None:
    shape = Shape.of(2, 1, 1, 1, "relu")
    flat = torch.tensor([[1.0, 0.0, 0.0, 2.0, 0.0]], requires_grad=True)  # D(x) = 2 max(0, x_1)
    points = torch.tensor([[[-1.0, 0.0], [1.0, 0.0]]])
    _, gradients = value_and_gradient(shape, flat, points, slice(None))
    norms = gradient_norms(gradients)
    assert norms.tolist() == [[0.0, 2.0]]
    (slope,) = torch.autograd.grad(TOWARD["one"].value(norms).sum(), flat)
    # At the second point the norm is w v with w = 1, v = 2: its penalty's slope is 2 (2 - 1) (v, w).
    assert slope.tolist() == [[4.0, 0.0, 0.0, 2.0, 0.0]]


def test_the_two_sided_penalty_of_a_linear_critic_is_the_same_everywhere() -> None:
    shape = Shape.of(2, 1, 0, 1, "relu")
    flat = torch.tensor([[3.0, 4.0, 7.0]], dtype=torch.float64, requires_grad=True)  # D(x) = 3 x + 4 y + 7
    points = clouds(1)[0]
    _, gradients = value_and_gradient(shape, flat, points, slice(None))
    loss = TOWARD["one"].value(gradient_norms(gradients)).mean(dim=-1)
    assert loss.item() == pytest.approx(16.0, rel=1e-12)
    (slope,) = torch.autograd.grad(loss.sum(), flat)
    np.testing.assert_allclose(slope, [[8 * 0.6, 8 * 0.8, 0.0]], rtol=1e-12)


@pytest.mark.parametrize("toward", TOWARD)
def test_slopes_by_hand_are_autograd_s_and_zero_where_the_gradient_is(toward: str) -> None:
    gradients = torch.tensor(np.random.default_rng(8).standard_normal((3, 7, 2)))
    gradients[0, 2] = gradients[1, 0] = 0
    leaf = gradients.clone().requires_grad_()
    loss = (0.7 * TOWARD[toward].value(gradient_norms(leaf)).mean(dim=-1)).sum()
    (expected,) = torch.autograd.grad(loss, leaf)
    torch.testing.assert_close(penalty_slopes(TOWARD[toward], 0.7, gradients), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("toward", TOWARD)
def test_slopes_by_hand_keep_lanes_apart(toward: str) -> None:
    gradients = torch.tensor(np.random.default_rng(8).standard_normal((3, 7, 2)))
    poisoned = gradients.clone()
    poisoned[1] = torch.nan
    clean, dirty = (penalty_slopes(TOWARD[toward], 0.7, each) for each in (gradients, poisoned))
    assert torch.equal(clean[[0, 2]], dirty[[0, 2]])
