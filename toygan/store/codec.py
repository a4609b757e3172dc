"""How arrays and metrics are written: names, types, shapes and bytes, so that nothing that is read back can run.

Weights hardly compress (zlib's level 1 takes 11 % off, at 41 MB a second), so they are kept as they are.
"""

from __future__ import annotations

import dataclasses
import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from toygan.state import State

_FIELDS = [field.name for field in dataclasses.fields(State)]
_ARRAYS = [field.name for field in dataclasses.fields(State) if field.type == "np.ndarray"]

#: Kinds of numbers that an array may hold: signed, unsigned, floating.
_KINDS = "iuf"


def pack_state(state: State) -> bytes:
    """A state as bytes: a 32-bit length, a JSON head of that length, then the arrays as the head names them."""
    arrays = {name: np.asarray(getattr(state, name)) for name in _ARRAYS}
    head: dict[str, Any] = {name: int(getattr(state, name)) for name in _FIELDS if name not in arrays}
    head |= {name: [array.dtype.str, array.shape] for name, array in arrays.items()}
    text = json.dumps(head, separators=(",", ":")).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(array.tobytes() for array in arrays.values())])


def unpack_state(data: bytes) -> State:
    """The state that ``pack_state`` made these bytes of; raises ``ValueError`` when they are something else."""
    try:
        (length,) = struct.unpack_from("<I", data)
        head: dict[str, Any] = json.loads(data[4 : 4 + length])
        if set(head) != set(_FIELDS):
            raise ValueError("other fields than a state's")
        values: dict[str, Any] = {name: int(head[name]) for name in _FIELDS if name not in _ARRAYS}
        start = 4 + length
        for name in _ARRAYS:
            dtype, shape = np.dtype(str(head[name][0])), tuple(int(size) for size in head[name][1])
            if dtype.kind not in _KINDS or min(shape, default=0) < 0:
                raise ValueError(f"{name} is no array of numbers")
            count = math.prod(shape)
            # A copy, since what comes from bytes cannot be written to.
            values[name] = np.frombuffer(data, dtype, count, start).reshape(shape).copy()
            start += count * dtype.itemsize
        if start != len(data):
            raise ValueError(f"{len(data)} bytes instead of {start}")
        return State(**values)
    except (struct.error, ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a state: {error}") from error


def metrics_text(lanes: Sequence[dict[str, Any]]) -> str:
    """Metrics, an entry a replicate, as JSON; infinities and NaN as Python writes them."""
    return json.dumps(list(lanes), separators=(",", ":"), default=_plain)


def read_metrics(text: str) -> tuple[dict[str, Any], ...]:
    """The metrics of ``metrics_text``; raises ``ValueError`` when the text is something else."""
    try:
        found = json.loads(text)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not metrics: {error}") from error
    if not isinstance(found, list) or not found or not all(isinstance(lane, dict) for lane in found):
        raise ValueError("not metrics: no list of objects")
    return tuple(found)


def _plain(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be kept")
