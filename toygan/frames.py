"""Frame: what anything outside training ever sees of a run, and its packed form for the browser.

``pack`` quantises one lane to at most 10 kB: the critic's grid to 12 bits over its own range, points to 16 bits over
four times the plot, arrows to 8 bits. ``unpack`` is its inverse up to that rounding. The layout is little endian:
a 32-bit length, a JSON head of that length, then grid, samples, mesh and arrows, as the head counts them.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

#: The critic's grid has GRID x GRID values, at the centres of no cells: its first and last lie on the plot's edges.
GRID = 64

#: Points are quantised over this many times the plot's extent, so that a run that leaves the plot is still told.
BOX = 4.0


@dataclass(frozen=True)
class Frame:
    """One moment of a run, L lanes; coordinates in data units, all arrays finite float64.

    ``samples`` (L, N, 2), the same latents in every frame of a run; ``grid`` (L, GRID, GRID), critic values on
    [-extent, extent]^2, row 0 lowest y; ``mesh`` (L, M, M, 2), the image of a regular grid of latents, M being 0 where
    points are not made of latents; ``arrows`` (L, A, 2), minus the gradient of the generator's loss at the first A
    samples; ``metrics`` and ``histogram`` one entry a lane; ``failed`` a sentence for each lane that stopped, or
    ``None``.
    """

    step: int
    extent: float
    samples: np.ndarray
    grid: np.ndarray
    mesh: np.ndarray
    arrows: np.ndarray
    metrics: tuple[dict[str, float | int | None], ...]
    histogram: tuple[tuple[int, ...], ...]
    failed: tuple[str | None, ...]


def pack(frame: Frame, lane: int = 0) -> bytes:
    """One lane of a frame as bytes for the browser."""
    # Single precision is all there is to tell, and short numbers keep the head short.
    box = digits(BOX * frame.extent, 9)
    low, high = (digits(float(bound), 9) for bound in (frame.grid[lane].min(), frame.grid[lane].max()))
    scale = float(np.abs(frame.arrows[lane]).max(initial=0.0))
    head = {
        "step": frame.step,
        "lo": low,
        "hi": high,
        "box": box,
        "extent": digits(frame.extent, 9),
        "n": frame.samples.shape[1],
        "mesh": frame.mesh.shape[1],
        "arrows": frame.arrows.shape[1],
        "arrow_scale": digits(scale, 9),
        "metrics": {name: short(value) for name, value in frame.metrics[lane].items()},
        "histogram": frame.histogram[lane],
        "failed": frame.failed[lane],
    }
    text = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
    parts = [
        struct.pack("<I", len(text)),
        text,
        _pack12(_quantise(frame.grid[lane], low, high, 4095)),
        pack_points(frame.samples[lane], box),
        pack_points(frame.mesh[lane], box),
        np.round(frame.arrows[lane] / (scale or 1.0) * 127).astype(np.int8).tobytes(),
    ]
    return b"".join(parts)


def unpack(data: bytes) -> Frame:
    """The frame, of one lane, that ``pack`` made these bytes of; raises ``ValueError`` when they are damaged."""
    try:
        with np.errstate(all="ignore"):
            return _unpack(data)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a packed frame: {error}") from error


def _unpack(data: bytes) -> Frame:
    (length,) = struct.unpack_from("<I", data)
    head: dict[str, Any] = json.loads(data[4 : 4 + length])
    rest = np.frombuffer(data, np.uint8, offset=4 + length)
    cells, count, mesh, arrows = GRID * GRID * 3 // 2, head["n"], head["mesh"], head["arrows"]
    ends = np.cumsum([cells, 4 * count, 4 * mesh * mesh, 2 * arrows])
    if len(rest) != ends[-1]:
        raise ValueError(f"{len(rest)} bytes instead of {ends[-1]}")
    grid, samples, nodes, directions = np.split(rest, ends[:-1])
    low, high = head["lo"], head["hi"]
    return Frame(
        step=head["step"],
        extent=head["extent"],
        samples=_points(samples, head["box"])[None],
        grid=(low + (high - low) / 4095 * _unpack12(grid)).reshape(1, GRID, GRID),
        mesh=_points(nodes, head["box"]).reshape(1, mesh, mesh, 2),
        arrows=directions.view(np.int8).reshape(1, arrows, 2) / 127 * head["arrow_scale"],
        metrics=(head["metrics"],),
        histogram=(tuple(head["histogram"]),),
        failed=(head["failed"],),
    )


def pack_points(points: np.ndarray, box: float) -> bytes:
    """Points (..., 2) as 16-bit pairs over [-box, box], clamped to it."""
    return _quantise(points, -box, box, 65535).astype("<u2").tobytes()


def _points(data: np.ndarray, box: float) -> np.ndarray:
    return data.view("<u2").reshape(-1, 2) * (2 * box / 65535) - box


def _quantise(values: np.ndarray, low: float, high: float, levels: int) -> np.ndarray:
    span = high - low
    scaled = (values - low) * (levels / span) if span > 0 else np.zeros_like(values)
    return np.clip(np.round(scaled), 0, levels).astype(np.uint16)


def _pack12(values: np.ndarray) -> bytes:
    """Pairs of 12-bit numbers in three bytes: a = b0 | (b1 & 15) << 8, b = b1 >> 4 | b2 << 4."""
    first, second = values.reshape(-1, 2).T
    triples = np.stack([first & 255, (first >> 8) | ((second & 15) << 4), second >> 4], axis=1)
    return triples.astype(np.uint8).tobytes()


def _unpack12(data: np.ndarray) -> np.ndarray:
    low, middle, high = data.reshape(-1, 3).astype(np.uint16).T
    return np.stack([low | (middle & 15) << 8, middle >> 4 | high << 4], axis=1).reshape(-1)


def finite(value: float | int | None) -> float | int | None:
    """``None`` for what is not a finite number."""
    return value if value is not None and math.isfinite(value) else None


def plain(value: Any) -> Any:
    """The same as plain JSON: lists, and ``None`` for numbers that are not finite, however deep."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return finite(value) if isinstance(value, float) else value


def short(value: float | int | None, count: int = 5) -> float | int | None:
    """So many significant digits, five being more than a page shows; no NaN, no infinity."""
    known = finite(value)
    return digits(known, count) if isinstance(known, float) else known


def digits(value: float, count: int) -> float:
    """``value`` rounded to so many significant digits."""
    return float(f"{value:.{count}g}")
