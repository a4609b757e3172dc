"""``export``: take a run away as a script, table, picture, animation, page or notebook."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np

from toygan import export, worker
from toygan.cli.arguments import check_files, whole_number
from toygan.cli.command import Command, complain
from toygan.cli.progress import Bar, gauge
from toygan.cli.text import columns
from toygan.cli.threads import limit_threads, usual_threads
from toygan.export import FORMATS, Format
from toygan.lookup import lookup
from toygan.recipe import MAX_STEPS, Recipe
from toygan.record import Keyframe, Record, seeds_of
from toygan.streams import BLOCK

STEPS = 5000

#: Keyframes of a run that is trained here: enough for a smooth film, or for a bar that moves.
_KEYFRAMES = {"history": 100, "moment": 20}

_DESCRIPTION = """\
Take a run away. RUN is a kept run by its key, by the beginning of its key or by its name; or a
recipe's JSON file; or the end of a link, such as 'method=wgan-gp&data=grid25'. Recipes and links
are trained first, unless a script is all that is asked for."""

_NOTES = f"""\
formats:
{chr(10).join(f"  {line}" for line in columns([(key, entry.help) for key, entry in FORMATS.items()]))}

A run is shown as it is at its end, or with --step at an earlier step. A JSON file may be a recipe's
fields alone, or what "export --to json" or "train --json" wrote.

examples:
  python -m toygan export 1f6e --to html
  python -m toygan export 'method=dragan&data=grid25&seed=3' --steps 2000 --to gif -o grid.gif
  python -m toygan export out.json --to script -o train.py"""


@dataclass(frozen=True)
class _Job:
    """An export as asked for; a record without keyframes is trained for ``steps`` steps first."""

    record: Record
    steps: int
    step: int | None
    to: str
    file: Path


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="a kept run's key or name, a recipe's JSON file, or a link's end")
    parser.add_argument("--to", metavar="FORMAT", required=True, help=f"one of {', '.join(FORMATS)}")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="where to (default: a name in this folder)")
    parser.add_argument("--step", metavar="N", help="the step to show (default: the last)")
    parser.add_argument(
        "--steps",
        metavar="N",
        help=f"generator steps to train a recipe or link, 1 to {MAX_STEPS:,} (default: its own step, or {STEPS:,})",
    )


def _prepare(given: argparse.Namespace) -> Callable[[], int]:
    entry = lookup("format", given.to, FORMATS)
    record, own_steps = _find(given.run)
    if record.keyframes and given.steps is not None:
        raise ValueError("--steps is for recipes and links: choose a moment of a kept run with --step.")
    steps = whole_number("--steps", given.steps, MAX_STEPS) if given.steps else own_steps or STEPS
    reached = record.keyframes[-1].step if record.keyframes else steps
    step = None if given.step is None else _step(given.step, reached)
    if not record.keyframes and entry.needs == "recipe":
        step = reached if step is None else step
    named = export.file_name(record, given.to, reached if step is None else step)
    file = given.output or Path(named)
    check_files({"-o": file})
    return functools.partial(_export, _Job(record, steps, step, given.to, file))


def _step(text: str, reached: int) -> int:
    return 0 if text == "0" else whole_number("--step", text, reached) if reached else 0


def _export(job: _Job) -> int:
    record, status = job.record, 0
    if not record.keyframes and FORMATS[job.to].needs != "recipe":
        bar = Bar(sys.stderr)
        with bar.shown():
            try:
                record = _trained(job, FORMATS[job.to], bar)
            except ValueError as error:
                bar.clear()
                return complain(str(error), 2)
        status = _say_failure(record, job)
    try:
        data = export.render(record, job.to, job.step)
    except ValueError as error:
        return complain(str(error), 2)
    try:
        job.file.write_bytes(data)
    except OSError as error:
        return complain(f"{job.file} could not be written: {(error.strerror or str(error)).lower()}.", 1)
    print(f"{job.file}  {_size(len(data))}")
    return status


def _say_failure(record: Record, job: _Job) -> int:
    reached = record.keyframes[-1].step
    if reached == job.steps:
        return 0
    advice = "try a smaller learning rate, or set gradient_clip."
    return complain(f"the numbers overflowed at step {reached:,}: {advice}", 1)


# ---- which run


def _find(run: str) -> tuple[Record, int | None]:
    """The run, and for a recipe or link the step it names; raises ``ValueError`` with a sentence when there is none."""
    if _is_file(run):
        return _from_file(Path(run))
    if "=" in run:
        return _from_link(run)
    return _from_store(run), None


def _is_file(run: str) -> bool:
    """Whether there is such a file; raises ``ValueError`` with a sentence where one may not look."""
    try:
        return Path(run).is_file()
    except PermissionError as error:
        raise ValueError(f"{run} cannot be read: permission denied.") from error
    except OSError:
        # Links may be longer than any file's name.
        return False


def _from_file(path: Path) -> tuple[Record, int | None]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} holds no JSON: name a file that holds a recipe.") from error
    if isinstance(values, Mapping) and "runs" in values:
        raise ValueError(
            f'{path} holds a comparison: copy the "recipe" of one of its "runs" to a file of its own, and name that.'
        )
    if not isinstance(values, Mapping) or not isinstance(values.get("recipe"), Mapping):
        return Record(Recipe.from_json(values)), None
    replicates, steps, name = (values.get(field) for field in ("replicates", "steps", "name"))
    replicates = replicates if isinstance(replicates, int) else 1
    recipe = Recipe.from_json(values["recipe"])
    seeds_of(recipe, replicates)
    known = steps if isinstance(steps, int) and 0 < steps <= MAX_STEPS else None
    return Record(recipe, replicates, name=name if isinstance(name, str) else ""), known


def _from_link(run: str) -> tuple[Record, int | None]:
    query = dict(parse_qsl(run.rpartition("?")[2], keep_blank_values=True))
    step = query.pop("step", "0")
    known = whole_number("the link's step", step, MAX_STEPS) if step != "0" else None
    return Record(Recipe.from_query(query)), known


def _from_store(run: str) -> Record:
    from toygan.store import open_store, store_path

    unknown = f"unknown run {run!r}: name a kept run, a recipe's file, or the end of a link."
    try:
        path = store_path()
    except RuntimeError:
        path = None
    # Looking for a run makes no store where there is none.
    if path is None or not path.exists():
        raise ValueError(unknown)
    store = open_store()
    try:
        key = _key(run, {entry.key: entry.name for entry in store.runs(limit=sys.maxsize).entries})
        found = None if key is None else store.load(key)
    finally:
        store.close()
    if found is None:
        raise ValueError(unknown)
    return found


def _key(run: str, names: Mapping[str, str]) -> str | None:
    """The key, of those in ``names``, of the run that is meant: its whole key, its name, or how its key begins."""
    if run in names:
        return run
    for kind, found in (
        ("are called", [key for key, name in names.items() if name and name.casefold() == run.casefold()]),
        ("have keys that begin with", [key for key in names if run and key.startswith(run)]),
    ):
        if len(found) > 1:
            raise ValueError(f"{len(found)} runs {kind} {run!r}: name one by its key, {', '.join(found[:5])}.")
        if found:
            return found[0]
    return None


# ---- training what is not kept


@np.errstate(all="ignore")
def _trained(job: _Job, entry: Format, bar: Bar) -> Record:
    """The record with its keyframes; where the numbers overflow it ends. Raises ``ValueError`` without the device."""
    bar.say("loading PyTorch")
    limit_threads(usual_threads())
    recipe, replicates = job.record.recipe, job.record.replicates
    chunk = worker.start(recipe, replicates)
    keyframes = [_keyframe(chunk, 0.0)]
    for step in _steps(job, entry):
        if chunk.failed:
            break
        chunk = worker.chunk(recipe, chunk.state, step - chunk.state.step)
        keyframes.append(_keyframe(chunk, keyframes[-1].seconds))
        bar.say(gauge(chunk.state.step, job.steps))
    last = chunk.state
    return replace(job.record, keyframes=tuple(keyframes), states={last.step: last})


def _steps(job: _Job, entry: Format) -> list[int]:
    """Where to look at the run: evenly, at its end, and at the step that is asked for."""
    stride = -(-job.steps // _KEYFRAMES.get(entry.needs, 1))
    if stride > BLOCK:
        stride = -(-stride // BLOCK) * BLOCK
    asked = [] if not job.step else [job.step]
    return sorted({*range(stride, job.steps, stride), *asked, job.steps})


def _keyframe(chunk: worker.Chunk, before: float) -> Keyframe:
    return Keyframe(chunk.state.step, chunk.keyframe, chunk.lanes, chunk.histogram, before + chunk.seconds)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


COMMAND = Command(
    help="take a run away as a script, table, picture, animation, page or notebook",
    description=_DESCRIPTION,
    notes=_NOTES,
    add_arguments=_add_arguments,
    prepare=_prepare,
)
