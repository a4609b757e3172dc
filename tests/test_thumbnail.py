"""Thumbnails: a packed moment as a small picture that shows where the points are and what the critic thinks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from toygan.frames import GRID, Frame, pack
from toygan.thumbnail import SIZE, draw


def keyframe(samples: list[tuple[float, float]], grid: np.ndarray, **metrics: float | None) -> bytes:
    points = np.array(samples, float).reshape(1, -1, 2)
    frame = Frame(
        step=5,
        extent=2.0,
        samples=points,
        grid=np.broadcast_to(grid, (1, GRID, GRID)).astype(float),
        mesh=np.zeros((1, 2, 2, 2)),
        arrows=np.zeros((1, 1, 2)),
        metrics=(metrics,),
        histogram=((1,),),
        failed=(None,),
    )
    return pack(frame)


def pixels(data: bytes, colour: str = "#0072B2", neutral: str = "zero", dark: bool = False) -> np.ndarray:
    picture = Image.open(io.BytesIO(draw(data, colour, neutral, dark)))
    assert picture.format == "PNG"
    return np.asarray(picture.convert("RGB"), int)


def near(pixel: np.ndarray, colour: tuple[int, int, int], by: int = 8) -> bool:
    return bool(np.abs(pixel - colour).max() <= by)


def test_a_point_lies_where_its_coordinates_say_in_the_method_s_colour() -> None:
    picture = pixels(keyframe([(1.0, 1.5)], np.zeros((GRID, GRID))))
    assert picture.shape == (SIZE, SIZE, 3)
    row, column = int(SIZE * (1 - 3.5 / 4)), int(SIZE * 3 / 4)
    assert near(picture[row, column], (0, 114, 178))
    assert near(picture[SIZE - row, column], (249, 248, 246)), "no side taken, and no point"


def test_points_outside_the_plot_are_left_out() -> None:
    everywhere = [(x, y) for x in (-7.9, 0.0, 7.9) for y in (-7.9, 7.9)]
    picture = pixels(keyframe(everywhere, np.zeros((GRID, GRID))))
    assert np.ptp(picture.reshape(-1, 3), axis=0).max() == 0


def test_points_on_the_edge_are_cut_and_not_lost() -> None:
    picture = pixels(keyframe([(-2.0, 2.0)], np.zeros((GRID, GRID))))
    assert near(picture[0, 0], (0, 114, 178))
    assert near(picture[-1, -1], (249, 248, 246))


@pytest.mark.parametrize("dark", [False, True])
def test_blue_is_where_the_critic_says_real_and_rows_run_up(dark: bool) -> None:
    grid = np.where(np.arange(GRID)[:, None] < GRID // 2, -50.0, 50.0)
    picture = pixels(keyframe([], grid), dark=dark)
    real, fake = ((36, 84, 122), (108, 76, 38)) if dark else ((160, 199, 226), (241, 207, 158))
    assert near(picture[5, 5], real)
    assert near(picture[-5, 5], fake)


def test_halfway_between_the_means_is_neutral_for_critics_without_a_zero() -> None:
    grid = np.linspace(90.0, 110.0, GRID)[None].repeat(GRID, axis=0)
    picture = pixels(keyframe([], grid, real_mean=106.0, fake_mean=94.0), neutral="midpoint")
    assert near(picture[10, SIZE // 2], (249, 248, 246))
    assert near(picture[10, 0], (241, 207, 158))
    assert near(picture[10, -1], (160, 199, 226))


@pytest.mark.parametrize("value", [0.0, 1e30])
def test_a_critic_that_says_the_same_everywhere_is_drawn_without_complaint(value: float) -> None:
    for neutral in ("zero", "midpoint"):
        pixels(keyframe([], np.full((GRID, GRID), value), real_mean=None, fake_mean=None), neutral=neutral)


def test_bytes_that_are_no_keyframe_are_refused() -> None:
    with pytest.raises(ValueError, match="not a packed frame"):
        draw(b"nothing", "#0072B2", "zero", False)
