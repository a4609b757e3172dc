"""Demonstration: runs that begin by themselves and that the reader can hold and see again."""

from __future__ import annotations

import pytest

from tests.conftest import Clock, Hands
from tests.test_lockstep import TWO, Page
from toygan.comparison import Comparison
from toygan.demonstration import Demonstration

OTHER = Comparison.of_methods(("wgan", "dragan"))


class Lesson(Page):
    """A browser tab on a page that shows a demonstration."""

    def __init__(self, hands: Hands, clock: Clock) -> None:
        super().__init__(hands, clock)
        self.demonstration = self.lockstep = Demonstration(self.engine, TWO, now=clock)

    def ask(self, comparison: Comparison = TWO, goal: int = 100) -> None:
        self.demonstration.ask(comparison, goal)

    def to_the_end(self) -> None:
        self.until(lambda: not self.demonstration.playing)


@pytest.fixture
def page(hands: Hands, clock: Clock) -> Lesson:
    return Lesson(hands, clock)


def test_it_begins_by_itself_and_stops_at_the_goal(page: Lesson) -> None:
    page.ask()
    assert page.demonstration.playing
    page.to_the_end()
    assert page.demonstration.ended and page.demonstration.steps == (100, 100)


def test_it_is_not_judged(page: Lesson) -> None:
    page.ask()
    page.to_the_end()
    for _ in range(5):
        page.tick()
    assert all(not run.measured for run in page.demonstration.runs)
    assert page.demonstration._page(page.demonstration.runs, None)["ranking"] is None


def test_asked_again_for_the_same_it_stays_at_its_end(page: Lesson) -> None:
    page.ask()
    page.to_the_end()
    page.ask()
    assert not page.demonstration.playing and page.demonstration.reading == 100


def test_other_runs_begin_by_themselves_after_the_end(page: Lesson) -> None:
    page.ask()
    page.to_the_end()
    page.ask(OTHER)
    assert page.demonstration.playing and page.demonstration.reading == 0


def test_a_further_goal_goes_on(page: Lesson) -> None:
    page.ask()
    page.to_the_end()
    page.ask(goal=150)
    assert page.demonstration.playing and page.demonstration.reading == 100


def test_what_the_reader_paused_stays_paused_for_other_runs_too(page: Lesson) -> None:
    page.ask()
    page.tick()
    page.demonstration.pause()
    page.ask(OTHER)
    assert not page.demonstration.playing
    page.demonstration.play()
    page.ask(TWO)
    assert page.demonstration.playing


def test_at_its_end_it_plays_from_the_start_again_without_training_anything_anew(page: Lesson) -> None:
    page.ask()
    page.to_the_end()
    page.settle()
    asked = len(page.hands.calls)
    page.steps.clear()
    page.demonstration.play()
    readings = [page.tick()["reading"]]
    assert 0 < readings[0] < 100 and page.demonstration.notice is None
    page.to_the_end()
    page.settle()
    assert all({0, 100} <= set(steps) for steps in page.steps.values())
    assert "chunk" not in page.hands.names()[asked:]


def test_it_has_as_many_keyframes_as_it_is_asked_for(page: Lesson) -> None:
    page.demonstration.keyframes = 50
    page.ask(goal=500)
    page.to_the_end()
    assert all(len(run.keyframes) >= 50 for run in page.demonstration.runs)
