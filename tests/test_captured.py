"""Training by replays of a recorded iteration is the training, bit by bit; recordings are kept, few, and shared."""

from __future__ import annotations

import dataclasses
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from toygan import captured, iteration, training
from toygan.captured import KEPT, Captured
from toygan.draws import DrawSource
from toygan.graphs import Recording, record
from toygan.iteration import Iteration, Pace, Plan, Variables
from toygan.methods import METHODS
from toygan.recipe import Recipe
from toygan.state import State, Trace
from toygan.training import advance, advance_captured, initial_state

CPU, META = torch.device("cpu"), torch.device("meta")
SMALL = {"generator_width": 8, "generator_depth": 2, "critic_width": 8, "critic_depth": 2, "batch": 16}

#: All that changes from step to step, and an intervention in the middle.
EVENTFUL = {
    "critic_steps": 3,
    "instance_noise": 0.3,
    "instance_noise_steps": 6,
    "decay": 5,
    "ema": 0.9,
    "gradient_clip": 0.5,
    "interventions": ((4, {"critic_learning_rate": 0.01, "critic_steps": 2}), (9, {"optimizer": "sgd", "batch": 24})),
}


def small(method: str = "wgan-gp", **fields: Any) -> Recipe:
    return Recipe.from_json({**SMALL, "method": method, **fields})


@pytest.fixture(autouse=True)
def products_by_pytorch(monkeypatch: pytest.MonkeyPatch, routes_afresh: None) -> None:
    """As on a GPU: what NumPy multiplies is no operation that a tape could record."""
    monkeypatch.setenv("TOYGAN_ROUTE", "default")


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[torch.device]:
    """Nothing is kept at first; the devices on which something was recorded since."""
    made: list[torch.device] = []

    def counting(work: Callable[[], object], device: torch.device) -> Recording:
        made.append(device)
        return record(work, device)

    monkeypatch.setattr(captured, "_kept", OrderedDict())
    monkeypatch.setattr(captured, "record", counting)
    return made


def by_replays(recipe: Recipe, state: State, *chunks: int) -> State:
    for steps in chunks:
        state, _ = advance_captured(recipe, state, steps, CPU)
    return state


def same(one: State | Trace, other: State | Trace) -> bool:
    names = [field.name for field in dataclasses.fields(one)]
    return all(np.asarray(getattr(one, n)).tobytes() == np.asarray(getattr(other, n)).tobytes() for n in names)


def assert_replays_are_the_training(recipe: Recipe, seeds: list[int], steps: int, dtype: type = np.float32) -> None:
    state = initial_state(recipe, seeds, dtype)
    # All lanes at once, as in the recording: ``advance`` itself stacks only what is rounded alike alone.
    after, trace = training._advance(recipe, state, steps, CPU)
    replayed, its_trace = advance_captured(recipe, state, steps, CPU)
    assert same(after, replayed) and same(trace, its_trace)
    assert not same(after, state)


# ---- the same training


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("method", METHODS)
def test_replays_give_the_bits_of_the_training_whatever_changes_meanwhile(method: str, activation: str) -> None:
    assert_replays_are_the_training(small(method, activation=activation, **EVENTFUL), [3, 8, 21], 11)


@pytest.mark.parametrize("method", METHODS)
def test_so_they_do_for_one_lane_with_the_method_s_own_settings(method: str) -> None:
    assert_replays_are_the_training(Recipe(method=method, batch=32, generator_width=16, critic_width=16), [5], 9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_so_they_do_with_every_optimiser(optimizer: str, dtype: type) -> None:
    assert_replays_are_the_training(small(optimizer=optimizer, decay=3, critic_learning_rate=1e-3), [0, 1], 7, dtype)


@pytest.mark.parametrize("generator", ["line", "frozen"])
def test_so_they_do_for_generators_that_are_no_network(generator: str) -> None:
    assert_replays_are_the_training(small(generator=generator, latent=2, critic_steps=2), [0, 1], 4)


def test_chunks_of_any_length_by_replays_give_the_bits_of_one() -> None:
    recipe = small("r3gan", **EVENTFUL)
    start = initial_state(recipe, [0, 1])
    assert same(by_replays(recipe, start, 3, 1, 7), by_replays(recipe, start, 11))


def test_a_run_that_failed_leaves_nothing_behind_for_the_next_of_its_recording() -> None:
    recipe = small("wgan-gp", critic_steps=2)
    broken = initial_state(recipe)
    broken.critic[:] = np.nan
    failed, _ = advance_captured(recipe, broken, 3, CPU)
    assert failed.failed_at.tolist() == [1]
    assert_replays_are_the_training(recipe, [0], 5)


def test_what_came_of_a_run_is_left_as_it_was_by_the_next_of_its_recording() -> None:
    recipe = small()
    after = by_replays(recipe, initial_state(recipe), 3)
    copy = pickle.loads(pickle.dumps(after))
    by_replays(recipe, after, 2)
    assert same(after, copy)


def test_the_state_it_is_given_is_left_as_it_was() -> None:
    recipe = small("sngan")
    state = initial_state(recipe)
    by_replays(recipe, state, 3)
    assert same(state, initial_state(recipe))


# ---- mistakes that a graph would make silently are seen


def test_a_rate_that_python_put_in_once_shows_in_the_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = small(decay=2)
    state = initial_state(recipe)
    right = advance(recipe, state, 5)[0]
    assert same(by_replays(recipe, state, 5), right)
    read = Pace.read
    stale = recipe.critic_learning_rate
    monkeypatch.setattr(Pace, "read", lambda numbers, noisy: read(numbers, noisy)._replace(critic_rate=stale))
    monkeypatch.setattr(captured, "_kept", OrderedDict())
    assert not same(by_replays(recipe, state, 5), right)


def test_draws_that_are_not_refilled_show_in_the_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = small()
    state = initial_state(recipe)
    monkeypatch.setattr(torch, "_foreach_copy_", lambda mine, others: None)
    assert not same(by_replays(recipe, state, 3), advance(recipe, state, 3)[0])


def test_a_count_of_updates_that_python_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Pace.read
    monkeypatch.setattr(Pace, "read", lambda numbers, noisy: read(numbers, noisy)._replace(generator_update=1))
    with pytest.raises(ValueError, match="cannot be replayed: it makes a tensor of Python's numbers"):
        by_replays(small(), initial_state(small()), 1)


def test_an_iteration_that_reads_a_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def reading(gradient: Tensor, bound: float) -> Tensor:
        norm = gradient.norm().item()
        return gradient * min(1.0, bound / norm)

    monkeypatch.setattr(iteration, "clip_norm", reading)
    recipe = small(gradient_clip=0.5)
    with pytest.raises(ValueError, match="cannot be replayed: Python reads a tensor's value"):
        by_replays(recipe, initial_state(recipe), 1)


# ---- all of an iteration is on one device

# PyTorch has no meta kernel for its fused Adam, which computes nothing there.
_NO_KERNEL = "_fused_adam_.tensor_lr"


def record_elsewhere(recipe: Recipe) -> Captured:
    """An iteration recorded on a device that is not the processor, without a GPU: PyTorch's "meta", without numbers.

    Its fake tensors on "cuda" would be nearer, but cannot be indexed where PyTorch is built without CUDA.
    """
    state, plan = initial_state(recipe, [0, 1]), Plan.of(recipe, 0)
    variables = Variables.of(state, META)
    with torch.library._scoped_library("aten", "IMPL") as library, torch.inference_mode():
        library.impl(_NO_KERNEL, lambda *tensors, **options: None, "Meta")
        draws = DrawSource([0, 1], torch.float32, META).at(recipe, plan.objective.paired, 0)
        return Captured(plan, variables, draws, plan.pace(0, 0, 0))


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("method", METHODS)
def test_no_operation_of_an_iteration_takes_tensors_of_two_devices(
    method: str, activation: str, recorded: list[torch.device]
) -> None:
    for optimizer in ("adam", "rmsprop", "sgd"):
        record_elsewhere(small(method, activation=activation, optimizer=optimizer, **{**EVENTFUL, "interventions": ()}))
    assert recorded == [META] * 3


def test_an_iteration_with_a_tensor_left_on_the_processor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = torch.tensor(0.5)
    monkeypatch.setattr(iteration, "clip_norm", lambda gradient, _: gradient * bound)
    with pytest.raises(ValueError, match="cannot be replayed: it takes cpu and meta together"):
        record_elsewhere(small(gradient_clip=0.5))


# ---- what is kept


def test_a_run_s_next_chunk_and_other_seeds_replay_what_was_recorded(recorded: list[torch.device]) -> None:
    recipe = small()
    by_replays(recipe, initial_state(recipe), 2, 3, 1)
    other = dataclasses.replace(recipe, seed=7)
    by_replays(other, initial_state(other), 2)
    assert len(recorded) == 1
    assert_replays_are_the_training(other, [7], 4)
    assert len(recorded) == 1


def test_other_lanes_precision_or_settings_are_recorded_anew(recorded: list[torch.device]) -> None:
    recipe = small()
    for state in (
        initial_state(recipe),
        initial_state(recipe, [0, 1]),
        initial_state(recipe, dtype=np.float64),
    ):
        by_replays(recipe, state, 1)
    by_replays(small(batch=20), initial_state(recipe), 1)
    assert len(recorded) == 4


def test_an_intervention_and_the_end_of_the_noise_take_recordings_of_their_own(recorded: list[torch.device]) -> None:
    recipe = small(instance_noise=0.2, instance_noise_steps=2, interventions=((5, {"critic_steps": 3}),))
    by_replays(recipe, initial_state(recipe), 7)
    assert len(recorded) == 3
    by_replays(recipe, initial_state(recipe), 3, 4)
    assert len(recorded) == 3


def test_no_more_than_a_few_are_kept_and_those_used_last(recorded: list[torch.device]) -> None:
    recipes = [small(batch=10 + number) for number in range(KEPT + 1)]
    for recipe in recipes:
        by_replays(recipe, initial_state(recipe), 1)
    assert len(recorded) == KEPT + 1 and len(captured._kept) == KEPT
    for recipe in reversed(recipes[1:]):
        by_replays(recipe, initial_state(recipe), 1)
    assert len(recorded) == KEPT + 1
    by_replays(recipes[0], initial_state(recipes[0]), 1)
    assert len(recorded) == KEPT + 2
    by_replays(recipes[1], initial_state(recipes[1]), 1)
    assert len(recorded) == KEPT + 2


def test_no_steps_record_nothing(recorded: list[torch.device]) -> None:
    recipe = small()
    assert same(by_replays(recipe, initial_state(recipe), 0), advance(recipe, initial_state(recipe), 0)[0])
    assert recorded == []


def test_a_recording_is_called_like_the_iteration_it_replays() -> None:
    recipe = small("dragan")
    state, plan = initial_state(recipe), Plan.of(recipe, 0)
    draws = DrawSource([0], torch.float32, CPU).at(recipe, False, 0)
    variables = Variables.of(state, CPU)
    found, expected = torch.zeros(3, 1), torch.zeros(3, 1)
    with torch.inference_mode():
        replay = captured.captured(plan, variables, draws, plan.pace(0, 0, 0))
        replay(draws, plan.pace(0, 0, 0), found)
        Iteration(plan, variables)(draws, plan.pace(0, 0, 0), expected)
    assert torch.equal(found, expected)
    for name, array in variables.arrays().items():
        assert array.tobytes() == replay.variables.arrays()[name].tobytes(), name


# ---- who trains by replays


def test_on_cuda_all_lanes_of_a_run_are_advanced_by_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(recipe: Recipe, state: State, steps: int, device: torch.device) -> tuple[State, Trace]:
        seen.append((state.lanes, steps, device.type))
        return advance_captured(recipe, state, steps, CPU)

    recipe = small(batch=700)
    state = initial_state(recipe, list(range(9)))
    expected = advance(recipe, state, 2)[0]
    monkeypatch.setattr(training, "choose_device", lambda recipe: torch.device("cuda"))
    monkeypatch.setattr(training, "advance_captured", spy)
    found = advance(recipe, state, 2)[0]
    assert seen == [(9, 2, "cuda")]
    np.testing.assert_allclose(found.generator, expected.generator, rtol=1e-4, atol=1e-5)


def test_where_nothing_can_be_captured_training_goes_on_without_and_does_not_try_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried, streams = [], []

    def refusing(*given: Any) -> tuple[State, Trace]:
        tried.append(given)
        raise RuntimeError("operation not permitted when stream is capturing")

    recipe = small()
    state, cuda = initial_state(recipe), torch.device("cuda")
    written, run = advance(recipe, state, 5)[0], training._advance
    monkeypatch.setattr(training, "_captures", True)
    monkeypatch.setattr(training, "advance_captured", refusing)
    monkeypatch.setattr(training, "choose_device", lambda recipe: cuda)
    monkeypatch.setattr(torch.cuda, "set_stream", streams.append)
    monkeypatch.setattr(torch.cuda, "default_stream", lambda device: "the usual one")
    monkeypatch.setattr(training, "_advance", lambda recipe, state, steps, device: run(recipe, state, steps, CPU))
    for _ in range(2):
        assert same(advance(recipe, state, 5)[0], written)
    assert len(tried) == 1 and not captured._kept
    assert streams == ["the usual one"]
    assert caplog.text.count("cannot be captured") == 1


def test_a_gpu_whose_memory_is_full_says_so_and_may_capture_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: Any) -> tuple[State, Trace]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(training, "_captures", True)
    monkeypatch.setattr(training, "advance_captured", full)
    with pytest.raises(torch.OutOfMemoryError):
        training._replayed(small(), initial_state(small()), 5, CPU)
    assert training._captures


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here: captures are tested by their twin alone")
def test_a_gpu_trains_like_the_processor() -> None:
    for method in METHODS:
        for activation in ("relu", "tanh"):
            recipe = small(method, activation=activation, **EVENTFUL)
            state = initial_state(recipe, [3, 8, 21], np.float64)
            expected, trace = advance(recipe, state, 11)
            found, its_trace = advance_captured(recipe, state, 11, torch.device("cuda"))
            np.testing.assert_allclose(found.generator, expected.generator, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(its_trace.critic_loss, trace.critic_loss, rtol=1e-4, atol=1e-6)
