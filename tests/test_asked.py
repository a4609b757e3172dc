"""What is asked of workers comes once, and is asked for again where it failed."""

from __future__ import annotations

from concurrent.futures import Future

from toygan.asked import TRIES, Asked


class Worker:
    """Gives futures, which a test settles."""

    def __init__(self) -> None:
        self.futures: list[Future[int]] = []

    def __call__(self) -> Future[int]:
        self.futures.append(Future())
        return self.futures[-1]


def test_an_answer_is_asked_for_once() -> None:
    asked, worker = Asked[int](4), Worker()
    for _ in range(3):
        asked.ask("it", worker)
    assert asked.waiting("it") and not asked.settled("it") and asked.answers() == {}
    worker.futures[0].set_result(0)
    assert asked.settled("it") and not asked.waiting("it") and asked.answers() == {"it": 0}
    asked.ask("it", worker)
    assert len(worker.futures) == 1


def test_what_failed_is_asked_for_again_until_it_has_failed_for_good() -> None:
    asked, worker = Asked[int](4), Worker()
    for tries in range(TRIES):
        assert not asked.settled("it")
        asked.ask("it", worker)
        assert asked.waiting("it")
        worker.futures[tries].set_exception(RuntimeError("a worker died"))
    asked.ask("it", worker)
    assert asked.settled("it") and asked.answers() == {}
    assert len(worker.futures) == TRIES


def test_a_second_try_that_succeeds_is_the_answer() -> None:
    asked, worker = Asked[int](4), Worker()
    asked.ask("it", worker)
    worker.futures[0].set_exception(RuntimeError("a worker died"))
    asked.ask("it", worker)
    worker.futures[1].set_result(7)
    assert asked.answers() == {"it": 7}


def test_the_oldest_answers_are_dropped() -> None:
    asked, worker = Asked[int](2), Worker()
    for key in range(3):
        asked.ask(key, worker)
        worker.futures[key].set_result(key)
    assert asked.answers() == {1: 1, 2: 2}
