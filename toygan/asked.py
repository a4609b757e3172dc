"""Asked: answers that workers give, by what they are about; one that fails is asked for again, a few times."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

log = logging.getLogger(__name__)

#: How often something is asked for that fails; a worker that dies has been tried twice by then each time.
TRIES = 2

Answer = TypeVar("Answer")


class Asked(Generic[Answer]):
    """The answers by key, at most ``kept`` of them, and what is under way. Threads may share it.

    What failed ``TRIES`` times failed for good: its answer is None, and a figure has to do without.
    """

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._waiting: dict[Any, Future[Answer]] = {}
        self._failures: dict[Any, int] = {}
        self._answers: OrderedDict[Any, Answer | None] = OrderedDict()

    def ask(self, key: Any, start: Callable[[], Future[Answer]]) -> None:
        """Ask for ``key`` by ``start()``, unless its answer is known or under way."""
        with self._lock:
            self._collect()
            if key not in self._answers and key not in self._waiting:
                self._waiting[key] = start()
                self._collect()

    def answers(self) -> dict[Any, Answer]:
        """What has been answered so far, by key."""
        with self._lock:
            self._collect()
            return {key: answer for key, answer in self._answers.items() if answer is not None}

    def waiting(self, key: Any) -> bool:
        """Whether the answer is under way."""
        with self._lock:
            self._collect()
            return key in self._waiting

    def settled(self, key: Any) -> bool:
        """Whether nothing is to be asked any more: the answer is there, or failed for good."""
        with self._lock:
            self._collect()
            return key in self._answers

    def _collect(self) -> None:
        for key in [key for key, future in self._waiting.items() if future.done()]:
            try:
                self._answers[key] = self._waiting.pop(key).result()
            except Exception as error:  # A worker may have died, or the numbers have overflowed.
                log.warning("a measurement failed: %s", error)
                self._failures[key] = self._failures.get(key, 0) + 1
                if self._failures[key] >= TRIES:
                    self._answers[key] = None
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)
