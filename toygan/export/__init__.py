"""What can be taken away of a run: one short module a format, entered in ``FORMATS``.

Importing this loads no format. Script, CSV and JSON need NumPy alone and take milliseconds; Parquet loads pyarrow;
figures, animation, player and notebook load matplotlib or measure the noise floor, and belong in a worker.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Literal, Protocol

from toygan.lookup import lookup
from toygan.recipe import Recipe
from toygan.record import Record


class Render(Protocol):
    """Makes a file's bytes of a record, as it was at ``step`` or as it is at its end."""

    def __call__(self, record: Record, step: int | None = None) -> bytes:
        """The bytes."""


@dataclass(frozen=True)
class Format:
    """A way to take a run away.

    ``needs`` is what it looks at: a "recipe" alone, a "moment" of the run, or its "history" up to there. ``heavy``
    tells that it takes seconds and megabytes, so that a worker should do it.
    """

    title: str
    suffix: str
    mime: str
    help: str
    render: Render
    needs: Literal["recipe", "moment", "history"] = "moment"
    heavy: bool = False


def render(record: Record, to: str, step: int | None = None) -> bytes:
    """The record in a format, by its key, at ``step`` or at its end.

    Raises ``ValueError`` with a sentence for an unknown format, and for a record that has nothing to show by then.
    """
    return lookup("format", to, FORMATS).render(record, step)


def file_name(record: Record, to: str, step: int | None = None) -> str:
    """What a file of this run is called: its name, or its method, data and seeds, and the step.

    Where anything else is not as the method and the data have it, the beginning of the recipe's key tells it apart.
    """
    from toygan.export.words import seeds_slug, slug

    entry = lookup("format", to, FORMATS)
    recipe = record.recipe
    usual = recipe == Recipe(method=recipe.method, data=recipe.data, seed=recipe.seed)
    own = "" if usual else f"-{recipe.key[:6]}"
    name = slug(record.name) or f"{recipe.method}-{recipe.data}-{seeds_slug(record.seeds)}{own}"
    last = record.keyframes[-1].step if record.keyframes else None
    shown = last if step is None else step
    at = "" if shown is None else f"-step{shown}"
    return f"toygan-{name}{at}{entry.suffix}"


def _of(module: str, function: str = "render") -> Render:
    """What ``function`` of this package's ``module`` makes; the module is loaded when that is asked for."""

    def render(record: Record, step: int | None = None) -> bytes:
        made: bytes = getattr(importlib.import_module(f"toygan.export.{module}"), function)(record, step)
        return made

    return render


_PARQUET = "application/vnd.apache.parquet"

FORMATS: dict[str, Format] = {
    "script": Format(
        title="Python script",
        suffix=".py",
        mime="text/x-python",
        help="One file of plain PyTorch that trains the run again, without toygan.",
        render=_of("script"),
        needs="recipe",
    ),
    "notebook": Format(
        title="Notebook",
        suffix=".ipynb",
        mime="application/x-ipynb+json",
        help="The script in cells, with formulas, and with the run's figures already in it.",
        render=_of("notebook"),
        needs="history",
        heavy=True,
    ),
    "csv": Format(
        title="Metrics as CSV",
        suffix=".csv",
        mime="text/csv",
        help="A row for each step shown and each seed, with every metric.",
        render=_of("tables", "metrics_csv"),
        needs="history",
    ),
    "parquet": Format(
        title="Metrics as Parquet",
        suffix=".parquet",
        mime=_PARQUET,
        help="The same table with types, and with the recipe in its metadata.",
        render=_of("parquet", "metrics_parquet"),
        needs="history",
    ),
    "samples-csv": Format(
        title="Samples as CSV",
        suffix="-samples.csv",
        mime="text/csv",
        help="The generated points of one step, and as many real ones.",
        render=_of("tables", "samples_csv"),
    ),
    "samples-parquet": Format(
        title="Samples as Parquet",
        suffix="-samples.parquet",
        mime=_PARQUET,
        help="The same points with types, and with the recipe in the metadata.",
        render=_of("parquet", "samples_parquet"),
    ),
    "json": Format(
        title="Recipe as JSON",
        suffix=".json",
        mime="application/json",
        help="The recipe, what the run came to, and versions. The command line reads it.",
        render=_of("summary"),
    ),
    "png": Format(
        title="Picture as PNG",
        suffix=".png",
        mime="image/png",
        help="Real and generated points over the critic's values.",
        render=_of("figure", "png"),
        heavy=True,
    ),
    "svg": Format(
        title="Picture as SVG",
        suffix=".svg",
        mime="image/svg+xml",
        help="The same picture as shapes, for papers and slides.",
        render=_of("figure", "svg"),
        heavy=True,
    ),
    "gif": Format(
        title="Animation as GIF",
        suffix=".gif",
        mime="image/gif",
        help="The run from its first step on, in about nine seconds.",
        render=_of("animation"),
        needs="history",
        heavy=True,
    ),
    "html": Format(
        title="Player as HTML",
        suffix=".html",
        mime="text/html",
        help="A page that plays the run and opens without a network.",
        render=_of("player"),
        needs="history",
        heavy=True,
    ),
}
