"""Arguments that commands share, read and checked without torch: a recipe, whole numbers, files to write."""

from __future__ import annotations

import argparse
import errno
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from toygan.cli.text import setting
from toygan.presets import find_preset
from toygan.recipe import KNOBS, Recipe, UnknownField, meant

#: Fields with a flag of their own: what follows the flag, and its help.
_FLAGS = {
    "method": ("NAME", 'how to train, by key or by the page\'s label: see "list methods"'),
    "data": ("NAME", 'what to learn, likewise: see "list data"'),
    "seed": ("S", f"fixes all random numbers (default: {KNOBS['seed'].default})"),
    "device": ("D", KNOBS["device"].range_text()),
}


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that ``recipe_of`` reads."""
    parser.add_argument(
        "--preset", metavar="KEY", help="start from a preset; what else is given overrides it, field by field"
    )
    for name, (metavar, help) in _FLAGS.items():
        parser.add_argument(f"--{name}", metavar=metavar, help=help)
    parser.add_argument(
        "--set",
        metavar="FIELD=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help='set recipe fields, the data\'s own as data.NAME: see "list fields" and "list data"',
    )


def recipe_of(given: argparse.Namespace) -> Recipe:
    """The recipe that the arguments ask for; raises ``ValueError`` with a sentence when there is none."""
    settings: dict[str, str] = {}
    for origin, name, value in _given_fields(given):
        if name in settings:
            raise ValueError(f"{origin} sets {name} a second time: give each field once.")
        settings[name] = meant(name, value)
    preset = {} if given.preset is None else preset_settings(given.preset)
    if settings.get("data", preset.get("data")) != preset.get("data"):
        # The preset's numbers describe its own distribution.
        preset = {name: value for name, value in preset.items() if not name.startswith("data.")}
    try:
        return Recipe.from_query({**preset, **settings})
    except UnknownField as error:
        raise ValueError(f"{error} Choose from {', '.join(KNOBS)}.") from error


def _given_fields(given: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """What flags and --set say: the argument as it was written, the field and the value."""
    for name in _FLAGS:
        value = getattr(given, name)
        if value is not None:
            yield f"--{name}", name, value
    for text in given.set:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"--set needs FIELD=VALUE, such as batch=128, not {text!r}.")
        yield f"--set {text}", name, value


def preset_settings(key: str) -> dict[str, str]:
    """The fields a preset sets, as ``--set`` takes them."""
    fields = dict(find_preset(key).fields)
    parameters = fields.pop("data_parameters", {})
    fields.update({f"data.{name}": value for name, value in parameters.items()})
    return {name: setting(value) for name, value in fields.items()}


def whole_number(name: str, text: str, most: int) -> int:
    """``text`` as a number from 1 to ``most``; raises ``ValueError`` with a sentence when it is none."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 1 <= number <= most or number != int(number):
        raise ValueError(f"{name} must be a whole number from 1 to {most:,}, not {text}.")
    return int(number)


def check_numpy_names(files: Mapping[str, Path]) -> None:
    """Raise ``ValueError`` for a file, by its flag, whose name promises another format than NumPy's.

    Names without a suffix promise none, nor does what is there and no file, such as a pipe.
    """
    for flag, path in files.items():
        special = path.exists() and not path.is_file()
        if path.suffix.lower() not in ("", ".npy") and not special:
            raise ValueError(f"{flag} writes a NumPy file: end its name in .npy, not {path.suffix}.")


def check_files(files: Mapping[str, Path]) -> None:
    """Raise ``ValueError`` for a file, by its flag, that could not be written; nothing is changed or left behind."""
    taken: dict[Path, str] = {}
    for flag, path in files.items():
        try:
            there = path.exists()
            special = there and not path.is_file() and not path.is_dir()
            if not special:
                with path.open("ab"):
                    pass
            # Not opened: a pipe's reader would take the end of the check for the end of what it is to read.
            elif not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if not there:
                path.unlink()
            place = path.resolve()
        except OSError as error:
            raise ValueError(f"{flag} {path} cannot be written: {(error.strerror or str(error)).lower()}.") from error
        if place in taken:
            raise ValueError(f"{flag} and {taken[place]} name the same file, {path}.")
        # Several may go to what is no file, such as /dev/null.
        if not special:
            taken[place] = flag
