"""Students without browsers: each opens the Train page and trains, by the messages that a browser would send and get.

A browser costs a core of its own, so that no machine has room for a class of them beside the server. What they draw is
not the server's affair; what they ask it for is, and that is the same here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

#: Seconds within which the server says something.
_PATIENCE = 120.0


class Student:
    """One tab of the Train page: what it was sent of its run, and when."""

    def __init__(self, page: ClientConnection, query: str) -> None:
        self._page = page
        self._query = query
        self._train = ""
        #: Keyframes that came, the newest's step, and when each message came that had any, in seconds.
        self.keyframes = 0
        self.step = 0
        self.times: list[float] = []

    async def open(self) -> str:
        """Have the page's script run; the path of its channel."""
        found = await self._rerun()
        buttons = {element.button.label: element.button.id for element in found if element.HasField("button")}
        self._train = buttons["Train"]
        parts = {e.bidi_component.component_name: e.bidi_component for e in found if e.HasField("bidi_component")}
        return str(json.loads(parts["toygan.channel"].json)["address"])

    async def train(self) -> None:
        """Press Train."""
        await self._rerun(pressed=self._train)

    async def _rerun(self, pressed: str = "") -> list[Element]:
        """What the page's script draws."""
        wish = BackMsg()
        wish.rerun_script.query_string = self._query
        if pressed:
            wish.rerun_script.widget_states.widgets.add(id=pressed, trigger_value=True)
        await self._page.send(wish.SerializeToString())
        drawn: list[Element] = []
        while True:
            message = ForwardMsg.FromString(await asyncio.wait_for(self._page.recv(), _PATIENCE))
            if message.HasField("script_finished"):
                return drawn
            if message.HasField("delta") and message.delta.HasField("new_element"):
                drawn.append(message.delta.new_element)
                # Before it is listened to, the page itself brings the first keyframes.
                if message.delta.new_element.bidi_component.component_name == "toygan.feed":
                    self._take(message.delta.new_element.bidi_component.bytes)

    async def listen(self, channel: ClientConnection) -> None:
        """Take what the channel brings, for as long as it is open."""
        async for message in channel:
            self._take(message)

    def _take(self, message: Any) -> None:
        for part in _parts(message):
            if part["sizes"]:
                self.keyframes += len(part["sizes"])
                self.step = part["status"]["played"]
                self.times.append(time.perf_counter())


def _parts(message: Any) -> Iterator[dict[str, Any]]:
    """What a message's head says of its runs; texts ask for other things, and empty ones for nothing."""
    if isinstance(message, bytes) and message:
        (length,) = struct.unpack_from("<I", message)
        yield from json.loads(message[4 : 4 + length])["runs"]


@contextlib.asynccontextmanager
async def student(url: str, query: str) -> AsyncIterator[Student]:
    """A student at the server's ``url`` who came by a link with this ``query``; leaves at the end."""
    address = url.replace("http", "ws", 1)
    async with connect(f"{address}/_stcore/stream", subprotocols=[Subprotocol("streamlit")], max_size=None) as page:
        found = Student(page, query)
        path = await found.open()
        async with connect(f"{address}{path}", max_size=None) as channel:
            listening = asyncio.create_task(found.listen(channel))
            try:
                yield found
            finally:
                listening.cancel()
