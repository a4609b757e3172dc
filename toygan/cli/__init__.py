"""The command line: ``train`` runs one recipe, ``compare`` several on the same seeds, ``list`` says what there is.

A command is one module with a ``COMMAND``, entered in ``COMMANDS``. torch is imported once the arguments are known to
be valid, so that lists and errors come at once. Exit status: 0, or 1 when the run overflowed or a file or the output
could not be written, 2 for arguments that make no sense, 130 after Ctrl-C, 141 when nobody reads the output any more.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import NoReturn

import toygan
from toygan.cli import compare, export, listing, train
from toygan.cli.command import Command, complain

COMMANDS: dict[str, Command] = {
    "train": train.COMMAND,
    "compare": compare.COMMAND,
    "export": export.COMMAND,
    "list": listing.COMMAND,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    Everything wrong with the arguments ends in status 2 and one sentence on stderr. ``--help`` raises
    ``SystemExit(0)``, as argparse does.
    """
    try:
        given = _parser().parse_args(arguments)
        job: Callable[[], int] = given.prepare(given)
    except ValueError as error:
        return complain(str(error), 2)
    try:
        return job()
    except KeyboardInterrupt:
        return complain("stopped; nothing was written.", 130)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are sentences without the usage in front."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m toygan",
        description="Train small GANs on two-dimensional toy distributions.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"toygan {toygan.__version__}")
    parser.set_defaults(prepare=_no_command)
    parsers = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        subparser = parsers.add_parser(
            name,
            help=command.help,
            description=command.description,
            epilog=command.notes,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(prepare=command.prepare)
    return parser


def _no_command(given: argparse.Namespace) -> NoReturn:
    raise ValueError(f"name a command, one of {', '.join(COMMANDS)}; see python -m toygan --help")
