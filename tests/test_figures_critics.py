"""Facts about the critic lab's figures and its page, which is run without a browser and without workers."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from toygan import critic_lab, examiner, worker
from toygan.asked import TRIES
from toygan.critic_lab import KNOBS, PLACES, RUNS
from toygan.demonstration import Demonstration
from toygan.examination import Examination, Ideal, Place, unknown_examination, unknown_ideal
from toygan.figures import critic_planes, critics
from toygan.figures.critics import Course, Critic
from toygan.figures.figure import Figure, plain
from toygan.figures.style import resolve
from toygan.frames import GRID
from toygan.ui import critic_lab as lab_page

#: As much as one message of a lab may be, in characters.
LARGEST = 300_000


def ideal(seed: int = 0, n: int = 400) -> Ideal:
    rng = np.random.default_rng(seed)
    fake, real = rng.standard_normal((2, n, 2))
    return Ideal(2.0, real, fake, rng.permutation(n), rng.standard_normal((GRID, GRID)), 0.8)


def critic(name: str = "clip-0.01", **changes: Any) -> Critic:
    rng = np.random.default_rng(1)
    shares = np.full(44, 1 / 44)
    place = Place(rng.standard_normal((500, 2)), rng.uniform(0.5, 1.5, 500))
    found = Examination(
        step=40,
        edges=np.linspace(-1, 1, 45),
        shares=shares,
        bound=0.01,
        pinned=0.87,
        layers=np.array([1e-9, 1e-6, 1e-4, 1e-2]),
        surface=rng.standard_normal((GRID, GRID)),
        slopes=rng.uniform(0, 2, (GRID, GRID)),
        places=dict.fromkeys(PLACES, place),
        cosines=rng.uniform(-1, 1, 500),
        gap=0.5,
        lipschitz=2.0,
        estimate=0.25,
    )
    clip = None if name == "penalty" else 0.01
    found = replace(found, **changes)
    return Critic(name, RUNS[name], "#009E73", clip, found, [replace(found, step=0), found])


def courses(count: int = 3) -> list[Course]:
    steps = np.arange(0.0, 50, 5)
    return [Course(f"{n} updates", "#0072B2", steps, 0.01 * steps, np.linspace(1, 0.1, 10)) for n in range(count)]


def every_figure() -> list[Figure]:
    known, found = ideal(), [critic(name) for name in RUNS]
    unknown = [replace(one, found=unknown_examination(6), history=[]) for one in found]
    nothing = unknown_ideal(2.0)
    empty = [Course("1 update", "#0072B2", *np.zeros((3, 0)))]
    return [
        *(critics.weights(one) for one in (*found, *unknown)),
        *(critics.layers(ones) for ones in (found, unknown)),
        *(critics.cosines(ones) for ones in (found, unknown)),
        critics.estimates(found, known),
        critics.estimates(unknown, nothing),
        *(critics.estimates_while_training(ones, one, 600) for ones in (found, unknown) for one in (known, nothing)),
        *(critics.slopes_while_training(ones, 600) for ones in (found, unknown)),
        *(make(ones, 300) for make in (critics.ratios, critics.distances) for ones in (courses(), empty)),
        *(critic_planes.best(one) for one in (known, nothing)),
        *(critic_planes.learned(one, known) for one in (*found, *unknown)),
        *(critic_planes.slopes(one, 2.0, where, PLACES[where]) for one in (*found, *unknown) for where in PLACES),
        *(critic_planes.slope_histogram(one, where, PLACES[where]) for one in (*found, *unknown) for where in PLACES),
    ]


@pytest.mark.parametrize("figure", every_figure(), ids=lambda figure: figure.name)
def test_every_figure_is_valid_plotly_with_a_sentence_to_look_at(figure: Figure) -> None:
    go.Figure(resolve(figure))
    assert figure.look.endswith(".")
    assert "@" not in json.dumps(resolve(figure))
    assert len(json.dumps(plain(vars(figure)))) < LARGEST / 3


def test_figures_on_the_page_have_names_of_their_own() -> None:
    found = [critic(name) for name in RUNS]
    names = [critics.weights(one).name for one in found]
    assert names == ["weights-penalty", "weights-clip-0-1", "weights-clip-0-01", "weights-clip-0-001"]


def test_the_sentence_under_the_weights_says_how_many_are_at_the_bound() -> None:
    assert "87 % lie within 1 %" in critics.weights(critic()).look
    assert "Under 1 %" in critics.weights(critic(pinned=0.004)).look
    assert "nothing is clipped yet" in critics.weights(critic(step=0)).look
    assert "Spread out" in critics.weights(critic("penalty")).look


def test_layers_go_from_the_last_hidden_one_to_the_input() -> None:
    (trace,) = critics.layers([critic()]).traces
    assert trace["x"] == ["3", "2", "1", "input"]
    assert list(trace["y"]) == [1e-2, 1e-4, 1e-6, 1e-9]


def test_the_sentence_over_the_layers_says_by_how_much_a_layer_multiplies() -> None:
    assert "by 0.01 (clipped, c = 0.01)" in critics.layers([critic()]).look


def test_a_gradient_of_zero_has_a_place_on_the_log_axis() -> None:
    (trace,) = critics.layers([critic(layers=np.zeros(4))]).traces
    assert min(trace["y"]) > 0


def test_the_histogram_of_cosines_holds_every_point() -> None:
    (trace,) = critics.cosines([critic(cosines=np.array([-1.0, 1.0, 1.0, 1 + 1e-9]))]).traces
    assert sum(trace["y"]) == pytest.approx(100)
    assert trace["y"][-1] == 75
    assert trace["name"].endswith("mean 0.50")


def test_the_plan_joins_each_fake_point_to_its_partner() -> None:
    known = ideal()
    _, plan, fake, real = critic_planes.best(known).traces
    x = np.asarray(plan["x"]).reshape(-1, 3)
    np.testing.assert_allclose(x[:, 0], fake["x"], atol=1e-3)
    np.testing.assert_allclose(x[:, 1], real["x"], atol=1e-3)
    assert np.isnan(x[:, 2]).all()
    np.testing.assert_array_equal(real["x"], known.real[known.partner[: len(real["x"])], 0])


def test_both_surfaces_have_one_scale_of_colours() -> None:
    known = ideal()
    best, learned = critic_planes.best(known).traces[0], critic_planes.learned(critic(), known).traces[0]
    assert (best["zmin"], best["zmax"]) == (learned["zmin"], learned["zmax"])


def test_arrows_point_uphill() -> None:
    axis = np.linspace(-2, 2, GRID)
    rising = np.broadcast_to(axis[:, None], (GRID, GRID))
    arrows = critic_planes.learned(critic(surface=rising), ideal()).traces[1]
    start, tip = np.asarray(arrows["y"]).reshape(-1, 6)[:, :2].T
    assert (tip > start).all()


def test_the_slope_one_is_marked_where_it_is_on_the_scale() -> None:
    shown = critic_planes.slope_histogram(critic(), "between", PLACES["between"])
    assert len(shown.layout["shapes"]) == 1
    steep = Place(np.zeros((9, 2)), np.linspace(50, 60, 9))
    far = critic_planes.slope_histogram(critic(places={"between": steep}), "between", PLACES["between"])
    assert far.layout["shapes"] == []
    assert "off this scale" in far.look


def test_ratios_are_the_estimate_over_the_distance_averaged_over_neighbours() -> None:
    steps = np.arange(9.0)
    course = Course("1 update", "#0072B2", steps, np.full(9, 0.3), np.full(9, 0.6))
    (trace,) = critics.ratios([course], 300).traces
    np.testing.assert_allclose(trace["y"], 0.5)
    gaps = critics.smoothed(np.array([math.nan, 1.0, 3.0, math.nan, math.nan, math.nan, math.nan, math.nan]))
    np.testing.assert_allclose(gaps[:4], 2.0)
    assert np.isnan(gaps[-1])


def test_the_sentence_over_the_ratios_tells_what_the_runs_gave_once_they_are_done() -> None:
    steps = np.arange(0.0, 301, 10)
    runs = [
        Course(f"Critic steps {n}", "#0072B2", steps, np.full(31, share), np.ones(31))
        for n, share in ((1, 0.15), (2, 0.45), (5, 0.4))
    ]
    look = critics.ratios(runs, 300).look
    assert "0.15 (critic steps 1), 0.45 (critic steps 2) and 0.40 (critic steps 5)" in look
    assert "Critic steps 1 is clearly too few. Beyond that the curves cross" in look and "None comes near 1" in look
    assert "mean" not in critics.ratios(courses(), 300).look, "not before their end"
    steep = [replace(run, estimates=np.full(31, 0.1 + 0.4 * n)) for n, run in enumerate(runs)]
    assert "more updates add little" not in critics.ratios(steep, 300).look


def test_the_sentence_over_a_critic_that_is_flat_in_single_precision_says_so() -> None:
    assert "1.4·10⁻¹⁷: what you see is no noise" in critic_planes.learned(critic(lipschitz=1.4e-17), ideal()).look
    assert "On the scale of the picture" in critic_planes.learned(critic(), ideal()).look


def test_the_sentence_over_the_slopes_gives_them_as_they_are() -> None:
    steep = Place(np.zeros((9, 2)), np.full(9, 5.1))
    look = critics.slopes_while_training([critic("penalty", places={"between": steep}), critic()], 600).look
    assert "5.10 (penalty) and 1.0" in look


def test_the_way_of_a_critic_is_drawn_through_all_its_examinations() -> None:
    (trace,) = critics.estimates_while_training([critic()], ideal(), 600).traces
    assert (trace["x"], trace["y"]) == ([0, 40], [0.25, 0.25])
    (trace,) = critics.slopes_while_training([critic()], 600).traces
    assert trace["y"] == pytest.approx(2 * [critic().found.places["between"].norms.mean()])


def test_numbers_are_short() -> None:
    known = {1.0449: "1.04", 37.21: "37.2", 122.9: "123", 2.5e-5: "2.5·10⁻⁵", 40_000.0: "4.0·10⁴", 0.0: "0"}
    assert [critics.short(value) for value in known] == list(known.values())


# ---- the page


@pytest.fixture
def held_in_this_process(in_this_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening must not train by itself here: each chunk would be done before the page goes on."""
    monkeypatch.setattr(Demonstration, "held", True)


def script() -> None:
    """The page without ``app.py``'s navigation."""
    from toygan.ui import channel, critic_lab

    critic_lab.page()
    channel.feed()


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(script, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def demonstration(app: AppTest) -> Demonstration:
    found = app.session_state["live.critic-lab"]
    assert isinstance(found, Demonstration)
    return found


@pytest.mark.usefixtures("held_in_this_process")
def test_the_page_opens_on_the_paper_s_ring_with_everything_examined_at_step_zero() -> None:
    app = opened()
    assert not app.exception and not app.warning
    assert demonstration(app).comparison == critic_lab.clipping({name: knob.default for name, knob in KNOBS.items()})
    examiner, runs = app.session_state["examiner"], demonstration(app).runs
    assert [[found.step for found in examiner.history(run, 0)] for run in runs] == 4 * [[0]]
    assert examiner.ideal(runs[0]).w1 > 0


@pytest.mark.usefixtures("held_in_this_process")
def test_where_the_critics_cannot_be_examined_the_page_says_so_and_stops_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError("out of memory")

    monkeypatch.setattr(worker, "examine", fail)
    monkeypatch.setattr(worker, "ideal", fail)
    monkeypatch.setattr(examiner, "EVERY", 0.0)
    looks: dict[str, set[str]] = {}
    monkeypatch.setattr(
        lab_page.lesson, "lab", lambda name, figures, **_: looks.update({name: {figure.look for figure in figures}})
    )
    app = opened()
    for _ in range(TRIES):
        app.run()
    assert not app.exception
    assert looks["critic-lab-best"] == looks["critic-lab-course"] == {lab_page._FAILED}


@pytest.mark.parametrize(("weight", "slope", "said"), [("10", 0.98, "1.04"), ("0.1", 5.1, "5.00")])
def test_the_balance_that_is_told_is_that_of_the_weight_and_the_measured_slope_beside_it(
    weight: str, slope: float, said: str
) -> None:
    found = critic("penalty", places={"between": Place(np.zeros((9, 2)), np.full(9, slope))})
    text = lab_page.balance({"weight": weight}, ideal(), found)
    assert f"weight {weight} that is {said}" in text and f"slope is {slope:.2f} after 40 steps" in text
    assert ("set the weight to 0.1" in text) == (weight == "10")


@pytest.mark.usefixtures("held_in_this_process")
@pytest.mark.parametrize("data", list(critic_lab.DATA))
def test_a_link_chooses_data_depth_weight_and_critic(data: str) -> None:
    app = opened(data=data, depth="3", weight="1", run="clip-0.01", where="around-real")
    assert not app.exception and not app.warning
    recipes = demonstration(app).comparison.recipes
    assert {recipe.data for recipe in recipes} == {data}
    assert {recipe.critic_depth for recipe in recipes} == {3}
    assert recipes[0].penalty_weight == 1


@pytest.mark.usefixtures("held_in_this_process")
def test_what_a_link_cannot_mean_is_named() -> None:
    app = opened(depth="40", data="moons")
    assert len(app.warning) == 1
    assert "depth" in app.warning[0].value and "data" in app.warning[0].value


@pytest.mark.usefixtures("held_in_this_process")
def test_the_other_runs_train_when_they_are_asked_for() -> None:
    app = opened(depth="2")
    app.button(key="critic-steps.Train these four").click().run()
    assert not app.exception
    assert app.session_state["critic-steps"].playing
