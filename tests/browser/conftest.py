"""A running server and a real Chromium, for the tests of what a visitor sees."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]

#: Milliseconds a wait may take before it is a failure: generous, for machines that run other things beside.
PATIENCE = 60_000


@dataclass(frozen=True)
class Server:
    """A server of this test session: its address and its process."""

    url: str
    pid: int


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("server")) as server:
        yield server


@contextlib.contextmanager
def serve(folder: Path, **environment: str) -> Iterator[Server]:
    """A server of one's own, which logs into ``folder``; its log must hold no traceback in the end."""
    port = _free_port()
    log = folder / f"log-{port}.txt"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--server.port", str(port), "--server.address", "127.0.0.1"],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _until_healthy(url, process, log)
            yield Server(url, process.pid)
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert "Traceback" not in log.read_text()


def _until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"the server did not answer: {log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next((found for name in names if (found := shutil.which(name))), None)
    assert executable, f"none of {', '.join(names)} is installed: run make chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator["Opener"]:
    opener = Opener(browser, server)
    yield opener
    opener.close()


class Opener:
    """Opens visitors' tabs, and fails the test when one of them logs a script error."""

    def __init__(self, browser: Browser, server: Server) -> None:
        self._browser = browser
        self._server = server
        self._pages: list[Page] = []
        self._errors: list[str] = []

    def __call__(self, query: str = "", width: int = 1440, height: int = 900) -> "Tab":
        """A tab on the Train page."""
        return Tab(self.page(query, width, height))

    def page(self, query: str, width: int = 1440, height: int = 900) -> Page:
        """A tab on any page of the app."""
        page = self._browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self._errors.append(str(error)))
        # Streamlit gives a connection up for good when it cannot read a message.
        page.on("console", lambda line: self._errors.append(line.text) if "ForwardMsg" in line.text else None)
        self._pages.append(page)
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
