"""Hand-derived passes equal PyTorch's, first and second order, and can be done again in the same buffers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from toygan import routes
from toygan.networks import Shape, forward, value_and_gradient
from toygan.passes import Pass, Tangent

ROWS = 9

every_activation = pytest.mark.parametrize("activation", ["relu", "leaky-relu"])
every_depth = pytest.mark.parametrize("depth", range(4))
every_stack = pytest.mark.parametrize("lanes", [1, 2, 3])


def network(activation: str, depth: int, lanes: int, outputs: int = 1) -> tuple[Shape, Tensor, Tensor]:
    """Random weights and biases, and points; float64."""
    rng = np.random.default_rng(depth)
    shape = Shape.of(2, 5, depth, outputs, activation)
    flat = torch.tensor(rng.standard_normal((lanes, shape.parameters)))
    return shape, flat, torch.tensor(rng.standard_normal((lanes, ROWS, 2)))


def passed(shape: Shape, flat: Tensor, points: Tensor, seeds: Tensor) -> Pass:
    """A pass there and back."""
    found = Pass(shape, flat, torch.full_like(flat, torch.nan), points.shape[1])
    found.points.copy_(points)
    found.forward()
    found.seeds.copy_(seeds)
    found.backward()
    return found


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def normal(*shape: int) -> Tensor:
    return torch.tensor(np.random.default_rng(7).standard_normal(shape))


@every_activation
@every_depth
@every_stack
@pytest.mark.parametrize("outputs", [1, 2])
def test_values_slopes_and_weight_gradients_are_autograd_s(
    activation: str, depth: int, lanes: int, outputs: int
) -> None:
    shape, flat, points = network(activation, depth, lanes, outputs)
    seeds = normal(lanes, ROWS, outputs)
    weights, leaf = flat.clone().requires_grad_(), points.clone().requires_grad_()
    values = forward(shape, weights, leaf)
    expected = torch.autograd.grad((seeds * values).sum(), (weights, leaf))
    found = passed(shape, flat, points, seeds)
    close(found.values, values.detach())
    close(found.differentiate(), expected[0])
    close(found.slopes(), expected[1])


@every_activation
@every_depth
@every_stack
@pytest.mark.parametrize("shared", [False, True], ids=["of their own", "shared with the loss"])
def test_a_penalty_s_weight_gradient_is_that_of_double_backward(
    activation: str, depth: int, lanes: int, shared: bool
) -> None:
    shape, flat, points = network(activation, depth, lanes)
    start, stop = 3, 7
    slopes, pulls = normal(lanes, ROWS, 1), normal(lanes, stop - start, 2)
    if not shared:
        slopes[:, start:stop] = 0
    weights = flat.clone().requires_grad_()
    values, gradients = value_and_gradient(shape, weights, points, slice(start, stop))
    loss = (slopes[..., 0] * values).sum() + (pulls * gradients).sum()
    seeds = slopes.clone()
    seeds[:, start:stop] = 1
    found = passed(shape, flat, points, seeds)
    part = found.rows(start, stop)
    close(part.slopes(), gradients.detach())
    Tangent(part, slopes[:, start:stop] if shared else None).replace(pulls)
    (expected,) = torch.autograd.grad(loss, weights)
    close(found.differentiate(), expected)


@every_activation
def test_a_penalty_s_weight_gradient_is_the_quotient_of_differences(activation: str) -> None:
    shape, flat, points = network(activation, 2, 1)

    def penalty(weights: Tensor) -> Tensor:
        found = passed(shape, weights, points, torch.ones(1, ROWS, 1).double())
        return torch.linalg.vector_norm(found.slopes(), dim=-1).sub(1).square().sum()

    found = passed(shape, flat, points, torch.ones(1, ROWS, 1).double())
    gradients = found.slopes()
    norms = torch.linalg.vector_norm(gradients, dim=-1, keepdim=True)
    Tangent(found).replace(2 * (norms - 1) * gradients / norms)
    gradient, step = found.differentiate(), 1e-6
    for weight in range(shape.parameters):
        there = torch.zeros_like(flat)
        there[0, weight] = step
        quotient = (penalty(flat + there) - penalty(flat - there)) / (2 * step)
        assert gradient[0, weight].item() == pytest.approx(quotient.item(), rel=1e-5, abs=1e-7)


@every_stack
@pytest.mark.parametrize("scale", [None, 0.3])
def test_a_pass_leaves_nothing_behind_for_the_next_one(lanes: int, scale: float | None) -> None:
    shape, flat, points = network("relu", 3, lanes)
    found = Pass(shape, flat, torch.empty_like(flat), ROWS)
    part = found.rows(2, 6)
    tangent = Tangent(part, None if scale is None else torch.full((lanes, 4, 1), scale, dtype=torch.float64))
    results = []
    for _ in range(2):
        found.points.copy_(points)
        found.seeds.fill_(1)
        found.forward()
        found.backward()
        tangent.replace(part.slopes())
        results.append((found.values.clone(), found.differentiate().clone()))
        tangent.restore()
        found.points.fill_(5)
        found.forward()
    for first, second in zip(*results, strict=True):
        assert torch.equal(first, second)


def test_some_rows_of_a_pass_are_a_pass_in_the_same_buffers() -> None:
    shape, flat, points = network("relu", 2, 2)
    found = passed(shape, flat, points, torch.zeros(2, ROWS, 1))
    part = found.rows(4, ROWS)
    part.seeds.fill_(1)
    part.backward()
    weights = flat.clone().requires_grad_()
    (expected,) = torch.autograd.grad(forward(shape, weights, points[:, 4:]).sum(), weights)
    close(part.differentiate(), expected)
    close(part.values, found.values[:, 4:])


def test_a_pass_apart_leaves_the_other_s_values_seeds_and_slopes() -> None:
    shape, flat, points = network("relu", 2, 2)
    found = passed(shape, flat, points, torch.full((2, ROWS, 1), 3.0))
    before = [each.clone() for each in (found.values, found.seeds, found.slopes())]
    apart = found.rows(2, ROWS, apart=True)
    apart.points.copy_(points[:, 2:] + 1)
    apart.forward()
    apart.seeds.fill_(1)
    apart.backward()
    expected = passed(shape, flat, points + 1, torch.ones(2, ROWS, 1))
    close(apart.values, expected.values[:, 2:])
    close(apart.slopes(), expected.slopes()[:, 2:])
    for was, each in zip(before, (found.values, found.seeds, found._slopes), strict=True):
        assert torch.equal(was, each)


@pytest.fixture
def numpy_multiplies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Single precision goes by NumPy's products, whatever the processor."""
    monkeypatch.setattr(routes, "openblas", lambda: True)


def there_and_back(shape: Shape, flat: Tensor, points: Tensor, pulls: Tensor) -> list[Tensor]:
    """Values, slopes, the weight gradient of the values' sum, and that of a penalty."""
    found = passed(shape, flat, points, torch.ones(len(flat), ROWS, 1))
    results = [found.values.clone(), found.slopes().clone(), found.differentiate().clone()]
    Tangent(found).replace(pulls)
    return [*results, found.differentiate().clone()]


@every_activation
@every_stack
@pytest.mark.usefixtures("numpy_multiplies")
def test_numpy_s_products_are_as_good_as_pytorch_s(activation: str, lanes: int) -> None:
    exact = (*network(activation, 3, lanes), normal(lanes, ROWS, 2))
    single = (each.float() if isinstance(each, Tensor) else each for each in exact)
    for found, expected in zip(there_and_back(*single), there_and_back(*exact), strict=True):
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


@every_activation
@pytest.mark.usefixtures("numpy_multiplies")
def test_by_numpy_s_products_a_lane_has_the_bits_that_it_has_alone(activation: str) -> None:
    shape, flat, points = network(activation, 3, 3)
    pulls = normal(3, ROWS, 2).float()
    together = there_and_back(shape, flat.float(), points.float(), pulls)
    for lane in range(3):
        its = slice(lane, lane + 1)
        alone = there_and_back(shape, flat[its].float(), points[its].float(), pulls[its])
        for found, expected in zip(together, alone, strict=True):
            assert torch.equal(found[its], expected)


def test_weights_are_read_where_they_are() -> None:
    shape, flat, points = network("relu", 2, 1)
    found = passed(shape, flat, points, torch.ones(1, ROWS, 1))
    flat.mul_(1.5)
    found.forward()
    close(found.values, forward(shape, flat, points))


def test_a_lane_of_nans_leaves_the_others_bit_for_bit() -> None:
    shape, flat, points = network("relu", 3, 3)
    poisoned = flat.clone()
    poisoned[1] = torch.nan
    clean, dirty = (passed(shape, weights, points, torch.ones(3, ROWS, 1)) for weights in (flat, poisoned))
    for each in (clean, dirty):
        Tangent(each).replace(each.slopes())
    assert torch.equal(clean.differentiate()[[0, 2]], dirty.differentiate()[[0, 2]])


@pytest.mark.parametrize("activation", ["tanh", "elu"])
def test_activations_that_bend_are_refused(activation: str) -> None:
    shape = Shape.of(2, 5, 2, 1, activation)
    flat = torch.zeros(1, shape.parameters)
    with pytest.raises(ValueError, match=f"{activation} is not piecewise linear"):
        Pass(shape, flat, flat.clone(), 3)
