"""Comparisons: recipes that share all but what is compared, their names, colours and links."""

import dataclasses

import pytest

from toygan.comparison import MAX_RUNS, Comparison
from toygan.comparison_presets import COMPARISON_PRESETS
from toygan.methods import CARD_METHODS, METHODS
from toygan.recipe import Recipe

FOUR = Comparison.of_methods(CARD_METHODS)
WEIGHTS = Comparison.of_values("penalty_weight", (0.1, 1, 10), {"method": "wgan-gp", "data": "ring8"})
SEVERAL = [FOUR, WEIGHTS, *(preset.comparison for preset in COMPARISON_PRESETS.values())]


def test_methods_differ_in_nothing_but_themselves_and_their_defaults() -> None:
    shared = Comparison.of_methods(CARD_METHODS, {"data": "moons", "seed": "4", "generator_width": "32"})
    for recipe, key in zip(shared.recipes, CARD_METHODS, strict=True):
        assert recipe == Recipe(method=key, data="moons", seed=4, generator_width=32)


def test_values_of_one_field_differ_in_it_alone() -> None:
    assert WEIGHTS.recipes == tuple(Recipe(method="wgan-gp", data="ring8", penalty_weight=w) for w in (0.1, 1, 10))


@pytest.mark.parametrize("comparison", SEVERAL)
def test_a_link_gives_the_comparison_back(comparison: Comparison) -> None:
    assert Comparison.from_query(comparison.to_query()) == comparison
    many = Comparison(comparison.variants, comparison.shared, replicates=5, clock="updates")
    assert Comparison.from_query(many.to_query()) == many


@pytest.mark.parametrize("comparison", SEVERAL)
def test_no_two_runs_have_the_same_name_or_colour(comparison: Comparison) -> None:
    assert len(set(comparison.titles)) == len(comparison.titles) == len(comparison.recipes)
    assert len(set(comparison.colours)) == len(comparison.recipes)


def test_a_run_is_called_what_sets_it_apart() -> None:
    assert FOUR.titles == tuple(METHODS[key].label for key in CARD_METHODS)
    assert WEIGHTS.titles == ("Penalty weight 0.1", "Penalty weight 1", "Penalty weight 10")
    data = Comparison.of_values("data", ("ring8", "moons"), {"method": "wgan"})
    assert data.titles == ("Ring of 8", "Two moons")
    both = Comparison.of_recipes([Recipe(method="wgan", clip=0.5), Recipe(method="wgan-gp")])
    assert both.titles == ("WGAN, Clipping bound 0.5", "WGAN-GP")


def test_runs_that_differ_only_on_the_way_are_told_apart() -> None:
    straight = Recipe()
    bent = straight.intervene(100, penalty_weight=1)
    bent_more = bent.intervene(200, penalty_weight=2)
    assert Comparison.of_recipes([straight, bent, bent_more]).titles == (
        "no change on the way",
        "1 change on the way",
        "2 changes on the way",
    )


def test_any_recipes_can_be_put_together() -> None:
    recipes = (Recipe(method="wgan", data="moons", seed=3), Recipe(data="grid25").intervene(5, method="dragan"))
    comparison = Comparison.of_recipes(recipes)
    assert comparison.recipes == recipes
    assert not comparison.same_data
    assert Comparison.from_query(comparison.to_query()).recipes == recipes


def test_methods_keep_their_colours_and_one_method_s_values_get_others() -> None:
    assert FOUR.colours == tuple(METHODS[key].colour for key in CARD_METHODS)
    assert len(set(WEIGHTS.colours)) == 3


def test_what_is_set_for_all_runs_holds_for_all() -> None:
    changed = FOUR.share(batch=32)
    assert [recipe.batch for recipe in changed.recipes] == [32] * 4
    steps = COMPARISON_PRESETS["critic-steps"].comparison.share(critic_steps=3)
    assert {recipe.critic_steps for recipe in steps.recipes} == {3}


def test_other_data_begins_with_its_own_shape() -> None:
    shaped = FOUR.share(data="ring8").share(data_parameters=(("std", 0.1),))
    assert all(dict(recipe.data_parameters)["std"] == 0.1 for recipe in shaped.recipes)
    assert all(recipe == Recipe(method=recipe.method, data="moons") for recipe in shaped.share(data="moons").recipes)


def test_a_run_compared_with_itself_is_numbered() -> None:
    twice = Comparison.of_methods(("wgan", "wgan"))
    assert twice.titles == ("WGAN (1)", "WGAN (2)")
    assert len(set(twice.colours)) == 2


def test_the_clock_does_not_make_other_runs() -> None:
    assert Comparison(FOUR.variants, clock="seconds").key == FOUR.key
    assert Comparison(FOUR.variants, replicates=2).key != FOUR.key


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, "names no runs"),
        ({"runs": "[{"}, "must be a JSON list"),
        ({"runs": "5"}, "must be a JSON list"),
        ({"runs": "[1, 2]"}, "must be a JSON list"),
        ({"runs": "[]"}, f"between 1 and {MAX_RUNS} runs"),
        ({"runs": '[{"method":"wgna"}]'}, "unknown method 'wgna'"),
        ({"runs": '[{"method":"wgan"}]', "seeds": "17"}, "seeds must be between 1 and 16, not 17."),
        ({"runs": '[{"method":"wgan"}]', "seeds": "0"}, "seeds must be between 1 and 16, not 0."),
        ({"runs": '[{"method":"wgan"}]', "seeds": "4097"}, "seeds must be between 1 and 16, not 4097."),
        ({"runs": '[{"method":"wgan"}]', "seeds": "two"}, "seeds must be a number"),
        ({"runs": '[{"method":"wgan"}]', "clock": "sundial"}, "unknown clock 'sundial'"),
        ({"runs": '[{"method":"wgan"}]', "batch": "0"}, "batch must be between"),
    ],
)
def test_a_link_that_makes_no_sense_gets_a_sentence(query: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Comparison.from_query(query)


def test_there_is_a_preset_for_each_question_the_papers_ask() -> None:
    assert {"four-methods", "clip-or-penalty", "critic-steps", "one-sided", "instance-noise"} <= set(COMPARISON_PRESETS)


@pytest.mark.parametrize(
    "fields",
    [
        {"critic_width": "1024", "critic_depth": "4", "critic_steps": "100", "batch": "100"},
        {"critic_width": "1024", "critic_depth": "4", "batch": "1"},
    ],
    ids=["work", "memory"],
)
def test_what_one_seed_may_is_too_much_for_many_at_once(fields: dict[str, str]) -> None:
    alone = Comparison.of_methods(["wgan", "wgan-gp"], fields)
    with pytest.raises(ValueError, match="16 seeds of WGAN are too much to train at once: choose fewer seeds"):
        dataclasses.replace(alone, replicates=16)


@pytest.mark.parametrize("comparison", SEVERAL)
def test_what_is_offered_may_have_as_many_seeds_as_there_are(comparison: Comparison) -> None:
    assert dataclasses.replace(comparison, replicates=16).replicates == 16
    paper = comparison.share(generator_width=512, critic_width=512, batch=256)
    assert dataclasses.replace(paper, replicates=16).replicates == 16
