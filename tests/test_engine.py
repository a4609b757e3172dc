"""Runs are shared, trained only while somebody watches, and survive the death of a worker."""

from __future__ import annotations

import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Clock, Hands, StandIn
from toygan import engine as engines
from toygan import worker
from toygan.engine import AHEAD, CHUNK, INTEREST, Engine, Run
from toygan.frames import unpack
from toygan.pool import InlineExecutor, worker_processes
from toygan.recipe import MAX_STEPS, Recipe
from toygan.store import Store
from toygan.training import advance, initial_state

ROOT = Path(__file__).parents[1]
SMALL = {"generator_width": 8, "generator_depth": 1, "critic_width": 8, "critic_depth": 1, "batch": 16}


def small(**fields: Any) -> Recipe:
    return Recipe.from_json({**SMALL, **fields})


@pytest.fixture
def engine(hands: Hands, clock: Clock) -> Engine:
    return Engine(lambda: hands, clock=clock)


def opened(engine: Engine, hands: Hands, **fields: Any) -> Run:
    """A run with its first keyframe."""
    run = engine.open(small(**fields))
    hands.finish_all()
    return run


def steps_of(run: Run) -> list[int]:
    return [keyframe.step for keyframe in run.keyframes]


def asked_steps(hands: Hands) -> list[int]:
    """How many steps each chunk asked for so far had."""
    return [call.args[2] for call in hands.calls if call.name == "chunk"]


# ---- sharing


def test_equal_recipes_are_one_run_however_they_are_written(engine: Engine, hands: Hands) -> None:
    first = engine.open(small(seed=3))
    second = engine.open(Recipe.from_query(small(seed=3).to_query()))
    assert first is second
    hands.finish_all()
    assert engine.open(small(seed=3)) is first
    assert hands.names() == ["start"]
    assert steps_of(first) == [0]


def test_other_recipes_are_other_runs(engine: Engine, hands: Hands) -> None:
    assert engine.open(small(seed=1)) is not engine.open(small(seed=2))
    assert hands.names() == ["start", "start"]


def test_sessions_that_open_a_recipe_at_the_same_time_start_it_once(engine: Engine, hands: Hands) -> None:
    together = threading.Barrier(8)
    runs: list[Run] = []

    def session() -> None:
        together.wait()
        runs.append(engine.open(small()))

    threads = [threading.Thread(target=session) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hands.names() == ["start"]
    assert all(run is runs[0] for run in runs)


def test_many_viewers_of_a_run_have_one_chunk_in_flight(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    for viewer in range(30):
        engine.watch(run, f"viewer {viewer}", cursor=0)
    assert len(hands.waiting) == 1
    hands.finish()
    assert len(hands.waiting) == 1


# ---- anything else


def test_the_answer_to_anything_asked_comes_when_a_worker_has_it(engine: Engine, hands: Hands) -> None:
    hands.work = lambda function, *args: function(*args)
    future = engine.ask(divmod, 7, 2)
    assert not future.done()
    assert hands.names() == ["divmod"]
    hands.finish()
    assert future.result() == (3, 1)


def test_what_is_computed_is_waited_for() -> None:
    assert Engine(InlineExecutor).compute(divmod, 7, 2) == (3, 1)


def test_what_fails_on_a_worker_fails_for_who_asked() -> None:
    future = Engine(InlineExecutor).ask(divmod, 7, 0)
    assert isinstance(future.exception(), ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        Engine(InlineExecutor).compute(divmod, 7, 0)


# ---- demand


def test_a_run_that_nobody_watches_is_only_started(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    assert hands.names() == ["start"]
    assert run.frontier == 0


def test_chunks_follow_one_another_until_enough_keyframes_are_ahead(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "me", cursor=0)
    hands.finish_all()
    assert len(run.keyframes) == 1 + AHEAD
    assert len(asked_steps(hands)) == AHEAD
    engine.watch(run, "me", cursor=0)
    assert not hands.waiting


def test_moving_on_asks_for_as_many_keyframes_as_were_shown(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "me", cursor=0)
    hands.finish_all()
    for shown in range(1, 5):
        engine.watch(run, "me", cursor=run.keyframes[shown].step)
        hands.finish_all()
        assert len(run.keyframes) == 1 + AHEAD + shown


def test_the_viewer_that_is_furthest_on_decides_how_far_training_goes(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "behind", cursor=0)
    hands.finish_all()
    last = run.frontier
    engine.watch(run, "in front", cursor=last)
    hands.finish_all()
    assert len(run.keyframes) - run.index_after(last) == AHEAD


def test_interest_that_is_not_renewed_expires(engine: Engine, hands: Hands, clock: Clock) -> None:
    run = opened(engine, hands)
    engine.watch(run, "me", cursor=0)
    clock.now += INTEREST + 0.01
    hands.finish()
    assert steps_of(run) == [0, 1]
    assert not hands.waiting


def test_interest_that_is_renewed_lasts(engine: Engine, hands: Hands, clock: Clock) -> None:
    run = opened(engine, hands)
    for shown in range(10):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish()
        clock.now += 0.9 * INTEREST
        assert len(run.keyframes) == 2 + shown


def test_nothing_is_computed_after_the_last_viewer_left_but_the_chunk_in_flight_is_kept(
    engine: Engine, hands: Hands
) -> None:
    run = opened(engine, hands)
    engine.watch(run, "me", cursor=0)
    engine.leave(run, "me")
    engine.leave(run, "me")
    hands.finish_all()
    assert len(asked_steps(hands)) == 1
    assert steps_of(run) == [0, 1]


def test_a_run_goes_on_for_those_who_stay(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "one", cursor=0)
    engine.watch(run, "other", cursor=0)
    engine.leave(run, "one")
    hands.finish_all()
    assert len(run.keyframes) == 1 + AHEAD


def test_watching_before_the_first_keyframe_is_no_mistake(engine: Engine, hands: Hands) -> None:
    run = engine.open(small())
    engine.watch(run, "me", cursor=0)
    assert hands.names() == ["start"]
    hands.finish_all()
    assert len(run.keyframes) == 1 + AHEAD


# ---- how far and in what steps


@pytest.mark.parametrize("until", [1, 2, 7, 30, 101])
def test_a_run_stops_exactly_where_it_is_wanted_to(engine: Engine, hands: Hands, until: int) -> None:
    run = opened(engine, hands)
    for _ in range(100):
        engine.watch(run, "me", cursor=run.frontier, until=until)
        hands.finish_all()
    assert run.frontier == until
    assert sum(asked_steps(hands)) == until


@pytest.mark.parametrize("stride", [1, 3, 10])
def test_no_chunk_is_longer_than_the_stride(engine: Engine, hands: Hands, stride: int) -> None:
    run = opened(engine, hands)
    for _ in range(20):
        engine.watch(run, "me", cursor=run.frontier, stride=stride)
        hands.finish_all()
    assert max(asked_steps(hands)) == stride


def test_each_viewer_gets_a_keyframe_at_its_own_goal(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    # Both always want more: neither has anything ahead of where it is.
    engine.watch(run, "one", cursor=MAX_STEPS, until=37)
    engine.watch(run, "other", cursor=MAX_STEPS, until=53)
    hands.finish_all()
    assert {37, 53} <= set(steps_of(run))
    assert run.frontier == 53


def test_the_slowest_viewer_that_waits_decides_how_long_chunks_are(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "slow", cursor=MAX_STEPS, until=80, stride=3)
    engine.watch(run, "fast", cursor=MAX_STEPS, until=80)
    hands.finish_all()
    assert run.frontier == 80
    assert max(asked_steps(hands)) == 3


def test_no_run_goes_beyond_the_longest_that_is_allowed(engine: Engine, hands: Hands) -> None:
    hands.work = StandIn(pace=1e-9)
    run = opened(engine, hands)
    for _ in range(40):
        engine.watch(run, "me", cursor=run.frontier, until=10 * MAX_STEPS)
        hands.finish_all()
    assert run.frontier == MAX_STEPS


def test_chunks_at_most_double_until_they_take_the_time_they_should(engine: Engine, hands: Hands) -> None:
    hands.work = StandIn(pace=CHUNK / 100)
    run = opened(engine, hands)
    for _ in range(10):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    lengths = asked_steps(hands)
    assert lengths[0] == 1
    assert all(b <= 2 * a for a, b in itertools.pairwise(lengths))
    assert lengths[-1] == pytest.approx(100, abs=2)
    assert run.steps_per_second == pytest.approx(100 / CHUNK, rel=0.1)


def test_chunks_shrink_to_single_steps_when_a_step_takes_long(engine: Engine, hands: Hands) -> None:
    hands.work = StandIn(pace=CHUNK / 50)
    run = opened(engine, hands)
    for _ in range(6):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    hands.work = StandIn(pace=3.0)
    for _ in range(3):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    assert asked_steps(hands)[-1] == 1


def test_a_speed_is_told_only_once_something_was_trained(engine: Engine, hands: Hands) -> None:
    assert opened(engine, hands).steps_per_second is None


# ---- workers that die and other trouble

DIED = "The worker process died twice"


def test_a_chunk_whose_worker_died_is_asked_for_again(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "me", cursor=0)
    hands.kill()
    assert hands.calls[-1].function is hands.calls[-2].function
    assert hands.calls[-1].args == hands.calls[-2].args
    hands.finish_all()
    assert run.error is None
    assert steps_of(run)[:2] == [0, 1]


def test_a_worker_that_dies_twice_at_the_same_place_is_a_sentence(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "me", cursor=0)
    hands.kill()
    hands.kill()
    assert run.error is not None and DIED in run.error
    assert not run.busy
    engine.watch(run, "me", cursor=0)
    engine.open(run.recipe)
    assert not hands.waiting
    assert steps_of(run) == [0]


def test_deaths_at_different_places_are_forgiven(engine: Engine, hands: Hands) -> None:
    run = engine.open(small())
    hands.kill()
    hands.finish()
    for _ in range(5):
        engine.watch(run, "me", cursor=run.frontier)
        hands.kill()
        hands.finish()
    assert run.error is None
    assert len(run.keyframes) == 6


def test_a_run_that_ended_in_an_error_can_be_tried_again(engine: Engine, hands: Hands) -> None:
    run = engine.open(small())
    hands.kill()
    hands.kill()
    assert run.error is not None
    engine.forget(run)
    again = engine.open(run.recipe)
    assert again is not run
    hands.finish_all()
    assert again.error is None and steps_of(again) == [0]


def test_a_sound_run_is_not_forgotten(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.forget(run)
    assert engine.open(run.recipe) is run


def test_a_pool_that_refuses_work_counts_as_one_death_and_another_is_asked_for(hands: Hands, clock: Clock) -> None:
    class Broken(Executor):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
            raise RuntimeError("cannot schedule new futures after shutdown")

    pools: list[Executor] = [Broken(), hands]
    engine = Engine(lambda: pools.pop(0) if len(pools) > 1 else pools[0], clock=clock)
    run = engine.open(small())
    hands.finish_all()
    assert run.error is None and steps_of(run) == [0]


def test_what_cannot_be_trained_says_why_in_the_worker_s_words(engine: Engine, hands: Hands) -> None:
    run = engine.open(small())
    hands.fail(ValueError("device cuda is not available here: choose auto or cpu."))
    assert run.error == "device cuda is not available here: choose auto or cpu."
    assert hands.names() == ["start"]


def test_an_unexpected_error_becomes_a_sentence_and_harms_no_other_run(engine: Engine, hands: Hands) -> None:
    run, other = engine.open(small(seed=1)), engine.open(small(seed=2))
    hands.fail(ZeroDivisionError("division by zero"))
    hands.finish_all()
    assert run.error is not None and "division by zero" in run.error and "Traceback" not in run.error
    assert other.error is None and steps_of(other) == [0]


def test_of_all_that_is_with_a_worker_that_dies_only_what_kills_it_is_given_up(engine: Engine, hands: Hands) -> None:
    poison = small(seed=666)

    def finish_all() -> None:
        """Until all workers rest: a pool with the poison inside breaks, with everything that is in it."""
        while hands.waiting:
            deadly = any(poison in call.args for call in hands.waiting)
            for _ in range(len(hands.waiting)):
                hands.kill() if deadly else hands.finish()

    run = opened(engine, hands, seed=1)
    guilty = engine.open(poison)
    engine.watch(run, "me", cursor=0)
    assert engine.measure(run, 0) is None and engine.floor(run.recipe) is None
    asked = engine.ask(worker.floor, run.recipe, 10)
    finish_all()
    assert guilty.error is not None and DIED in guilty.error
    assert run.error is None and len(run.keyframes) == 1 + AHEAD
    assert engine.measure(run, 0) is not None and engine.floor(run.recipe) is not None
    assert asked.result() == (0.1, 0.01)


def test_an_engine_that_is_closed_ends_its_workers_and_keeps_nothing_that_comes_late(clock: Clock) -> None:
    class Ended(Hands):
        ended = False

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            self.ended = cancel_futures and not wait

    hands = Ended()
    engine = Engine(lambda: hands, clock=clock)
    run = engine.open(small())
    engine.close()
    assert hands.ended
    hands.finish()
    assert not run.keyframes and not hands.waiting


def test_a_death_while_something_is_measured_leaves_the_run_alone(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    assert engine.measure(run, 0) is None
    assert engine.floor(run.recipe) is None
    for _ in range(4):
        hands.kill()
    assert run.error is None
    engine.watch(run, "me", cursor=0)
    hands.finish_all()
    assert len(run.keyframes) == 1 + AHEAD


def test_a_run_that_went_wrong_is_marked_and_not_continued(engine: Engine, hands: Hands) -> None:
    hands.work = StandIn(fails_at=9)
    run = opened(engine, hands)
    for _ in range(10):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    assert run.failed and run.error is None
    assert run.frontier == 9
    count = len(hands.calls)
    engine.watch(run, "me", cursor=9)
    engine.forget(run)
    assert engine.open(run.recipe) is run
    assert len(hands.calls) == count


# ---- memory


def test_a_long_run_keeps_its_first_and_newest_keyframes_and_thins_the_old_ones(
    engine: Engine, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "KEYFRAMES", 20)
    run = opened(engine, hands)
    for _ in range(100):
        engine.watch(run, "me", cursor=run.frontier, stride=1)
        hands.finish()
        steps = steps_of(run)
        assert len(steps) <= 20
        assert steps == sorted(set(steps))
        assert steps[0] == 0 and steps[-1] == run.frontier
    assert steps[-10:] == list(range(run.frontier - 9, run.frontier + 1))


def test_a_list_of_keyframes_that_somebody_reads_is_never_changed(
    engine: Engine, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "KEYFRAMES", 8)
    run = opened(engine, hands)
    read = []
    for _ in range(12):
        read.append((run.keyframes, steps_of(run)))
        engine.watch(run, "me", cursor=run.frontier, until=12, stride=1)
        hands.finish_all()
    assert 1 not in steps_of(run)
    read.append((run.keyframes, steps_of(run)))
    engine.visit(run, 1)
    hands.finish_all()
    assert 1 in steps_of(run)
    assert [[keyframe.step for keyframe in keyframes] for keyframes, _ in read] == [steps for _, steps in read]


def test_a_long_run_keeps_few_states_spread_over_its_length_and_its_newest(
    engine: Engine, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = StandIn().start(small()).state.nbytes
    monkeypatch.setattr(engines, "CHECKPOINTS", 12 * size)
    run = opened(engine, hands)
    for _ in range(200):
        engine.watch(run, "me", cursor=run.frontier, stride=1)
        hands.finish()
        assert len(run.states) <= 12
        assert {0, run.frontier} <= set(run.states)
    kept = sorted(run.states)
    assert max(b - a for a, b in itertools.pairwise(kept)) <= run.frontier / 2


@pytest.mark.parametrize("stride", [1, 10, MAX_STEPS])
def test_however_large_states_are_the_one_of_the_step_shown_is_kept(
    engine: Engine, hands: Hands, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    # A pause measures it and a change of the method with the weights kept goes on from it.
    monkeypatch.setattr(engines, "CHECKPOINTS", 0)
    run = opened(engine, hands)
    cursor = 0
    for _ in range(40):
        engine.watch(run, "me", cursor=cursor, stride=stride)
        hands.finish_all()
        assert cursor in run.states
        assert len(run.states) <= 4 + AHEAD
        cursor = run.keyframes[run.index_after(cursor)].step


def test_runs_nobody_watches_are_dropped_the_least_recently_opened_first(hands: Hands, clock: Clock) -> None:
    hands.work = StandIn(weights=1000)
    size = StandIn(weights=1000).start(small()).state.nbytes
    engine = Engine(lambda: hands, budget=int(3.5 * size), clock=clock)
    runs = [opened(engine, hands, seed=seed) for seed in range(3)]
    engine.open(runs[0].recipe)
    clock.now += INTEREST
    newest = opened(engine, hands, seed=3)
    assert engine.open(newest.recipe) is newest
    assert engine.open(runs[0].recipe) is runs[0]
    assert engine.open(runs[2].recipe) is runs[2]
    assert engine.open(runs[1].recipe) is not runs[1]


def test_runs_that_are_watched_or_at_work_are_not_dropped(hands: Hands, clock: Clock) -> None:
    hands.work = StandIn(weights=1000)
    engine = Engine(lambda: hands, budget=0, clock=clock)
    watched = opened(engine, hands, seed=0)
    engine.watch(watched, "me", cursor=0, until=1)
    hands.finish_all()
    left = opened(engine, hands, seed=1)
    clock.now += INTEREST
    engine.watch(watched, "me", cursor=0, until=1)
    working = engine.open(small(seed=2))
    opened_last = engine.open(small(seed=3))
    hands.waiting.rotate(1)  # the newest completes while the other is still at work
    hands.finish()
    assert engine.open(watched.recipe) is watched
    assert engine.open(working.recipe) is working
    assert engine.open(opened_last.recipe) is opened_last
    assert engine.open(left.recipe) is not left


def test_a_run_is_not_dropped_while_somebody_waits_to_see_it_begin(hands: Hands, clock: Clock) -> None:
    # Others are watched and fill the budget: the one that nobody trains yet is the only one that could go.
    engine = Engine(lambda: hands, budget=0, clock=clock)
    others = [opened(engine, hands, seed=seed) for seed in range(3)]
    newcomer = engine.open(small(seed=9))
    for _ in range(5):
        clock.now += 0.5
        for other in others:
            engine.watch(engine.open(other.recipe), "them", cursor=other.frontier)
        hands.finish_all()
        assert engine.open(newcomer.recipe) is newcomer and newcomer.keyframes


def test_of_many_runs_that_train_fewer_states_are_kept(hands: Hands, clock: Clock) -> None:
    hands.work = StandIn(weights=1000)
    size = StandIn(weights=1000).start(small()).state.nbytes
    kept = []
    for count in (1, 10):
        engine = Engine(lambda: hands, budget=200 * size, clock=clock)
        runs = [opened(engine, hands, seed=seed) for seed in range(count)]
        for _ in range(60):
            for run in runs:
                engine.watch(run, "me", cursor=run.frontier)
            hands.finish_all()
        kept.append(max(len(run.states) for run in runs))
    assert kept[0] == 50 and kept[1] < 10


def test_interest_that_expired_does_not_keep_a_run(hands: Hands, clock: Clock) -> None:
    hands.work = StandIn(weights=1000)
    engine = Engine(lambda: hands, budget=0, clock=clock)
    run = opened(engine, hands, seed=0)
    engine.watch(run, "me", cursor=0, until=1)
    hands.finish_all()
    clock.now += INTEREST + 0.01
    opened(engine, hands, seed=1)
    assert engine.open(run.recipe) is not run


# ---- going back and branching


def test_a_visit_reaches_an_exact_earlier_step_and_keeps_it(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    for _ in range(8):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    engine.leave(run, "me")
    missing = next(step for step in range(run.frontier) if step not in steps_of(run))
    frontier = run.frontier
    assert not engine.visit(run, missing)
    hands.finish_all()
    assert engine.visit(run, missing)
    found = run.keyframe_at(missing)
    assert found is not None and found.data == f"{run.recipe.key}:{missing}".encode()
    assert run.frontier == frontier
    assert steps_of(run) == sorted(set(steps_of(run)))
    assert not hands.waiting


def test_a_visit_to_a_known_step_costs_nothing(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "me", cursor=0)
    hands.finish_all()
    count = len(hands.calls)
    assert all(engine.visit(run, step) for step in steps_of(run))
    assert len(hands.calls) == count


def test_a_visit_beyond_what_was_trained_asks_for_nothing(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    assert not engine.visit(run, 5)
    assert not hands.waiting


def test_a_visit_starts_anew_when_no_earlier_state_was_kept(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    for _ in range(6):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    engine.leave(run, "me")
    newest = run.states[run.frontier]
    run.states.clear()
    run.states[run.frontier] = newest
    missing = next(step for step in range(run.frontier) if step not in steps_of(run))
    engine.visit(run, missing)
    hands.finish_all()
    assert engine.visit(run, missing)
    assert hands.names().count("start") == 2


def test_a_worker_that_dies_during_a_visit_is_forgiven_once(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    for _ in range(6):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    engine.leave(run, "me")
    missing = next(step for step in range(run.frontier) if step not in steps_of(run))
    engine.visit(run, missing)
    hands.kill()
    hands.finish_all()
    assert engine.visit(run, missing) and run.error is None


def test_training_goes_on_from_the_frontier_after_a_visit(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    for _ in range(6):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    frontier = run.frontier
    missing = next(step for step in range(run.frontier) if step not in steps_of(run))
    engine.visit(run, missing)
    hands.finish_all()
    engine.watch(run, "me", cursor=frontier)
    hands.finish()
    assert run.frontier > frontier
    assert steps_of(run)[-1] == run.frontier


def test_a_branch_shares_the_history_and_trains_only_what_differs(engine: Engine, hands: Hands) -> None:
    parent = opened(engine, hands)
    for _ in range(4):
        engine.watch(parent, "me", cursor=parent.frontier)
        hands.finish_all()
    engine.leave(parent, "me")
    before = list(parent.keyframes)
    step = parent.keyframes[-3].step
    recipe = parent.recipe.intervene(step, batch=32)
    count = len(hands.calls)
    assert engine.branch(parent, recipe, step)
    branch = engine.open(recipe)
    assert len(hands.calls) == count
    assert branch.keyframes == before[:-2]
    assert branch.frontier == step
    engine.watch(branch, "me", cursor=step, until=step + 1)
    hands.finish_all()
    assert hands.calls[-1].args[0] == recipe
    assert hands.calls[-1].args[1].step == step
    assert steps_of(branch)[-1] == step + 1
    assert parent.keyframes == before


def test_a_branch_from_a_state_that_is_gone_is_refused(engine: Engine, hands: Hands) -> None:
    parent = opened(engine, hands)
    engine.watch(parent, "me", cursor=0, until=5)
    hands.finish_all()
    assert not engine.branch(parent, parent.recipe.intervene(99, batch=32), 99)


def test_a_branch_that_is_known_is_not_begun_again(engine: Engine, hands: Hands) -> None:
    parent = opened(engine, hands)
    engine.watch(parent, "me", cursor=0, until=1)
    hands.finish_all()
    recipe = parent.recipe.intervene(1, batch=32)
    assert engine.branch(parent, recipe, 1)
    branch = engine.open(recipe)
    engine.watch(branch, "me", cursor=1)
    hands.finish_all()
    length = len(branch.keyframes)
    assert engine.branch(parent, recipe, 1)
    assert engine.open(recipe) is branch
    assert len(branch.keyframes) == length


# ---- measurements


def test_a_state_is_measured_once_for_all_who_ask(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    assert engine.measure(run, 0) is None
    assert engine.measure(run, 0) is None
    assert hands.names().count("measure") == 1
    hands.finish_all()
    assert engine.measure(run, 0) == ({"w1": 0.0, "n": 2000, "step": 0},)
    assert hands.names().count("measure") == 1


def test_seeds_are_measured_one_by_one_and_what_others_want_comes_in_between(engine: Engine, hands: Hands) -> None:
    run = engine.open(small(), replicates=3)
    hands.finish_all()
    engine.measure(run, 0)
    other = engine.open(small(seed=9))
    hands.finish()
    assert hands.names()[-3:] == ["measure", "start", "measure"]
    hands.finish()
    assert other.keyframes and run.measured[0] is None
    hands.finish_all()
    assert [call.args[1].seeds.tolist() for call in hands.calls if call.name == "measure"] == [[0], [1], [2]]
    assert engine.measure(run, 0) == ({"w1": 0.0, "n": 2000, "step": 0},) * 3


def test_seeds_that_nobody_waits_for_any_more_are_not_measured(engine: Engine, hands: Hands, clock: Clock) -> None:
    run = engine.open(small(), replicates=3)
    hands.finish_all()
    engine.measure(run, 0)
    clock.now += INTEREST
    hands.finish()
    clock.now += 1.0
    hands.finish_all()
    assert hands.names().count("measure") == 2
    assert engine.measure(run, 0) is None and engine.measuring(run, 0)
    hands.finish_all()
    assert len(engine.measure(run, 0) or ()) == 3


def test_a_step_beyond_the_frontier_is_not_measured(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    assert engine.measure(run, 7) is None
    assert not engine.measuring(run, 7)
    assert "measure" not in hands.names()


def test_a_step_whose_state_is_gone_is_reached_again_and_measured(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    while run.frontier < 40:
        engine.watch(run, "a", run.frontier, until=40)
        hands.finish()
    step = run.keyframes[-2].step
    del run.states[step]
    assert engine.measure(run, step) is None
    assert engine.measuring(run, step)
    hands.finish_all()
    assert engine.measure(run, step) == ({"w1": float(step), "n": 2000, "step": step},)
    assert not engine.measuring(run, step)


def test_a_measurement_waits_while_the_run_is_trained_for_somebody_else(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    engine.watch(run, "a", 0, until=1)
    hands.finish()
    del run.states[0]
    run.busy = True
    assert engine.measure(run, 0) is None
    assert engine.measuring(run, 0)
    assert "measure" not in hands.names()
    run.busy = False
    engine.measure(run, 0)
    hands.finish_all()
    assert engine.measure(run, 0) is not None


def test_the_floor_is_computed_once_for_all_runs_on_the_same_data(engine: Engine, hands: Hands) -> None:
    assert engine.floor(small(seed=1)) is None
    assert engine.floor(small(seed=2, method="dragan")) is None
    assert hands.names() == ["floor"]
    hands.finish_all()
    assert engine.floor(small(seed=3)) == (0.1, 0.01)
    assert engine.floor(small(data="grid25")) is None
    assert hands.names() == ["floor", "floor"]


# ---- the inline executor, with real training


def test_an_engine_in_one_thread_trains_the_run_that_advance_trains() -> None:
    recipe = small(method="dragan", ema=0.5)
    engine = Engine(InlineExecutor, clock=Clock())
    run = engine.open(recipe)
    while run.frontier < 23:
        engine.watch(run, "me", cursor=run.frontier, until=23)
    assert run.error is None
    expected, _ = advance(recipe, initial_state(recipe), 23)
    assert run.states[23].generator.tobytes() == expected.generator.tobytes()
    assert run.states[23].critic.tobytes() == expected.critic.tobytes()
    assert [unpack(keyframe.data).step for keyframe in run.keyframes] == steps_of(run)


def test_a_visited_step_equals_a_straight_run_there() -> None:
    recipe = small(seed=4)
    engine = Engine(InlineExecutor, clock=Clock())
    run = engine.open(recipe)
    while run.frontier < 40:
        engine.watch(run, "me", cursor=run.frontier, until=40)
    missing = next(step for step in range(30, 40) if step not in steps_of(run))
    while not engine.visit(run, missing):
        assert run.error is None
    found = run.keyframe_at(missing)
    assert found is not None
    assert found.data == worker.chunk(recipe, initial_state(recipe), missing).keyframe


def test_a_branch_equals_a_straight_run_of_its_recipe() -> None:
    engine = Engine(InlineExecutor, clock=Clock())
    parent = engine.open(small())
    while parent.frontier < 10:
        engine.watch(parent, "me", cursor=parent.frontier, until=10)
    recipe = parent.recipe.intervene(10, method="dragan", optimizer="sgd")
    assert engine.branch(parent, recipe, 10)
    branch = engine.open(recipe)
    while branch.frontier < 15:
        engine.watch(branch, "me", cursor=branch.frontier, until=15)
    straight, _ = advance(recipe, initial_state(recipe), 15)
    assert branch.states[15].generator.tobytes() == straight.generator.tobytes()


def test_a_device_that_is_not_there_is_told_on_the_run() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has cuda")
    run = Engine(InlineExecutor, clock=Clock()).open(small(device="cuda"))
    assert run.error == "device cuda is not available here: choose auto or cpu."


# ---- real worker processes


def _seconds_of(pid: int) -> float:
    """Processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _until(condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.002)


def _trained_to(engine: Engine, run: Run, step: int) -> bytes:
    def there() -> bool:
        engine.watch(run, "me", cursor=run.frontier, until=step)
        assert run.error is None
        return run.frontier >= step

    _until(there)
    found = run.keyframe_at(step)
    assert found is not None
    return found.data


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processor times from /proc")
def test_a_worker_killed_in_mid_chunk_changes_no_byte_of_the_run() -> None:
    # Networks so wide that one step takes long enough to be interrupted.
    recipe = Recipe(generator_width=512, critic_width=512, batch=512, critic_steps=5)
    pool = worker_processes(1)
    engine = Engine(pool)
    run = engine.open(recipe)
    _until(lambda: run.frontier == 0)
    pid = pool().submit(os.getpid).result()
    began = _seconds_of(pid)
    engine.watch(run, "me", cursor=0, until=3)
    _until(lambda: _seconds_of(pid) > began + 0.02)
    os.kill(pid, signal.SIGKILL)
    disturbed = _trained_to(engine, run, 3)
    assert pool().submit(os.getpid).result() != pid
    undisturbed = Engine(pool)
    assert _trained_to(undisturbed, undisturbed.open(recipe), 3) == disturbed
    pool().shutdown(cancel_futures=True)


# ---- the server process


def test_the_server_process_stays_free_of_torch_and_of_pot() -> None:
    modules = ["engine", "viewer", "presets", "diagnosis", "methods", "frames", "recipe", "worker", "state"]
    modules += ["streams", "distributions", "ui.address", "ui.components", "ui.controls", "ui.player"]
    code = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(f"toygan.{{name}}")
from toygan.metrics.coverage import perfect_shares
from toygan.presets import PRESETS
for preset in PRESETS.values():
    preset.recipe.distribution.sample(10, __import__("numpy").random.default_rng(0))
print([name for name in ("torch", "ot", "scipy", "sklearn", "jax") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- replicates and time


def test_replicates_of_a_recipe_are_a_run_of_their_own(engine: Engine, hands: Hands) -> None:
    alone, many = engine.open(Recipe()), engine.open(Recipe(), replicates=3)
    hands.finish_all()
    assert alone is not many
    assert len(alone.keyframes[0].lanes) == 1 and len(many.keyframes[0].lanes) == 3


def test_keyframes_say_how_long_training_took_until_then(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    for _ in range(5):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    pace = hands.work.pace
    assert [keyframe.seconds for keyframe in run.keyframes] == pytest.approx([pace * k.step for k in run.keyframes])
    assert run.seconds_at(run.frontier // 2) == pytest.approx(pace * (run.frontier // 2))


def test_a_step_that_is_visited_later_does_not_lengthen_the_run(engine: Engine, hands: Hands) -> None:
    run = opened(engine, hands)
    for _ in range(4):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    total, step = run.keyframes[-1].seconds, run.frontier - 1
    assert not engine.visit(run, step)
    hands.finish_all()
    assert run.keyframe_at(step).seconds == pytest.approx(hands.work.pace * step)
    assert run.keyframes[-1].seconds == total


def test_chunks_grow_where_observing_many_replicates_takes_long(engine: Engine, hands: Hands) -> None:
    def slow_to_observe(function, *args):
        return dataclasses.replace(StandIn()(function, *args), observing=1.0)

    hands.work = slow_to_observe
    run = opened(engine, hands)
    for _ in range(30):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    assert run.length == pytest.approx(engines.OBSERVED / StandIn.pace, rel=0.05)


# ---- the store


def trained_by(engine: Engine, hands: Hands, recipe: Recipe, chunks: int = 8, replicates: int = 1) -> Run:
    run = engine.open(recipe, replicates)
    hands.finish_all()
    for _ in range(chunks):
        engine.watch(run, "me", cursor=run.frontier)
        hands.finish_all()
    return run


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store(None)
    yield store
    store.close()


def test_a_run_that_is_stored_is_not_trained_again_by_another_engine(hands: Hands, store: Store) -> None:
    first = trained_by(Engine(lambda: hands, store=store), hands, Recipe(), replicates=2)
    asked = len(hands.calls)
    again = Engine(lambda: hands, store=store).open(Recipe(), 2)
    assert len(hands.calls) == asked
    assert [(k.step, k.data, k.lanes, k.seconds) for k in again.keyframes] == [
        (k.step, k.data, k.lanes, k.seconds) for k in first.keyframes
    ]
    assert again.frontier == first.frontier


def test_a_stored_run_goes_on_where_it_ended(hands: Hands, store: Store) -> None:
    first = trained_by(Engine(lambda: hands, store=store), hands, Recipe())
    engine = Engine(lambda: hands, store=store)
    run = engine.open(Recipe())
    engine.watch(run, "me", cursor=run.frontier)
    hands.finish_all()
    assert run.frontier > first.frontier
    kept = store.load(run.key)
    assert kept is not None and kept.keyframes[-1].step == run.frontier and run.frontier in kept.states


def test_untrained_networks_are_not_stored(hands: Hands, store: Store) -> None:
    Engine(lambda: hands, store=store).open(Recipe())
    hands.finish_all()
    assert store.runs().total == 0


def test_measurements_are_stored_with_their_run(hands: Hands, store: Store) -> None:
    engine = Engine(lambda: hands, store=store)
    run = trained_by(engine, hands, Recipe())
    engine.measure(run, run.frontier)
    hands.finish_all()
    asked = len(hands.calls)
    other = Engine(lambda: hands, store=store)
    assert other.measure(other.open(Recipe()), run.frontier) == run.measured[run.frontier]
    assert len(hands.calls) == asked


def test_only_a_few_states_are_stored_beside_the_newest(hands: Hands, store: Store) -> None:
    run = trained_by(Engine(lambda: hands, store=store), hands, Recipe(), chunks=60)
    kept = store.load(run.key)
    assert kept is not None
    steps = sorted(kept.states)
    assert steps[-1] == run.frontier
    assert all(b >= engines.SPREAD * a for a, b in itertools.pairwise(steps[:-1]))


def test_a_stored_run_without_a_state_to_go_on_from_is_trained_anew(hands: Hands, store: Store) -> None:
    run = trained_by(Engine(lambda: hands, store=store), hands, Recipe(), chunks=3)
    bare = Store(None)
    bare.keep(run.recipe, 1, run.keyframes, {})
    again = Engine(lambda: hands, store=bare).open(Recipe())
    hands.finish_all()
    assert again.frontier == 0
    bare.close()


def test_a_stored_run_whose_last_keyframes_lack_their_state_ends_at_the_state(hands: Hands, store: Store) -> None:
    run = trained_by(Engine(lambda: hands, store=store), hands, Recipe(), chunks=5)
    step = run.keyframes[-3].step
    part = Store(None)
    part.keep(run.recipe, 1, run.keyframes, {step: run.states[step]})
    again = Engine(lambda: hands, store=part).open(Recipe())
    assert again.frontier == step == again.keyframes[-1].step
    part.close()


def test_the_family_of_a_run_is_in_memory_and_in_the_store(hands: Hands, store: Store) -> None:
    before = trained_by(Engine(lambda: hands, store=store), hands, Recipe().intervene(3, batch=8))
    engine = Engine(lambda: hands, store=store)
    now = trained_by(engine, hands, Recipe())
    trained_by(engine, hands, Recipe(seed=9))
    assert engine.family(Recipe()) == {before.recipe: before.frontier, now.recipe: now.frontier}


@pytest.mark.skipif(os.name == "nt", reason="sends a signal of POSIX")
def test_workers_end_when_their_server_is_killed(tmp_path: Path) -> None:
    code = """
import time
from toygan import worker
from toygan.pool import worker_processes
executor = worker_processes(1)()
print(executor.submit(__import__("os").getpid).result(), flush=True)
time.sleep(600)
"""
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    server.kill()
    server.wait()
    server.stdout.close()
    deadline = time.monotonic() + 60
    while _lives(pid):
        assert time.monotonic() < deadline, "the worker outlived its server"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for a parent to notice does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
