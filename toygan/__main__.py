"""``python -m toygan``: the command line."""

from __future__ import annotations

import os
import sys

from toygan.cli import main


def run() -> int:
    """The command line's exit status; a reader that closes the pipe early (``| head``) is no error."""
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more as it ends, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return status


if __name__ == "__main__":
    sys.exit(run())
