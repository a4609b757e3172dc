"""Takes README's pictures: python docs/screenshot.py opens the app, trains for a while and writes docs/images/*.png.

It needs what the browser tests need: Playwright and a Chromium on the path.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page

from benchmarks.common.app import browsing, serving

IMAGES = ROOT / "docs" / "images"
BEFORE, SHOWN, STEPS = "GAN", "DRAGAN", 1500
COMPARED = 1000
PATIENCE = 600_000


def main() -> None:
    """Take the pictures from a server with an empty library."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with serving() as server, browsing() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE)
        take_train(page, server.url)
        take_compare(page, server.url)
        take_critics(page, server.url)


def take_train(page: Page, url: str) -> None:
    """Train one method, flip to another, and take the picture once that has come as far."""
    page.goto(f"{url}/?method=non-saturating&step={STEPS}")
    sidebar = page.get_by_test_id("stSidebar")
    for method in (BEFORE, SHOWN):
        sidebar.get_by_text(method, exact=True).first.click()
        page.wait_for_function(
            "least => Number(document.querySelector('[data-testid=stage]')?.dataset.step) >= least", arg=STEPS
        )
        page.get_by_role("button", name="Train", exact=True).wait_for()
    page.get_by_test_id("card-w1").get_by_text("2,000", exact=True).wait_for()
    page.mouse.move(1400, 880)
    page.screenshot(path=IMAGES / "train.png")


def take_compare(page: Page, url: str) -> None:
    """Train the four main methods in lock-step."""
    page.goto(f"{url}/compare")
    goal = page.get_by_role("spinbutton", name="Stop at (steps)")
    goal.fill(str(COMPARED))
    goal.press("Enter")
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_test_id("comparison").get_by_text("2,000 points").wait_for()
    page.mouse.move(1400, 880)
    page.screenshot(path=IMAGES / "compare.png")


def take_critics(page: Page, url: str) -> None:
    """Let the Critic lab train its four critics to the end."""
    page.goto(f"{url}/critic_lab")
    page.get_by_role("button", name="Again", exact=True).wait_for()
    page.mouse.move(1400, 880)
    # The last keyframe is painted a moment after the runs have come to their end.
    page.wait_for_function("() => Number(document.querySelector('[data-testid=compare]')?.dataset.reading) >= 600")
    page.screenshot(path=IMAGES / "critics.png")


if __name__ == "__main__":
    main()
