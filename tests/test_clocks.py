"""Clocks: what a step is worth, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Hands, StandIn
from toygan.clocks import CLOCKS, step_at_updates, updates_at
from toygan.engine import Engine
from toygan.recipe import Recipe

CHANGING = Recipe(critic_steps=2).intervene(10, critic_steps=5).intervene(14, critic_steps=1)


def test_critic_updates_are_those_of_every_step_until_then() -> None:
    assert [updates_at(CHANGING, step) for step in (0, 1, 10, 11, 14, 20)] == [0, 2, 20, 25, 40, 46]


@given(step=st.floats(0, 5000))
def test_the_step_at_a_number_of_updates_is_the_one_they_belong_to(step: float) -> None:
    assert step_at_updates(CHANGING, updates_at(CHANGING, step)) == pytest.approx(step, abs=1e-6)


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_s_reading_leads_back_to_the_step(name: str, hands: Hands) -> None:
    engine = Engine(lambda: hands)
    run = engine.open(CHANGING)
    for _ in range(6):
        hands.finish_all()
        engine.watch(run, "me", cursor=run.frontier)
    hands.finish_all()
    clock = CLOCKS[name]
    readings = [clock.reading(run, step) for step in range(run.frontier + 1)]
    assert readings == sorted(readings) and readings[0] == 0
    for step, reading in enumerate(readings):
        assert clock.step(run, reading) == pytest.approx(step, abs=1e-6)


def test_training_time_is_the_workers_own(hands: Hands) -> None:
    hands.work = StandIn(pace=0.5)
    engine = Engine(lambda: hands)
    run = engine.open(Recipe())
    while run.frontier < 8:
        hands.finish_all()
        engine.watch(run, "me", cursor=run.frontier, until=8)
    assert CLOCKS["seconds"].reading(run, 8) == pytest.approx(4.0)
