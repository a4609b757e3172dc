"""Training in the middle of a text: runs that begin by themselves, their stages, and charts of what they do."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import streamlit as st

from toygan.comparison import Comparison
from toygan.demonstration import Demonstration
from toygan.figures.chart import Chart
from toygan.metrics.coverage import perfect_shares
from toygan.ui import components, server, stages
from toygan.ui import transport as buttons


def session(name: str, comparison: Comparison, goal: int, keyframes: int = Demonstration.keyframes) -> Demonstration:
    """This session's runs of the page ``name``, which stop at the reading ``goal``; the comparison may change.

    They have at least so many ``keyframes`` until then, a dozen of which are shown in a second.
    """
    key = f"live.{name}"
    if key not in st.session_state:
        st.session_state[key] = Demonstration(server.engine(), comparison)
    demonstration = st.session_state[key]
    assert isinstance(demonstration, Demonstration)
    demonstration.keyframes = keyframes
    demonstration.ask(comparison, goal)
    stages.watch(demonstration)
    return demonstration


def panels(demonstration: Demonstration, title: str, height: int | None = None, scale: str = "same") -> None:
    """The small stages with their timeline, Train or Pause, and Reset; ``height`` of a stage in CSS pixels.

    ``scale`` is as in ``stages.show``.
    """
    stages.show(demonstration, title, key=f"{demonstration.name}.panels", size=height, scale=scale)
    with st.container(horizontal=True, vertical_alignment="center"):
        scope = f"{demonstration.name}."
        buttons.main_button(demonstration, scope, train="Again" if demonstration.ended else "Train")
        buttons.reset_button(demonstration, "Back to the untrained networks.", scope)


def charts(demonstration: Demonstration, wanted: Sequence[Chart]) -> None:
    """Charts of the runs, which follow the stages' moment; a click on one goes there."""
    components.live(
        {
            **stages.curves(demonstration),
            "charts": [drawn for chart in wanted for drawn in _drawn(chart, demonstration.comparison)],
        },
        key=f"{demonstration.name}.charts",
    )


def _drawn(chart: Chart, comparison: Comparison) -> list[dict[str, Any]]:
    """The chart as the browser draws it; of one with a heat map for each run as many as there are runs."""
    fields = dataclasses.asdict(chart)
    if chart.kind == "line":
        return [fields]
    several = len(comparison.recipes) > 1
    return [
        {
            **fields,
            "name": f"{chart.name}-{index}" if several else chart.name,
            "title": f"{chart.title}: {title}" if several else chart.title,
            "run": index,
            "bins": len(shares.weights),
            "bin": shares.kind.removesuffix("s"),
        }
        for index, (title, shares) in enumerate(
            (title, perfect_shares(recipe.distribution))
            for title, recipe in zip(comparison.titles, comparison.recipes, strict=True)
        )
    ]
