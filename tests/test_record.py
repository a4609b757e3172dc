"""Records: names and seeds of runs with replicates."""

import pytest

from toygan.recipe import Recipe
from toygan.record import MAX_REPLICATES, Keyframe, Record, run_key, seeds_of


def test_a_run_of_one_seed_has_its_recipe_s_key() -> None:
    recipe = Recipe(seed=3)
    assert run_key(recipe) == recipe.key == Record(recipe).key


def test_the_same_recipe_with_more_seeds_is_another_run() -> None:
    recipe = Recipe()
    assert len({run_key(recipe, count) for count in range(1, MAX_REPLICATES + 1)}) == MAX_REPLICATES


def test_replicates_have_the_recipe_s_seed_and_those_after_it() -> None:
    assert Record(Recipe(seed=5), 3).seeds == [5, 6, 7]


@pytest.mark.parametrize("count", [0, -1, MAX_REPLICATES + 1])
def test_too_few_or_too_many_replicates_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="replicates must be between 1 and 16"):
        seeds_of(Recipe(), count)


def test_a_keyframe_s_metrics_are_its_first_replicate_s() -> None:
    assert Keyframe(1, b"", ({"w1": 1.0}, {"w1": 2.0}), ()).metrics == {"w1": 1.0}
