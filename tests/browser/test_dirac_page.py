"""The Dirac-GAN's page as a visitor meets it, in a real browser."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlparse

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import PATIENCE, Opener

pytestmark = pytest.mark.browser

#: The portrait's traces: arrows first, the moving point last.
ARROWS, POINT = 0, -1


class Lesson:
    """One visitor's tab, in the words of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.portrait = page.get_by_test_id("figure-dirac-portrait")
        self.lab = page.get_by_test_id("lab").filter(has=self.portrait)
        page.wait_for_function(
            "document.querySelector('[data-testid=figure-dirac-portrait] .js-plotly-plot')?.data?.length > 0",
            timeout=PATIENCE,
        )

    def trace(self, index: int) -> dict[str, Any]:
        plot = self.portrait.locator(".js-plotly-plot")
        return dict(plot.evaluate("(plot, i) => ({ x: plot.data.at(i).x, y: plot.data.at(i).y })", index))

    def until_changed(self, index: int, before: dict[str, Any]) -> None:
        self.page.wait_for_function(
            """([i, before]) => {
                const trace = document.querySelector('[data-testid=figure-dirac-portrait] .js-plotly-plot').data.at(i);
                return JSON.stringify([trace.x, trace.y]) !== JSON.stringify([before.x, before.y]);
            }""",
            arg=[index, before],
        )

    def control(self, name: str) -> Locator:
        return self.lab.locator(f"[data-control={name}] :is(input, select)")

    def choose(self, name: str, key: str) -> None:
        self.control(name).select_option(key)

    def until_link_has(self, **fields: str) -> None:
        for name, value in fields.items():
            expect(self.page).to_have_url(re.compile(rf"[?&]{name}={re.escape(value)}(&|$)"), timeout=PATIENCE)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlparse(self.page.url).query))


@pytest.fixture
def lesson(open_page: Opener):
    return lambda query="", **size: Lesson(open_page.page(f"dirac{query and '?'}{query}", **size))


def test_the_run_is_on_its_way_without_a_click(lesson) -> None:
    tab = lesson()
    tab.until_changed(POINT, tab.trace(POINT))
    gallery = tab.page.get_by_test_id("lab").filter(has=tab.page.get_by_test_id("figure-dirac-free"))
    expect(gallery).to_have_attribute("data-playing", "true", timeout=PATIENCE)


def test_another_method_is_another_portrait(lesson) -> None:
    tab = lesson()
    before = tab.trace(ARROWS)
    tab.choose("method", "minimax")
    tab.until_link_has(method="minimax")
    tab.until_changed(ARROWS, before)
    expect(tab.portrait.get_by_role("heading")).to_contain_text("minimax")
    expect(tab.lab).to_contain_text("goes round")
    tab.choose("update", "simultaneous")
    expect(tab.lab).to_contain_text("goes out", timeout=PATIENCE)


def test_controls_keep_their_places_whatever_the_method_listens_to(lesson) -> None:
    tab = lesson()
    expect(tab.control("penalty_weight")).to_have_count(1)
    height = tab.lab.locator(".tg-lab-controls").evaluate("box => box.offsetHeight")
    tab.choose("method", "wgan")
    expect(tab.control("penalty_weight")).to_have_count(0, timeout=PATIENCE)
    expect(tab.control("clip")).to_have_count(1)
    tab.choose("method", "hinge")
    expect(tab.lab).to_contain_text("Penalty (unused)", timeout=PATIENCE)
    assert tab.lab.locator(".tg-lab-controls").evaluate("box => box.offsetHeight") == height


def test_the_start_is_dragged_and_the_link_follows(lesson) -> None:
    tab = lesson("penalty_weight=0.5")
    handle = tab.portrait.get_by_role("slider", name="Start of the run")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x - 60, y + 40, steps=4)
    tab.page.mouse.up()
    expect(tab.page).to_have_url(re.compile(r"theta=.*psi=|psi=.*theta="), timeout=PATIENCE)
    assert float(tab.query["theta"]) < 1.2 and float(tab.query["psi"]) < 0.8
    assert tab.query["penalty_weight"] == "0.5"


def test_sliders_look_like_the_timeline_and_are_filled_as_far_as_they_stand(lesson) -> None:
    page = lesson()
    for slider in page.page.get_by_role("slider").and_(page.page.locator("input")).all():
        found = slider.evaluate(
            """input => [
                getComputedStyle(input).appearance,
                Number(input.style.getPropertyValue("--tg-share")),
                (input.value - input.min) / (input.max - input.min),
            ]"""
        )
        assert found[0] == "none", "a browser's own slider has colours of its own in the dark"
        assert found[1] == pytest.approx(found[2])


def test_a_link_brings_the_same_page_to_another_visitor(lesson) -> None:
    tab = lesson("method=dragan&learning_rate=0.5&theta=-0.6&psi=1.4")
    tab.choose("update", "simultaneous")
    tab.until_link_has(update="simultaneous")
    again = lesson(urlparse(tab.page.url).query)
    assert again.query == tab.query
    expect(again.control("method")).to_have_value("dragan")
    expect(again.control("update")).to_have_value("simultaneous")
    assert again.trace(ARROWS) == tab.trace(ARROWS)


def test_the_chosen_method_is_taken_to_train(lesson) -> None:
    tab = lesson("method=r3gan&penalty_weight=0.7")
    tab.page.get_by_role("button", name="Take this to Train").click()
    stage = tab.page.get_by_test_id("stage")
    expect(stage).to_have_attribute("data-frames", re.compile(r"^[1-9]"), timeout=PATIENCE)
    tab.until_link_has(method="r3gan", penalty_weight="0.7", data="gaussian")


def test_on_a_phone_nothing_is_cut_off_and_portraits_stand_two_in_a_row(lesson) -> None:
    tab = lesson(width=390, height=844)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
    table = tab.page.locator("table").filter(has_text="SN-GAN")
    assert table.evaluate("table => table.getBoundingClientRect().right") <= 390
    assert table.evaluate("table => table.scrollWidth <= table.parentElement.clientWidth")
    for name in ("portrait", "game", "distance", "flow-eigenvalues", "step-eigenvalues", "free", "calm", "pushed"):
        box = tab.page.get_by_test_id(f"figure-dirac-{name}").bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390, name
    figure = tab.page.get_by_test_id("figure-dirac-free")
    figure.scroll_into_view_if_needed()
    expect(figure.locator(".cartesianlayer .subplot")).to_have_count(4, timeout=PATIENCE)
    boxes = [subplot.bounding_box() for subplot in figure.locator(".cartesianlayer .gridlayer").all()]
    assert len({round(box["x"] / 20) for box in boxes if box}) == 2
