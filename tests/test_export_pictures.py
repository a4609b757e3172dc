"""Pictures and films: sizes, colours, what moves between keyframes, and words that stay words."""

from __future__ import annotations

import dataclasses
import io
import itertools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image, ImageSequence

from tests.records import records
from toygan.distributions import DISTRIBUTIONS
from toygan.export import FORMATS, animation, figure, palette, render
from toygan.export.animation import BYTES
from toygan.export.moment import Moment, levels, moment_of, moments, nice_step
from toygan.frames import unpack
from toygan.heatmap import DIVERGING
from toygan.methods import METHODS
from toygan.metrics import perfect_shares
from toygan.recipe import MAX_STEPS, Recipe
from toygan.record import Record

#: The method and the distribution whose names take most room in a title.
WIDE_METHOD = max(METHODS, key=lambda key: len(METHODS[key].title))
WIDE_DATA = max(DISTRIBUTIONS, key=lambda key: len(DISTRIBUTIONS[key].title))

UI = Path(__file__).resolve().parent.parent / "toygan" / "ui"


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def pixels_of(image: Image.Image, colour: str) -> int:
    """How many pixels have a colour, to the rounding of what surrounds them."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    return int((np.abs(np.asarray(image.convert("RGB")).astype(int) - wanted).max(axis=2) <= 6).sum())


# ---- the picture


def test_the_picture_is_large_enough_for_print() -> None:
    assert opened(render(records()["usual"], "png")).size == (1380, 1360)


@pytest.mark.parametrize(("step", "method"), [(8, "wgan"), (32, "dragan")])
def test_generated_points_have_the_colour_of_the_method_in_force(step: int, method: str) -> None:
    image = opened(render(records()["changing"], "png", step))
    assert pixels_of(image, METHODS[method].colour) > 1000
    others = {"wgan", "dragan"} - {method}
    assert all(pixels_of(image, METHODS[other].colour) == 0 for other in others)


def test_a_picture_as_shapes_is_valid_xml_without_letters_from_elsewhere() -> None:
    text = render(records()["usual"], "svg").decode()
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert "<text" not in text
    addresses = set(re.findall(r'(?:href|src)="([^"#][^"]{0,20})', text))
    assert all(address.startswith("data:image/png") for address in addresses)


def test_the_palette_is_the_stage_s() -> None:
    source = (UI / "palette.js").read_text(encoding="utf-8")
    light = re.search(r"light: \{ fake: \[(.*?)\], neutral: \[(.*?)\], real: \[(.*?)\] \}", source)
    assert light is not None
    numbers = [tuple(map(int, group.split(","))) for group in light.groups()]
    assert numbers == list(DIVERGING["light"])
    assert f"const SHADES = {len(palette.shades())};" in source
    assert np.array_equal(palette.shades()[[0, 256, 512]] * 255, np.array(numbers))


@pytest.mark.parametrize("side", [figure.SIDE, animation.SIDE], ids=["picture", "film"])
@pytest.mark.parametrize("overflowed", [False, True])
@pytest.mark.parametrize(
    ("method", "data"), [*((method, WIDE_DATA) for method in METHODS), *((WIDE_METHOD, data) for data in DISTRIBUTIONS)]
)
def test_the_longest_words_lie_within_the_figure_and_on_nothing_else(
    method: str, data: str, overflowed: bool, side: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure, "floor", lambda *_: (88.888, 88.888))
    last = records()["failed" if overflowed else "usual"].keyframes[-1]
    failed = unpack(last.data).failed[0]
    assert bool(failed) is overflowed
    metrics = {
        "w1": -1.23e-5,
        "modes": len(perfect_shares(Recipe(data=data).distribution).weights),
        "high_quality": 1.0,
    }
    many = {
        "step": MAX_STEPS,
        "metrics": metrics,
        "failed": failed and failed.replace(str(last.step), f"{MAX_STEPS:,}"),
    }
    far = {"neutral": -1.23e-3, "reach": 1.23456, "points": np.full((600, 2), 1e9)}
    shown = dataclasses.replace(moment(records()["usual"], -1), **many, **far)
    picture = figure.Picture(Recipe(method=method, data=data), side)
    picture.figure_of(shown)
    texts = [
        picture.title,
        picture.facts,
        picture.outside,
        picture.low,
        picture.middle,
        picture.high,
        picture.scale,
    ]
    boxes = {text.get_text(): text.get_window_extent() for text in texts}
    whole = picture.figure.bbox
    outside = [
        text for text, box in boxes.items() if not (whole.x0 < box.x0 and box.x1 < whole.x1 and box.y1 < whole.y1)
    ]
    assert outside == []
    overlapping = [pair for pair in itertools.combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])]
    assert overlapping == []
    assert picture.facts.get_window_extent().y0 > picture.axes.get_window_extent().y1


def test_generated_points_look_in_the_legend_as_in_the_plot() -> None:
    picture = figure.Picture(records()["usual"].recipe)
    picture.figure_of(moment(records()["usual"], -1))
    mark = next(mark for mark in picture.legend.get_lines() if mark.get_label() == "generated")
    assert mark.get_marker() == "o"
    assert mark.get_markersize() ** 2 == pytest.approx(picture.points.get_sizes()[0])
    assert mark.get_markeredgewidth() == picture.points.get_linewidths()[0]
    assert to_hex(mark.get_markeredgecolor()) == to_hex(picture.points.get_edgecolors()[0])
    assert to_hex(mark.get_markerfacecolor()) == to_hex(picture.points.get_facecolors()[0])


# ---- moments


def moment(record: Record, index: int) -> Moment:
    return moment_of(record.recipe, record.keyframes[index])


def test_halfway_between_two_keyframes_all_points_and_values_are_halfway() -> None:
    record = records()["usual"]
    first, second = moment(record, 0), moment(record, 1)
    found = moments(record.recipe, record.keyframes[:2], 3)
    assert np.array_equal(found[0].points, first.points)
    assert np.allclose(found[1].points, (first.points + second.points) / 2)
    assert np.allclose(found[1].grid, (first.grid + second.grid) / 2)
    assert found[1].neutral == pytest.approx((first.neutral + second.neutral) / 2)
    assert [part.step for part in found] == [0, 0, 8]


def test_moments_reach_from_the_first_keyframe_to_the_last() -> None:
    record = records()["usual"]
    found = moments(record.recipe, record.keyframes, 11)
    assert [part.step for part in found] == [0, 0, 8, 8, 16, 16, 24, 24, 32, 32, 40]


def test_most_of_the_grid_is_within_reach_of_the_neutral_value() -> None:
    found = moment(records()["usual"], -1)
    assert np.mean(np.abs(found.grid - found.neutral) <= found.reach) == pytest.approx(0.92, abs=0.01)


def test_a_critic_that_measures_a_distance_is_neutral_between_its_means() -> None:
    record = records()["usual"]
    metrics = unpack(record.keyframes[-1].data).metrics[0]
    assert moment(record, -1).neutral == (metrics["real_mean"] + metrics["fake_mean"]) / 2
    assert moment(records()["several"], -1).neutral == 0


def test_contour_lines_are_round_steps_around_the_neutral_value_and_leave_it_out() -> None:
    found = moment(records()["usual"], -1)
    steps = (levels(found, squash=False) - found.neutral) / nice_step(2 * found.reach / 9)
    assert np.allclose(steps, np.round(steps))
    assert 0 not in np.round(steps)
    assert len(steps) >= 5


def test_contour_lines_of_a_classifier_are_tenths_of_its_sigmoid() -> None:
    found = levels(moment(records()["several"], -1), squash=True)
    assert np.allclose(1 / (1 + np.exp(-found)), [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9])


# ---- the film


def test_a_film_moves_and_ends_on_the_last_keyframe() -> None:
    film = opened(render(records()["usual"], "gif"))
    durations = []
    for number in range(film.n_frames):
        film.seek(number)
        durations.append(film.info["duration"])
    assert film.n_frames == 61
    assert set(durations[:-1]) == {80}
    assert durations[-1] > 1000
    assert film.info["loop"] == 0


def test_a_long_run_s_film_takes_about_nine_seconds_and_few_bytes() -> None:
    record = records()["usual"]
    long = Record(record.recipe, 1, record.keyframes * 4)
    data = render(long, "gif")
    film = opened(data)
    assert film.n_frames == 96
    milliseconds = sum(picture.info["duration"] for picture in ImageSequence.Iterator(film))
    assert milliseconds == pytest.approx(9000, abs=500)
    assert "about nine seconds" in FORMATS["gif"].help
    assert len(data) <= BYTES


def test_a_single_keyframe_makes_a_film_of_one_picture() -> None:
    assert opened(render(records()["start"], "gif")).n_frames == 1
