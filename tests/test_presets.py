"""Presets are valid recipes, say where they come from, and train."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from toygan.diagnosis import diagnose
from toygan.observe import observe
from toygan.presets import PRESETS, find_preset
from toygan.recipe import KNOBS, Recipe
from toygan.record import Keyframe
from toygan.training import advance, initial_state


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_is_a_valid_recipe_that_has_every_value_the_preset_names(key: str) -> None:
    fields = dict(PRESETS[key].fields)
    recipe = PRESETS[key].recipe
    values = recipe.to_json()
    parameters = fields.pop("data_parameters", {})
    assert {name: values[name] for name in fields} == fields
    assert {name: values["data_parameters"][name] for name in parameters} == parameters


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_survives_its_own_link(key: str) -> None:
    recipe = PRESETS[key].recipe
    assert Recipe.from_query(recipe.to_query()) == recipe


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_names_its_method_and_data_its_title_and_its_source(key: str) -> None:
    preset = PRESETS[key]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", key)
    assert {"method", "data"} <= set(preset.fields) <= {*KNOBS, "data_parameters", "interventions"}
    assert preset.title
    assert preset.source
    assert preset.note.endswith(".")


def test_no_two_presets_have_the_same_title_or_the_same_recipe() -> None:
    assert len({preset.title for preset in PRESETS.values()}) == len(PRESETS)
    assert len({preset.recipe.key for preset in PRESETS.values()}) == len(PRESETS)


@pytest.mark.parametrize("key", PRESETS)
def test_a_preset_trains_and_both_networks_move(key: str) -> None:
    recipe = PRESETS[key].recipe
    small = {
        name: min(getattr(recipe, name), most)
        for name, most in {"generator_width": 32, "critic_width": 32, "batch": 32}.items()
    }
    recipe = dataclasses.replace(recipe, **small)
    start = initial_state(recipe)
    state, trace = advance(recipe, start, 2)
    assert state.step == 2
    assert state.failed_at.tolist() == [-1]
    assert np.isfinite([trace.critic_loss, trace.penalty, trace.generator_loss]).all()
    assert not np.array_equal(state.critic, start.critic)
    assert not np.array_equal(state.generator, start.generator)


def test_the_wgan_gp_toys_have_the_numbers_of_the_authors_code() -> None:
    recipe = find_preset("gan-toy-ring").recipe
    assert (recipe.generator_width, recipe.generator_depth) == (512, 3)
    assert (recipe.critic_width, recipe.critic_depth) == (512, 3)
    assert (recipe.latent, recipe.latent_law, recipe.batch, recipe.critic_steps) == (2, "normal", 256, 5)
    assert (recipe.optimizer, recipe.generator_learning_rate, recipe.critic_learning_rate) == ("adam", 1e-4, 1e-4)
    assert (recipe.beta1, recipe.beta2, recipe.penalty_weight) == (0.5, 0.9, 0.1)
    grid = find_preset("gan-toy-grid").recipe
    assert dict(grid.data_parameters)["spacing"] == pytest.approx(2 / 2.828)


def test_the_clipping_toy_has_rmsprop_and_the_bound_of_the_authors_code() -> None:
    recipe = find_preset("gan-toy-clip").recipe
    assert (recipe.method, recipe.optimizer, recipe.clip) == ("wgan", "rmsprop", 0.01)
    assert (recipe.generator_learning_rate, recipe.critic_learning_rate) == (5e-5, 5e-5)


@pytest.mark.slow
def test_mode_collapse_is_diagnosed_before_step_5000() -> None:
    recipe = find_preset("ring-collapse").recipe
    state, keyframes = initial_state(recipe), []
    while state.step < 5000:
        state, trace = advance(recipe, state, 50)
        frame = observe(recipe, state, trace)
        keyframes.append(Keyframe(state.step, b"", frame.metrics, frame.histogram[0]))
        found = diagnose(keyframes)
        if found is not None and found.kind in ("collapse", "cycling"):
            return
    pytest.fail("neither collapse nor cycling was diagnosed")


def test_an_unknown_preset_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown preset 'ring': choose from ring-gp, "):
        find_preset("ring")
