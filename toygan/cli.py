"""The command line: ``train`` runs one recipe and measures it, ``list`` says what there is to choose from.

torch is imported once the arguments are known to be valid, so that lists and errors come at once. Exit status: 0, or
1 when the run overflowed or a file could not be written, 2 for arguments that make no sense, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import math
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import numpy as np

import toygan
from toygan.distributions import DISTRIBUTIONS
from toygan.lookup import lookup
from toygan.methods import METHODS
from toygan.presets import PRESETS, find_preset
from toygan.recipe import KNOBS, MAX_STEPS, Recipe
from toygan.streams import BLOCK

if TYPE_CHECKING:
    from toygan.state import State

STEPS = 5000
MAX_THREADS = 256

#: Seconds a chunk of training should take: short enough for a lively bar, and all that Ctrl-C can lose; long enough
#: for its overhead not to count.
_CHUNK_SECONDS = 0.25


_TRAIN_HELP = f"""\
Train one recipe and measure it on 2,500 fresh samples.

Fields that are not set take the preset's values, then the method's defaults, then the project's:
"list fields", "list methods" and "list presets" show them. Without --preset the method is
{KNOBS["method"].default} and the data {KNOBS["data"].default}."""

_TRAIN_NOTES = """\
One thread does the work unless --threads or OMP_NUM_THREADS says otherwise: with networks as
small as these, more threads make training slower. On the CPU the same command on the same machine
writes the same samples, byte for byte.

The JSON file holds the recipe, the step reached, the seconds training took (each update from the
first to the last; no imports, no measurement), steps per second, the metrics of the 2,500 samples
that --samples writes against the 2,500 real points that --reference writes, and versions. What
is not finite is null. A run that overflows ends there: failed_at says at which step, and the
metrics are those of the step before.

examples:
  python -m toygan train --method wgan-gp --data ring8-wide --steps 5000 --seed 0
  python -m toygan train --preset gan-toy-grid --steps 2000 --set batch=128 data.std=0.02
  python -m toygan train --method minimax --set interventions='[[500, {"method": "wgan"}]]'"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    Everything wrong with the arguments ends in status 2 and one sentence on stderr. ``--help`` raises
    ``SystemExit(0)``, as argparse does.
    """
    try:
        given = _parser().parse_args(arguments)
        job: Callable[[], int] = given.prepare(given)
    except ValueError as error:
        return _complain(str(error), 2)
    try:
        return job()
    except KeyboardInterrupt:
        return _complain("stopped; nothing was written.", 130)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are sentences without the usage in front."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m toygan",
        description="Train small GANs on two-dimensional toy distributions.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"toygan {toygan.__version__}")
    parser.set_defaults(prepare=_no_command)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")

    train = commands.add_parser(
        "train",
        help="train one recipe and measure it",
        description=_TRAIN_HELP,
        epilog=_TRAIN_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    train.set_defaults(prepare=_prepare_training)
    train.add_argument(
        "--preset", metavar="KEY", help="start from a preset; what else is given overrides it, field by field"
    )
    train.add_argument("--method", metavar="KEY", help='how to train: see "list methods"')
    train.add_argument("--data", metavar="KEY", help='what to learn: see "list data"')
    train.add_argument(
        "--steps",
        metavar="N",
        default=str(STEPS),
        help=f"generator steps, 1 to {MAX_STEPS:,} (default: {STEPS:,})",
    )
    train.add_argument("--seed", metavar="S", help=f"fixes all random numbers (default: {KNOBS['seed'].default})")
    train.add_argument(
        "--set",
        metavar="FIELD=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help='set recipe fields, the data\'s own as data.NAME: see "list fields" and "list data"',
    )
    train.add_argument("--device", metavar="D", help=KNOBS["device"].range_text())
    train.add_argument("--threads", metavar="N", help="CPU threads (default: OMP_NUM_THREADS, or 1)")
    train.add_argument("--samples", metavar="FILE", type=Path, help="write the samples, float64 (2500, 2), as .npy")
    train.add_argument(
        "--reference", metavar="FILE", type=Path, help="write the real points they are compared with, likewise"
    )
    train.add_argument("--json", metavar="FILE", type=Path, help="write recipe, speed and metrics as JSON")

    lists = commands.add_parser(
        "list",
        help="show what there is to choose from",
        description="Show what there is to choose from, one entry a line, with details indented below it.",
        allow_abbrev=False,
    )
    lists.set_defaults(prepare=_prepare_list)
    lists.add_argument("what", nargs="?", metavar="WHAT", help=f"one of {', '.join(_LISTS)} (default: all)")
    return parser


def _no_command(given: argparse.Namespace) -> NoReturn:
    raise ValueError("name a command: train or list; see python -m toygan --help")


def _complain(sentence: str, status: int) -> int:
    print(f"toygan: {sentence}", file=sys.stderr)
    return status


# ---- list


def _prepare_list(given: argparse.Namespace) -> Callable[[], int]:
    chosen = _LISTS if given.what is None else {given.what: lookup("list", given.what, _LISTS)}

    def show() -> int:
        for number, (name, lines) in enumerate(chosen.items()):
            if given.what is None:
                print(f"{chr(10) if number else ''}{name}:\n")
            print("\n".join(lines()))
        return 0

    return show


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned lines; the last column is not padded."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _settings(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_text(value)}" for name, value in values.items()) or "nothing"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _method_lines() -> Iterator[str]:
    heads = _columns([(key, method.title, method.paper) for key, method in METHODS.items()])
    for head, method in zip(heads, METHODS.values(), strict=True):
        yield from (head, f"    {method.summary}", f"    sets {_settings(method.defaults)}")


def _data_lines() -> Iterator[str]:
    heads = _columns([(key, f"{family.title}: {family.description}") for key, family in DISTRIBUTIONS.items()])
    for head, family in zip(heads, DISTRIBUTIONS.values(), strict=True):
        yield head
        for name, parameter in family.parameters.items():
            yield (
                f"    data.{name}={_text(parameter.default)}, {parameter.low:g} to {parameter.high:g} "
                f"{parameter.unit}. {parameter.help}"
            )


def _preset_lines() -> Iterator[str]:
    heads = _columns([(key, preset.title, preset.source) for key, preset in PRESETS.items()])
    for head, (key, preset) in zip(heads, PRESETS.items(), strict=True):
        yield from (head, f"    {preset.note}", f"    sets {_settings(_preset_settings(key))}")


def _field_lines() -> Iterator[str]:
    rows = [
        (name, f"{_text(knob.default)}, {knob.range_text()} {knob.unit}".rstrip(), knob.help)
        for name, knob in KNOBS.items()
    ]
    rows += [
        ("data.NAME", 'what "list data" says', "A parameter of the data."),
        ("interventions", "[], JSON: [[step, {field: value, ...}], ...]", "Change these fields at these steps."),
    ]
    heads = _columns([row[:2] for row in rows])
    for head, (_, _, help) in zip(heads, rows, strict=True):
        yield from (head, f"    {help}")


_LISTS: dict[str, Callable[[], Iterator[str]]] = {
    "methods": _method_lines,
    "data": _data_lines,
    "presets": _preset_lines,
    "fields": _field_lines,
}


# ---- train: what was asked for


@dataclass(frozen=True)
class _Job:
    """A training run as asked for, with everything checked that can be checked without torch."""

    recipe: Recipe
    steps: int
    threads: int | None
    samples: Path | None
    reference: Path | None
    json: Path | None


def _prepare_training(given: argparse.Namespace) -> Callable[[], int]:
    recipe = Recipe.from_query(_merged(given))
    steps = _whole_number("steps", given.steps, MAX_STEPS)
    if given.threads is not None:
        threads: int | None = _whole_number("threads", given.threads, MAX_THREADS)
    else:
        # What OMP_NUM_THREADS says is torch's own default.
        threads = None if os.environ.get("OMP_NUM_THREADS") else 1
    files = {name: getattr(given, name) for name in ("samples", "reference", "json")}
    _check_files({f"--{name}": path for name, path in files.items() if path is not None})
    return functools.partial(_train, _Job(recipe, steps, threads, **files))


def _merged(given: argparse.Namespace) -> dict[str, str]:
    """What flags and --set say, over the preset; a field may be given once."""
    settings: dict[str, str] = {}
    flags = {name: getattr(given, name) for name in ("method", "data", "seed", "device")}
    pairs = [(f"--{name}", name, value) for name, value in flags.items() if value is not None]
    for text in given.set:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"--set needs FIELD=VALUE, such as batch=128, not {text!r}.")
        pairs.append((f"--set {text}", name, value))
    for origin, name, value in pairs:
        if name in settings:
            raise ValueError(f"{origin} sets {name} a second time: give each field once.")
        settings[name] = value
    if given.preset is None:
        return settings
    preset = _preset_settings(given.preset)
    if settings.get("data", preset.get("data")) != preset.get("data"):
        # The preset's numbers describe its own distribution.
        preset = {name: value for name, value in preset.items() if not name.startswith("data.")}
    return {**preset, **settings}


def _preset_settings(key: str) -> dict[str, str]:
    fields = dict(find_preset(key).fields)
    parameters = fields.pop("data_parameters", {})
    fields.update({f"data.{name}": value for name, value in parameters.items()})
    return {name: _text(value) for name, value in fields.items()}


def _whole_number(name: str, text: str, most: int) -> int:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 1 <= number <= most or number != int(number):
        raise ValueError(f"{name} must be a whole number from 1 to {most:,}, not {text}.")
    return int(number)


def _check_files(files: Mapping[str, Path]) -> None:
    """Raise ``ValueError`` for a file that could not be written; nothing is changed or left behind."""
    taken: dict[Path, str] = {}
    for flag, path in files.items():
        try:
            there = path.exists()
            with path.open("ab"):
                pass
            if not there:
                path.unlink()
            place = path.resolve()
        except OSError as error:
            raise ValueError(f"{flag} {path} cannot be written: {(error.strerror or str(error)).lower()}.") from error
        if place in taken:
            raise ValueError(f"{flag} and {taken[place]} name the same file, {path}.")
        # Several may go to what is no file, such as /dev/null.
        if not there or path.is_file():
            taken[place] = flag


# ---- train: doing it


@dataclass
class _Progress:
    """How far a run has come: its state, the losses of the last step, and the time that training alone took.

    ``seconds`` covers ``steps`` whole iterations from the first on, with the random numbers they draw and the first
    call's warm-up; it covers no import and no measurement.
    """

    state: State
    losses: dict[str, float | None]
    steps: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def steps_per_second(self) -> float | None:
        return self.steps / self.seconds if self.seconds else None


def _train(job: _Job) -> int:
    bar = _Bar(sys.stderr, job)
    with bar.shown():
        bar.say("loading PyTorch")
        import torch

        from toygan.training import choose_device

        if job.threads is not None:
            torch.set_num_threads(job.threads)
        try:
            choose_device(job.recipe)
        except ValueError as error:
            bar.clear()
            return _complain(str(error), 2)
        progress = _run(job, bar)
        bar.say(f"measuring step {progress.state.step:,}")
        result, clouds = _measure(job, progress)
    failed_at = result["failed_at"]
    if failed_at is not None:
        _complain(
            f"the numbers overflowed at step {failed_at:,}: try a smaller learning rate, or set gradient_clip.", 1
        )
    elif progress.interrupted:
        _complain(f"stopped at step {progress.state.step:,} of {job.steps:,}; what was reached is measured.", 130)
    written = _write(job, result, clouds)
    print("\n".join(_summary(job, result)))
    if failed_at is not None or not written:
        return 1
    return 130 if progress.interrupted else 0


def _run(job: _Job, bar: _Bar) -> _Progress:
    """Train chunk by chunk up to the last step, to Ctrl-C, or to where the numbers overflow."""
    from toygan.training import advance_to_failure, initial_state

    recipe = job.recipe
    progress = _Progress(initial_state(recipe), dict.fromkeys(("critic_loss", "penalty", "generator_loss")))
    chunk = BLOCK
    try:
        while progress.state.step < job.steps:
            before = progress.state
            steps = min(chunk, job.steps - before.step)
            began = time.perf_counter()
            progress.state, trace = advance_to_failure(recipe, before, steps)
            seconds = time.perf_counter() - began
            progress.steps += progress.state.step - before.step
            progress.seconds += seconds
            if len(trace.critic_loss):
                progress.losses = {name: float(getattr(trace, name)[-1, 0]) for name in progress.losses}
            if progress.state.failed_at[0] >= 0:
                break
            chunk = _next_chunk(steps, seconds)
            bar.update(progress)
    except KeyboardInterrupt:
        progress.interrupted = True
    return progress


def _next_chunk(steps: int, seconds: float) -> int:
    """Steps that should take ``_CHUNK_SECONDS``, at most four times as many as before."""
    each = max(seconds / steps, 1e-9)
    fitting = min(4 * steps, int(_CHUNK_SECONDS / each))
    if fitting < BLOCK and BLOCK * each > 4 * _CHUNK_SECONDS:
        return max(1, fitting)
    return max(1, fitting // BLOCK) * BLOCK


def _measure(job: _Job, progress: _Progress) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The JSON object of a run, and the two clouds its metrics are of."""
    import torch

    from toygan.observe import REPORT_POINTS, report
    from toygan.streams import Purpose

    recipe, state = job.recipe, progress.state
    with np.errstate(all="ignore"):
        metrics = report(recipe, state)
    clouds = {name: metrics.pop(name) for name in ("samples", "real")}
    failed_at = int(state.failed_at[0])
    result = {
        "recipe": recipe.to_json(),
        "steps": state.step,
        "seconds": progress.seconds,
        "steps_per_second": progress.steps_per_second,
        "failed_at": None if failed_at < 0 else failed_at,
        "metrics": {name: _finite(value) for name, value in {**metrics, **progress.losses}.items()},
        "versions": {
            "toygan": toygan.__version__,
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "evaluation": {
            "points": REPORT_POINTS,
            "reference": f"{REPORT_POINTS:,} independent draws from the recipe's distribution, with NumPy's Philox "
            f"generator at key [seed, {int(Purpose.EVALUATION_DATA)}], a stream that training never uses",
        },
    }
    return result, clouds


def _finite(value: float | int | None) -> float | int | None:
    return value if value is not None and math.isfinite(value) else None


def _write(job: _Job, result: Mapping[str, Any], clouds: Mapping[str, np.ndarray]) -> bool:
    """Write the files asked for; says which one could not be and goes on with the others."""
    contents = [
        (job.samples, lambda: _npy(clouds["samples"])),
        (job.reference, lambda: _npy(clouds["real"])),
        (job.json, lambda: (json.dumps(result, indent=2, allow_nan=False) + "\n").encode()),
    ]
    written = True
    for path, content in contents:
        if path is None:
            continue
        try:
            path.write_bytes(content())
        except OSError as error:
            _complain(f"{path} could not be written: {(error.strerror or str(error)).lower()}.", 1)
            written = False
    return written


def _npy(cloud: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, cloud)
    return buffer.getvalue()


# ---- train: telling it


def _summary(job: _Job, result: Mapping[str, Any]) -> list[str]:
    """The run in short: a number a line, beside what it should be compared with."""
    from toygan.metrics import perfect_shares

    recipe, metrics = job.recipe, result["metrics"]
    perfect = perfect_shares(recipe.distribution)
    total = metrics["modes_total"]
    rate = result["steps_per_second"]
    rows = [
        ("recipe", f"{recipe.method} on {recipe.data}, seed {recipe.seed}", ""),
        ("steps", f"{result['steps']:,}", "" if rate is None else f"{_digits(rate)} a second"),
        ("W1", _digits(metrics["w1"]), f"floor {_digits(metrics['w1_floor'])} +- {_digits(metrics['w1_floor_std'])}"),
        ("W2", _digits(metrics["w2"]), ""),
        (perfect.kind, f"{metrics['modes']} of {total}", "with a high-quality sample"),
        ("", f"{metrics['modes_by_share']} of {total}", "with a quarter of their share"),
        ("high quality", _percent(metrics["high_quality"]), f"perfect: {_percent(perfect.high_quality)}"),
        ("reverse KL", _digits(metrics["reverse_kl"]), "nats"),
        ("critic's W1", _digits(metrics["critic_estimate"]), "its gap over its largest slope"),
        ("critic loss", _digits(metrics["critic_loss"]), ""),
        ("generator loss", _digits(metrics["generator_loss"]), ""),
    ]
    return _columns(rows)


def _digits(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"


class _Bar:
    """One line on a terminal that says how far training is; silent elsewhere."""

    def __init__(self, stream: TextIO, job: _Job) -> None:
        self._stream = stream
        self._job = job
        self._live = stream.isatty()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Clear the line at the end, whatever ends it."""
        try:
            yield
        finally:
            self.clear()

    def update(self, progress: _Progress) -> None:
        """Show the step, the rate, the time left and the losses."""
        step, steps = progress.state.step, self._job.steps
        rate = progress.steps_per_second or 0.0
        left = _clock((steps - step) / rate) if rate else "?"
        done = round(20 * step / steps)
        losses = [_digits(progress.losses[name]) for name in ("critic_loss", "generator_loss")]
        self.say(
            f"[{'=' * done}{' ' * (20 - done)}] {step:,}/{steps:,}  {_digits(rate)} steps/s  {left} left  "
            f"losses {losses[0]} critic, {losses[1]} generator"
        )

    def say(self, text: str) -> None:
        """Replace the line."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r" + text[:width].ljust(width))
            self._stream.flush()

    def clear(self) -> None:
        """Leave an empty line with the cursor at its start."""
        if self._live:
            self.say("")
            self._stream.write("\r")
            self._stream.flush()


def _clock(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
