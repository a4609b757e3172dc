"""The store's statements: what a change writes, what goes when there is no room, and what is read back."""

from __future__ import annotations

import dataclasses
import json
import logging
import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from toygan.record import Keyframe
from toygan.state import State
from toygan.store.change import COLUMNS, Change, Row
from toygan.store.codec import metrics_text, pack_state, read_metrics, unpack_state

log = logging.getLogger(__name__)

#: Keyframes a run keeps; beyond it every other one of the older half goes.
KEYFRAMES = 600

#: Seconds for which a deleted run can be had back even if the app starts anew meanwhile.
UNDO = 600.0

#: Runs whose written keyframes are remembered, so that they are not written again.
_REMEMBERED = 64

_BySteps = dict[int, Any]

_MARKS = ", ".join("?" for _ in dataclasses.fields(Row))
_UPDATE = ", ".join(f"{field.name} = ?" for field in dataclasses.fields(Row))


class Written:
    """Which keyframes of which runs are in the file already, by the run's number there and the step."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, dict[int, int]] = OrderedDict()

    def fresh(self, run: int, keyframes: Iterable[Keyframe]) -> list[Keyframe]:
        """Those that are not written yet; from now on they count as written."""
        seen = self._runs.setdefault(run, {})
        self._runs.move_to_end(run)
        if len(self._runs) > _REMEMBERED:
            self._runs.popitem(last=False)
        found = [keyframe for keyframe in keyframes if seen.get(keyframe.step) != _mark(keyframe)]
        seen.update((keyframe.step, _mark(keyframe)) for keyframe in found)
        return found

    def forget(self) -> None:
        """Nothing is known to be written, as after a batch that failed."""
        self._runs.clear()


def _mark(keyframe: Keyframe) -> int:
    # The hash of bytes is computed once and kept with them.
    return hash((keyframe.data, keyframe.seconds))


def write(connection: sqlite3.Connection, changes: Mapping[str, Change], written: Written, most: int) -> None:
    """Write changes by key; one that cannot be written, for what it holds, is logged and left out.

    Of a run's states the newest are kept, up to ``most`` bytes: one run of huge networks is not to push all the others
    out. Where not even the newest fits, the run begins again when somebody goes on with it.
    """
    for key, change in changes.items():
        connection.execute("SAVEPOINT change")
        try:
            _write_one(connection, key, change, written, most)
        except Exception as error:
            if type(error) in (sqlite3.OperationalError, sqlite3.DatabaseError):
                raise  # it is the file that fails
            log.exception("the run %s cannot be kept", key)
            connection.execute("ROLLBACK TO change")
            written.forget()
        connection.execute("RELEASE change")


def _write_one(connection: sqlite3.Connection, key: str, change: Change, written: Written, most: int) -> None:
    found = connection.execute(f"SELECT id, {COLUMNS} FROM runs WHERE key = ?", (key,)).fetchone()
    before = None if found is None else Row(*found[1:])
    after = change.row(key, before)
    if after is None:
        return
    values = dataclasses.astuple(after)
    if found is None:
        run = connection.execute(f"INSERT INTO runs ({COLUMNS}) VALUES ({_MARKS})", values).lastrowid
        assert run is not None
    else:
        run = found[0]
        if after != before:
            connection.execute(f"UPDATE runs SET {_UPDATE} WHERE id = ?", (*values, run))
    if change.keyframes:
        rows = [_keyframe_values(run, keyframe) for keyframe in written.fresh(run, change.keyframes.values())]
        connection.executemany("INSERT OR REPLACE INTO keyframes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        _thin(connection, run)
    if change.states is not None:
        _write_states(connection, run, _newest(change.states, most))
    rows = [(run, step, metrics_text(lanes)) for step, lanes in change.measured.items()]
    connection.executemany("INSERT OR REPLACE INTO measured VALUES (?, ?, ?)", rows)
    connection.execute(
        """
        UPDATE runs SET bytes = (SELECT coalesce(sum(length(data) + length(lanes)), 0) FROM keyframes WHERE run = id)
            + (SELECT coalesce(sum(length(data)), 0) FROM states WHERE run = id)
            + (SELECT coalesce(sum(length(lanes)), 0) FROM measured WHERE run = id) WHERE id = ?
        """,
        (run,),
    )


def _keyframe_values(run: int, keyframe: Keyframe) -> tuple[Any, ...]:
    lanes, histogram = metrics_text(keyframe.lanes), json.dumps([int(count) for count in keyframe.histogram])
    return run, keyframe.step, keyframe.seconds, lanes, histogram, zlib.crc32(keyframe.data), keyframe.data


def _thin(connection: sqlite3.Connection, run: int) -> None:
    while connection.execute("SELECT count(*) FROM keyframes WHERE run = ?", (run,)).fetchone()[0] > KEYFRAMES:
        steps = connection.execute("SELECT step FROM keyframes WHERE run = ? ORDER BY step", (run,)).fetchall()
        spare = [(run, step) for (step,) in steps[1 : len(steps) // 2 : 2]]
        connection.executemany("DELETE FROM keyframes WHERE run = ? AND step = ?", spare)


def _write_states(connection: sqlite3.Connection, run: int, states: Mapping[int, State]) -> None:
    """Equal steps of a run have equal states, so that only those not there yet are written."""
    there = {step for (step,) in connection.execute("SELECT step FROM states WHERE run = ?", (run,))}
    gone = [(run, step) for step in there if superseded(step, states)]
    connection.executemany("DELETE FROM states WHERE run = ? AND step = ?", gone)
    for step, state in states.items():
        if step not in there:
            data = pack_state(state)
            connection.execute("INSERT INTO states VALUES (?, ?, ?, ?)", (run, step, zlib.crc32(data), data))


def _newest(states: Mapping[int, State], most: int) -> dict[int, State]:
    """The newest states that together have at most so many bytes."""
    kept = {}
    for step in sorted(states, reverse=True):
        most -= states[step].nbytes
        if most < 0:
            break
        kept[step] = states[step]
    return kept


def superseded(step: int, given: Collection[int]) -> bool:
    """Whether a kept state's step is dropped when ``given`` are the steps to keep.

    Somebody who has not come as far knows nothing of later states, which stay.
    """
    return step not in given and step <= max(given, default=-1)


def make_room(connection: sqlite3.Connection, budget: int, spare: Collection[str]) -> None:
    """Delete runs until the rest fits: deleted ones first, then the longest untouched; never pinned or spared ones."""
    (total,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM runs").fetchone()
    if total <= budget:
        return
    query = """
        SELECT id, key, bytes FROM runs WHERE pinned = 0 OR deleted IS NOT NULL
        ORDER BY deleted IS NULL, coalesce(deleted, updated), id
    """
    for run, key, size in connection.execute(query).fetchall():
        if total <= budget:
            return
        if key not in spare:
            connection.execute("DELETE FROM runs WHERE id = ?", (run,))
            total -= size


def purge(connection: sqlite3.Connection, now: float) -> None:
    """Delete for good what was deleted a while ago."""
    connection.execute("DELETE FROM runs WHERE deleted < ?", (now - UNDO,))


def read_rows(connection: sqlite3.Connection, key: str | None = None, family: str | None = None) -> dict[str, Row]:
    """Rows by key: all, that of one key, or a family's; deleted ones too."""
    where, values = ("WHERE key = ?", [key]) if key else ("WHERE family = ?", [family]) if family else ("", [])
    rows = (Row(*found) for found in connection.execute(f"SELECT {COLUMNS} FROM runs {where}", values))
    return {row.key: row for row in rows}


def read_run(connection: sqlite3.Connection, key: str) -> tuple[_BySteps, _BySteps, _BySteps]:
    """A run's keyframes, states and measurements, by step."""
    return read_keyframes(connection, key), read_states(connection, key), read_measured(connection, key)


def read_keyframes(connection: sqlite3.Connection, key: str, last: bool = False) -> dict[int, Keyframe]:
    """A run's keyframes by step, or its last one alone."""
    query = """
        SELECT step, seconds, lanes, histogram, checksum, data FROM keyframes
        WHERE run = (SELECT id FROM runs WHERE key = ?) ORDER BY step
    """
    found = {}
    for step, seconds, lanes, histogram, checksum, data in connection.execute(
        f"{query} DESC LIMIT 1" if last else query, (key,)
    ):
        try:
            _verify(data, checksum)
            found[step] = Keyframe(step, data, read_metrics(lanes), tuple(json.loads(histogram)), seconds)
        except (ValueError, TypeError) as error:
            _skipped("keyframe", key, step, error)
    return found


def read_states(connection: sqlite3.Connection, key: str) -> dict[int, State]:
    """A run's states by step."""
    query = "SELECT step, checksum, data FROM states WHERE run = (SELECT id FROM runs WHERE key = ?) ORDER BY step"
    found = {}
    for step, checksum, data in connection.execute(query, (key,)):
        try:
            _verify(data, checksum)
            found[step] = unpack_state(data)
        except ValueError as error:
            _skipped("state", key, step, error)
    return found


def read_measured(connection: sqlite3.Connection, key: str) -> dict[int, tuple[dict[str, Any], ...]]:
    """A run's measurements on many samples, by step."""
    query = "SELECT step, lanes FROM measured WHERE run = (SELECT id FROM runs WHERE key = ?) ORDER BY step"
    found = {}
    for step, lanes in connection.execute(query, (key,)):
        try:
            found[step] = read_metrics(lanes)
        except ValueError as error:
            _skipped("measurement", key, step, error)
    return found


def _verify(data: bytes, checksum: int) -> None:
    """SQLite does not notice when the bytes of a value change on the disk."""
    if zlib.crc32(data) != checksum:
        raise ValueError("its bytes have changed")


def _skipped(what: str, key: str, step: int, error: Exception) -> None:
    log.warning("a damaged %s is skipped, run %s, step %d: %s", what, key, step, error)
