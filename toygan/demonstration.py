"""Demonstration: runs in lock-step that a page trains up to a step of its choice, and shows again on demand."""

from __future__ import annotations

from toygan.comparison import Comparison
from toygan.locks import alone
from toygan.lockstep import Lockstep


class Demonstration(Lockstep):
    """A lockstep that begins by itself whenever the page asks for something new, unless the reader paused it."""

    keyframes = 50
    judged = False
    held = False
    _asked: tuple[Comparison, int] | None = None

    @alone
    def ask(self, comparison: Comparison, goal: int) -> None:
        """Show these runs up to the reading ``goal`` of their clock."""
        new = self._asked != (comparison, goal)
        self._asked = comparison, goal
        self.watch(comparison)
        if goal != self.goal:
            self.stop_at(goal)
        if new and not self.held and not self.ended:
            self.play()

    @property
    def ended(self) -> bool:
        """Whether the runs have come to their goal."""
        return self.reading >= self.goal

    @alone
    def play(self) -> None:
        """Go on training; from the start again when the runs have come to their goal."""
        if self.ended:
            self.reset()
        self.held = False
        super().play()

    @alone
    def pause(self) -> None:
        """Ask for nothing more, not for other runs either."""
        self.held = True
        super().pause()
