"""How keyframes come to the page: by a channel of their own, or without it by Streamlit's."""

import re
import socket
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from .conftest import PATIENCE, Opener, Tab, serve
from .test_segments_page import wait_until
from .test_train_page import SMALL

pytestmark = pytest.mark.browser

#: Opens channels at another port, where nobody ever answers.
ELSEWHERE = """port => {
    const Usual = window.WebSocket;
    window.WebSocket = class extends Usual {
        constructor(address, ...rest) {
            const url = new URL(address);
            if (url.pathname.startsWith("/channel/")) url.port = port;
            super(url, ...rest);
        }
    };
}"""

CHANNEL = re.compile(r"/channel/[\w-]+$")


class Wire:
    """What goes over a page's WebSockets, counted, and cut on demand."""

    def __init__(self) -> None:
        self.by_channel = self.by_streamlit = 0
        self.channels: list[WebSocketRoute] = []
        self.servers: list[WebSocketRoute] = []
        self.open, self.silent = True, False

    def prepare(self, page: Page) -> None:
        page.route_web_socket(CHANNEL, self._channel)
        page.on("websocket", lambda socket: CHANNEL.search(socket.url) or socket.on("framereceived", self._streamlit))

    def _streamlit(self, data: object) -> None:
        self.by_streamlit += 1

    def _channel(self, browser: WebSocketRoute) -> None:
        if not self.open:
            browser.close()
            return
        server = browser.connect_to_server()
        self.channels.append(browser)
        self.servers.append(server)

        def pass_on(message: str | bytes) -> None:
            self.by_channel += 1
            browser.send(message)

        server.on_message(pass_on)
        server.on_close(lambda code, reason: None if self.silent else browser.close())

    def cut(self) -> None:
        """Break the line, and let no other through."""
        self.open = False
        self.channels[-1].close()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def tab(open_page: Opener, wire: Wire):
    return lambda query: Tab(open_page.page(query, prepare=wire.prepare))


def further(tab: Tab, keyframes: int = 1) -> None:
    """Wait until so many keyframes more are here."""
    for _ in range(keyframes):
        tab.until("newest", tab.number("newest") + 1)


def test_while_training_streamlit_has_nothing_to_say(tab, wire: Wire) -> None:
    mine = tab(f"?{SMALL}&seed=601")
    mine.train()
    expect(mine.page.get_by_test_id("card-w1")).to_contain_text("floor", timeout=PATIENCE)
    further(mine, 5)
    channel, streamlit = wire.by_channel, wire.by_streamlit
    further(mine, 10)
    assert wire.by_channel > channel
    assert wire.by_streamlit == streamlit


def test_below_a_path_there_is_a_channel_too(open_page: Opener, wire: Wire, tmp_path: Path) -> None:
    with serve(tmp_path, path="some/where") as server:
        mine = Tab(open_page.page(server.url, prepare=wire.prepare))
        mine.train()
        further(mine, 3)
        assert "/some/where/channel/" in wire.channels[0].url
        assert wire.by_channel > 0
        mine.page.close()


def test_without_a_channel_the_page_ticks_by_itself(tab, wire: Wire) -> None:
    wire.open = False
    mine = tab(f"?{SMALL}&seed=602")
    mine.train()
    further(mine, 10)
    mine.pause()
    assert wire.channels == [] and wire.by_channel == 0


def test_where_nobody_answers_the_page_ticks_by_itself(open_page: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        script = f"({ELSEWHERE})({silent.getsockname()[1]})"
        mine = Tab(open_page.page(f"?{SMALL}&seed=605", prepare=lambda page: page.add_init_script(script)))
        mine.train()
        further(mine, 5)
        mine.pause()


def test_a_line_that_breaks_is_taken_up_again(tab, wire: Wire) -> None:
    mine = tab(f"?{SMALL}&seed=603")
    mine.train()
    further(mine, 3)
    wire.channels[-1].close()
    while len(wire.channels) < 2:
        further(mine)
    wire.cut()
    further(mine, 5)
    assert len(wire.channels) == 2
    wire.open = True
    while len(wire.channels) < 3:
        further(mine)
    by_channel = wire.by_channel
    further(mine, 5)
    assert wire.by_channel > by_channel
    mine.pause()


def test_a_line_that_died_unnoticed_is_opened_anew_at_the_next_click(tab, wire: Wire) -> None:
    mine = tab(f"?{SMALL}&seed=604")
    mine.train()
    further(mine, 3)
    # As after a sleep: the server has given the line up, and the browser does not know.
    wire.silent = True
    wire.servers[-1].close()
    mine.page.get_by_text("Medium", exact=True).click()
    wait_until(mine.page, lambda: len(wire.channels) == 2)
    by_channel = wire.by_channel
    further(mine, 3)
    assert wire.by_channel > by_channel
