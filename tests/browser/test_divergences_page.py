"""The page on why modes vanish as a visitor meets it, in a real browser."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import PATIENCE, Opener

pytestmark = pytest.mark.browser

#: The traces of a fit's figure.
TARGET, FIT = 0, 1


class Lesson:
    """One visitor's tab, in the words of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.fit = page.get_by_test_id("figure-fit-reverse-kl")
        self.lab = page.get_by_test_id("lab").filter(has=self.fit)
        self.fit.scroll_into_view_if_needed()
        page.wait_for_function(
            "document.querySelector('[data-testid=figure-fit-reverse-kl] .js-plotly-plot')?.data?.length > 0",
            timeout=PATIENCE,
        )

    def heights(self, trace: int) -> list[float]:
        return list(self.fit.locator(".js-plotly-plot").evaluate("(plot, i) => [...plot.data[i].y]", trace))

    def until_changed(self, trace: int, before: list[float]) -> None:
        self.page.wait_for_function(
            """([i, before]) => {
                const plot = document.querySelector('[data-testid=figure-fit-reverse-kl] .js-plotly-plot');
                return JSON.stringify([...plot.data[i].y]) !== JSON.stringify(before);
            }""",
            arg=[trace, before],
        )

    def at_rest(self) -> None:
        expect(self.lab).to_have_attribute("data-playing", "false", timeout=PATIENCE)

    def control(self, name: str) -> Locator:
        return self.lab.locator(f"[data-control={name}] :is(input, select)")

    def drag(self, label: str, right: float) -> None:
        """Drag a handle of the fit so many pixels to the right."""
        handle = self.fit.get_by_role("slider", name=label)
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + right, y, steps=4)
        self.page.mouse.up()
        value = handle.get_attribute("aria-valuenow") or ""
        name = handle.get_attribute("data-control") or ""
        expect(self.page).to_have_url(re.compile(rf"[?&]{name}={re.escape(value)}(&|$)"), timeout=PATIENCE)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlparse(self.page.url).query))


@pytest.fixture
def lesson(open_page: Opener) -> Any:
    return lambda query="", **visitor: Lesson(open_page.page(f"divergences{query and '?'}{query}", **visitor))


def peak(heights: list[float]) -> float:
    """Where a curve over [-6, 6] is highest."""
    return -6 + 12 * heights.index(max(heights)) / (len(heights) - 1)


def test_the_fits_are_on_their_way_without_a_click(lesson) -> None:
    tab = lesson()
    tab.until_changed(FIT, tab.heights(FIT))
    tab.at_rest()
    assert abs(peak(tab.heights(FIT)) - 2) < 0.2


def test_who_asks_for_less_motion_finds_the_fits_where_they_end(lesson) -> None:
    tab = lesson(calm=True)
    tab.at_rest()
    end = tab.heights(FIT)
    assert abs(peak(end) - 2) < 0.2
    tab.lab.get_by_role("button", name="Play").click()
    tab.until_changed(FIT, end)


def test_dragging_a_mode_moves_the_target_and_the_fit_after_it(lesson) -> None:
    tab = lesson(calm=True)
    tab.at_rest()
    target = tab.heights(TARGET)
    tab.drag("Right mode", -15)
    tab.until_changed(TARGET, target)
    tab.page.wait_for_function(
        """right => {
            const { y } = document.querySelector('[data-testid=figure-fit-reverse-kl] .js-plotly-plot').data[1];
            return Math.abs(-6 + 12 * y.indexOf(Math.max(...y)) / (y.length - 1) - right) < 0.2;
        }""",
        arg=float(tab.query["right"]),
    )


def test_where_the_fit_starts_decides_which_mode_it_picks(lesson) -> None:
    tab = lesson(calm=True)
    tab.at_rest()
    tab.drag("Start of the fit", -40)
    tab.page.wait_for_function(
        """() => document.querySelector('[data-testid=figure-fit-reverse-kl] .js-plotly-plot').data[2].text[0]
            === 'left mode only'"""
    )


def test_two_gaussians_find_both_modes(lesson) -> None:
    tab = lesson(calm=True)
    tab.at_rest()
    tab.control("fitted").select_option("two")
    expect(tab.page).to_have_url(re.compile(r"[?&]fitted=two"), timeout=PATIENCE)
    expect(tab.lab).to_contain_text("60 % mean −2.0", timeout=PATIENCE)


def test_a_link_brings_the_same_page_to_another_visitor(lesson) -> None:
    tab = lesson("left=-1.5&fitted=two&share=0.35&real=-2&width=1.1&step=200")
    tab.at_rest()
    tab.drag("Right mode", 25)
    again = lesson(urlparse(tab.page.url).query)
    again.at_rest()
    assert again.query == tab.query
    expect(again.control("fitted")).to_have_value("two")
    assert again.heights(TARGET) == tab.heights(TARGET)


def test_the_two_modes_are_taken_to_train(lesson) -> None:
    tab = lesson("left=-1&right=1.5&spread=0.4")
    tab.page.get_by_role("button", name="Train a non-saturating GAN on two equal Gaussians").click()
    expect(tab.page.get_by_test_id("stage")).to_have_attribute("data-frames", re.compile(r"^[1-9]"), timeout=PATIENCE)
    expect(tab.page).to_have_url(re.compile(r"data=two-gaussians"), timeout=PATIENCE)
    assert "2.5" in tab.page.url and tab.query["method"] == "non-saturating"


def test_on_a_phone_nothing_is_cut_off(lesson) -> None:
    tab = lesson(width=390, height=844)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
    for figure in tab.page.locator(".tg-lab-figure").all():
        box = figure.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
