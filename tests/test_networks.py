"""Stacked networks equal plain ones, and the analytic gradients equal those of PyTorch's double backward."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import elu, leaky_relu, softplus

from toygan.networks import ACTIVATIONS, Shape, forward, input_gradient, value_and_gradient
from toygan.recipe import network_size

PHI: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky-relu": lambda x: leaky_relu(x, 0.2),
    "tanh": torch.tanh,
    "elu": elu,
}
PIECEWISE_LINEAR = ("relu", "leaky-relu")
ROWS = 7
SLICES = [slice(None), slice(0, 0), slice(0, 3), slice(2, 5), slice(4, ROWS), slice(ROWS, ROWS)]


def plain(shape: Shape, flat: Tensor, points: Tensor) -> Tensor:
    """The same network lane by lane and layer by layer: matrix (inputs, outputs), then bias."""
    outputs = []
    for weights, rows in zip(flat, points, strict=True):
        at = 0
        for layer, (a, b) in enumerate(zip(shape.widths[:-1], shape.widths[1:], strict=True)):
            matrix, bias = weights[at : at + a * b].reshape(a, b), weights[at + a * b : at + (a + 1) * b]
            at += (a + 1) * b
            rows = rows @ matrix + bias
            if layer < len(shape.widths) - 2:
                rows = PHI[shape.activation](rows)
        outputs.append(rows)
    return torch.stack(outputs)


def plain_gradient(shape: Shape, flat: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Values and input gradients by PyTorch, differentiable once more."""
    leaf = points.detach().requires_grad_()
    values = plain(shape, flat, leaf)[..., 0]
    (gradients,) = torch.autograd.grad(values.sum(), leaf, create_graph=True)
    return values, gradients


def critic(activation: str, depth: int, lanes: int, seed: int = 0) -> tuple[Shape, Tensor, Tensor]:
    """A critic with random weights and biases, and points to look at; float64."""
    rng = np.random.default_rng(seed)
    shape = Shape.of(2, 5, depth, 1, activation)
    flat = torch.tensor(rng.standard_normal((lanes, shape.parameters)), requires_grad=True)
    return shape, flat, torch.tensor(rng.standard_normal((lanes, ROWS, 2)))


def close(found: Tensor, expected: Tensor) -> None:
    """Equal to 1e-10, relative to the largest entry."""
    scale = max(1.0, expected.detach().abs().max().item()) if expected.numel() else 1.0
    torch.testing.assert_close(found.detach(), expected.detach(), rtol=0, atol=1e-10 * scale)


every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
every_depth = pytest.mark.parametrize("depth", range(4))
every_stack = pytest.mark.parametrize("lanes", [1, 2, 3])


# ---- shapes and initial weights


def test_the_recipe_counts_the_weights_that_networks_have() -> None:
    for inputs, width, depth, outputs in [(2, 128, 3, 1), (256, 7, 0, 2), (1, 1, 8, 2), (3, 5, 1, 4)]:
        shape = Shape.of(inputs, width, depth, outputs, "relu")
        assert shape.parameters == network_size(inputs, width, depth, outputs)
        assert len(shape.layers) == depth + 1
        assert shape.layers[0][0] == inputs and shape.layers[-1][1] == outputs


@every_activation
def test_initial_weights_have_he_s_std_in_hidden_layers_and_one_over_root_inputs_in_the_last(
    activation: str,
) -> None:
    shape = Shape((300, 400, 500, 200), activation)
    gain = {"relu": 2**0.5, "leaky-relu": (2 / 1.04) ** 0.5, "tanh": 1.0, "elu": 1.0}[activation]
    flat = torch.tensor(shape.initial(np.random.default_rng(0)))[None]
    for (matrix, bias), inputs, factor in zip(shape.split(flat), (300, 400, 500), (gain, gain, 1.0), strict=True):
        assert matrix.std().item() == pytest.approx(factor / inputs**0.5, rel=0.01)
        assert abs(matrix.mean().item()) < 0.01 * factor
        assert bias.count_nonzero() == 0


def test_initial_signals_keep_their_size_through_relu_layers() -> None:
    shape = Shape.of(200, 400, 4, 400, "relu")
    flat = torch.tensor(shape.initial(np.random.default_rng(1)))[None]
    points = torch.tensor(np.random.default_rng(2).standard_normal((1, 300, 200)))
    assert forward(shape, flat, points).square().mean().item() == pytest.approx(1, rel=0.2)


# ---- forward


@every_activation
@every_depth
@every_stack
def test_forward_is_each_lane_s_layers_in_turn(activation: str, depth: int, lanes: int) -> None:
    rng = np.random.default_rng(depth)
    shape = Shape.of(3, 6, depth, 2, activation)
    flat = torch.tensor(rng.standard_normal((lanes, shape.parameters)))
    points = torch.tensor(rng.standard_normal((lanes, ROWS, 3)))
    found = forward(shape, flat, points)
    assert found.shape == (lanes, ROWS, 2)
    close(found, plain(shape, flat, points))


def test_a_network_without_hidden_layers_is_linear() -> None:
    shape = Shape.of(2, 99, 0, 1, "relu")
    flat = torch.tensor([[2.0, -1.0, 0.5]])
    assert forward(shape, flat, torch.tensor([[[1.0, 3.0]]])).tolist() == [[[-0.5]]]


# ---- values and input gradients


@every_activation
@every_depth
@every_stack
def test_values_and_gradients_equal_those_of_autograd(activation: str, depth: int, lanes: int) -> None:
    shape, flat, points = critic(activation, depth, lanes)
    values, gradients = plain_gradient(shape, flat, points)
    for rows in SLICES:
        found_values, found_gradients = value_and_gradient(shape, flat, points, rows)
        close(found_values, values)
        close(found_gradients, gradients[:, rows])


@every_activation
@every_depth
@every_stack
def test_weight_gradients_of_losses_on_both_equal_double_backward(activation: str, depth: int, lanes: int) -> None:
    shape, flat, points = critic(activation, depth, lanes)
    rng = np.random.default_rng(9)
    seeds = torch.tensor(rng.standard_normal((lanes, ROWS)))
    tangents = torch.tensor(rng.standard_normal((lanes, ROWS, 2)))

    def losses(values: Tensor, gradients: Tensor, rows: slice) -> list[Tensor]:
        first = (seeds * values).sum() + values.square().sum()
        norms = torch.linalg.vector_norm(gradients, dim=-1)
        second = (tangents[:, rows] * gradients).sum() + (norms - 1).square().sum()
        return [first, second, first + second]

    for rows in SLICES:
        values, gradients = plain_gradient(shape, flat, points)
        found = losses(*value_and_gradient(shape, flat, points, rows), rows)
        expected = losses(values, gradients[:, rows], rows)
        for mine, theirs in zip(found, expected, strict=True):
            close(
                _weight_gradient(mine, flat),
                _weight_gradient(theirs, flat),
            )


def _weight_gradient(loss: Tensor, flat: Tensor) -> Tensor:
    if not loss.requires_grad:
        return torch.zeros_like(flat)
    (gradient,) = torch.autograd.grad(loss, flat, retain_graph=True, allow_unused=True, materialize_grads=True)
    return gradient


@every_activation
@every_depth
def test_values_are_differentiable_in_the_points_as_the_generator_needs(activation: str, depth: int) -> None:
    shape, flat, points = critic(activation, depth, 2)
    seeds = torch.tensor(np.random.default_rng(3).standard_normal((2, ROWS)))
    leaf = points.clone().requires_grad_()
    expected = torch.autograd.grad((seeds * plain(shape, flat, leaf)[..., 0]).sum(), leaf)[0]
    for rows in (slice(0, 0), slice(None)):
        values, _ = value_and_gradient(shape, flat.detach(), leaf, rows)
        close(torch.autograd.grad((seeds * values).sum(), leaf)[0], expected)


@every_activation
@pytest.mark.parametrize("rows", SLICES, ids=str)
def test_weight_gradients_pass_gradcheck(activation: str, rows: slice) -> None:
    shape, flat, points = critic(activation, 2, 2, seed=4)
    assert torch.autograd.gradcheck(lambda w: value_and_gradient(shape, w, points, rows), flat)


@pytest.mark.parametrize("activation", PIECEWISE_LINEAR)
def test_point_gradients_pass_gradcheck_where_the_critic_is_piecewise_linear(activation: str) -> None:
    shape, flat, points = critic(activation, 2, 2, seed=5)
    points.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: value_and_gradient(shape, flat, x, slice(1, 4)), points)


# ---- whole critic losses, as the papers write them


def two_sided(norms: Tensor) -> Tensor:
    return (norms - 1).square()


def losses_by(
    function: Callable[[Tensor, slice], tuple[Tensor, Tensor]], real: Tensor, fake: Tensor, between: Tensor
) -> dict[str, Tensor]:
    """Critic losses summed over lanes, with values and gradients from ``function(points, rows)``."""
    n = real.shape[1]

    def parts(points: list[Tensor], rows: slice) -> tuple[Tensor, Tensor, Tensor]:
        values, gradients = function(torch.cat(points, dim=1), rows)
        return values[:, :n], values[:, n : 2 * n], gradients.square().sum(dim=-1)

    result = {}
    r, f, squares = parts([real, fake, between], slice(2 * n, 3 * n))
    result["wgan-gp"] = f.mean(1) - r.mean(1) + 10 * two_sided(squares.sqrt()).mean(1)
    r, f, squares = parts([real, fake], slice(0, n))
    result["r1"] = softplus(-r).mean(1) + softplus(f).mean(1) + 0.5 * squares.mean(1)
    r, f, squares = parts([real, fake], slice(0, 2 * n))
    result["r3gan"] = softplus(f - r).mean(1) + 0.5 * (squares[:, :n].mean(1) + squares[:, n:].mean(1))
    return {name: loss.sum() for name, loss in result.items()}


@every_activation
@pytest.mark.parametrize("depth", [0, 3])
def test_critic_losses_of_wgan_gp_r1_and_r3gan_have_double_backward_s_weight_gradient(
    activation: str, depth: int
) -> None:
    rng = np.random.default_rng(6)
    shape = Shape.of(2, 16, depth, 1, activation)
    flat = torch.tensor(np.stack([shape.initial(rng) for _ in range(3)]), requires_grad=True)
    real, fake = (torch.tensor(cloud) for cloud in rng.standard_normal((2, 3, 32, 2)))
    between = torch.lerp(fake, real, torch.tensor(rng.random((3, 32, 1))))

    def by_double_backward(points: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        values, gradients = plain_gradient(shape, flat, points)
        return values, gradients[:, rows]

    found = losses_by(lambda p, rows: value_and_gradient(shape, flat, p, rows), real, fake, between)
    expected = losses_by(by_double_backward, real, fake, between)
    for name, loss in expected.items():
        close(found[name], loss)
        close(torch.autograd.grad(found[name], flat)[0], torch.autograd.grad(loss, flat)[0])


# ---- what else callers rely on


@every_activation
def test_input_gradient_is_detached_and_works_without_recording(activation: str) -> None:
    shape, flat, points = critic(activation, 2, 2)
    expected_values, expected_gradients = plain_gradient(shape, flat, points)
    with torch.no_grad():
        values, gradients = input_gradient(shape, flat, points)
    assert not values.requires_grad and not gradients.requires_grad
    close(values, expected_values)
    close(gradients, expected_gradients)


@every_activation
def test_a_lane_in_a_stack_has_the_values_and_gradients_it_has_alone(activation: str) -> None:
    shape, flat, points = critic(activation, 3, 3)
    rows = slice(1, 5)

    def everything(weights: Tensor, at: Tensor) -> list[Tensor]:
        values, gradients = value_and_gradient(shape, weights, at, rows)
        loss = values.square().mean(dim=1) + gradients.square().sum(dim=-1).mean(dim=1)
        return [values, gradients, torch.autograd.grad(loss.sum(), weights)[0]]

    stacked = everything(flat, points)
    for lane in range(3):
        alone = everything(flat[lane : lane + 1].detach().requires_grad_(), points[lane : lane + 1])
        for together, single in zip(stacked, alone, strict=True):
            close(together[lane : lane + 1], single)


@every_activation
def test_a_lane_of_nans_leaves_the_others_bit_for_bit(activation: str) -> None:
    shape, flat, points = critic(activation, 3, 3)
    poisoned = flat.detach().clone()
    poisoned[1] = torch.nan
    for rows in (slice(None), slice(2, 5)):
        gradients = []
        for weights in (flat.detach().requires_grad_(), poisoned.clone().requires_grad_()):
            values, slopes = value_and_gradient(shape, weights, points, rows)
            loss = values.mean(dim=1) + torch.linalg.vector_norm(slopes, dim=-1).mean(dim=1)
            gradients.append([values, slopes, torch.autograd.grad(loss.sum(), weights)[0]])
        for clean, dirty in zip(*gradients, strict=True):
            assert torch.equal(clean[[0, 2]], dirty[[0, 2]])


@every_activation
def test_single_precision_gives_single_precision(activation: str) -> None:
    shape, flat, points = critic(activation, 3, 2)
    values, gradients = value_and_gradient(shape, flat.float(), points.float(), slice(None))
    assert values.dtype == gradients.dtype == torch.float32
    torch.testing.assert_close(gradients.double(), plain_gradient(shape, flat, points)[1], rtol=1e-3, atol=1e-4)
