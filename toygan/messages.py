"""Messages: what the browser is sent of the runs it shows, and what it has been sent so far.

A message is a 32-bit length, little endian, a JSON head of that length, then packed keyframes. The head has ``runs``,
one part for each run (``run``, its key; ``after``, the step up to which the browser has been sent everything before;
``sizes`` of this part's keyframes; ``seconds`` of training until each; ``lanes``, the metrics of all replicates at
each, if there are several; ``status``), and ``page``, what concerns the page as a whole.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toygan.engine import Run, index_after
from toygan.frames import digits, plain, short
from toygan.metrics.sizes import LIVE_POINTS
from toygan.record import Keyframe

#: Keyframes of a run in one message: a history that is already known comes in a few, not in one huge one.
BULK = 60

#: What is sent of the replicates that are not on the stage.
_OF_LANES = ("w1", "modes", "high_quality", "reverse_kl", "critic_estimate", "gradient_norm_between")

#: The same of what only some generators tell.
_OF_SOME_LANES = ("theta",)


@dataclass(frozen=True)
class Part:
    """One run's part of a message."""

    run: str
    after: int
    keyframes: Sequence[Keyframe]
    status: dict[str, Any]

    def head(self) -> dict[str, Any]:
        """What the message's head says of it."""
        head = {
            "run": self.run,
            "after": self.after,
            "sizes": [len(keyframe.data) for keyframe in self.keyframes],
            "seconds": [round(keyframe.seconds, 4) for keyframe in self.keyframes],
            "status": self.status,
        }
        if any(len(keyframe.lanes) > 1 for keyframe in self.keyframes):
            head["lanes"] = [_of_lanes(keyframe) for keyframe in self.keyframes]
        return head


def _of_lanes(keyframe: Keyframe) -> dict[str, list[float | int | None]]:
    names = [*_OF_LANES, *(name for name in _OF_SOME_LANES if name in keyframe.metrics)]
    return {name: [short(lane.get(name), 4) for lane in keyframe.lanes] for name in names}


class Outbox:
    """What of each run the browser has been sent, so that nothing is sent twice and what got lost is sent again."""

    def __init__(self) -> None:
        self._sent: dict[str, int] = {}

    def sent(self, run: Run) -> int:
        """The step up to which the browser has been sent everything, -1 for nothing."""
        return self._sent.get(run.key, -1)

    def lacks(self, key: str, after: int) -> None:
        """The browser lacks what came after step ``after`` of a run."""
        self._sent[key] = min(after, self._sent.get(key, -1))

    def forget(self, run: Run) -> None:
        """Send everything of a run again."""
        self._sent.pop(run.key, None)

    def part(self, run: Run, upto: int, status: dict[str, Any]) -> Part:
        """The keyframes at or before step ``upto`` that are not sent yet, a bounded number of them."""
        after = self.sent(run)
        known = run.until(upto)
        keyframes = known[index_after(known, after) :][:BULK]
        if keyframes:
            self._sent[run.key] = keyframes[-1].step
        return Part(run.key, after, keyframes, status)


def floor_entry(found: tuple[float, float] | None) -> dict[str, float] | None:
    """W1's noise floor on as many points as keyframes are measured on, for a status; ``None`` while it is unknown."""
    return None if found is None else {"w1": digits(found[0], 4), "std": digits(found[1], 4), "n": LIVE_POINTS}


def join(parts: Sequence[Part], page: dict[str, Any] | None = None) -> bytes:
    """The message of these parts; numbers that are not finite are null in it."""
    head = {"runs": [part.head() for part in parts], "page": page}
    frames = [keyframe.data for part in parts for keyframe in part.keyframes]
    text = _text(head)
    return b"".join([struct.pack("<I", len(text)), text, *frames])


def _text(head: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(head, separators=(",", ":"), allow_nan=False)
    except ValueError:
        # Seldom, so only then each number is looked at: what a run that overflows measures may be anything.
        text = json.dumps(plain(head), separators=(",", ":"), allow_nan=False)
    return text.encode()
