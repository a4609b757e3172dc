"""``list``: what there is to choose from."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from toygan.cli.arguments import preset_settings
from toygan.cli.command import Command
from toygan.cli.text import columns, setting, settings
from toygan.distributions import DISTRIBUTIONS
from toygan.lookup import lookup
from toygan.methods import METHODS
from toygan.presets import PRESETS
from toygan.recipe import KNOBS


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", nargs="?", metavar="WHAT", help=f"one of {', '.join(_LISTS)} (default: all)")


def _prepare(given: argparse.Namespace) -> Callable[[], int]:
    chosen = _LISTS if given.what is None else {given.what: lookup("list", given.what, _LISTS)}

    def show() -> int:
        for number, (name, lines) in enumerate(chosen.items()):
            if given.what is None:
                print(f"{chr(10) if number else ''}{name}:\n")
            print("\n".join(lines()))
        return 0

    return show


def _method_lines() -> Iterator[str]:
    heads = columns([(key, method.label, method.title, method.paper) for key, method in METHODS.items()])
    for head, method in zip(heads, METHODS.values(), strict=True):
        yield from (head, f"    {method.summary}", f"    sets {settings(method.defaults)}")


def _data_lines() -> Iterator[str]:
    heads = columns([(key, f"{family.title}: {family.description}") for key, family in DISTRIBUTIONS.items()])
    for head, family in zip(heads, DISTRIBUTIONS.values(), strict=True):
        yield head
        for name, parameter in family.parameters.items():
            yield (
                f"    data.{name}={setting(parameter.default)}, {parameter.low:g} to {parameter.high:g} "
                f"{parameter.unit}. {parameter.help}"
            )


def _preset_lines() -> Iterator[str]:
    heads = columns([(key, preset.title, preset.source) for key, preset in PRESETS.items()])
    for head, (key, preset) in zip(heads, PRESETS.items(), strict=True):
        yield from (head, f"    {preset.note}", f"    sets {settings(preset_settings(key))}")


def _field_lines() -> Iterator[str]:
    rows = [
        (name, f"{setting(knob.default)}, {knob.range_text()} {knob.unit}".rstrip(), knob.help)
        for name, knob in KNOBS.items()
    ]
    rows += [
        ("data.NAME", 'what "list data" says', "A parameter of the data."),
        ("interventions", "[], JSON: [[step, {field: value, ...}], ...]", "Change these fields at these steps."),
    ]
    heads = columns([row[:2] for row in rows])
    for head, (_, _, help) in zip(heads, rows, strict=True):
        yield from (head, f"    {help}")


_LISTS: dict[str, Callable[[], Iterator[str]]] = {
    "methods": _method_lines,
    "data": _data_lines,
    "presets": _preset_lines,
    "fields": _field_lines,
}

COMMAND = Command(
    help="show what there is to choose from",
    description="Show what there is to choose from, one entry a line, with details indented below it.",
    add_arguments=_add_arguments,
    prepare=_prepare,
)
