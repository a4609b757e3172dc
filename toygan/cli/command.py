"""What a command of the command line is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command: its help texts, its arguments, and what it does with them.

    ``prepare`` checks the arguments without torch, raises ``ValueError`` with a sentence where they make no sense, and
    gives the job itself, which returns the exit status.
    """

    help: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    prepare: Callable[[argparse.Namespace], Callable[[], int]]
    notes: str | None = None


def complain(sentence: str, status: int) -> int:
    """Say on stderr what went wrong; gives ``status`` back."""
    print(f"toygan: {sentence}", file=sys.stderr)
    return status
