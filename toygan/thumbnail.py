"""Thumbnail: the last moment of a run as a small picture, generated points over the critic's heatmap.

The colours are those of ``ui/palette.js``, the scale is that of ``ui/field.js``, so that a run looks as on the stage.
"""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageColor

from toygan.frames import GRID, Frame, unpack

#: Pixels from edge to edge.
SIZE = 288

#: Where the critic says fake, where it takes no side, where it says real.
_DIVERGING = {
    "light": np.array([[241, 207, 158], [249, 248, 246], [160, 199, 226]], float),
    "dark": np.array([[108, 76, 38], [27, 30, 36], [36, 84, 122]], float),
}
_OUTLINE = {"light": (255, 255, 255), "dark": (8, 10, 14)}

#: Pixels; as large beside the picture as on the stage.
_RADIUS, _REACH = 2.1, 3.0

#: The share of the grid that the colour scale covers.
_COVERED = 0.92

#: Colours of the file: few enough to keep it small, enough not to be seen.
_COLOURS = 128


@functools.lru_cache(maxsize=512)
def draw(keyframe: bytes, colour: str, neutral: str, dark: bool) -> bytes:
    """A packed keyframe as a PNG of SIZE x SIZE pixels; points in ``colour``, such as "#0072B2".

    ``neutral`` says where the critic takes no side, "zero" or "midpoint". Raises ``ValueError`` when the bytes are no
    keyframe.
    """
    frame, theme = unpack(keyframe), "dark" if dark else "light"
    shades = _shades(_sides(frame, neutral), _DIVERGING[theme])
    # The grid's first and last values lie on the edges.
    edges = (0.5, 0.5, GRID - 0.5, GRID - 0.5)
    heat = Image.fromarray(shades).resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=edges)
    pixels = np.asarray(heat, float)
    centres = (1 + frame.samples[0] / frame.extent * [1, -1]) / 2 * SIZE - 0.5
    for radius, paint, opacity in ((_REACH, _OUTLINE[theme], 0.85), (_RADIUS, ImageColor.getrgb(colour)[:3], 1.0)):
        cover = opacity * _cover(centres, radius)[..., None]
        pixels = pixels + cover * (np.array(paint, float) - pixels)
    picture = Image.fromarray(np.round(pixels).astype(np.uint8)).quantize(_COLOURS, dither=Image.Dither.NONE)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _sides(frame: Frame, neutral: str) -> np.ndarray:
    """The critic's opinion on the grid, the top row first: -1 fake, 0 no side, 1 real."""
    grid = frame.grid[0, ::-1]
    if neutral == "zero":
        return np.tanh(grid / 2)
    real, fake = (frame.metrics[0].get(name) for name in ("real_mean", "fake_mean"))
    middle = 0.0 if real is None or fake is None else (real + fake) / 2
    reach = max(float(np.quantile(np.abs(grid - middle), _COVERED)), 1e-9)
    return np.clip((grid - middle) / reach, -1, 1)


def _shades(sides: np.ndarray, diverging: np.ndarray) -> np.ndarray:
    fake, neutral, real = diverging
    end = np.where(sides[..., None] < 0, fake, real)
    return np.round(neutral + (end - neutral) * np.abs(sides)[..., None]).astype(np.uint8)


def _cover(centres: np.ndarray, radius: float) -> np.ndarray:
    """How much of each pixel discs cover, about; those of discs outside the picture are left out."""
    reach = int(np.ceil(radius + 1))
    near = centres[(np.abs(centres - SIZE / 2) < SIZE / 2 + reach).all(axis=1)]
    offsets = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2), axis=-1).reshape(1, -1, 2)
    places = np.round(near)[:, None] + offsets
    share = np.clip(radius + 0.5 - np.linalg.norm(places - near[:, None], axis=-1), 0, 1)
    columns, rows = (places.astype(int) + reach * 2).clip(0, SIZE + 4 * reach - 1).transpose(2, 0, 1)
    cover = np.zeros((SIZE + 4 * reach,) * 2)
    np.maximum.at(cover, (rows, columns), share)
    return cover[2 * reach : -2 * reach, 2 * reach : -2 * reach]
