"""Figures as values: short JSON, controls from knobs, and colours that follow the theme."""

import json
import math

import numpy as np
import plotly.graph_objects as go
import pytest

from toygan.figures.figure import Control, Figure, plain
from toygan.figures.style import LIGHT, axes, dots, heat, line, resolve
from toygan.recipe import KNOBS, Knob


def test_plain_values_are_short_json_and_say_nothing_where_there_is_no_number():
    value = {"x": np.array([1 / 3, math.inf, -0.0]), "n": np.int64(3), "s": "text", "b": True, "t": (1, math.nan)}
    found = plain(value)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found == {"x": [0.33333, None, 0.0], "n": 3, "s": "text", "b": True, "t": [1, None]}


def test_arrays_are_shortened_as_single_numbers_are():
    rng = np.random.default_rng(3)
    values = rng.standard_normal(2000) * 10.0 ** rng.integers(-300, 300, 2000)
    values = np.concatenate(
        [values, rng.standard_normal(2000) * 10.0 ** rng.integers(-8, 9, 2000), [0.0, 9.99999, 1e5]]
    )
    assert plain(values[2000:]) == plain(values[2000:].tolist())
    assert plain(values) == pytest.approx(plain(values.tolist()), rel=1e-14)


def test_a_control_has_its_knobs_range_and_a_choice_its_knobs_choices():
    slider = Control.of("distance", Knob("Distance", 1.0, "How far.", unit="units", low=-2, high=2), 0.5)
    assert (slider.kind, slider.low, slider.high, slider.step, slider.unit) == ("slider", -2, 2, 0.02, "units")
    whole = Control.of("steps", Knob("Steps", 5, "How many.", kind="integer", low=1, high=9), 5)
    assert whole.step == 1
    choice = Control.of("optimizer", KNOBS["optimizer"], "sgd", label="Update rule")
    assert (choice.kind, choice.label, choice.value) == ("choice", "Update rule", "sgd")
    assert [key for key, _ in choice.choices] == list(KNOBS["optimizer"].choices)


@pytest.mark.parametrize("token", LIGHT)
def test_a_token_becomes_the_themes_colour_wherever_it_stands(token):
    trace = {"type": "heatmap", "z": [[0, 1]], "colorscale": token} if isinstance(LIGHT[token], list) else None
    figure = Figure("a", "A", "Look.", [trace or line([0, 1], [0, 1], "a", token)])
    drawn = resolve(figure)["data"][0]
    assert (drawn["colorscale"] if trace else drawn["line"]["color"]) == LIGHT[token]


def test_every_kind_of_trace_is_valid_plotly():
    x = np.linspace(0, 1, 5)
    figure = Figure(
        "all",
        "All",
        "Look.",
        [line(x, x**2, "a", "@text", "dash"), dots(x, x, "b", "@real", "x"), heat(x, x, np.outer(x, x), "c")],
        axes("theta", "nats", yaxis={"range": [0, 1]}, hovermode="x"),
    )
    drawn = go.Figure(resolve(figure))
    assert drawn.layout.yaxis.title.text == "nats" and tuple(drawn.layout.yaxis.range) == (0, 1)
    assert drawn.layout.hovermode == "x" and len(drawn.data) == 3
