"""Thumbnail: the last moment of a run as a small picture, generated points over the critic's heatmap.

Colours and scale are the stage's.
"""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageColor

from toygan import heatmap
from toygan.frames import GRID, Frame, unpack

#: Pixels from edge to edge.
SIZE = 288

_OUTLINE = {"light": (255, 255, 255), "dark": (8, 10, 14)}

#: Pixels; as large beside the picture as on the stage.
_RADIUS, _REACH = 2.1, 3.0

#: Colours of the file: few enough to keep it small, enough not to be seen.
_COLOURS = 128


@functools.lru_cache(maxsize=512)
def draw(keyframe: bytes, colour: str, neutral: str, dark: bool) -> bytes:
    """A packed keyframe as a PNG of SIZE x SIZE pixels; points in ``colour``, such as "#0072B2".

    ``neutral`` says where the critic takes no side, "zero" or "midpoint". Raises ``ValueError`` when the bytes are no
    keyframe.
    """
    frame, theme = unpack(keyframe), "dark" if dark else "light"
    shades = np.round(heatmap.shade(_sides(frame, neutral), theme)).astype(np.uint8)
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
    middle = heatmap.neutral_value(frame, neutral)
    reach = heatmap.reach_of(grid, middle)
    return np.clip((grid - middle) / reach, -1, 1)


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
