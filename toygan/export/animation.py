"""A run as an animated GIF: from its first keyframe to the one asked for, smoothly, within four megabytes."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from toygan.export.figure import STYLE, Picture
from toygan.export.moment import Moment, moments
from toygan.export.tables import keyframes_until
from toygan.recipe import Recipe
from toygan.record import Record

#: No larger than this.
BYTES = 4_000_000

#: Inches of the plot: less than a picture's, so that letters are large enough.
SIDE = 4.4

_BETWEEN_KEYFRAMES = 12  # pictures from one keyframe to the next, at most: few keyframes make a short film
_HELD = 1600  # milliseconds that the last picture stays
_COLOURS = 80
_LOOKED_AT = 5  # pictures whose size tells the film's

#: Dots an inch, pictures, and milliseconds of each, until the file is small enough.
_TRIES = ((90, 96, 80), (80, 96, 80), (80, 72, 110), (70, 72, 110), (60, 72, 110))


def render(record: Record, step: int | None = None) -> bytes:
    """The film up to ``step``, 8 s long and then held, in a loop; a run of a single keyframe is one picture."""
    keyframes = keyframes_until(record, step)
    most = _BETWEEN_KEYFRAMES * (len(keyframes) - 1) + 1
    film = b""
    for dots, count, duration in _TRIES:
        shown = moments(record.recipe, keyframes, min(count, most))
        if _expected(record.recipe, shown, dots) <= BYTES or dots == _TRIES[-1][0]:
            film = _film(_pictures(record.recipe, shown, dots), duration)
            if len(film) <= BYTES:
                break
    return film


def _expected(recipe: Recipe, shown: list[Moment], dots: int) -> float:
    """About how large the film will be, going by a few of its pictures."""
    few = shown[:: max(1, len(shown) // _LOOKED_AT)]
    return len(_film(_pictures(recipe, few, dots), 0)) * len(shown) / len(few)


def _pictures(recipe: Recipe, shown: list[Moment], dots: int) -> list[Image.Image]:
    with matplotlib.rc_context(STYLE):
        picture = Picture(recipe, SIDE)
        picture.figure.set_dpi(dots)
        canvas = FigureCanvasAgg(picture.figure)
        found, colour, still = [], None, None
        for moment in shown:
            picture.figure_of(moment)
            if picture.colour != colour:
                colour, still = picture.colour, _still(picture, canvas)
            canvas.restore_region(still)
            for artist in picture.moving:
                picture.figure.draw_artist(artist)
            found.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
    return found


def _still(picture: Picture, canvas: FigureCanvasAgg) -> Any:
    """What stays the same from moment to moment, drawn once."""
    for artist in picture.moving:
        artist.set_visible(False)
    canvas.draw()
    for artist in picture.moving:
        artist.set_visible(True)
    return canvas.copy_from_bbox(picture.figure.bbox)


def _film(pictures: list[Image.Image], duration: int) -> bytes:
    """One palette for all pictures, so that nothing flickers; no dithering, which would not compress."""
    middle = pictures[:: max(1, len(pictures) // 6)]
    strip = Image.new("RGB", (middle[0].width, middle[0].height * len(middle)))
    for number, picture in enumerate(middle):
        strip.paste(picture, (0, number * picture.height))
    colours = strip.quantize(_COLOURS, Image.Quantize.FASTOCTREE)
    first, *rest = [picture.quantize(palette=colours, dither=Image.Dither.NONE) for picture in pictures]
    buffer = io.BytesIO()
    durations = [*[duration] * len(rest), _HELD]
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=durations, loop=0, disposal=1)
    return buffer.getvalue()
