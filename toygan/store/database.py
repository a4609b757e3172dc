"""The file itself: opening it, bringing it up to date, and saying in a sentence why it cannot be used.

A file is written and read through two connections, so that reading does not wait for a batch (SQLite's write-ahead
log). In memory both are one. A file that cannot be used is left as it is.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

#: Marks a file as toygan's: "toyg".
APPLICATION = 0x746F7967

#: Seconds to wait for another process that is writing.
BUSY = 5.0

#: Bytes of a page of the file: a keyframe takes two.
_PAGE = 8192

#: Bytes given back to the file system at a time, bytes nobody uses that stay for the next batch, which replaces states
#: and frees as much again, and bytes of the log that stay for it.
_SLICE, _SPARE, _LOG = 8_000_000, 2_000_000, 16_000_000

#: What brings a file from each version to the next; a new file goes through all of them. Append, never edit.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE runs (
            id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, family TEXT NOT NULL, recipe TEXT NOT NULL,
            replicates INTEGER NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, name TEXT NOT NULL,
            pinned INTEGER NOT NULL, failed INTEGER NOT NULL, deleted REAL, bytes INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        "CREATE INDEX runs_family ON runs (family)",
        """
        CREATE TABLE keyframes (
            run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, step INTEGER NOT NULL, seconds REAL NOT NULL,
            lanes TEXT NOT NULL, histogram TEXT NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL,
            PRIMARY KEY (run, step)
        ) STRICT
        """,
        """
        CREATE TABLE states (
            run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, step INTEGER NOT NULL, checksum INTEGER NOT NULL,
            data BLOB NOT NULL, PRIMARY KEY (run, step)
        ) STRICT
        """,
        """
        CREATE TABLE measured (
            run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE, step INTEGER NOT NULL, lanes TEXT NOT NULL,
            PRIMARY KEY (run, step)
        ) STRICT
        """,
    ),
)

_MEANWHILE = "Runs are kept only until the app stops."


class Unusable(Exception):
    """Raised with a sentence for the reader when a file cannot hold the runs."""


class Gone(sqlite3.OperationalError):
    """Raised when the file that was opened is no longer at its path."""


class Database:
    """Two connections to one file, or one to memory; raises ``Unusable``."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._reading_lock = threading.RLock()
        self._writing_lock = self._reading_lock if path is None else threading.RLock()
        self._writer = _opened(path)
        self._reader = self._writer if path is None else connect(path)
        self._file = _identity(path)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written inside becomes true at once, or nothing of it; raises ``Gone`` without the file."""
        with self._writing_lock:
            if _identity(self.path) != self._file:
                raise Gone("the file is not there any more")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                _roll_back(self._writer)
                raise

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """What is read inside belongs together."""
        with self._reading_lock:
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                _roll_back(self._reader)

    def shrink(self) -> bool:
        """Give some of the space that nothing uses back to the file system; says whether there may be more."""
        with self._writing_lock:
            (unused,) = self._writer.execute("PRAGMA freelist_count").fetchone()
            pages = min(unused - _SPARE // _PAGE, _SLICE // _PAGE)
            if pages > 0:
                self._writer.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
            (after,) = self._writer.execute("PRAGMA freelist_count").fetchone()
            return bool(_SPARE // _PAGE < after < unused)

    def close(self) -> None:
        """Close the file; what was written is complete without this too."""
        with self._reading_lock, self._writing_lock:
            for connection in {self._reader, self._writer}:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Which file is at this path: SQLite would go on writing into one that was deleted."""
    try:
        found = None if path is None else path.stat()
    except OSError:
        return None
    return found and (found.st_dev, found.st_ino)


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection on which transactions begin and end as told."""
    name = ":memory:" if path is None else str(path)
    connection = sqlite3.connect(name, timeout=BUSY, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {_LOG}")
    return connection


def reason(path: Path | None, error: BaseException) -> str:
    """Why the runs cannot be kept there, and what to do, as a sentence or two."""
    name = "The list of runs" if path is None else str(path)
    if isinstance(error, Gone):
        return f"{name} was moved or deleted. Start the app again to begin a new one. {_MEANWHILE}"
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    sentences = {
        sqlite3.SQLITE_CORRUPT: f"{name} is damaged and was left as it is. Move it away to begin a new one.",
        sqlite3.SQLITE_NOTADB: f"{name} is damaged or no list of runs, and was left as it is. Move it away to begin "
        "a new one.",
        sqlite3.SQLITE_FULL: f"There is no room left for {name}. Free some of the disk, then start the app again.",
        sqlite3.SQLITE_READONLY: f"{name} cannot be written to. Allow that, then start the app again.",
        sqlite3.SQLITE_BUSY: f"Another program keeps {name} locked. Close it, then start the app again.",
        sqlite3.SQLITE_CANTOPEN: f"{name} cannot be opened. Set TOYGAN_STORE to a file in a folder that can be written "
        "to.",
    }
    text = sentences.get(code, f"{name} cannot be used ({error}). Mend that, then start the app again.")
    return f"{text} {_MEANWHILE}"


def _opened(path: Path | None) -> sqlite3.Connection:
    connection = None
    try:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(path)
        _bring_up_to_date(path, connection)
    except (OSError, ValueError, sqlite3.Error, Unusable) as error:
        if connection is not None:
            _roll_back(connection)
            connection.close()
        raise error if isinstance(error, Unusable) else Unusable(reason(path, error)) from error
    return connection


def _bring_up_to_date(path: Path | None, connection: sqlite3.Connection) -> None:
    """Create or migrate; a file that is up to date is not written to, but must allow it."""
    if not _check(path, connection):
        # These count only while the file is empty.
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if path is not None:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    version = _check(path, connection)  # again, since another process may have been faster
    if version:
        # Damage of the list itself shows here, before anything is written.
        connection.execute("SELECT * FROM runs").fetchall()
    for statement in (statement for step in STEPS[version:] for statement in step):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    # Trying is the way to learn whether the file can be written to.
    connection.execute("COMMIT" if version < len(STEPS) else "ROLLBACK")


def _check(path: Path | None, connection: sqlite3.Connection) -> int:
    """The file's version; raises ``Unusable`` for a newer one and for somebody else's file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if (tables or version) and application != APPLICATION:
        raise Unusable(f"{path} belongs to another program. Set TOYGAN_STORE to another path. {_MEANWHILE}")
    if version > len(STEPS):
        raise Unusable(f"{path} comes from a newer version of toygan. Update toygan to see its runs. {_MEANWHILE}")
    return int(version)


def _roll_back(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
