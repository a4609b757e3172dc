"""The sidebar of the Compare page: what is compared, how many seeds, and what all runs share."""

from __future__ import annotations

from typing import Any

import streamlit as st

from toygan.comparison import MAX_RUNS, Comparison
from toygan.comparison_presets import COMPARISON_PRESETS
from toygan.lockstep import Lockstep
from toygan.methods import CARD_METHODS, METHODS
from toygan.recipe import KNOBS
from toygan.record import MAX_REPLICATES
from toygan.ui import widgets
from toygan.ui.widgets import bound

#: Fields that a method can be compared against itself by.
_VARIED = tuple(name for name in KNOBS if name not in ("data", "method", "seed", "device"))

#: What all runs share, beside the data.
_SHARED = (
    "seed",
    "critic_steps",
    "batch",
    "generator",
    "generator_width",
    "generator_depth",
    "critic_width",
    "critic_depth",
    "activation",
    "latent",
    "ema",
    "instance_noise",
)


def sidebar(lockstep: Lockstep) -> None:
    """All controls, top to bottom."""
    _presets(lockstep)
    _methods(lockstep)
    _against_itself(lockstep)
    _replicates(lockstep)

    def share(**fields: Any) -> None:
        widgets.attempt(lockstep, lambda: lockstep.watch(lockstep.comparison.share(**fields)))

    first = lockstep.comparison.recipes[0]
    widgets.distribution(first, share, scope="compare.")
    with st.expander("Shared settings", key="compare.shared"):
        st.caption("What is set here holds for all runs.")
        for name in _SHARED:
            mixed = len({getattr(recipe, name) for recipe in lockstep.comparison.recipes}) > 1
            widgets.field(first, name, share, scope="compare.", mixed=mixed)
        given = [name for name, _ in lockstep.comparison.shared if name in _SHARED]
        st.button(
            "Follow each method again",
            disabled=not given,
            help="Takes back what was set here.",
            on_click=lambda: share(**dict.fromkeys(given)),
            key="compare.unshare",
        )


def _presets(lockstep: Lockstep) -> None:
    chosen = next(
        (key for key, preset in COMPARISON_PRESETS.items() if preset.comparison.recipes == lockstep.comparison.recipes),
        None,
    )

    def load(key: str | None) -> None:
        if key is not None:
            widgets.attempt(lockstep, lambda: lockstep.watch(COMPARISON_PRESETS[key].comparison))

    st.selectbox(
        "Comparison",
        list(COMPARISON_PRESETS),
        format_func=lambda key: COMPARISON_PRESETS[key].title,
        index=None if chosen is None else list(COMPARISON_PRESETS).index(chosen),
        placeholder="Choose one to load it",
        **bound("compare.preset", chosen, load),
    )
    if chosen is not None:
        st.caption(COMPARISON_PRESETS[chosen].note)


def _methods(lockstep: Lockstep) -> None:
    comparison = lockstep.comparison
    by_method = all([name for name, _ in variant] == ["method"] for variant in comparison.variants)
    chosen = [recipe.method for recipe in comparison.recipes] if by_method else []
    order = [*CARD_METHODS, *(key for key in METHODS if key not in CARD_METHODS)]

    def pick(keys: list[str]) -> None:
        if keys:
            shared = {name: value for name, value in comparison.shared if name != "method"}
            keys = sorted(keys, key=order.index)
            widgets.attempt(
                lockstep,
                lambda: lockstep.watch(
                    Comparison.of_methods(keys, shared, replicates=comparison.replicates, clock=comparison.clock)
                ),
            )

    st.pills(
        f"Methods, up to {MAX_RUNS}",
        order,
        selection_mode="multi",
        format_func=lambda key: METHODS[key].label,
        default=chosen,
        help="Same seed, same first weights, same data: what differs comes from the method alone.",
        **bound("compare.methods", chosen, pick),
    )


def _against_itself(lockstep: Lockstep) -> None:
    """One method with several values of one field, put together before it is tried."""
    first = lockstep.comparison.recipes[0]
    with st.expander("One method against itself", key="compare.itself"), st.form("against-itself", border=False):
        st.selectbox(
            "Method",
            list(METHODS),
            format_func=lambda key: METHODS[key].label,
            index=list(METHODS).index(first.method),
            key=f"itself.method.{first.method}",
        )
        st.selectbox(
            "Setting",
            _VARIED,
            format_func=lambda name: KNOBS[name].label,
            index=_VARIED.index("penalty_weight" if first.method_entry.penalties else "generator_learning_rate"),
            key=f"itself.field.{first.method}",
        )
        usual = "0.1, 1, 10" if first.method_entry.penalties else "0.0001, 0.001"
        st.text_input(
            "Values", usual, help=f"Two to {MAX_RUNS}, with commas between them.", key=f"itself.values.{first.method}"
        )
        st.form_submit_button(
            "Compare these values", on_click=lambda: widgets.attempt(lockstep, lambda: _compare_values(lockstep))
        )


def _compare_values(lockstep: Lockstep) -> None:
    comparison, state = lockstep.comparison, st.session_state
    opened = comparison.recipes[0].method
    method, field = state[f"itself.method.{opened}"], state[f"itself.field.{opened}"]
    _check_used(method, field)
    values = [value.strip() for value in state[f"itself.values.{opened}"].split(",") if value.strip()]
    shared = {name: value for name, value in comparison.shared if name not in ("method", field)} | {"method": method}
    lockstep.watch(
        Comparison.of_values(field, values, shared, replicates=comparison.replicates, clock=comparison.clock)
    )


def _check_used(method: str, field: str) -> None:
    """Raise ``ValueError`` for a field that a method has no use for: its values would all give the same run."""
    entry = METHODS[method]
    if not entry.uses(field):
        raise ValueError(f"{entry.label} ignores the {KNOBS[field].label.lower()}: choose another setting or method.")


def _replicates(lockstep: Lockstep) -> None:
    value = lockstep.comparison.replicates

    def change(count: int) -> None:
        widgets.attempt(lockstep, lambda: lockstep.change(replicates=count))

    st.slider(
        "Seeds",
        1,
        MAX_REPLICATES,
        value=value,
        help="Each run is trained from so many seeds at once. With several, curves become bands, numbers get "
        "intervals, and the page says which differences are beyond noise. Eight or more tell four methods apart.",
        **bound("compare.seeds", value, change),
    )
