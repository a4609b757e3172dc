"""The notebook's cells that draw and measure, as real Python; ``notebook`` reads their text and never imports them.

A cell stands under each heading. What comes before the first stands for what the notebook's other cells define;
``now`` is the template's.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LinearSegmentedColormap
from scipy.optimize import linear_sum_assignment
from torch import nn

from toygan.export.template import SEED, STEPS, noisy_data, normal, now, sample_data, stream, tensor, train

PROBE_LATENTS, PROBE_DATA, SAMPLES, POINTS, GRID = 7, 8, 600, 500, 64
EXTENT, COLOUR, TITLE, MIDPOINT, CENTRES, STD = 1.0, "", "", True, np.zeros((1, 2)), 1.0
draw_latents = normal

# ---- train
critic, generator, losses = train(STEPS, SEED)


# ---- picture
@torch.no_grad()
def outputs(network: nn.Module, inputs: np.ndarray) -> np.ndarray:
    """What a network says of the inputs."""
    return network(tensor(inputs)).cpu().numpy()


# The points that toygan shows, of random numbers that training never uses.
if now.frozen:
    latents = noisy_data(SEED, PROBE_LATENTS, 0, (SAMPLES,))
else:
    latents = draw_latents(stream(SEED, PROBE_LATENTS), (SAMPLES, now.latent))
samples = outputs(generator, latents)
real = sample_data(SAMPLES, stream(SEED, PROBE_DATA))

axis = np.linspace(-EXTENT, EXTENT, GRID)
values = outputs(critic, np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)).reshape(GRID, GRID)
# Where the critic takes no side: halfway between real and generated points, or at zero.
neutral = (outputs(critic, real).mean() + outputs(critic, samples).mean()) / 2 if MIDPOINT else 0.0
reach = max(np.quantile(abs(values - neutral), 0.92), 1e-9)

figure, axes = plt.subplots(figsize=(7, 6.2), layout="constrained")
colours = LinearSegmentedColormap.from_list("critic", ["#f1cf9e", "#f9f8f6", "#a0c7e2"])  # fake, neutral, real
heatmap = axes.imshow(
    values,
    cmap=colours,
    vmin=neutral - reach,
    vmax=neutral + reach,
    extent=(-EXTENT, EXTENT, -EXTENT, EXTENT),
    origin="lower",
    interpolation="bilinear",
)
axes.contour(axis, axis, values, [neutral], colors="dimgrey", linewidths=1, linestyles="solid")
axes.scatter(real[:, 0], real[:, 1], s=6, color="grey", label="real")
axes.scatter(samples[:, 0], samples[:, 1], s=12, color=COLOUR, edgecolors="white", linewidths=0.5, label="generated")
axes.set(xlim=(-EXTENT, EXTENT), ylim=(-EXTENT, EXTENT), xlabel="x (data units)", ylabel="y (data units)")
axes.set(aspect="equal", title=TITLE)
ticks = [neutral - reach, neutral, neutral + reach]
figure.colorbar(heatmap, label="critic's value", ticks=ticks, format="%.3g", extend="both")
figure.legend(loc="outside lower center", ncols=2, frameon=False)
plt.show()

# ---- losses
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
steps = range(1, len(losses) + 1)
axes.plot(steps, [pair[0] for pair in losses], color="grey", linewidth=1, label="critic")
axes.plot(steps, [pair[1] for pair in losses], color=COLOUR, linewidth=1, label="generator")
axes.set(xlabel="step", ylabel="loss")
axes.legend(frameon=False)
plt.show()


# ---- metrics
def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The exact Wasserstein distance W1 of two samples of equal size: the mean length of the best matching."""
    lengths = np.linalg.norm(one[:, None] - other, axis=-1)
    return lengths[linear_sum_assignment(lengths)].mean()


# Two real samples are not at distance zero either.
rngs = [np.random.default_rng((1701, draw)) for draw in range(20)]
floors = [distance(sample_data(POINTS, rng), sample_data(POINTS, rng)) for rng in rngs]
print(f"W1: {distance(samples[:POINTS], real[:POINTS]):.3f}")
print(f"floor: {np.mean(floors):.3f} +- {np.std(floors, ddof=1):.3f}")

# ---- modes
# A sample is of high quality within three standard deviations of a mode.
distances = np.linalg.norm(samples[:, None] - CENTRES, axis=-1)
good = distances.min(axis=1) <= 3 * STD
print(f"modes: {len(set(distances.argmin(axis=1)[good]))} of {len(CENTRES)}")
print(f"high quality: {100 * good.mean():.1f} %")
