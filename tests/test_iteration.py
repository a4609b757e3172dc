"""What changes from step to step comes in by a pace, as numbers or as tensors; variables are a state's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from toygan.draws import DrawSource
from toygan.iteration import Iteration, Pace, Plan, Variables, critic_shape
from toygan.recipe import Recipe
from toygan.training import initial_state

CPU = torch.device("cpu")


def small(**fields: Any) -> Recipe:
    sizes = {"generator_width": 8, "generator_depth": 2, "critic_width": 8, "critic_depth": 2, "batch": 16}
    return Recipe.from_json({**sizes, **fields})


def test_the_critic_takes_points_of_the_plane_to_one_logit() -> None:
    assert critic_shape(small()).widths == (2, 8, 8, 1)


def test_rates_halve_every_half_life_and_stay_without_one() -> None:
    slowing, steady = (Plan.of(small(critic_learning_rate=0.4, decay=decay), 0) for decay in (3, 0))
    assert [slowing.pace(step, 0, 0).critic_rate for step in (0, 3, 6)] == pytest.approx([0.4, 0.2, 0.1])
    assert steady.pace(99, 0, 0).critic_rate == 0.4


def test_updates_are_counted_from_one_on_behind_those_that_were() -> None:
    pace = Plan.of(small(critic_steps=3), 0).pace(5, 15, 5)
    assert list(pace.critic_updates) == [16, 17, 18] and pace.generator_update == 6


def test_there_is_no_noise_from_the_step_on_at_which_it_ends() -> None:
    plan = Plan.of(small(instance_noise=0.8, instance_noise_steps=4), 0)
    assert [plan.pace(step, 0, 0).noise for step in (0, 1, 3, 4, 99)] == pytest.approx([0.8, 0.6, 0.2, None, None])
    assert Plan.of(small(), 0).pace(0, 0, 0).noise is None


@pytest.mark.parametrize("noise", [0.5, 0.0])
def test_a_row_of_a_pace_s_numbers_reads_as_the_same_pace(noise: float) -> None:
    pace = Plan.of(small(critic_steps=2, instance_noise=noise, decay=7, ema=0.9), 0).pace(3, 6, 3)
    read = Pace.read(torch.tensor(pace.numbers(), dtype=torch.float64), pace.noise is not None)
    assert read.numbers() == pace.numbers()
    assert (read.noise is None) == (pace.noise is None) == (noise == 0)


def test_a_pace_in_tensors_gives_the_bits_of_the_same_in_numbers() -> None:
    recipe = small(instance_noise=0.3, decay=5, ema=0.9, critic_steps=2)
    state, plan = initial_state(recipe, [0, 1]), Plan.of(recipe, 0)
    draws = DrawSource([0, 1], torch.float32, CPU).at(recipe, False, 0)
    pace = plan.pace(4, 8, 4)
    tensors = Pace.read(torch.tensor(pace.numbers(), dtype=torch.float64), True)
    found = []
    for each in (pace, tensors):
        variables, losses = Variables.of(state, CPU), torch.zeros(3, 2)
        with torch.inference_mode():
            Iteration(plan, variables)(draws, each, losses)
        found.append([losses.numpy(), *variables.arrays().values()])
    for one, two in zip(*found, strict=True):
        assert one.tobytes() == two.tobytes()


def test_variables_are_copies_of_a_state_s_arrays_and_take_others_in_place() -> None:
    first, second = (initial_state(small(), [seed]) for seed in (0, 1))
    mine, others = (Variables.of(state, CPU) for state in (first, second))
    place = mine.critic.data_ptr()
    clone = mine.clone()
    mine.take(others)
    assert mine.critic.data_ptr() == place
    for name, array in mine.arrays().items():
        assert np.array_equal(array, getattr(second, name))
        assert np.array_equal(clone.arrays()[name], getattr(first, name))
    mine.critic.zero_()
    assert others.critic.any() and second.critic.any()
