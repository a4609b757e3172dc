"""What happens while the server is there, from its start to its end."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from streamlit import cli_util, config
from streamlit.watcher import polling_path_watcher

from toygan.ui import server


class Engine:
    """Notes that it was made, and that it was closed."""

    def __init__(self) -> None:
        self.made, self.closed = threading.Event(), False

    def __call__(self) -> Engine:
        self.made.set()
        return self

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch):
    """A server's life under these settings: its engine, and the addresses it opened."""

    def live(**settings: Any) -> tuple[Engine, list[str]]:
        engine, opened, shown = Engine(), [], threading.Event()
        usual = {"server.headless": True, "server.baseUrlPath": "", "browser.serverPort": 8501}
        known = usual | settings
        monkeypatch.setattr(config, "get_option", known.get)
        monkeypatch.setattr(config, "is_manually_set", settings.__contains__)
        monkeypatch.setattr(server, "engine", engine)
        monkeypatch.setattr(cli_util, "open_browser", lambda url: (opened.append(url), shown.set()))

        async def through() -> None:
            async with server.lifespan(None):
                await asyncio.to_thread(engine.made.wait, 30)
                if not known["server.headless"]:
                    await asyncio.to_thread(shown.wait, 30)
                assert not engine.closed

        asyncio.run(through())
        return engine, opened

    return live


def test_workers_start_with_the_server_and_the_store_is_closed_with_it(life) -> None:
    engine, opened = life()
    assert engine.made.is_set() and engine.closed
    assert opened == []


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "http://localhost:8501"),
        ({"browser.serverPort": 8777, "server.baseUrlPath": "/toygan/"}, "http://localhost:8777/toygan"),
        ({"server.address": "192.168.1.5"}, "http://192.168.1.5:8501"),
        ({"server.address": "0.0.0.0"}, "http://localhost:8501"),
        ({"browser.serverAddress": "gan.example", "server.sslCertFile": "cert.pem"}, "https://gan.example:8501"),
    ],
)
def test_on_a_laptop_the_app_is_opened_in_the_browser(life, settings: dict[str, Any], address: str) -> None:
    _, opened = life(**settings, **{"server.headless": False})
    assert opened == [address]


@pytest.mark.parametrize(("watcher", "often"), [("none", False), ("auto", True)])
def test_settings_are_seldom_looked_at_unless_somebody_edits(
    life, monkeypatch: pytest.MonkeyPatch, watcher: str, often: bool
) -> None:
    usual = polling_path_watcher._POLLING_PERIOD_SECS
    monkeypatch.setattr(polling_path_watcher, "_POLLING_PERIOD_SECS", usual)
    life(**{"server.fileWatcherType": watcher})
    assert (usual == polling_path_watcher._POLLING_PERIOD_SECS) == often
