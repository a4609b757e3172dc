"""A broken pool fails every call in it; only the one that breaks it is to fail for who asked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import pytest

from toygan.blame import FairExecutor


def poison() -> None:
    """What kills its worker."""


class Pool(Executor):
    """A pool that does nothing until it is told to, and breaks when it comes to ``poison``."""

    def __init__(self) -> None:
        self.inside: list[tuple[Callable[..., Any], tuple[Any, ...], Future[Any]]] = []
        self.broken = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.broken:
            raise BrokenProcessPool("refused")
        self.inside.append((fn, args, Future()))
        return self.inside[-1][2]

    def names(self) -> list[str]:
        return [function.__name__ for function, _, _ in self.inside]

    def break_down(self) -> None:
        self.broken = True
        for _, _, future in self.inside:
            future.set_exception(BrokenProcessPool("a worker died"))

    def work(self) -> None:
        """Do what is inside, not what comes meanwhile."""
        if poison in [function for function, _, _ in self.inside]:
            self.break_down()
            return
        calls, self.inside = self.inside, []
        for function, args, future in calls:
            try:
                future.set_result(function(*args))
            except ArithmeticError as error:
                future.set_exception(error)


class Pools:
    """Gives the pool there is, and another one where that is broken."""

    def __init__(self) -> None:
        self.all = [Pool()]

    def __call__(self) -> Pool:
        if self.all[-1].broken:
            self.all.append(Pool())
        return self.all[-1]


@pytest.fixture
def pools() -> Pools:
    return Pools()


@pytest.fixture
def executor(pools: Pools) -> FairExecutor:
    return FairExecutor(pools)


def work_off(pools: Pools, future: Future[Any]) -> None:
    """Let the pools work until ``future`` is done."""
    for _ in range(100):
        if future.done():
            return
        pools().work()
    raise AssertionError("it was never done")


def test_results_and_errors_come_as_from_any_executor(executor: FairExecutor, pools: Pools) -> None:
    sound, unsound = executor.submit(divmod, 7, 2), executor.submit(divmod, 7, 0)
    assert not sound.done()
    pools().work()
    assert sound.result() == (3, 1)
    assert isinstance(unsound.exception(), ZeroDivisionError)


def test_of_all_calls_in_a_pool_only_the_one_that_breaks_it_fails(executor: FairExecutor, pools: Pools) -> None:
    before, guilty, after = executor.submit(abs, -1), executor.submit(poison), executor.submit(abs, -2)
    work_off(pools, after)
    assert (before.result(), after.result()) == (1, 2)
    assert isinstance(guilty.exception(), BrokenExecutor)
    assert len(pools.all) == 3


def test_several_that_break_it_are_all_found(executor: FairExecutor, pools: Pools) -> None:
    futures = [executor.submit(poison if index % 2 else abs, *[] if index % 2 else [index]) for index in range(6)]
    work_off(pools, futures[-1])
    assert [future.exception() is None for future in futures] == [True, False] * 3


def test_suspects_are_tried_alone_and_nobody_else_goes_in_meanwhile(executor: FairExecutor, pools: Pools) -> None:
    executor.submit(abs, -1)
    executor.submit(min, 1, 2)
    pools().break_down()
    executor.submit(max, 1, 2)
    executor.submit(sum, [])
    assert pools().names() == ["abs"]
    pools().work()
    assert pools().names() == ["min"]
    pools().work()
    assert pools().names() == ["max", "sum"]


def test_a_call_that_broke_the_pool_once_is_not_tried_before_the_others_are_out(
    executor: FairExecutor, pools: Pools
) -> None:
    first, second = executor.submit(abs, -1), executor.submit(abs, -2)
    pools.all[0].inside[0][2].set_exception(BrokenProcessPool("a worker died"))
    pools.all[0].broken = True
    assert len(pools.all) == 1
    pools.all[0].inside[1][2].set_result(2)
    assert second.result() == 2
    pools().work()
    assert first.result() == 1


def test_deaths_in_different_calls_of_the_same_function_are_forgiven(executor: FairExecutor, pools: Pools) -> None:
    for number in range(5):
        future = executor.submit(abs, -number)
        pools().break_down()
        pools().work()
        assert future.result() == number


def test_a_pool_that_refuses_a_call_is_asked_for_again_at_once(executor: FairExecutor, pools: Pools) -> None:
    # It breaks between the question for a pool and the call: the pool that is given is broken already.
    handed = [pools()]
    handed[0].broken = True
    late = FairExecutor(lambda: handed.pop() if handed else pools())
    future = late.submit(abs, -3)
    pools().work()
    assert future.result() == 3


@pytest.mark.parametrize("error", [BrokenProcessPool("broken"), RuntimeError("shut down"), OSError("no memory")])
def test_where_no_pool_takes_a_call_its_future_fails_and_asking_does_not(error: Exception) -> None:
    asked = []

    def no_pool() -> Executor:
        asked.append(1)
        raise error

    future = FairExecutor(no_pool).submit(abs, -1)
    assert isinstance(future.exception(), BrokenExecutor)
    assert len(asked) == 2


def test_however_many_calls_are_refused_each_of_them_fails(pools: Pools) -> None:
    refuses = False

    def pool() -> Executor:
        if refuses:
            raise RuntimeError("cannot schedule new futures after shutdown")
        return pools()

    executor = FairExecutor(pool)
    futures = [executor.submit(abs, -1) for _ in range(2000)]
    refuses = True
    pools().break_down()
    assert all(isinstance(future.exception(timeout=0), BrokenExecutor) for future in futures)


def test_who_asks_again_once_he_has_his_answer_is_answered_too(executor: FairExecutor, pools: Pools) -> None:
    answers: list[int] = []

    def go_on(future: Future[int]) -> None:
        answers.append(future.result())
        if len(answers) < 4:
            executor.submit(abs, -len(answers)).add_done_callback(go_on)

    executor.submit(abs, 0).add_done_callback(go_on)
    other = executor.submit(abs, -9)
    pools().break_down()
    for _ in range(5):
        pools().work()
    assert answers == [0, 1, 2, 3] and other.result() == 9


@pytest.fixture
def small(pools: Pools, executor: FairExecutor, monkeypatch: pytest.MonkeyPatch) -> FairExecutor:
    """An executor whose pools have room for two calls."""
    monkeypatch.setattr(Pool, "room", 2, raising=False)
    return executor


def test_what_a_pool_has_no_room_for_waits_outside(small: FairExecutor, pools: Pools) -> None:
    futures = [small.submit(abs, -number) for number in range(5)]
    assert len(pools().inside) == 2
    work_off(pools, futures[-1])
    assert [future.result() for future in futures] == [0, 1, 2, 3, 4]


def test_urgent_calls_go_in_before_those_that_wait_in_the_order_they_came(small: FairExecutor, pools: Pools) -> None:
    for function in (all, min, max, sum):
        small.submit(function, [1])
    for function in (len, any):
        small.submit_urgent(function, [1])
    order = []
    while pools().inside:
        order += [name for name in pools().names() if name not in order]
        pools().work()
    assert order == ["all", "min", "len", "any", "max", "sum"]


def test_in_a_pool_with_little_room_a_death_is_found_out_too(small: FairExecutor, pools: Pools) -> None:
    futures = [small.submit(poison if index == 3 else abs, *[] if index == 3 else [index]) for index in range(7)]
    urgent = small.submit_urgent(abs, -7)
    work_off(pools, futures[-1])
    assert urgent.result() == 7
    assert [future.exception() is None for future in futures] == [index != 3 for index in range(7)]


def test_who_waits_when_it_is_shut_down_is_turned_away(small: FairExecutor, pools: Pools) -> None:
    inside, waiting = [small.submit(abs, -1) for _ in range(2)], [small.submit(abs, -2), small.submit_urgent(abs, -3)]
    small.shutdown(wait=False)
    late = small.submit(abs, -4)
    assert all(isinstance(future.exception(timeout=0), RuntimeError) for future in (*waiting, late))
    pools().break_down()
    assert all(isinstance(future.exception(timeout=0), BrokenExecutor) for future in inside)


def test_shutting_down_is_passed_on() -> None:
    told: list[tuple[bool, bool]] = []

    class Told(Executor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            told.append((wait, cancel_futures))

    FairExecutor(Told).shutdown(wait=False, cancel_futures=True)
    assert told == [(False, True)]
