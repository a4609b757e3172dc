"""A run as tables: its metrics by step, and the points at one step; as CSV text or with the types of its columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from toygan.frames import unpack
from toygan.record import Keyframe, Record
from toygan.streams import Purpose, stream

Table: TypeAlias = dict[str, list[Any]]


def metrics_csv(record: Record, step: int | None = None) -> bytes:
    """``metrics`` as CSV, up to ``step``; what was not measured is empty."""
    return _csv(metrics(record, step))


def samples_csv(record: Record, step: int | None = None) -> bytes:
    """``samples`` as CSV."""
    return _csv(samples(record, step))


def metrics(record: Record, step: int | None = None) -> Table:
    """One row a keyframe up to ``step`` and replicate: step, seconds of training until then, seed, every metric."""
    rows = [
        {"step": keyframe.step, "seconds": keyframe.seconds, "seed": seed, **lane}
        for keyframe in keyframes_until(record, step)
        for seed, lane in zip(record.seeds, keyframe.lanes, strict=True)
    ]
    return _table(rows, first=("step", "seconds", "seed"))


def samples(record: Record, step: int | None = None) -> Table:
    """The points shown at ``step``, generated ones and as many real ones, in data units.

    They are the first seed's. Generated points are rounded as keyframes are, to a few ten-thousandths of the plot.
    """
    keyframe = keyframe_at(record, step)
    generated = unpack(keyframe.data).samples[0]
    rng = stream(record.recipe.seed, Purpose.PROBE_DATA)
    real = record.recipe.distribution.sample(len(generated), rng)
    rows = [
        {"step": keyframe.step, "seed": record.recipe.seed, "source": source, "x": float(x), "y": float(y)}
        for source, points in (("generated", generated), ("real", real))
        for x, y in points
    ]
    return _table(rows, first=())


def keyframe_at(record: Record, step: int | None) -> Keyframe:
    """The last keyframe at or before ``step``, or the last of all; raises ``ValueError`` where there is none."""
    return keyframes_until(record, step)[-1]


def keyframes_until(record: Record, step: int | None) -> list[Keyframe]:
    """The keyframes up to ``step``, or all; raises ``ValueError`` where there are none."""
    found = [keyframe for keyframe in record.keyframes if step is None or keyframe.step <= step]
    if not found:
        raise ValueError("there is nothing to show of this run yet: train it first.")
    return found


def _table(rows: Iterable[Mapping[str, Any]], first: tuple[str, ...]) -> Table:
    """Rows as columns; a row lacks what was not measured then."""
    rows = list(rows)
    names = dict.fromkeys([*first, *(name for row in rows for name in row)])
    return {name: [row.get(name) for row in rows] for name in names}


def _csv(table: Table) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    return text.getvalue().encode()
