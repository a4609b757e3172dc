"""What the benchmarks write: Markdown tables, put between markers into a page, with a note of the machine."""

from __future__ import annotations

import importlib
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import toygan


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def machine(*libraries: str) -> str:
    """One line: processor, cores, and the versions of what ran."""
    versions = [f"{name} {importlib.import_module(name).__version__}" for name in ("numpy", *libraries)]
    parts = [_processor(), f"{os.cpu_count()} cores", platform.system(), f"Python {platform.python_version()}"]
    return ", ".join([*parts, *versions, f"toygan {toygan.__version__}"])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    known = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "model name" not in known:
        return platform.processor() or platform.machine()
    # A maker's name alone tells generations apart that differ by half in speed.
    kind = [f"{name.removeprefix('cpu ')} {known[name]}" for name in ("cpu family", "model") if name in known]
    return f"{known['model name']} ({', '.join(kind)})" if kind else known["model name"]


def one_core() -> None:
    """Keep this process on one core, so that no contender gets more than another; not every system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def write(page: Path, part: str, text: str) -> None:
    """Replace what stands between ``<!-- measured: part -->`` and ``<!-- end measured -->`` in ``page``.

    Raises ``ValueError`` when the page has no such place.
    """
    start, end = f"<!-- measured: {part} -->\n", "<!-- end measured -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(start)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{page} has no part {start.strip()} ... {end}.")
    page.write_text(f"{before}{start}{text}\n{end}{after}", encoding="utf-8")
