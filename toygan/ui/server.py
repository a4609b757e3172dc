"""What all pages share of the server: the engine, the fragment that ticks, real points, and sentences."""

from __future__ import annotations

import base64
import functools
import gc
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx

from toygan.engine import Engine, warm_up, worker_processes
from toygan.frames import BOX, pack_points
from toygan.recipe import Recipe
from toygan.store import open_store
from toygan.streams import Purpose, stream
from toygan.ui import components

#: Seconds between two ticks of a page that has something to wait for.
TICK = 0.25

#: Real points on a stage.
_REAL = 1000


class Ticking(Protocol):
    """What a page's fragment asks again and again."""

    @property
    def live(self) -> bool:
        """Whether ticks have something to do."""

    def tick(self) -> bytes:
        """Renew interest, move on, and give the message for the browser."""


def enter() -> None:
    """Go through ``app.py``: what each page does first.

    Streamlit takes the files in ``pages/`` for pages of the old kind, which run without ``app.py``, until
    ``st.navigation`` has been called once in this process. The first visitor of a fresh server may come by a link to
    any page.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def go(page: str, query: Mapping[str, str] | None = None) -> NoReturn:
    """Open another page of the app, from a page that may be ticking.

    A tick that the browser asks for before it hears of the new page would be run after that page, under the old
    page's name: the browser then clears the new page, and dies of the next tick (its "Bad delta path index"). Without
    the fragments that ticked, the server drops such a request.
    """
    context = get_script_run_ctx()
    if context is not None:
        context.fragment_storage.clear()
    st.switch_page(page, query_params=None if query is None else dict(query))


@st.cache_resource
def engine() -> Engine:
    """The one engine of this server; its workers start in the background at once."""
    executor = worker_processes()
    warm_up(executor)
    # What is imported stays: the garbage collector need not walk over it again and again while the page ticks.
    gc.collect()
    gc.freeze()
    return Engine(executor, store=open_store())


def feed(viewer: Ticking, drawn: Callable[[], Any]) -> None:
    """Tick while there is something to wait for; brings the browser its keyframes.

    ``drawn()`` is what the page draws outside the fragment and a tick may change.
    """
    before = drawn()

    @st.fragment(run_every=TICK if viewer.live else None)
    def tick() -> None:
        if drawn() != before:
            # The tick before changed what the page shows outside this fragment. Asked for now, since a rerun drops
            # messages that are not on their way yet.
            st.rerun()
        components.feed(viewer.tick(), key="feed")

    tick()


def notice(sentence: str | None) -> None:
    """What went wrong or was left out, in a sentence, until the visitor does something else."""
    if sentence:
        # Sentences quote what stands in a link: none of it may become a picture or a link on the page.
        st.warning(re.sub(r"([\\\[\]<>`*$])", r"\\\1", sentence), icon=":material/info:")


def base() -> str:
    """The path the app is served under, with slashes at both ends."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}/" if path else "/"


@functools.lru_cache(maxsize=64)
def real_points(data: str, parameters: tuple[tuple[str, float], ...]) -> str:
    """Real points for the stage, quantised as keyframes are, in base64."""
    distribution = Recipe(data=data, data_parameters=parameters).distribution
    points = distribution.sample(_REAL, stream(0, Purpose.PROBE_DATA))
    return base64.b64encode(pack_points(points, BOX * distribution.extent)).decode()
