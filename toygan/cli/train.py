"""``train``: run one recipe, measure it, write what was asked for."""

from __future__ import annotations

import argparse
import functools
import io
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toygan.cli.arguments import add_recipe_arguments, check_files, check_numpy_names, recipe_of, whole_number
from toygan.cli.command import Command, complain
from toygan.cli.progress import Bar, Progress
from toygan.cli.result import measure, summary
from toygan.cli.threads import limit_threads, usual_threads
from toygan.metrics.sizes import REPORT_POINTS
from toygan.recipe import KNOBS, MAX_STEPS, Recipe
from toygan.streams import BLOCK

STEPS = 5000
MAX_THREADS = 256

#: Seconds a chunk of training should take: short enough for a lively bar, and all that Ctrl-C can lose; long enough
#: for its overhead not to count.
_CHUNK_SECONDS = 0.25

_DESCRIPTION = f"""\
Train one recipe and measure it on {REPORT_POINTS:,} fresh samples.

Fields that are not set take the preset's values, then the method's defaults, then the project's:
"list fields", "list methods" and "list presets" show them. Without --preset the method is
{KNOBS["method"].default} and the data {KNOBS["data"].default}."""

_NOTES = f"""\
One thread does the work unless --threads or OMP_NUM_THREADS says otherwise: with networks as
small as these, more threads make training slower. On the CPU the same command on the same machine
writes the same samples, byte for byte.

The JSON file holds the recipe, the step reached, the seconds training took (each update from the
first to the last; no imports, no measurement), steps per second, the metrics of the {REPORT_POINTS:,} samples
that --samples writes against the {REPORT_POINTS:,} real points that --reference writes, versions, and in
products which libraries multiplied matrices. What is not finite is null. A run that
overflows ends there: failed_at says at which step, and the metrics are those of the step before.

examples:
  python -m toygan train --method wgan-gp --data ring8-wide --steps 5000 --seed 0
  python -m toygan train --preset gan-toy-grid --steps 2000 --set batch=128 data.std=0.02
  python -m toygan train --method minimax --set interventions='[[500, {{"method": "wgan"}}]]'"""


@dataclass(frozen=True)
class _Job:
    """A training run as asked for, with everything checked that can be checked without torch."""

    recipe: Recipe
    steps: int
    threads: int | None
    samples: Path | None
    reference: Path | None
    json: Path | None


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    parser.add_argument(
        "--steps",
        metavar="N",
        default=str(STEPS),
        help=f"generator steps, 1 to {MAX_STEPS:,} (default: {STEPS:,})",
    )
    parser.add_argument("--threads", metavar="N", help="CPU threads (default: OMP_NUM_THREADS, or 1)")
    parser.add_argument(
        "--samples", metavar="FILE", type=Path, help=f"write the samples, float64 ({REPORT_POINTS}, 2), as .npy"
    )
    parser.add_argument(
        "--reference", metavar="FILE", type=Path, help="write the real points they are compared with, likewise"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write recipe, speed and metrics as JSON")


def _prepare(given: argparse.Namespace) -> Callable[[], int]:
    recipe = recipe_of(given)
    steps = whole_number("steps", given.steps, MAX_STEPS)
    threads = usual_threads() if given.threads is None else whole_number("threads", given.threads, MAX_THREADS)
    files = {name: getattr(given, name) for name in ("samples", "reference", "json")}
    flags = {f"--{name}": path for name, path in files.items() if path is not None}
    check_numpy_names({flag: path for flag, path in flags.items() if flag != "--json"})
    check_files(flags)
    return functools.partial(_train, _Job(recipe, steps, threads, **files))


def _train(job: _Job) -> int:
    bar = Bar(sys.stderr, job.steps)
    with bar.shown():
        bar.say("loading PyTorch")
        from toygan.training import choose_device

        limit_threads(job.threads)
        try:
            choose_device(job.recipe)
        except ValueError as error:
            bar.clear()
            return complain(str(error), 2)
        progress = _run(job, bar)
        bar.say(f"measuring step {progress.state.step:,}")
        result, clouds = measure(job.recipe, progress)
    failed_at = result["failed_at"]
    if failed_at is not None:
        complain(f"the numbers overflowed at step {failed_at:,}: try a smaller learning rate, or set gradient_clip.", 1)
    elif progress.interrupted:
        complain(f"stopped at step {progress.state.step:,} of {job.steps:,}; what was reached is measured.", 130)
    written = _write(job, result, clouds)
    print("\n".join(summary(job.recipe, result)))
    if failed_at is not None or not written:
        return 1
    return 130 if progress.interrupted else 0


def _run(job: _Job, bar: Bar) -> Progress:
    """Train chunk by chunk up to the last step, to Ctrl-C, or to where the numbers overflow."""
    from toygan.training import advance_to_failure, initial_state

    recipe = job.recipe
    progress = Progress(initial_state(recipe), dict.fromkeys(("critic_loss", "penalty", "generator_loss")))
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
            complain(f"{path} could not be written: {(error.strerror or str(error)).lower()}.", 1)
            written = False
    return written


def _npy(cloud: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, cloud)
    return buffer.getvalue()


COMMAND = Command(
    help="train one recipe and measure it",
    description=_DESCRIPTION,
    notes=_NOTES,
    add_arguments=_add_arguments,
    prepare=_prepare,
)
