"""``python -m toygan``: the command line as a process, with its streams and with Ctrl-C."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys


def run() -> int:
    """The command line's exit status; Ctrl-C ends it with 130 at any time, and is ignored from the end on."""
    _open_streams()
    output = io.StringIO()
    try:
        # Here, since Ctrl-C may come in the half second that this takes.
        from toygan.cli import main

        with contextlib.redirect_stdout(output):
            try:
                status = main()
            except SystemExit:
                status = 0  # --help and --version
        return _write(output.getvalue()) or status
    except KeyboardInterrupt:
        print("toygan: stopped.", file=sys.stderr)
        return 130
    finally:
        # Python takes its time to end, and would end in another way if Ctrl-C came once more; and also after one that
        # was caught, if it came while text was executed, as dataclasses do, until text has been executed again.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        exec("")


def _open_streams() -> None:
    """Open the null device for streams that are closed, of which Python makes ``None``; workers get it from here."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # The lowest number that is free, which is the stream's own.
            number = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _write(text: str) -> int:
    """Write to standard output; gives the exit status that this comes to.

    A reader that closes the pipe early (``| head``) is no error.
    """
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        status = 141
    except OSError as error:
        print(
            f"toygan: standard output could not be written: {(error.strerror or str(error)).lower()}.", file=sys.stderr
        )
        status = 1
    else:
        return 0
    # Python flushes once more as it ends, and would complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


if __name__ == "__main__":
    sys.exit(run())
