"""The table of runs: what its cells are, who comes first, and when a difference is called one."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from toygan import worker
from toygan.metrics.sizes import LIVE_POINTS
from toygan.ranking import Contender, Pair, Ranking, Row, compare, rank
from toygan.recipe import Recipe
from toygan.record import Keyframe
from toygan.statistics import Estimate, estimate_means, estimate_medians, holm, sign_flip_test

Values = Sequence[float | None]


def metrics(**values: Any) -> dict[str, Any]:
    plain = {"w1": 1.0, "modes": 8, "modes_total": 8, "high_quality": 0.9, "reverse_kl": 0.1}
    return {**plain, "critic_loss": 0.5, "generator_loss": 0.5, **values}


def keyframe(step: int, lanes: Sequence[dict[str, Any]], seconds: float = 0.0) -> Keyframe:
    return Keyframe(step, b"", tuple(lanes), (), seconds)


def contender(name: str, w1: Values, seeds: Sequence[int] | None = None, **details: Any) -> Contender:
    """A run that stands at step 100 after 2 seconds, with these distances."""
    keyframes = [keyframe(100, [metrics(w1=value) for value in w1], 2.0)]
    return Contender(name, range(len(w1)) if seeds is None else seeds, **{"keyframes": keyframes, **details})


def only(ranking: Ranking) -> Row:
    (row,) = ranking.rows
    return row


def names(ranking: Ranking) -> list[str]:
    return [row.name for row in ranking.rows]


# ---- the order


def test_runs_are_ranked_by_their_mean_w1() -> None:
    ranking = rank([contender("b", [2.0, 2.0]), contender("c", [1.0, 9.0]), contender("a", [0.0, 1.0])])
    assert names(ranking) == ["a", "b", "c"]
    assert [row.place for row in ranking.rows] == [1, 2, 3]
    assert [row.w1.value for row in ranking.rows] == [0.5, 2.0, 5.0]


def test_equal_runs_share_a_place_and_keep_their_order() -> None:
    ranking = rank([contender("z", [1.0, 2.0]), contender("b", [3.0, 3.0]), contender("a", [1.0, 2.0])])
    assert names(ranking) == ["z", "a", "b"]
    assert [row.place for row in ranking.rows] == [1, 1, 3]


def test_a_run_that_overflowed_comes_after_those_that_did_not_and_one_without_any_number_last() -> None:
    ranking = rank(
        [
            contender("all", [0.1, 0.1], failed_at=[7, 8]),
            contender("some", [0.1, 0.1], failed_at=[7, -1]),
            contender("none", [5.0, 5.0], failed_at=[-1, -1]),
            contender("later", [6.0, 6.0], failed_at=[101, -1]),
        ]
    )
    assert names(ranking) == ["none", "later", "some", "all"]
    assert [row.failed for row in ranking.rows] == [0, 0, 1, 2]


# ---- cells


def test_cells_are_the_estimates_of_the_last_keyframe() -> None:
    rng = np.random.default_rng(0)
    w1, quality, divergence = rng.random((3, 5))
    modes = rng.integers(9, size=5)
    rows = zip(w1, modes, quality, divergence, strict=True)
    lanes = [metrics(w1=w, modes=int(m), high_quality=q, reverse_kl=k) for w, m, q, k in rows]
    keyframes = [keyframe(50, [metrics()] * 5, 1.0), keyframe(200, lanes, 5.0)]
    row = only(rank([Contender("a", range(5), keyframes, floor=(0.5, 0.1))]))
    assert [row.w1, row.modes, row.high_quality, row.reverse_kl] == estimate_means([w1, modes, quality, divergence])
    assert (row.step, row.seeds, row.modes_total, row.floor) == (200, 5, 8, (0.5, 0.1))
    assert row.w1_over_floor == row.w1.times(2)
    assert row.milliseconds_a_step == Estimate(25.0, seeds=5)


def test_times_to_all_modes_are_medians_over_the_seeds_that_got_there() -> None:
    counts = {0: [0, 0, 0, 0], 10: [8, 1, 7, 0], 20: [7, 8, 7, 1], 30: [8, 8, 8, 7]}
    keyframes = [keyframe(step, [metrics(modes=m) for m in modes], step / 4) for step, modes in counts.items()]
    row = only(rank([Contender("a", range(4), keyframes)]))
    assert [row.steps_to_all_modes, row.seconds_to_all_modes] == estimate_medians([[10, 20, 30], [2.5, 5, 7.5]])
    assert row.steps_to_all_modes == Estimate(20, 10, 30, 3)


def test_a_run_that_never_shows_all_modes_has_no_time_to_them() -> None:
    row = only(rank([Contender("a", [0], [keyframe(9, [metrics(modes=7)], 1.0)])]))
    assert row.steps_to_all_modes == row.seconds_to_all_modes == Estimate()


@pytest.mark.parametrize("total", [{"modes_total": None}, {"modes_total": 0, "modes": 0}])
def test_without_a_number_of_modes_there_is_no_time_to_all_of_them(total: dict[str, Any]) -> None:
    row = only(rank([Contender("a", [0, 1], [keyframe(9, [metrics(**total)] * 2, 1.0)])]))
    assert row.steps_to_all_modes == Estimate()
    assert not row.modes_total
    bare = {"w1": 1.0}
    row = only(rank([Contender("a", [0, 1], [keyframe(9, [bare, bare])])]))
    assert (row.modes, row.modes_total, row.high_quality) == (Estimate(), None, Estimate())


def test_what_some_seeds_do_not_have_is_the_mean_of_the_others_and_says_of_how_many() -> None:
    lanes = [metrics(reverse_kl=None), metrics(reverse_kl=0.2), metrics(reverse_kl=0.4)]
    row = only(rank([Contender("a", range(3), [keyframe(9, lanes)])]))
    assert row.reverse_kl.value == pytest.approx(0.3)
    assert (row.reverse_kl.seeds, row.w1.seeds, row.failed) == (2, 3, 0)


def test_one_seed_has_numbers_without_intervals() -> None:
    row = only(rank([contender("a", [2.0], floor=(1.0, 0.1))]))
    assert row.w1 == row.w1_over_floor == Estimate(2.0, None, None, 1)


def test_without_a_floor_nothing_is_compared_with_it() -> None:
    assert only(rank([contender("a", [2.0, 3.0])])).w1_over_floor == Estimate()
    assert only(rank([contender("a", [2.0, 3.0], floor=(0.0, 0.0))])).w1_over_floor == Estimate()


def test_a_run_without_keyframes_yet_is_a_row_without_numbers() -> None:
    ranking = rank([Contender("new", [0, 1], []), contender("a", [1.0, 2.0])])
    row = ranking.rows[1]
    assert (row.name, row.step, row.failed, row.w1, row.milliseconds_a_step) == ("new", 0, 0, Estimate(), Estimate())
    assert ranking.pairs[0].verdict == "unpaired"
    assert rank([]).rows == ()


def test_at_step_zero_a_step_takes_no_time_yet() -> None:
    row = only(rank([Contender("a", [0], [keyframe(0, [metrics(critic_loss=None, generator_loss=None)])])]))
    assert row.milliseconds_a_step == Estimate()
    assert row.failed == 0


def test_differences_to_the_first_row_are_paired_by_seed() -> None:
    ranking = rank([contender("b", [12.0, 3.0, 7.5]), contender("a", [11.0, 2.0, 6.0])])
    first, second = ranking.rows
    assert first.above_best == Estimate(0.0, 0.0, 0.0, 3)
    assert second.above_best == estimate_means([[1.0, 1.0, 1.5]])[0]


# ---- measured metrics


def measured(w1: Values, n: int, floor: float = 0.2) -> list[dict[str, Any]]:
    return [metrics(w1=value, w1_floor=floor, w1_floor_std=0.01, n=n) for value in w1]


def test_measured_metrics_take_precedence_with_their_own_floor_and_size() -> None:
    a = contender("a", [9.0, 9.0], measured=measured([1.0, 3.0], 2000), floor=(5.0, 1.0))
    b = contender("b", [0.0, 0.0], measured=measured([3.0, 5.0], 2000), floor=(5.0, 1.0))
    ranking = rank([b, a])
    assert names(ranking) == ["a", "b"]
    assert (ranking.rows[0].w1.value, ranking.rows[0].floor, ranking.points) == (2.0, (0.2, 0.01), 2000)
    assert ranking.rows[0].w1_over_floor.value == pytest.approx(10)


def test_the_page_knows_on_how_many_points_runs_are_looked_at_on_their_way() -> None:
    source = Path(__file__).parents[1] / "toygan" / "ui" / "ranking.js"
    assert f"const LOOKED_AT = {LIVE_POINTS};" in source.read_text(encoding="utf-8")


@pytest.mark.parametrize("other", [None, 1000])
def test_distances_on_different_numbers_of_points_are_never_compared(other: int | None) -> None:
    a = contender("a", [9.0, 9.0], measured=measured([1.0, 1.0], 2000), floor=(5.0, 1.0))
    b = contender("b", [8.0, 8.0], measured=None if other is None else measured([2.0, 2.0], other))
    ranking = rank([a, b])
    assert names(ranking) == ["b", "a"]
    assert [row.w1.value for row in ranking.rows] == [8.0, 9.0]
    assert (ranking.points, ranking.rows[1].floor) == (LIVE_POINTS, (5.0, 1.0))


def test_a_run_that_failed_on_all_seeds_needs_no_measurement() -> None:
    a = contender("a", [9.0], measured=measured([1.0], 2000), failed_at=[-1])
    b = contender("b", [8.0], measured=[{}], failed_at=[3])
    ranking = rank([b, a])
    assert (names(ranking), ranking.points) == (["a", "b"], 2000)
    assert ranking.rows[1].w1 == Estimate()


# ---- seeds that overflowed


def test_a_failed_seed_is_counted_and_in_no_mean() -> None:
    row = only(rank([contender("a", [1.0, 100.0, 3.0], failed_at=[-1, 40, -1])]))
    assert (row.seeds, row.failed, row.w1.value, row.w1.seeds) == (3, 1, 2.0, 2)
    for name in ("modes", "high_quality", "reverse_kl", "steps_to_all_modes"):
        assert getattr(row, name).seeds == 2


def test_a_seed_that_fails_after_the_moment_has_not_failed_yet() -> None:
    assert only(rank([contender("a", [1.0, 2.0], failed_at=[101, -1])])).failed == 0
    assert only(rank([contender("a", [1.0, 2.0], failed_at=[100, -1])])).failed == 1


def test_where_the_state_is_not_known_a_loss_that_was_not_finite_or_a_missing_distance_tells() -> None:
    bad = [metrics(), metrics(critic_loss=math.nan), metrics(generator_loss=-math.inf), metrics(), metrics()]
    frozen = [metrics()] * 3 + [metrics(w1=None), metrics(w1=math.nan)]
    row = only(rank([Contender("a", range(5), [keyframe(10, bad), keyframe(20, frozen)])]))
    assert (row.failed, row.w1.seeds) == (4, 1)


def test_failures_are_told_from_what_a_worker_hands_back() -> None:
    """A lane that overflowed keeps finite metrics of the networks before; its state says when it did."""
    small = {"generator_width": "16", "critic_width": "16", "batch": "32", "optimizer": "sgd"}
    rates = {"generator_learning_rate": "1", "critic_learning_rate": "0.02"}
    recipe = Recipe.from_query({"method": "least-squares", **small, **rates})
    chunk = worker.start(recipe, 4)
    keyframes = []
    for _ in range(3):
        chunk = worker.chunk(recipe, chunk.state, 8)
        keyframes.append(keyframe(chunk.state.step, chunk.lanes))
    failed_at = chunk.state.failed_at.tolist()
    count = sum(step >= 0 for step in failed_at)
    assert 0 < count < 4
    row = only(rank([Contender("a", range(4), keyframes, failed_at=failed_at)]))
    assert (row.failed, row.w1.seeds) == (count, 4 - count)
    assert only(rank([Contender("a", range(4), keyframes)])).failed == count


def test_how_many_seeds_overflowed_is_said() -> None:
    ranking = rank(
        [
            contender("A", [1.0] * 8, failed_at=[5, *[-1] * 7]),
            contender("B", [1.0] * 8, failed_at=[5] * 8),
            contender("C", [2.0], failed_at=[5]),
        ]
    )
    assert ranking.verdicts[-3:] == (
        "A overflowed on 1 of 8 seeds: its numbers are those of the others, "
        "and it ranks after runs that overflowed on none.",
        "B overflowed on 8 of 8 seeds.",
        "C overflowed on 1 of 1 seed.",
    )


# ---- verdicts

EIGHT = [1.0, 1.2, 0.8, 1.1, 0.9, 1.3, 0.7, 1.05]


def test_a_run_against_itself_differs_by_nothing() -> None:
    ranking = rank([contender("A", EIGHT), contender("B", EIGHT)])
    (pair,) = ranking.pairs
    assert (pair.difference, pair.wins, pair.p, pair.verdict) == (Estimate(0.0, 0.0, 0.0, 8), 0, 1.0, "identical")
    assert ranking.verdicts == ("A and B: no difference at all.",)


def test_a_clear_difference_is_told_with_its_seeds_and_its_interval() -> None:
    shift = np.array([0.10, 0.11, 0.12, 0.13, 0.12, 0.11, 0.14, 0.13])
    ranking = rank([contender("WGAN", EIGHT + shift), contender("DRAGAN", EIGHT)])
    (pair,) = ranking.pairs
    assert (pair.lower, pair.higher, pair.wins, pair.p) == ("DRAGAN", "WGAN", 8, 2 / 256)
    assert pair.difference.value == pytest.approx(shift.mean())
    assert ranking.verdicts == ("DRAGAN below WGAN on 8 of 8 seeds, by 0.12 (0.11 to 0.13).",)


def test_the_lower_run_of_a_pair_is_the_one_that_is_lower_on_the_seeds_both_have() -> None:
    first = contender("A", [1.0, 9.0, 9.0], seeds=[0, 1, 2])
    second = contender("B", [2.0, 0.0], seeds=[0, 7])
    (pair,) = rank([first, second]).pairs
    assert (pair.lower, pair.higher, pair.difference) == ("A", "B", Estimate(1.0, None, None, 1))


def test_a_difference_within_noise_is_told_with_its_p() -> None:
    other = [value + 0.01 * (-1) ** i for i, value in enumerate(EIGHT)]
    ranking = rank([contender("A", EIGHT), contender("B", other)])
    assert ranking.verdicts == ("A and B: no difference beyond noise (p = 1).",)
    ranking = rank([contender("A", EIGHT), contender("B", other), contender("C", [v + 9 for v in EIGHT])])
    assert ranking.verdicts[-1] == "A and B: no difference beyond noise (p = 1)."
    assert len(ranking.verdicts) == 3


def test_what_can_be_said_of_several_pairs_is_one_sentence() -> None:
    rng = np.random.default_rng(0)
    ranking = rank([contender(name, 1 + rng.random(8)) for name in "ABC"])
    (sentence,) = ranking.verdicts
    smallest = min(pair.p for pair in ranking.pairs)
    assert sentence == f"No two of these runs differ beyond noise (smallest p = {smallest:.2g})."
    same = [contender(name, EIGHT) for name in "ABC"]
    assert rank(same).verdicts == ("No difference at all: A and B, A and C, B and C.",)
    apart = rank([*same, contender("D", [v + 1 for v in EIGHT])])
    assert apart.verdicts[0] == "A below D on 8 of 8 seeds, by 1 (1 to 1)."
    assert apart.verdicts[-1] == "No difference at all: A and B, A and C, B and C."


def test_one_seed_tells_nothing_and_says_so() -> None:
    ranking = rank([contender("A", [1.0]), contender("B", [2.0]), contender("C", [3.0])])
    assert ranking.verdicts == ("One seed: differences may be luck. Choose several seeds to tell.",)
    assert rank([contender("A", [1.0]), contender("B", [1.0])]).verdicts == ("A and B: no difference at all.",)
    assert rank([contender("A", [1.0])]).verdicts == ()


@pytest.mark.parametrize(("runs", "seeds", "needed"), [(2, 5, 6), (3, 6, 7), (4, 7, 8), (6, 9, 10)])
def test_too_few_seeds_say_how_many_are_needed_and_as_many_as_that_can_tell(runs: int, seeds: int, needed: int) -> None:
    def contenders(count: int) -> list[Contender]:
        return [contender(f"R{run}", [run + 0.01 * seed for seed in range(count)]) for run in range(runs)]

    ranking = rank(contenders(seeds))
    assert ranking.verdicts == (f"{seeds} seeds are too few to tell {runs} runs apart: choose at least {needed}.",)
    assert {pair.verdict for pair in ranking.pairs} == {"too-few-seeds"}
    assert {pair.verdict for pair in rank(contenders(needed)).pairs} == {"beyond-noise"}


def test_pairs_that_lost_seeds_say_how_many_they_have() -> None:
    runs = [contender(name, [value + shift for value in EIGHT]) for name, shift in (("A", 0.0), ("B", 1.0))]
    broken = contender("C", [value + 2 for value in EIGHT], failed_at=[3, 3, 3, 3, *[-1] * 4])
    ranking = rank([*runs, broken])
    assert ranking.verdicts[1] == "Too few seeds in common to tell, 7 are needed: A and C (4), B and C (4)."


def test_seeds_pair_by_their_number_and_not_by_their_place() -> None:
    a = contender("A", [1.0, 2.0, 3.0], seeds=[5, 6, 7])
    b = contender("B", [3.0, 2.0, 1.0], seeds=[7, 6, 5])
    assert rank([a, b]).pairs[0].verdict == "identical"
    apart = rank([a, contender("C", [1.0, 2.0, 3.0], seeds=[1, 2, 3])])
    assert apart.verdicts == ("A and C: no seed to compare them on.",)
    assert apart.pairs[0].difference == Estimate()


def test_seeds_that_failed_in_either_run_are_left_out_of_the_pair() -> None:
    a = contender("A", EIGHT, failed_at=[1, *[-1] * 7])
    b = contender("B", [v + 1 for v in EIGHT], failed_at=[*[-1] * 7, 1])
    (pair,) = rank([a, b]).pairs
    assert (pair.difference.seeds, pair.wins, pair.p) == (6, 6, 2 / 64)


def test_p_values_are_sign_flip_tests_corrected_for_all_pairs() -> None:
    w1 = np.random.default_rng(1).random((4, 8)) + np.arange(4)[:, None] / 4
    pairs = compare(list("ABCD"), w1)
    expected = holm([sign_flip_test(w1[j] - w1[i]) for i in range(4) for j in range(i + 1, 4)])
    assert [pair.p for pair in pairs] == expected
    assert all((pair.verdict == "beyond-noise") == (pair.p <= 0.05) for pair in pairs)


@pytest.mark.parametrize(("runs", "seeds"), [(2, 6), (2, 12), (4, 8), (6, 10)])
def test_equal_laws_are_called_different_no_more_often_than_five_times_in_a_hundred(runs: int, seeds: int) -> None:
    rng = np.random.default_rng(runs * seeds)
    draws = 1000
    luck = rng.exponential(size=(draws, 1, seeds))
    w1 = luck * np.exp(rng.standard_normal((draws, runs, seeds)))
    titles = [f"R{run}" for run in range(runs)]
    wrong = sum(any(pair.verdict == "beyond-noise" for pair in compare(titles, table)) for table in w1)
    assert wrong <= stats.binom.ppf(0.999, draws, 0.05)


def test_a_clear_shift_is_found_with_eight_seeds_among_four_runs() -> None:
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(200):
        luck = rng.standard_normal(8)
        w1 = 5 + luck + 0.2 * rng.standard_normal((4, 8))
        w1[3] += 1
        pairs = compare(list("ABCD"), w1)
        found += all(pair.verdict == "beyond-noise" for pair in pairs if pair.higher == "D")
    assert found >= 190


# ---- what is refused


@pytest.mark.parametrize(
    ("contenders", "sentence"),
    [
        ([contender("A", [1.0]), contender("A", [2.0])], "two runs are called 'A'"),
        ([contender("A", [1.0, 2.0], seeds=[3, 3])], "A has a seed twice"),
        ([contender("A", [1.0, 2.0], seeds=[3])], "A has 1 seeds, but 2 entries"),
        ([contender("A", [1.0], measured=[])], "A has 1 seeds, but 0 entries"),
        ([contender("A", [1.0], failed_at=[-1, -1])], "A has 1 seeds, but 2 entries"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_contenders_that_contradict_themselves_are_refused(contenders: list[Contender], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rank(contenders)


# ---- files


@pytest.fixture
def ranking() -> Ranking:
    return rank(
        [
            contender('A "quoted", run', [1.0, 2.0, 4.0], floor=(0.5, 0.1), failed_at=[-1, -1, -1]),
            contender("B", [1e300, 2e300, 1e300], floor=(1e-10, 0.1), failed_at=[-1, -1, 5]),
            Contender("new\nrun", range(3), []),
        ]
    )


def test_the_json_is_plain_finite_and_complete(ranking: Ranking) -> None:
    found = json.loads(json.dumps(ranking.to_json(), allow_nan=False))
    assert set(found) == {"rows", "pairs", "verdicts", "points"}
    assert [set(row) for row in found["rows"]] == [{field.name for field in dataclasses.fields(Row)}] * 3
    assert [set(pair) for pair in found["pairs"]] == [{field.name for field in dataclasses.fields(Pair)}] * 3
    first = ranking.rows[0]
    assert found["rows"][0]["w1"] == {"value": first.w1.value, "low": 1.0, "high": 4.0, "seeds": 3}
    assert found["rows"][0]["floor"] == [0.5, 0.1]
    assert found["rows"][1]["w1_over_floor"]["value"] is None, "beyond what a number can be"
    assert found["rows"][2]["w1"] == {"value": None, "low": None, "high": None, "seeds": 0}


def test_the_csv_has_a_line_a_run_and_units_in_its_header(ranking: Ranking) -> None:
    text = ranking.to_csv()
    assert text.endswith("\r\n")
    lines = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert [line["run"] for line in lines] == ['A "quoted", run', "B", "new\nrun"]
    assert {len(line) for line in lines} == {len(lines[0])}
    first = lines[0]
    assert float(first["W1 (data units)"]) == ranking.rows[0].w1.value
    assert (first["W1, low (data units)"], first["W1, high (data units)"], first["W1, seeds"]) == ("1.0", "4.0", "3")
    assert (first["floor (data units)"], first["floor std (data units)"]) == ("0.5", "0.1")
    assert first["steps to all modes (generator steps)"] == "100.0"
    assert lines[1]["overflowed (seeds)"] == "1"
    assert lines[2]["W1 (data units)"] == lines[2]["floor (data units)"] == ""
    assert not {"nan", "inf", "None"} & {value for line in lines for value in line.values()}
