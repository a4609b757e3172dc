"""The notebook: a valid one that opens with the run's figures, and whose code runs without toygan."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image

from tests.records import ODD_NAME, SMALL, records, trained
from toygan.distributions import DISTRIBUTIONS
from toygan.export import render
from toygan.export.figure import png
from toygan.formulas import critic_loss, generator_loss
from toygan.methods import METHODS
from toygan.recipe import Recipe
from toygan.record import Record
from toygan.streams import Purpose


def notebook(record: Record) -> Any:
    return nbformat.reads(render(record, "notebook").decode(), as_version=4)


def cell(book: Any, key: str) -> Any:
    return next(cell for cell in book.cells if cell.id == key)


@pytest.mark.parametrize("kind", ["usual", "start", "several", "changing", "failed", "unmeasured", "line", "frozen"])
def test_notebooks_of_all_kinds_of_runs_are_valid_and_have_ids(kind: str) -> None:
    book = notebook(records()[kind])
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    keys = [cell.id for cell in book.cells]
    assert len(set(keys)) == len(keys)


def test_a_notebook_opens_with_the_run_s_figures_and_numbers() -> None:
    record = records()["usual"]
    book = notebook(record)
    picture = base64.b64decode(cell(book, "picture").outputs[0].data["image/png"])
    assert picture == png(record, dots=110)
    assert Image.open(io.BytesIO(base64.b64decode(cell(book, "losses").outputs[0].data["image/png"]))).width == 770
    w1 = record.keyframes[-1].metrics["w1"]
    assert cell(book, "metrics").outputs[0].text.startswith(f"W1: {w1:.3f}\nfloor: ")


def test_a_notebook_has_the_method_s_formulas_and_the_recipe() -> None:
    book = notebook(records()["usual"])
    title = cell(book, "title").source
    method = METHODS["wgan-gp"]
    assert title.startswith("# WGAN-GP on wide ring of 8\n")
    assert f"$$\n{critic_loss(method)}\n$$" in title
    assert f"$$\n{generator_loss(method)}\n$$" in title
    assert "python -m toygan export 'method=wgan-gp&data=ring8-wide&" in title
    assert "| Batch size | 16 |" in cell(book, "recipe-table").source


def test_a_run_that_changed_its_method_has_the_formulas_of_both() -> None:
    book = notebook(records()["changing"])
    title = cell(book, "title").source
    assert f"## {METHODS['wgan'].title}" in title
    assert f"## {METHODS['dragan'].title}" in title
    assert "now = SimpleNamespace(" in cell(book, "code-what-changes-on-the-way").source


def test_a_name_in_a_notebook_is_no_markdown() -> None:
    title = cell(notebook(records()["several"]), "title").source
    name = title.split("\n\n")[1]
    assert not set(name[1:-1]) & set("<>$`*_\\|{}[]\n")
    assert len(name) > len(ODD_NAME)


def test_the_notebook_s_streams_are_those_that_toygan_shows() -> None:
    numbers = f"PROBE_LATENTS, PROBE_DATA = {int(Purpose.PROBE_LATENT)}, {int(Purpose.PROBE_DATA)}  #"
    assert numbers in cell(notebook(records()["usual"]), "numbers").source
    numbers = f"PROBE_LATENTS, PROBE_DATA = {int(Purpose.PROBE_FROZEN_DATA)}, {int(Purpose.PROBE_DATA)}  #"
    assert numbers in cell(notebook(records()["frozen"]), "numbers").source
    assert Purpose.PROBE_FROZEN_NOISE == Purpose.PROBE_FROZEN_DATA + 1


@pytest.mark.parametrize("kind", ["usual", "line", "frozen"])
def test_a_notebook_leaves_no_setting_open(kind: str) -> None:
    source = "\n".join(cell.source for cell in notebook(records()[kind]).cells if cell.cell_type == "code")
    assert "now." not in source


@pytest.mark.parametrize("data", DISTRIBUTIONS)
def test_the_code_of_every_distribution_s_notebook_is_python_without_toygan(data: str) -> None:
    book = notebook(trained(Recipe(data=data, method="hinge", **SMALL), 0, 1))
    source = "\n\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    compile(source, "notebook", "exec")
    assert "import toygan" not in source
    assert "from toygan" not in source


_RUN = """
import json, sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(book, timeout=300, resources={"metadata": {"path": sys.argv[2]}}).execute()
print(json.dumps({cell.id: cell.get("outputs", []) for cell in book.cells}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["usual", "changing", "line", "frozen"])
def test_run_anew_a_notebook_shows_what_it_opened_with(kind: str, tmp_path: Path) -> None:
    record = records()[kind]
    (tmp_path / "run.ipynb").write_bytes(render(record, "notebook"))
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "-c", _RUN, str(tmp_path / "run.ipynb"), str(tmp_path / "empty")]
    # Streamlit, which other tests import, tells matplotlib by the environment to show nothing.
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout.splitlines()[-1])
    opened = cell(notebook(record), "metrics").outputs[0].text.splitlines()
    found = "".join(part["text"] for part in outputs["metrics"]).splitlines()
    assert found[1] == opened[1]
    distances = [float(lines[0].removeprefix("W1: ")) for lines in (found, opened)]
    assert distances[0] == pytest.approx(distances[1], abs=0.05)
    assert all("image/png" in outputs[key][0]["data"] for key in ("picture", "losses"))
