"""The Streamlit side of a viewer: stage, transport, readouts, and the one fragment that ticks."""

from __future__ import annotations

import base64
import functools
import gc
import re
from collections.abc import Iterable
from typing import Any

import streamlit as st

from toygan.distributions import Cells, Modes
from toygan.engine import Engine, warm_up, worker_processes
from toygan.frames import BOX, pack_points
from toygan.methods import METHODS
from toygan.metrics.coverage import perfect_shares
from toygan.metrics.sizes import LIVE_POINTS
from toygan.recipe import KNOBS, Recipe
from toygan.streams import Purpose, stream
from toygan.ui import address, components
from toygan.viewer import SPEEDS, Viewer

#: Seconds between two ticks of a page that has something to wait for.
TICK = 0.25

#: Real points on the stage.
_REAL = 1000

#: Pixels, so that Train and Pause take the same place.
_MAIN_BUTTON = 104


@st.cache_resource
def engine() -> Engine:
    """The one engine of this server; its workers start in the background at once."""
    executor = worker_processes()
    warm_up(executor)
    # What is imported stays: the garbage collector need not walk over it again and again while the page ticks.
    gc.collect()
    gc.freeze()
    return Engine(executor)


def session_viewer() -> Viewer:
    """This session's viewer, begun from the link it was opened with."""
    if "viewer" not in st.session_state:
        recipe, step, problems = address.read(st.query_params.to_dict())
        viewer = Viewer(engine(), recipe)
        viewer.notice = "\n\n".join(problems) or None
        if step:
            viewer.go_to(step, hurry=True)
        st.session_state.viewer = viewer
    viewer = st.session_state.viewer
    wanted = address.parameters(viewer.recipe, st.query_params.to_dict())
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    return viewer


def notices(viewer: Viewer) -> None:
    """What went wrong or was left out, in a sentence, until the visitor does something else."""
    if viewer.notice:
        # Sentences quote what stands in a link: none of it may become a picture or a link on the page.
        st.warning(re.sub(r"([\\\[\]<>`*$])", r"\\\1", viewer.notice), icon=":material/info:")


def stage(viewer: Viewer) -> None:
    """The live canvas and its timeline."""
    recipe, distribution = viewer.recipe, viewer.recipe.distribution
    support = distribution.support
    components.stage(
        {
            "run": recipe.key,
            "title": f"on {_within(distribution.title)}",
            "changes": _changes(recipe),
            "extent": distribution.extent,
            "real": _real_points(recipe.data, recipe.data_parameters),
            "modes": support.centres.tolist() if isinstance(support, Modes | Cells) else [],
            "playing": viewer.playing,
            "show": viewer.show,
            "latent": recipe.latent,
            "unit": "data units",
            "base": _base(),
        },
        key="stage",
        on_toggle_change=lambda: _toggle(viewer),
        on_resend_change=lambda: _resend(viewer),
    )


def transport(viewer: Viewer) -> None:
    """Train or Pause, Step, Reset, and how fast to play."""
    with st.container(horizontal=True, vertical_alignment="center", key="transport"):
        if viewer.playing:
            st.button(
                "Pause", icon=":material/pause:", type="primary", width=_MAIN_BUTTON, on_click=viewer.pause, key="pause"
            )
        else:
            st.button(
                "Train",
                icon=":material/play_arrow:",
                type="primary",
                width=_MAIN_BUTTON,
                on_click=viewer.play,
                key="train",
            )
        st.button(
            "Step",
            icon=":material/skip_next:",
            on_click=viewer.step,
            help="One generator step, with the critic steps before it.",
            key="step",
        )
        st.button(
            "Reset",
            icon=":material/replay:",
            on_click=viewer.reset,
            help="Back to the untrained networks.",
            key="reset",
        )
        st.segmented_control(
            "Speed",
            list(SPEEDS),
            format_func=lambda key: SPEEDS[key].title,
            key="speed",
            default=viewer.speed,
            required=True,
            on_change=lambda: setattr(viewer, "speed", st.session_state.speed),
            label_visibility="collapsed",
            help="Slow: about 4 generator steps a second. Medium: about 40. Full: as fast as they are trained.",
        )


def readouts(viewer: Viewer) -> None:
    """Cards, curves and bars; they follow the keyframe on the stage."""
    now, ghost, floor = viewer.recipe.at(viewer.cursor), viewer.previous, viewer.floor
    shares = perfect_shares(now.distribution)
    components.readouts(
        {
            "run": viewer.recipe.key,
            "colour": now.method_entry.colour,
            "method_title": now.method_entry.label,
            "objective": now.method_entry.objective,
            "changes": _changes(viewer.recipe),
            "ghost": None
            if ghost is None or ghost == viewer.recipe or not _same_data(ghost, viewer.recipe)
            else {
                "run": ghost.key,
                "colour": ghost.method_entry.colour,
                "title": _ghost_title(ghost, viewer.recipe),
            },
            "floor": None if floor is None else {"w1": floor[0], "std": floor[1], "n": LIVE_POINTS},
            "modes_total": len(shares.weights),
            "support": shares.kind,
            "expected_high_quality": shares.high_quality,
            "weights": [float(share) for share in shares.weights],
            "playing": viewer.playing,
            "base": _base(),
        },
        key="readouts",
    )


def feed(viewer: Viewer) -> None:
    """Tick while there is something to wait for; brings the browser its keyframes."""
    drawn = _drawn(viewer)

    @st.fragment(run_every=TICK if viewer.live else None)
    def tick() -> None:
        if _drawn(viewer) != drawn:
            # The tick before changed what the page shows outside this fragment. Asked for now, since a rerun drops
            # messages that are not on their way yet.
            st.rerun()
        components.feed(viewer.tick(), key="feed")

    tick()


def _drawn(viewer: Viewer) -> tuple[Any, ...]:
    """What the page draws outside the fragment and the fragment may change."""
    changes = sum(step <= viewer.cursor for step, _ in viewer.recipe.interventions)
    return viewer.recipe.key, changes, viewer.playing, viewer.floor is None, viewer.live


def _toggle(viewer: Viewer) -> None:
    wish = st.session_state.stage.get("toggle")
    if not isinstance(wish, dict) or wish.get("playing") == viewer.playing:
        return
    if wish.get("playing"):
        viewer.play()
    else:
        viewer.pause()


def _resend(viewer: Viewer) -> None:
    wish = st.session_state.stage.get("resend")
    if isinstance(wish, dict) and isinstance(wish.get("run"), str) and isinstance(wish.get("after"), int):
        viewer.resend(wish["run"], wish["after"])


def _changes(recipe: Recipe) -> list[dict[str, Any]]:
    """The start and every intervention: from which step, what was changed, and what the method then looks like."""
    titles = {0: "", **{step: _change_title(fields) for step, fields in recipe.interventions}}
    methods = {step: recipe.at(step).method_entry for step in titles}
    return [
        {
            "step": step,
            "title": title,
            "method": methods[step].label,
            "colour": methods[step].colour,
            "neutral": methods[step].neutral,
        }
        for step, title in titles.items()
    ]


def _change_title(fields: Iterable[tuple[str, Any]]) -> str:
    changed = dict(fields)
    if "method" in changed:
        return METHODS[changed["method"]].label
    return ", ".join(
        f"{KNOBS[name].label} {value:g}" if isinstance(value, float) else f"{KNOBS[name].label} {value}"
        for name, value in changed.items()
    )


def _ghost_title(ghost: Recipe, recipe: Recipe) -> str:
    """The earlier run in a word: its method, or what else set it apart."""
    return "before" if ghost.method == recipe.method else ghost.method_entry.label


def _same_data(one: Recipe, other: Recipe) -> bool:
    return (one.data, one.data_parameters) == (other.data, other.data_parameters)


def _within(title: str) -> str:
    """A title within a sentence: names keep their capitals."""
    return title[0].lower() + title[1:]


def _base() -> str:
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}/" if path else "/"


@functools.lru_cache(maxsize=64)
def _real_points(data: str, parameters: tuple[tuple[str, float], ...]) -> str:
    """Real points for the stage, quantised as keyframes are, in base64."""
    distribution = Recipe(data=data, data_parameters=parameters).distribution
    points = distribution.sample(_REAL, stream(0, Purpose.PROBE_DATA))
    return base64.b64encode(pack_points(points, BOX * distribution.extent)).decode()
