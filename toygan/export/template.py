"""The exported script before it is cut to a recipe: a whole trainer in plain PyTorch, with everything any recipe asks.

Real Python, so that it is formatted, checked and tested as such; ``script`` reads its text and never imports it.
``now.NAME`` is a setting. One that holds for a whole run becomes a constant, and ``if now.NAME:`` on such a setting is
decided when the script is written. What ``main`` then does not reach is left out, so that a comment on something that
may go stands inside it.
"""

from __future__ import annotations

import argparse
import copy
import csv
import itertools
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

# ---- the recipe

SEED = 0
STEPS = 5000
BLOCK = 8
GAIN = 2**0.5
CRITIC_WIDTHS = [2, 128, 128, 128, 1]
GENERATOR_WIDTHS = [2, 128, 128, 128, 2]
LATENT = 2
CHANGES: dict[int, dict[str, Any]] = {}
now: Any = SimpleNamespace()


def sample_data(n: int, rng: np.random.Generator) -> np.ndarray:
    """Stands for the recipe's own sampler."""
    raise NotImplementedError


# ---- random numbers
#
# Every number follows from the seed, from what it is for and from the step. So all methods with the same seed see the
# same data and latents, whatever else they draw.

# What a stream is for:
CRITIC_WEIGHTS = 0
GENERATOR_WEIGHTS = 1
POWER_ITERATION = 2
DATA = 3
PAIRED_DATA = 4
LATENTS = 5
NOISE = 6
EVALUATION = 9
# In place of latents, where real points with noise stand for generated ones; their noise has the number after.
FROZEN = 11
EVALUATION_FROZEN = 15
PENALTY = 100


def stream(seed: int, purpose: int, block: int = 0) -> np.random.Generator:
    """A stream of random numbers: NumPy's Philox, which is counter-based (Salmon et al. 2011)."""
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, 0, 0, block]))


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Latents of a standard normal distribution."""
    return rng.standard_normal(shape)


def uniform(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Latents spread evenly over [-1, 1]."""
    return rng.uniform(-1.0, 1.0, shape)


def tensor(array: np.ndarray) -> Tensor:
    """An array in the precision and on the device of the run."""
    return torch.tensor(array, dtype=torch.get_default_dtype())


# ---- the data

Array = np.ndarray


def square_grid(side: int, spacing: float) -> np.ndarray:
    """A square grid of points around the middle."""
    ticks = spacing * (np.arange(side) - (side - 1) / 2)
    return np.column_stack([axis.ravel() for axis in np.meshgrid(ticks, ticks)])


def squares(side: int, width: float) -> np.ndarray:
    """The middles of every other square of a board."""
    cells = [(column, row) for row in range(side) for column in range(side) if (row + column) % 2 == 0]
    return -side * width / 2 + width * (np.array(cells, dtype=np.float64) + 0.5)


# ---- networks


def leaky_relu(x: Tensor) -> Tensor:
    """x where it is positive, a fifth of it elsewhere."""
    return functional.leaky_relu(x, 0.2)


class Network(nn.Module):
    """A fully connected network: ``widths`` are its layers' units, from input to output."""

    def __init__(self, widths: list[int], rng: np.random.Generator) -> None:
        super().__init__()
        layers = [nn.Linear(inputs, outputs) for inputs, outputs in itertools.pairwise(widths)]
        self.layers = nn.ModuleList(layers)
        for layer in layers:
            # Uniform weights, standard deviation gain / sqrt(inputs); zero biases (He et al. 2015).
            gain = 1.0 if layer is layers[-1] else GAIN
            bound = gain * (3 / layer.in_features) ** 0.5
            weights = rng.uniform(-bound, bound, (layer.in_features, layer.out_features))
            layer.weight.data = tensor(weights.T)
            layer.bias.data.zero_()

    def forward(self, points: Tensor) -> Tensor:
        """Outputs (B, widths[-1]) at inputs (B, widths[0])."""
        for layer in self.layers[:-1]:
            points = now.activation(layer(points))
        return self.layers[-1](points)


class Line(nn.Module):
    """Points (theta, y) with y spread evenly over [0, 1]; theta is its one weight (Arjovsky et al. 2017, example 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.ones(1))

    def forward(self, latents: Tensor) -> Tensor:
        """Points (B, 2) of latents (B, Z), of which only the first coordinate counts."""
        y = now.share(latents[:, :1])
        return torch.cat([self.theta.expand_as(y), y], dim=1)


def normal_share(latents: Tensor) -> Tensor:
    """The share of a standard normal distribution that lies below, which is spread evenly over [0, 1]."""
    return torch.special.ndtr(latents)


def uniform_share(latents: Tensor) -> Tensor:
    """The same of numbers spread evenly over [-1, 1]."""
    return (latents + 1) / 2


class Frozen(nn.Module):
    """Stands for a generator: hands on real points with noise, and has no weights (Gulrajani et al. 2017, figure 1)."""

    def forward(self, points: Tensor) -> Tensor:
        """The points (B, 2) that it is given."""
        return points


def noisy_data(seed: int, purpose: int, block: int, shape: tuple[int, ...]) -> np.ndarray:
    """Fresh real points with standard normal noise, (*shape, 2)."""
    data = sample_data(math.prod(shape), stream(seed, purpose, block)).reshape(*shape, 2)
    return data + stream(seed, purpose + 1, block).standard_normal(data.shape)


class Critic(Network):
    """One number for each point, high where the critic believes that it is real."""

    def forward(self, points: Tensor) -> Tensor:
        """Values (B,) at points (B, 2)."""
        return super().forward(points)[:, 0]


class SpectralNorm(nn.Module):
    """A layer's matrix over its largest singular value, by one power iteration an update (Miyato et al. 2018)."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.left = start

    def forward(self, weight: Tensor) -> Tensor:
        """The matrix that the layer computes with."""
        if not now.spectral_norm:
            return weight
        with torch.no_grad():
            right = functional.normalize(weight.T @ self.left, dim=0)
        return weight / (self.left @ weight @ right)

    @torch.no_grad()
    def iterate(self, weight: Tensor) -> None:
        """Bring the vector closer to the one that the matrix stretches most."""
        self.left = functional.normalize(weight @ (weight.T @ self.left), dim=0)


def add_spectral_norm(critic: Critic, rng: np.random.Generator) -> None:
    """Divide every layer's matrix by its largest singular value from now on."""
    widths = CRITIC_WIDTHS[1:]
    starts = tensor(rng.standard_normal(sum(widths))).split(widths)
    for layer, start in zip(critic.layers, starts, strict=True):
        parametrize.register_parametrization(layer, "weight", SpectralNorm(start))
    for _ in range(15):
        iterate_power(critic)


def iterate_power(critic: Critic) -> None:
    """One power iteration in each layer."""
    layers: Any = critic.layers
    for layer in layers:
        weight = layer.parametrizations.weight
        weight[0].iterate(weight.original)


# ---- losses
#
# ``real`` and ``fake`` are the critic's values (B,) at real and at generated points. Both losses are minimised.


def minimax_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log s(real)] - E[log(1 - s(fake))] with the sigmoid s (Goodfellow et al. 2014)."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def minimax_generator_loss(fake: Tensor) -> Tensor:
    """E[log(1 - s(fake))], which fades where the critic is sure (Goodfellow et al. 2014)."""
    return -functional.softplus(fake).mean()


def non_saturating_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log s(real)] - E[log(1 - s(fake))] with the sigmoid s (Goodfellow et al. 2014)."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def non_saturating_generator_loss(fake: Tensor) -> Tensor:
    """-E[log s(fake)], the "-log D" form (Goodfellow et al. 2014)."""
    return functional.softplus(-fake).mean()


def least_squares_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """(E[(real - 1)^2] + E[fake^2]) / 2 (Mao et al. 2017)."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def least_squares_generator_loss(fake: Tensor) -> Tensor:
    """E[(fake - 1)^2] / 2 (Mao et al. 2017)."""
    return (fake - 1).square().mean() / 2


def hinge_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - real)] + E[max(0, 1 + fake)] (Lim and Ye 2017)."""
    return torch.relu(1 - real).mean() + torch.relu(1 + fake).mean()


def hinge_generator_loss(fake: Tensor) -> Tensor:
    """-E[fake] (Lim and Ye 2017)."""
    return -fake.mean()


def wasserstein_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[fake] - E[real]: minus the critic's estimate of the Wasserstein distance (Arjovsky et al. 2017)."""
    return fake.mean() - real.mean()


def wasserstein_generator_loss(fake: Tensor) -> Tensor:
    """-E[fake] (Arjovsky et al. 2017)."""
    return -fake.mean()


def relativistic_critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log s(real - fake)] over pairs, with the sigmoid s (Jolicoeur-Martineau 2019)."""
    return functional.softplus(fake - real).mean()


def relativistic_generator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log s(fake - real)] over pairs, with the sigmoid s (Jolicoeur-Martineau 2019)."""
    return functional.softplus(real - fake).mean()


def between(real: Tensor, fake: Tensor, share: Tensor) -> Tensor:
    """Points between real and generated ones, with one share a pair (Gulrajani et al. 2017)."""
    return share * real + (1 - share) * fake


def around(real: Tensor, noise: Tensor) -> Tensor:
    """Real points with noise of half their standard deviation (Kodali et al. 2017)."""
    return real + 0.5 * real.std() * noise


def gradient_norms(critic: Critic, points: Tensor) -> Tensor:
    """The length (B,) of the critic's gradient at each point, itself differentiable."""
    points = points.detach().requires_grad_()
    # No row depends on another: the gradient of the sum is each row's own.
    (gradients,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradients.norm(dim=1)


# ---- optimizers


def adam(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015)."""
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(now.beta1, now.beta2))


def rmsprop(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    """RMSProp (Tieleman and Hinton 2012)."""
    return torch.optim.RMSprop(network.parameters(), lr=rate, alpha=now.beta2)


def sgd(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    """Gradient descent with momentum (Polyak 1964)."""
    return torch.optim.SGD(network.parameters(), lr=rate, momentum=now.beta1)


# ---- what changes on the way

# ---- training


def draw_block(seed: int, block: int) -> dict[str, Tensor]:
    """The random numbers of BLOCK steps at once, which is faster than step by step."""
    updates, batch = now.critic_steps, now.batch
    data = sample_data(BLOCK * updates * batch, stream(seed, DATA, block))
    numbers: dict[str, np.ndarray] = {"data": data.reshape(BLOCK, updates, batch, 2)}
    # What points are made of; the last of each step is the generator's own.
    if now.frozen:
        numbers["latents"] = noisy_data(seed, FROZEN, block, (BLOCK, updates + 1, batch))
    else:
        places = (BLOCK, updates + 1, batch, now.latent)
        numbers["latents"] = now.draw_latents(stream(seed, LATENTS, block), places)
    if now.paired:
        pairs = sample_data(BLOCK * batch, stream(seed, PAIRED_DATA, block))
        numbers["pairs"] = pairs.reshape(BLOCK, batch, 2)
    if now.penalty_noise:
        numbers["penalty"] = now.penalty_noise(seed, block)
    if now.instance_noise:
        noise = stream(seed, NOISE, block).standard_normal((BLOCK, updates + 1, 2, batch, 2))
        numbers["noise"] = noise
    return {name: tensor(array) for name, array in numbers.items()}


def keep_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Gradient descent starts from its last gradient when its momentum is switched on."""
    for weight in optimizer.param_groups[0]["params"]:
        state = optimizer.state[weight]
        if weight.grad is not None and state.get("momentum_buffer") is None:
            state["momentum_buffer"] = weight.grad.clone()


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give all weights this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradient(network: nn.Module, longest: float) -> None:
    """Scale the gradient of all weights together down to this length where it is longer."""
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    length = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    for gradient in gradients:
        gradient *= longest / length.clamp_min(longest)


def train(steps: int, seed: int) -> tuple[Critic, nn.Module, list[tuple[float, float]]]:
    """The critic, the generator to sample from, and the losses (critic's, generator's) of each step."""
    critic = Critic(CRITIC_WIDTHS, stream(seed, CRITIC_WEIGHTS))
    if now.network:
        generator = Network(GENERATOR_WIDTHS, stream(seed, GENERATOR_WEIGHTS))
    else:
        generator = now.generator()
    if now.uses_spectral_norm:
        add_spectral_norm(critic, stream(seed, POWER_ITERATION))
    if now.uses_average:
        average = copy.deepcopy(generator)
    critic_optimizer = now.optimizer(critic, now.critic_learning_rate)
    if not now.frozen:
        generator_optimizer = now.optimizer(generator, now.generator_learning_rate)
    losses = []
    for step in range(steps):
        if now.uses_changes and step in CHANGES:
            vars(now).update(CHANGES[step])
            if now.uses_new_options:
                trained: dict[nn.Module, Any] = {critic: critic_optimizer}
                if not now.frozen:
                    trained[generator] = generator_optimizer
                for network, optimizer in trained.items():
                    options = now.optimizer(network, 0.0).defaults
                    if now.uses_late_momentum and options.get("momentum"):
                        keep_momentum(optimizer)
                    optimizer.param_groups[0].update(options)
            if now.uses_optimizers and "optimizer" in CHANGES[step]:
                # Another optimizer starts afresh: what the one before remembers means something else.
                critic_optimizer = now.optimizer(critic, now.critic_learning_rate)
                if not now.frozen:
                    generator_optimizer = now.optimizer(generator, now.generator_learning_rate)
        if step % BLOCK == 0 or (now.uses_changes and step in CHANGES):
            block = draw_block(seed, step // BLOCK)
        numbers = {name: values[step % BLOCK] for name, values in block.items()}
        if now.uses_rates:
            critic_rate = now.critic_learning_rate
            if now.decay:
                # Learning rates halve every so many steps.
                critic_rate *= 0.5 ** (step / now.decay)
            set_rate(critic_optimizer, critic_rate)
            if not now.frozen:
                generator_rate = now.generator_learning_rate
                if now.decay:
                    generator_rate *= 0.5 ** (step / now.decay)
                set_rate(generator_optimizer, generator_rate)
        if now.instance_noise:
            # Noise on all that the critic sees, falling linearly to zero.
            spread = now.instance_noise * max(0.0, 1 - step / now.instance_noise_steps)

        for update in range(now.critic_steps):
            real = numbers["data"][update]
            with torch.no_grad():
                fake = generator(numbers["latents"][update])
            if now.instance_noise:
                real = real + spread * numbers["noise"][update, 0]
                fake = fake + spread * numbers["noise"][update, 1]
            critic_loss = now.critic_loss(critic(real), critic(fake))
            if now.penalty:
                if now.penalty_noise:
                    critic_loss = critic_loss + now.penalty(critic, real, fake, numbers["penalty"][update])
                else:
                    critic_loss = critic_loss + now.penalty(critic, real, fake)
            critic_optimizer.zero_grad()
            critic_loss.backward()
            if now.gradient_clip:
                clip_gradient(critic, now.gradient_clip)
            critic_optimizer.step()
            if now.clip:
                # Bounded weights keep the critic's slope bounded (Arjovsky et al. 2017).
                with torch.no_grad():
                    for weight in critic.parameters():
                        weight.clamp_(-now.clip, now.clip)
            if now.spectral_norm:
                iterate_power(critic)

        fake = generator(numbers["latents"][-1])
        if now.instance_noise:
            fake = fake + spread * numbers["noise"][-1, 1]
        if now.paired:
            real = numbers["pairs"]
            if now.instance_noise:
                real = real + spread * numbers["noise"][-1, 0]
            generator_loss = now.generator_loss(critic(real), critic(fake))
        else:
            generator_loss = now.generator_loss(critic(fake))
        if not now.frozen:
            generator_optimizer.zero_grad()
            generator_loss.backward(inputs=list(generator.parameters()))
            if now.gradient_clip:
                clip_gradient(generator, now.gradient_clip)
            generator_optimizer.step()
        if now.uses_average:
            # What is shown is a running average, which in the first steps forgets faster.
            keep = min(now.ema, (1 + step) / (10 + step))
            with torch.no_grad():
                for mean, weight in zip(average.parameters(), generator.parameters(), strict=True):
                    mean.lerp_(weight, 1 - keep)

        losses.append((critic_loss.item(), generator_loss.item()))
        if not max(map(abs, losses[-1])) < 1e12:
            print(f"The numbers overflowed at step {step + 1:,}.")
            break
        if (step + 1) % max(1, steps // 10) == 0:
            print(f"step {step + 1:,}: critic loss {losses[-1][0]:.4g}, generator loss {losses[-1][1]:.4g}")
    if now.uses_average:
        generator = average
    return critic, generator, losses


@torch.no_grad()
def generate(generator: nn.Module, n: int, seed: int) -> np.ndarray:
    """n generated points (n, 2), of random numbers that training never uses."""
    if now.frozen:
        latents = noisy_data(seed, EVALUATION_FROZEN, 0, (n,))
    else:
        latents = now.draw_latents(stream(seed, EVALUATION), (n, now.latent))
    return generator(tensor(latents)).double().cpu().numpy()


# ---- command line


def main() -> None:
    """Train, and write what is asked for."""
    parser = argparse.ArgumentParser(description="Train this run again.")
    parser.add_argument("--steps", type=int, default=STEPS, help="generator steps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="fixes all random numbers (default: %(default)s)")
    parser.add_argument("--csv", metavar="FILE", help="write the losses of every step, such as losses.csv")
    parser.add_argument("--samples", metavar="FILE", help="write 2,500 generated points, such as out.npy")
    parser.add_argument("--double", action="store_true", help="compute in float64")
    parser.add_argument("--device", default="cpu", help="where to train, such as cuda (default: %(default)s)")
    given = parser.parse_args()

    torch.set_num_threads(1)  # networks as small as these are faster without company
    torch.set_default_dtype(torch.float64 if given.double else torch.float32)
    torch.set_default_device(given.device)
    _, generator, losses = train(given.steps, given.seed)
    if given.csv:
        with Path(given.csv).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "critic_loss", "generator_loss"])
            writer.writerows((step, *pair) for step, pair in enumerate(losses, start=1))
    if given.samples:
        np.save(given.samples, generate(generator, 2500, given.seed))


if __name__ == "__main__":
    main()
