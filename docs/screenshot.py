"""Takes README's picture: python docs/screenshot.py opens the app, trains for a while and writes docs/images/train.png.

It needs what the browser tests need: Playwright and a Chromium on the path.
"""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "train.png"
BEFORE, SHOWN, STEPS = "GAN", "DRAGAN", 1500
PATIENCE = 300_000


def main() -> None:
    """Train one method, flip to another, and take the picture once that has come as far."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    server = subprocess.Popen([*command, "--server.port", str(port)], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/_stcore/health")
        take(url)
    finally:
        server.terminate()
        server.wait()


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return


def take(url: str) -> None:
    """Write the picture of a training page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{url}/?method=non-saturating&step={STEPS}")
        sidebar = page.get_by_test_id("stSidebar")
        for method in (BEFORE, SHOWN):
            sidebar.get_by_text(method, exact=True).first.click()
            page.wait_for_function(
                "least => Number(document.querySelector('[data-testid=stage]')?.dataset.step) >= least", arg=STEPS
            )
            page.get_by_role("button", name="Train", exact=True).wait_for()
        page.get_by_test_id("card-w1").get_by_text("2,000").wait_for()
        page.mouse.move(1400, 880)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
