"""One at a time: what several threads do with one session's object."""

from __future__ import annotations

import functools
from collections.abc import Callable
from threading import RLock
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class Guarded(Protocol):
    """What several threads use: a page's script by its verbs, and whoever ticks it."""

    @property
    def lock(self) -> RLock:
        """Held by whichever verb is at work."""


_Self = TypeVar("_Self", bound=Guarded)
_Rest = ParamSpec("_Rest")
_Result = TypeVar("_Result")


def alone(verb: Callable[Concatenate[_Self, _Rest], _Result]) -> Callable[Concatenate[_Self, _Rest], _Result]:
    """The method ``verb``, which waits until no other such method of the same object is at work in another thread."""

    @functools.wraps(verb)
    def waiting(self: _Self, *args: _Rest.args, **kwargs: _Rest.kwargs) -> _Result:
        with self.lock:
            return verb(self, *args, **kwargs)

    return waiting
