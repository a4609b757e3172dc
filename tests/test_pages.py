"""The pages as Streamlit scripts: what each control does to the recipe, without a browser."""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
import torch
from streamlit.testing.v1 import AppTest

from toygan import export
from toygan.cli import _parser
from toygan.clocks import CLOCKS
from toygan.comparison import Comparison
from toygan.comparison_presets import COMPARISON_PRESETS
from toygan.engine import Run
from toygan.export import FORMATS
from toygan.lockstep import Lockstep
from toygan.methods import CARD_METHODS, METHODS
from toygan.presets import PRESETS
from toygan.recipe import Recipe
from toygan.ui import comparing, takeaway
from toygan.viewer import Viewer

APP = Path(__file__).resolve().parents[1] / "app.py"
SMALL = {
    "generator_width": "4",
    "generator_depth": "1",
    "critic_width": "4",
    "critic_depth": "1",
    "batch": "8",
    "critic_steps": "1",
}


pytestmark = pytest.mark.usefixtures("in_this_process")


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def viewer(app: AppTest) -> Viewer:
    found = app.session_state["viewer"]
    assert isinstance(found, Viewer)
    return found


def button(app: AppTest, label: str):
    return next(widget for widget in app.button if widget.label == label)


def choice(app: AppTest, label: str):
    return next(widget for widget in app.button_group if widget.label == label)


def number(app: AppTest, label: str):
    return next(widget for widget in app.number_input if widget.label == label)


def test_the_page_opens_on_the_default_recipe_without_complaint() -> None:
    app = opened()
    assert not app.exception
    assert not app.warning
    assert viewer(app).recipe == Recipe()
    assert viewer(app).run.keyframes[0].step == 0


def test_train_becomes_pause_and_back() -> None:
    app = opened(**SMALL)
    button(app, "Train").click().run()
    assert viewer(app).playing
    button(app, "Pause").click().run()
    assert not viewer(app).playing
    assert button(app, "Train")


def test_step_goes_one_generator_step() -> None:
    app = opened(**SMALL)
    button(app, "Step").click().run()
    assert viewer(app).cursor == 1
    button(app, "Step").click().run()
    assert viewer(app).cursor == 2
    assert not viewer(app).playing


def test_reset_returns_to_step_zero() -> None:
    app = opened(**SMALL)
    button(app, "Step").click().run()
    button(app, "Reset").click().run()
    assert viewer(app).cursor == 0


@pytest.mark.parametrize("key", METHODS)
def test_every_method_is_one_click_away_and_brings_its_defaults(key: str) -> None:
    app = opened(method="minimax" if key != "minimax" else "wgan")
    row = "Method" if key in CARD_METHODS else "More methods"
    choice(app, row).set_value(key).run()
    assert not app.exception
    recipe = viewer(app).recipe
    assert recipe == Recipe(method=key)


def test_a_flip_keeps_data_seed_and_networks() -> None:
    app = opened(**SMALL, seed="7", data="moons")
    choice(app, "Method").set_value("dragan").run()
    recipe = viewer(app).recipe
    assert (recipe.seed, recipe.data, recipe.critic_width) == (7, "moons", 4)


def test_a_flip_back_restores_what_was_tuned_there() -> None:
    app = opened(**SMALL)
    number(app, "Penalty weight").set_value(3.0).run()
    tuned = viewer(app).recipe
    choice(app, "Method").set_value("dragan").run()
    choice(app, "Method").set_value("wgan-gp").run()
    assert viewer(app).recipe == tuned


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_loads(key: str) -> None:
    app = opened(**SMALL)
    box = next(widget for widget in app.selectbox if widget.label == "Preset")
    box.set_value(key).run()
    assert not app.exception
    assert viewer(app).recipe == PRESETS[key].recipe


def test_the_address_bar_holds_the_recipe() -> None:
    app = opened(**SMALL)
    number(app, "Penalty weight").set_value(3.0).run()
    assert Recipe.from_query({name: values[0] for name, values in app.query_params.items()}) == viewer(app).recipe


def test_a_link_reproduces_a_recipe() -> None:
    recipe = Recipe(method="r1", data="spiral", data_parameters={"noise": 0.2}, seed=3, batch=16)
    app = opened(**recipe.to_query())
    assert viewer(app).recipe == recipe


def test_a_link_with_a_step_is_followed_to_that_step() -> None:
    app = opened(**SMALL, step="7")
    for _ in range(20):
        if viewer(app).cursor == 7:
            break
        app.run()
    assert viewer(app).cursor == 7
    assert not viewer(app).playing


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("batch=0", "batch must be between 1 and 4,096"),
        ("critic_learning_rate=nan", "finite number"),
        ("method=wgna", "unknown method 'wgna': choose from"),
        ("activation=gelu", "unknown activation 'gelu': choose from"),
        ("nonsense=1", "unknown setting 'nonsense'."),
        ("data.std=-1", "std of ring8-wide must be a number"),
        ("step=1e99", "step was left out"),
        ("method=dragan&batch=1", "needs a batch of at least 2"),
        ("generator_width=1024&generator_depth=8&batch=4096", "too large for one step"),
    ],
)
def test_what_cannot_be_used_of_a_link_is_named_and_the_rest_is_kept(query: str, sentence: str) -> None:
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    app = opened(**fields, seed="5")
    assert not app.exception
    assert sentence in app.warning[0].value
    assert viewer(app).recipe.seed == 5


def test_an_impossible_change_is_refused_with_a_sentence_and_the_run_goes_on() -> None:
    app = opened(**SMALL | {"method": "dragan"})
    before = viewer(app).recipe
    number(app, "Batch size").set_value(1).run()
    assert "at least 2" in app.warning[0].value
    assert viewer(app).recipe == before
    assert number(app, "Batch size").value == 8
    button(app, "Step").click().run()
    assert not app.warning, "said until the visitor does something else"


def test_keeping_the_weights_turns_a_change_into_an_intervention() -> None:
    app = opened(**SMALL)
    button(app, "Step").click().run()
    next(widget for widget in app.toggle if widget.label == "Keep the weights").set_value(True).run()
    choice(app, "Method").set_value("wgan").run()
    recipe = viewer(app).recipe
    assert [step for step, _ in recipe.interventions] == [1]
    assert recipe.at(1).method == "wgan"
    assert viewer(app).cursor == 1


def test_the_same_run_on_the_command_line_names_what_differs() -> None:
    recipe = Recipe(method="wgan", data="moons", seed=4, clip=0.5)
    app = opened(**recipe.to_query())
    command = app.code[0].value
    for word in ("--method wgan", "--data moons", "--seed 4", "--set 'clip=0.5'"):
        assert word in command
    assert urlencode({"clip": 0.5}) in command


@pytest.mark.parametrize("method", CARD_METHODS)
def test_plus_and_minus_move_a_number_by_a_small_part_of_it(method: str) -> None:
    for widget in opened(method=method, seed="5000").number_input:
        if not widget.value or widget.label == "Seed":
            assert widget.step == 1 or widget.label != "Seed"
            continue
        assert widget.step == 1 or widget.step <= widget.value / 2, widget.label
        if widget.value < 0.999 * widget.max:
            assert widget.value + widget.step <= widget.max, widget.label


# ---- the Compare page


def compared(**query: str) -> AppTest:
    app = opened(**SMALL)
    app.switch_page(str(APP.parent / "pages" / "compare.py"))
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def lockstep(app: AppTest) -> Lockstep:
    found = app.session_state["lockstep"]
    assert isinstance(found, Lockstep)
    return found


def test_compare_begins_with_the_main_methods_on_what_the_train_page_learns() -> None:
    app = opened(**SMALL, data="moons", seed="5")
    app.query_params.clear()
    app.switch_page(str(APP.parent / "pages" / "compare.py")).run()
    assert not app.exception
    assert lockstep(app).comparison.recipes == tuple(Recipe(method=key, data="moons", seed=5) for key in CARD_METHODS)


@pytest.mark.parametrize("key", COMPARISON_PRESETS)
def test_every_comparison_loads_from_the_sidebar(key: str) -> None:
    app = compared()
    box = next(widget for widget in app.selectbox if widget.label == "Comparison")
    box.set_value(key).run()
    assert not app.exception
    assert lockstep(app).comparison.recipes == COMPARISON_PRESETS[key].comparison.recipes


def test_methods_are_toggled() -> None:
    app = compared()
    choice(app, "Methods, up to 6").set_value(["wgan", "r1"]).run()
    assert [recipe.method for recipe in lockstep(app).comparison.recipes] == ["wgan", "r1"]


def test_seven_methods_are_too_many_and_the_page_says_so() -> None:
    app = compared()
    choice(app, "Methods, up to 6").set_value(list(METHODS)[:7]).run()
    assert "Compare between 1 and 6 runs, not 7." in app.warning[0].value
    assert len(lockstep(app).comparison.recipes) == 4


def test_a_shared_setting_holds_for_all_runs() -> None:
    app = compared()
    number(app, "Batch size").set_value(32).run()
    assert {recipe.batch for recipe in lockstep(app).comparison.recipes} == {32}


def test_one_method_against_itself_takes_the_values_that_were_typed() -> None:
    app = compared()
    next(widget for widget in app.selectbox if widget.label == "Method").set_value("wgan-gp")
    next(widget for widget in app.selectbox if widget.label == "Setting").set_value("penalty_weight")
    app.text_input[0].set_value("0.5, 5")
    button(app, "Compare these values").click().run()
    assert [recipe.penalty_weight for recipe in lockstep(app).comparison.recipes] == [0.5, 5]
    app.text_input[0].set_value("much")
    button(app, "Compare these values").click().run()
    assert "penalty_weight must be a number" in app.warning[0].value
    assert [recipe.penalty_weight for recipe in lockstep(app).comparison.recipes] == [0.5, 5]


def test_the_seeds_and_the_clock_are_part_of_the_link() -> None:
    app = compared()
    app.slider[0].set_value(4).run()
    choice(app, "In lock-step by").set_value("updates").run()
    query = {name: "".join(values) for name, values in app.query_params.items()}
    assert (query["seeds"], query["clock"]) == ("4", "updates")
    assert Comparison.from_query(query) == lockstep(app).comparison


@pytest.mark.parametrize("key", COMPARISON_PRESETS)
@pytest.mark.parametrize("clock", CLOCKS)
def test_the_command_line_for_a_comparison_is_one_the_command_line_takes(key: str, clock: str) -> None:
    comparison = dataclasses.replace(COMPARISON_PRESETS[key].comparison, clock=clock, replicates=3)
    words = shlex.split(comparing.command_line(comparison.share(seed=2, latent=4), 50))
    assert words[:4] == ["python", "-m", "toygan", "compare"]
    given = _parser().parse_args(words[3:])
    given.prepare(given)


@pytest.mark.parametrize(
    ("shared", "runs"),
    [
        ({"method": "wgan-gp"}, [{}, {"penalty_weight": "1.0"}]),
        ({"method": "wgan-gp", "penalty_weight": "0.5"}, [{"penalty_weight": "2"}, {}]),
        ({}, [{"critic_steps": "1"}, {}]),
        ({"seed": "3", "data.std": "0.05"}, [{"method": "dragan"}, {}]),
    ],
)
def test_a_run_that_leaves_out_what_the_others_differ_in_is_on_the_command_line_too(
    shared: dict[str, str], runs: list[dict[str, str]]
) -> None:
    comparison = Comparison.from_query({**shared, "runs": json.dumps(runs)})
    given = _parser().parse_args(shlex.split(comparing.command_line(comparison, 50))[3:])
    assert tuple(given.prepare(given).args[0].recipes.values()) == comparison.recipes


@pytest.mark.parametrize(
    "runs",
    [
        [{}],
        [{"method": "wgan"}],
        [{}, {"seed": "2"}],
        [{"data": "moons"}, {}],
        [{"data.std": "0.1"}, {}],
        [{"method": "wgan", "clip": "0.1"}, {}],
        [{}, {"interventions": '[[5,{"method":"wgan"}]]'}],
    ],
)
def test_what_the_command_line_cannot_compare_gets_a_sentence(runs: list[dict[str, str]]) -> None:
    said = comparing.command_line(Comparison.from_query({"runs": json.dumps(runs)}), 50)
    assert "the command line compares" in said.lower()


# ---- taking away


def offered(app: AppTest) -> list[str]:
    return [element.proto.label for element in app.get("download_button")]


def test_every_format_has_a_button_on_train_and_compare() -> None:
    titles = [entry.title for entry in FORMATS.values()]
    assert sorted(offered(opened(**SMALL))) == sorted(titles)
    assert sorted(offered(compared())) == sorted(["Table as CSV", *titles])


@pytest.mark.parametrize("to", ["script", "csv", "json", "png"])
def test_a_button_s_file_is_the_run_as_far_as_it_was_shown(to: str) -> None:
    app = opened(**SMALL)
    button(app, "Step").click().run()
    found = viewer(app)
    made = takeaway._file(found.engine, found.run, found.cursor, to)
    assert made == export.render(found.engine.record(found.run, 1), to)


def buttons_by_title(app: AppTest) -> dict[str, Any]:
    return {element.proto.label: element.proto for element in app.get("download_button")}


@pytest.mark.parametrize("page", ["train", "compare"])
def test_a_run_that_could_not_begin_offers_what_its_recipe_alone_gives(page: str) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has cuda")
    app = opened(**SMALL, device="cuda") if page == "train" else compared(device="cuda")
    assert not app.exception
    found = buttons_by_title(app)
    for entry in FORMATS.values():
        assert found[entry.title].disabled is (entry.needs != "recipe")
        assert ("could not begin" in found[entry.title].help) is (entry.needs != "recipe")
    app = opened(**SMALL)
    assert not any(proto.disabled for proto in buttons_by_title(app).values())


def test_before_the_first_keyframe_a_button_says_that_there_is_nothing_yet() -> None:
    assert takeaway._why_not(Run(Recipe())) == "Not now: this run has nothing to show yet."


@pytest.mark.parametrize(("to", "end"), [("csv", "-step7.csv"), ("png", "-step7.png"), ("script", "-seed0.py")])
def test_a_file_that_shows_a_moment_is_named_after_it(to: str, end: str) -> None:
    assert takeaway._name(Run(Recipe()), 7, to).endswith(end)


def test_a_table_is_named_after_what_it_compares() -> None:
    one, two = (
        Comparison.from_query({"runs": json.dumps(runs), **more})
        for runs, more in (
            ([{"method": "non-saturating"}, {"method": "wgan-gp"}], {"data": "moons", "seeds": "3", "seed": "4"}),
            ([{"penalty_weight": "0.1"}, {"penalty_weight": "1"}], {}),
        )
    )
    assert comparing._table_name(one) == "toygan-compare-gan-wgan-gp-moons-seeds4-6.csv"
    assert comparing._table_name(two) == "toygan-compare-penalty-weight-0.1-penalty-weight-1-ring8-wide-seed0.csv"


# ---- what a shared setting shows


def test_a_shared_setting_that_differs_is_empty_until_it_is_set_for_all() -> None:
    app = opened()
    app.query_params.clear()
    app.switch_page(str(APP.parent / "pages" / "compare.py")).run()
    assert number(app, "Critic steps").value is None
    number(app, "Critic steps").set_value(2).run()
    assert {recipe.critic_steps for recipe in lockstep(app).comparison.recipes} == {2}
    button(app, "Follow each method again").click().run()
    assert lockstep(app).comparison.recipes == Comparison.of_methods(CARD_METHODS).recipes


def test_a_setting_that_a_method_ignores_is_refused_with_a_sentence() -> None:
    app = compared()
    next(widget for widget in app.selectbox if widget.label == "Setting").set_value("penalty_weight")
    button(app, "Compare these values").click().run()
    assert "GAN ignores the penalty weight" in app.warning[0].value


@pytest.mark.parametrize("query", [{"generator_width": "8"}, {"seed": "3", "seeds": "2"}])
def test_a_link_without_runs_still_says_what_the_four_methods_share(query: dict[str, str]) -> None:
    app = AppTest.from_file(str(APP), default_timeout=60)
    app.switch_page(str(APP.parent / "pages" / "compare.py"))
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    recipes = lockstep(app).comparison.recipes
    assert [recipe.method for recipe in recipes] == list(CARD_METHODS)
    shared = {name: value for name, value in query.items() if name != "seeds"}
    assert all(str(getattr(recipe, name)) == value for recipe in recipes for name, value in shared.items())
