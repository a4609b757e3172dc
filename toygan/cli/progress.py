"""How far a run has come, and the line on a terminal that says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from toygan.cli.text import clock, digits
from toygan.state import State


def gauge(done: float, total: float) -> str:
    """How much is done, drawn and in numbers: "[=====               ] 500/2,000"."""
    filled = round(20 * done / total)
    return f"[{'=' * filled}{' ' * (20 - filled)}] {done:,.0f}/{total:,.0f}"


def time_left(amount: float, rate: float) -> str:
    """How long ``amount`` takes at ``rate`` a second: "0:07 left", or "? left" while nothing moves."""
    return f"{clock(amount / rate) if rate else '?'} left"


@dataclass
class Progress:
    """How far a run has come: its state, the losses of the last step, and the time that training alone took.

    ``seconds`` covers ``steps`` whole iterations from the first on, with the random numbers they draw and the first
    call's warm-up; it covers no import and no measurement.
    """

    state: State
    losses: dict[str, float | None]
    steps: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def steps_per_second(self) -> float | None:
        """Steps a second of training alone, or ``None`` before the first."""
        return self.steps / self.seconds if self.seconds else None


class Bar:
    """One line on a terminal that says how far work has come; silent elsewhere.

    ``update`` is for a single run of ``steps`` steps.
    """

    def __init__(self, stream: TextIO, steps: int = 0) -> None:
        self._stream = stream
        self._steps = steps
        self._live = stream.isatty()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Clear the line at the end, whatever ends it."""
        try:
            yield
        finally:
            self.clear()

    def update(self, progress: Progress) -> None:
        """Show the step, the rate, the time left and the losses."""
        step, rate = progress.state.step, progress.steps_per_second or 0.0
        losses = [digits(progress.losses[name]) for name in ("critic_loss", "generator_loss")]
        self.say(
            f"{gauge(step, self._steps)}  {digits(rate)} steps/s  {time_left(self._steps - step, rate)}  "
            f"losses {losses[0]} critic, {losses[1]} generator"
        )

    def say(self, text: str) -> None:
        """Replace the line."""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r" + text[:width].ljust(width))
            self._stream.flush()

    def clear(self) -> None:
        """Leave an empty line with the cursor at its start."""
        if self._live:
            self.say("")
            self._stream.write("\r")
            self._stream.flush()
