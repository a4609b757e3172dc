"""The heatmap's colours and scale: the page's own, in NumPy."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.records import records
from toygan import heatmap
from toygan.frames import short, unpack

UI = Path(__file__).parents[1] / "toygan" / "ui"


@pytest.mark.parametrize("theme", heatmap.DIVERGING)
def test_the_colours_are_the_stage_s(theme: str) -> None:
    source = (UI / "palette.js").read_text(encoding="utf-8")
    found = re.search(rf"{theme}: {{ fake: \[(.*?)\], neutral: \[(.*?)\], real: \[(.*?)\] }}", source)
    assert found is not None
    numbers = [tuple(map(int, group.split(","))) for group in found.groups()]
    assert numbers == list(heatmap.DIVERGING[theme])
    assert np.array_equal(heatmap.shade(np.array([-1.0, 0.0, 1.0]), theme), numbers)


def test_the_scale_covers_the_share_of_the_grid_that_the_stage_s_covers() -> None:
    source = (UI / "field.js").read_text(encoding="utf-8")
    assert f"const REACH_SHARE = {heatmap.REACH_SHARE};" in source
    grid = np.arange(100.0).reshape(10, 10)
    assert (np.abs(grid - 3.0) <= heatmap.reach_of(grid, 3.0)).mean() == pytest.approx(heatmap.REACH_SHARE, abs=0.01)
    assert heatmap.reach_of(np.ones((4, 4)), 1.0) > 0


@pytest.mark.parametrize("value", [0.123456, -0.123456, 98765.4])
def test_a_critic_that_says_the_same_everywhere_takes_no_side(value: float) -> None:
    # Its neutral value is known as metrics are, to five digits.
    known = short(value)
    reach = heatmap.reach_of(np.full((4, 4), value), known)
    assert abs(value - known) / reach < 0.1


def test_a_critic_of_log_odds_is_neutral_at_zero_and_any_other_between_real_and_generated_points() -> None:
    frame = unpack(records()["usual"].keyframes[-1].data)
    metrics = frame.metrics[0]
    assert heatmap.neutral_value(frame, "zero") == 0.0
    assert heatmap.neutral_value(frame, "midpoint") == (metrics["real_mean"] + metrics["fake_mean"]) / 2
