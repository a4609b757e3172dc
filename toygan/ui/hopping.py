"""Mode hopping, live: a generator that chases its critic from mode to mode."""

from __future__ import annotations

import streamlit as st

from toygan.comparison import Comparison
from toygan.figures.chart import Chart
from toygan.presets import find_preset
from toygan.ui import live

#: Where the run stops: it hops every hundred steps or so.
_GOAL = 4000

_OCCUPANCY = Chart(
    "occupancy",
    "Good samples by mode",
    "A column is a moment, a row one of the eight modes, the first on the right and the others against the clock. "
    "Strong colour that jumps from row to row is hopping: nearly all good samples sit on one mode until the critic has "
    "learned to call them fake, then the generator moves them to another.",
    kind="occupancy",
    height=380,
)


def hopping() -> None:
    """Lay the section out: the ring run that hops, live, beside its modes over its steps."""
    comparison = Comparison.of_recipes([find_preset("ring-collapse").recipe])
    runs = live.session("hopping", comparison, _GOAL, keyframes=200)
    with st.container(key="hopping"):
        left, right = st.columns([2, 3], gap="medium")
        with left:
            live.panels(runs, "Ring, a generator twenty times too fast")
        with right:
            live.charts(runs, [_OCCUPANCY])
