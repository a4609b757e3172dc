"""What happens while the server is there, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit import cli_util, config
from streamlit.runtime.app_session import AppSession
from streamlit.watcher import polling_path_watcher

from toygan.ui import server
from toygan.ui.hosted import hosted


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


def test_a_server_for_others_looks_seldom_at_its_settings_and_stops_looking_at_once() -> None:
    watched, usual = polling_path_watcher, polling_path_watcher.time
    with ThreadPoolExecutor() as threads, hosted():
        looking = threads.submit(watched.time.sleep, 0.2)
        assert not looking.done()
        assert watched.time is not usual
    # The executor waits for its thread: that this is reached says that the look did not last its ten seconds out.
    assert isinstance(looking.exception(), SystemExit)
    assert watched.time is usual


def test_a_browser_cannot_clear_what_all_visitors_share() -> None:
    made = []

    @st.cache_resource
    def resource() -> int:
        made.append(1)
        return len(made)

    # The message of a browser reaches this method of its session.
    session: Any = SimpleNamespace(_session_state=SimpleNamespace(clear=lambda: None))
    resource()
    with hosted():
        AppSession._handle_clear_cache_request(session)
        assert resource() == 1
    AppSession._handle_clear_cache_request(session)
    assert resource() == 2


@pytest.mark.parametrize(("watcher", "develops"), [("none", False), ("auto", True)])
def test_who_edits_the_app_has_streamlit_as_it_is(
    life, monkeypatch: pytest.MonkeyPatch, watcher: str, develops: bool
) -> None:
    entered = []
    monkeypatch.setattr(server, "hosted", lambda: contextlib.nullcontext(entered.append(True)))
    life(**{"server.fileWatcherType": watcher})
    assert entered == ([] if develops else [True])


def test_half_a_character_in_a_link_is_told_as_a_question_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(st, "warning", lambda text, icon: said.append(text))
    server.notice("unknown setting '\ud800'")
    assert said == ["unknown setting '?'"]
