"""What all pages share of the server: how it starts, the engine, real points, and sentences."""

from __future__ import annotations

import base64
import contextlib
import functools
import gc
import re
import threading
from collections.abc import AsyncIterator, Mapping
from typing import NoReturn

import streamlit as st
from streamlit import cli_util, config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server import server_util

from toygan.engine import Engine
from toygan.frames import BOX, pack_points
from toygan.pool import warm_up, worker_processes
from toygan.recipe import Recipe
from toygan.store import open_store
from toygan.streams import Purpose, stream
from toygan.ui.hosted import hosted

#: Real points on a stage.
_REAL = 1000


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


@contextlib.asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """What happens while the server is there: its workers start with it, not with the first visitor."""
    develops = config.get_option("server.fileWatcherType") != "none"
    threading.Thread(target=engine, name="toygan-engine", daemon=True).start()
    # Streamlit 1.67 opens a browser for a script, but not for an application.
    if not config.get_option("server.headless"):
        threading.Thread(target=_open_browser, name="toygan-browser", daemon=True).start()
    try:
        with contextlib.nullcontext() if develops else hosted():
            yield
    finally:
        # Whoever ends the server by a signal ends it before Python's own exit handlers run.
        engine().close()


def _open_browser() -> None:
    """As Streamlit does it for a script."""
    address = "localhost"
    if config.is_manually_set("browser.serverAddress"):
        address = str(config.get_option("browser.serverAddress"))
    elif config.is_manually_set("server.address"):
        address = server_util.get_display_address(str(config.get_option("server.address")))
    cli_util.open_browser(server_util.get_url(address))


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The one engine of this server; its workers start in the background at once."""
    executor = worker_processes()
    warm_up(executor)
    # What is imported stays: the garbage collector need not walk over it again and again while the page ticks.
    gc.freeze()
    return Engine(executor, store=open_store())


def notice(sentence: str | None) -> None:
    """What went wrong or was left out, in a sentence, until the visitor does something else."""
    if sentence:
        # Sentences quote what stands in a link: none of it may become a picture or a link on the page.
        # What a link says may be no text at all: half a character cannot be sent.
        text = sentence.encode(errors="replace").decode()
        st.warning(re.sub(r"([\\\[\]<>`*$])", r"\\\1", text), icon=":material/info:")


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
