"""What Streamlit does for somebody who edits an app, and a server that others use is better without."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace

from streamlit.runtime.app_session import AppSession
from streamlit.watcher import polling_path_watcher

#: Seconds between two looks at whether Streamlit's settings were edited.
SETTINGS = 10.0


@contextlib.contextmanager
def hosted() -> Iterator[None]:
    """Streamlit 1.67 for visitors, for as long as the server is there.

    It looks five times a second whether its settings were edited, whatever the settings say: here seldom, and it stops
    at once when the server ends, which would wait for the look to be over. And any browser may clear the caches of
    all: the engine is in one, and another would start workers beside those that are there.
    """
    ended = threading.Event()

    def sleep(seconds: float) -> None:
        if ended.wait(SETTINGS):
            raise SystemExit

    usual = polling_path_watcher.time, AppSession._handle_clear_cache_request
    polling_path_watcher.time = SimpleNamespace(sleep=sleep)  # type: ignore[assignment]
    AppSession._handle_clear_cache_request = lambda self: None  # type: ignore[method-assign]
    try:
        yield
    finally:
        ended.set()
        polling_path_watcher.time, AppSession._handle_clear_cache_request = usual  # type: ignore[method-assign]
