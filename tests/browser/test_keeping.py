"""What is kept: runs outlive their server, however it ends, and are there for every visitor."""

import contextlib
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import PATIENCE, SMALL, Opener, Tab, serve

pytestmark = pytest.mark.browser


def page_of(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    return page


def steps_of(page: Page) -> int:
    """How far the first run in the Library was trained."""
    text = page.get_by_text(" steps, W1").first.inner_text()
    return int(text.split()[0].replace(",", ""))


def until_kept(file: Path, steps: int) -> None:
    """Wait until a file holds a run's state at or after this step: batches are some seconds apart."""
    deadline = time.monotonic() + PATIENCE / 1000
    with contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
        while (connection.execute("SELECT max(step) FROM states").fetchone()[0] or 0) < steps:
            assert time.monotonic() < deadline, f"no state of step {steps} was kept"
            time.sleep(0.05)


def test_a_run_is_replayed_after_its_server_was_killed(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "runs.sqlite"
    store = {"TOYGAN_STORE": str(file)}
    with serve(tmp_path, **store) as first:
        tab = Tab(page_of(browser, f"{first.url}/?{SMALL}&seed=51"))
        tab.train()
        until_kept(file, 50)
        os.kill(first.pid, signal.SIGKILL)
        tab.page.close()
    with serve(tmp_path, **store) as second:
        page = page_of(browser, f"{second.url}/library")
        reached = steps_of(page)
        assert reached >= 50
        page.locator(".stButton").get_by_role("button", name="Open", exact=True).first.click()
        tab = Tab(page)
        expect(tab.stage).to_have_attribute("data-step", str(reached), timeout=PATIENCE)
        tab.settled()
        assert tab.number("frames") > 3, "the history is there, not the end alone"
        tab.train()
        tab.until("step", reached + 1)
        page.close()


def test_two_visitors_share_one_library(open_page: Opener) -> None:
    first = open_page(f"?{SMALL}&seed=52&penalty_weight=0.52")
    first.train()
    first.until("step", 30)
    first.pause()
    second = open_page.page("library")
    second.get_by_placeholder("A name, a setting, a seed").fill("0.52")
    second.keyboard.press("Enter")
    expect(second.get_by_text("Penalty weight 0.52").first).to_be_visible(timeout=PATIENCE)
    second.locator(".stButton").get_by_role("button", name="Open", exact=True).first.click()
    tab = Tab(second)
    expect(tab.stage).to_have_attribute("data-run", first.run, timeout=PATIENCE)


def test_runs_from_the_library_stand_side_by_side(open_page: Opener) -> None:
    for method in ("wgan", "dragan"):
        tab = open_page(f"?{SMALL}&seed=7353&method={method}")
        tab.train()
        tab.until("step", 20)
        tab.pause()
    page = open_page.page("library")
    page.get_by_placeholder("A name, a setting, a seed").fill("seed 7353")
    page.keyboard.press("Enter")
    boxes = page.get_by_test_id("stCheckbox").get_by_text("Compare", exact=True)
    expect(boxes).to_have_count(2, timeout=PATIENCE)
    boxes.nth(0).click()
    page.get_by_role("button", name="Compare 1").wait_for()
    boxes.nth(1).click()
    page.get_by_role("button", name="Compare 2").click()
    expect(page.get_by_test_id("panel")).to_have_count(2, timeout=PATIENCE)
    page.wait_for_function("() => Number(document.querySelector('[data-testid=compare]').dataset.reading) >= 20")


def test_the_first_visitor_of_a_fresh_server_may_come_to_any_page(browser: Browser, tmp_path: Path) -> None:
    with serve(tmp_path, TOYGAN_STORE="off") as server:
        page = page_of(browser, f"{server.url}/compare")
        expect(page.get_by_test_id("panel")).to_have_count(4, timeout=PATIENCE)
        expect(page.get_by_role("link", name="Library")).to_be_visible()
        page.close()
