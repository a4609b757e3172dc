"""Verbs of one object that take turns, whichever thread calls them."""

from __future__ import annotations

import threading

import pytest

from toygan.demonstration import Demonstration
from toygan.locks import alone
from toygan.lockstep import Lockstep
from toygan.viewer import Viewer

#: Seconds a thread may take to get anywhere before it is a failure.
PATIENCE = 30.0


class Turns:
    """Two verbs, of which one waits inside and the other notes that it ran."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.inside, self.go_on = threading.Event(), threading.Event()
        self.done: list[str] = []

    @alone
    def long(self) -> None:
        """Wait inside."""
        self.inside.set()
        assert self.go_on.wait(PATIENCE)
        self.short("within")
        self.done.append("long")

    @alone
    def short(self, name: str, twice: bool = False) -> str:
        """Note it."""
        self.done.append(name)
        return name * (1 + twice)


def test_a_verb_waits_for_the_one_at_work_in_another_thread() -> None:
    turns = Turns()
    first = threading.Thread(target=turns.long)
    first.start()
    assert turns.inside.wait(PATIENCE)
    second = threading.Thread(target=turns.short, args=("after",))
    second.start()
    assert turns.done == []
    turns.go_on.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    assert turns.done == ["within", "long", "after"]


def test_a_verb_keeps_its_name_its_words_and_its_result() -> None:
    assert Turns().short("a", twice=True) == "aa"
    assert (Turns.short.__name__, Turns.short.__doc__) == ("short", "Note it.")


def test_another_object_need_not_wait() -> None:
    turns = Turns()
    first = threading.Thread(target=turns.long)
    first.start()
    assert turns.inside.wait(PATIENCE)
    assert Turns().short("free") == "free"
    turns.go_on.set()
    first.join(PATIENCE)


@pytest.mark.parametrize("kind", [Viewer, Lockstep, Demonstration])
def test_what_a_page_does_and_what_ticks_take_turns(kind: type) -> None:
    # Told by its mark, since what only looks need not wait.
    looking = {"rank"}
    verbs = {name: verb for name, verb in vars(kind).items() if callable(verb) and not name.startswith("_")}
    assert verbs
    assert {name for name, verb in verbs.items() if not hasattr(verb, "__wrapped__")} <= looking
