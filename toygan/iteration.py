"""One generator iteration: the recipe's critic updates, then one of the generator, on tensors it changes in place.

What is other in the next step comes in by arguments, its draws and its ``Pace``, and nothing reads a tensor's value: so
an iteration can be recorded once and replayed (``captured.py``), and there is no second one for that.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from toygan.constraints import CONSTRAINTS, Constraint
from toygan.draws import Draws
from toygan.generators import GENERATORS, Generator
from toygan.gradients import Term, critic_gradients, generator_gradients
from toygan.networks import Shape
from toygan.objectives import OBJECTIVES, Objective
from toygan.optimizers import OPTIMIZERS, Moments, Number, Update, clip_norm
from toygan.penalties import TOWARD, WHERE
from toygan.recipe import Recipe
from toygan.state import State


def critic_shape(recipe: Recipe) -> Shape:
    """The critic's layers: two coordinates to one logit."""
    return Shape.of(2, recipe.critic_width, recipe.critic_depth, 1, recipe.activation)


class Pace(NamedTuple):
    """What is other in one step than in the one before, beside its draws.

    ``noise`` is the standard deviation of the instance noise, ``None`` where there is none. ``critic_updates`` tells of
    each critic update of the step, and ``generator_update`` of the generator's, which one it is, counted from 1.
    ``share`` is what the running average takes of the new generator. They are numbers where an iteration runs as it is
    written, and tensors without axes where it is recorded, since a number would be the same in every replay.
    """

    noise: Number | None
    critic_rate: Number
    generator_rate: Number
    share: Number
    generator_update: Number
    critic_updates: Sequence[Number]

    def numbers(self) -> list[Number]:
        """All of it in a row; no noise is a zero."""
        *rates, updates = self[1:]
        return [0.0 if self.noise is None else self.noise, *rates, *updates]

    @classmethod
    def read(cls, numbers: Tensor, noisy: bool) -> Pace:
        """The same, as views of a tensor with a row of ``numbers``; ``noisy`` tells whether there is a noise."""
        noise, critic_rate, generator_rate, share, generator_update, *critic_updates = numbers.unbind()
        return cls(noise if noisy else None, critic_rate, generator_rate, share, generator_update, critic_updates)


@dataclass(frozen=True)
class Plan:
    """A recipe's names looked up: what one iteration between two interventions is made of."""

    recipe: Recipe
    critic: Shape
    generator: Generator
    objective: Objective
    penalties: tuple[Term, ...]
    constraint: Constraint
    optimizer: Update

    @classmethod
    def of(cls, recipe: Recipe, step: int) -> Plan:
        """What is in force at ``step``."""
        return _plan(recipe.at(step))

    def update(self, weights: Tensor, gradient: Tensor, moments: Moments, update: Number, rate: Number) -> None:
        """One optimiser update of flat weights (L, P), in place; the gradient is clipped first when asked."""
        recipe = self.recipe
        if recipe.gradient_clip:
            gradient = clip_norm(gradient, recipe.gradient_clip)
        self.optimizer(weights, gradient, moments, update, rate, recipe.beta1, recipe.beta2)

    def pace(self, step: int, critic_updates: int, generator_updates: int) -> Pace:
        """What ``step`` trains at, after so many updates of either network."""
        recipe = self.recipe
        slowed = 0.5 ** (step / recipe.decay) if recipe.decay else 1.0
        return Pace(
            noise=self.noise(step) or None,
            critic_rate=recipe.critic_learning_rate * slowed,
            generator_rate=recipe.generator_learning_rate * slowed,
            share=1 - self.averaging(step),
            generator_update=generator_updates + 1,
            critic_updates=range(critic_updates + 1, critic_updates + 1 + recipe.critic_steps),
        )

    def averaging(self, step: int) -> float:
        """The running average's decay: min(ema, (1 + k) / (10 + k)) after k steps, so that it forgets the start.

        TensorFlow's ``ExponentialMovingAverage`` with ``num_updates`` has the same ramp.
        """
        return min(self.recipe.ema, (1 + step) / (10 + step))

    def noise(self, step: int) -> float:
        """The instance noise's standard deviation: linear from its start to zero."""
        return self.recipe.instance_noise * max(0.0, 1 - step / self.recipe.instance_noise_steps)


@functools.lru_cache(maxsize=64)
def _plan(recipe: Recipe) -> Plan:
    method = recipe.method_entry
    return Plan(
        recipe=recipe,
        critic=critic_shape(recipe),
        generator=GENERATORS[recipe.generator],
        objective=OBJECTIVES[method.objective],
        penalties=tuple(
            (WHERE[term.where], TOWARD[term.toward], term.share * recipe.penalty_weight) for term in method.penalties
        ),
        constraint=CONSTRAINTS[method.constraint],
        optimizer=OPTIMIZERS[recipe.optimizer],
    )


@dataclass(frozen=True)
class Variables:
    """What iterations change in place: the arrays of a ``State`` of the same names, as tensors on a device."""

    critic: Tensor
    generator: Tensor
    average: Tensor
    critic_moments: Tensor
    generator_moments: Tensor
    vectors: Tensor

    @classmethod
    def of(cls, state: State, device: torch.device) -> Variables:
        """Copies of a state's arrays."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(torch.tensor(getattr(state, name), device=device) for name in names))

    def arrays(self) -> dict[str, np.ndarray]:
        """By name, as a state has them; on the processor in the same memory."""
        return {name: tensor.cpu().numpy() for name, tensor in vars(self).items()}

    def clone(self) -> Variables:
        """The same values elsewhere."""
        return Variables(*(tensor.clone() for tensor in vars(self).values()))

    def take(self, others: Variables) -> None:
        """Become what ``others`` are."""
        for mine, other in zip(vars(self).values(), vars(others).values(), strict=True):
            mine.copy_(other)


class Iteration:
    """One generator step of what a plan says, on ``variables``; L lanes, batch B."""

    def __init__(self, plan: Plan, variables: Variables) -> None:
        recipe = plan.recipe
        self._plan, self._variables, self._trains_generator = plan, variables, recipe.trains_generator
        # Taken apart once: views cost as much as arithmetic at these sizes.
        self._critic_moments = tuple(variables.critic_moments)
        self._generator_moments = tuple(variables.generator_moments)
        self._of_critic = critic_gradients(
            plan.critic,
            variables.critic,
            recipe.batch,
            plan.objective,
            plan.penalties,
            plan.constraint,
            variables.vectors,
        )
        shape = plan.generator.shape(recipe) if plan.generator.shape else None
        points = functools.partial(plan.generator.points, recipe)
        self._of_generator = generator_gradients(
            points, shape, variables.generator, recipe.batch, recipe.critic_steps + 1
        )

    def __call__(self, draws: Draws, pace: Pace, losses: Tensor) -> None:
        """The critic's updates, then one of the generator if it has weights.

        Into ``losses`` (3, L) go the critic's loss and penalty, of its last update, and the generator's loss.
        """
        noise = pace.noise
        # One forward pass makes the fakes of all updates: the generator does not change between them.
        fakes = self._of_generator.points(draws.latents)
        real, fake, last, paired = draws.data, fakes[:, :-1], fakes[:, -1], draws.paired
        if noise is not None and draws.noise is not None:
            real = real + noise * draws.noise[:, :-1, 0]
            fake = fake + noise * draws.noise[:, :-1, 1]
            last = last + noise * draws.noise[:, -1, 1]
            paired = None if paired is None else paired + noise * draws.noise[:, -1, 0]
        self._of_critic.look(real, fake, draws.penalties)
        for index, update in enumerate(pace.critic_updates):
            self._update_critic(index, update, pace)
        losses[0], losses[1] = self._of_critic.losses()
        slopes, losses[2] = self._of_critic.of_points(last, paired)
        if self._trains_generator:
            self._update_generator(slopes, pace)

    def _update_critic(self, index: int, update: Number, pace: Pace) -> None:
        plan, critic = self._plan, self._variables.critic
        gradient = self._of_critic.of_weights(index)
        plan.update(critic, gradient, self._critic_moments, update, pace.critic_rate)
        plan.constraint.enforce(plan.critic, critic, self._variables.vectors, plan.recipe.clip)

    def _update_generator(self, slopes: Tensor, pace: Pace) -> None:
        generator = self._variables.generator
        gradient = self._of_generator.of_weights(slopes)
        self._plan.update(generator, gradient, self._generator_moments, pace.generator_update, pace.generator_rate)
        self._variables.average.lerp_(generator, pace.share)
