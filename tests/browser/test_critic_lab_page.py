"""The critic lab as a visitor meets it, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import PATIENCE, Opener

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_DRAWN = """name => document.querySelector(`[data-testid=figure-${name}] .js-plotly-plot`)?.data?.length > 0"""


class Lab:
    """One visitor's tab, in the words of the page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        expect(page.get_by_role("heading", name="Critic lab")).to_be_visible(timeout=PATIENCE)

    def figure(self, name: str) -> Locator:
        """The figure, drawn: a lab draws those alone that are in sight."""
        figure = self.page.get_by_test_id(f"figure-{name}")
        figure.scroll_into_view_if_needed()
        self.page.wait_for_function(_DRAWN, arg=name)
        return figure

    def traces(self, name: str) -> list[dict[str, Any]]:
        plot = self.figure(name).locator(".js-plotly-plot")
        return list(
            plot.evaluate("plot => plot.data.map(({ x, y, z }) => ({ x: [...x], y: [...y], rows: z?.length }))")
        )

    def choose(self, figure: str, control: str, key: str) -> None:
        lab = self.page.get_by_test_id("lab").filter(has=self.page.get_by_test_id(f"figure-{figure}"))
        lab.locator(f"[data-control={control}] select").select_option(key)


@pytest.fixture
def lab(open_page: Opener):
    return lambda query="", **size: Lab(open_page.page(f"critic_lab{query and '?'}{query}", **size))


def test_the_critics_train_by_themselves_and_their_examinations_follow(lab) -> None:
    tab = lab("depth=2")
    assert len(tab.traces("weights-clip-0-01")[0]["x"]) > 20
    tab.figure("estimates-while-training")
    tab.page.wait_for_function(
        """() => document.querySelector('[data-testid=figure-estimates-while-training] .js-plotly-plot')
            .data.every(({ x }) => x.length > 1 && Math.max(...x) > 0)""",
    )
    expect(tab.figure("weights-clip-0-01")).to_contain_text(re.compile(r"\d+ % lie within 1 %"))


def test_the_best_critic_and_the_plan_are_drawn_beside_the_learned_one(lab) -> None:
    tab = lab("depth=2")
    best, plan, fake, _ = tab.traces("best-critic")
    assert best["rows"] == 64
    assert len(plan["x"]) == 3 * len(fake["x"])
    assert tab.traces("learned-critic")[0]["rows"] == 64
    assert len(tab.traces("cosines")) == 4


def test_another_critic_and_other_points_are_one_choice_away_and_belong_to_the_link(lab) -> None:
    tab = lab("depth=2")
    expect(tab.figure("slopes")).to_contain_text("Slope, penalty")
    tab.choose("slopes", "run", "clip-0.1")
    expect(tab.figure("slopes")).to_contain_text("Slope, clipped, c = 0.1")
    tab.choose("slopes", "where", "around-real")
    expect(tab.figure("slope-histogram")).to_contain_text("Slopes around real")
    expect(tab.page).to_have_url(re.compile(r"run=clip-0\.1.*where=around-real|where=around-real.*run=clip-0\.1"))


def test_the_chosen_critic_is_taken_to_train(lab) -> None:
    tab = lab("depth=2&run=clip-0.01")
    # The last figure over the button: before it is there the button may move away under the click.
    for name in ("layers", "learned-critic", "slopes", "slopes-while-training", "distances"):
        tab.figure(name)
    tab.page.get_by_role("button", name="Take the chosen critic to Train").click()
    expect(tab.page).to_have_url(re.compile(r"generator=frozen"), timeout=PATIENCE)
    assert "clip=0.01" in tab.page.url and "critic_depth=2" in tab.page.url


def test_the_page_fits_a_phone(lab) -> None:
    tab = lab("depth=2", width=390, height=844)
    tab.figure("layers")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    for figure in tab.page.get_by_test_id(re.compile("^figure-")).all():
        box = figure.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
