"""Live training in the middle of a text, where the Divergences page shows a generator that hops from mode to mode."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import PATIENCE, Opener

pytestmark = pytest.mark.browser

PAGE = "divergences"


class Hopping:
    """One visitor's tab, in the words of that section."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.get_by_test_id("compare")
        self.chart = page.get_by_test_id("chart-occupancy")
        self.chart.scroll_into_view_if_needed()

    def button(self, name: str):
        """One of the section's own: the page's figures have a Pause too."""
        return self.page.locator(".st-key-hopping").get_by_role("button", name=name, exact=True)

    def until(self, least: float) -> None:
        """Wait until the stage is at this step."""
        self.page.wait_for_function(
            "least => Number(document.querySelector('[data-testid=compare]').dataset.reading) >= least", arg=least
        )

    def reading(self) -> float:
        return float(self.root.get_attribute("data-reading") or -1)

    def pause(self) -> None:
        self.button("Pause").click()
        self.button("Train").wait_for()
        expect(self.root).to_have_attribute("data-state", "paused", timeout=PATIENCE)

    def settled(self) -> None:
        """Wait until the stage has played what it was sent."""
        self.page.wait_for_function(
            """() => {
                const root = document.querySelector('[data-testid=compare]');
                return Number(root.dataset.reading) >= Number(root.querySelector('[data-testid=timeline]').max);
            }"""
        )

    def columns(self) -> int:
        """Moments that the heat map shows."""
        return int(self.chart.locator(".js-plotly-plot").evaluate("plot => plot.data[0]?.x.length ?? 0"))

    def until_drawn(self, least: int) -> None:
        self.page.wait_for_function(
            """least => document.querySelector('[data-testid=chart-occupancy] .js-plotly-plot')
                ?.data[0]?.x.length >= least""",
            arg=least,
        )


@pytest.fixture
def hopping(open_page: Opener):
    return lambda **size: Hopping(open_page.page(PAGE, **size))


def test_the_run_begins_by_itself_and_its_modes_are_drawn_as_it_goes(hopping) -> None:
    tab = hopping()
    tab.button("Pause").wait_for()
    tab.until(40)
    tab.until_drawn(3)
    shares = tab.chart.locator(".js-plotly-plot").evaluate(
        "plot => plot.data[0].x.map((_, i) => plot.data[0].z.reduce((sum, row) => sum + (row[i] ?? 0), 0))"
    )
    assert len(shares) >= 3
    assert all(share == 0 or abs(share - 1) < 1e-9 for share in shares)
    expect(tab.chart.locator("output")).to_contain_text("with 5", timeout=PATIENCE)


def test_the_chart_has_its_place_before_the_first_keyframe(hopping) -> None:
    tab = hopping()
    before = tab.chart.bounding_box()
    tab.until(40)
    tab.until_drawn(3)
    after = tab.chart.bounding_box()
    assert before is not None and after is not None
    assert (before["width"], before["height"]) == (after["width"], after["height"])


def test_a_click_on_the_chart_goes_to_that_moment(hopping) -> None:
    tab = hopping()
    tab.until(60)
    tab.pause()
    tab.settled()
    tab.until_drawn(3)
    newest = tab.reading()
    area = tab.chart.locator(".nsewdrag").bounding_box()
    assert area is not None
    axis = tab.chart.locator(".js-plotly-plot").evaluate("plot => plot._fullLayout.xaxis.range[1]")
    tab.page.mouse.move(area["x"] + 5, area["y"] + area["height"] / 2)
    tab.page.mouse.click(area["x"] + area["width"] * newest / axis / 2, area["y"] + area["height"] / 2)
    tab.page.wait_for_function(
        "newest => Number(document.querySelector('[data-testid=compare]').dataset.reading) < newest", arg=newest
    )
    cursor = tab.chart.locator(".tg-cursor").bounding_box()
    assert cursor is not None and area["x"] < cursor["x"] < area["x"] + area["width"] * newest / axis


def test_space_pauses_and_goes_on(hopping) -> None:
    tab = hopping()
    tab.until(5)
    tab.root.focus()
    tab.page.keyboard.press("Space")
    tab.button("Train").wait_for()
    tab.root.focus()
    tab.page.keyboard.press("Space")
    tab.button("Pause").wait_for()


def test_on_a_phone_nothing_is_cut_off(hopping) -> None:
    tab = hopping(width=390, height=844)
    tab.until(20)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    for element in (tab.root, tab.chart):
        box = element.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
