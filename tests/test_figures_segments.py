"""The Segments page: what its figures show equals independent numerics, and what it says of live training is so."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from toygan import worker
from toygan.asked import TRIES
from toygan.comparison_presets import COMPARISON_PRESETS
from toygan.figures import gaussian_line, instance_noise, segments
from toygan.figures.figure import Figure, Motion, Reading, plain
from toygan.figures.segments import KNOBS, THETAS
from toygan.figures.style import resolve
from toygan.recipe import Recipe
from toygan.training import advance, initial_state
from toygan.ui import segments as page
from toygan.ui import server

APP = Path(__file__).resolve().parents[1] / "app.py"
DEFAULTS = {name: knob.default for name, knob in KNOBS.items()}
LOG_2 = math.log(2)

#: Samples' distances, near enough for what is drawn.
FOUND = segments.measured(np.abs(segments.MEASURED).tolist())

LABS: dict[str, tuple[Sequence[Figure], Motion, Sequence[Reading], Sequence[Any]]] = {
    "segments": (segments.figures(FOUND), segments.MOTION, segments.readings(), segments.controls(DEFAULTS)),
    "gaussians": (
        gaussian_line.figures(0.7, 1.3),
        gaussian_line.MOTION,
        gaussian_line.readings(0.7, 1.3),
        gaussian_line.controls(DEFAULTS),
    ),
    "noise": (
        instance_noise.figures(0.8),
        instance_noise.NOISE_MOTION,
        instance_noise.readings(0.8),
        instance_noise.controls(DEFAULTS),
    ),
    "annealing": (
        instance_noise.annealing_figures(0.4, 30),
        instance_noise.STEP_MOTION,
        instance_noise.annealing_readings(0.4, 30),
        instance_noise.annealing_controls(DEFAULTS),
    ),
}

every_lab = pytest.mark.parametrize("lab", LABS)
FRAMES = pytest.mark.parametrize("frame", [3, 27, 40, 41, 70])


def trace(figure: Figure, name: str) -> dict[str, Any]:
    """The one trace of that name, as short JSON."""
    (found,) = [entry for entry in figure.traces if entry["name"] == name]
    return dict(plain(found))


def shown(figure: Figure, name: str, frame: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of a trace in a frame."""
    (index,) = [index for index, entry in enumerate(figure.traces) if entry["name"] == name]
    moving: Mapping[str, Sequence[Any]] = figure.moving.get(index, {})
    x, y = (moving[axis][frame] if axis in moving else figure.traces[index][axis] for axis in ("x", "y"))
    return np.asarray(x, dtype=float), np.asarray(y, dtype=float)


def density(x: np.ndarray, mean: float, std: float) -> np.ndarray:
    return np.exp(-(((x - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))


def js_by_sums(m1: float, s1: float, m2: float, s2: float) -> float:
    """JS of two Gaussians by a plain sum over a fine grid."""
    x = np.linspace(min(m1 - 12 * s1, m2 - 12 * s2), max(m1 + 12 * s1, m2 + 12 * s2), 40_001)
    p, q = density(x, m1, s1), density(x, m2, s2)
    middle = np.maximum((p + q) / 2, 1e-300)
    terms = [part * np.log(np.maximum(part, 1e-300) / middle) for part in (p, q)]
    return float(sum(terms).sum() * (x[1] - x[0]) / 2)


# ---- every figure


@every_lab
def test_every_figure_is_valid_plotly_and_short(lab: str) -> None:
    figures, *_ = LABS[lab]
    for figure in figures:
        drawn = go.Figure(resolve(figure))
        assert len(drawn.data) == len(figure.traces)
        assert figure.look.endswith(".") and figure.title
    assert len(json.dumps([plain(vars(figure) | {"handles": ()}) for figure in figures])) < 300_000


@every_lab
def test_what_moves_has_an_entry_for_each_frame(lab: str) -> None:
    figures, motion, readings, _ = LABS[lab]
    moving = [values for figure in figures for attributes in figure.moving.values() for values in attributes.values()]
    assert moving
    assert {len(values) for values in moving} == {len(motion.values)}
    assert {len(reading.value) for reading in readings} == {len(motion.values)}


@every_lab
def test_every_frame_of_a_motion_is_a_value_that_its_knob_takes(lab: str) -> None:
    _, motion, _, controls = LABS[lab]
    knob = KNOBS[motion.control]
    assert [knob.read(motion.control, value) for value in motion.values] == list(motion.values)
    assert motion.control in [control.name for control in controls]


def test_no_two_figures_have_the_same_name() -> None:
    names = [figure.name for figures, *_ in LABS.values() for figure in figures]
    assert len(names) == len(set(names))


# ---- two segments


@FRAMES
def test_the_shown_plan_costs_what_w1_says(frame: int) -> None:
    plane = segments.plane()
    x, y = shown(plane, "Optimal plan", frame)
    starts, ends = (np.column_stack((x, y))[place::3] for place in (0, 1))
    lengths = np.hypot(*(ends - starts).T)
    np.testing.assert_allclose(lengths, abs(THETAS[frame]), atol=1e-12)
    np.testing.assert_array_equal(shown(plane, "Generated", frame)[0], THETAS[frame])
    assert set(shown(plane, "Real", frame)[0]) == {0.0}


def test_w1_is_the_distance_js_a_constant_and_kl_at_the_top_edge_except_at_zero() -> None:
    figure = segments.divergences(None)
    for name, law in (("W₁", np.abs), ("JS", lambda x: np.full_like(x, LOG_2)), ("KL = ∞", lambda x: x * 0 + 2.3)):
        x, y = shown(figure, name, 0)
        there = ~np.isnan(x)
        assert there.sum() == 42 and (x[there] != 0).all()
        np.testing.assert_allclose(y[there], law(x[there]), atol=1e-9)
    at_zero = [shown(figure, f"{name} now", 40)[1][0] for name in ("w1", "js", "kl")]
    assert at_zero == [0, 0, 0]
    assert trace(figure, "KL = ∞")["hovertemplate"] == "KL = ∞"


def test_gradients_are_exactly_one_in_size_through_f_and_exactly_zero_through_the_best_critic() -> None:
    figure = segments.gradients()
    x, w1 = shown(figure, "through f", 0)
    assert (np.abs(x) > 0).all() and w1.tolist() == np.sign(x).tolist()
    _, minimax = shown(figure, "through D*", 0)
    assert minimax.tolist() == [0.0] * len(minimax)
    for name, sizes in (("dW₁/dθ", {-1.0, 1.0}), ("dJS/dθ", {0.0})):
        x, y = shown(figure, name, 0)
        assert set(y[~np.isnan(x)]) == sizes


@FRAMES
def test_the_shown_critic_is_flat_where_the_generated_points_are_and_the_potential_is_not(frame: int) -> None:
    figure, theta = segments.critics(), THETAS[frame]
    x, best = shown(figure, "D*", frame)
    assert (np.diff(x) >= 0).all()
    if theta:
        # The curve as it is drawn, by lines from bend to bend.
        at = np.interp([theta - 0.02 * abs(theta), theta + 0.02 * abs(theta), 0.0], x, best)
        assert at.tolist() == [0.0, 0.0, 1.0]
    else:
        assert set(best) == {0.5}
    ends, heights = shown(figure, "Potential f", frame)
    slope = (heights[1] - heights[0]) / (ends[1] - ends[0])
    assert slope == -np.sign(theta)
    real, fake = np.interp([0.0, theta], ends, heights)
    assert real - fake == pytest.approx(abs(theta), abs=1e-12)


def test_samples_agree_with_the_closed_forms() -> None:
    distances = worker.distances(segments.clouds())
    found = segments.measured(distances)
    # Independent heights cost a little sideways, the less the farther the segments are apart.
    assert np.abs(np.array(found.w1) - np.abs(found.theta)).max() < 0.06
    apart = np.array(found.theta) != 0
    np.testing.assert_allclose(np.array(found.js)[apart], LOG_2)
    assert 0 <= found.js[4] < 0.02
    figure = segments.divergences(found)
    assert trace(figure, "W₁, samples")["y"] == plain(distances)
    assert "W₁, samples" not in [entry["name"] for entry in segments.divergences(None).traces]


def test_readings_say_what_the_figures_show() -> None:
    said = {reading.label: reading.value for reading in segments.readings()}
    assert [said[label][0] for label in ("θ", "W₁", "dW₁/dθ", "JS", "dJS/dθ", "KL")] == [
        "−2.00",
        "2.00",
        "−1",
        "log 2 = 0.69",
        "0",
        "∞",
    ]
    assert [said[label][40] for label in ("θ", "W₁", "dW₁/dθ", "JS", "dJS/dθ", "KL")] == [
        "0.00",
        "0.00",
        "none",
        "0",
        "none",
        "0",
    ]


# ---- two Gaussians


@pytest.mark.parametrize(("real_std", "fake_std"), [(1.0, 1.0), (0.45, 0.45), (0.6, 1.7)])
def test_the_divergences_of_two_gaussians_equal_sums_and_sampling(real_std: float, fake_std: float) -> None:
    figure = gaussian_line.divergences(real_std, fake_std)
    z = np.random.default_rng(5).standard_normal(400_000)
    for frame in (11, 48, 61):
        d = gaussian_line.DISTANCES[frame]
        now = {name: shown(figure, f"{name} now", frame)[1][0] for name in ("W₁", "JS", "KL(p ‖ q)", "KL(q ‖ p)")}
        assert now["JS"] == pytest.approx(js_by_sums(0, real_std, d, fake_std), abs=1e-9)
        # On the line points keep their order.
        assert now["W₁"] == pytest.approx(np.abs(d + (fake_std - real_std) * z).mean(), abs=0.01)
        x = np.linspace(-30, 30, 60_001)
        p, q = (np.maximum(density(x, *law), 1e-300) for law in ((0, real_std), (d, fake_std)))
        for name, (first, second) in {"KL(p ‖ q)": (p, q), "KL(q ‖ p)": (q, p)}.items():
            exact = ((first > 1e-290) * first * np.log(first / second)).sum() * (x[1] - x[0])
            assert now[name] == pytest.approx(exact, rel=1e-3)


def test_between_equal_widths_w1_is_the_distance_and_pulls_with_one() -> None:
    x, y = shown(gaussian_line.divergences(1.3, 1.3), "W₁", 0)
    np.testing.assert_allclose(y, np.abs(x), atol=1e-12)
    x, size = shown(gaussian_line.gradients(1.3, 1.3), "W₁", 0)
    assert set(size[x != 0]) == {1.0}


@pytest.mark.parametrize("std", [0.5, 1.0])
def test_the_pull_of_js_fades_like_the_curve_beside_it(std: float) -> None:
    figure = gaussian_line.gradients(std, std)
    d, size = shown(figure, "JS", 0)
    _, fading = shown(figure, "exp(−d² / 2(s₁ + s₂)²)", 0)
    np.testing.assert_allclose(fading, np.exp(-(d**2) / (8 * std**2)))
    far = (d > 4 * std) & ~np.isnan(size)
    ratio = size[far] / fading[far]
    assert 0.4 / std < ratio.min() and ratio.max() < 0.7 / std


def test_the_shown_pull_of_js_is_the_slope_of_the_shown_js() -> None:
    d, js = shown(gaussian_line.divergences(0.8, 1.4), "JS", 0)
    _, size = shown(gaussian_line.gradients(0.8, 1.4), "JS", 0)
    np.testing.assert_allclose(np.nan_to_num(size)[1:-1], np.abs(js[2:] - js[:-2]) / (d[2] - d[0]), atol=4e-3)


@FRAMES
def test_the_gaussian_that_moves_and_the_critic_below_it_stand_where_the_slider_says(frame: int) -> None:
    figure = gaussian_line.densities(0.9, 0.5)
    distance = gaussian_line.MOTION.values[frame]
    x, q = shown(figure, "q, generated", frame)
    assert x[q.argmax()] == pytest.approx(distance, abs=1e-9)
    np.testing.assert_allclose(q, density(x, distance, 0.5))
    x, best = shown(figure, "D* = p / (p + q)", frame)
    sure = np.abs(x) < 3
    p, q = density(x[sure], 0, 0.9), density(x[sure], distance, 0.5)
    np.testing.assert_allclose(best[sure], p / (p + q), atol=1e-9)


def test_small_numbers_have_a_power_of_ten_and_no_letter() -> None:
    slopes = next(reading for reading in gaussian_line.readings(0.45, 0.45) if reading.label == "∂JS/∂d").value
    assert not any("e" in text for text in slopes)
    assert any(re.fullmatch(r"−[1-9]·10⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+", text) for text in slopes)
    assert "0.0000" not in [text.lstrip("−") for text in slopes if text != "0.0000"]


# ---- noise


def test_the_noise_is_read_off_as_its_slider_says_it() -> None:
    (said,) = [reading.value for reading in instance_noise.readings(1.0) if reading.label == "σ"]
    assert [float(text) for text in said] == list(instance_noise.NOISE_MOTION.values)


def test_the_narrowest_valley_is_drawn_finely_enough() -> None:
    x, y = shown(instance_noise.against_distance(0.7), "this σ", 0)
    sigma = instance_noise.NOISES[0]
    middles = (x[1:] + x[:-1]) / 2
    exact = [js_by_sums(0, sigma, place, sigma) for place in middles]
    np.testing.assert_allclose(np.interp(middles, x, y), exact, atol=0.01)


@FRAMES
def test_js_under_noise_is_that_of_the_two_bells(frame: int) -> None:
    frame = min(frame, len(instance_noise.NOISES) - 1)
    sigma = instance_noise.NOISES[frame]
    expected = js_by_sums(0, sigma, 0.7, sigma)
    assert shown(instance_noise.against_noise(0.7), "JS now", frame)[1][0] == pytest.approx(expected, abs=1e-8)
    assert shown(instance_noise.against_distance(0.7), "θ", frame)[1][0] == pytest.approx(expected, abs=1e-8)
    x, y = shown(instance_noise.against_distance(0.7), "this σ", frame)
    # Between the places that are drawn the curve is straight.
    assert np.interp(0.7, x, y) == pytest.approx(expected, abs=0.02)


def test_the_sentence_names_the_noise_that_pulls_hardest() -> None:
    apart = 1.4
    figure = instance_noise.against_noise(apart)
    sigma, slope = shown(figure, "dJS/dθ", 0)
    h = 1e-4
    rise = [(js_by_sums(0, s, apart + h, s) - js_by_sums(0, s, apart - h, s)) / (2 * h) for s in sigma[20:]]
    np.testing.assert_allclose(slope[20:], rise, atol=1e-5)
    assert f"σ = {sigma[20:][int(np.argmax(rise))]:.2f}." in figure.look


def test_without_noise_and_with_too_little_nothing_moves() -> None:
    figure = instance_noise.descents(0.4, 30)
    assert set(shown(figure, "No noise", 0)[1]) == {1.0}
    assert shown(figure, "Little noise, σ = 0.1", 0)[1].min() > 0.99


def test_a_descent_goes_down_the_slope_of_js() -> None:
    noises, places = instance_noise.ways(0.6, 40)["Annealed noise"]
    np.testing.assert_allclose(noises, 0.6 * np.maximum(0, 1 - np.arange(len(noises)) / 40))
    h = 1e-4
    for step in (0, 13, 31):
        sigma, theta = noises[step], places[step]
        slope = (js_by_sums(0, sigma, theta + h, sigma) - js_by_sums(0, sigma, theta - h, sigma)) / (2 * h)
        moved = instance_noise.RATE * sigma**2 * slope
        assert places[step + 1] == pytest.approx(theta - moved, abs=1e-6)


@pytest.mark.parametrize(("start", "steps", "word"), [(0.5, 60, "brings it home"), (0.5, 10, "stranded at θ = 0.77")])
def test_annealing_too_fast_leaves_the_segment_on_its_way_and_the_sentence_says_so(
    start: float, steps: int, word: str
) -> None:
    figure = instance_noise.descents(start, steps)
    assert word in figure.look
    _, places = shown(figure, "Annealed noise", 0)
    assert (places[-1] < 0.05) == ("home" in word)
    _, same = shown(figure, "Same noise throughout", 0)
    assert same[-1] < 0.05


# ---- live


def trained(recipe: Recipe, steps: int) -> np.ndarray:
    """Theta of three seeds, (steps, 3)."""
    state, thetas = initial_state(recipe, [0, 1, 2]), []
    for _ in range(steps // 5):
        state, _ = advance(recipe, state, 5)
        thetas.append(state.generator[:, 0])
    return np.array(thetas)


def recipe_of(method: str, **values: Any) -> Recipe:
    (found,) = [r for r in page.comparison({**DEFAULTS, **values}).recipes if r.method == method]
    return found


def test_the_live_runs_differ_in_their_method_alone() -> None:
    recipes = page.comparison(DEFAULTS).recipes
    assert recipes == COMPARISON_PRESETS["segments"].comparison.recipes
    assert len({json.dumps({**recipe.to_json(), "method": ""}) for recipe in recipes}) == 1
    assert {recipe.generator for recipe in recipes} == {"line"} and {recipe.optimizer for recipe in recipes} == {"sgd"}


@pytest.mark.slow
def test_the_minimax_generator_stays_and_the_wasserstein_ones_come_home_for_three_seeds() -> None:
    # What the page says: within 0.07 from step 100 on, with the noise that it proposes too.
    assert trained(recipe_of("minimax"), 150).min() > 0.95
    for method in ("wgan", "wgan-gp"):
        thetas = np.abs(trained(recipe_of(method), 150))
        assert thetas[:4].min() > 0.5, "at an even pace, not at once"
        assert thetas[-11:].max() < 0.07
        assert np.abs(trained(recipe_of(method, **{"live-noise": 0.3}), 150))[-11:].max() < 0.07


@pytest.mark.slow
def test_the_non_saturating_generator_is_there_first_and_overshoots() -> None:
    thetas = trained(recipe_of("non-saturating"), 150)
    assert (np.abs(thetas[:5]).min(axis=0) < 0.1).all()
    assert (thetas.min(axis=0) < 0).all()
    assert (np.abs(thetas[-10:]).max(axis=0) > 0.3).all(), "to the end"


@pytest.mark.slow
def test_enough_noise_brings_the_minimax_generator_home_and_a_little_does_not() -> None:
    for method in ("minimax", "non-saturating"):
        assert np.abs(trained(recipe_of(method, **{"live-noise": 0.3}), 120)[-5:]).max() < 0.1
    assert trained(recipe_of("minimax", **{"live-noise": 0.2}), 100)[-1].min() > 0.8


@pytest.mark.slow
def test_adam_does_not_save_the_minimax_generator_here() -> None:
    thetas = trained(recipe_of("minimax", optimizer="adam"), 100)
    assert thetas.min() > 0.9
    np.testing.assert_allclose(thetas[-1], thetas[9], atol=1e-3)


# ---- the page


@pytest.fixture
def briefly_in_this_process(in_this_process: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Critics with less to do: the page waits for them here."""
    monkeypatch.setattr(page, "_GOAL", 2)
    monkeypatch.setattr(page, "_KEYFRAMES", 1)


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=60).run()
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page("pages/segments.py").run()


@pytest.mark.usefixtures("briefly_in_this_process")
class TestThePage:
    def test_it_opens_without_complaint_and_each_section_is_a_claim(self) -> None:
        app = opened()
        assert not app.exception and not app.warning
        claims = [text.value.split("\n")[0] for text in app.markdown if text.value.startswith("### ")]
        assert len(claims) == 5 and any("W₁ grows" in claim for claim in claims)
        for number in ("1701.07875", "1701.04862", "1610.04490", "1406.2661"):
            assert any(f"https://arxiv.org/abs/{number}" in text.value for text in app.caption), number

    def test_the_samples_are_measured_by_a_worker_once_a_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = []
        monkeypatch.setattr(worker, "distances", lambda pairs: asked.append(pairs) or [1.0] * len(pairs))
        app = opened()
        app.run()
        assert len(asked) == 1 and asked[0] == segments.clouds()

    def test_where_the_samples_cannot_be_measured_it_says_so_and_stops_waiting(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        def fail(pairs: Any) -> None:
            asked.append(pairs)
            raise MemoryError("out of memory")

        monkeypatch.setattr(worker, "distances", fail)
        app = opened()
        for _ in range(4):
            app.run()
        assert len(asked) == TRIES
        assert any("could not be measured" in text.value for text in app.caption)

    def test_a_measurement_that_fails_leaves_the_figure_without_marks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing(pairs: Any) -> list[float]:
            raise RuntimeError("the solver gave up")

        monkeypatch.setattr(worker, "distances", failing)
        assert not opened().exception

    def test_a_link_sets_what_it_names_and_says_what_it_cannot(self) -> None:
        app = opened(theta="-1.5", **{"live-noise": "0.3", "fake-std": "9"})
        assert not app.exception
        assert app.session_state["lessons"]["segments"].values["theta"] == -1.5
        assert all(recipe.instance_noise == 0.3 for recipe in app.session_state["live.segments"].comparison.recipes)
        assert "fake-std must be between 0.3 and 2" in app.warning[0].value

    def test_the_chosen_run_is_taken_to_train(self, monkeypatch: pytest.MonkeyPatch) -> None:
        app = opened(optimizer="adam")
        # It begins the script again in every test run, which loses a click.
        monkeypatch.setattr(server, "enter", lambda: None)
        switched: list[str] = []
        monkeypatch.setattr(st, "switch_page", lambda name, **query: switched.append(name))
        (which,) = [widget for widget in app.button_group if widget.label == "Which run"]
        which.set_value(3).run()
        (button,) = [widget for widget in app.button if widget.label == "Take this to Train"]
        button.click().run()
        assert not app.exception
        assert switched == ["pages/train.py"]
        assert app.session_state["viewer"].recipe == recipe_of("wgan-gp", optimizer="adam")
