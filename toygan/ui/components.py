"""The browser components: stages, readouts, charts and labs, and what brings their keyframes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent

# Joined in this order into one module. Both carry the store; whichever is mounted first creates it.
SHARED = ("words.js", "frames.js", "store.js", "palette.js", "ticks.js", "mount.js")
CANVAS = ("field.js", "moment.js", "playhead.js", "dots.js", "scene.js", "wish.js")
STAGE = (*SHARED, *CANVAS, "address.js", "stage.js")
READOUTS = (*SHARED, "charts.js", "curves.js", "readouts.js")
COMPARE = (*SHARED, *CANVAS, "clocks.js", "panel.js", "compare.js")
COMPARISON = (*SHARED, "clocks.js", "charts.js", "overlay.js", "ranking.js", "comparison.js")
LIVE = (*SHARED, "clocks.js", "charts.js", "overlay.js", "live.js")
TREE = (*SHARED, "tree.js")
LAB = (*SHARED, "charts.js", "motion.js", "knobs.js", "figure.js", "lab.js")
FEED = ("inbox.js", "feed.js")
CHANNEL = ("inbox.js", "mount.js", "channel.js")


def source(*names: str) -> str:
    """The named files of this folder, joined."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


def _component(name: str, scripts: tuple[str, ...], styles: tuple[str, ...] = ()) -> Any:
    """A component of the file ``name``.html, if there are styles, hence something to see, and of these scripts."""
    # Without isolated styles the components can hide their container and Plotly can place its own style sheet.
    return st.components.v2.component(
        f"toygan.{name}",
        html=source(f"{name}.html") if styles else None,
        css=source(*styles) if styles else None,
        js=source(*scripts),
        isolate_styles=False,
    )


mount_stage = _component("stage", STAGE, ("stage.css", "slider.css"))
mount_readouts = _component("readouts", READOUTS, ("readouts.css",))
mount_compare = _component("compare", COMPARE, ("stage.css", "slider.css", "compare.css"))
mount_comparison = _component("comparison", COMPARISON, ("readouts.css", "comparison.css"))
mount_live = _component("live", LIVE, ("readouts.css", "live.css"))
mount_tree = _component("tree", TREE, ("tree.css",))
mount_lab = _component("lab", LAB, ("readouts.css", "slider.css", "lab.css"))
mount_feed = _component("feed", FEED)
mount_channel = _component("channel", CHANNEL)


def page_style() -> None:
    """The layout that every page shares."""
    st.html(HERE / "page.css")


def wish(key: str, name: str) -> Any:
    """What the reader of the component under ``key`` asked for last; None when it has left the page meanwhile."""
    component = st.session_state.get(key)
    return None if component is None else component.get(name)


def stage(
    data: dict[str, Any],
    *,
    key: str,
    on_toggle_change: Callable[[], None],
    on_resend_change: Callable[[], None],
    on_branch_change: Callable[[], None],
) -> Any:
    """The live canvas and its timeline.

    `data` says which run to show and how; it changes rarely, keyframes come through `feed`. The result has
    `toggle` ({"playing": what the reader, who pressed space, wants}), `resend` ({"run": hash, "after": last step
    that arrived, -1 for none}) and `branch` ({"run": hash, "step": where to go on from}).
    """
    return mount_stage(
        key=key,
        data=data,
        on_toggle_change=on_toggle_change,
        on_resend_change=on_resend_change,
        on_branch_change=on_branch_change,
    )


def tree(data: dict[str, Any], *, key: str, on_pick_change: Callable[[], None]) -> Any:
    """The runs that went on from one another; the result has `pick`, the hash of the run to show."""
    return mount_tree(key=key, data=data, on_pick_change=on_pick_change)


def readouts(data: dict[str, Any], *, key: str) -> Any:
    """Cards, diagnosis, curves and a bar per mode; they follow the keyframe that the stage shows."""
    return mount_readouts(key=key, data=data)


def compare(
    data: dict[str, Any],
    *,
    key: str,
    on_toggle_change: Callable[[], None],
    on_resend_change: Callable[[], None],
) -> Any:
    """Small stages in lock-step and their timeline; its result is like that of ``stage``."""
    return mount_compare(key=key, data=data, on_toggle_change=on_toggle_change, on_resend_change=on_resend_change)


def comparison(data: dict[str, Any], *, key: str) -> Any:
    """Curves over each other, and the ranking that came with the last message."""
    return mount_comparison(key=key, data=data)


def lab(data: dict[str, Any], *, key: str, on_set_change: Callable[[], None]) -> Any:
    """Figures with their controls; the result has `set`, a dictionary of what the reader wants by control."""
    return mount_lab(key=key, data=data, on_set_change=on_set_change)


def live(data: dict[str, Any], *, key: str) -> Any:
    """Charts of what runs do while they train, as the page lists them."""
    return mount_live(key=key, data=data)


def feed(data: bytes, *, key: str) -> Any:
    """Hands a packed message of keyframes to the browser; it has no height and belongs in the fragment."""
    return mount_feed(key=key, data=data)


def channel(
    data: dict[str, Any], *, key: str, on_redraw_change: Callable[[], None], on_refused_change: Callable[[], None]
) -> Any:
    """Listens at ``data["address"]`` for packed messages of keyframes; it has no height.

    The result has `redraw`, when the server says that the page looks different now, and `refused`, when the browser
    cannot listen and ``data["refused"]`` does not say so yet.
    """
    return mount_channel(key=key, data=data, on_redraw_change=on_redraw_change, on_refused_change=on_refused_change)


def thumbnail(key: str) -> str:
    """The address of a distribution's picture, relative to the page."""
    return f"app/static/thumbnails/{key}.svg"
