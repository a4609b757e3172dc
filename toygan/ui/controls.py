"""The sidebar: recipe -> widgets -> recipe, from the fields' own metadata.

What a widget shows is always what runs: a change is handed to the viewer, which validates it, and a widget whose
value differs from the recipe's, because something else changed the recipe, is replaced by a new one. (Setting its
value instead would race with the page's ticks: one that left the browser before it heard of the new value reports the
old one, which reads as the visitor's wish to go back.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from toygan import formulas
from toygan.distributions import DISTRIBUTIONS, Parameter
from toygan.methods import CARD_METHODS, METHODS
from toygan.presets import PRESETS
from toygan.recipe import KNOBS, MAX_STEPS, Knob, Recipe
from toygan.ui import components
from toygan.viewer import Viewer

#: What the sidebar shows of the less usual knobs, under these headings.
_ADVANCED: dict[str, tuple[str, ...]] = {
    "Run": ("seed", "device"),
    "Updates": ("optimizer", "beta1", "beta2", "decay", "batch", "gradient_clip", "ema"),
    "Networks": (
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


def _bound(name: str, value: Any, change: Callable[[Any], None]) -> dict[str, Any]:
    """Key and callback of a widget whose default is ``value``; ``change`` gets what the visitor makes of it."""
    versions: dict[str, int] = st.session_state.setdefault("versions", {})
    version = versions.setdefault(name, 0)
    if st.session_state.get(f"{name}.{version}", value) != value:
        version = versions[name] = version + 1
    key = f"{name}.{version}"

    def changed() -> None:
        # Streamlit also calls back for a widget that it has forgotten and the browser tells it of again.
        if versions[name] == version and st.session_state[key] != value:
            change(st.session_state[key])

    return {"key": key, "on_change": changed}


def sidebar(viewer: Viewer) -> None:
    """All controls, top to bottom: method, distribution, main knobs, advanced ones, presets and link."""
    recipe = viewer.recipe.at(viewer.cursor)
    _methods(viewer, recipe)
    _distribution(viewer, recipe)
    _main_knobs(viewer, recipe)
    _advanced(viewer, recipe)
    _presets(viewer)


def _methods(viewer: Viewer, recipe: Recipe) -> None:
    others = [key for key in METHODS if key not in CARD_METHODS]
    card, other = (recipe.method if recipe.method in row else None for row in (CARD_METHODS, others))

    def pick(key: str | None) -> None:
        # A click on the chosen one takes the choice away; a run always has a method, so it stays.
        if key is not None:
            _try(viewer, lambda: viewer.pick_method(key))

    with st.container(key="methods"):
        st.segmented_control(
            "Method",
            CARD_METHODS,
            format_func=lambda key: METHODS[key].label,
            width="stretch",
            help="Flipping starts again from the same seed, with the method's own settings, and runs as far as the "
            "run before, which stays in the curves, thin and pale.",
            default=card,
            **_bound("method", card, pick),
        )
    st.pills(
        "More methods",
        others,
        format_func=lambda key: METHODS[key].label,
        label_visibility="collapsed",
        default=other,
        **_bound("other-method", other, pick),
    )
    st.caption(recipe.method_entry.summary)
    with st.popover("Formula and paper", icon=":material/function:"):
        st.markdown(f"**{recipe.method_entry.title}**")
        st.latex(formulas.critic_loss_in_lines(recipe.method_entry))
        st.latex(formulas.generator_loss(recipe.method_entry))
        st.caption(formulas.symbols(recipe.method_entry))
        st.caption(_linked(recipe.method_entry.paper))
    st.toggle(
        "Keep the weights",
        help="A change then goes on from the newest step, with the networks as they are, instead of starting again.",
        value=viewer.keep_weights,
        **_bound("keep-weights", viewer.keep_weights, lambda value: setattr(viewer, "keep_weights", value)),
    )


def _linked(paper: str) -> str:
    """A reference with its arXiv number as a link."""
    return re.sub(r"arXiv:([\d.]+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", paper)


def _distribution(viewer: Viewer, recipe: Recipe) -> None:
    distribution = recipe.distribution
    st.pills(
        "Distribution",
        list(DISTRIBUTIONS),
        format_func=lambda key: f"![]({components.thumbnail(key)}) {DISTRIBUTIONS[key].title}",
        required=True,
        default=recipe.data,
        **_bound("data", recipe.data, lambda key: _try(viewer, lambda: viewer.change(data=key))),
    )
    spread = (
        "" if distribution.spread is None else f" A mode's std is {distribution.spread:.3g} of the radius or spacing."
    )
    st.caption(distribution.description + spread)
    family = DISTRIBUTIONS[recipe.data]
    with st.expander("Shape of the data"):
        for name, parameter in family.parameters.items():
            _parameter(viewer, recipe, name, parameter)


def _parameter(viewer: Viewer, recipe: Recipe, name: str, parameter: Parameter) -> None:
    value = dict(recipe.data_parameters)[name]
    whole = parameter.whole
    kind = int if whole else float
    stride = _stride(value, parameter.high, whole)

    def change(value: float) -> None:
        now = viewer.recipe.at(viewer.cursor)
        if now.data == recipe.data:
            changed = tuple(sorted({**dict(now.data_parameters), name: value}.items()))
            _try(viewer, lambda: viewer.change(data_parameters=changed))

    st.number_input(
        _parameter_label(name, parameter.unit),
        min_value=kind(parameter.low),
        max_value=kind(parameter.high),
        value=kind(value),
        step=stride,
        format="%d" if whole else "%g",
        help=parameter.help,
        **_bound(f"data.{recipe.data}.{name}.{stride:g}", kind(value), change),
    )


def _parameter_label(name: str, unit: str) -> str:
    words = name.replace("_", " ")
    return words.capitalize() if unit == words else f"{words.capitalize()} ({unit})"


def _main_knobs(viewer: Viewer, recipe: Recipe) -> None:
    """Four knobs; the third is the one this method is tuned by."""
    method = recipe.method_entry
    tuned_by = "clip" if method.constraint == "clip" else "penalty_weight" if method.penalties else "batch"
    for row in (("generator_learning_rate", "critic_learning_rate"), ("critic_steps", tuned_by)):
        for column, name in zip(st.columns(2, gap="small"), row, strict=True):
            with column:
                _knob(viewer, recipe, name)


def _advanced(viewer: Viewer, recipe: Recipe) -> None:
    shown_above = "batch" if not (recipe.method_entry.penalties or recipe.method_entry.constraint == "clip") else ""
    with st.expander("Advanced"):
        for heading, names in _ADVANCED.items():
            st.markdown(f"**{heading}**")
            for name in names:
                if name != shown_above:
                    _knob(viewer, recipe, name)


def _knob(viewer: Viewer, recipe: Recipe, name: str) -> None:
    """The widget of one recipe field, made from its metadata."""
    knob, value = KNOBS[name], getattr(recipe, name)

    def change(wanted: Any) -> None:
        _try(viewer, lambda: viewer.change(**{name: wanted}))

    if knob.kind == "choice":
        chosen = _bound(f"knob.{name}", value, change)
        st.selectbox(knob.label, knob.choices, index=knob.choices.index(value), help=_help(knob), **chosen)
        return
    assert knob.low is not None and knob.high is not None
    whole = knob.kind == "integer"
    stride = _stride(value, knob.high, whole)
    low = (1e-6 if knob.above else knob.low) if not whole else int(knob.low)
    st.number_input(
        knob.label,
        min_value=low if whole else float(low),
        max_value=int(knob.high) if whole else float(knob.high),
        value=value,
        step=stride,
        format="%d" if whole else "%g",
        help=_help(knob),
        # Another stride makes another widget, or Streamlit would mistake it for a changed one.
        **_bound(f"knob.{name}.{stride:g}", value, change),
    )


def _help(knob: Knob) -> str:
    unit = f" In {knob.unit}." if knob.unit else ""
    allowed = "" if knob.kind == "choice" else f" Any value {knob.range_text()}."
    return f"{knob.help}{unit}{allowed}"


def _stride(value: float, high: float, whole: bool) -> float:
    """How far one press of plus or minus goes: a small round part of the value, or of its distance to one."""
    if whole and high > MAX_STEPS:
        return 1  # a seed is a name, not a size
    if whole:
        return 1000 if value > 1000 else 16 if value > 16 else 1
    if value <= 0:
        return 1.0 if high > 100 else min(0.1, high / 10)
    size = min(value, 1 - value) if value < high <= 1 else value
    return float(10 ** math.floor(math.log10(size / 2)))


def _presets(viewer: Viewer) -> None:
    chosen = next((key for key, preset in PRESETS.items() if preset.recipe == viewer.recipe), None)

    def load(key: str | None) -> None:
        if key is not None:
            _try(viewer, lambda: viewer.watch(PRESETS[key].recipe))

    st.selectbox(
        "Preset",
        list(PRESETS),
        format_func=lambda key: PRESETS[key].title,
        index=None if chosen is None else list(PRESETS).index(chosen),
        placeholder="Choose one to load it",
        help="The set-ups of well-known papers and a few of our own.",
        **_bound("preset", chosen, load),
    )
    if chosen is not None:
        preset = PRESETS[chosen]
        st.caption(f"{preset.note} Source: {preset.source}.")
    st.caption("The address bar always holds a link to what is on the stage.")
    with st.popover("Same run on the command line", icon=":material/terminal:"):
        st.code(command_line(viewer.recipe, viewer.cursor), language="shell", wrap_lines=True)


def command_line(recipe: Recipe, steps: int) -> str:
    """The command that trains ``recipe`` for ``steps`` without the page."""
    query: Mapping[str, str] = recipe.to_query()
    named = {"method": recipe.method, "data": recipe.data, "seed": str(recipe.seed)}
    words = [f"--{name} {value}" for name, value in named.items()]
    words += [f"--set '{name}={value}'" for name, value in query.items() if name not in named]
    return " ".join(["python -m toygan train", *words, f"--steps {steps or 1000}"])


def _try(viewer: Viewer, change: Callable[[], None]) -> None:
    """Make a change; one that is not possible becomes a sentence on the page, and nothing else happens."""
    viewer.notice = None
    try:
        change()
    except ValueError as error:
        viewer.notice = str(error)
