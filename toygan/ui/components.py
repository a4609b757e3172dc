"""The browser components: the stage, the readouts beside it, and the feed that brings their keyframes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent

# Joined in this order into one module. Both carry the store; whichever is mounted first creates it.
SHARED = ("frames.js", "store.js", "palette.js", "ticks.js")
STAGE = (*SHARED, "field.js", "playhead.js", "scene.js", "address.js", "stage.js")
READOUTS = (*SHARED, "curves.js", "readouts.js")
FEED = ("feed.js",)


def source(*names: str) -> str:
    """The named files of this folder, joined."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


# Without isolated styles the components can hide their container and Plotly can place its own style sheet.
mount_stage = st.components.v2.component(
    "toygan.stage",
    html=source("stage.html"),
    css=source("stage.css"),
    js=source(*STAGE),
    isolate_styles=False,
)
mount_readouts = st.components.v2.component(
    "toygan.readouts",
    html=source("readouts.html"),
    css=source("readouts.css"),
    js=source(*READOUTS),
    isolate_styles=False,
)
mount_feed = st.components.v2.component("toygan.feed", js=source(*FEED), isolate_styles=False)


def page_style() -> None:
    """The layout that every page shares."""
    st.html(HERE / "page.css")


def stage(
    data: dict[str, Any],
    *,
    key: str,
    on_toggle_change: Callable[[], None],
    on_resend_change: Callable[[], None],
) -> Any:
    """The live canvas and its timeline.

    `data` says which run to show and how; it changes rarely, keyframes come through `feed`. The result has
    `toggle` ({"playing": what the reader, who pressed space, wants}) and `resend` ({"run": hash, "after": last step
    that arrived, -1 for none}).
    """
    return mount_stage(key=key, data=data, on_toggle_change=on_toggle_change, on_resend_change=on_resend_change)


def readouts(data: dict[str, Any], *, key: str) -> Any:
    """Cards, diagnosis, curves and a bar per mode; they follow the keyframe that the stage shows."""
    return mount_readouts(key=key, data=data)


def feed(data: bytes, *, key: str) -> Any:
    """Hands a packed message of keyframes to the browser; it has no height and belongs in the fragment."""
    return mount_feed(key=key, data=data)


def thumbnail(key: str) -> str:
    """The address of a distribution's picture, relative to the page."""
    return f"app/static/thumbnails/{key}.svg"
