"""How alive the pages are: painted frames a second, and how long the first ones take.

    python benchmarks/page.py            # about four minutes; writes its tables into docs/performance.md
    python benchmarks/page.py --quick    # about a minute; prints them only

Each row has a server of its own and a headless Chromium without a GPU, on this machine, with the workers training at
the default settings meanwhile. So everything competes for the same cores, as it does on a laptop.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page

from benchmarks.common.app import browsing, serving
from benchmarks.common.tables import machine, table, write
from toygan.methods import CARD_METHODS, METHODS

#: Seconds of training before frames are counted, and for which they are.
SETTLE, COUNT = 6.0, 10.0

#: Panels on the Compare page, and painted frames a second to reach.
PANELS = {1: 60, 4: 40, 6: 30}


def opened(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(url)
    return page


def attribute(page: Page, test_id: str, name: str) -> float:
    return float(page.get_by_test_id(test_id).get_attribute(f"data-{name}") or 0)


def until(page: Page, test_id: str, name: str, least: float) -> None:
    """Wait, frame by frame, until an attribute is at least this."""
    page.wait_for_function(
        "([id, name, least]) => Number(document.querySelector(`[data-testid=${id}]`)?.dataset[name] ?? -1) >= least",
        arg=[test_id, name, least],
    )


def train(page: Page) -> None:
    page.get_by_role("button", name="Train", exact=True).click()


def painted_a_second(page: Page, test_id: str, seconds: float) -> float:
    before, began = attribute(page, test_id, "painted"), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    return (attribute(page, test_id, "painted") - before) / (time.perf_counter() - began)


def starting(browser: Browser) -> dict[str, float]:
    """Seconds from starting the server to the first frame, to the first moving one, and from Train to that."""
    with serving() as server:
        page = opened(browser, server.url)
        until(page, "stage", "frames", 1)
        first = time.perf_counter()
        train(page)
        pressed = time.perf_counter()
        until(page, "stage", "step", 1)
        moving = time.perf_counter()
        page.close()
        return {
            "from `streamlit run` to the untrained networks on the stage, s": first - server.began,
            "from `streamlit run` to the first moving frame, Train pressed at once, s": moving - server.began,
            "from pressing Train to the first moving frame, s": moving - pressed,
        }


def playing(browser: Browser, settle: float, count: float) -> dict[str, float]:
    """The Train page while it trains the default recipe."""
    with serving() as server:
        page = opened(browser, server.url)
        until(page, "stage", "frames", 1)
        train(page)
        page.wait_for_timeout(1000 * settle)
        frames, cpu = attribute(page, "stage", "frames"), server.cpu_seconds()
        rate = painted_a_second(page, "stage", count)
        frames, cpu = attribute(page, "stage", "frames") - frames, server.cpu_seconds() - cpu
        found = {
            "painted frames a second on the Train page": rate,
            "keyframes a second": frames / count,
            "server processor time a keyframe, ms": 1000 * cpu / max(frames, 1),
            "server process, MB": server.megabytes(),
        }
        page.close()
        return found


def comparing(browser: Browser, panels: int, settle: float, count: float) -> float:
    """Painted frames a second with so many panels, each a method at its defaults."""
    methods = [*CARD_METHODS, *(key for key in METHODS if key not in CARD_METHODS)][:panels]
    with serving() as server:
        runs = quote(json.dumps([{"method": key} for key in methods]))
        page = opened(browser, f"{server.url}/compare?runs={runs}")
        page.wait_for_function(
            "count => document.querySelectorAll('[data-testid=panel][data-step=\"0\"]').length === count", arg=panels
        )
        train(page)
        until(page, "compare", "reading", 1)
        page.wait_for_timeout(1000 * settle)
        rate = painted_a_second(page, "compare", count)
        page.close()
        return rate


def rows(browser: Browser, settle: float, count: float) -> Iterator[Sequence[str]]:
    numbers: dict[str, Any] = {**starting(browser), **playing(browser, settle, count)}
    for panels, goal in PANELS.items():
        name = f"painted frames a second, {panels} panel{'s' if panels > 1 else ''} (goal {goal})"
        numbers[name] = comparing(browser, panels, settle, count)
    for name, value in numbers.items():
        print(name, f"{value:.2f}", sep="  ", file=sys.stderr)
        yield name, f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="count for a second or two and print only")
    given = parser.parse_args()
    settle, count = (2.0, 2.0) if given.quick else (SETTLE, COUNT)
    with browsing() as browser:
        text = table(("what", "measured"), rows(browser, settle, count))
        version = browser.version
    text = f"{text}\n\n{machine('streamlit')}, Chromium {version}."
    print(text)
    if not given.quick:
        write(ROOT / "docs" / "performance.md", "page", text)


if __name__ == "__main__":
    main()
