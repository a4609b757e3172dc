"""Ranking: runs side by side in the order of their distance to the data, and which differences are more than luck."""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toygan.frames import finite, plain
from toygan.metrics.sizes import LIVE_POINTS
from toygan.record import Keyframe
from toygan.statistics import (
    LEVEL,
    Estimate,
    estimate_means,
    estimate_medians,
    holm,
    seeds_needed,
    sign_flip_test,
)

Metrics = Mapping[str, Any]

#: What turns up not finite, in some keyframe, when a seed overflows.
_LOSSES = ("critic_loss", "generator_loss")

#: The columns of a CSV file: their titles and units.
_COLUMNS = {
    "place": ("place", ""),
    "name": ("run", ""),
    "step": ("step", " (generator steps)"),
    "seeds": ("seeds", ""),
    "failed": ("overflowed", " (seeds)"),
    "w1": ("W1", " (data units)"),
    "floor": ("floor", " (data units)"),
    "w1_over_floor": ("W1 over floor", " (ratio)"),
    "above_best": ("W1 above the first", " (data units)"),
    "modes": ("modes", " (count)"),
    "modes_total": ("all modes", " (count)"),
    "high_quality": ("high quality", " (0 to 1)"),
    "reverse_kl": ("reverse KL", " (nats)"),
    "steps_to_all_modes": ("steps to all modes", " (generator steps)"),
    "seconds_to_all_modes": ("time to all modes", " (seconds of training)"),
    "milliseconds_a_step": ("time a step", " (milliseconds of training)"),
}


@dataclass(frozen=True)
class Contender:
    """A run to be ranked: R ``seeds``, and its ``keyframes`` up to the moment at which it is compared.

    ``measured`` are each seed's metrics on a bigger sample at that moment, with its size as ``n``. ``floor`` is mean
    and standard deviation of W1's noise floor at the live size. ``failed_at`` is that of the run's newest state:
    keyframes alone do not always tell, since a seed that overflowed keeps the networks it had before.
    """

    name: str
    seeds: Sequence[int]
    keyframes: Sequence[Keyframe]
    measured: Sequence[Metrics] | None = None
    floor: tuple[float, float] | None = None
    failed_at: Sequence[int] | None = None


@dataclass(frozen=True)
class Row:
    """One run in the table: means over its seeds, of which ``failed`` overflowed and count in no other number.

    Distances are in data units, ``high_quality`` is a share from 0 to 1, ``reverse_kl`` in nats. Steps and seconds of
    training to all modes are medians over the seeds that got there, if at least half of them did, taken at the first
    keyframe that shows all of ``modes_total``. Training times are those of all seeds together. ``above_best`` is the
    difference in W1 to the first row, seed by seed. Runs that share a ``place`` have equal distances.
    """

    name: str
    place: int
    step: int
    seeds: int
    failed: int
    w1: Estimate
    w1_over_floor: Estimate
    floor: tuple[float, float] | None
    above_best: Estimate
    modes: Estimate
    modes_total: int | None
    high_quality: Estimate
    reverse_kl: Estimate
    steps_to_all_modes: Estimate
    seconds_to_all_modes: Estimate
    milliseconds_a_step: Estimate


@dataclass(frozen=True)
class Pair:
    """Two runs compared by their W1, seed by seed.

    ``difference`` is that of ``higher`` minus that of ``lower``, in data units, over the seeds that both have and that
    failed in neither; on ``wins`` of them ``lower`` is below. ``p`` is corrected for the number of pairs. ``verdict``
    is "beyond-noise", "within-noise", "identical", "too-few-seeds" or, without a seed in common, "unpaired".
    """

    lower: str
    higher: str
    difference: Estimate
    wins: int
    p: float
    verdict: str


@dataclass(frozen=True)
class Ranking:
    """The table, the pairs behind it, and in ``verdicts`` what can be said of them, a sentence each.

    ``points`` is how many points W1 is taken between.
    """

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    verdicts: tuple[str, ...]
    points: int

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON; what is not known or not finite is null."""
        values: dict[str, Any] = plain(dataclasses.asdict(self))
        return values

    def to_csv(self) -> str:
        """The rows as RFC 4180, a line a run; the header names the units, and what is not known is empty."""
        lines = [plain(_cells(row)) for row in self.rows]
        text = io.StringIO()
        writer = csv.DictWriter(text, lines[0] if lines else [])
        writer.writeheader()
        writer.writerows(lines)
        return text.getvalue()


def rank(contenders: Sequence[Contender]) -> Ranking:
    """Rank runs by their mean W1, the lowest first; runs with a failed seed come after those without.

    An overflow is worse than any distance, and a mean over what is left of a run flatters it. Equal runs keep their
    order. ``measured`` metrics are used if all contenders have them on equally many points, since W1 depends on the
    number; otherwise those of the last keyframes. Raises ``ValueError`` when two contenders have the same name, one has
    a seed twice, or a contender's entries are not one a seed.
    """
    _check(contenders)
    sizes = {lane["n"] for contender in contenders for lane in contender.measured or () if lane}
    measured = len(sizes) == 1 and all(contender.measured is not None for contender in contenders)
    lanes = [_lanes(contender, measured) for contender in contenders]
    rows = [_row(contender, found, measured) for contender, found in zip(contenders, lanes, strict=True)]
    order = sorted(range(len(rows)), key=lambda index: _standing(rows[index]))
    w1 = _by_seed(contenders, lanes)[order]
    rows = [rows[index] for index in order]
    standings = [_standing(row) for row in rows]
    places = [1 + standings.index(standing) for standing in standings]
    rows = [
        dataclasses.replace(row, place=place, above_best=found)
        for row, place, found in zip(rows, places, estimate_means(w1 - w1[:1]), strict=True)
    ]
    pairs = compare([row.name for row in rows], w1)
    verdicts = (*_verdicts(pairs, len(rows)), *_failures(rows))
    return Ranking(tuple(rows), pairs, verdicts, sizes.pop() if measured else LIVE_POINTS)


def compare(names: Sequence[str], w1: NDArray[np.float64]) -> tuple[Pair, ...]:
    """All pairs of runs by their W1, (M, R): a row a run, a column a seed, NaN where a run has none.

    Two runs differ beyond noise if the exact sign-flip test on their paired differences says so at a level of 0.05
    for all pairs together.
    """
    indices = list(itertools.combinations(range(len(names)), 2))
    if not indices:
        return ()
    differences = np.array([w1[second] - w1[first] for first, second in indices])
    estimates = estimate_means(differences)
    corrected = holm([sign_flip_test(line) for line in differences])
    needed = seeds_needed(len(indices))
    pairs = []
    for (first, second), line, found, p in zip(indices, differences, estimates, corrected, strict=True):
        lower, higher, sign = (first, second, 1) if (found.value or 0.0) >= 0 else (second, first, -1)
        wins = int((sign * line > 0).sum())
        pairs.append(Pair(names[lower], names[higher], found.times(sign), wins, p, _verdict(line, p, needed)))
    return tuple(pairs)


# ---- from metrics to rows


def _check(contenders: Sequence[Contender]) -> None:
    names = [contender.name for contender in contenders]
    for contender in contenders:
        if names.count(contender.name) > 1:
            raise ValueError(f"two runs are called {contender.name!r}: give each a name of its own")
        if len(set(contender.seeds)) < len(contender.seeds):
            raise ValueError(f"{contender.name} has a seed twice")
        entries = [keyframe.lanes for keyframe in contender.keyframes[-1:]]
        for given in (*entries, contender.measured, contender.failed_at):
            if given is not None and len(given) != len(contender.seeds):
                raise ValueError(f"{contender.name} has {len(contender.seeds)} seeds, but {len(given)} entries")


def _lanes(contender: Contender, measured: bool) -> list[Metrics | None]:
    """Each seed's metrics at the moment of comparison, ``None`` for one that failed."""
    found: Sequence[Metrics] = [{}] * len(contender.seeds)
    if measured and contender.measured is not None:
        found = contender.measured
    elif contender.keyframes:
        found = contender.keyframes[-1].lanes
    return [None if _has_failed(contender, lane) else metrics for lane, metrics in enumerate(found)]


def _has_failed(contender: Contender, lane: int) -> bool:
    """Whether a seed overflowed before the moment of comparison, as far as is known."""
    if not contender.keyframes:
        return False
    newest = contender.keyframes[-1]
    metrics = (newest.lanes if contender.measured is None else contender.measured)[lane]
    if "w1" in metrics and finite(metrics["w1"]) is None:
        return True
    if contender.failed_at is not None:
        return 0 <= contender.failed_at[lane] <= newest.step
    losses = (keyframe.lanes[lane].get(name) for keyframe in contender.keyframes for name in _LOSSES)
    return any(loss is not None and not math.isfinite(loss) for loss in losses)


def _row(contender: Contender, lanes: Sequence[Metrics | None], measured: bool) -> Row:
    """A run's row, before its place and its difference to the first are known."""
    columns = [_column(lanes, name) for name in ("w1", "modes", "high_quality", "reverse_kl")]
    w1, modes, high_quality, reverse_kl = estimate_means(columns)
    steps, seconds = (_of_most(found, len(lanes)) for found in estimate_medians(_times_to_all_modes(contender, lanes)))
    floor = _measured_floor(lanes) if measured else contender.floor
    newest = contender.keyframes[-1] if contender.keyframes else None
    step = newest.step if newest is not None else 0
    return Row(
        name=contender.name,
        place=0,
        step=step,
        seeds=len(contender.seeds),
        failed=lanes.count(None),
        w1=w1,
        w1_over_floor=w1.times(1 / floor[0]) if floor is not None and floor[0] > 0 else Estimate(),
        floor=floor,
        above_best=Estimate(),
        modes=modes,
        modes_total=next((metrics["modes_total"] for metrics in lanes if metrics and "modes_total" in metrics), None),
        high_quality=high_quality,
        reverse_kl=reverse_kl,
        steps_to_all_modes=steps,
        seconds_to_all_modes=seconds,
        milliseconds_a_step=Estimate(1000 * newest.seconds / step, seeds=len(lanes)) if newest and step else Estimate(),
    )


def _of_most(found: Estimate, seeds: int) -> Estimate:
    """A time that at least half of the seeds reached; fewer say nothing of when the median one will."""
    return found if 2 * found.seeds >= seeds else Estimate(seeds=found.seeds)


def _by_seed(contenders: Sequence[Contender], lanes: Sequence[Sequence[Metrics | None]]) -> NDArray[np.float64]:
    """W1 of each contender on each seed that any of them has, (M, S)."""
    seeds = sorted({seed for contender in contenders for seed in contender.seeds})
    table = np.full((len(contenders), len(seeds)), np.nan)
    for line, contender, found in zip(table, contenders, lanes, strict=True):
        line[np.searchsorted(seeds, contender.seeds)] = _column(found, "w1")
    return table


def _column(lanes: Sequence[Metrics | None], name: str) -> list[float]:
    numbers = [finite((metrics or {}).get(name)) for metrics in lanes]
    return [math.nan if number is None else number for number in numbers]


def _times_to_all_modes(contender: Contender, lanes: Sequence[Metrics | None]) -> NDArray[np.float64]:
    """Steps and seconds (2, R) to the first keyframe that shows all modes; NaN for seeds that failed or none shows."""
    times = np.full((2, len(lanes)), np.nan)
    for lane, metrics in enumerate(lanes):
        for keyframe in contender.keyframes if metrics is not None else ():
            total = keyframe.lanes[lane].get("modes_total")
            if total and keyframe.lanes[lane].get("modes") == total:
                times[:, lane] = keyframe.step, keyframe.seconds
                break
    return times


def _measured_floor(lanes: Sequence[Metrics | None]) -> tuple[float, float] | None:
    return next(((metrics["w1_floor"], metrics["w1_floor_std"]) for metrics in lanes if metrics), None)


def _standing(row: Row) -> tuple[bool, bool, float]:
    """What rows are ordered by."""
    return row.w1.value is None, row.failed > 0, row.w1.value or 0.0


# ---- from pairs to sentences


def _verdict(differences: NDArray[np.float64], p: float, needed: int) -> str:
    known = differences[~np.isnan(differences)]
    if not len(known):
        return "unpaired"
    if not known.any():
        return "identical"
    if p <= LEVEL:
        return "beyond-noise"
    return "within-noise" if len(known) >= needed else "too-few-seeds"


def _verdicts(pairs: Sequence[Pair], runs: int) -> list[str]:
    of = {
        verdict: [pair for pair in pairs if pair.verdict == verdict]
        for verdict in ("beyond-noise", "within-noise", "identical", "too-few-seeds", "unpaired")
    }
    sentences = [_difference(pair) for pair in of["beyond-noise"]]
    within, few = of["within-noise"], of["too-few-seeds"]
    if len(within) == len(pairs) > 1:
        sentences.append(f"No two of these runs differ beyond noise (smallest p = {_brief(min(p.p for p in within))}).")
    else:
        sentences += _listed("no difference beyond noise", [(pair, f"p = {_brief(pair.p)}") for pair in within])
    sentences += _listed("no difference at all", [(pair, "") for pair in of["identical"]])
    if few:
        needed, most = seeds_needed(len(pairs)), max(pair.difference.seeds for pair in few)
        if of["beyond-noise"] or within:
            what = f"too few seeds in common to tell, {needed} are needed"
            sentences += _listed(what, [(pair, f"{pair.difference.seeds}") for pair in few])
        elif most == 1:
            sentences.append("One seed: differences may be luck. Choose several seeds to tell.")
        else:
            sentences.append(f"{most} seeds are too few to tell {runs} runs apart: choose at least {needed}.")
    sentences += _listed("no seed to compare them on", [(pair, "") for pair in of["unpaired"]])
    return sentences


def _difference(pair: Pair) -> str:
    found = pair.difference
    return (
        f"{pair.lower} below {pair.higher} on {pair.wins} of {_seeds(found.seeds)}, "
        f"by {_brief(found.value)} ({_brief(found.low)} to {_brief(found.high)})."
    )


def _listed(what: str, pairs: Sequence[tuple[Pair, str]]) -> list[str]:
    """One sentence on all pairs of which the same can be said, each with a remark of its own; or none."""
    named = [f"{pair.lower} and {pair.higher}" for pair, _ in pairs]
    remarks = [f" ({remark})" if remark else "" for _, remark in pairs]
    if len(pairs) == 1:
        return [f"{named[0]}: {what}{remarks[0]}."]
    return [f"{what.capitalize()}: {', '.join(map(str.__add__, named, remarks))}."] if pairs else []


def _failures(rows: Iterable[Row]) -> list[str]:
    sentences = []
    for row in rows:
        if row.failed and row.failed < row.seeds:
            sentences.append(
                f"{row.name} overflowed on {row.failed} of {_seeds(row.seeds)}: its numbers are those of the others, "
                "and it ranks after runs that overflowed on none."
            )
        elif row.failed:
            sentences.append(f"{row.name} overflowed on {row.failed} of {_seeds(row.seeds)}.")
    return sentences


def _seeds(count: int) -> str:
    return f"{count} seed{'' if count == 1 else 's'}"


def _brief(value: float | None) -> str:
    """Two significant digits."""
    return "none" if value is None else f"{float(f'{value:.2g}'):g}"


# ---- files


def _cells(row: Row) -> dict[str, Any]:
    """A row's values by the titles of their columns."""
    cells: dict[str, Any] = {}
    for name, (title, unit) in _COLUMNS.items():
        value = getattr(row, name)
        if name == "floor":
            cells |= {f"{title}{unit}": value and value[0], f"{title} std{unit}": value and value[1]}
        elif isinstance(value, Estimate):
            cells |= {
                f"{title}{unit}": value.value,
                f"{title}, low{unit}": value.low,
                f"{title}, high{unit}": value.high,
            }
            cells[f"{title}, seeds"] = value.seeds
        else:
            cells[f"{title}{unit}"] = value
    return cells
