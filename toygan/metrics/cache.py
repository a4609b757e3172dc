"""Noise floors that took a while, kept between processes in one small file; losing it costs nothing but time."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

#: Floors the file keeps, the newest: about a hundred bytes each.
ENTRIES = 500

#: Part of the file's name: a change of what a distance is must change it.
_VERSION = 1


def recall(name: str) -> tuple[float, float] | None:
    """Mean and std of the floor called ``name``, or ``None`` when it is not kept."""
    return _read().get(name)


def keep(name: str, mean: float, std: float) -> None:
    """Add a floor to the file, as far as that can be written; of two processes at the same time the later one wins."""
    entries = {**_read(), name: (mean, std)}
    text = json.dumps(dict(list(entries.items())[-ENTRIES:]))
    with contextlib.suppress(OSError, RuntimeError):
        path = _path()
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)  # who reads meanwhile sees the old file or the new one
        finally:
            draft.unlink(missing_ok=True)


def _path() -> Path:
    """Raises ``RuntimeError`` where the user has no home."""
    folder = os.environ.get("XDG_CACHE_HOME")
    return (Path(folder) if folder else Path.home() / ".cache") / "toygan" / f"floors-{_VERSION}.json"


def _read() -> dict[str, tuple[float, float]]:
    """What the file holds; nothing where it cannot be read or somebody else wrote it."""
    try:
        entries = json.loads(_path().read_text(encoding="utf-8"))
        return {name: (float(mean), float(std)) for name, (mean, std) in entries.items()}
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError):
        return {}
