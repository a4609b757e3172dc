"""The scale of the critic's heatmap, as the stage has it, beside that of pictures."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from toygan import heatmap
from toygan.frames import GRID, short

from .conftest import blank

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with blank(browser, "words.js", "frames.js", "field.js") as page:
        yield page


def reach_of(page: Page, grid: np.ndarray, neutral: float) -> float:
    return float(page.evaluate("([grid, neutral]) => reachOf(grid, neutral)", [grid.ravel().tolist(), neutral]))


@pytest.mark.parametrize("neutral", [0.0, -2.0, 30.0])
def test_it_reaches_as_far_as_that_of_pictures(page: Page, neutral: float) -> None:
    grid = np.random.default_rng(0).normal(1.0, 3.0, (GRID, GRID))
    widest = np.abs(grid - neutral).max()
    # The stage counts in 511 bins, and takes the upper end of one.
    assert reach_of(page, grid, neutral) == pytest.approx(heatmap.reach_of(grid, neutral), abs=2 * widest / 511)


@pytest.mark.parametrize("value", [0.0, 0.123456, -98765.4])
def test_a_critic_that_says_the_same_everywhere_takes_no_side(page: Page, value: float) -> None:
    grid, known = np.full((GRID, GRID), value), short(value)
    assert reach_of(page, grid, known) == pytest.approx(heatmap.reach_of(grid, known))
    assert abs(value - known) / reach_of(page, grid, known) < 0.1
