"""The exported script: it runs alone, repeats toygan's numbers, and holds only what its recipe uses."""

from __future__ import annotations

import ast
import csv
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.records import ODD_NAME, SMALL
from toygan import streams
from toygan.distributions import DISTRIBUTIONS, make_distribution
from toygan.export import data, penalty, template
from toygan.export.script import script, sections
from toygan.export.settings import FIELDS, penalty_functions, settings
from toygan.export.specialise import decide, keep_reached, put_in, without_empty_sections
from toygan.generators import GENERATORS
from toygan.methods import METHODS, Method, Penalty
from toygan.networks import ACTIVATIONS
from toygan.objectives import OBJECTIVES
from toygan.observe import Networks
from toygan.penalties import TOWARD, WHERE
from toygan.recipe import KNOBS, Recipe
from toygan.record import Record
from toygan.streams import Purpose
from toygan.training import advance, initial_state

pytestmark = pytest.mark.slow  # half a minute, all in all

STEPS = 20

#: Recipes that between them use all that a script can hold.
RECIPES: dict[str, dict[str, Any]] = {
    **{key: {"method": key} for key in METHODS},
    **{f"data {key}": {"method": "dragan", "data": key} for key in DISTRIBUTIONS},
    "decay": {"decay": 20},
    "gradient clipping": {"gradient_clip": 0.1},
    "instance noise": {"method": "dragan", "instance_noise": 0.3, "instance_noise_steps": 15},
    "instance noise on pairs": {"method": "r3gan", "instance_noise": 0.3},
    "sgd": {"method": "dragan", "optimizer": "sgd"},
    "rmsprop": {"method": "dragan", "optimizer": "rmsprop"},
    "tanh, no averaging": {"method": "dragan", "activation": "tanh", "ema": 0},
    "elu, linear generator": {"method": "wgan-max-gp", "activation": "elu", "generator_depth": 0},
    "leaky relu, many latents": {"activation": "leaky-relu", "latent": 5, "latent_law": "uniform"},
    "linear critic": {"method": "sngan", "critic_depth": 0},
    "large seed": {"method": "dragan", "seed": 2**53 - 1},
    "line": {"method": "wgan-gp", "data": "segment", "generator": "line", "gradient_clip": 0.1},
    "line, without weights to spare": {
        "method": "r3gan",
        "generator": "line",
        "latent": 3,
        "optimizer": "sgd",
        "decay": 9,
        "ema": 0,
        "interventions": [[4, {"latent_law": "uniform"}], [8, {"optimizer": "adam"}], [12, {"beta1": 0.2}]],
    },
    "frozen": {"method": "wgan-gp", "generator": "frozen"},
    "frozen, with all that changes": {
        "method": "r3gan",
        "generator": "frozen",
        "instance_noise": 0.2,
        "decay": 9,
        "optimizer": "sgd",
        "beta1": 0.0,
        "interventions": [
            [4, {"latent_law": "uniform", "ema": 0.3, "generator_learning_rate": 0.1}],
            [8, {"beta1": 0.5, "critic_learning_rate": 0.01}],
            [12, {"method": "sngan", "optimizer": "adam"}],
        ],
    },
    "changed method": {
        "method": "wgan",
        "interventions": [
            [3, {"method": "sngan"}],
            [6, {"method": "wgan-gp", "ema": 0.0, "optimizer": "adam"}],
            [11, {"method": "r3gan", "critic_steps": 3, "batch": 8, "activation": "tanh"}],
            [15, {"method": "dragan", "beta1": 0.9, "beta2": 0.99, "latent_law": "uniform"}],
        ],
    },
    "changed numbers": {
        "method": "dragan",
        "optimizer": "sgd",
        "beta1": 0.0,
        "interventions": [
            [3, {"beta1": 0.5}],
            [7, {"decay": 10.0}],
            [9, {"instance_noise": 0.2, "gradient_clip": 0.3, "penalty_weight": 3.0, "ema": 0.5}],
            [13, {"generator_learning_rate": 0.1}],
            [16, {"optimizer": "rmsprop"}],
        ],
    },
    "changed clipping": {"method": "wgan", "interventions": [[7, {"clip": 0.01}], [9, {"clip": 0.2}]]},
    "a change that nothing looks at": {"method": "dragan", "interventions": [[7, {"clip": 0.5}]]},
}

every_recipe = pytest.mark.parametrize("name", RECIPES)


def recipe_of(name: str) -> Recipe:
    return Recipe(**{**SMALL, **RECIPES[name]})


def text_of(name: str) -> str:
    return script(Record(recipe_of(name)), STEPS)


def executed(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "exported", "exec"), names)
    return names


# ---- it repeats toygan's numbers


@every_recipe
def test_the_script_repeats_losses_and_samples_to_rounding(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = recipe_of(name)
    names = executed(text_of(name))
    torch.set_default_dtype(torch.float64)
    try:
        _, generator, losses = names["train"](STEPS, recipe.seed)
        samples = names["generate"](generator, 50, recipe.seed)
    finally:
        torch.set_default_dtype(torch.float32)
    state, trace = advance(recipe, initial_state(recipe, dtype=np.float64), STEPS)
    expected = np.column_stack([trace.critic_loss[:, 0], trace.generator_loss[:, 0]])
    assert np.allclose(losses, expected, rtol=1e-9, atol=1e-10)
    draw = GENERATORS[recipe.generator].draw
    latents = draw(recipe.at(STEPS), recipe.seed, Purpose.EVALUATION_LATENT, 0, (50,))
    assert np.allclose(samples, Networks.of(recipe, state).generate(latents[None])[0], atol=1e-9)


ALONE = {
    "wgan-gp": {"data": "grid25"},
    "dragan": {"method": "dragan", "data": "pinwheel", "decay": 30, "instance_noise": 0.2},
    "clipped wgan": {"method": "wgan", "interventions": [[4, {"method": "r3gan", "optimizer": "adam"}]]},
    "spectral norm": {"method": "sngan", "data": "moons"},
    "line": {"data": "segment", "generator": "line"},
    "frozen": {"data": "swiss-roll", "generator": "frozen"},
}


def run_alone(recipe: Recipe, folder: Path, *options: str) -> np.ndarray:
    """The losses (steps, 2) that a recipe's script writes, run where there is no toygan."""
    check = "\nimport sys\nassert not [name for name in sys.modules if name.startswith('toygan')]\n"
    (folder / "run.py").write_text(script(Record(recipe), 5000) + check)
    command = [sys.executable, "-I", "-W", "error", "run.py", "--csv", "losses.csv", "--samples", "out.npy", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("step 8: critic loss ")
    with (folder / "losses.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, 9))
    return np.array([[float(row["critic_loss"]), float(row["generator_loss"])] for row in rows])


def losses_of(recipe: Recipe, dtype: type) -> np.ndarray:
    """The same of training."""
    _, trace = advance(recipe, initial_state(recipe, dtype=dtype), 8)
    return np.column_stack([trace.critic_loss[:, 0], trace.generator_loss[:, 0]])


@pytest.mark.parametrize("name", ALONE)
def test_the_script_runs_alone_with_the_run_s_losses(name: str, tmp_path: Path) -> None:
    recipe = Recipe(**{**SMALL, **ALONE[name]})
    found = run_alone(recipe, tmp_path, "--steps", "8", "--double")
    assert np.allclose(found, losses_of(recipe, np.float64), rtol=1e-9, atol=1e-10)
    samples = np.load(tmp_path / "out.npy")
    assert samples.shape == (2500, 2)
    assert samples.dtype == np.float64


def test_in_single_precision_losses_start_equal_and_drift_apart_slowly(tmp_path: Path) -> None:
    recipe = Recipe(method="r3gan", batch=64, generator_width=32, critic_width=32)
    found, expected = run_alone(recipe, tmp_path, "--steps", "8"), losses_of(recipe, np.float32)
    assert np.allclose(found[0, 0], expected[0, 0], rtol=1e-5)
    assert np.allclose(found, expected, rtol=0.02)


def test_the_script_says_when_the_numbers_overflow(tmp_path: Path) -> None:
    rates = {"generator_learning_rate": 10, "critic_learning_rate": 10}
    recipe = Recipe(method="minimax", optimizer="sgd", **rates, **SMALL)
    names = executed(script(Record(recipe)))
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setitem(names, "print", said.append)
        names["train"](100, 0)
    with np.errstate(all="ignore"):
        state, _ = advance(recipe, initial_state(recipe), 100)
    assert said[-1] == f"The numbers overflowed at step {state.failed_at[0]}."


@pytest.mark.parametrize("key", DISTRIBUTIONS)
def test_the_script_s_sampler_draws_the_distribution_s_points_to_the_last_bit(key: str) -> None:
    parameters = {}
    for name, parameter in DISTRIBUTIONS[key].parameters.items():
        between = (parameter.default + parameter.high) / 2
        parameters[name] = int(between) if parameter.whole else between
    for distribution in (make_distribution(key), make_distribution(key, **parameters)):
        source = inspect.getsource(template) + data.functions() + "\n\n" + data.sampler(distribution)
        names: dict[str, Any] = {"__name__": "exported"}
        exec(compile(keep_reached(source, {"sample_data"}), "exported", "exec"), names)
        found = names["sample_data"](100, np.random.default_rng(5))
        assert np.array_equal(found, distribution.sample(100, np.random.default_rng(5)))


# ---- it is a good script


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All scripts, in a folder of their own."""
    folder = tmp_path_factory.mktemp("scripts")
    for name in RECIPES:
        (folder / f"{re.sub('[^a-z0-9]+', '_', name)}.py").write_text(text_of(name))
    return folder


@pytest.mark.parametrize(
    "command",
    [
        # Links are as long as they are.
        ["check", "--select", "E,W,F,I,UP,B,C4,PIE,SIM,RET,PERF,RUF", "--ignore", "E501,RUF001,RUF002"],
        ["format", "--check", "--line-length", "120"],
    ],
)
def test_scripts_are_free_of_lint_and_formatted(folder: Path, command: list[str]) -> None:
    ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "--target-version", "py311"]
    done = subprocess.run([*ruff, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@every_recipe
def test_a_script_has_no_setting_left_open_and_no_line_too_long(name: str) -> None:
    text = text_of(name)
    assert "toygan" not in [line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))]
    changing = {key for key, values in settings(recipe_of(name)).items() if len(set(values)) > 1}
    code = text[text.index("import argparse") :]
    assert set(re.findall(r"\bnow\.(\w+)", code)) <= changing
    assert "uses_" not in code
    assert all(len(line) <= 120 for line in code.splitlines())


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("wgan", ["penalty", "softplus", "Adam", "now", "Spectral", "noise(", "PENALTY", "pairs"]),
        ("wgan-gp", ["clamp_(-", "softplus", "RMSprop", "now", "Spectral", "SimpleNamespace", "parametrize"]),
        ("dragan", ["between(", "wasserstein", "now", "CRITIC_STEPS = 5"]),
        ("hinge", ["autograd.grad", "penalty", "now", "PENALTY"]),
        ("sngan", ["clamp_(-", "penalty", "now.", "autograd.grad"]),
        ("tanh, no averaging", ["copy", "mean.lerp_", "EMA", "relu"]),
        ("a change that nothing looks at", ["now", "CHANGES", "CLIP"]),
        ("line", ["GENERATOR_WIDTHS", "uniform_share", "Frozen", "noisy_data", "now", "GENERATOR_WEIGHTS", "math"]),
        (
            "frozen",
            [
                "GENERATOR",
                "LATENT",
                "EMA",
                "generator_optimizer",
                "class Line",
                "now",
                "copy",
                "normal(",
                "normal_share",
            ],
        ),
        ("data moons", ["spiral", "grid", "ring", "CENTRES"]),
    ],
)
def test_a_script_holds_only_what_its_recipe_uses(name: str, absent: list[str]) -> None:
    text = text_of(name)
    code = text[text.index("import argparse") :]
    assert [word for word in absent if re.search(rf"(?<!\w){re.escape(word)}", code)] == []


def test_a_script_s_numbers_stand_under_where_they_come_from() -> None:
    groups = sections(Record(Recipe(batch=64)))["the recipe"].split("\n\n")
    named = {group.split("\n")[0]: group for group in groups}
    chosen = named["# Set for this run:"]
    own = named["# WGAN-GP's defaults in toygan, which suit these toys (Gulrajani et al. 2017, arXiv:1704.00028):"]
    common = named["# The defaults of all methods in toygan:"]
    assert "BATCH = 64 " in chosen
    assert "PENALTY_WEIGHT = 0.1 " in own
    assert f"CRITIC_STEPS = {METHODS['wgan-gp'].defaults['critic_steps']} " in own
    assert f"EMA = {KNOBS['ema'].default} " in common


def test_the_header_says_what_the_script_is_and_what_made_it() -> None:
    recipe = Recipe(method="dragan", data="moons", seed=4, interventions=[[50, {"method": "wgan"}]])
    text = script(Record(recipe, 3, name=ODD_NAME), 200)
    head = text[: text.index("import argparse")]
    assert ast.get_docstring(ast.parse(text)) is not None
    assert "The run has the seeds 4 to 6: choose one with --seed." in " ".join(head.split())
    assert "DRAGAN: Kodali et al. 2017, arXiv:1705.07215." in head
    assert "WGAN (weight clipping): Arjovsky et al. 2017" in head
    assert "seed=4" in head
    assert "at step 50 method=wgan" in " ".join(head.replace("\n#", " ").split())
    assert "python -m toygan export 'method=dragan&data=moons&" in head
    assert "--steps 200 --to script" in head
    assert all(line.startswith("#") for line in head.partition('"""\n\n#')[2].strip().splitlines()[1:])


# ---- its pieces know all that toygan knows


def test_the_template_has_both_losses_of_every_objective() -> None:
    rng = np.random.default_rng(0)
    real, fake = (torch.from_numpy(rng.standard_normal(20)) for _ in range(2))
    for key, objective in OBJECTIVES.items():
        word = key.replace("-", "_")
        critic, generator = (getattr(template, f"{word}_{whose}_loss") for whose in ("critic", "generator"))
        points = (real, fake) if objective.paired else (fake,)
        assert critic(real, fake).item() == pytest.approx(objective.critic(real, fake).item(), rel=1e-12)
        assert generator(*points).item() == pytest.approx(objective.generator(real, fake).item(), rel=1e-12)


def test_the_pieces_of_penalties_are_those_of_the_engine() -> None:
    assert set(penalty.PLACES) == set(WHERE)
    assert set(penalty.TARGETS) == set(TOWARD)
    laws = {"uniform": "random", "normal": "standard_normal"}
    drawn = {key: (laws[where.law], where.width) for key, where in WHERE.items() if where.law}
    assert drawn == penalty.NOISES


def test_first_weights_and_streams_are_those_of_the_engine() -> None:
    from toygan.export.script import _GAINS

    assert {key: eval(text) for key, text in _GAINS.items()} == {key: a.gain for key, a in ACTIVATIONS.items()}
    purposes = {name: getattr(template, name) for name in ("DATA", "PAIRED_DATA", "POWER_ITERATION", "PENALTY")}
    assert purposes == {name: int(Purpose[name]) for name in purposes}
    assert (template.LATENTS, template.NOISE) == (Purpose.LATENT, Purpose.INSTANCE_NOISE)
    assert (template.CRITIC_WEIGHTS, template.GENERATOR_WEIGHTS) == (0, 1)
    assert template.EVALUATION == Purpose.EVALUATION_LATENT
    assert template.FROZEN == Purpose.FROZEN_DATA == Purpose.FROZEN_NOISE - 1
    assert template.EVALUATION_FROZEN == Purpose.EVALUATION_FROZEN_DATA == Purpose.EVALUATION_FROZEN_NOISE - 1


def test_every_field_that_may_change_is_a_setting() -> None:
    elsewhere = {"method", "activation", "latent_law", "optimizer"}
    assert set(FIELDS) | elsewhere == {name for name, knob in KNOBS.items() if knob.changeable}


def test_penalties_of_several_random_places_take_their_own_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    method = Method(
        title="Two",
        label="Two",
        paper="Nobody 2000",
        summary="",
        objective="hinge",
        colour="#000000",
        penalties=(Penalty("between", "one"), Penalty("at-real", "zero", 0.5), Penalty("around-real", "at-most-one")),
    )
    monkeypatch.setitem(METHODS, "two", method)
    function, noise = (penalty.penalty_function("p", method), penalty.noise_function("n", method))
    assert "between(real, fake, noise[:, 0:1])" in function
    assert "around(real, noise[:, 1:3])" in function
    assert "0.5 * now.penalty_weight * norms.square().mean()" in function
    assert "stream(seed, PENALTY, block)" in noise
    assert "stream(seed, PENALTY + 2, block)" in noise
    names = {"Critic": object, "Tensor": torch.Tensor, "np": np, "torch": torch, "BLOCK": 2, "PENALTY": 100}
    names |= {"stream": streams.stream, "now": Recipe(batch=4)}
    exec(noise, names)
    assert names["n"](0, 0).shape == (2, Recipe().critic_steps, 4, 3)  # type: ignore[operator]


def test_changes_of_method_keep_each_method_s_penalty_under_its_name() -> None:
    functions = "".join(penalty_functions(recipe_of("changed method")))
    for name in ("wgan_gp_penalty", "wgan_gp_noise", "r3gan_penalty", "dragan_penalty", "dragan_noise"):
        assert f"def {name}(" in functions
    assert "r3gan_noise" not in functions


# ---- cutting a program down


def test_branches_on_known_settings_are_decided_and_others_stay() -> None:
    source = (
        "def f():\n    if now.a and x:\n        one()\n    else:\n        two()\n"
        "    if not now.b:\n        # why\n        three()\n"
    )
    assert decide(source, {"a": True, "b": False}) == (
        "def f():\n    if x:\n        one()\n    else:\n        two()\n    # why\n    three()\n"
    )
    assert decide(source, {"a": False, "b": True}) == "def f():\n    two()\n"
    assert decide(source, {}) == source


def test_branches_inside_branches_are_decided_too() -> None:
    source = "if now.a:\n    if now.b or y:\n        one()\n    if now.c:\n        two()\n"
    assert decide(source, {"a": True, "b": False, "c": True}) == "if y:\n    one()\ntwo()\n"


def test_settings_are_put_in_by_their_whole_name() -> None:
    assert put_in("now.rate + now.rates + know.rate", {"rate": "RATE"}) == "RATE + now.rates + know.rate"


def test_what_nothing_reaches_is_left_out_with_its_comment() -> None:
    source = (
        "import a\nfrom b import c, d\n\n# kept\nX = c\n# dropped\nY = 1\n\n\ndef f(Y):\n    return X + Y\n\n\n"
        "def g():\n    return a\n"
    )
    assert keep_reached(source, {"f"}) == "from b import c\n\n# kept\nX = c\n\n\ndef f(Y):\n    return X + Y\n"


def test_headings_that_nothing_follows_are_left_out() -> None:
    assert without_empty_sections("# ---- one\n\nx = 1\n\n# ---- two\n\n# words\n\n# ---- three\n\ny = 2\n") == (
        "# ---- one\n\nx = 1\n\n# ---- three\n\ny = 2\n"
    )
