"""Random numbers are pure functions of seed, purpose and position, and training's draws are made of them alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from toygan.draws import BLOCK, Draws, DrawSource, Lane, threads
from toygan.methods import METHODS
from toygan.objectives import OBJECTIVES
from toygan.penalties import WHERE
from toygan.recipe import Recipe
from toygan.streams import Purpose, latents, stream

CPU = torch.device("cpu")


def source(seeds: list[int] | None = None) -> DrawSource:
    return DrawSource([0] if seeds is None else seeds, torch.float64, CPU)


def draws_of(recipe: Recipe, step: int, seeds: list[int] | None = None) -> Draws:
    """The numbers of one step, from a source that was never asked before."""
    paired = OBJECTIVES[recipe.method_entry.objective].paired
    return source([recipe.seed] if seeds is None else seeds).at(recipe, paired, step)


def small(method: str = "wgan-gp", **fields: object) -> Recipe:
    return Recipe.from_json({"method": method, "batch": 5, "critic_steps": 2, **fields})


# ---- streams


@given(seed=st.integers(0, 2**53 - 1), purpose=st.sampled_from(Purpose), block=st.integers(0, 10**6))
def test_a_stream_is_the_same_each_time(seed: int, purpose: Purpose, block: int) -> None:
    first, second = (stream(seed, purpose, block).random(4) for _ in range(2))
    assert first.tolist() == second.tolist()


def test_streams_of_other_seeds_purposes_and_blocks_are_other_streams() -> None:
    places = [(seed, purpose, block) for seed in (0, 1, 2**52) for purpose in Purpose for block in (0, 1, 99)]
    firsts = {tuple(stream(*place).random(3)) for place in places}
    assert len(firsts) == len(places)


def test_streams_of_neighbouring_seeds_and_purposes_are_uncorrelated() -> None:
    places = [(0, Purpose.DATA, 0), (1, Purpose.DATA, 0), (0, Purpose.LATENT, 0), (0, Purpose.DATA, 1)]
    numbers = np.stack([stream(*place).standard_normal(20_000) for place in places])
    correlations = np.corrcoef(numbers) - np.eye(len(places))
    assert np.abs(correlations).max() < 0.04


def test_the_numbers_of_purposes_never_change_since_recipes_mean_them() -> None:
    assert {purpose.name: int(purpose) for purpose in Purpose} == {
        "CRITIC_WEIGHTS": 0,
        "GENERATOR_WEIGHTS": 1,
        "POWER_ITERATION": 2,
        "DATA": 3,
        "PAIRED_DATA": 4,
        "LATENT": 5,
        "INSTANCE_NOISE": 6,
        "PROBE_LATENT": 7,
        "PROBE_DATA": 8,
        "EVALUATION_LATENT": 9,
        "EVALUATION_DATA": 10,
        "FROZEN_DATA": 11,
        "FROZEN_NOISE": 12,
        "PROBE_FROZEN_DATA": 13,
        "PROBE_FROZEN_NOISE": 14,
        "EVALUATION_FROZEN_DATA": 15,
        "EVALUATION_FROZEN_NOISE": 16,
        "PENALTY": 100,
    }


def test_latents_have_the_law_they_are_asked_for() -> None:
    normal = latents(stream(0, Purpose.LATENT), "normal", (20_000, 2))
    uniform = latents(stream(0, Purpose.LATENT), "uniform", (20_000, 2))
    assert normal.shape == uniform.shape == (20_000, 2)
    for column in range(2):
        assert kstest(normal[:, column], "norm").pvalue > 0.01
        assert kstest(uniform[:, column], "uniform", args=(-1, 2)).pvalue > 0.01


# ---- draws


def same(one: Draws, other: Draws) -> bool:
    pairs = zip(
        [one.data, one.paired, one.latents, one.noise, *one.penalties],
        [other.data, other.paired, other.latents, other.noise, *other.penalties],
        strict=True,
    )
    return all(a is b is None or (a is not None and b is not None and torch.equal(a, b)) for a, b in pairs)


@pytest.mark.parametrize("method", METHODS)
def test_draws_have_the_documented_shapes(method: str) -> None:
    recipe = small(method, latent=3, instance_noise=0.1)
    draws = draws_of(recipe, 3, seeds=[4, 5])
    paired = OBJECTIVES[recipe.method_entry.objective].paired
    assert draws.data.shape == (2, 2, 5, 2)
    assert draws.latents.shape == (2, 3, 5, 3)
    assert draws.noise is not None and draws.noise.shape == (2, 3, 2, 5, 2)
    assert (draws.paired is not None) == paired
    if draws.paired is not None:
        assert draws.paired.shape == (2, 5, 2)
    assert len(draws.penalties) == len(recipe.method_entry.penalties)
    for drawn, penalty in zip(draws.penalties, recipe.method_entry.penalties, strict=True):
        where = WHERE[penalty.where]
        assert (drawn is None) == (where.law == "")
        assert drawn is None or drawn.shape == (2, 2, 5, where.width)


def test_without_instance_noise_none_is_drawn() -> None:
    assert draws_of(small(), 0).noise is None


@given(steps=st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_a_step_s_draws_do_not_depend_on_what_was_asked_before(steps: list[int]) -> None:
    recipe, kept = small(instance_noise=0.2), source()
    for step in steps:
        assert same(kept.at(recipe, False, step), draws_of(recipe, step))


def test_every_step_and_every_update_draws_new_numbers() -> None:
    recipe = small()
    points = torch.cat([draws_of(recipe, step).data.reshape(-1, 2) for step in range(2 * BLOCK + 1)])
    assert len(torch.unique(points, dim=0)) == len(points)


def test_the_data_and_latents_are_the_same_for_every_method_with_the_same_seed() -> None:
    for step in (0, BLOCK - 1, BLOCK):
        first = draws_of(small("wgan-gp", seed=7), step)
        for method in METHODS:
            draws = draws_of(small(method, seed=7), step)
            assert torch.equal(draws.data, first.data), method
            assert torch.equal(draws.latents, first.latents), method


def test_learning_rates_and_instance_noise_do_not_change_the_data() -> None:
    plain = draws_of(small(), 5)
    changed = draws_of(small(critic_learning_rate=0.5, instance_noise=1.0, decay=10), 5)
    assert torch.equal(plain.data, changed.data) and torch.equal(plain.latents, changed.latents)


def test_a_lane_draws_what_its_seed_alone_draws() -> None:
    recipe = small("r3gan", instance_noise=0.1)
    together = draws_of(recipe, 9, seeds=[3, 11])
    for lane, seed in enumerate((3, 11)):
        alone = draws_of(recipe, 9, seeds=[seed])
        pick = slice(lane, lane + 1)
        assert torch.equal(together.data[pick], alone.data)
        assert together.paired is not None and alone.paired is not None
        assert torch.equal(together.paired[pick], alone.paired)
        assert torch.equal(together.latents[pick], alone.latents)


def test_paired_real_points_are_not_the_critic_s() -> None:
    draws = draws_of(small("r3gan"), 0)
    assert draws.paired is not None
    assert not any(torch.equal(draws.paired, draws.data[:, update]) for update in range(2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draws_come_in_the_precision_asked_for_from_the_same_numbers(dtype: torch.dtype) -> None:
    recipe = small("dragan", instance_noise=0.1)
    draws = DrawSource([0], dtype, CPU).at(recipe, False, 4)
    full = draws_of(recipe, 4)
    assert torch.equal(draws.data, full.data.to(dtype))
    assert draws.penalties[0] is not None and full.penalties[0] is not None
    assert torch.equal(draws.penalties[0], full.penalties[0].to(dtype))


@pytest.mark.parametrize("end", [1, 16, 17, 999])
def test_drawn_ahead_in_threads_the_numbers_are_the_same(end: int) -> None:
    recipe, other = small("r3gan", instance_noise=0.1), small("r3gan", batch=9)
    with ThreadPoolExecutor(2) as pool:
        threaded = DrawSource([3, 11, 5], torch.float64, CPU, end, pool.map)
        for step, asked in ((0, recipe), (5, recipe), (8, recipe), (17, other), (18, other), (24, other), (3, recipe)):
            found, expected = threaded.at(asked, True, step), draws_of(asked, step, [3, 11, 5])
            for one, two in zip(found.tensors(), expected.tensors(), strict=True):
                assert torch.equal(one, two)


@pytest.mark.parametrize(("end", "blocks"), [(8, 1), (9, 2), (16, 2), (17, 2)])
def test_the_block_after_is_begun_where_a_step_of_it_will_be_asked_for(end: int, blocks: int) -> None:
    begun = []

    def each(lane: Callable[[int], Lane], seeds: list[int]) -> list[Lane]:
        begun.append(seeds)
        return [lane(seed) for seed in seeds]

    draws = DrawSource([0, 1], torch.float64, CPU, end, each)
    draws.at(small(), False, 0)
    assert begun == [[0, 1]] * blocks
    draws.at(small(), False, 7)
    assert begun == [[0, 1]] * blocks


def test_threads_are_made_once() -> None:
    assert threads() is threads()


def test_a_copy_of_draws_holds_the_same_numbers_in_memory_of_its_own() -> None:
    for recipe in (small("wgan"), small("r3gan", instance_noise=0.1), small("dragan")):
        draws = draws_of(recipe, 3)
        for one, two in zip(draws.clone().tensors(), draws.tensors(), strict=True):
            assert torch.equal(one, two) and one.data_ptr() != two.data_ptr()


def test_data_are_drawn_from_the_recipe_s_distribution() -> None:
    recipe = Recipe(data="segment", data_parameters=(("theta", 1.5),), batch=4096, critic_steps=1)
    points = draws_of(recipe, 0).data[0, 0].numpy()
    assert (points[:, 0] == 1.5).all()
    assert kstest(points[:, 1], "uniform").pvalue > 0.01


def test_each_sample_of_the_gradient_penalty_gets_a_share_of_its_own() -> None:
    recipe = Recipe(method="wgan-gp", batch=4096, critic_steps=1)
    (share,) = draws_of(recipe, 0).penalties
    assert share is not None and share.shape == (1, 1, 4096, 1)
    assert kstest(share.ravel(), "uniform").pvalue > 0.01
