"""Taking a run away: a button for each format, whose file is made when it is pressed."""

from __future__ import annotations

import functools

import streamlit as st

from toygan import export
from toygan.engine import Engine, Run
from toygan.export import FORMATS
from toygan.record import Record


def buttons(engine: Engine, run: Run, step: int, key: str) -> None:
    """A button for each format of a run as far as ``step``, in two columns; to be drawn anew whenever they are shown.

    Before a run's first keyframe, or if it could not begin, there is nothing to show in most of them.
    """
    columns = st.columns(2, gap="small")
    for number, (to, entry) in enumerate(FORMATS.items()):
        ready = entry.needs == "recipe" or bool(run.keyframes)
        columns[number % 2].download_button(
            entry.title,
            functools.partial(_file, engine, run, step, to),
            _name(run, step, to),
            entry.mime,
            help=entry.help if ready else f"{entry.help} {_why_not(run)}",
            on_click="ignore",
            disabled=not ready,
            width="stretch",
            key=f"{key}.{to}",
        )


def _why_not(run: Run) -> str:
    return "Not now: " + ("this run could not begin." if run.error else "this run has nothing to show yet.")


def _name(run: Run, step: int, to: str) -> str:
    """The file's name: with the step, unless it shows no moment of the run."""
    shown = None if FORMATS[to].needs == "recipe" else step
    return export.file_name(Record(run.recipe, run.replicates), to, shown)


def _file(engine: Engine, run: Run, step: int, to: str) -> bytes:
    """The file's bytes; what takes heavy libraries is made by a worker."""
    record = engine.record(run, step)
    if FORMATS[to].heavy:
        return engine.compute(export.render, record, to)
    return export.render(record, to)
