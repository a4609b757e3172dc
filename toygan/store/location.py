"""Where the runs are kept, from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from toygan.store.store import DEFAULT_BUDGET, Store

#: Values of TOYGAN_STORE that keep nothing beyond the app's end.
_IN_MEMORY = ("off", "memory")

_WINDOWS = os.name == "nt"


def store_path() -> Path | None:
    """The file that TOYGAN_STORE names, else one in the user's data folder; ``None`` for in memory.

    Raises ``RuntimeError`` where the user has no home.
    """
    wanted = os.environ.get("TOYGAN_STORE", "").strip()
    if wanted.lower() in _IN_MEMORY:
        return None
    if wanted:
        return Path(wanted).expanduser()
    folder = os.environ.get("LOCALAPPDATA" if _WINDOWS else "XDG_DATA_HOME")
    home = ("AppData", "Local") if _WINDOWS else (".local", "share")
    return (Path(folder) if folder else Path.home().joinpath(*home)) / "toygan" / "runs.sqlite"


def open_store() -> Store:
    """The store that the environment asks for; what cannot be followed is a sentence in its ``problem``."""
    budget, problem = _budget()
    try:
        path = store_path()
    except RuntimeError:
        path = None
        problem.append("This user has no home folder. Set TOYGAN_STORE to a path to keep runs beyond the app's end.")
    store = Store(path, budget)
    store.problem = " ".join([*problem, *([store.problem] if store.problem else [])]) or None
    return store


def _budget() -> tuple[int, list[str]]:
    """Bytes that TOYGAN_STORE_MB allows, and a sentence when it cannot be read."""
    text = os.environ.get("TOYGAN_STORE_MB", "").strip()
    if not text:
        return DEFAULT_BUDGET, []
    if text.isascii() and text.isdigit() and len(text) < 8 and 0 < int(text) <= 1_000_000:
        return int(text) * 1_000_000, []
    usual = DEFAULT_BUDGET // 1_000_000
    return DEFAULT_BUDGET, [
        f"TOYGAN_STORE_MB must be a whole number from 1 to 1,000,000, not {text[:20]!r}: {usual} is used."
    ]
