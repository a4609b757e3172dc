"""Constraints do to the critic's weights what the papers say, and to each lane alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from toygan.constraints import CONSTRAINTS
from toygan.iteration import critic_shape
from toygan.networks import Shape
from toygan.recipe import Recipe
from toygan.training import initial_state

SHAPE = Shape((2, 9, 6, 1), "relu")
LANES = 3


def stack(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random weights with biases, and vectors for the power iteration; float64."""
    rng = np.random.default_rng(seed)
    return (
        torch.tensor(rng.standard_normal((LANES, SHAPE.parameters))),
        torch.tensor(rng.standard_normal((LANES, sum(SHAPE.widths[1:])))),
    )


def iterated(flat: Tensor, vectors: Tensor, times: int = 2000) -> Tensor:
    for _ in range(times):
        CONSTRAINTS["spectral-norm"].enforce(SHAPE, flat, vectors, 0.0)
    return vectors


def largest(matrices: Tensor) -> np.ndarray:
    """Largest singular value of each lane's matrix, by LAPACK."""
    return np.linalg.svd(matrices.detach().numpy(), compute_uv=False)[..., 0]


# ---- none


def test_without_a_constraint_the_weights_are_used_and_left_as_they_are() -> None:
    flat, vectors = stack()
    before = flat.clone(), vectors.clone()
    assert CONSTRAINTS[None].weights(SHAPE, flat, vectors) is flat
    CONSTRAINTS[None].enforce(SHAPE, flat, vectors, 0.01)
    assert torch.equal(flat, before[0]) and torch.equal(vectors, before[1])


# ---- clipping


def test_clipping_bounds_every_weight_and_every_bias_and_moves_no_other() -> None:
    flat, vectors = stack()
    before = flat.clone()
    CONSTRAINTS["clip"].enforce(SHAPE, flat, vectors, 0.3)
    outside = before.abs() > 0.3
    assert outside.any() and not outside.all()
    assert torch.equal(flat[outside], 0.3 * before[outside].sign())
    assert torch.equal(flat[~outside], before[~outside])
    for matrix, bias in SHAPE.split(flat):
        assert matrix.abs().max() <= 0.3 and bias.abs().max() <= 0.3
        assert bias.abs().eq(0.3).any() or bias.shape[-1] == 1


def test_clipping_acts_after_the_update_and_not_on_the_weights_in_use() -> None:
    flat, vectors = stack()
    assert CONSTRAINTS["clip"].weights(SHAPE, flat, vectors) is flat


# ---- spectral normalisation


def test_power_iteration_finds_every_layer_s_largest_singular_value() -> None:
    flat, vectors = stack()
    used = CONSTRAINTS["spectral-norm"].weights(SHAPE, flat, iterated(flat, vectors))
    for (matrix, _), (normalised, _) in zip(SHAPE.split(flat), SHAPE.split(used), strict=True):
        np.testing.assert_allclose(largest(normalised), 1.0, rtol=1e-9)
        sigma = largest(matrix)[:, None, None]
        np.testing.assert_allclose(normalised, matrix.numpy() / sigma, rtol=1e-9)


def test_spectral_normalisation_leaves_biases_and_the_stored_weights_alone() -> None:
    flat, vectors = stack()
    before = flat.clone()
    used = CONSTRAINTS["spectral-norm"].weights(SHAPE, flat, iterated(flat, vectors, 3))
    assert torch.equal(flat, before)
    for (_, bias), (_, kept) in zip(SHAPE.split(flat), SHAPE.split(used), strict=True):
        assert torch.equal(bias, kept)


def test_each_update_makes_one_power_iteration() -> None:
    flat, vectors = stack()
    expected = []
    at = 0
    for matrix, _ in SHAPE.split(flat):
        u = vectors[:, at : at + matrix.shape[2]].numpy().copy()
        at += matrix.shape[2]
        for lane in range(LANES):
            w = matrix[lane].numpy()
            u[lane] = w.T @ (w @ u[lane])
            u[lane] /= np.linalg.norm(u[lane])
        expected.append(u)
    CONSTRAINTS["spectral-norm"].enforce(SHAPE, flat, vectors, 0.0)
    np.testing.assert_allclose(vectors, np.concatenate(expected, axis=1), rtol=1e-10)


def test_the_gradient_of_spectral_normalisation_treats_both_vectors_as_constants() -> None:
    flat, vectors = stack()
    iterated(flat, vectors, 2)  # far from converged: a gradient through u or v would show
    flat.requires_grad_()
    upstream = torch.tensor(np.random.default_rng(5).standard_normal(flat.shape))
    used = CONSTRAINTS["spectral-norm"].weights(SHAPE, flat, vectors)
    (found,) = torch.autograd.grad((upstream * used).sum(), flat)
    at = 0
    pieces = zip(SHAPE.split(flat.detach()), SHAPE.split(upstream), SHAPE.split(found), strict=True)
    for (matrix, _), (a, a_bias), (gradient, bias_gradient) in pieces:
        columns = slice(at, at + matrix.shape[2])
        at += matrix.shape[2]
        for lane in range(LANES):
            w, u = matrix[lane].numpy(), vectors[lane, columns].numpy()
            v = w @ u / np.linalg.norm(w @ u)
            sigma = v @ w @ u
            expected = a[lane].numpy() / sigma - (a[lane].numpy() * w).sum() / sigma**2 * np.outer(v, u)
            np.testing.assert_allclose(gradient[lane], expected, rtol=1e-9, atol=1e-12)
        assert torch.equal(bias_gradient, a_bias)


def test_a_run_starts_with_singular_values_close_to_their_true_ones() -> None:
    recipe = Recipe(method="sngan", critic_width=64, critic_depth=3)
    state = initial_state(recipe, seeds=[0, 1], dtype=np.float64)
    shape = critic_shape(recipe)
    used = CONSTRAINTS["spectral-norm"].weights(shape, torch.from_numpy(state.critic), torch.from_numpy(state.vectors))
    for matrix, _ in shape.split(used):
        # sigma is found from below, so that what is used is at least one
        assert (largest(matrix) >= 1 - 1e-9).all() and (largest(matrix) < 1.1).all()


# ---- lanes


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_lane_of_nans_leaves_the_others_bit_for_bit(name: str | None) -> None:
    outcomes = []
    for poison in (False, True):
        flat, vectors = stack()
        if poison:
            flat[1] = torch.nan
        CONSTRAINTS[name].enforce(SHAPE, flat, vectors, 0.1)
        outcomes.append((flat, vectors, CONSTRAINTS[name].weights(SHAPE, flat, vectors)))
    for clean, dirty in zip(*outcomes, strict=True):
        assert torch.equal(clean[[0, 2]], dirty[[0, 2]])
