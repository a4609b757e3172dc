"""A recipe is a small validated value that survives JSON, links and other processes, and says what is wrong."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from toygan.distributions import DISTRIBUTIONS
from toygan.methods import METHODS
from toygan.recipe import (
    KNOBS,
    MAX_STEP_WORK,
    MAX_STEPS,
    MAX_WORK,
    Knob,
    Recipe,
    UnknownField,
    generator_size,
    network_size,
)

ROOT = Path(__file__).parents[1]

#: A recipe that names every field, so that no default can change what it is, and its hash.
COMPLETE: dict[str, Any] = {
    "data": "grid25",
    "data_parameters": {"side": 5, "spacing": 2.0, "std": 0.05},
    "method": "dragan",
    "penalty_weight": 2.5,
    "clip": 0.02,
    "critic_steps": 2,
    "generator": "network",
    "generator_width": 64,
    "generator_depth": 2,
    "critic_width": 96,
    "critic_depth": 3,
    "activation": "leaky-relu",
    "latent": 4,
    "latent_law": "uniform",
    "batch": 128,
    "optimizer": "adam",
    "generator_learning_rate": 0.0005,
    "critic_learning_rate": 0.002,
    "beta1": 0.0,
    "beta2": 0.99,
    "decay": 10000.0,
    "instance_noise": 0.1,
    "instance_noise_steps": 2000,
    "gradient_clip": 5.0,
    "ema": 0.995,
    "seed": 12345,
    "device": "cpu",
    "interventions": [[500, {"batch": 256, "method": "wgan-gp"}]],
}
COMPLETE_KEY = "74ab0635d0888c33"

#: Defaults of that time.
_THEN = {"generator_width": 128, "critic_width": 128, "ema": 0.99}
_RATES = {"generator_learning_rate": 1e-3, "critic_learning_rate": 1e-3}

#: Recipes and their hashes from before there was a field ``generator``.
KEYS: list[tuple[dict[str, Any], str]] = [
    ({**_THEN, **_RATES, "critic_steps": 5}, "ca6661164af0a244"),
    ({**_THEN, **_RATES, "method": "r3gan"}, "39543fd0b1bb68b1"),
    ({**_THEN, "method": "wgan", "critic_steps": 5, "clip": 0.1}, "f406e7e31c9a372d"),
    ({**_THEN, **_RATES, "method": "dragan", "interventions": [[50, {"batch": 64}]]}, "34ea1ad371757bd8"),
]

NUMERIC = [name for name, knob in KNOBS.items() if knob.kind != "choice"]
CHOICES = [name for name, knob in KNOBS.items() if knob.kind == "choice"]

# What belongs in a log and not in a sentence for people.
JARGON = re.compile(r"Traceback|Error\b|<class|object at 0x|__|NoneType|\bint\(\)|sys\.|could not convert|\bself\b")


def assert_plain_sentence(error: BaseException) -> None:
    text = str(error)
    assert not JARGON.search(text), text
    assert "\n" not in text and "!" not in text, text
    assert len(text) < 600, text


# ---- strategies


def values_of(knob: Knob) -> st.SearchStrategy[Any]:
    """Valid values of a knob, written as a page, a file or a link might."""
    if knob.kind == "choice":
        return st.sampled_from(knob.choices)
    assert knob.low is not None and knob.high is not None
    if knob.kind == "integer":
        # Rarely the largest networks: most of those are too much work.
        return st.integers(int(knob.low), int(min(knob.high, 200))) | st.just(int(knob.high))
    return st.floats(knob.low, knob.high, exclude_min=knob.above, allow_subnormal=False)


def interventions() -> st.SearchStrategy[Any]:
    changes = st.fixed_dictionaries(
        {}, optional={name: values_of(knob) for name, knob in KNOBS.items() if knob.changeable}
    ).filter(bool)
    steps = st.lists(st.integers(1, MAX_STEPS), unique=True, max_size=3).map(sorted)
    return steps.flatmap(lambda at: st.tuples(*[st.tuples(st.just(step), changes) for step in at]))


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    fields = draw(st.fixed_dictionaries({}, optional={name: values_of(knob) for name, knob in KNOBS.items()}))
    family = DISTRIBUTIONS[fields.get("data", KNOBS["data"].default)]
    shapes = {
        name: st.integers(int(p.low), int(p.high)) if p.whole else st.floats(p.low, p.high, allow_subnormal=False)
        for name, p in family.parameters.items()
    }
    fields["data_parameters"] = draw(st.fixed_dictionaries({}, optional=shapes))
    fields["interventions"] = draw(interventions())
    try:
        return Recipe.from_json(fields)
    except ValueError:
        assume(False)
        raise


#: Whole recipes are slow to make up.
some_recipes = settings(max_examples=50)

# ---- round trips


@some_recipes
@given(recipes())
def test_json_gives_the_same_recipe_back(recipe: Recipe) -> None:
    text = json.dumps(recipe.to_json(), allow_nan=False)
    back = Recipe.from_json(json.loads(text))
    assert back == recipe
    assert back.key == recipe.key
    assert hash(back) == hash(recipe)


@some_recipes
@given(recipes())
def test_a_link_gives_the_same_recipe_back(recipe: Recipe) -> None:
    query = dict(parse_qsl(urlencode(recipe.to_query()), keep_blank_values=True))
    back = Recipe.from_query(query)
    assert back == recipe
    assert back.key == recipe.key


@some_recipes
@given(recipes())
def test_recipes_survive_pickling(recipe: Recipe) -> None:
    assert pickle.loads(pickle.dumps(recipe)) == recipe


@some_recipes
@given(recipes())
def test_a_link_names_only_what_differs_from_the_defaults(recipe: Recipe) -> None:
    query = recipe.to_query()
    usual = Recipe(method=recipe.method, data=recipe.data)
    for name in KNOBS:
        ordinary = KNOBS[name].default if name in ("method", "data") else getattr(usual, name)
        assert (name in query) == (getattr(recipe, name) != ordinary), name
    for name, value in recipe.data_parameters:
        assert (f"data.{name}" in query) == (dict(usual.data_parameters)[name] != value), name
    assert ("interventions" in query) == bool(recipe.interventions)


def test_the_default_recipe_s_link_is_empty() -> None:
    assert Recipe().to_query() == {}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_with_its_own_defaults_needs_only_its_name(method: str) -> None:
    query = Recipe(method=method).to_query()
    assert query == ({} if method == Recipe().method else {"method": method})


# ---- the hash


def test_the_hash_of_a_complete_recipe_never_changes() -> None:
    assert set(COMPLETE) == {field.name for field in dataclasses.fields(Recipe)}
    assert Recipe.from_json(COMPLETE).key == COMPLETE_KEY


@pytest.mark.parametrize(("fields", "key"), KEYS, ids=lambda value: str(value))
def test_fields_that_came_later_leave_the_hashes_of_older_recipes_as_they_were(fields: Any, key: str) -> None:
    assert Recipe.from_json(fields).key == key
    older = {name: value for name, value in Recipe.from_json(fields).to_json().items() if name != "generator"}
    assert Recipe.from_json(older) == Recipe.from_json(fields)


@pytest.mark.parametrize("generator", ["line", "frozen"])
def test_a_generator_that_is_no_network_is_another_recipe_and_stays_through_the_run(generator: str) -> None:
    recipe = Recipe(generator=generator)
    assert recipe.key != Recipe().key
    assert recipe.to_query() == {"generator": generator}
    assert recipe.to_json()["generator"] == generator
    with pytest.raises(ValueError, match="generator holds for a whole run and cannot change within it"):
        Recipe().intervene(5, generator=generator)


def test_the_hash_is_the_same_in_another_process() -> None:
    code = "from toygan.recipe import Recipe; print(Recipe().key, Recipe(method='r3gan', ema=0.5).key)"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert keys == {f"{Recipe().key} {Recipe(method='r3gan', ema=0.5).key}\n"}


def test_hashes_are_sixteen_hexadecimal_digits() -> None:
    assert re.fullmatch("[0-9a-f]{16}", Recipe().key)


@pytest.mark.parametrize("name", [name for name in KNOBS if name != "data"])
def test_every_field_counts_in_the_hash(name: str) -> None:
    knob, plain = KNOBS[name], Recipe()
    other: Any
    if knob.kind == "choice":
        other = next(choice for choice in knob.choices if choice != getattr(plain, name))
    else:
        assert knob.low is not None and knob.high is not None
        candidates = (knob.low + 1, knob.low + 0.5, knob.high) if knob.kind == "real" else (3, 4)
        other = next(value for value in candidates if value <= knob.high and value != getattr(plain, name))
    # Of another method all else is kept, so that nothing but the name differs.
    assert Recipe.from_json({**plain.to_json(), name: other}).key != plain.key


@some_recipes
@given(recipes())
def test_however_a_number_is_written_the_recipe_is_the_same(recipe: Recipe) -> None:
    written = {
        name: str(value) if isinstance(value, str) else (int(value) if value == int(value) else value)
        for name, value in recipe.to_json().items()
        if name in KNOBS
    }
    as_text = {name: str(value) for name, value in written.items()}
    for fields in (written, as_text):
        assert Recipe.from_json({**recipe.to_json(), **fields}).key == recipe.key


@pytest.mark.parametrize("fields", [{"instance_noise": -0.0}, {"data": "segment", "data_parameters": {"theta": -0.0}}])
def test_minus_zero_is_zero(fields: dict[str, Any]) -> None:
    minus = Recipe.from_json(fields)
    plus = Recipe(data=minus.data)
    assert minus == plus
    assert minus.key == plus.key


# ---- defaults


@pytest.mark.parametrize("method", METHODS)
def test_a_method_s_defaults_apply_when_it_is_picked_and_the_project_s_otherwise(method: str) -> None:
    recipe = Recipe(method=method)
    for name, knob in KNOBS.items():
        if name != "method":
            assert getattr(recipe, name) == METHODS[method].defaults.get(name, knob.default), name


@pytest.mark.parametrize("method", METHODS)
def test_a_method_s_defaults_can_be_overridden(method: str) -> None:
    mine = {"critic_steps": 9, "critic_learning_rate": 0.123, "beta1": 0.25, "optimizer": "sgd", "clip": 0.5}
    recipe = Recipe.from_json({"method": method, **mine})
    assert {name: getattr(recipe, name) for name in mine} == mine


def test_data_parameters_that_are_not_named_take_their_defaults() -> None:
    recipe = Recipe(data="ring8", data_parameters={"std": 0.05})  # type: ignore[arg-type]
    assert dict(recipe.data_parameters) == {"modes": 8, "radius": 1.0, "std": 0.05}
    assert recipe.distribution.parameters == dict(recipe.data_parameters)


@pytest.mark.parametrize("knob", KNOBS.values(), ids=KNOBS)
def test_every_knob_has_a_label_a_help_sentence_and_a_default_in_its_range(knob: Knob) -> None:
    assert knob.label[0].isupper()
    assert knob.help.endswith(".") and "!" not in knob.help
    assert knob.read("field", knob.default) == knob.default
    assert knob.range_text()


# ---- what is refused


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, "nan", "inf", "1e999", "", "five", "0x10", "1;2", True, [1], {}, 10**400]
)
def test_a_number_must_be_a_finite_number(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be a (finite )?number, not ") as caught:
        Recipe.from_json({name: value})
    if not isinstance(value, int):
        assert_plain_sentence(caught.value)


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("end", ["low", "high"])
def test_a_number_must_be_in_its_range(name: str, end: str) -> None:
    knob = KNOBS[name]
    assert knob.low is not None and knob.high is not None
    inside, outside = (knob.low, knob.low - 1) if end == "low" else (knob.high, knob.high + 1)
    if knob.above and end == "low":
        inside, outside = knob.low + 1e-9, knob.low
    with pytest.raises(ValueError, match=f"^{name} must be .*, not ") as caught:
        Recipe.from_json({name: outside})
    assert knob.range_text() in str(caught.value)
    assert_plain_sentence(caught.value)
    assert knob.read(name, inside) == inside


@pytest.mark.parametrize("name", [name for name, knob in KNOBS.items() if knob.kind == "integer"])
def test_a_count_must_be_whole(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be a whole number, not 2.5"):
        Recipe.from_json({name: 2.5})
    assert getattr(Recipe.from_json({name: "2.0"}), name) == 2


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["wgna", "", 3, ["adam"], True, "RELU"])
def test_an_unknown_name_is_answered_with_the_choices(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^unknown {name} {re.escape(repr(value))}: choose from ") as caught:
        Recipe.from_json({name: value})
    for choice in KNOBS[name].choices:
        assert choice in str(caught.value)
    assert_plain_sentence(caught.value)


@pytest.mark.parametrize(
    ("name", "key"), [("GAN", "non-saturating"), ("wgan-GP", "wgan-gp"), ("Max-GP", "wgan-max-gp")]
)
def test_links_may_name_a_method_as_the_page_does(name: str, key: str) -> None:
    assert Recipe.from_query({"method": name}) == Recipe(method=key)


def test_links_may_name_the_data_as_the_page_does() -> None:
    assert Recipe.from_query({"data": "two Moons"}) == Recipe(data="moons")


def test_a_batch_of_none_is_refused_with_the_range() -> None:
    with pytest.raises(ValueError, match=r"^batch must be between 1 and 4,?096, not 0\.$"):
        Recipe.from_query({"batch": "0"})


def test_an_unknown_field_is_answered_with_the_one_that_looks_most_like_it() -> None:
    sentence = r"^unknown setting 'critic_step': did you mean critic_steps\?$"
    for read in (Recipe.from_json, Recipe.from_query):
        with pytest.raises(UnknownField, match=sentence) as caught:
            read({"critic_step": "3"})
        assert_plain_sentence(caught.value)


def test_an_unknown_field_that_looks_like_none_is_answered_in_a_few_words() -> None:
    for read in (Recipe.from_json, Recipe.from_query):
        with pytest.raises(UnknownField, match=r"^unknown setting 'colour'\.$"):
            read({"colour": "red"})


@pytest.mark.parametrize("values", [[], "recipe", 5, None, [["batch", 3]]])
def test_a_recipe_must_be_an_object(values: Any) -> None:
    with pytest.raises(ValueError, match="must be a JSON object"):
        Recipe.from_json(values)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"std": 0}, "std of ring8 must be a number from"),
        ({"std": math.nan}, "data.std must be a finite number"),
        ({"modes": 2.5}, "modes of ring8 must be a whole number from"),
        ({"modes": 1000}, "modes of ring8 must be a whole number from"),
        ({"spacing": 1}, "unknown ring8 parameter 'spacing': choose from modes, radius, std"),
        ({"std": "wide"}, "data.std must be a number, not 'wide'"),
        (5, "data_parameters must be an object of names and numbers"),
        ([1], "data_parameters must be an object of names and numbers"),
        ([["std", [1]]], "data.std must be a number"),
    ],
    ids=str,
)
def test_wrong_data_parameters_are_a_sentence(parameters: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        Recipe.from_json({"data": "ring8", "data_parameters": parameters})
    assert_plain_sentence(caught.value)


def test_dragan_needs_two_points_to_scale_its_noise() -> None:
    with pytest.raises(ValueError, match="dragan needs a batch of at least 2"):
        Recipe(method="dragan", batch=1)
    assert Recipe(method="wgan-gp", batch=1).batch == 1


def test_networks_and_batches_too_large_for_one_step_are_refused_together() -> None:
    with pytest.raises(ValueError, match="too large for one step: make the network narrower"):
        Recipe(critic_width=1024, critic_depth=12, batch=4096)
    largest = network_size(2, 1024, 12, 1)
    assert Recipe(critic_width=1024, critic_depth=12, batch=MAX_WORK // largest).critic_depth == 12


def test_steps_of_too_many_large_critic_updates_are_refused() -> None:
    large: dict[str, Any] = {"critic_width": 1024, "critic_depth": 12, "batch": 300}
    with pytest.raises(ValueError, match=r"100 critic updates .* too much for one step: choose fewer critic steps"):
        Recipe(critic_steps=100, **large)
    most = int(MAX_STEP_WORK / 300 / network_size(2, 1024, 12, 1))
    assert Recipe(critic_steps=most, **large).work <= MAX_STEP_WORK


def test_work_is_each_network_s_weights_for_each_point_that_goes_through_it() -> None:
    recipe = Recipe(critic_width=10, critic_depth=1, generator_width=20, generator_depth=1, latent=3, critic_steps=4)
    critic, generator = (2 * 10 + 10) + (10 + 1), (3 * 20 + 20) + (20 * 2 + 2)
    assert recipe.weights == critic + generator
    assert recipe.work == recipe.batch * (4 * critic + generator)
    assert Recipe(generator="frozen").weights == network_size(2, Recipe().critic_width, Recipe().critic_depth, 1)


def test_a_generator_that_is_no_network_is_never_too_large() -> None:
    large: dict[str, Any] = {"generator_width": 1024, "generator_depth": 12, "batch": 4096}
    with pytest.raises(ValueError, match="too large for one step"):
        Recipe(**large)
    assert generator_size(Recipe(generator="line", **large)) == 1
    assert generator_size(Recipe(generator="frozen", **large)) == 0
    with pytest.raises(ValueError, match="too large for one step"):
        Recipe(generator="frozen", critic_width=1024, critic_depth=12, batch=4096)


# ---- interventions


def test_interventions_hold_from_their_step_on() -> None:
    recipe = Recipe(
        method="wgan-gp",
        interventions=((10, {"method": "dragan", "batch": 32}), (20, {"batch": 64})),  # type: ignore[arg-type]
    )
    assert [recipe.at(step).method for step in (0, 9, 10, 25)] == ["wgan-gp", "wgan-gp", "dragan", "dragan"]
    assert [recipe.at(step).batch for step in (9, 10, 19, 20)] == [Recipe(method="wgan-gp").batch, 32, 32, 64]
    assert recipe.at(30).interventions == ()
    assert [recipe.next_change(step) for step in (0, 9, 10, 19, 20)] == [10, 10, 20, 20, None]


def test_an_intervention_changes_only_the_fields_it_names() -> None:
    recipe = Recipe(method="wgan-gp", critic_steps=7).intervene(5, method="dragan")
    assert recipe.at(5) == dataclasses.replace(Recipe(method="wgan-gp", critic_steps=7), method="dragan")


def test_intervening_drops_what_comes_later_since_history_branches() -> None:
    recipe = Recipe().intervene(10, batch=32).intervene(20, batch=64)
    assert recipe.intervene(15, ema=0.5).interventions == ((10, (("batch", 32),)), (15, (("ema", 0.5),)))
    assert recipe.intervene(20, ema=0.5).interventions == (
        (10, (("batch", 32),)),
        (20, (("batch", 64), ("ema", 0.5))),
    )


def test_changing_away_and_back_at_one_step_gives_the_original_back() -> None:
    for original in (Recipe(method="wgan-gp"), Recipe(method="wgan-gp").intervene(10, batch=32, method="dragan")):
        away = original.intervene(20, method="minimax", batch=64)
        assert away != original
        back = away.intervene(20, method=original.at(19).method, batch=original.at(19).batch)
        assert back == original
        assert back.key == original.key


def test_a_partial_return_keeps_only_what_differs() -> None:
    away = Recipe(method="wgan-gp").intervene(20, method="minimax", batch=64)
    assert away.intervene(20, method="wgan-gp").interventions == ((20, (("batch", 64),)),)


def test_an_intervention_is_judged_by_what_is_in_force_before_it() -> None:
    recipe = Recipe(batch=256).intervene(10, batch=32)
    assert recipe.intervene(20, batch=32) == recipe
    assert recipe.intervene(20, batch=256).interventions == ((10, (("batch", 32),)), (20, (("batch", 256),)))


def test_an_intervention_that_changes_nothing_still_drops_what_comes_later_but_nothing_earlier() -> None:
    recipe = Recipe.from_json({"batch": 32, "interventions": [[10, {"batch": 32}], [20, {"batch": 64}]]})
    assert recipe.intervene(15, batch=32).interventions == ((10, (("batch", 32),)),)


def test_an_intervention_that_would_be_refused_is_refused_even_where_it_changes_nothing() -> None:
    with pytest.raises(ValueError, match="rising whole steps"):
        Recipe(batch=32).intervene(0, batch=32)
    with pytest.raises(ValueError, match="seed holds for a whole run"):
        Recipe(seed=3).intervene(5, seed=3)


@pytest.mark.parametrize(
    ("given_value", "sentence"),
    [
        (5, "interventions must be a list of"),
        ("soon", "interventions must be a list of"),
        ([5], "interventions must be a list of"),
        ([[5]], "interventions must be a list of"),
        ([[5, 6]], "interventions must be a list of"),
        ([[5, {}]], "the intervention at step 5 changes nothing"),
        ([[0, {"batch": 3}]], "rising whole steps from 1 to 1,000,000, not 0"),
        ([[1.5, {"batch": 3}]], "rising whole steps from 1"),
        ([[MAX_STEPS + 1, {"batch": 3}]], "rising whole steps from 1"),
        ([[5, {"batch": 3}], [5, {"batch": 4}]], "rising whole steps"),
        ([[9, {"batch": 3}], [5, {"batch": 4}]], "rising whole steps"),
        ([["soon", {"batch": 3}]], "an intervention's step must be a number"),
        ([[math.nan, {"batch": 3}]], "an intervention's step must be a finite number"),
        ([[5, {"batch": 0}]], "batch must be between 1 and "),
        ([[5, {"seed": 3}]], "seed holds for a whole run and cannot change within it."),
        ([[5, {"critic_width": 3}]], "critic_width holds for a whole run and cannot change within it."),
        ([[5, {"colour": "red"}]], "unknown setting 'colour'."),
        ([[5, {"bacth": 3}]], "unknown setting 'bacth': did you mean batch?"),
        ([[5, {"method": "wgna"}]], "unknown method 'wgna': choose from"),
        ([[5, [[[], 3]]]], "interventions must be a list of"),
        ([[5, [[6, 3]]]], "unknown setting 6."),
        ([[step, {"batch": 3}] for step in range(1, 102)], "at most 100 steps"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_interventions_are_a_sentence(given_value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        Recipe.from_json({"interventions": given_value})
    assert_plain_sentence(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[[", "nonsense", "[" * 100_000, "{}}", "[[" + "1" * 5000 + ",{}]]"], ids=lambda text: text[:9]
)
def test_interventions_in_a_link_must_be_json(text: str) -> None:
    with pytest.raises(ValueError, match="interventions must") as caught:
        Recipe.from_query({"interventions": text})
    assert_plain_sentence(caught.value)


def test_interventions_are_checked_as_they_add_up() -> None:
    # Each alone is fine, both together are not: DRAGAN with a batch of one.
    with pytest.raises(ValueError, match="intervention at step 20: dragan needs a batch of at least 2"):
        Recipe.from_json({"method": "wgan-gp", "interventions": [[10, {"method": "dragan"}], [20, {"batch": 1}]]})


def test_an_intervention_may_rest_on_an_earlier_one() -> None:
    recipe = Recipe.from_json(
        {"method": "wgan-gp", "batch": 1, "interventions": [[10, {"batch": 64}], [20, {"method": "dragan"}]]}
    )
    assert recipe.at(20).method == "dragan"


@some_recipes
@given(recipes(), st.integers(0, MAX_STEPS))
def test_whatever_is_in_force_at_a_step_is_a_valid_recipe(recipe: Recipe, step: int) -> None:
    for when in (step, *(change for change, _ in recipe.interventions)):
        assert recipe.at(when).interventions == ()


# ---- anything at all


def recipe_or_sentence(make: Callable[[], Recipe]) -> tuple[Recipe | None, str]:
    try:
        return make(), ""
    except ValueError as error:
        return None, str(error)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(list(METHODS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*KNOBS, "data_parameters", "interventions", "other"]), ANYTHING, max_size=3))
def test_any_json_is_a_recipe_or_a_sentence(values: dict[str, Any]) -> None:
    recipe, sentence = recipe_or_sentence(lambda: Recipe.from_json(values))
    assert recipe is None or Recipe.from_json(recipe.to_json()) == recipe
    assert not JARGON.search(sentence), sentence


@given(
    st.dictionaries(
        st.sampled_from([*KNOBS, "data.std", "data.theta", "interventions"]),
        st.text(max_size=12) | st.floats().map(repr) | st.sampled_from(['[[3,{"batch":9}]]', "wgan", "1e3"]),
        max_size=3,
    )
)
def test_any_link_is_a_recipe_or_a_sentence(query: dict[str, str]) -> None:
    recipe, sentence = recipe_or_sentence(lambda: Recipe.from_query(query))
    assert recipe is None or Recipe.from_query(recipe.to_query()) == recipe
    assert not JARGON.search(sentence), sentence


def test_recipes_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().batch = 3  # type: ignore[misc]
