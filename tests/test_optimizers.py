"""Update rules on flat vectors are those of torch.optim, and keep lanes apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from toygan.optimizers import OPTIMIZERS, clip_norm

RATE = 1e-2
LANES, WEIGHTS, UPDATES = 3, 11, 50

#: name -> the same rule in torch.optim, for given betas.
THEIRS: dict[str, Callable[[list[Tensor], float, float], torch.optim.Optimizer]] = {
    "adam": lambda weights, beta1, beta2: torch.optim.Adam(weights, RATE, (beta1, beta2), eps=1e-8),
    "rmsprop": lambda weights, beta1, beta2: torch.optim.RMSprop(weights, RATE, alpha=beta2, eps=1e-8),
    "sgd": lambda weights, beta1, beta2: torch.optim.SGD(weights, RATE, momentum=beta1),
}

every_rule = pytest.mark.parametrize("name", OPTIMIZERS)


def start() -> tuple[Tensor, Tensor]:
    """Weights to begin with, and the gradients of all updates; some weights never get one."""
    rng = np.random.default_rng(0)
    gradients = rng.standard_normal((UPDATES, LANES, WEIGHTS)) * 10.0 ** rng.integers(-4, 3, (LANES, WEIGHTS))
    gradients[:, :, 0] = 0
    return torch.tensor(rng.standard_normal((LANES, WEIGHTS))), torch.tensor(gradients)


def train(name: str, weights: Tensor, gradients: Tensor, beta1: float, beta2: float) -> Tensor:
    weights, moments = weights.clone(), torch.zeros(2, *weights.shape, dtype=weights.dtype)
    for update, gradient in enumerate(gradients, start=1):
        OPTIMIZERS[name](weights, gradient, moments, update, RATE, beta1, beta2)
    return weights


@every_rule
@pytest.mark.parametrize("betas", [(0.5, 0.9), (0.0, 0.9), (0.9, 0.999), (0.0, 0.0)])
def test_fifty_updates_equal_those_of_torch(name: str, betas: tuple[float, float]) -> None:
    weights, gradients = start()
    leaf = weights.clone().requires_grad_()
    optimizer = THEIRS[name]([leaf], *betas)
    for gradient in gradients:
        leaf.grad = gradient.clone()
        optimizer.step()
    found = train(name, weights, gradients, *betas)
    torch.testing.assert_close(found, leaf.detach(), rtol=1e-12, atol=1e-12)


@every_rule
def test_weights_without_a_gradient_stay_where_they_are(name: str) -> None:
    weights, gradients = start()
    assert torch.equal(train(name, weights, gradients, 0.5, 0.9)[:, 0], weights[:, 0])


@every_rule
def test_an_update_does_not_write_into_the_gradient(name: str) -> None:
    weights, gradients = start()
    gradient = gradients[0].clone()
    OPTIMIZERS[name](weights, gradient, torch.zeros(2, LANES, WEIGHTS).double(), 1, RATE, 0.5, 0.9)
    assert torch.equal(gradient, gradients[0])


@every_rule
def test_a_gradient_may_be_one_number_that_is_repeated(name: str) -> None:
    weights, _ = start()
    repeated = torch.tensor([[2.5]], dtype=torch.float64).expand(LANES, WEIGHTS)
    found, expected = (train(name, weights, each[None], 0.5, 0.9) for each in (repeated, repeated.clone()))
    assert torch.equal(found, expected)


@every_rule
def test_a_lane_in_a_stack_is_updated_as_it_is_alone(name: str) -> None:
    weights, gradients = start()
    together = train(name, weights, gradients, 0.5, 0.9)
    for lane in range(LANES):
        one = slice(lane, lane + 1)
        alone = train(name, weights[one], gradients[:, one], 0.5, 0.9)
        torch.testing.assert_close(together[one], alone, rtol=1e-14, atol=0)


@every_rule
def test_a_lane_of_nans_leaves_the_others_bit_for_bit(name: str) -> None:
    weights, gradients = start()
    poisoned = gradients.clone()
    poisoned[10:, 1] = torch.nan
    clean, dirty = (train(name, weights, g, 0.5, 0.9) for g in (gradients, poisoned))
    assert dirty[1].isnan().any()
    assert torch.equal(clean[[0, 2]], dirty[[0, 2]])


@every_rule
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_rate_and_a_count_in_tensors_give_the_bits_of_those_in_numbers(name: str, dtype: torch.dtype) -> None:
    numbers, tensors = (start()[0].to(dtype) for _ in range(2))
    moments, theirs = (torch.zeros(2, LANES, WEIGHTS, dtype=dtype) for _ in range(2))
    for update, gradient in enumerate(start()[1].to(dtype), start=1):
        rate, count = torch.tensor([RATE / update, update], dtype=torch.float64).unbind()
        OPTIMIZERS[name](numbers, gradient, moments, update, RATE / update, 0.5, 0.9)
        OPTIMIZERS[name](tensors, gradient, theirs, count, rate, 0.5, 0.9)
    assert torch.equal(numbers, tensors) and torch.equal(moments, theirs)


def test_adam_s_first_update_is_the_rate_in_the_gradient_s_direction_whatever_its_size() -> None:
    gradient = torch.tensor([[1e-3, -5.0, 200.0]], dtype=torch.float64)
    weights, moments = torch.zeros(1, 3, dtype=torch.float64), torch.zeros(2, 1, 3, dtype=torch.float64)
    OPTIMIZERS["adam"](weights, gradient, moments, 1, RATE, 0.5, 0.9)
    np.testing.assert_allclose(weights, [[-RATE, RATE, -RATE]], rtol=2e-5)


# ---- gradient-norm clipping


def test_clipping_scales_each_lane_s_gradient_to_the_bound_by_its_own_norm() -> None:
    gradient = np.random.default_rng(1).standard_normal((4, 9)) * [[0.01], [1.0], [30.0], [1e8]]
    norms = np.linalg.norm(gradient, axis=1, keepdims=True)
    found = clip_norm(torch.tensor(gradient), 2.0)
    np.testing.assert_allclose(found, gradient * np.minimum(1, 2 / norms), rtol=1e-14)
    assert np.linalg.norm(found, axis=1).max() == pytest.approx(2.0)


def test_clipping_leaves_shorter_gradients_bit_for_bit_and_zero_at_zero() -> None:
    gradient = torch.tensor([[0.3, -0.4], [0.0, 0.0]])
    assert torch.equal(clip_norm(gradient, 1.0), gradient)


def test_a_lane_of_nans_does_not_change_how_the_others_are_clipped() -> None:
    gradient = torch.tensor([[30.0, 40.0], [torch.nan, 1.0], [0.3, 0.4]])
    found = clip_norm(gradient, 5.0)
    np.testing.assert_allclose(found[[0, 2]], [[3.0, 4.0], [0.3, 0.4]], rtol=1e-6)
