"""The Streamlit side of a viewer: stage, transport and readouts."""

from __future__ import annotations

from typing import Any, NoReturn

import streamlit as st

from toygan.branches import stretches
from toygan.distributions import Cells, Modes
from toygan.metrics.coverage import perfect_shares
from toygan.recipe import Recipe
from toygan.ui import address, channel, components, server, takeaway
from toygan.ui import transport as buttons
from toygan.viewer import SPEEDS, Viewer
from toygan.words import within


def session_viewer() -> Viewer:
    """This session's viewer, begun from the link it was opened with."""
    if "viewer" not in st.session_state:
        recipe, step, problems = address.read(st.query_params.to_dict())
        engine = server.engine()
        # Before all else that workers are asked for: the stage waits for it.
        engine.open(recipe)
        viewer = Viewer(engine, recipe)
        viewer.notice = "\n\n".join(problems) or None
        if step:
            viewer.go_to(step, hurry=True)
        st.session_state.viewer = viewer
    viewer = st.session_state.viewer
    wanted = address.parameters(viewer.recipe, st.query_params.to_dict())
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)
    channel.watch(viewer, lambda: _drawn(viewer))
    return viewer


def show(recipe: Recipe, step: int = 0) -> NoReturn:
    """Open the Train page on a run, as far as ``step``, or where this session last saw it for 0."""
    viewer: Viewer | None = st.session_state.get("viewer")
    if viewer is None:
        link = recipe.to_query()
        server.go("pages/train.py", query={**link, "step": str(step)} if step else link)
    viewer.pause()
    viewer.watch(recipe)
    if step:
        viewer.go_to(step, hurry=True)
    server.go("pages/train.py")


def stage(viewer: Viewer) -> None:
    """The live canvas and its timeline."""
    recipe, distribution = viewer.recipe, viewer.recipe.distribution
    support = distribution.support
    components.stage(
        {
            "run": recipe.key,
            "title": f"on {within(distribution.title)}",
            "changes": stretches(recipe),
            "extent": distribution.extent,
            "real": server.real_points(recipe.data, recipe.data_parameters),
            "modes": support.centres.tolist() if isinstance(support, Modes | Cells) else [],
            "support": support.kind,
            "playing": viewer.playing,
            "show": viewer.show,
            "latent": recipe.latent if recipe.trains_generator else 0,
            "unit": "data units",
            "base": server.base(),
        },
        key="stage",
        on_branch_change=lambda: _branch(viewer),
        **buttons.wishes(viewer, "stage"),
    )


def transport(viewer: Viewer) -> None:
    """Train or Pause, Step, Reset, and how fast to play."""
    with st.container(horizontal=True, vertical_alignment="center", key="transport"):
        buttons.main_button(viewer)
        st.button(
            "Step",
            icon=":material/skip_next:",
            on_click=viewer.step,
            help="One generator step, with the critic steps before it.",
            key="step",
        )
        buttons.reset_button(viewer, "Back to the untrained networks.")
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


def tree(viewer: Viewer) -> None:
    """The runs that went on from one another, once there are several."""
    branches = viewer.tree()
    if len(branches) == 1:
        return
    components.tree(
        {
            "rows": [
                {
                    "run": branch.recipe.key,
                    "parent": branch.parent,
                    "step": branch.step,
                    "reach": branch.reach,
                    "title": branch.title,
                    "colour": branch.recipe.at(branch.step).method_entry.colour,
                    "chosen": branch.recipe == viewer.recipe,
                }
                for branch in branches
            ]
        },
        key="tree",
        on_pick_change=lambda: _pick(viewer, {branch.recipe.key: branch.recipe for branch in branches}),
    )


def readouts(viewer: Viewer) -> None:
    """Cards, curves and bars; they follow the keyframe on the stage."""
    now, ghost = viewer.recipe.at(viewer.cursor), viewer.previous
    shares = perfect_shares(now.distribution)
    components.readouts(
        {
            "run": viewer.recipe.key,
            "colour": now.method_entry.colour,
            "method_title": now.method_entry.label,
            "objective": now.method_entry.objective,
            "changes": stretches(viewer.recipe),
            "ghost": None
            if ghost is None or ghost == viewer.recipe or not _same_data(ghost, viewer.recipe)
            else {
                "run": ghost.key,
                "colour": ghost.method_entry.colour,
                "title": _ghost_title(ghost, viewer.recipe),
            },
            "modes_total": len(shares.weights),
            "support": shares.kind,
            "expected_high_quality": shares.high_quality,
            "weights": [float(share) for share in shares.weights],
            "playing": viewer.playing,
            "base": server.base(),
        },
        key="readouts",
    )


@st.fragment
def take_away(viewer: Viewer) -> None:
    """The run as files, as far as it was shown when this was opened: opening it draws it anew."""
    with st.popover("Take this run away", icon=":material/download:", on_change="rerun", key="take-away"):
        takeaway.buttons(viewer.engine, viewer.run, viewer.cursor, "take")
        st.caption(
            "Files go as far as the newest step shown when this was opened. "
            "For an earlier one, scrub there and press Branch first."
        )


def _drawn(viewer: Viewer) -> tuple[Any, ...]:
    """What the page draws by its script and a tick may change."""
    changes = sum(step <= viewer.cursor for step, _ in viewer.recipe.interventions)
    return viewer.recipe.key, changes, viewer.playing


def _branch(viewer: Viewer) -> None:
    wish = components.wish("stage", "branch")
    if isinstance(wish, dict) and isinstance(wish.get("step"), int) and wish.get("run") == viewer.recipe.key:
        viewer.branch_from(wish["step"])
        st.toast(f"At step {viewer.cursor:,}. What you change now branches off here, with the weights as they are.")


def _pick(viewer: Viewer, recipes: dict[str, Recipe]) -> None:
    recipe = recipes.get(str(components.wish("tree", "pick")))
    if recipe is not None:
        viewer.notice = None
        viewer.watch(recipe)


def _ghost_title(ghost: Recipe, recipe: Recipe) -> str:
    """The earlier run in a word: its method, or what else set it apart."""
    return "before" if ghost.method == recipe.method else ghost.method_entry.label


def _same_data(one: Recipe, other: Recipe) -> bool:
    return (one.data, one.data_parameters) == (other.data, other.data_parameters)
