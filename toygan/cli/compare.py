"""``compare``: train several recipes on the same seeds, measure them, and say which differences are more than luck."""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toygan import worker
from toygan.cli.arguments import check_files, recipe_of, whole_number
from toygan.cli.command import Command, complain
from toygan.cli.progress import Bar, gauge, time_left
from toygan.cli.text import columns, digits, percent, setting
from toygan.cli.threads import limit_threads
from toygan.clocks import CLOCKS, step_at_updates
from toygan.lookup import lookup
from toygan.methods import METHODS, find_method
from toygan.metrics import perfect_shares
from toygan.metrics.sizes import REPORT_POINTS
from toygan.pool import InlineExecutor, worker_processes
from toygan.ranking import Contender, Ranking, rank
from toygan.recipe import KNOBS, MAX_STEPS, Recipe
from toygan.record import MAX_REPLICATES, Keyframe
from toygan.state import State
from toygan.statistics import Estimate
from toygan.streams import BLOCK
from toygan.versions import versions

STEPS = 5000
SEEDS = "0:8"
MAX_RUNS = 16
MAX_SECONDS = 86_400
MAX_WORKERS = 256

#: Generator steps between two looks at a run, and the part of the steps so far if that is more: the same looks for all
#: runs, however long they are.
_LOOK, _LOOK_SHARE = 48, 0.01

#: Fields that cannot be varied, and why not.
_FIXED = {
    "method": "name several methods with --methods",
    "seed": "choose seeds with --seeds",
    "data": "distances to different data cannot be compared",
    "interventions": "their values have commas of their own",
}

#: What a clock counts.
_UNITS = {"steps": "generator steps", "updates": "critic updates", "seconds": "seconds of training"}

_DESCRIPTION = f"""\
Train several methods, or one method with several values of a field, on the same seeds, and compare
them on {REPORT_POINTS:,} fresh samples a seed.

Fields that are not set take the preset's values, then each method's own defaults, then the
project's. Of --methods and --vary give one, or --vary with a single method."""

_NOTES = f"""\
Runs are ranked by their mean W1; one that overflowed on some seeds comes after those that did not.
In brackets are 95 % intervals: of means from a bootstrap over the seeds, of times to all modes
between two of the seeds' own. With two to four seeds they cover less, 50 to 88 %.

Two runs differ beyond noise if an exact sign-flip test on their differences, seed by seed, says so.
All such verdicts of a comparison together are wrong at most 5 times in 100 (Holm's correction). Two
runs need 6 seeds for that, three need 7, four need 8, six need 10.

--by updates counts critic updates, so that a run with 5 critic steps makes a fifth of the generator
steps; --by seconds counts each run's own training time, on whatever else this machine is doing.
Time to all modes is when a look at 600 samples first shows them. There is a look every {_LOOK} steps,
beyond {_LOOK / _LOOK_SHARE:,.0f} steps every hundredth of them. All seeds of a run train together, and times are
those of all. Except for times, the same command on the same machine writes the same numbers.

The JSON file holds recipes, seeds, every seed's metrics, the table, the verdicts and versions, the
CSV file the table. What is not known or not finite is null.

examples:
  python -m toygan compare --methods gan,wgan,wgan-gp,dragan --data ring8-wide --steps 2000
  python -m toygan compare --methods wgan-gp --vary penalty_weight=0.01,0.1,1 --seeds 0:7
  python -m toygan compare --methods gan,wgan-gp --by seconds --steps 30 --csv table.csv"""


# ---- what is asked for


@dataclass(frozen=True)
class _Job:
    """A comparison as asked for, with everything checked that can be checked without torch.

    ``recipes`` are by the runs' names, with the first seed; ``amount`` is what each run does of the clock's unit.
    """

    recipes: Mapping[str, Recipe]
    seeds: tuple[int, ...]
    clock: str
    amount: float
    workers: int | None
    json: Path | None
    csv: Path | None


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--methods", metavar="A,B,...", help='what to compare, by key or label: see "list methods"')
    parser.add_argument("--vary", metavar="FIELD=V,W,...", help="compare one method with several values of a field")
    parser.add_argument("--data", metavar="NAME", help='what to learn: see "list data"')
    parser.add_argument(
        "--seeds",
        metavar="S",
        default=SEEDS,
        help=f"0:8 for 0 to 7, 3 for that one alone, or 0,2,5; at most {MAX_REPLICATES} (default: {SEEDS})",
    )
    parser.add_argument(
        "--steps", metavar="N", default=str(STEPS), help=f"how much each run trains, see --by (default: {STEPS:,})"
    )
    parser.add_argument(
        "--by", metavar="CLOCK", default="steps", help=f"what --steps counts: {', '.join(CLOCKS)} (default: steps)"
    )
    parser.add_argument("--preset", metavar="KEY", help="start from a preset; what else is given overrides it")
    parser.add_argument("--device", metavar="D", help=KNOBS["device"].range_text())
    parser.add_argument(
        "--set",
        metavar="FIELD=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help='set recipe fields of all runs, the data\'s own as data.NAME: see "list fields"',
    )
    parser.add_argument("--workers", metavar="N", help="runs that train at the same time (default: one a core)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write everything as JSON")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write the table as CSV")


def _prepare(given: argparse.Namespace) -> Callable[[], int]:
    seeds = _seeds(given.seeds)
    recipes = _recipes(given, seeds[0])
    clock = given.by
    lookup("clock", clock, CLOCKS)
    amount = _seconds(given.steps) if clock == "seconds" else whole_number(clock, given.steps, MAX_STEPS)
    for name, recipe in recipes.items():
        if clock == "updates" and not int(step_at_updates(recipe, amount)):
            raise ValueError(f"{amount:,} updates are less than one generator step of {name}: give a larger --steps.")
    workers = None if given.workers is None else whole_number("workers", given.workers, MAX_WORKERS)
    check_files({f"--{name}": path for name in ("json", "csv") if (path := getattr(given, name)) is not None})
    return functools.partial(_compare, _Job(recipes, seeds, clock, amount, workers, given.json, given.csv))


def _seeds(text: str) -> tuple[int, ...]:
    """The seeds that ``text`` names; raises ``ValueError`` with a sentence when they make no sense."""
    seeds: list[int] = []
    for part in text.split(","):
        start, colon, stop = part.partition(":")
        try:
            first = int(start)
            end = int(stop) if colon else first + 1
        except ValueError as error:
            raise ValueError(f"seeds must be such as 0:8, 3 or 0,2,5, not {text}.") from error
        if end <= first:
            raise ValueError(f"{part} names no seed: the number after the colon is left out.")
        if len(seeds) + end - first > MAX_REPLICATES:
            raise ValueError(f"seeds must be at most {MAX_REPLICATES}, not {text}.")
        seeds += [KNOBS["seed"].read("seed", number) for number in range(first, end)]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ, but {text} names one twice.")
    return tuple(seeds)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError(f"seconds must be a number above 0 and at most {MAX_SECONDS:,}, not {text}.")
    return seconds


def _recipes(given: argparse.Namespace, seed: int) -> dict[str, Recipe]:
    """The recipes to compare, by the names of their runs; raises ``ValueError`` with a sentence when it cannot be."""
    methods = [None] if given.methods is None else [find_method(name.strip()) for name in given.methods.split(",")]
    if given.vary is None:
        entries = [(METHODS[method].label, _recipe(given, seed, method)) for method in methods if method is not None]
    elif len(methods) > 1:
        raise ValueError("--vary compares one method with itself: give --methods one alone, or leave --vary out.")
    else:
        name, values = _varied(given.vary)
        varied = [_recipe(given, seed, methods[0], f"{name}={value}") for value in values]
        _check_used(name, varied)
        entries = [(f"{name}={setting(getattr(recipe, name))}", recipe) for recipe in varied]
    if not 2 <= len(entries) <= MAX_RUNS:
        raise ValueError(
            f"compare 2 to {MAX_RUNS} runs, not {len(entries)}: name several methods with --methods, or vary a field "
            "of one with --vary."
        )
    names = [name for name, _ in entries]
    return {
        name if names.count(name) == 1 else f"{name} ({number})": recipe
        for number, (name, recipe) in enumerate(entries, 1)
    }


def _varied(text: str) -> tuple[str, list[str]]:
    """The field that --vary names, and its values."""
    name, equals, values = text.partition("=")
    if not equals or not name:
        raise ValueError(f"--vary needs FIELD=VALUE,VALUE, such as penalty_weight=0.1,1, not {text!r}.")
    why_not = _FIXED.get(name.partition(".")[0])
    if why_not is not None:
        raise ValueError(f"{name} cannot be varied: {why_not}.")
    return name, values.split(",")


def _check_used(name: str, recipes: Sequence[Recipe]) -> None:
    """Raise ``ValueError`` for a field that none of the recipes' methods uses: its values would all give the same run.

    Interventions may change the method on the way.
    """
    methods = [phase.method_entry for recipe in recipes for _, phase in recipe.phases()]
    if not any(method.uses(name) for method in methods):
        users = ", ".join(method.label for method in METHODS.values() if method.uses(name))
        raise ValueError(
            f"{methods[0].label} ignores {name}: vary another field, or name a method that uses it: {users}."
        )


def _recipe(given: argparse.Namespace, seed: int, method: str | None, *settings: str) -> Recipe:
    return recipe_of(
        argparse.Namespace(
            preset=given.preset,
            method=method,
            data=given.data,
            seed=str(seed),
            device=given.device,
            set=[*given.set, *settings],
        )
    )


# ---- training


@dataclass
class _Run:
    """One recipe on its way: a lane a seed, to train for at most ``steps`` generator steps and ``limit`` seconds."""

    name: str
    recipe: Recipe
    steps: int
    limit: float
    state: State
    keyframes: list[Keyframe] = field(default_factory=list)
    seconds: float = 0.0
    failed: bool = False

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return max(self.state.step / self.steps, self.seconds / self.limit) if self.due() else 1.0

    @property
    def sound(self) -> list[int]:
        """The lanes that did not overflow."""
        return [lane for lane, step in enumerate(self.state.failed_at) if step < 0]

    def due(self) -> int:
        """Generator steps until the next look, 0 at the end."""
        step = self.state.step
        look = max(_LOOK, int(_LOOK_SHARE * step) // BLOCK * BLOCK)
        steps = 0 if self.failed else min(look, self.steps - step)
        if math.isfinite(self.limit):
            # How long a step takes is not known before the first.
            fitting = (self.limit - self.seconds) * step / self.seconds if step else BLOCK
            steps = min(steps, max(round(fitting), 0))
        return steps

    def take(self, chunk: worker.Chunk) -> None:
        """Keep what a worker did."""
        self.state, self.failed = chunk.state, chunk.failed is not None
        self.seconds += chunk.seconds
        self.keyframes.append(Keyframe(self.state.step, b"", chunk.lanes, chunk.histogram, self.seconds))


def _compare(job: _Job) -> int:
    bar = Bar(sys.stderr)
    try:
        with bar.shown(), _executor(job.workers) as executor:
            bar.say("loading PyTorch")
            begun = [executor.submit(_begin, recipe, job.seeds) for recipe in job.recipes.values()]
            try:
                states = [future.result() for future in begun]
            except ValueError as error:
                bar.clear()
                return complain(str(error), 2)
            runs = [
                _Run(name, recipe, *_extent(job, recipe), state)
                for (name, recipe), state in zip(job.recipes.items(), states, strict=True)
            ]
            found_floor = executor.submit(worker.floor, runs[0].recipe, REPORT_POINTS)
            _train(job, runs, executor, bar)
            floor = found_floor.result()
            measured = _measure(runs, executor, bar)
    except BrokenExecutor:
        return complain("a worker process died, perhaps for lack of memory: try fewer --workers.", 1)
    ranking = rank(
        [
            Contender(run.name, job.seeds, run.keyframes, lanes, floor, run.state.failed_at.tolist())
            for run, lanes in zip(runs, measured, strict=True)
        ]
    )
    result = _result(job, runs, measured, ranking)
    written = [
        _write(job.json, json.dumps(result, indent=2, allow_nan=False) + "\n"),
        _write(job.csv, ranking.to_csv()),
    ]
    print("\n".join(_summary(job, ranking, floor)))
    if not any(run.sound for run in runs):
        return complain("the numbers overflowed on every seed: try a smaller learning rate, or set gradient_clip.", 1)
    return 0 if all(written) else 1


@contextmanager
def _executor(workers: int | None) -> Iterator[Executor]:
    """What runs train on: so many worker processes, one a core if not said, or this process for one."""
    if workers == 1:
        worker.prepare()
        # As in worker processes, where the environment does it.
        limit_threads(1)
        yield InlineExecutor()
        return
    executor = worker_processes(workers)()
    try:
        yield executor
    finally:
        # Whatever still runs is of no use to anybody.
        executor.shutdown(cancel_futures=True)


def _begin(recipe: Recipe, seeds: Sequence[int]) -> State:
    """The state at step 0, a lane a seed; raises ``ValueError`` when this machine lacks the recipe's device."""
    from toygan.training import choose_device, initial_state

    choose_device(recipe)
    return initial_state(recipe, list(seeds))


def _extent(job: _Job, recipe: Recipe) -> tuple[int, float]:
    """Most generator steps, and seconds of training, that the job gives a recipe."""
    if job.clock == "seconds":
        return MAX_STEPS, job.amount
    return int(job.amount if job.clock == "steps" else step_at_updates(recipe, job.amount)), math.inf


def _train(job: _Job, runs: Sequence[_Run], executor: Executor, bar: Bar) -> None:
    """Train all runs to their end, each a chunk at a time, from look to look."""
    began = time.perf_counter()
    waiting: dict[Future[worker.Chunk], _Run] = {}

    def go_on(run: _Run) -> None:
        if steps := run.due():
            waiting[executor.submit(worker.chunk, run.recipe, run.state, steps)] = run

    for run in runs:
        go_on(run)
    total = len(runs) * job.amount
    while waiting:
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            run = waiting.pop(future)
            run.take(future.result())
            go_on(run)
            done = sum(run.share for run in runs) * job.amount
            left = time_left(total - done, done / (time.perf_counter() - began))
            at = ", ".join(f"{run.name} {run.state.step:,}" for run in runs)
            bar.say(f"{gauge(done, total)} {job.clock}  {left}  {at}")


def _measure(runs: Sequence[_Run], executor: Executor, bar: Bar) -> list[list[dict[str, Any]]]:
    """Each seed's metrics of each run, none of a seed that overflowed."""
    waiting = {
        (number, lane): executor.submit(worker.measure, run.recipe, run.state.lane(lane), REPORT_POINTS)
        for number, run in enumerate(runs)
        for lane in run.sound
    }
    measured: list[list[dict[str, Any]]] = [[{} for _ in run.state.seeds] for run in runs]
    for done, ((number, lane), future) in enumerate(waiting.items()):
        bar.say(f"{gauge(done, len(waiting))} seeds measured")
        measured[number][lane] = {**future.result(), "n": REPORT_POINTS}
    return measured


# ---- what it came to


def _result(
    job: _Job, runs: Sequence[_Run], measured: Sequence[Sequence[Mapping[str, Any]]], ranking: Ranking
) -> dict[str, Any]:
    """The comparison as JSON."""
    table = ranking.to_json()
    return {
        "seeds": list(job.seeds),
        "by": job.clock,
        "amount": job.amount,
        "points": REPORT_POINTS,
        "runs": [
            {
                "name": run.name,
                "recipe": run.recipe.to_json(),
                "steps": run.state.step,
                "seconds": run.seconds,
                "failed_at": [step if step >= 0 else None for step in run.state.failed_at.tolist()],
                "metrics": [metrics or None for metrics in lanes],
            }
            for run, lanes in zip(runs, measured, strict=True)
        ],
        "table": table["rows"],
        "pairs": table["pairs"],
        "verdicts": table["verdicts"],
        "versions": versions(),
    }


def _summary(job: _Job, ranking: Ranking, floor: tuple[float, float]) -> list[str]:
    """The comparison in short: what was compared, the table in two parts, and the verdicts."""
    recipe = next(iter(job.recipes.values()))
    perfect = perfect_shares(recipe.distribution)
    methods = {recipe.method_entry.label for recipe in job.recipes.values()}
    # Of one method that all share, the runs' names say nothing.
    runs = f"{len(job.recipes)} runs of {methods.pop()}" if len(methods) == 1 else f"{len(job.recipes)} runs"
    head = [
        ("compared", f"{runs} on {recipe.data}, {job.amount:,g} {_UNITS[job.clock]} each"),
        ("seeds", ", ".join(map(str, job.seeds))),
        ("W1", f"on {REPORT_POINTS:,} points; floor {digits(floor[0])} +- {digits(floor[1])}"),
        ("high quality", f"perfect: {percent(perfect.high_quality)}"),
    ]
    quality = [("", "seeds", "W1", "over its floor", perfect.kind, "high quality", "reverse KL")]
    speed = [("", "steps", f"steps to all {perfect.kind}", "training until then", "a step")]
    for row in ranking.rows:
        sound = row.seeds - row.failed
        seeds = f"{sound} of {row.seeds}" if row.failed else f"{sound}"
        cells = (
            _cell(row.w1, sound),
            _cell(row.w1_over_floor, sound, " x"),
            _cell(row.modes, sound, f" of {row.modes_total}"),
            _cell(row.high_quality.times(100), sound, " %"),
            _cell(row.reverse_kl, sound, " nats"),
        )
        quality.append((row.name, seeds, *cells))
        times = (
            _cell(row.steps_to_all_modes, sound),
            _cell(row.seconds_to_all_modes, sound, " s"),
            _cell(row.milliseconds_a_step, row.seeds, " ms"),
        )
        speed.append((row.name, f"{row.step:,}", *times))
    return [*columns(head), "", *columns(quality), "", *columns(speed), "", "Differences in W1:", *ranking.verdicts]


def _cell(found: Estimate, seeds: int, unit: str = "") -> str:
    """An estimate with its interval; says of how many seeds it is if those are not all ``seeds``."""
    if found.value is None:
        return "none"
    interval = "" if found.low is None or found.high is None else f" ({_short(found.low)} to {_short(found.high)})"
    of = "" if found.seeds == seeds else f", {found.seeds} of {seeds} seeds"
    return f"{_short(found.value)}{unit}{interval}{of}"


def _short(value: float) -> str:
    """Three significant digits, and all of those before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _write(path: Path | None, text: str) -> bool:
    """Write a file if one was asked for; says so if it could not be."""
    if path is None:
        return True
    try:
        path.write_bytes(text.encode())
    except OSError as error:
        complain(f"{path} could not be written: {(error.strerror or str(error)).lower()}.", 1)
        return False
    return True


COMMAND = Command(
    help="train several recipes on the same seeds and rank them",
    description=_DESCRIPTION,
    notes=_NOTES,
    add_arguments=_add_arguments,
    prepare=_prepare,
)
