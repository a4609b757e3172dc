"""Looking at a state: the frame a page shows, and the full measurement a report quotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from toygan import evaluation, metrics
from toygan.constraints import CONSTRAINTS
from toygan.frames import GRID, Frame, finite
from toygan.generators import GENERATORS
from toygan.iteration import critic_shape
from toygan.metrics.sizes import LIVE_POINTS, REPORT_POINTS
from toygan.objectives import OBJECTIVES
from toygan.recipe import Recipe
from toygan.state import State, Trace
from toygan.streams import Purpose, stream

#: Samples in a live frame.
SAMPLES = 600

_MESH, _ARROWS = 11, 64


@dataclass(frozen=True)
class Networks:
    """A state's networks in use at one step: the critic's effective weights and the generator that is shown."""

    recipe: Recipe
    critic: Tensor
    generator: Tensor

    @classmethod
    def of(cls, recipe: Recipe, state: State) -> Networks:
        """Those of a state of this recipe."""
        now = recipe.at(state.step)
        constraint = CONSTRAINTS[now.method_entry.constraint]
        critic, vectors = torch.from_numpy(state.critic), torch.from_numpy(state.vectors)
        with torch.no_grad():
            weights = constraint.weights(critic_shape(now), critic, vectors)
        return cls(now, weights, torch.from_numpy(state.average))

    def generate(self, latent: np.ndarray) -> np.ndarray:
        """Samples (L, N, 2) of latents (L, N, Z)."""
        points = torch.tensor(latent, dtype=self.generator.dtype)
        generator = GENERATORS[self.recipe.generator]
        if generator.shape is not None:
            return _double(evaluation.values(generator.shape(self.recipe), self.generator, points))
        return _double(generator.points(self.recipe, self.generator, points))

    def values(self, points: np.ndarray) -> np.ndarray:
        """Critic values (L, R) at points (L, R, 2)."""
        rows = torch.tensor(points, dtype=self.critic.dtype)
        return _double(evaluation.values(critic_shape(self.recipe), self.critic, rows))[..., 0]

    def gradients(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Critic values (L, R) and input gradients (L, R, 2) at points (L, R, 2)."""
        rows = torch.tensor(points, dtype=self.critic.dtype)
        values, gradients = evaluation.values_and_slopes(critic_shape(self.recipe), self.critic, rows)
        return _double(values), _double(gradients)


def _double(tensor: Tensor) -> np.ndarray:
    return tensor.numpy().astype(np.float64)


def observe(recipe: Recipe, state: State, trace: Trace | None = None) -> Frame:
    """The frame of a state; ``trace`` is what the steps that led to it reported.

    Of a lane that failed, the arrays are NaN-free only if the state is: pass the last state whose arrays were
    finite, with the later ``failed_at``.
    """
    networks = Networks.of(recipe, state)
    now, distribution = networks.recipe, recipe.distribution
    latent = _latents(now, state, Purpose.PROBE_LATENT, SAMPLES)
    real = _real(now, state, Purpose.PROBE_DATA, SAMPLES)
    samples = _finite(networks.generate(latent))
    axis = np.linspace(-distribution.extent, distribution.extent, GRID)
    grid_points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(1, -1, 2)
    grid = _finite(networks.values(np.broadcast_to(grid_points, (state.lanes, *grid_points.shape[1:]))))
    reports, pull = _critic_reports(networks, state, real, samples)
    entries, histograms = [], []
    for lane in range(state.lanes):
        found = metrics.coverage(samples[lane], distribution)
        distances = metrics.evaluate(samples[lane, :LIVE_POINTS], real[lane, :LIVE_POINTS], distribution, orders=(1,))
        entries.append(
            {
                "w1": distances["w1"],
                "modes": found.modes,
                "modes_total": found.total,
                "modes_by_share": found.modes_by_share,
                "high_quality": found.high_quality,
                "reverse_kl": found.reverse_kl,
                **_last_losses(trace, lane),
                **reports[lane],
                **_readings(now, state, lane),
            }
        )
        histograms.append(tuple(int(count) for count in found.histogram))
    return Frame(
        step=state.step,
        extent=distribution.extent,
        samples=samples,
        grid=grid.reshape(state.lanes, GRID, GRID),
        mesh=_mesh(networks, state.lanes),
        arrows=_finite(pull[:, :_ARROWS]),
        metrics=tuple(entries),
        histogram=tuple(histograms),
        failed=tuple(_failure(int(step)) for step in state.failed_at),
    )


def report(recipe: Recipe, state: State, points: int = REPORT_POINTS, lane: int = 0) -> dict[str, Any]:
    """Every metric of one lane on ``points`` fresh samples and as many real points, with W1's noise floor.

    The keys are those of ``metrics.evaluate`` and ``metrics.critic_report`` plus ``w1_floor`` and ``w1_floor_std``,
    and what the generator has to tell of its weights;
    ``samples`` and ``real`` are the two clouds (points, 2).
    """
    networks = Networks.of(recipe, state)
    now, distribution = networks.recipe, recipe.distribution
    latent = _latents(now, state, Purpose.EVALUATION_LATENT, points)
    real = _real(now, state, Purpose.EVALUATION_DATA, points)
    samples = networks.generate(latent)
    reports, _ = _critic_reports(networks, state, real, samples)
    floor = metrics.noise_floor(recipe.data, dict(recipe.data_parameters), points)
    return {
        **metrics.evaluate(samples[lane], real[lane], distribution),
        "w1_floor": floor.mean,
        "w1_floor_std": floor.std,
        **reports[lane],
        **_readings(now, state, lane),
        "samples": samples[lane],
        "real": real[lane],
    }


def _latents(recipe: Recipe, state: State, purpose: Purpose, count: int) -> np.ndarray:
    draw = GENERATORS[recipe.generator].draw
    return np.stack([draw(recipe, int(seed), purpose, 0, (count,)) for seed in state.seeds])


def _real(recipe: Recipe, state: State, purpose: Purpose, count: int) -> np.ndarray:
    return np.stack([recipe.distribution.sample(count, stream(int(s), purpose)) for s in state.seeds])


def _readings(recipe: Recipe, state: State, lane: int) -> dict[str, float]:
    """What the generator that is shown tells of its weights."""
    return GENERATORS[recipe.generator].readings(state.average[lane])


def _mesh(networks: Networks, lanes: int) -> np.ndarray:
    """The image (L, M, M, 2) of the grid of latents, or (L, 0, 0, 2) where points are not made of latents."""
    if not networks.recipe.trains_generator:
        return np.zeros((lanes, 0, 0, 2))
    return _finite(networks.generate(_latent_mesh(networks.recipe, lanes))).reshape(lanes, _MESH, _MESH, 2)


def _latent_mesh(recipe: Recipe, lanes: int) -> np.ndarray:
    """A regular grid over the first two latent coordinates, the others zero: (L, M * M, Z)."""
    reach = 2.0 if recipe.latent_law == "normal" else 1.0
    axis = np.linspace(-reach, reach, _MESH)
    mesh = np.zeros((_MESH, _MESH, recipe.latent))
    mesh[..., 0] = axis
    if recipe.latent > 1:
        mesh[..., 1] = axis[:, None]
    return np.broadcast_to(mesh.reshape(1, -1, recipe.latent), (lanes, _MESH * _MESH, recipe.latent)).copy()


def _critic_reports(
    networks: Networks, state: State, real: np.ndarray, fake: np.ndarray
) -> tuple[list[dict[str, float | None]], np.ndarray]:
    """Each lane's critic diagnostics, and minus the gradient of the generator's loss at each fake point (L, N, 2).

    The gradient is one sample's own: that of N times the mean loss.
    """
    count = real.shape[1]
    weight = np.random.Generator(np.random.Philox(key=[0, Purpose.PENALTY])).random((1, count, 1))
    between = weight * real + (1 - weight) * fake
    values, gradients = networks.gradients(np.concatenate([real, fake, between], axis=1))
    norms = np.linalg.norm(gradients, axis=-1)
    real_values, fake_values = torch.from_numpy(values[:, :count]), torch.from_numpy(values[:, count : 2 * count])
    objective = OBJECTIVES[networks.recipe.method_entry.objective]
    leaf = fake_values.clone().requires_grad_()
    (slope,) = torch.autograd.grad(objective.generator(real_values, leaf).sum() * count, leaf)
    pull = -slope.numpy()[..., None] * gradients[:, count : 2 * count]
    clip = networks.recipe.clip if networks.recipe.method_entry.constraint == "clip" else None
    reports = []
    for lane in range(state.lanes):
        places = dict(zip(("real", "fake", "between"), np.split(norms[lane], 3), strict=True))
        found = metrics.critic_report(
            values[lane, :count], values[lane, count : 2 * count], places, state.critic[lane], clip
        )
        gradient = float(np.linalg.norm(pull[lane], axis=-1).mean())
        reports.append({**found, "generator_gradient": finite(gradient)})
    return reports, pull


def _last_losses(trace: Trace | None, lane: int) -> dict[str, float | None]:
    """The losses of the last step before a frame, or nothing at step 0."""
    names = ("critic_loss", "penalty", "generator_loss")
    if trace is None or not len(trace.critic_loss):
        return dict.fromkeys(names)
    return {name: float(getattr(trace, name)[-1, lane]) for name in names}


def _failure(step: int) -> str | None:
    if step < 0:
        return None
    return f"The numbers overflowed at step {step:,}. Try a smaller learning rate, or clip the gradient."


def _finite(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=0.0, posinf=1e30, neginf=-1e30)
