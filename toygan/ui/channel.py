"""Channel: brings a page its keyframes by a WebSocket of their own, as they come, at most four times a second.

A fragment that reruns itself does the same for half as much of the server's processor time again, since its tick is
nearly all Streamlit's. So the page's script only says what is to be watched; the browser opens the channel, and the
server sends what ``tick`` gives for as long as somebody listens. Where a browser cannot open it, behind a proxy that
lets only Streamlit's own path through, it says so, and the page ticks by a fragment instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol
from weakref import WeakMethod, WeakValueDictionary

import streamlit as st
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from toygan.ui import components, server

#: Seconds between two ticks of a page that has something to wait for.
TICK = 0.25

#: Seconds between two ticks of a page that waits for news and gets none: its interest is renewed before it ends.
_PATIENT = 0.9

#: Least seconds between two ticks of a page that has nothing to show yet; those of others are ``TICK`` apart.
_EAGER = 0.05

#: Seconds between two requests to draw the page anew: the first can be lost while a script runs.
_ASK = 0.75

#: Path of the channels below the app's own.
_PATH = "channel"


class Ticking(Protocol):
    """What a page shows of runs, asked again and again; ``tick`` may be called from any thread."""

    @property
    def live(self) -> bool:
        """Whether ticks have something to do."""

    @property
    def eager(self) -> bool:
        """Whether nothing is shown yet of what is asked for, so that the first of it should not wait for a tick."""

    @property
    def patient(self) -> bool:
        """Whether a tick would find nothing until ``news`` is called."""

    #: Called when there is more to find, on any thread.
    news: Callable[[], None]

    def tick(self) -> bytes:
        """Renew interest, move on, and give the message for the browser."""


class Channel:
    """One page's: what ticks, what the page has drawn of it, and whether a browser listens.

    ``drawn()`` is what the page draws by its script and a tick may change.
    """

    def __init__(self, ticking: Ticking, drawn: Callable[[], Any]) -> None:
        self.name = secrets.token_urlsafe(16)
        self.ticking = ticking
        #: Whether the browser has said that it cannot listen.
        self.refused = False
        self._drawn = drawn
        self._listener: _Listener | None = None
        self._lock = threading.Lock()
        # The engine keeps what it calls for a while, which must not keep a session that has ended.
        hear = WeakMethod(self.hear)
        ticking.news = lambda: (found := hear()) and found()
        self.draw()

    def draw(self) -> None:
        """The page's script begins: what it draws is what there is from now on."""
        self._seen = self._drawn()

    @property
    def stale(self) -> bool:
        """Whether the page would look different if it were drawn now."""
        return bool(self._drawn() != self._seen)

    @property
    def heard(self) -> bool:
        """Whether a browser listens."""
        return self._listener is not None

    def wake(self) -> None:
        """Tick now; from any thread."""
        with self._lock:
            if self._listener is not None:
                self._listener.wake()

    def hear(self) -> None:
        """There is more to find: tick soon; from any thread."""
        with self._lock:
            if self._listener is not None:
                self._listener.hear()

    def close(self) -> None:
        """The page is another one now: whoever listens is sent away."""
        with self._lock:
            if self._listener is not None:
                self._listener.send_away()

    def refuse(self) -> None:
        """The browser says that it cannot listen."""
        self.refused = not self.heard

    def take(self, listener: _Listener) -> None:
        """A browser listens: the last one that came does, since the one before may not know yet that it is gone."""
        with self._lock:
            if self._listener is not None:
                self._listener.send_away()
            self._listener, self.refused = listener, False

    def leave(self, listener: _Listener) -> None:
        """A browser no longer listens."""
        with self._lock:
            if self._listener is listener:
                self._listener = None


class _Listener:
    """One browser's connection, on the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        # Whether there are news since the last wait; what ends the present one, and when it may end for news.
        self._heard = False
        self._timers: list[asyncio.TimerHandle] = []
        self._soonest: float | None = None
        self.gone = False

    def wake(self) -> None:
        """End the wait that is going on, or the next one."""
        self._soon(self._over.set)

    def hear(self) -> None:
        """End the wait that is going on, or the next one, as soon as it may end for news."""
        self._soon(self._hear)

    def _soon(self, call: Callable[[], None]) -> None:
        # A loop that has stopped meanwhile has nobody left to wake.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    def _hear(self) -> None:
        self._heard = True
        if self._soonest is not None:
            self._timers.append(self._loop.call_at(self._soonest, self._over.set))

    def send_away(self) -> None:
        self.gone = True
        self.wake()

    async def wait(self, least: float, most: float | None) -> None:
        """Until ``wake``; until ``hear``, but ``least`` seconds; or for ``most`` seconds."""
        self._soonest = self._loop.time() + least
        if most is not None:
            self._timers.append(self._loop.call_later(most, self._over.set))
        if self._heard:
            self._hear()
        try:
            await self._over.wait()
        finally:
            for timer in self._timers:
                timer.cancel()
            self._timers.clear()
            self._over.clear()
            self._soonest, self._heard = None, False

    async def watch(self, websocket: WebSocket) -> None:
        """Notice when the browser goes; whatever else it says means nothing."""
        try:
            while (await websocket.receive())["type"] != "websocket.disconnect":
                pass
        finally:
            self.send_away()


#: The channels of all sessions by name, for as long as their sessions keep them.
_channels: WeakValueDictionary[str, Channel] = WeakValueDictionary()


def watch(ticking: Ticking, drawn: Callable[[], Any]) -> None:
    """What this page ticks; to be called before anything is drawn of it."""
    channel: Channel | None = st.session_state.get("watched")
    if channel is not None and channel.ticking is ticking:
        channel.draw()
        channel.wake()
        return
    if channel is not None:
        channel.close()
    st.session_state.watched = channel = Channel(ticking, drawn)
    _channels[channel.name] = channel


def feed() -> None:
    """Bring the browser its keyframes; the last call of a page that watches something."""
    channel: Channel = st.session_state.watched
    components.channel(
        {
            "address": f"{server.base()}{_PATH}/{channel.name}",
            "heard": channel.heard,
            "refused": channel.refused,
        },
        key="channel",
        on_redraw_change=lambda: None,
        on_refused_change=channel.refuse,
    )
    live = channel.ticking.live
    here = channel.refused and live

    @st.fragment(run_every=TICK if here else None)
    def tick() -> None:
        if here and (channel.heard or channel.stale or channel.ticking.live != live):
            # The tick before changed what the page shows outside this fragment, or the channel is there after all.
            # Asked for now, since a rerun drops messages that are not on their way yet.
            st.rerun()
        components.feed(b"" if channel.heard else channel.ticking.tick(), key="feed")

    tick()


def route() -> WebSocketRoute:
    """Where browsers open their channels."""
    return WebSocketRoute(f"{server.base()}{_PATH}/{{name}}", _listen)


async def _listen(websocket: WebSocket) -> None:
    """One browser's connection, from its first word to its last."""
    channel = _channels.get(websocket.path_params["name"])
    if channel is None:
        await websocket.close()
        return
    await websocket.accept()
    listener = _Listener()
    channel.take(listener)
    watching = asyncio.create_task(listener.watch(websocket))
    try:
        await _tell(websocket, channel, listener)
    finally:
        channel.leave(listener)
        watching.cancel()


async def _tell(websocket: WebSocket, channel: Channel, listener: _Listener) -> None:
    """Send what is new until the browser has gone."""
    said, asked = b"", -_ASK
    while not listener.gone:
        # In another thread, since a tick may wait for the script, for the engine, or for the disk.
        found = await asyncio.to_thread(_look, channel)
        if found.message != said and not await _sent(websocket.send_bytes(found.message)):
            return
        said, now = found.message, time.monotonic()
        if found.stale and now - asked >= _ASK:
            if not await _sent(websocket.send_text("redraw")):
                return
            asked = now
        await listener.wait(_EAGER if found.eager else TICK, _longest(found))
    await _sent(websocket.close())


class _Look(NamedTuple):
    """What a tick says, and what there is to do after it."""

    message: bytes
    live: bool
    eager: bool
    patient: bool
    stale: bool


def _look(channel: Channel) -> _Look:
    ticking = channel.ticking
    return _Look(ticking.tick(), ticking.live, ticking.eager, ticking.patient, channel.stale)


def _longest(found: _Look) -> float | None:
    """Seconds until the next tick when nothing happens; ``None`` for ever."""
    if found.stale:
        return TICK
    return (_PATIENT if found.patient else TICK) if found.live else None


async def _sent(message: Awaitable[None]) -> bool:
    """Whether there was still somebody to send it to."""
    try:
        await message
    except (WebSocketDisconnect, RuntimeError):
        return False
    return True
