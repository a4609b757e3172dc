"""A run as a Jupyter notebook: the script in cells, with its formulas, and with the run's figures already in it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

from toygan.distributions import Modes
from toygan.export.curves import losses_png
from toygan.export.figure import png
from toygan.export.script import command, sections
from toygan.export.settings import is_on, settings
from toygan.export.specialise import decide, put_in
from toygan.export.tables import keyframe_at
from toygan.export.words import DASH, link, one_line, recipe_rows, title
from toygan.formulas import critic_loss, generator_loss, symbols
from toygan.frames import GRID, unpack
from toygan.methods import METHODS
from toygan.metrics.sizes import LIVE_POINTS
from toygan.record import Keyframe, Record
from toygan.streams import Purpose
from toygan.worker import floor

#: What the code of each section is about, where its heading does not go on to say so.
_SAID = {
    "the recipe": "All numbers of this run.",
    "the data": "What there is to learn.",
    "networks": "The generator makes points, the critic gives each point a value.",
    "optimizers": "How their weights follow the gradients.",
    "what changes on the way": "From some steps on, other settings take over.",
    "training": "Each step updates the critic some times, then the generator once, if it has weights.",
}

_SETUP = """\
import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from scipy.optimize import linear_sum_assignment

torch.set_num_threads(1)  # networks as small as these are faster without company
"""


def render(record: Record, step: int | None = None) -> bytes:
    """The notebook (nbformat 4.5) as text; its code needs PyTorch, NumPy, SciPy and matplotlib, and no toygan."""
    notebook = {
        "cells": _cells(record, step),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def _cells(record: Record, step: int | None) -> list[dict[str, Any]]:
    keyframe = keyframe_at(record, step)
    cells = _cell_texts()
    parts = sections(record, keyframe.step, ("SEED", "STEPS", "train"))
    found = [_text("title", _title(record, keyframe.step)), _text("recipe-table", _recipe_table(record))]
    for name, source in parts.items():
        about, code = _section(name, source)
        key = name.replace(" ", "-") or "libraries"
        found += [_text(f"about-{key}", about), _code(f"code-{key}", code)]
    measured = cells["metrics"] + (cells["modes"] if _support(record) else "")
    return [
        *found,
        _code("train", cells["train"]),
        _text(
            "about-results",
            "## What came of it\n\nThe figures and numbers below are the run's own. Run all cells to train it again "
            "and to draw and measure yours.",
        ),
        _code("numbers", _numbers(record, keyframe)),
        _code("picture", _picture(record, cells["picture"]), [_image(png(record, keyframe.step, dots=110))]),
        _code("losses", cells["losses"], [_image(losses_png(record, keyframe.step))]),
        _text("about-metrics", "How far the samples are from the data, beside what two real samples score."),
        _code("metrics", measured, [_stream(_measured(record, keyframe.metrics))]),
    ]


def _section(name: str, source: str) -> tuple[str, str]:
    """A part of the script as words and code: its heading with the comment below it, and the rest."""
    if not name:
        return "## Libraries", f"{source.strip()}\n{_SETUP}"
    lines = source.splitlines()[1:]
    count = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    words = " ".join(line.lstrip("# ") for line in lines[:count]).strip() or _SAID[name]
    return f"## {name[0].upper()}{name[1:]}\n\n{words}", "\n".join(lines[count:]).strip("\n")


def _cell_texts() -> dict[str, str]:
    """By title: the cells of ``cells.py``."""
    text = Path(__file__).with_name("cells.py").read_text(encoding="utf-8")
    parts = re.split(r"^# ---- (\w+)\n", text, flags=re.M)[1:]
    return {title: f"{code.strip()}\n\n" for title, code in zip(parts[::2], parts[1::2], strict=True)}


def _title(record: Record, step: int) -> str:
    methods = dict.fromkeys(phase.method for _, phase in record.recipe.phases())
    formulas = "\n\n".join(
        f"## {METHODS[key].title}\n\n{METHODS[key].summary} {METHODS[key].paper}.\n\n"
        f"$$\n{critic_loss(METHODS[key])}\n$$\n\n$$\n{generator_loss(METHODS[key])}\n$$\n\n{symbols(METHODS[key])}"
        for key in methods
    )
    name = f"*{_escaped(record.name)}*\n\n" if record.name else ""
    return (
        f"# {title(record.recipe, 0)}\n\n{name}A run of toygan as a notebook that needs PyTorch, NumPy, SciPy and "
        f"matplotlib. The end of its link, and the command that makes this notebook:\n\n```\n?{link(record.recipe)}\n"
        f"{command(record, 'notebook', step)}\n```\n\n{formulas}"
    )


def _escaped(text: str) -> str:
    """A name that is no Markdown, no formula and no HTML."""
    return "".join(letter if letter.isalnum() or letter in " ,.:" else f"&#{ord(letter)};" for letter in one_line(text))


def _recipe_table(record: Record) -> str:
    rows = [f"| {label} | {value} |" for label, value in recipe_rows(record.recipe, record.seeds)]
    return "\n".join(["## Recipe", "", "| field | value |", "| --- | --- |", *rows])


def _picture(record: Record, cell: str) -> str:
    """The cell that draws, for this run's generator."""
    constant = {name: settings(record.recipe)[name][0] for name in ("frozen", "latent")}
    return put_in(decide(cell, {name: is_on(text) for name, text in constant.items()}), constant)


def _numbers(record: Record, keyframe: Keyframe) -> str:
    """What the cells below need to know of the run."""
    recipe = record.recipe.at(keyframe.step)
    support = _support(record)
    made_of = Purpose.PROBE_LATENT if recipe.trains_generator else Purpose.PROBE_FROZEN_DATA
    lines = [
        f"PROBE_LATENTS, PROBE_DATA = {int(made_of)}, {int(Purpose.PROBE_DATA)}  # what streams are for",
        f"SAMPLES, POINTS = {len(unpack(keyframe.data).samples[0])}, {LIVE_POINTS}  # shown, and measured by W1",
        f"GRID = {GRID}  # values of the critic along each side of the plot",
        f"EXTENT = {recipe.distribution.extent:.6g}  # the plot reaches this far from the middle",
        f"COLOUR = {json.dumps(recipe.method_entry.colour)}",
        f"TITLE = {json.dumps(title(record.recipe, keyframe.step))}",
        f"MIDPOINT = {recipe.method_entry.neutral == 'midpoint'}  # whether this critic's values have no zero",
    ]
    if recipe.trains_generator:
        lines.append(f"draw_latents = {recipe.latent_law}")
    return "\n".join([*lines, *([f"STD = {support.std!r}  # of each mode"] if support else [])])


def _support(record: Record) -> Modes | None:
    support = record.recipe.distribution.support
    return support if isinstance(support, Modes) else None


def _measured(record: Record, metrics: dict[str, Any]) -> str:
    """What the cell prints, of the run's own numbers."""
    mean, std = floor(record.recipe, LIVE_POINTS)
    w1, quality = metrics.get("w1"), metrics.get("high_quality")
    lines = [f"W1: {DASH if w1 is None else f'{w1:.3f}'}", f"floor: {mean:.3f} +- {std:.3f}"]
    if _support(record):
        lines.append(f"modes: {metrics.get('modes', DASH)} of {metrics.get('modes_total', DASH)}")
        lines.append(f"high quality: {DASH if quality is None else f'{100 * quality:.1f}'} %")
    return "\n".join(lines) + "\n"


def _text(key: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": key, "metadata": {}, "source": source}


def _code(key: str, source: str, outputs: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": key,
        "metadata": {},
        "execution_count": None,
        "source": source.rstrip("\n"),
        "outputs": outputs or [],
    }


def _image(data: bytes) -> dict[str, Any]:
    return {
        "output_type": "display_data",
        "data": {"image/png": base64.b64encode(data).decode(), "text/plain": "a figure"},
        "metadata": {},
    }


def _stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}
