"""A running server and a real Chromium, for the tests of what a visitor sees."""

import contextlib
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, TimeoutError, expect

from benchmarks.common.app import Server, browsing, serving
from toygan.ui.components import source

#: Milliseconds a wait may take before it is a failure: generous, for machines that run other things beside.
PATIENCE = 60_000

#: Of a link: small networks, so that a slow machine takes many steps a second too.
SMALL = "generator_width=16&generator_depth=2&critic_width=16&critic_depth=2&batch=64&critic_steps=1"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("server")) as server:
        yield server


@contextlib.contextmanager
def serve(folder: Path, path: str = "", **environment: str) -> Iterator[Server]:
    """A server of one's own, which logs into ``folder``; its log must hold no traceback in the end."""
    log = folder / f"log-{uuid.uuid4().hex}.txt"
    with serving(log, path, **environment) as server:
        yield server
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with browsing() as chromium:
        yield chromium


@contextlib.contextmanager
def blank(browser: Browser, *scripts: str, library: Path | None = None) -> Iterator[Page]:
    """A page of which nothing is there but some of the components' scripts, behind a ``library`` that they need."""
    with contextlib.closing(browser.new_page()) as page:
        if library is not None:
            page.add_script_tag(path=library)
        page.add_script_tag(content=source(*scripts))
        yield page


@pytest.fixture(scope="session")
def visitors(browser: Browser) -> Iterator[BrowserContext]:
    """Where visitors' tabs open: what is read of scripts is read once, but nothing is kept from tab to tab."""
    with contextlib.closing(browser.new_context()) as context:
        context.add_init_script("localStorage.clear()")
        yield context


@pytest.fixture
def open_page(visitors: BrowserContext, server: Server) -> Iterator["Opener"]:
    opener = Opener(visitors, server)
    yield opener
    opener.close()


class Opener:
    """Opens visitors' tabs, and fails the test when one of them logs a script error."""

    def __init__(self, visitors: BrowserContext, server: Server) -> None:
        self._visitors = visitors
        self._server = server
        self._pages: list[Page] = []
        self._errors: list[str] = []

    def __call__(self, query: str = "", **visitor: Any) -> "Tab":
        """A tab on the Train page, opened as ``page`` says."""
        return Tab(self.page(query, **visitor))

    def page(
        self,
        query: str,
        width: int = 1440,
        height: int = 900,
        calm: bool = False,
        prepare: Callable[[Page], None] = lambda page: None,
    ) -> Page:
        """A tab on any page of the app.

        A ``calm`` visitor's system asks for less motion. ``prepare`` is called before the page opens.
        """
        page = self._visitors.new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        if calm:
            page.emulate_media(reduced_motion="reduce")
        page.on("pageerror", lambda error: self._errors.append(str(error)))
        # Streamlit gives a connection up for good when it cannot read a message.
        page.on("console", lambda line: self._errors.append(line.text) if "ForwardMsg" in line.text else None)
        self._pages.append(page)
        prepare(page)
        page.goto(query if query.startswith("http") else f"{self._server.url}/{query}")
        return page

    def close(self) -> None:
        for page in self._pages:
            page.close()
        assert self._errors == []


class Tab:
    """One visitor's tab, in the words of the Train page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.stage = page.get_by_test_id("stage")
        expect(self.stage).to_have_attribute("data-frames", _POSITIVE, timeout=PATIENCE)

    def number(self, name: str) -> int:
        """The stage's attribute ``data-name`` as a number."""
        return int(self.stage.get_attribute(f"data-{name}") or 0)

    @property
    def run(self) -> str:
        return self.stage.get_attribute("data-run") or ""

    def button(self, name: str):
        return self.page.get_by_role("button", name=name, exact=True)

    def train(self) -> None:
        self.button("Train").click()
        self.button("Pause").wait_for()

    def pause(self) -> None:
        """Pause, and wait until the stage has played what it was sent."""
        self.button("Pause").click()
        self.settled()

    def settled(self) -> None:
        """Wait until training has stopped and the newest keyframe is painted."""
        try:
            self.button("Train").wait_for()
        except TimeoutError as error:
            shown = self.stage.evaluate("stage => ({ ...stage.dataset })")
            transport = self.page.locator(".st-key-transport").inner_text()
            raise AssertionError(f"still not paused: {shown}, {transport!r}") from error
        self.page.wait_for_function(
            """() => {
                const { dataset } = document.querySelector('[data-testid=stage]');
                return dataset.state === 'paused' && dataset.step === dataset.newest;
            }"""
        )

    def until(self, name: str, least: int) -> None:
        """Wait until ``data-name`` is at least this."""
        self.page.wait_for_function(
            "([name, least]) => Number(document.querySelector('[data-testid=stage]').dataset[name]) >= least",
            arg=[name, least],
        )

    def until_run_is_not(self, run: str) -> None:
        expect(self.stage).not_to_have_attribute("data-run", run, timeout=PATIENCE)

    def pick(self, method: str) -> None:
        self.page.get_by_test_id("stSidebar").get_by_text(method, exact=True).first.click()

    def picture(self) -> str:
        """What the canvas shows, pixel by pixel."""
        return str(self.stage.locator("canvas").last.evaluate("canvas => canvas.toDataURL()"))


_POSITIVE = re.compile(r"^[1-9]\d*$")
