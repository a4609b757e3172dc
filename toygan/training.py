"""Training: the state of a run, one generator iteration, and ``advance``.

A run is a pure function of its recipe: ``advance`` maps a state to a later one, and the numbers it draws follow from
the seeds and the step. Lanes are replicates that differ only in their seed; one run is one lane. Losses are summed
over lanes, never averaged, so that each lane's gradient is its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from toygan.constraints import CONSTRAINTS, Constraint, iterate_power
from toygan.draws import DrawSource
from toygan.generators import GENERATORS, Generator
from toygan.gradients import Term, critic_gradients, generator_gradients
from toygan.networks import Shape
from toygan.objectives import OBJECTIVES, Objective
from toygan.optimizers import OPTIMIZERS, Moments, Update, clip_norm
from toygan.penalties import TOWARD, WHERE
from toygan.recipe import Recipe, generator_size
from toygan.state import State, Trace
from toygan.streams import Purpose, stream

#: A loss beyond this has exploded: nothing that follows is worth computing.
EXPLODED = 1e12

#: "auto" takes a GPU from this many weights times points on: below it, launching costs more than computing.
_GPU_WORK = 50_000_000

#: So many units of a layer, over all points and lanes, are 0.4 MB: two of them and a matrix fit into a core's cache.
_CACHED = 100_000


def critic_shape(recipe: Recipe) -> Shape:
    """The critic's layers: two coordinates to one logit."""
    return Shape.of(2, recipe.critic_width, recipe.critic_depth, 1, recipe.activation)


def initial_state(recipe: Recipe, seeds: list[int] | None = None, dtype: type = np.float32) -> State:
    """The state at step 0, one lane for each seed (the recipe's own by default)."""
    numbers = np.array([recipe.seed] if seeds is None else seeds, dtype=np.uint64)
    critic, generator = critic_shape(recipe), GENERATORS[recipe.generator]

    def draw(initial: Callable[[np.random.Generator], np.ndarray], purpose: Purpose) -> np.ndarray:
        return np.stack([initial(stream(int(seed), purpose)) for seed in numbers]).astype(dtype)

    critic_weights = draw(critic.initial, Purpose.CRITIC_WEIGHTS)
    generator_weights = draw(lambda rng: generator.initial(recipe, rng), Purpose.GENERATOR_WEIGHTS)
    total = sum(critic.widths[1:])
    columns = [stream(int(seed), Purpose.POWER_ITERATION).standard_normal(total) for seed in numbers]
    vectors: np.ndarray = np.stack(columns).astype(dtype)
    for _ in range(15):
        iterate_power(critic, torch.from_numpy(critic_weights), torch.from_numpy(vectors))
    return State(
        step=0,
        seeds=numbers,
        critic=critic_weights,
        generator=generator_weights,
        average=generator_weights.copy(),
        critic_moments=np.zeros((2, *critic_weights.shape), dtype),
        generator_moments=np.zeros((2, *generator_weights.shape), dtype),
        critic_updates=0,
        generator_updates=0,
        vectors=vectors,
        failed_at=np.full(len(numbers), -1),
    )


def choose_device(recipe: Recipe) -> torch.device:
    """The device a recipe asks for; raises ``ValueError`` when this machine has none such."""
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if recipe.device == "auto":
        work = recipe.batch * max(critic_shape(recipe).parameters, generator_size(recipe))
        return torch.device("cuda" if available["cuda"] and work >= _GPU_WORK else "cpu")
    if not available[recipe.device]:
        here = ", ".join(name for name, there in available.items() if there)
        raise ValueError(f"device {recipe.device} is not available here: choose auto or {here}.")
    return torch.device(recipe.device)


def advance(recipe: Recipe, state: State, steps: int) -> tuple[State, Trace]:
    """The state ``steps`` generator steps later, and what each step reported; ``state`` is left as it was.

    On a processor the lanes go by groups whose buffers stay in its cache, one group after the other.
    """
    device = choose_device(recipe)
    size = _lanes_at_once(recipe) if device.type == "cpu" else state.lanes
    groups = [state.some(start, start + size) for start in range(0, state.lanes, size)]
    (first, first_trace), *rest = [_advance(recipe, group, steps, device) for group in groups]
    return first.joined([after for after, _ in rest]), first_trace.joined([trace for _, trace in rest])


def _lanes_at_once(recipe: Recipe) -> int:
    """How many lanes are worth stacking: small ones share the cost of each call, large ones push each other out."""
    units = 3 * recipe.batch * max(recipe.critic_width, recipe.generator_width)
    return max(1, _CACHED // units)


def _advance(recipe: Recipe, state: State, steps: int, device: torch.device) -> tuple[State, Trace]:
    run = _Run(state, device, steps)
    # Inference mode is 3 to 5 % faster than only not recording.
    with torch.inference_mode():
        run.advance(recipe, state.step + steps)
    return run.save(state)


def advance_to_failure(recipe: Recipe, state: State, steps: int) -> tuple[State, Trace]:
    """``advance`` for one lane, except that a run that fails ends with the last step that did not.

    Where a failed run ends so does not depend on how its steps were chunked; ``failed_at`` names the step that failed.
    """
    after, trace = advance(recipe, state, steps)
    failed_at = int(after.failed_at.max())
    if failed_at < 0:
        return after, trace
    sound, trace = advance(recipe, state, max(failed_at - 1 - state.step, 0))
    return replace(sound, failed_at=after.failed_at), trace


def advance_lanes(recipe: Recipe, state: State, steps: int) -> tuple[State, Trace]:
    """``advance`` for several lanes, except that one that fails stays as it was before, and is named in ``failed_at``.

    The others go on as if it were not there.
    """
    after, trace = advance(recipe, state, steps)
    failed = after.failed_at >= 0
    if failed.any():
        for name in ("critic", "generator", "average", "vectors"):
            getattr(after, name)[failed] = getattr(state, name)[failed]
        for name in ("critic_moments", "generator_moments"):
            getattr(after, name)[:, failed] = getattr(state, name)[:, failed]
    return after, trace


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
        return _plan(recipe.at(step) if recipe.interventions else recipe)

    def update(self, weights: Tensor, gradient: Tensor, moments: Moments, updates: int, rate: float) -> None:
        """One optimiser update of flat weights (L, P), in place; the gradient is clipped first when asked."""
        recipe = self.recipe
        if recipe.gradient_clip:
            gradient = clip_norm(gradient, recipe.gradient_clip)
        self.optimizer(weights, gradient, moments, updates, rate, recipe.beta1, recipe.beta2)

    def rate(self, base: float, step: int) -> float:
        """base * 2^(-step / decay), or base when there is no decay."""
        return base * 0.5 ** (step / self.recipe.decay) if self.recipe.decay else base

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


class _Run:
    """A state as tensors on a device, advanced in place."""

    def __init__(self, state: State, device: torch.device, steps: int) -> None:
        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, device=device)

        self.step = self.start = state.step
        self.critic = tensor(state.critic)
        self.generator = tensor(state.generator)
        self.average = tensor(state.average)
        self.critic_moments = tensor(state.critic_moments)
        self.generator_moments = tensor(state.generator_moments)
        # Taken apart once: views cost as much as arithmetic at these sizes.
        self._of_critic_moments, self._of_generator_moments = tuple(self.critic_moments), tuple(self.generator_moments)
        self.critic_updates = state.critic_updates
        self.generator_updates = state.generator_updates
        self.vectors = tensor(state.vectors)
        self.trace = torch.zeros(3, steps, state.lanes, dtype=self.critic.dtype, device=device)
        self._plan: Plan | None = None
        self.draws = DrawSource([int(seed) for seed in state.seeds], self.critic.dtype, device)

    def save(self, before: State) -> tuple[State, Trace]:
        """The arrays again, with the step at which each lane failed."""

        def array(tensor: Tensor) -> np.ndarray:
            return tensor.cpu().numpy()

        trace = Trace(*array(self.trace))
        state = replace(
            before,
            step=self.step,
            critic=array(self.critic),
            generator=array(self.generator),
            average=array(self.average),
            critic_moments=array(self.critic_moments),
            generator_moments=array(self.generator_moments),
            critic_updates=self.critic_updates,
            generator_updates=self.generator_updates,
            vectors=array(self.vectors),
        )
        state.failed_at = _failures(before, state, trace)
        return state, trace

    def advance(self, recipe: Recipe, end: int) -> None:
        """On to step ``end``."""
        while self.step < end:
            change = recipe.next_change(self.step)
            plan = Plan.of(recipe, self.step)
            if self.step and plan.optimizer is not Plan.of(recipe, self.step - 1).optimizer:
                self._forget_moments()
            for _ in range(self.step, end if change is None else min(end, change)):
                self.iterate(plan)

    def _forget_moments(self) -> None:
        """Start the optimiser afresh: another one's moments mean something else."""
        self.critic_moments.zero_()
        self.generator_moments.zero_()
        self.critic_updates = self.generator_updates = 0

    def iterate(self, plan: Plan) -> None:
        """One generator step: the recipe's critic updates, then one generator update if it has weights."""
        recipe = plan.recipe
        if plan is not self._plan:
            self._prepare(plan)
        draws = self.draws.at(recipe, plan.objective.paired, self.step)
        noise = plan.noise(self.step)
        # One forward pass makes the fakes of all updates: the generator does not change between them.
        fakes = self._of_generator.points(draws.latents)
        real, fake, last, paired = draws.data, fakes[:, :-1], fakes[:, -1], draws.paired
        if noise and draws.noise is not None:
            real = real + noise * draws.noise[:, :-1, 0]
            fake = fake + noise * draws.noise[:, :-1, 1]
            last = last + noise * draws.noise[:, -1, 1]
            paired = None if paired is None else paired + noise * draws.noise[:, -1, 0]
        self._of_critic.look(real, fake, draws.penalties)
        for update in range(recipe.critic_steps):
            self._update_critic(plan, update)
        self.trace[0, self.step - self.start], self.trace[1, self.step - self.start] = self._of_critic.losses()
        self._update_generator(plan, last, paired)
        self.step += 1

    def _prepare(self, plan: Plan) -> None:
        recipe, objective = plan.recipe, plan.objective
        self._plan = plan
        self._of_critic = critic_gradients(
            plan.critic, self.critic, recipe.batch, objective, plan.penalties, plan.constraint, self.vectors
        )
        shape = plan.generator.shape(recipe) if plan.generator.shape else None
        points = functools.partial(plan.generator.points, recipe)
        self._of_generator = generator_gradients(points, shape, self.generator, recipe.batch, recipe.critic_steps + 1)

    def _update_critic(self, plan: Plan, update: int) -> None:
        gradient = self._of_critic.of_weights(update)
        rate = plan.rate(plan.recipe.critic_learning_rate, self.step)
        plan.update(self.critic, gradient, self._of_critic_moments, self.critic_updates, rate)
        plan.constraint.enforce(plan.critic, self.critic, self.vectors, plan.recipe.clip)
        self.critic_updates += 1

    def _update_generator(self, plan: Plan, fake: Tensor, paired: Tensor | None) -> None:
        slopes, loss = self._of_critic.of_points(fake, paired)
        self.trace[2, self.step - self.start] = loss
        if not plan.recipe.trains_generator:
            return
        gradient = self._of_generator.of_weights(slopes)
        rate = plan.rate(plan.recipe.generator_learning_rate, self.step)
        plan.update(self.generator, gradient, self._of_generator_moments, self.generator_updates, rate)
        self.average.lerp_(self.generator, 1 - plan.averaging(self.step))
        self.generator_updates += 1


def _failures(before: State, after: State, trace: Trace) -> np.ndarray:
    """The step, counted from 1, that each lane first reported a loss of that is not finite or has exploded, or -1."""
    losses = np.stack([trace.critic_loss, trace.generator_loss])
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(losses) < EXPLODED).all(axis=0)
    first = np.where(bad.any(axis=0), before.step + 1 + bad.argmax(axis=0), -1) if len(bad) else before.failed_at
    broken = ~(np.isfinite(after.generator).all(axis=1) & np.isfinite(after.critic).all(axis=1))
    found = np.where((first < 0) & broken, after.step, first)
    return np.where(before.failed_at >= 0, before.failed_at, found)
