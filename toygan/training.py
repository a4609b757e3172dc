"""Training: the first state of a run, and ``advance``, which maps a state to a later one.

A run is a pure function of its recipe: the numbers that ``advance`` draws follow from the seeds and the step. Lanes are
replicates that differ only in their seed; one run is one lane. Losses are summed over lanes, never averaged, so that
each lane's gradient is its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from toygan.captured import IN_USE, Captured, captured, forget
from toygan.constraints import CONSTRAINTS, iterate_power
from toygan.draws import Draws, DrawSource, threads
from toygan.generators import GENERATORS
from toygan.iteration import Iteration, Pace, Plan, Variables, critic_shape
from toygan.networks import ACTIVATIONS
from toygan.recipe import Recipe, generator_size
from toygan.routes import openblas
from toygan.state import State, Trace
from toygan.streams import Purpose, stream

log = logging.getLogger(__name__)

#: Whether captures have worked so far in this process.
_captures = True

#: A loss beyond this has exploded: nothing that follows is worth computing.
EXPLODED = 1e12

#: "auto" takes a GPU from this many weights times points on: below it, launching costs more than computing.
_GPU_WORK = 50_000_000

#: So many units of a layer, over all points and lanes, are 0.4 MB: two of them and a matrix fit into a core's cache.
_CACHED = 100_000


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
    for lane in range(len(numbers)):
        # Copies begin where a run alone has them in memory, by which MKL rounds.
        weights, found = (torch.tensor(array[lane : lane + 1]) for array in (critic_weights, vectors))
        for _ in range(15):
            iterate_power(critic, weights, found)
        vectors[lane] = found[0]
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

    On a processor the lanes go by groups whose buffers stay in its cache, one group after the other. On a GPU all of
    them go at once, and on CUDA each iteration is the replay of one that was captured.
    """
    device = choose_device(recipe)
    if device.type == "cuda" and (found := _replayed(recipe, state, steps, device)) is not None:
        return found
    size = _lanes_at_once(recipe) if device.type == "cpu" and state.lanes > 1 else state.lanes
    groups = [state.some(start, start + size) for start in range(0, state.lanes, size)]
    (first, first_trace), *rest = [_advance(recipe, group, steps, device) for group in groups]
    if not rest:
        return first, first_trace
    return first.joined([after for after, _ in rest]), first_trace.joined([trace for _, trace in rest])


def _lanes_at_once(recipe: Recipe) -> int:
    """How many lanes are worth stacking: small ones share the cost of each call, large ones push each other out.

    A seed's run is the same, bit for bit, whatever runs beside it. So only what rounds alike in a stack and alone is
    stacked: not what autograd and the power iteration multiply, nor what MKL does, which rounds by where in memory a
    matrix begins.
    """
    if not openblas():
        return 1
    for _, phase in recipe.phases():
        if ACTIVATIONS[phase.activation].gate is None or not CONSTRAINTS[phase.method_entry.constraint].free:
            return 1
    units = 3 * recipe.batch * max(recipe.critic_width, recipe.generator_width)
    return max(1, _CACHED // units)


def _advance(recipe: Recipe, state: State, steps: int, device: torch.device) -> tuple[State, Trace]:
    return _Run(state, device, steps, captured=False).advance(recipe)


def _replayed(recipe: Recipe, state: State, steps: int, device: torch.device) -> tuple[State, Trace] | None:
    """``advance_captured``, or ``None`` where this process could not capture: then it does not try again."""
    global _captures
    if not _captures:
        return None
    try:
        return advance_captured(recipe, state, steps, device)
    except torch.OutOfMemoryError:
        forget(device)
        raise
    except RuntimeError:
        _captures = False
        forget(device)
        log.warning("iterations cannot be captured in a CUDA graph here, and run as they are written", exc_info=True)
        return None


def advance_captured(recipe: Recipe, state: State, steps: int, device: torch.device) -> tuple[State, Trace]:
    """``advance`` by replays of captured iterations, all lanes at once; on a processor by their twin, for tests."""
    with IN_USE:
        return _Run(state, device, steps, captured=True).advance(recipe)


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


class _Run:
    """A state's variables on a device, advanced in place by one iteration after the other."""

    def __init__(self, state: State, device: torch.device, steps: int, captured: bool) -> None:
        self.before, self.step, self.end = state, state.step, state.step + steps
        self.variables = Variables.of(state, device)
        self.critic_updates = state.critic_updates
        self.generator_updates = state.generator_updates
        dtype = self.variables.critic.dtype
        self.trace = torch.zeros(steps, 3, state.lanes, dtype=dtype, device=device)
        self._rows = self.trace.unbind()
        each = threads().map if device.type == "cuda" else map
        self.draws = DrawSource([int(seed) for seed in state.seeds], dtype, device, self.end, each)
        self._captured = captured
        self._prepared: tuple[Plan, bool] | None = None
        self._iteration: Iteration | Captured

    def advance(self, recipe: Recipe) -> tuple[State, Trace]:
        """All steps; the state they lead to, and what they reported."""
        # Inference mode is 3 to 5 % faster than only not recording. NumPy would warn of a run that overflows.
        with torch.inference_mode(), np.errstate(all="ignore"):
            while self.step < self.end:
                change = recipe.next_change(self.step)
                plan = Plan.of(recipe, self.step)
                if self.step and plan.optimizer is not Plan.of(recipe, self.step - 1).optimizer:
                    self._forget_moments()
                for _ in range(self.step, self.end if change is None else min(self.end, change)):
                    self._iterate(plan)
        return self._save()

    def _save(self) -> tuple[State, Trace]:
        """The arrays again, with the step at which each lane failed."""
        before, trace = self.before, Trace(*self.trace.cpu().numpy().swapaxes(0, 1))
        # The variables of a recording go on to others' values.
        variables = self.variables.clone() if self._captured else self.variables
        state = replace(
            before,
            step=self.step,
            critic_updates=self.critic_updates,
            generator_updates=self.generator_updates,
            **variables.arrays(),
        )
        state.failed_at = _failures(before, state, trace)
        return state, trace

    def _forget_moments(self) -> None:
        """Start the optimiser afresh: another one's moments mean something else."""
        self.variables.critic_moments.zero_()
        self.variables.generator_moments.zero_()
        self.critic_updates = self.generator_updates = 0

    def _iterate(self, plan: Plan) -> None:
        """One generator step."""
        draws = self.draws.at(plan.recipe, plan.objective.paired, self.step)
        pace = plan.pace(self.step, self.critic_updates, self.generator_updates)
        # What a graph computes must not change: with the instance noise gone, another one goes on.
        if self._prepared != (plan, noisy := pace.noise is not None):
            self._prepare(plan, draws, pace)
            self._prepared = plan, noisy
        self._iteration(draws, pace, self._rows[self.step - self.before.step])
        self.critic_updates += plan.recipe.critic_steps
        self.generator_updates += plan.recipe.trains_generator
        self.step += 1

    def _prepare(self, plan: Plan, draws: Draws, pace: Pace) -> None:
        if self._captured:
            self._iteration = captured(plan, self.variables, draws, pace)
            self.variables = self._iteration.variables
        else:
            self._iteration = Iteration(plan, self.variables)


def _failures(before: State, after: State, trace: Trace) -> np.ndarray:
    """The step, counted from 1, that each lane first reported a loss of that is not finite or has exploded, or -1."""
    losses = np.stack([trace.critic_loss, trace.generator_loss])
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(losses) < EXPLODED).all(axis=0)
    first = np.where(bad.any(axis=0), before.step + 1 + bad.argmax(axis=0), -1) if len(bad) else before.failed_at
    broken = ~(np.isfinite(after.generator).all(axis=1) & np.isfinite(after.critic).all(axis=1))
    found = np.where((first < 0) & broken, after.step, first)
    return np.where(before.failed_at >= 0, before.failed_at, found)
