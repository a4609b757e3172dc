"""Blame: which calls go to the workers, and which of them it was that kills them when one dies."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Call:
    """A function and its arguments, and the future of who asked; a suspect once a pool broke with it inside."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    future: Future[Any] = field(default_factory=Future)
    suspect: bool = False


class FairExecutor(Executor):
    """Calls on the pool that ``pool()`` gives, which must give a working one after the last broke.

    Where the pool has ``room`` for so many calls, the others wait outside, and urgent ones go in before them.

    A worker that dies breaks its pool, and all calls in there fail, though one at most is to blame. So they are
    suspects, and tried again one at a time with nothing beside them, while other calls wait outside. A suspect that
    comes back is innocent. One that breaks its pool again, alone in it, is guilty: its future fails with
    ``BrokenExecutor``. A pool that refuses a call counts as one that broke. ``submit`` itself never raises that.
    """

    def __init__(self, pool: Callable[[], Executor]) -> None:
        self._pool = pool
        # Held for a moment and never while calling anybody else.
        self._lock = threading.Lock()
        self._urgent: deque[_Call] = deque()
        self._waiting: deque[_Call] = deque()
        self._suspects: deque[_Call] = deque()
        self._inside: set[_Call] = set()
        # Until a pool says otherwise.
        self._room: float = 1
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._wait(self._waiting, _Call(fn, args, kwargs))

    def submit_urgent(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Like ``submit``, for what goes in before other calls."""
        return self._wait(self._urgent, _Call(fn, args, kwargs))

    def _wait(self, line: deque[_Call], call: _Call) -> Future[Any]:
        # It cannot be cancelled: a worker may be at it already.
        call.future.set_running_or_notify_cancel()
        with self._lock:
            closed = self._closed
            if not closed:
                line.append(call)
        if closed:
            _turn_away(call)
        self._admit()
        return call.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            self._closed = True
            lines = self._urgent, self._waiting, self._suspects
            left = [call for line in lines for call in line]
            for line in lines:
                line.clear()
        for call in left:
            _turn_away(call)
        self._pool().shutdown(wait, cancel_futures=cancel_futures)

    def _admit(self) -> None:
        """Hand over all calls that may go into the pool now."""
        while (call := self._admitted()) is not None:
            try:
                pool = self._pool()
                self._room = getattr(pool, "room", math.inf)
                future = pool.submit(call.function, *call.args, **call.kwargs)
            except (RuntimeError, OSError) as error:
                # The pool broke or was shut down a moment ago, or no process can be started.
                self._settle(call, None, BrokenExecutor(str(error)))
            else:
                future.add_done_callback(partial(self._come_back, call))

    def _admitted(self) -> _Call | None:
        """The next call that may go in, inside from now on: a suspect if nothing else is, or one there is room for."""
        with self._lock:
            if any(call.suspect for call in self._inside):
                return None
            line, room = (self._suspects, 1) if self._suspects else (self._urgent or self._waiting, self._room)
            if not line or len(self._inside) >= room:
                return None
            call = line.popleft()
            self._inside.add(call)
            return call

    def _come_back(self, call: _Call, done: Future[Any]) -> None:
        error = done.exception()
        self._settle(call, None if error else done.result(), error)
        self._admit()

    def _settle(self, call: _Call, result: Any, error: BaseException | None) -> None:
        """Pass the outcome on to who asked, unless the call has to be tried again."""
        broken = isinstance(error, BrokenExecutor)
        if broken:
            log.warning("a worker died in %s or beside it: %s", call.function.__name__, error)
        with self._lock:
            again = broken and not call.suspect and not self._closed
            self._inside.discard(call)
            if again:
                call.suspect = True
                self._suspects.append(call)
        if error is None:
            call.future.set_result(result)
        elif not again:
            call.future.set_exception(error)


def _turn_away(call: _Call) -> None:
    call.future.set_exception(RuntimeError("the executor was shut down"))
