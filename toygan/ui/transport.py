"""Train or Pause, and what a browser component wishes of whatever plays: the same for one run and for several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import streamlit as st

from toygan.ui import components

#: Pixels, so that Train and Pause take the same place.
_MAIN_BUTTON = 104


class Player(Protocol):
    """What plays: a viewer, or several runs in lock-step."""

    @property
    def playing(self) -> bool:
        """Whether it trains, or shows what is trained already."""

    def play(self) -> None:
        """Go on."""

    def pause(self) -> None:
        """Ask for nothing more."""

    def reset(self) -> None:
        """Back to the untrained networks."""

    def resend(self, key: str, after: int) -> None:
        """The browser lacks what came after step ``after`` of a run."""


def main_button(player: Player, scope: str = "", train: str = "Train") -> None:
    """Train or Pause; ``train`` is the word for the first.

    They are two buttons, so that a click on one that is gone by now does not mean the other. Streamlit shows the old
    one beside the new until the script has ended: page.css hides whichever comes second in this container.
    """
    playing = player.playing
    with st.container(key=f"{scope}main-button", width=_MAIN_BUTTON):
        st.button(
            "Pause" if playing else train,
            icon=":material/pause:" if playing else ":material/play_arrow:",
            type="primary",
            width="stretch",
            on_click=player.pause if playing else player.play,
            key=f"{scope}pause" if playing else f"{scope}train",
        )


def reset_button(player: Player, help: str, scope: str = "") -> None:
    """Back to the untrained networks."""
    st.button("Reset", icon=":material/replay:", on_click=player.reset, help=help, key=f"{scope}reset")


def wishes(player: Player, key: str) -> dict[str, Callable[[], None]]:
    """What the component mounted under ``key`` calls when the reader presses space, or when a keyframe got lost."""
    return {
        "on_toggle_change": lambda: _toggle(player, components.wish(key, "toggle")),
        "on_resend_change": lambda: _resend(player, components.wish(key, "resend")),
    }


def _toggle(player: Player, wish: Any) -> None:
    if not isinstance(wish, dict) or wish.get("playing") == player.playing:
        return
    if wish.get("playing"):
        player.play()
    else:
        player.pause()


def _resend(player: Player, wish: Any) -> None:
    if isinstance(wish, dict) and isinstance(wish.get("run"), str) and isinstance(wish.get("after"), int):
        player.resend(wish["run"], wish["after"])
