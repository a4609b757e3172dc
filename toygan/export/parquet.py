"""A run's tables as Parquet, with the recipe in the file's metadata."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow
import pyarrow.parquet

import toygan
from toygan.export.tables import Table, metrics, samples
from toygan.record import Record


def metrics_parquet(record: Record, step: int | None = None) -> bytes:
    """``tables.metrics``; whole numbers are int64, all others float64."""
    return _parquet(metrics(record, step), record)


def samples_parquet(record: Record, step: int | None = None) -> bytes:
    """``tables.samples``."""
    return _parquet(samples(record, step), record)


def _parquet(table: Table, record: Record) -> bytes:
    about = {
        "toygan.recipe": json.dumps(record.recipe.to_json()),
        "toygan.key": record.key,
        "toygan.name": record.name,
        "toygan.version": toygan.__version__,
    }
    arrays = [pyarrow.array(values, _type(values)) for values in table.values()]
    made = pyarrow.table(arrays, names=list(table)).replace_schema_metadata(about)
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(made, buffer, compression="zstd")
    return buffer.getvalue()


def _type(values: list[Any]) -> pyarrow.DataType:
    """A column that measured nothing holds numbers all the same."""
    known = [value for value in values if value is not None]
    if any(isinstance(value, str) for value in known):
        return pyarrow.string()
    return pyarrow.int64() if known and all(isinstance(value, int) for value in known) else pyarrow.float64()
