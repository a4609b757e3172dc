"""Examining a critic: its weights, its gradients layer by layer and over the plane, and how it compares with the best.

The best critic is Kantorovich's potential, from exact transport between the two clouds it is examined on.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from toygan import evaluation
from toygan.constraints import CONSTRAINTS
from toygan.examination import Examination, Ideal, Place
from toygan.frames import GRID
from toygan.generators import GENERATORS
from toygan.iteration import critic_shape
from toygan.metrics.transport import Plan, optimal_plan
from toygan.networks import ACTIVATIONS, Shape, forward
from toygan.objectives import OBJECTIVES
from toygan.penalties import WHERE
from toygan.recipe import Recipe
from toygan.state import State
from toygan.streams import Purpose, stream
from toygan.theory.dual import extend_potential

#: Points in each of the two clouds.
POINTS = 1000

#: Bins of the weights' histogram, and the share of weights that its range covers: a few of the first layer's are far.
_BINS, _COVERED = 44, 0.995


def examine(recipe: Recipe, state: State) -> Examination:
    """The first lane's critic, examined on ``POINTS`` fresh real and generated points."""
    now = recipe.at(state.step)
    shape, constraint = critic_shape(now), CONSTRAINTS[now.method_entry.constraint]
    with torch.no_grad():
        own = torch.from_numpy(state.critic[:1])
        weights = constraint.weights(shape, own, torch.from_numpy(state.vectors[:1])).double()
    real, fake = _clouds(now, state)
    square = _square(now.distribution.extent)
    looked = {name: _looked_at(name, real, fake) for name in ("between", "around-real")}
    values, gradients = _critic(shape, weights, np.concatenate([real, fake, square, *looked.values()]))
    norms = np.linalg.norm(gradients, axis=-1)
    ends = np.cumsum([len(real), len(fake), len(square), *map(len, looked.values())])[:-1]
    on_real, on_fake, on_square, *_ = np.split(values, ends)
    _, _, slopes, *at_places = np.split(norms, ends)
    gap, lipschitz = float(on_real.mean() - on_fake.mean()), float(norms.max())
    scale = lipschitz or 1.0
    clip = now.clip if now.method_entry.constraint == "clip" else None
    edges, shares, bound, pinned = _weights(weights[0].numpy(), clip)
    return Examination(
        step=state.step,
        edges=edges,
        shares=shares,
        bound=bound,
        pinned=pinned,
        layers=_layers(shape, weights, real, fake, now),
        surface=((on_square - (on_real.mean() + on_fake.mean()) / 2) / scale).reshape(GRID, GRID),
        slopes=slopes.reshape(GRID, GRID),
        places={name: Place(looked[name], found) for name, found in zip(looked, at_places, strict=True)},
        cosines=_cosines(gradients[len(real) : 2 * len(real)], real[_plan_of(real, fake).partner] - fake),
        gap=gap,
        lipschitz=lipschitz,
        estimate=gap / scale,
    )


def ideal(recipe: Recipe, state: State) -> Ideal:
    """The best critic and the optimal plan for the clouds that ``examine`` uses."""
    real, fake = _clouds(recipe.at(state.step), state)
    plan = _plan_of(real, fake)
    extent = recipe.distribution.extent
    on_real, on_fake, on_square = (
        extend_potential(places, fake, plan.v) for places in (real, fake, _square(extent).reshape(GRID, GRID, 2))
    )
    middle = (on_real.mean() + on_fake.mean()) / 2
    return Ideal(extent, real, fake, plan.partner, on_square - middle, plan.w1)


def layer_gradients(shape: Shape, weights: Tensor, points: Tensor, slopes: Tensor) -> list[Tensor]:
    """dL / dH_l of each layer's activations H_l, (N, width), from the input (l = 0) to the last hidden layer.

    ``points`` (N, 2) are the input, ``slopes`` (N,) is dL / dD at each of them, ``weights`` (1, P).
    """
    activation = ACTIVATIONS[shape.activation].forward
    *hidden, (last, last_bias) = shape.split(weights)
    activations = [points.unsqueeze(0).requires_grad_()]
    for weight, bias in hidden:
        activations.append(activation(torch.baddbmm(bias, activations[-1], weight)))
    values = torch.baddbmm(last_bias, activations[-1], last)[0, :, 0]
    return [found[0] for found in torch.autograd.grad(values, activations, slopes)]


def _layers(shape: Shape, weights: Tensor, real: np.ndarray, fake: np.ndarray, recipe: Recipe) -> np.ndarray:
    """The root mean square, over points, of each point's own gradient: that of N times the mean loss."""
    points = torch.from_numpy(np.concatenate([real, fake]))
    with torch.no_grad():
        values = forward(shape, weights, points.unsqueeze(0))[..., 0]
    values.requires_grad_()
    loss = OBJECTIVES[recipe.method_entry.objective].critic(values[:, : len(real)], values[:, len(real) :])
    (slopes,) = torch.autograd.grad(loss.sum() * len(real), values)
    found = layer_gradients(shape, weights, points, slopes[0])
    return np.array([float(gradient.square().sum(dim=1).mean().sqrt()) for gradient in found])


def _weights(weights: np.ndarray, clip: float | None) -> tuple[np.ndarray, np.ndarray, float, float]:
    """The edges and shares of the histogram of all weights and biases, their bound, and how many are at it."""
    sizes = np.abs(weights)
    # The first layer's weights may be several times as large as all others.
    reach = 1.1 * float(np.quantile(sizes, _COVERED)) or 1.0
    counts, edges = np.histogram(weights, _BINS, (-reach, reach))
    bound = float(sizes.max()) if clip is None else clip
    pinned = float((np.abs(sizes - bound) <= 0.01 * bound).mean())
    return edges, counts / len(weights), bound, pinned


def _critic(shape: Shape, weights: Tensor, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (R,) and input gradients (R, 2) at points (R, 2)."""
    values, gradients = evaluation.values_and_slopes(shape, weights, torch.from_numpy(points).unsqueeze(0))
    return values[0].numpy(), gradients[0].numpy()


def _clouds(recipe: Recipe, state: State) -> tuple[np.ndarray, np.ndarray]:
    """``POINTS`` real and as many generated points, (N, 2) each, of the first lane's seed."""
    seed, generator = int(state.seeds[0]), GENERATORS[recipe.generator]
    real = recipe.distribution.sample(POINTS, stream(seed, Purpose.EVALUATION_DATA))
    drawn = generator.draw(recipe, seed, Purpose.EVALUATION_LATENT, 0, (POINTS,))
    weights = torch.from_numpy(state.average[:1]).double()
    with torch.no_grad():
        fake = generator.points(recipe, weights, torch.from_numpy(drawn).unsqueeze(0))
    return real, fake[0].numpy()


def _looked_at(name: str, real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """The points (N, 2) where a penalty of this name looks, with noise of its law."""
    where, rng = WHERE[name], stream(0, Purpose.PENALTY)
    shape = (1, len(real), where.width)
    noise = torch.from_numpy(rng.random(shape) if where.law == "uniform" else rng.standard_normal(shape))
    return where.points(torch.from_numpy(real)[None], torch.from_numpy(fake)[None], noise)[0].numpy()


def _square(extent: float) -> np.ndarray:
    """The stage's grid as points (GRID * GRID, 2), rows of rising y."""
    axis = np.linspace(-extent, extent, GRID)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def _cosines(arrows: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """cos of the angle between two directions (N, 2) each; 0 where one of them has no length."""
    lengths = np.linalg.norm(arrows, axis=1), np.linalg.norm(ways, axis=1)
    units = [rows / np.where(size > 0, size, 1.0)[:, None] for rows, size in zip((arrows, ways), lengths, strict=True)]
    return (units[0] * units[1]).sum(axis=1)


def _plan_of(real: np.ndarray, fake: np.ndarray) -> Plan:
    return _plan(real.tobytes(), fake.tobytes())


@functools.lru_cache(maxsize=32)
def _plan(real: bytes, fake: bytes) -> Plan:
    """Of a frozen generator the clouds stay the same, and so does the plan."""
    x, y = (np.frombuffer(cloud).reshape(-1, 2) for cloud in (real, fake))
    return optimal_plan(x, y)
