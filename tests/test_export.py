"""The table of formats: what each gives of every kind of run, what files are called, and what is refused."""

from __future__ import annotations

import functools
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.records import ODD_NAME, records
from toygan.export import FORMATS, file_name, render
from toygan.recipe import Recipe
from toygan.record import Record

ROOT = Path(__file__).resolve().parent.parent

KINDS = ("usual", "start", "several", "changing", "failed", "unmeasured", "line", "frozen")

#: How a file of a format begins.
BEGINNINGS = {
    "script": b'"""',
    "notebook": b"{",
    "csv": b"step,seconds,seed,",
    "samples-csv": b"step,seed,source,x,y",
    "parquet": b"PAR1",
    "samples-parquet": b"PAR1",
    "json": b"{",
    "png": b"\x89PNG",
    "svg": b"<?xml",
    "gif": b"GIF89a",
    "html": b"<!doctype html>",
}


@functools.cache
def rendered(kind: str, to: str) -> bytes:
    return render(records()[kind], to)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("to", FORMATS)
def test_every_format_takes_every_kind_of_run(to: str, kind: str) -> None:
    assert rendered(kind, to).startswith(BEGINNINGS[to])


@pytest.mark.parametrize("to", FORMATS)
def test_the_same_run_gives_the_same_bytes(to: str) -> None:
    assert render(records()["changing"], to) == rendered("changing", to)


@pytest.mark.parametrize("to", FORMATS)
def test_an_earlier_step_gives_another_file(to: str) -> None:
    assert render(records()["usual"], to, 16) != rendered("usual", to)


def test_an_unknown_format_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"^unknown format 'pdf': choose from script, notebook, csv, "):
        render(records()["usual"], "pdf")
    with pytest.raises(ValueError, match=r"^unknown format 'pdf': "):
        file_name(records()["usual"], "pdf")


@pytest.mark.parametrize("to", [to for to, entry in FORMATS.items() if entry.needs != "recipe"])
def test_a_run_that_was_never_trained_is_refused_with_a_sentence(to: str) -> None:
    with pytest.raises(ValueError, match=r"^there is nothing to show of this run yet: train it first\.$"):
        render(Record(Recipe()), to)


def test_a_recipe_alone_is_enough_for_a_script() -> None:
    assert b"STEPS = 5000" in render(Record(Recipe()), "script")
    assert b"STEPS = 70 " in render(Record(Recipe()), "script", 70)


def test_a_file_is_called_after_method_data_seeds_and_step() -> None:
    assert file_name(Record(Recipe()), "script") == "toygan-wgan-gp-ring8-wide-seed0.py"
    assert file_name(Record(Recipe(seed=3)), "samples-csv", 8) == "toygan-wgan-gp-ring8-wide-seed3-step8-samples.csv"
    assert file_name(Record(Recipe(method="dragan", data="moons"), 6), "csv") == "toygan-dragan-moons-seeds0-5.csv"


def test_the_file_name_of_other_settings_has_the_beginning_of_their_key() -> None:
    recipe = records()["usual"].recipe
    assert file_name(records()["usual"], "png") == f"toygan-wgan-gp-ring8-wide-seed3-{recipe.key[:6]}-step40.png"
    changed = [Recipe(batch=64), Recipe(data_parameters={"std": 0.1}), Recipe().intervene(5, batch=64)]
    assert len({file_name(Record(recipe), "csv") for recipe in (Recipe(), *changed)}) == 4


@pytest.mark.parametrize("name", [ODD_NAME, "a" * 500, "../../etc", "con", ".", "日本", " \n\t", "-o"])
def test_any_name_makes_a_plain_file_name(name: str) -> None:
    found = file_name(Record(Recipe(), name=name), "html")
    assert found.startswith("toygan-")
    assert len(found) < 100
    assert found.isascii()
    assert not set(found) & set("/\\:*?\"'<>|$`{} \n")


def test_a_name_is_part_of_the_file_name() -> None:
    assert file_name(Record(Recipe(), name="Best run, so far"), "json") == "toygan-Best-run-so-far.json"


def test_formats_have_a_title_a_suffix_a_type_and_a_sentence_of_help() -> None:
    for entry in FORMATS.values():
        assert entry.title
        assert entry.suffix.rpartition(".")[2].isalnum()
        assert "/" in entry.mime
        assert entry.help.endswith(".")
        assert "!" not in entry.help


@pytest.mark.parametrize("to", ["script", "csv", "samples-csv", "json"])
def test_light_formats_load_neither_torch_nor_matplotlib(to: str, tmp_path: Path) -> None:
    recipe = tmp_path / "run.json"
    recipe.write_bytes(render(records()["usual"], "json"))
    code = f"""
import json, pathlib, sys
from toygan.export import render
from toygan.frames import unpack
from toygan.recipe import Recipe
from toygan.record import Keyframe, Record
data = pathlib.Path("{tmp_path}/frame").read_bytes()
lanes = unpack(data).metrics
keyframe = Keyframe(40, data, lanes, ())
recipe = Recipe.from_json(json.loads(pathlib.Path("{recipe}").read_text())["recipe"])
render(Record(recipe, keyframes=(keyframe,)), "{to}")
assert not {{"torch", "matplotlib", "ot", "scipy", "pyarrow"}} & set(sys.modules)
"""
    (tmp_path / "frame").write_bytes(records()["usual"].keyframes[-1].data)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("to", FORMATS)
def test_no_format_is_larger_than_a_mail_takes(to: str) -> None:
    assert max(len(rendered(kind, to)) for kind in KINDS) < 5_000_000


def test_a_run_of_several_seeds_shows_its_first() -> None:
    record = records()["several"]
    alone = Record(record.recipe, 1, tuple(record.keyframes), name=record.name)
    pictures = [Image.open(io.BytesIO(render(run, "png"))).tobytes() for run in (record, alone)]
    assert pictures[0] == pictures[1]


def test_what_json_says_is_a_recipe_again() -> None:
    for kind in KINDS:
        record = records()[kind]
        assert Recipe.from_json(json.loads(render(record, "json"))["recipe"]) == record.recipe
