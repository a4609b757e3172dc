"""Lockstep: several runs at one reading of a clock."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Clock, Hands, StandIn
from toygan.comparison import Comparison
from toygan.engine import Engine
from toygan.lockstep import Lockstep
from toygan.recipe import Recipe

TWO = Comparison.of_methods(("wgan", "wgan-gp"))


class Paces(StandIn):
    """Methods that take different times, as real ones do."""

    def chunk(self, recipe: Recipe, state: Any, steps: int) -> Any:
        self.pace = {"wgan": 0.01, "wgan-gp": 0.04}.get(recipe.method, 0.02)
        return super().chunk(recipe, state, steps)

    def measure(self, recipe: Recipe, state: Any, points: int) -> dict[str, Any]:
        return {"w1": float(state.step), "w1_floor": 0.1, "w1_floor_std": 0.01}


class Page:
    """A browser tab on the Compare page."""

    def __init__(self, hands: Hands, clock: Clock, comparison: Comparison = TWO) -> None:
        self.hands = hands
        hands.work = Paces()
        self.engine = Engine(lambda: hands, clock=clock)
        self.lockstep = Lockstep(self.engine, comparison, now=clock)
        self.steps: dict[str, list[int]] = {}
        self.head: dict[str, Any] = {}

    def tick(self) -> dict[str, Any]:
        """A tick, after which the workers finish all they were asked for."""
        self.receive()
        self.hands.finish_all()
        return self.head["page"]

    def receive(self) -> None:
        data = self.lockstep.tick()
        (length,) = struct.unpack_from("<I", data)
        self.head, at = json.loads(data[4 : 4 + length]), 4 + length
        for part in self.head["runs"]:
            for size in part["sizes"]:
                step = int(data[at : at + size].decode().split(":")[1])
                self.steps.setdefault(part["run"], []).append(step)
                at += size

    def until(self, condition: Callable[[], Any], most: int = 2000) -> None:
        for _ in range(most):
            if condition():
                return
            self.tick()
        raise AssertionError("it never came to that")

    def settle(self) -> None:
        self.until(lambda: not self.lockstep.live)

    def play_to(self, reading: int) -> None:
        self.lockstep.stop_at(reading)
        self.lockstep.play()
        self.until(lambda: not self.lockstep.playing)
        self.settle()


@pytest.fixture
def page(hands: Hands, clock: Clock) -> Page:
    return Page(hands, clock)


def test_before_training_all_runs_stand_at_step_zero(page: Page) -> None:
    page.settle()
    assert page.head["page"]["reading"] == 0 and page.lockstep.steps == (0, 0)
    assert all(steps == [0] for steps in page.steps.values())


def test_messages_tell_each_run_s_noise_floor_once_it_is_known(page: Page) -> None:
    page.tick()
    assert [part["status"]["floor"] for part in page.head["runs"]] == [None, None]
    page.tick()
    assert [part["status"]["floor"] for part in page.head["runs"]] == [{"w1": 0.1, "std": 0.01, "n": 500}] * 2


def test_a_page_is_eager_for_its_first_keyframes_and_for_the_first_that_are_trained(page: Page) -> None:
    assert page.lockstep.eager
    page.settle()
    assert not page.lockstep.eager
    page.lockstep.play()
    assert page.lockstep.eager
    page.until(lambda: page.lockstep.reading > 0)
    assert page.lockstep.playing and not page.lockstep.eager


def test_a_page_that_has_seen_all_there_is_waits_for_news_and_gets_them(page: Page) -> None:
    news: list[int] = []
    page.lockstep.news = lambda: news.append(1)
    page.receive()
    assert page.lockstep.patient and not news
    page.hands.finish_all()
    assert len(news) == 2
    page.settle()
    assert not page.lockstep.patient, "it waits for nothing"
    page.lockstep.play()
    for _ in range(40):
        page.receive()
        if page.lockstep.patient:
            seen = page.lockstep.reading, {run: len(steps) for run, steps in page.steps.items()}
            page.receive()
            assert seen == (page.lockstep.reading, {run: len(steps) for run, steps in page.steps.items()})
            before = len(news)
            page.hands.finish_all()
            assert len(news) > before
    assert page.lockstep.reading > 100


def test_in_lock_step_by_generator_steps_all_stop_at_the_same_step(page: Page) -> None:
    page.play_to(137)
    assert page.lockstep.steps == (137, 137)
    assert page.head["page"]["state"] == "paused"


def test_by_critic_updates_a_run_with_more_of_them_makes_fewer_steps(hands: Hands, clock: Clock) -> None:
    page = Page(hands, clock, Comparison.of_values("critic_steps", (1, 5), {"method": "wgan-gp"}, clock="updates"))
    page.play_to(100)
    assert page.lockstep.steps == (100, 20)


def test_by_time_the_quicker_run_makes_more_steps(hands: Hands, clock: Clock) -> None:
    page = Page(hands, clock, Comparison.of_methods(("wgan", "wgan-gp"), clock="seconds"))
    page.play_to(4)
    assert page.lockstep.steps == (400, 100)


def test_while_training_no_run_is_far_ahead_of_the_slowest(page: Page) -> None:
    page.lockstep.stop_at(3000)
    page.lockstep.play()
    for _ in range(60):
        page.tick()
        quick, slow = page.lockstep.runs
        ahead = [k for k in quick.keyframes if k.step > page.lockstep.reading]
        assert len(ahead) <= 4
        assert page.lockstep.reading <= min(quick.frontier, slow.frontier)


def test_readings_never_fall_while_training(page: Page) -> None:
    page.lockstep.stop_at(1000)
    page.lockstep.play()
    readings = [page.tick()["reading"] for _ in range(40)]
    assert readings == sorted(readings) and readings[-1] > 0


def test_at_rest_every_run_is_measured_at_its_step_and_the_table_says_so(page: Page) -> None:
    page.play_to(50)
    ranking = page.head["page"]["ranking"]
    assert ranking["points"] == 2000
    assert {row["step"] for row in ranking["rows"]} == {50}
    assert all(row["w1"]["value"] == 50.0 for row in ranking["rows"])
    for run in page.lockstep.runs:
        assert 50 in page.steps[run.key], "the browser gets the keyframe of the very step that is measured"


def test_measurements_are_told_of_all_runs_together(page: Page) -> None:
    page.settle()
    page.lockstep.stop_at(50)
    page.lockstep.play()
    told = []
    while page.lockstep.live:
        page.receive()
        told.append((page.head["page"]["measuring"], [bool(run["status"]["measured"]) for run in page.head["runs"]]))
        if page.hands.waiting:
            page.hands.finish()
    assert ("Measuring: 1 of 2 runs done", [False, False]) in told
    assert told[-1] == (None, [True, True])
    assert all(measured in ([False, False], [True, True]) for _, measured in told)


def test_the_browser_has_a_keyframe_beyond_the_reading_to_move_towards(page: Page) -> None:
    page.lockstep.stop_at(5000)
    page.lockstep.play()
    for _ in range(30):
        page.tick()
    for run in page.lockstep.runs:
        assert any(step >= page.head["page"]["reading"] for step in page.steps[run.key])


def test_paused_runs_compute_nothing(page: Page) -> None:
    page.lockstep.play()
    for _ in range(5):
        page.tick()
    page.lockstep.pause()
    page.settle()
    asked = len(page.hands.calls)
    for _ in range(5):
        page.tick()
    assert len(page.hands.calls) == asked


def test_by_another_clock_the_runs_stand_where_they_were_seen(hands: Hands, clock: Clock) -> None:
    page = Page(hands, clock, Comparison.of_values("critic_steps", (1, 5), {"method": "wgan-gp"}))
    page.play_to(60)
    page.lockstep.change(clock="updates")
    assert page.lockstep.reading == 60, "where the run with one update a step stands"
    assert page.lockstep.steps == (60, 12)
    page.lockstep.change(clock="steps")
    assert page.lockstep.reading == 60


def test_runs_that_are_known_are_shown_as_far_as_all_of_them_have_come(page: Page) -> None:
    page.play_to(60)
    other = Lockstep(page.engine, TWO, now=page.engine._clock)
    assert other.reading == 0
    other.go_to_known()
    assert other.reading == min(run.frontier for run in other.runs) >= 60


def test_another_comparison_goes_on_training(page: Page) -> None:
    page.lockstep.play()
    page.tick()
    page.lockstep.watch(Comparison.of_methods(("wgan", "dragan")))
    assert page.lockstep.playing
    page.lockstep.pause()
    page.lockstep.watch(TWO)
    assert not page.lockstep.playing


def test_before_anything_is_trained_nothing_is_said_of_differences(page: Page) -> None:
    page.settle()
    page.tick()
    assert page.head["page"]["ranking"]["verdicts"] == ["Nothing is trained yet."]


def test_reset_goes_back_to_the_start_and_sends_everything_again(page: Page) -> None:
    page.play_to(40)
    page.steps.clear()
    page.lockstep.reset()
    page.settle()
    assert page.lockstep.steps == (0, 0)
    assert all(steps[0] == 0 for steps in page.steps.values())


def test_play_beyond_the_goal_says_what_to_do(page: Page) -> None:
    page.play_to(20)
    page.lockstep.play()
    assert not page.lockstep.playing
    assert page.lockstep.notice is not None and "raise Stop at" in page.lockstep.notice


def test_a_run_that_fails_does_not_hold_up_the_others(hands: Hands, clock: Clock) -> None:
    page = Page(hands, clock)

    class OneFails(Paces):
        def chunk(self, recipe: Recipe, state: Any, steps: int) -> Any:
            self.fails_at = 15 if recipe.method == "wgan" else None
            return super().chunk(recipe, state, steps)

    hands.work = OneFails()
    page.play_to(80)
    failed, sound = page.lockstep.runs
    assert failed.failed and failed.frontier == 15
    assert page.lockstep.steps == (15, 80)
    states = {part["run"]: part["status"]["state"] for part in page.head["runs"]}
    assert states == {failed.key: "failed", sound.key: "ready"}


def test_when_all_runs_have_failed_training_stops(page: Page) -> None:
    class AllFail(Paces):
        def chunk(self, recipe: Recipe, state: Any, steps: int) -> Any:
            self.fails_at = 15
            return super().chunk(recipe, state, steps)

    page.hands.work = AllFail()
    page.lockstep.play()
    page.until(lambda: not page.lockstep.playing)


def test_replicates_are_ranked_seed_by_seed(hands: Hands, clock: Clock) -> None:
    page = Page(hands, clock, Comparison.of_methods(("wgan", "wgan-gp"), replicates=3))
    page.play_to(30)
    rows = page.head["page"]["ranking"]["rows"]
    assert [row["seeds"] for row in rows] == [3, 3]
    assert page.head["page"]["ranking"]["verdicts"] == ["WGAN and WGAN-GP: no difference at all."]


def test_one_method_against_itself_on_equal_seeds_shows_no_difference(hands: Hands, clock: Clock) -> None:
    page = Page(hands, clock, Comparison.of_methods(("wgan", "wgan"), replicates=4))
    page.play_to(30)
    assert page.lockstep.steps == (30, 30)
    (pair,) = page.head["page"]["ranking"]["pairs"]
    assert pair["verdict"] == "identical" and pair["difference"]["value"] == 0


def test_what_the_browser_lacks_is_sent_again(page: Page) -> None:
    page.play_to(40)
    run = page.lockstep.runs[0]
    before = page.steps.pop(run.key)
    page.lockstep.resend(run.key, -1)
    page.settle()
    assert sorted(set(page.steps[run.key])) == sorted(set(before))


def test_another_comparison_with_a_run_in_common_does_not_train_it_again(page: Page) -> None:
    page.play_to(40)
    page.lockstep.watch(Comparison.of_methods(("wgan", "dragan")))
    asked = [call.args[0].method for call in page.hands.calls if call.name == "chunk"].count("wgan")
    page.play_to(40)
    again = [call.args[0].method for call in page.hands.calls if call.name == "chunk"].count("wgan")
    assert again == asked
