"""A distribution's sampler as Python source that needs NumPy alone."""

from __future__ import annotations

import ast
import functools
import inspect
import re

import numpy as np

from toygan import distributions
from toygan.distributions import Distribution

#: How the middles of modes and cells, and their size, are written where numbers alone would hide the rule.
_RULES: dict[str, tuple[str, str]] = {
    "ring8": ("ring({modes}, {radius})", "{std}"),
    "ring8-wide": ("ring(8, {radius} / 1.414)", "{std} / 1.414"),
    "grid25": ("square_grid({side}, {spacing})", "{std}"),
    "checkerboard": ("squares({side}, {width})", "{width} / 2"),
}


def functions() -> str:
    """All of ``distributions``' functions under names without the leading underscore, with plain annotations."""
    text = inspect.getsource(distributions)
    lines = text.splitlines()
    parts = [
        "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    ]
    source = "\n\n\n".join(parts) + "\n"
    source = re.sub(r"\bPoints\b|\bNDArray\[[\w.]+\]", "Array", source)
    return re.sub(r"(?<![\w.])_(?=[a-z])", "", source)


def sampler(distribution: Distribution) -> str:
    """``sample_data(n, rng)`` as source, with the constants it needs; it calls what is among ``functions``."""
    made = distribution.sample
    assert isinstance(made, functools.partial), "samplers are functions with their first arguments given"
    names = list(inspect.signature(made.func).parameters)
    rules = _RULES.get(distribution.key, ())
    constants, arguments = [], []
    for number, (name, value) in enumerate(zip(names, made.args, strict=False)):
        rule = rules[number].format(**distribution.parameters) if number < len(rules) else ""
        if isinstance(value, np.ndarray):
            constants.append(f"{name.upper()} = {rule or _array(value)}")
            arguments.append(f"{name}={name.upper()}")
        else:
            arguments.append(f"{name}={rule or repr(value)}")
    call = f"{made.func.__name__.lstrip('_')}({', '.join([*arguments, 'n=n', 'rng=rng'])})"
    lines = [
        *constants,
        *(["", ""] if constants else []),
        "def sample_data(n: int, rng: np.random.Generator) -> Array:",
        '    """n independent real points (n, 2), in data units.',
        "",
        f"    {distribution.title}: {distribution.description[0].lower()}{distribution.description[1:]}",
        f"    From {distribution.source}.",
        '    """',
        f"    return {call}",
    ]
    return "\n".join(lines) + "\n"


def _array(values: np.ndarray) -> str:
    """An array of numbers as source, exactly."""
    if len(values) <= 2:
        return f"np.array({values.tolist()})"
    rows = "".join(f"    {row},\n" for row in values.tolist())
    return f"np.array(\n    [\n{rows.replace('    [', '        [')}    ]\n)"
