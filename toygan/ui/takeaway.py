"""Taking a run away: a button for each format, whose file is made when it is pressed."""

from __future__ import annotations

import functools
from collections.abc import Callable

import streamlit as st

from toygan import export
from toygan.engine import Engine, Run
from toygan.export import FORMATS
from toygan.record import Record


def buttons(engine: Engine, run: Run, upto: Callable[[], int], key: str) -> None:
    """A button for each format of a run as far as ``upto()``, in two columns."""
    columns = st.columns(2, gap="small")
    for number, (to, entry) in enumerate(FORMATS.items()):
        columns[number % 2].download_button(
            entry.title,
            functools.partial(_file, engine, run, upto, to),
            export.file_name(Record(run.recipe, run.replicates), to),
            entry.mime,
            help=entry.help,
            on_click="ignore",
            width="stretch",
            key=f"{key}.{to}",
        )


def _file(engine: Engine, run: Run, upto: Callable[[], int], to: str) -> bytes:
    """The file's bytes; what takes heavy libraries is made by a worker."""
    record = engine.record(run, upto())
    if FORMATS[to].heavy:
        return engine.compute(export.render, record, to)
    return export.render(record, to)
