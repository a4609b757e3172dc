"""The channel by which a page's keyframes come: over a real WebSocket, and as the page's script sees it."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from toygan.ui import channel
from toygan.ui.channel import Channel

#: Seconds a message may take before it is a failure.
PATIENCE = 30.0


class Talker:
    """Ticks what it is told to say, and counts how often it was asked."""

    def __init__(self, *words: bytes) -> None:
        self.words = list(words)
        self.live = self.eager = self.patient = False
        self.ticks = 0
        self.asked = threading.Event()

    def tick(self) -> bytes:
        self.ticks += 1
        self.asked.set()
        return self.words[min(self.ticks, len(self.words)) - 1]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where channels are served."""
    config = uvicorn.Config(Starlette(routes=[channel.route()]), port=0, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    ready = threading.Event()
    startup = server.startup

    async def start(sockets: list | None = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = start
    thread.start()
    assert ready.wait(PATIENCE)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"ws://127.0.0.1:{port}/channel/"
    server.should_exit = True
    thread.join()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Channel]:
    """What a page's script does: watch something in a session of its own."""
    state = _State()
    monkeypatch.setattr(channel.st, "session_state", state)

    def watch(talker: Talker, drawn: Callable[[], object] = lambda: 0) -> Channel:
        channel.watch(talker, drawn)
        return state.watched

    return watch


class _State(dict):
    def __getattr__(self, name: str) -> object:
        return self[name]

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value


def until(happened: Callable[[], bool]) -> None:
    """Wait for what the server does on its own loop."""
    patience = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < patience, "it did not happen"
        time.sleep(0.001)


def listening(address: str, to: Channel) -> ClientConnection:
    return connect(address + to.name)


def test_a_browser_is_told_each_thing_once(address: str, watched) -> None:
    talker = Talker(b"one", b"one", b"two")
    talker.live = True
    with listening(address, watched(talker)) as browser:
        assert [browser.recv(PATIENCE), browser.recv(PATIENCE)] == [b"one", b"two"]
    assert talker.ticks >= 3


@pytest.fixture
def without_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes by waiting."""
    monkeypatch.setattr(channel, "TICK", 3600.0)
    monkeypatch.setattr(channel, "_PATIENT", 3600.0)


@pytest.mark.usefixtures("without_ticks")
def test_the_first_of_what_is_asked_for_comes_with_the_news_of_it(address: str, watched) -> None:
    talker = Talker(b"one", b"two")
    talker.live = talker.eager = talker.patient = True
    with listening(address, watched(talker)) as browser:
        assert browser.recv(PATIENCE) == b"one"
        talker.news()
        assert browser.recv(PATIENCE) == b"two"


def test_news_come_as_soon_as_a_tick_is_over(address: str, watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_PATIENT", 3600.0)
    talker = Talker(b"one", b"two")
    talker.live = talker.patient = True
    with listening(address, watched(talker)) as browser:
        assert browser.recv(PATIENCE) == b"one"
        talker.news()
        talker.news()
        assert browser.recv(PATIENCE) == b"two"
    assert talker.ticks == 2


@pytest.mark.usefixtures("without_ticks")
def test_news_that_come_during_a_tick_are_not_lost(address: str, watched) -> None:
    talker = Talker(b"one", b"two")
    talker.live = talker.eager = talker.patient = True
    tick = talker.tick

    def slow() -> bytes:
        if not talker.ticks:
            talker.news()
        return tick()

    talker.tick = slow
    with listening(address, watched(talker)) as browser:
        assert [browser.recv(PATIENCE), browser.recv(PATIENCE)] == [b"one", b"two"]


@pytest.mark.usefixtures("without_ticks")
def test_many_news_are_no_more_than_a_tick(address: str, watched) -> None:
    talker = Talker(b"one", b"two", b"three")
    talker.live = talker.patient = True
    found = watched(talker)
    with listening(address, found) as browser:
        assert browser.recv(PATIENCE) == b"one"
        for _ in range(100):
            talker.news()
        # Whatever the page's script does is at once, and takes the news with it.
        found.wake()
        assert browser.recv(PATIENCE) == b"two"
        found.wake()
        assert browser.recv(PATIENCE) == b"three"
    assert talker.ticks == 3


@pytest.mark.usefixtures("without_ticks")
def test_who_is_patient_is_asked_now_and_then(address: str, watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_PATIENT", 0.001)
    talker = Talker(b"one", b"two")
    talker.live = talker.patient = True
    with listening(address, watched(talker)) as browser:
        assert [browser.recv(PATIENCE), browser.recv(PATIENCE)] == [b"one", b"two"]


def test_while_nothing_goes_on_nothing_is_asked_until_the_script_runs(address: str, watched) -> None:
    talker = Talker(b"one", b"two")
    with listening(address, watched(talker)) as browser:
        assert browser.recv(PATIENCE) == b"one"
        watched(talker)
        assert browser.recv(PATIENCE) == b"two"
        assert talker.ticks == 2


def test_a_page_that_looks_different_is_asked_to_draw_until_it_does(address: str, watched) -> None:
    seen = ["before"]
    found = watched(Talker(b"one"), lambda: seen[0])
    with listening(address, found) as browser:
        assert browser.recv(PATIENCE) == b"one"
        seen[0] = "after"
        assert found.stale
        found.wake()
        # It is said again, since a page can lose it while its script runs.
        assert [browser.recv(PATIENCE), browser.recv(PATIENCE)] == ["redraw", "redraw"]
        found.draw()
        assert not found.stale


def test_a_name_that_nobody_has_is_refused(address: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        connect(address + "somebody-else")
    assert refusal.value.response.status_code == 403


def test_names_cannot_be_guessed(watched) -> None:
    names = {watched(Talker(b"")).name for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) >= 22 for name in names)


def test_a_browser_that_comes_again_takes_the_place_of_the_one_before(address: str, watched) -> None:
    found = watched(Talker(b"one"))
    with listening(address, found) as first, listening(address, found) as second:
        assert second.recv(PATIENCE) == b"one"
        assert first.recv(PATIENCE) == b"one"
        with pytest.raises(ConnectionClosed):
            first.recv(PATIENCE)
        assert found.heard


def test_on_another_page_the_one_before_is_told_nothing_more(address: str, watched) -> None:
    before = watched(Talker(b"one"))
    with listening(address, before) as browser:
        assert browser.recv(PATIENCE) == b"one"
        after = watched(Talker(b"other"))
        assert after is not before and after.name != before.name
        with pytest.raises(ConnectionClosed):
            browser.recv(PATIENCE)


def test_a_browser_that_goes_is_noticed_whatever_it_said_before(address: str, watched) -> None:
    found = watched(Talker(b"one"))
    for words in ([], ["a text"], [b"bytes", "and a text"]):
        with listening(address, found) as browser:
            assert browser.recv(PATIENCE) == b"one"
            assert found.heard
            for word in words:
                browser.send(word)
        until(lambda: not found.heard)


@pytest.mark.parametrize("error", [ValueError, RuntimeError])
def test_a_tick_that_fails_ends_the_channel_and_is_in_the_log(
    address: str, watched, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    talker = Talker(b"")

    def failing() -> bytes:
        raise error("a tick that fails")

    talker.tick = failing
    found = watched(talker)
    with listening(address, found) as browser, pytest.raises(ConnectionClosed):
        browser.recv(PATIENCE)
    until(lambda: not found.heard)
    assert "a tick that fails" in caplog.text


def test_who_is_refused_is_heard_again_once_the_line_is_there(address: str, watched) -> None:
    found = watched(Talker(b"one"))
    found.refuse()
    assert found.refused and not found.heard
    with listening(address, found) as browser:
        browser.recv(PATIENCE)
        assert found.heard and not found.refused
        found.refuse()
        assert not found.refused, "a word that comes late"


def test_a_channel_ends_with_its_session(address: str) -> None:
    talker = Talker(b"")
    found = Channel(talker, lambda: 0)
    channel._channels[found.name] = found
    name = found.name
    del found
    gc.collect()
    talker.news()
    with pytest.raises(InvalidStatus):
        connect(address + name)


def page() -> None:
    import streamlit as st

    from toygan.ui import channel

    channel.watch(st.session_state.talker, lambda: 0)
    channel.feed()


def test_before_the_channel_is_there_the_page_itself_brings_the_first_keyframes() -> None:
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state.talker = talker = Talker(b"one", b"two")
    app.run()
    assert not app.exception
    assert talker.ticks == 1
    app.run()
    assert talker.ticks == 2


def test_a_page_that_is_listened_to_does_not_tick_itself() -> None:
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state.talker = talker = Talker(b"one", b"two")
    app.run()
    found = app.session_state.watched
    found._listener = _Deaf()
    app.run()
    assert not app.exception
    assert talker.ticks == 1
    assert found._listener.woken


class _Deaf:
    """Somebody who listens, elsewhere."""

    woken = False

    def wake(self) -> None:
        self.woken = True
