"""Blame: of the calls that were with the workers when one died, which is the one that kills them."""

from __future__ import annotations

import logging
import threading
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

    A worker that dies breaks its pool, and all calls in there fail, though one at most is to blame. So they are
    suspects, and tried again one at a time with nothing beside them, while other calls wait outside. A suspect that
    comes back is innocent. One that breaks its pool again, alone in it, is guilty: its future fails with
    ``BrokenExecutor``. A pool that refuses a call counts as one that broke. ``submit`` itself never raises that.
    """

    def __init__(self, pool: Callable[[], Executor]) -> None:
        self._pool = pool
        # Held for a moment and never while calling anybody else.
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []
        self._suspects: list[_Call] = []
        self._inside: set[_Call] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        call = _Call(fn, args, kwargs)
        # It cannot be cancelled: a worker may be at it already.
        call.future.set_running_or_notify_cancel()
        with self._lock:
            self._waiting.append(call)
        self._admit()
        return call.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool().shutdown(wait, cancel_futures=cancel_futures)

    def _admit(self) -> None:
        """Hand over all calls that may go into the pool now."""
        while admitted := self._admitted():
            for call in admitted:
                try:
                    future = self._pool().submit(call.function, *call.args, **call.kwargs)
                except (RuntimeError, OSError) as error:
                    # The pool broke or was shut down a moment ago, or no process can be started.
                    self._settle(call, None, BrokenExecutor(str(error)))
                else:
                    future.add_done_callback(partial(self._come_back, call))

    def _admitted(self) -> list[_Call]:
        """One suspect, if nothing is inside; without suspects everything that waits. They count as inside from now."""
        with self._lock:
            if any(call.suspect for call in self._inside):
                return []
            if not self._suspects:
                admitted, self._waiting = self._waiting, []
            else:
                admitted = [] if self._inside else [self._suspects.pop(0)]
            self._inside.update(admitted)
            return admitted

    def _come_back(self, call: _Call, done: Future[Any]) -> None:
        error = done.exception()
        self._settle(call, None if error else done.result(), error)
        self._admit()

    def _settle(self, call: _Call, result: Any, error: BaseException | None) -> None:
        """Pass the outcome on to who asked, unless the call has to be tried again."""
        broken = isinstance(error, BrokenExecutor)
        if broken:
            log.warning("a worker died in %s or beside it: %s", call.function.__name__, error)
        again = broken and not call.suspect
        with self._lock:
            self._inside.discard(call)
            if again:
                call.suspect = True
                self._suspects.append(call)
        if error is None:
            call.future.set_result(result)
        elif not again:
            call.future.set_exception(error)
