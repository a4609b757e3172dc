"""The app as a benchmark, a picture or a browser test needs it: a server of its own, and a Chromium without a GPU."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[2]

#: Seconds for a server to come up: generous, for machines that run other things beside.
_PATIENCE = 60.0


@dataclass(frozen=True)
class Server:
    """A running server: its address, its process, and when it was started."""

    url: str
    pid: int
    began: float

    def cpu_seconds(self) -> float:
        """Processor time of the server process alone, without its workers, to the nanosecond (on Linux)."""
        return time.clock_gettime((~self.pid << 3) | 2)  # what clock_getcpuclockid(3) gives for a process

    def megabytes(self) -> float:
        """Memory of the server process alone."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@contextlib.contextmanager
def serving(log: Path | None = None, path: str = "", **environment: str) -> Iterator[Server]:
    """A server on a free port, below ``path``, with a store of its own unless ``environment`` names one.

    It writes into ``log``. Raises ``RuntimeError`` with its last words when it does not come up.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        log = log or Path(folder) / "log.txt"
        settings = ["--server.headless", "true", "--server.port", str(port), "--server.address", "127.0.0.1"]
        settings += ["--server.baseUrlPath", path] if path else []
        began = time.perf_counter()
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", *settings],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "TOYGAN_STORE": f"{folder}/runs.sqlite", **environment},
            )
        try:
            url = f"http://127.0.0.1:{port}/{path}".rstrip("/")
            _until_healthy(url, process, log)
            yield Server(url, process.pid, began)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=5):
            return
        time.sleep(0.02)
    raise RuntimeError(f"the server did not come up: {log.read_text()[-2000:]}")


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """The system's own Chromium, without a GPU."""
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if executable is None:
        raise RuntimeError("no Chromium on the path: run make chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()
