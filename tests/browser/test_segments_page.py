"""The Segments page as a visitor meets it, in a real browser."""

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlparse

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

from .conftest import PATIENCE, Opener

pytestmark = pytest.mark.browser

FIGURES = (
    "segments-plane",
    "segments-divergences",
    "segments-gradients",
    "segments-critics",
    "gaussians-densities",
    "gaussians-divergences",
    "gaussians-gradients",
    "noise-densities",
    "noise-against-distance",
    "noise-against-noise",
    "annealing-descents",
    "annealing-noises",
)

#: A figure's traces by name, once it is drawn.
TRACES = """name => Object.fromEntries(
    (document.querySelector(`[data-testid=figure-${name}] .js-plotly-plot`)?.data ?? [])
        .map((trace) => [trace.name, { x: Array.from(trace.x), y: Array.from(trace.y) }]))"""

#: A chart's lines by name.
LINES = TRACES.replace("figure-${name}", "chart-${name}")


class Segments:
    """One visitor's tab, in the words of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.until_drawn("segments-plane")

    def figure(self, name: str) -> Locator:
        return self.page.get_by_test_id(f"figure-{name}")

    def lab(self, name: str) -> Locator:
        """The lab that a figure belongs to."""
        return self.page.get_by_test_id("lab").filter(has=self.figure(name))

    def control(self, name: str) -> Locator:
        return self.page.locator(f"[data-control={name}] :is(input, select)")

    def traces(self, name: str) -> dict[str, Any]:
        return dict(self.page.evaluate(TRACES, name))

    def until_drawn(self, name: str) -> None:
        self.figure(name).scroll_into_view_if_needed()
        self.page.wait_for_function(f"name => Object.keys(({TRACES})(name)).length > 0", arg=name, timeout=PATIENCE)

    def until_changed(self, name: str, trace: str, before: Any) -> None:
        self.page.wait_for_function(
            f"([name, trace, before]) => JSON.stringify(({TRACES})(name)[trace]) !== JSON.stringify(before)",
            arg=[name, trace, before],
        )

    def until_link_has(self, **fields: str) -> None:
        for name, value in fields.items():
            expect(self.page).to_have_url(re.compile(rf"[?&]{name}={re.escape(value)}(&|$)"), timeout=PATIENCE)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlparse(self.page.url).query))


@pytest.fixture
def segments(open_page: Opener):
    return lambda query="", **size: Segments(open_page.page(f"segments{query and '?'}{query}", **size))


def test_the_segment_moves_without_a_click(segments) -> None:
    tab = segments()
    tab.until_changed("segments-plane", "Generated", tab.traces("segments-plane")["Generated"])
    expect(tab.lab("segments-plane")).to_have_attribute("data-playing", "true")


def test_what_is_measured_on_samples_comes_by_itself(segments) -> None:
    tab = segments()
    tab.page.wait_for_function(f"() => ({TRACES})('segments-divergences')['W₁, samples']?.y.length === 9")
    tab.page.wait_for_function(f"() => ({TRACES})('segments-divergences')['JS, samples']?.y.length === 9")


def test_the_segment_is_dragged_and_all_figures_and_the_link_follow(segments) -> None:
    tab = segments()
    tab.lab("segments-plane").get_by_role("button", name="Pause").click()
    handle = tab.figure("segments-plane").get_by_role("slider", name="Distance of the generated segment")
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.page.mouse.move(x, y)
    tab.page.mouse.down()
    tab.page.mouse.move(x - 300, y, steps=4)
    tab.page.mouse.up()
    tab.until_link_has(theta="-2.0")
    expect(tab.lab("segments-plane")).to_contain_text("−2.00")
    tab.page.wait_for_function(f"() => ({TRACES})('segments-critics')['Generated']?.x[0] === -2")
    ends = tab.traces("segments-critics")["Potential f"]
    assert (ends["y"][1] - ends["y"][0]) / (ends["x"][1] - ends["x"][0]) == 1
    assert set(tab.traces("segments-plane")["Generated"]["x"]) == {-2}


def test_a_slider_of_the_page_is_answered_with_another_figure(segments) -> None:
    tab = segments()
    tab.until_drawn("gaussians-densities")
    before = tab.traces("gaussians-densities")["p, real"]
    tab.control("real-std").evaluate(
        "input => { input.value = 0.5; input.dispatchEvent(new Event('input', { bubbles: true }));"
        " input.dispatchEvent(new Event('change', { bubbles: true })); }"
    )
    tab.until_link_has(**{"real-std": "0.5"})
    tab.until_changed("gaussians-densities", "p, real", before)
    assert max(tab.traces("gaussians-densities")["p, real"]["y"]) == pytest.approx(0.79788, abs=1e-4)


def test_the_live_runs_begin_by_themselves_and_only_minimax_stays(segments) -> None:
    # With few critic steps a run is short.
    tab = segments("critic-steps=4")
    chart = tab.page.get_by_test_id("chart-theta")
    chart.scroll_into_view_if_needed()
    tab.page.wait_for_function(f"() => (({LINES})('theta')['WGAN-GP']?.y.at(-1) ?? 1) < 0.3", timeout=3 * PATIENCE)
    lines = dict(tab.page.evaluate(LINES, "theta"))
    assert lines["Minimax"]["y"][0] == 1
    assert min(lines["Minimax"]["y"]) > 0.9


def test_a_link_brings_the_same_page_to_another_visitor(segments) -> None:
    tab = segments("apart=1.5&start-noise=0.3&critic-steps=1")
    tab.control("optimizer").select_option("adam")
    tab.until_link_has(optimizer="adam")
    again = segments(urlparse(tab.page.url).query)
    assert again.query == tab.query == {**again.query, "apart": "1.5", "start-noise": "0.3", "optimizer": "adam"}
    expect(again.control("optimizer")).to_have_value("adam")
    for name in ("noise-against-noise", "annealing-descents"):
        for each in (tab, again):
            each.until_drawn(name)
        still = {"noise-against-noise": "JS", "annealing-descents": "Annealed noise"}[name]
        assert tab.traces(name)[still] == again.traces(name)[still]


def test_a_run_is_taken_to_train(segments) -> None:
    tab = segments("critic-steps=2")
    tab.page.get_by_role("button", name="Take this to Train").click()
    stage = tab.page.get_by_test_id("stage")
    expect(stage).to_have_attribute("data-frames", re.compile(r"^[1-9]"), timeout=PATIENCE)
    tab.until_link_has(method="minimax", generator="line", data="segment", critic_steps="2")


class LateTicks:
    """A connection over which ticks of a page come late, once ``late``.

    One comes behind the next thing that the browser asks for, and more with the first messages that come of it.
    """

    def __init__(self) -> None:
        self.tick: bytes | None = None
        self.late = False
        self.left = ""  #: the page that the next thing asked for leaves
        self.sent = 0

    def over(self, page: Page) -> None:
        page.route_web_socket(re.compile("_stcore/stream"), self._route)
        # Without a channel the page ticks by Streamlit.
        page.route_web_socket(re.compile("/channel/"), lambda socket: socket.close())

    def _route(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def send_tick() -> None:
            assert self.tick is not None
            self.sent += 1
            server.send(self.tick)

        def to_server(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            asks = BackMsg.FromString(message).rerun_script
            if asks.is_auto_rerun and not self.late:
                self.tick = message
            if self.left and not asks.is_auto_rerun and asks.page_script_hash == self.left:
                # Whatever else of the page that was left comes late brings it back: here ticks alone come late.
                return
            server.send(message)
            if self.late and not self.left and not asks.is_auto_rerun:
                self.left = asks.page_script_hash
                send_tick()

        def to_browser(message: str | bytes) -> None:
            browser.send(message)
            if self.left and self.sent < 20:
                send_tick()

        browser.on_message(to_server)
        server.on_message(to_browser)


def wait_until(page: Page, happened: Callable[[], bool]) -> None:
    """Let the browser go on, frame by frame, until something has happened on its connection."""
    end = time.monotonic() + PATIENCE / 1000
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        page.evaluate("() => new Promise(requestAnimationFrame)")


def test_a_tick_that_comes_late_does_not_reach_the_next_page(open_page: Opener) -> None:
    # Streamlit would run it under the name of the page that was left, and the browser would clear the new one.
    connection = LateTicks()
    page = open_page.page("segments?critic-steps=20", prepare=connection.over)
    # From now on keyframes come by ticks, and nothing else of the page is under way that asks for it once more.
    page.wait_for_function("Number(document.querySelector('[data-testid=compare]')?.dataset.reading) > 20")
    connection.tick = None
    wait_until(page, lambda: connection.tick is not None)
    connection.late = True
    page.get_by_role("button", name="Take this to Train").click()
    expect(page.get_by_test_id("stage")).to_have_attribute("data-frames", re.compile(r"^[1-9]"), timeout=PATIENCE)
    wait_until(page, lambda: connection.sent == 20)
    expect(page).to_have_url(re.compile("generator=line"))
    expect(page.get_by_test_id("stage")).to_be_visible()


def test_on_a_phone_nothing_is_cut_off(segments) -> None:
    tab = segments(width=390, height=844)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.page.get_by_test_id("stMain").evaluate("main => main.scrollWidth") <= 390
    for name in FIGURES:
        tab.until_drawn(name)
        box = tab.figure(name).bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390, name
