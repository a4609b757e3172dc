"""A link brings back the recipe and the step it was made of, and a damaged one all that is sound in it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toygan.presets import PRESETS
from toygan.recipe import KNOBS, MAX_STEPS, Recipe
from toygan.ui import address


def there_and_back(query: dict[str, str]) -> dict[str, str]:
    """A query through the address bar."""
    return dict(parse_qsl(urlencode(query), keep_blank_values=True))


@pytest.mark.parametrize("key", PRESETS)
def test_a_link_to_a_preset_at_a_step_brings_both_back(key: str) -> None:
    recipe = PRESETS[key].recipe
    query = there_and_back({**address.parameters(recipe, {}), "step": "123"})
    assert address.read(query) == (recipe, 123, [])


def test_an_intervened_run_s_link_brings_its_interventions_back() -> None:
    recipe = Recipe(data="segment", data_parameters=(("theta", 0.5),)).intervene(50, method="dragan", batch=64)
    assert address.read(there_and_back(address.parameters(recipe, {}))) == (recipe, 0, [])


def test_an_empty_link_is_the_default_recipe_at_its_start() -> None:
    assert address.read({}) == (Recipe(), 0, [])


def test_what_is_not_the_recipe_s_stays_in_the_address_bar() -> None:
    query = {"embed": "true", "embed_options": "dark_theme", "step": "7", "batch": "3", "gone": "1"}
    found = address.parameters(Recipe(batch=64), query)
    assert found == {"batch": "64", "embed": "true", "embed_options": "dark_theme", "step": "7"}
    assert address.read(found) == (Recipe(batch=64), 7, [])


# ---- damage


def one_left_out(query: dict[str, str], name: str) -> Recipe:
    """The recipe of a link of which only ``name`` could not be used."""
    recipe, step, problems = address.read(query)
    assert step == 0
    assert len(problems) == 1
    assert problems[0].startswith(f"The link's {name} was left out: ")
    return recipe


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("batch", "0", "batch must be between 1 and "),
        ("critic_learning_rate", "nan", "critic_learning_rate must be a finite number, not nan."),
        ("method", "wgna", "unknown method 'wgna': choose from "),
        ("data", "ring9", "unknown data 'ring9': choose from "),
        ("data.std", "-1", "std of ring8-wide must be a number from"),
        ("data.spacing", "1", "unknown ring8-wide parameter 'spacing': choose from radius, std"),
        ("colour", "red", "unknown setting 'colour'."),
        ("bacth", "64", "unknown setting 'bacth': did you mean batch?"),
        ("interventions", "[[", "interventions must be a JSON list of"),
        ("interventions", '[[5,{"seed":1}]]', "seed holds for a whole run"),
        ("data_parameters", "5", "unknown setting 'data_parameters'."),
    ],
)
def test_a_tampered_field_is_left_out_with_its_reason_and_the_rest_is_kept(name: str, value: str, reason: str) -> None:
    sound = {"critic_steps": "3", "ema": "0.5", "seed": "9"}
    recipe = one_left_out({**sound, name: value}, name)
    assert recipe == Recipe(critic_steps=3, ema=0.5, seed=9)
    assert reason in address.read({**sound, name: value})[2][0]


def test_a_link_that_was_damaged_starts_at_its_beginning_since_its_step_was_another_run_s() -> None:
    _, step, problems = address.read({"batch": "0", "step": "500"})
    assert step == 0
    assert problems[1:] == ["What is left is another run, so it begins at step 0."]


def test_fields_are_judged_by_the_method_and_data_they_come_with_in_any_order() -> None:
    query = {"data.spacing": "3.0", "batch": "zero", "data": "grid25", "method": "dragan"}
    recipe = one_left_out(query, "batch")
    assert recipe == Recipe(
        method="dragan", data="grid25", data_parameters=(("side", 5), ("spacing", 3.0), ("std", 0.05))
    )


def test_of_an_impossible_combination_one_part_is_kept() -> None:
    recipe, _, problems = address.read({"method": "dragan", "batch": "1"})
    assert len(problems) == 1 and "dragan needs a batch of at least 2" in problems[0]
    assert recipe == Recipe(method="dragan")


@pytest.mark.parametrize(
    "step",
    ["-1", "1.5", "", "ten", "٣", "1e3", "0x10", str(MAX_STEPS + 1), "nan", " 5", "9" * 5000],
    ids=lambda s: s[:9],
)
def test_a_step_that_is_none_is_left_out_and_the_recipe_kept(step: str) -> None:
    recipe, found, problems = address.read({"step": step, "batch": "64"})
    assert (recipe, found) == (Recipe(batch=64), 0)
    assert len(problems) == 1
    assert problems[0].startswith("The link's step was left out: it must be a whole number from 0 to 1,000,000")
    assert len(problems[0]) < 300


def test_the_last_step_there_is_can_be_linked_to() -> None:
    assert address.read({"step": str(MAX_STEPS)}) == (Recipe(), MAX_STEPS, [])


TEXTS = st.text(max_size=12) | st.sampled_from(["0", "1e9", "nan", "dragan", "grid25", "[]", "[[1,{}]]", "null"])


@given(
    st.dictionaries(
        st.sampled_from([*KNOBS, "data.std", "data.theta", "interventions", "data_parameters", "step", "embed"])
        | st.text(max_size=5),
        TEXTS,
        max_size=5,
    )
)
def test_any_link_at_all_opens_the_page(query: dict[str, str]) -> None:
    recipe, step, problems = address.read(query)
    assert 0 <= step <= MAX_STEPS
    assert len(problems) <= len(query)
    for problem in problems:
        assert "Traceback" not in problem
    # what was kept is a link of its own
    assert address.read(address.parameters(recipe, {})) == (recipe, 0, [])


def test_reading_a_link_changes_nothing_in_it() -> None:
    query: dict[str, Any] = {"batch": "0", "step": "5", "ema": "0.5"}
    copy = dict(query)
    address.read(query)
    address.parameters(Recipe(), query)
    assert query == copy
