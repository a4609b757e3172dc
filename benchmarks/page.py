"""How alive the pages are: painted frames a second, and how long the first ones take.

    python benchmarks/page.py            # a quarter of an hour; writes its table into docs/performance.md
    python benchmarks/page.py --quick    # about two minutes; prints it only

Each row has a server of its own and a headless Chromium without a GPU, on this machine, with the workers training
meanwhile, at the default settings except on the Compare page. So everything competes for the same cores, as it does on
a laptop.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.common.environment import own_kernels

own_kernels()

from playwright.sync_api import Browser, Page

from benchmarks.common.app import browsing, serving
from benchmarks.common.headless import alone, wake_up
from benchmarks.common.tables import machine, table, write
from toygan.methods import CARD_METHODS, METHODS
from toygan.pool import worker_processes

#: Seconds of training before frames are counted, and for which they are; and how many times.
SETTLE, COUNT, ROUNDS = 6.0, 10.0, 3

#: Seconds of play over which the browser's heap is watched, after a tenth as many to fill its caches.
PLAY = 600.0

#: Sliders, by page: a figure that the browser has, and ones that the server computes. Moved so many times each. The
#: links keep figures from moving by themselves, and one has a short training, to be waited for.
SLIDERS = {"segments?critic-steps=1": ("theta", "real-std"), "dirac?theta=1": ("learning_rate",)}
MOVES = 10

#: Move a slider, and milliseconds until one of its lab's figures has other numbers.
SLIDE = """async ([name, share]) => {
    const input = document.querySelector(`[data-control="${name}"] input[type=range]`);
    const plots = [...input.closest("[data-testid=lab]").querySelectorAll(".js-plotly-plot")];
    const drawn = () => JSON.stringify(plots.map(({ data }) => data.map(({ x, y, z }) => [x, y, z].map(String))));
    const before = drawn();
    const began = performance.now();
    input.value = Number(input.min) + share * (input.max - input.min);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
    while (drawn() === before) await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""

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


def pause(page: Page) -> None:
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Train", exact=True).wait_for()


def painted_a_second(page: Page, test_id: str, seconds: float) -> float:
    before, began = attribute(page, test_id, "painted"), time.perf_counter()
    page.wait_for_timeout(1000 * seconds)
    return (attribute(page, test_id, "painted") - before) / (time.perf_counter() - began)


def starting(browser: Browser) -> dict[str, float]:
    """Seconds from starting the server to the first frame, to the first moving one, and from Train to that."""
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS + 1):
        # Compiled modules are kept, as on a user's machine, whatever is set here.
        with serving(PYTHONDONTWRITEBYTECODE="") as server:
            page = opened(browser, server.url)
            until(page, "stage", "frames", 1)
            first = time.perf_counter()
            train(page)
            pressed = time.perf_counter()
            until(page, "stage", "step", 1)
            moving = time.perf_counter()
            page.close()
        times = {
            "from `streamlit run` to the untrained networks on the stage, s": first - server.began,
            "from `streamlit run` to the first moving frame, Train pressed at once, s (goal 5)": moving - server.began,
            "from pressing Train to the first moving frame, s (goal 1)": moving - pressed,
        }
        for name, seconds in times.items():
            found.setdefault(name, []).append(seconds)
    # The first start is the one that brings files into the caches.
    return {name: median(seconds[1:]) for name, seconds in found.items()}


def playing(browser: Browser, settle: float, count: float) -> dict[str, float]:
    """The Train page while it trains the default recipe."""
    with worker_processes(1)() as headless, serving() as server:
        # Its own workers have loaded their libraries meanwhile.
        time.sleep(settle)
        cpu = server.cpu_seconds()
        bare = headless.submit(wake_up, count).result()
        unused = 1000 * (server.cpu_seconds() - cpu) / count
        page = opened(browser, server.url)
        until(page, "stage", "frames", 1)
        found: dict[str, list[float]] = {}

        def note(name: str, value: float) -> None:
            found.setdefault(name, []).append(value)

        # With the page and without in turn: what else the machine does falls on both.
        for _ in range(ROUNDS):
            without = headless.submit(alone, count).result()
            train(page)
            page.wait_for_timeout(1000 * settle)
            began, cpu = time.perf_counter(), server.cpu_seconds()
            frames, step = attribute(page, "stage", "frames"), attribute(page, "stage", "newest")
            note("painted frames a second on the Train page", painted_a_second(page, "stage", count))
            frames, step = attribute(page, "stage", "frames") - frames, attribute(page, "stage", "newest") - step
            seconds = time.perf_counter() - began
            note("training with the page open, share of the speed without (goal 0.9)", step / seconds / without)
            note("keyframes a second", frames / seconds)
            note("server processor time a keyframe, ms (goal 1)", 1000 * (server.cpu_seconds() - cpu) / max(frames, 1))
            note("server process, MB (goal 200)", server.megabytes())
            pause(page)
        page.close()
        note("server processor time in a second in which nobody uses it, ms", unused)
        note("processor time of a bare timer's wake-up, ten times a second, ms", 1000 * bare)
        return {name: median(values) for name, values in found.items()}


def heap(page: Page) -> float:
    """Megabytes of JavaScript objects that are still in use."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 2**20


def remembering(browser: Browser, seconds: float) -> dict[str, float]:
    """What the browser holds after a while of play, beside what it held near the beginning."""
    with serving() as server:
        page = opened(browser, server.url)
        until(page, "stage", "frames", 1)
        train(page)
        page.wait_for_timeout(1000 * seconds / 10)
        before = heap(page)
        page.wait_for_timeout(1000 * seconds)
        after = heap(page)
        page.close()
    return {
        f"browser's heap after {seconds / 10:.0f} s of play, MB": before,
        f"browser's heap after {1.1 * seconds:.0f} s, share of that (goal 1.1)": after / before,
    }


def sliding(browser: Browser) -> dict[str, float]:
    """How long figures on the pages on why it works take to follow a slider."""
    found = {}
    with serving() as server:
        for path, controls in SLIDERS.items():
            page = opened(browser, f"{server.url}/{path}")
            page.locator("[data-testid=lab] .js-plotly-plot .main-svg").first.wait_for()
            if path.startswith("segments"):
                page.get_by_role("button", name="Again", exact=True).wait_for()
            for control in controls:
                page.locator(f'[data-control="{control}"] input').first.scroll_into_view_if_needed()
                page.locator(f'[data-testid=lab]:has([data-control="{control}"]) .main-svg').first.wait_for()
                times = []
                for move in range(MOVES):
                    page.wait_for_timeout(500)
                    times.append(page.evaluate(SLIDE, [control, 0.3 + 0.4 * move / MOVES]))
                found[f"from a move of {control} on /{path.partition('?')[0]} to its figures, ms"] = median(times)
            page.close()
    return found


def comparing(browser: Browser, panels: int, settle: float, count: float) -> float:
    """Painted frames a second with so many panels, each a method."""
    methods = [*CARD_METHODS, *(key for key in METHODS if key not in CARD_METHODS)][:panels]
    with serving() as server:
        # With many critic updates a step, so that no run comes to its end meanwhile.
        runs = quote(json.dumps([{"method": key, "critic_steps": "20"} for key in methods]))
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


def rows(browser: Browser, settle: float, count: float, play: float) -> Iterator[Sequence[str]]:
    numbers = {
        **starting(browser),
        **playing(browser, settle, count),
        **sliding(browser),
        **remembering(browser, play),
    }
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
    settle, count, play = (2.0, 2.0, 10.0) if given.quick else (SETTLE, COUNT, PLAY)
    with browsing() as browser:
        text = table(("what", "measured"), rows(browser, settle, count, play))
        version = browser.version
    text = f"{text}\n\n{machine('streamlit')}, Chromium {version}."
    print(text)
    if not given.quick:
        write(ROOT / "docs" / "performance.md", "page", text)


if __name__ == "__main__":
    main()
