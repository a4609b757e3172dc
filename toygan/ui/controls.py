"""The sidebar: recipe -> widgets -> recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from toygan import formulas
from toygan.methods import CARD_METHODS, METHODS
from toygan.presets import PRESETS
from toygan.recipe import Recipe
from toygan.ui import widgets
from toygan.ui.widgets import bound
from toygan.viewer import Viewer

#: What the sidebar shows of the less usual knobs, under these headings.
_ADVANCED: dict[str, tuple[str, ...]] = {
    "Run": ("seed", "device"),
    "Updates": ("optimizer", "beta1", "beta2", "decay", "batch", "gradient_clip", "ema"),
    "Networks": (
        "generator",
        "generator_width",
        "generator_depth",
        "critic_width",
        "critic_depth",
        "activation",
        "latent",
        "latent_law",
    ),
    "Instance noise": ("instance_noise", "instance_noise_steps"),
}


def sidebar(viewer: Viewer) -> None:
    """All controls, top to bottom: method, distribution, main knobs, advanced ones, presets and link."""
    recipe = viewer.recipe.at(viewer.cursor)
    _methods(viewer, recipe)

    def change(**fields: Any) -> None:
        widgets.attempt(viewer, lambda: viewer.change(**fields))

    widgets.distribution(recipe, change)
    _main_knobs(recipe, change)
    _advanced(recipe, change)
    _presets(viewer)


def _methods(viewer: Viewer, recipe: Recipe) -> None:
    others = [key for key in METHODS if key not in CARD_METHODS]
    card, other = (recipe.method if recipe.method in row else None for row in (CARD_METHODS, others))

    def pick(key: str | None) -> None:
        # A click on the chosen one takes the choice away; a run always has a method, so it stays.
        if key is not None:
            widgets.attempt(viewer, lambda: viewer.pick_method(key))

    with st.container(key="methods"):
        st.segmented_control(
            "Method",
            CARD_METHODS,
            format_func=lambda key: METHODS[key].label,
            width="stretch",
            help="Flipping starts again from the same seed, with the method's own settings, and runs as far as the "
            "run before, which stays in the curves, thin and pale.",
            default=card,
            **bound("method", card, pick),
        )
    st.pills(
        "More methods",
        others,
        format_func=lambda key: METHODS[key].label,
        label_visibility="collapsed",
        default=other,
        **bound("other-method", other, pick),
    )
    st.caption(recipe.method_entry.summary)
    with st.popover("Formula and paper", icon=":material/function:"):
        st.markdown(f"**{recipe.method_entry.title}**")
        st.latex(formulas.critic_loss_in_lines(recipe.method_entry))
        st.latex(formulas.generator_loss(recipe.method_entry))
        st.caption(formulas.symbols(recipe.method_entry))
        st.caption(widgets.linked(recipe.method_entry.paper))
    st.toggle(
        "Keep the weights",
        help="A change then goes on from the newest step, with the networks as they are, instead of starting again.",
        value=viewer.keep_weights,
        **bound("keep-weights", viewer.keep_weights, lambda value: setattr(viewer, "keep_weights", value)),
    )


def _main_knobs(recipe: Recipe, change: widgets.Change) -> None:
    """Four knobs; the third is the one this method is tuned by."""
    method = recipe.method_entry
    tuned_by = "clip" if method.constraint == "clip" else "penalty_weight" if method.penalties else "batch"
    for row in (("generator_learning_rate", "critic_learning_rate"), ("critic_steps", tuned_by)):
        for column, name in zip(st.columns(2, gap="small"), row, strict=True):
            with column:
                widgets.field(recipe, name, change)


def _advanced(recipe: Recipe, change: widgets.Change) -> None:
    shown_above = "batch" if not (recipe.method_entry.penalties or recipe.method_entry.constraint == "clip") else ""
    with st.expander("Advanced"):
        for heading, names in _ADVANCED.items():
            st.markdown(f"**{heading}**")
            for name in names:
                if name != shown_above:
                    widgets.field(recipe, name, change)


def _presets(viewer: Viewer) -> None:
    chosen = next((key for key, preset in PRESETS.items() if preset.recipe == viewer.recipe), None)

    def load(key: str | None) -> None:
        if key is not None:
            widgets.attempt(viewer, lambda: viewer.watch(PRESETS[key].recipe))

    st.selectbox(
        "Preset",
        list(PRESETS),
        format_func=lambda key: PRESETS[key].title,
        index=None if chosen is None else list(PRESETS).index(chosen),
        placeholder="Choose one to load it",
        help="The set-ups of well-known papers and a few of our own.",
        **bound("preset", chosen, load),
    )
    if chosen is not None:
        preset = PRESETS[chosen]
        st.caption(f"{preset.note} Source: {preset.source}.")
    st.caption("The address bar always holds a link to what is on the stage.")
    # Opened, it is drawn anew: a run that trains has come further since.
    with st.popover("Same run on the command line", icon=":material/terminal:", on_change="rerun"):
        st.code(command_line(viewer.recipe, viewer.cursor), language="shell", wrap_lines=True)


def command_line(recipe: Recipe, steps: int) -> str:
    """The command that trains ``recipe`` for ``steps`` without the page."""
    query: Mapping[str, str] = recipe.to_query()
    named = {"method": recipe.method, "data": recipe.data, "seed": str(recipe.seed)}
    words = [f"--{name} {value}" for name, value in named.items()]
    words += [f"--set '{name}={value}'" for name, value in query.items() if name not in named]
    return " ".join(["python -m toygan train", *words, f"--steps {steps or 1000}"])
