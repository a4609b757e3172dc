"""The store: what pages and the engine call. Writing happens on a thread of its own, reading sees what still waits.

No caller ever waits for the disk to write, or gets an error. A file that cannot be used, or can no longer be, is left
as it is; ``problem`` then says why, and runs are kept in memory.
"""

from __future__ import annotations

import atexit
import dataclasses
import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from toygan.recipe import Recipe
from toygan.record import MAX_REPLICATES, Keyframe, run_key
from toygan.state import State
from toygan.store import tables
from toygan.store.change import Change, Row
from toygan.store.database import Database, Unusable, reason
from toygan.store.runs import Entry, Kept, Listing, matches

log = logging.getLogger(__name__)

#: Bytes of runs that are kept in a file, and at most of that in memory.
DEFAULT_BUDGET, IN_MEMORY = 500_000_000, 100_000_000

#: The part of it that one run's states may take.
STATES_SHARE = 1 / 8

#: Longest name a run can be given.
NAME_LENGTH = 80

#: Seconds between two batches, which is what a crash can cost, and how many times as long as writing a batch took the
#: writer rests at least. Each batch writes a run's newest state over the one before: few batches are less work.
INTERVAL, REST = 3.0, 10

#: Seconds for which the writer tries again while another process keeps the file locked.
PATIENCE = 30.0

Clock = Callable[[], float]
_Found = TypeVar("_Found")


class Store:
    """Runs by key in the file at ``path``, in memory for ``None``; ``budget`` bounds their bytes.

    ``problem`` is a sentence for the reader where the file cannot be used. Close the store to be sure that all is
    written; the end of the process does it too.
    """

    def __init__(self, path: Path | None, budget: int = DEFAULT_BUDGET, clock: Clock = time.time) -> None:
        self.problem: str | None = None
        self._budget = budget
        self._clock = clock
        self._news = threading.Condition()
        self._waiting: dict[str, Change] = {}
        self._writing: dict[str, Change] = {}
        # How many changes there were, how many of them are being written, and how many are.
        self._given = self._taken = self._done = 0
        self._hurry = self._closing = self._purged = False
        self._written = tables.Written()
        # By key: None for a recipe that this version cannot read.
        self._recipes: dict[str, Recipe | None] = {}
        self._falling = threading.Lock()
        try:
            self._database = Database(path)
        except Unusable as error:
            self.problem = str(error)
            log.warning("%s", error)
            self._database = Database(None)
        self._writer = threading.Thread(target=self._write_on, name="toygan-store", daemon=True)
        self._writer.start()
        atexit.register(self.close)

    def keep(
        self,
        recipe: Recipe,
        replicates: int,
        keyframes: Iterable[Keyframe],
        states: Mapping[int, State] | None = None,
        failed: bool = False,
    ) -> None:
        """Add keyframes to a run, which begins with that, replacing those of equal step that differ.

        ``states`` are all that the run keeps now: earlier ones of other steps go. Those given before are not written
        again, so that one may pass all there are; a run that was deleted meanwhile is then complete again.
        """
        now = self._clock()
        given = list(keyframes)
        key = run_key(recipe, replicates)
        self._recipes[key] = recipe
        self._change(
            key,
            lambda change: change.trained(recipe, replicates, given, states, failed, now),
        )

    def keep_measured(self, key: str, step: int, lanes: Sequence[dict[str, Any]]) -> None:
        """Add a measurement on many samples, an entry a replicate, to a run that is kept."""
        self._change(key, lambda change: change.measured.update({step: tuple(lanes)}))

    def pin(self, key: str, pinned: bool) -> None:
        """Keep a run however little room there is, and list it first; or no longer."""
        self._mark(key, pinned=pinned)

    def rename(self, key: str, name: str) -> None:
        """Call a run something else; an empty name gives the usual one back."""
        self._mark(key, name=" ".join(name.split())[:NAME_LENGTH].strip())

    def delete(self, key: str) -> None:
        """Delete a run; ``restore`` gives it back until its room is needed or the app starts again later."""
        self._mark(key, deleted=self._clock())

    def restore(self, key: str) -> bool:
        """Take a deletion back; says whether the run is there."""
        if self._rows(key=key).get(key) is None:
            return False
        self._mark(key, deleted=None)
        return True

    def load(self, key: str) -> Kept | None:
        """All that is kept of a run, what still waits to be written included; ``None`` where there is none."""
        ahead = self._ahead(key)
        row = self._rows(ahead, key=key).get(key)
        recipe = None if row is None or row.deleted is not None else self._recipe(row)
        if row is None or recipe is None:
            return None

        keyframes, states, measured = self._read(lambda connection: tables.read_run(connection, key)) or ({}, {}, {})
        for _, change in ahead:
            keyframes |= change.keyframes
            measured |= change.measured
            if change.states is not None:
                given = change.states
                states = {step: state for step, state in states.items() if not tables.superseded(step, given)} | given
        return Kept(
            recipe=recipe,
            replicates=row.replicates,
            keyframes=tuple(keyframe for _, keyframe in sorted(keyframes.items())),
            states=dict(sorted(states.items())),
            name=row.name,
            measured=dict(sorted(measured.items())),
            failed=bool(row.failed),
        )

    def runs(
        self,
        text: str = "",
        methods: Collection[str] = (),
        data: Collection[str] = (),
        limit: int = 24,
        offset: int = 0,
    ) -> Listing:
        """Runs that have all words of ``text``, one of the methods and one of the data; pinned first, then newest."""
        ahead = self._ahead()
        rows = [row for row in self._rows(ahead).values() if row.deleted is None]
        kept = self._entries(rows)
        words = text.casefold().split()
        found = sorted((entry for entry in kept if matches(entry, words, methods, data)), key=_newest_first)
        page = found[offset : offset + limit]
        return Listing(self._with_keyframes(page, ahead), len(found), len(kept), len(rows) - len(kept))

    def entries(self, keys: Iterable[str]) -> tuple[Entry, ...]:
        """The runs of these keys, in their order; those that are gone are left out."""
        ahead = self._ahead()
        found = [row for key in keys for row in self._rows(ahead, key=key).values() if row.key == key]
        return self._with_keyframes(self._entries(row for row in found if row.deleted is None), ahead)

    def family(self, recipe: Recipe) -> tuple[Entry, ...]:
        """All runs that begin as this recipe does, whatever was changed in them later on; the oldest first."""
        ahead, family = self._ahead(), recipe.at(0).key
        rows = self._rows(ahead, family=family).values()
        found = self._entries(row for row in rows if row.family == family and row.deleted is None)
        return self._with_keyframes(sorted(found, key=lambda entry: (entry.created, entry.key)), ahead)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was given so far is written; says whether it is."""
        with self._news:
            given = self._given
            self._hurry = True
            self._news.notify_all()
            return self._news.wait_for(lambda: self._done >= given, timeout)

    def close(self) -> None:
        """Write what waits and close the file; nothing is kept from then on."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._writer.join(PATIENCE)
        atexit.unregister(self.close)
        self._database.close()

    # ---- what waits

    def _mark(self, key: str, **marks: Any) -> None:
        self._change(key, lambda change: change.marks.update(marks), hurry=True)

    def _change(self, key: str, apply: Callable[[Change], None], hurry: bool = False) -> None:
        with self._news:
            if self._closing:
                return
            first = not self._waiting
            apply(self._waiting.setdefault(key, Change()))
            self._given += 1
            self._hurry = self._hurry or hurry
            # While it rests the writer need not hear of each of the changes that it will take together.
            if first or hurry:
                self._news.notify_all()

    def _ahead(self, key: str | None = None) -> list[tuple[str, Change]]:
        """Copies of what is not in the file yet, the older first.

        Asked for before the file is: what is written in between is then told twice, not left out.
        """
        with self._news:
            return [
                (name, _copy(change))
                for changes in (self._writing, self._waiting)
                for name, change in changes.items()
                if key in (None, name)
            ]

    # ---- reading

    def _rows(
        self, ahead: list[tuple[str, Change]] | None = None, key: str | None = None, family: str | None = None
    ) -> dict[str, Row]:
        """Rows by key, deleted ones too, as they will be once everything is written."""
        changes = self._ahead() if ahead is None else ahead
        rows = self._read(lambda connection: tables.read_rows(connection, key, family)) or {}
        for name, change in changes:
            row = change.row(name, rows.get(name))
            if row is not None:
                rows[name] = row
        return rows

    def _recipe(self, row: Row) -> Recipe | None:
        """A row's recipe; ``None`` where this version of toygan has no such recipe, or means another run by it."""
        if row.key not in self._recipes:
            try:
                recipe = Recipe.from_json(json.loads(row.recipe))
                same = 1 <= row.replicates <= MAX_REPLICATES and run_key(recipe, row.replicates) == row.key
            except (ValueError, TypeError, RecursionError):
                same = False
            self._recipes[row.key] = recipe if same else None
        return self._recipes[row.key]

    def _entries(self, rows: Iterable[Row]) -> list[Entry]:
        """Rows that can be read, without their keyframes."""
        return [
            Entry(
                row.key, recipe, row.replicates, row.name, bool(row.pinned), bool(row.failed), row.created, row.updated
            )
            for row in rows
            if (recipe := self._recipe(row)) is not None
        ]

    def _with_keyframes(self, entries: Sequence[Entry], ahead: list[tuple[str, Change]]) -> tuple[Entry, ...]:
        def last(connection: sqlite3.Connection) -> dict[str, dict[int, Keyframe]]:
            return {entry.key: tables.read_keyframes(connection, entry.key, last=True) for entry in entries}

        known = self._read(last) or {}
        for key, change in ahead:
            known[key] = {**known.get(key, {}), **change.keyframes}
        return tuple(
            dataclasses.replace(entry, keyframe=frames[max(frames)]) if (frames := known.get(entry.key)) else entry
            for entry in entries
        )

    def _read(self, question: Callable[[sqlite3.Connection], _Found]) -> _Found | None:
        """The answer of the file, or of memory once the file turns out to be unusable; ``None`` while it is locked."""
        for _ in range(2):
            database = self._database
            try:
                with database.snapshot() as connection:
                    return question(connection)
            except sqlite3.Error as error:
                if self._closing or _locked(error):
                    log.warning("the runs cannot be read now: %s", error)
                    return None
                self._fall_back(database, error)
        return None

    # ---- the writer's thread

    def _write_on(self) -> None:
        rest = 0.0
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closing)
                self._news.wait_for(lambda: self._hurry or self._closing, timeout=rest)
                if not self._waiting:
                    if self._closing:
                        return
                    continue
                self._writing, self._waiting = self._waiting, {}
                self._taken, self._hurry = self._given, False
            began = time.monotonic()
            try:
                self._write(self._writing)
            except Exception:
                log.exception("a batch of runs is lost")
            rest = max(INTERVAL, REST * (time.monotonic() - began))
            with self._news:
                self._writing = {}
                self._done = self._taken
                self._news.notify_all()
            self._shrink()

    def _write(self, batch: Mapping[str, Change]) -> None:
        """Write a batch as a whole, to memory where the file has become unusable."""
        until = time.monotonic() + PATIENCE
        while True:
            database = self._database
            try:
                self._write_to(database, batch)
            except sqlite3.Error as error:
                self._written.forget()
                if self._database is not database:
                    continue
                if _locked(error) and time.monotonic() < until and not self._closing:
                    continue
                if database.path is None:
                    raise
                self._fall_back(database, error)
            else:
                if self._database is database:
                    return

    def _write_to(self, database: Database, batch: Mapping[str, Change]) -> None:
        now = self._clock()
        budget = self._budget if database.path is not None else min(self._budget, IN_MEMORY)
        trained = {key for key, change in batch.items() if change.recipe is not None}
        with database.transaction() as connection:
            tables.write(connection, batch, self._written, int(STATES_SHARE * budget))
            if not self._purged:
                tables.purge(connection, now)
            tables.make_room(connection, budget, trained)
        self._purged = True

    def _shrink(self) -> None:
        """Give space back, a little at a time, while nothing else waits."""
        database = self._database
        try:
            while not self._waiting and not self._closing and database.shrink():
                pass
        except sqlite3.Error as error:
            log.info("space could not be given back now: %s", error)

    def _fall_back(self, database: Database, error: sqlite3.Error) -> None:
        """From now on in memory, since this database fails."""
        with self._falling:
            if self._database is not database:
                return
            log.warning("the runs are kept in memory from now on: %s", error)
            self._database = Database(None)
            self._written.forget()
            self.problem = reason(database.path, error)
        database.close()


def _copy(change: Change) -> Change:
    """A change that later news do not reach."""
    return dataclasses.replace(
        change, keyframes=dict(change.keyframes), measured=dict(change.measured), marks=dict(change.marks)
    )


def _locked(error: sqlite3.Error) -> bool:
    """Whether another process is in the way, which passes."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _newest_first(entry: Entry) -> tuple[bool, float, str]:
    return not entry.pinned, -entry.updated, entry.key
