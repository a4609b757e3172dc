"""The page on why modes vanish: its figures against quadrature, fits at rest, identities seen to hold, and the page."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import rel_entr
from streamlit.testing.v1 import AppTest

from toygan.figures import divergences, laws, losses, non_saturating, optimal_critic
from toygan.figures.divergences import GRID, KNOBS, SHOWN, covers, mass, target, trajectories
from toygan.figures.figure import Figure, Handle, Motion, Reading, plain
from toygan.figures.laws import LAWS
from toygan.figures.numerals import numbers, scientific
from toygan.figures.style import resolve
from toygan.figures.walkers import walkers
from toygan.theory import mixtures
from toygan.theory.losses import GENERATOR_LOSSES
from toygan.theory.mixtures import divergence_gradient, mixture

every_law = pytest.mark.parametrize("name", LAWS)

#: Settings besides the defaults: unequal modes, two Gaussians, a start on the other side, ends of ranges.
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "two": {"fitted": "two", "start": -0.6, "left": -1.3, "right": 2.6, "spread": 0.45, "share": 0.35},
    "ends": {"left": -3.5, "right": 0.0, "spread": 1.0, "share": 0.9, "start": 3.0, "real": 4.0, "real-std": 0.3},
    "other": {"real": -2.2, "real-std": 1.7, "fake-std": 0.4, "first": -1.1, "second": 3.2, "width": 1.1},
}
every_setting = pytest.mark.parametrize("chosen", SETTINGS.values(), ids=SETTINGS)


def setting(**values: Any) -> dict[str, Any]:
    return {name: knob.default for name, knob in KNOBS.items()} | values


def labs(values: dict[str, Any]) -> dict[str, tuple[list[Figure], Motion | None, list[Reading]]]:
    return {
        "fits": (divergences.figures(values), divergences.MOTION, divergences.readings(values)),
        "prices": ([laws.price_figure()], None, []),
        "losses": (losses.figures(), losses.MOTION, losses.readings()),
        "critic": (optimal_critic.figures(values), optimal_critic.MOTION, optimal_critic.readings(values)),
        "generator": (non_saturating.figures(values), non_saturating.MOTION, non_saturating.readings(values)),
    }


def named(figures: list[Figure], name: str) -> Figure:
    return next(figure for figure in figures if figure.name == name)


def trace(figure: Figure, name: str) -> Any:
    return next(trace for trace in figure.traces if trace.get("name") == name)


def density(means: list[float], stds: list[float], weights: list[float]) -> Callable[[float], float]:
    """A mixture's density from plain numbers, by nothing of this project."""
    parts = list(zip(means, stds, weights, strict=True))
    return lambda x: sum(w / s / math.sqrt(2 * math.pi) * math.exp(-(((x - m) / s) ** 2) / 2) for m, s, w in parts)


def integral(function: Callable[[float], float]) -> float:
    return float(sum(quad(function, a, a + 1, epsabs=1e-11)[0] for a in range(-12, 12)))


# ---- every figure


@every_setting
def test_every_figure_is_valid_plotly_and_says_what_to_look_at(chosen: dict[str, Any]) -> None:
    figures = [figure for found, _, _ in labs(setting(**chosen)).values() for figure in found]
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        drawn = resolve(figure)
        go.Figure(drawn)
        assert "@" not in json.dumps(drawn)
        assert figure.title and figure.look.endswith(".")


@every_setting
def test_what_moves_has_a_value_in_each_frame(chosen: dict[str, Any]) -> None:
    for figures, motion, readings in labs(setting(**chosen)).values():
        frames = len(motion.values) if motion else 0
        for figure in figures:
            for index, attributes in figure.moving.items():
                for name, values in attributes.items():
                    assert len(values) == frames, f"{figure.name} {name}"
                    assert len(values[0]) == len(figure.traces[index][name])
        for reading in readings:
            assert isinstance(reading.value, str) or len(reading.value) == frames


@every_setting
def test_a_lab_s_message_is_small_and_has_no_number_that_is_none(chosen: dict[str, Any]) -> None:
    for figures, _, readings in labs(setting(**chosen)).values():
        message = plain(
            [[vars(figure) | {"handles": []} for figure in figures], [vars(reading) for reading in readings]]
        )
        assert len(json.dumps(message, allow_nan=False)) < 300_000


@every_setting
def test_motions_and_handles_move_controls_of_their_own_lab(chosen: dict[str, Any]) -> None:
    values = setting(**chosen)
    for subject in (divergences, losses, optimal_critic, non_saturating):
        controls = {control.name: control for control in subject.controls(values)}
        low, high = (bound(subject.MOTION.values) for bound in (min, max))
        moved = controls[subject.MOTION.control]
        assert (moved.low, moved.high) == pytest.approx((low, high))
        figures = subject.figures() if subject is losses else subject.figures(values)
        handles: list[Handle] = [handle for figure in figures for handle in figure.handles]
        assert {handle.control for handle in handles} <= set(controls)
        handled = {name for name, control in controls.items() if control.handled}
        assert handled <= {handle.control for handle in handles}, "what has no slider has a handle"
        for control in controls.values():
            assert control.value == values[control.name]


# ---- fits


@every_law
@every_setting
def test_the_fit_that_is_shown_is_the_density_of_the_descent_s_parameters(chosen: dict[str, Any], name: str) -> None:
    values = setting(**chosen)
    figure = named(divergences.figures(values), f"fit-{name}")
    share = values["share"]
    p = density([values["left"], values["right"]], [values["spread"]] * 2, [share, 1 - share])
    np.testing.assert_allclose(trace(figure, "target p")["y"], [p(x) for x in SHOWN], atol=1e-9)
    way = trajectories(*(values[key] for key in ("left", "right", "spread", "share", "fitted", "start")))[name]
    for frame in (0, 20, -1):
        q = way.parameters[divergences.FRAMES[frame]]
        fitted = density(*(list(part(q)) for part in (mixtures.means, mixtures.stds, mixtures.weights)))
        expected = [fitted(x) for x in SHOWN]
        np.testing.assert_allclose(figure.moving[1]["y"][frame], expected, atol=6e-5)


@pytest.mark.parametrize("start", [-1.5, 0.5, 2.0])
@pytest.mark.parametrize("shape", [(-2.0, 2.0, 0.6, 0.6), (-1.2, 2.5, 0.8, 0.3), (-2.5, 1.0, 0.5, 0.75)])
def test_one_gaussian_under_kl_ends_with_the_target_s_mean_and_variance(
    shape: tuple[float, float, float, float], start: float
) -> None:
    left, right, spread, share = shape
    end = trajectories(*shape, "one", start)["kl"].parameters[-1]
    mean = share * left + (1 - share) * right
    variance = spread**2 + share * (1 - share) * (right - left) ** 2
    assert mixtures.means(end)[0] == pytest.approx(mean, abs=0.02)
    assert mixtures.stds(end)[0] == pytest.approx(math.sqrt(variance), abs=0.02)


@pytest.mark.parametrize("name", ["reverse-kl", "reverse-kl-minus-2-js"])
@pytest.mark.parametrize(("start", "mode"), [(-0.8, -2.5), (0.8, 3.0)])
def test_reverse_kl_and_the_non_saturating_game_end_on_the_mode_they_start_near(
    name: str, start: float, mode: float
) -> None:
    way = trajectories(-2.5, 3.0, 0.5, 0.6, "one", start)[name]
    end = way.parameters[-1]
    assert mixtures.means(end)[0] == pytest.approx(mode, abs=0.02)
    assert mixtures.stds(end)[0] == pytest.approx(0.5, abs=0.02)
    share = 0.6 if mode < 0 else 0.4
    js = (1 - share) / 2 * math.log(2) + (share * math.log(2 * share / (1 + share)) + math.log(2 / (1 + share))) / 2
    less = 0.0 if name == "reverse-kl" else 2 * js
    assert way.values[-1] == pytest.approx(-math.log(share) - less, abs=5e-3)


@every_law
def test_fits_of_one_gaussian_end_where_the_gradient_is_nearly_zero(name: str) -> None:
    steepest = []
    for left, right, spread, share, start in itertools.product(
        (-3.0, -1.2), (1.0, 3.0), (0.4, 0.9), (0.3, 0.6), (-1.0, 0.5, 2.0)
    ):
        end = trajectories(left, right, spread, share, "one", start)[name].parameters[-1]
        gradient = divergence_gradient(name, target(left, right, spread, share), end, GRID)
        steepest.append(np.abs(gradient[:2] * np.array([[spread], [1]])).max())
    assert np.median(steepest) < 2e-3 and max(steepest) < 0.1


@every_law
def test_two_gaussians_from_the_middle_find_the_target(name: str) -> None:
    end = trajectories(-1.8, 2.1, 0.6, 0.6, "two", 0.2)[name].parameters[-1]
    assert mixtures.means(end) == pytest.approx([-1.8, 2.1], abs=0.05)
    assert mixtures.weights(end) == pytest.approx([0.6, 0.4], abs=0.03)


def test_from_where_the_page_begins_kl_covers_and_both_forms_of_reverse_kl_choose_wherever_the_modes_are() -> None:
    start = KNOBS["start"].default
    for left, right, spread, share in itertools.product((-3.5, -2.3, -1.4), (1.4, 2.3, 3.5), (0.3, 0.5), (0.3, 0.6)):
        ends = {
            name: way.parameters[-1] for name, way in trajectories(left, right, spread, share, "one", start).items()
        }
        p = target(left, right, spread, share)
        assert covers(ends["kl"], p).startswith("both modes")
        assert covers(ends["reverse-kl"], p).endswith("mode only")
        assert covers(ends["reverse-kl-minus-2-js"], p).endswith("mode only")


def test_two_gaussians_that_start_beside_one_mode_leave_the_other_out_under_reverse_kl_and_not_under_kl() -> None:
    p = target(-2.0, 2.0, 0.6, 0.6)
    ends = {name: way.parameters[-1] for name, way in trajectories(-2.0, 2.0, 0.6, 0.6, "two", 1.5).items()}
    assert covers(ends["reverse-kl"], p) == "right mode only"
    assert covers(ends["reverse-kl-minus-2-js"], p) == "right mode only"
    assert covers(ends["kl"], p).startswith("both modes")


def test_from_the_very_middle_reverse_kl_can_come_to_rest_across_both_modes_above_its_lowest_value() -> None:
    p = target(-2.0, 2.0, 0.6, 0.6)
    ends = {start: trajectories(-2.0, 2.0, 0.6, 0.6, "one", start)["reverse-kl"] for start in (-0.3, -0.2, 0.3, 0.4)}
    assert {start for start, way in ends.items() if covers(way.parameters[-1], p).startswith("both")} == {-0.2, 0.3}
    assert min(ends[-0.2].values[-1], ends[0.3].values[-1]) > max(ends[-0.3].values[-1], ends[0.4].values[-1])


def test_what_a_fit_covers_is_told_by_its_mass_within_two_standard_deviations_of_each_mode() -> None:
    p = target(-2.0, 2.0, 0.5, 0.6)
    law = stats.norm(-0.4, 2.0)
    off = 1 - (law.cdf(-1) - law.cdf(-3)) - (law.cdf(3) - law.cdf(1))
    assert covers(mixture(-0.4, 2.0), p) == f"both modes, {100 * off:.0f} % off them (p: 5 %)"
    assert covers(mixture(-2.0, 0.5), p) == "left mode only"
    assert covers(mixture(1.8, 0.4), p) == "right mode only"
    assert covers(mixture(0.0, 0.2), p) == "neither mode"
    overlapping = target(-0.3, 0.3, 0.5, 0.5)
    assert covers(mixture(0.0, 1.2), overlapping).endswith("off them (p: 2 %)")


def test_a_perfect_fit_covers_both_modes_without_a_remark() -> None:
    for p in (target(-2.0, 2.0, 0.5, 0.6), target(-0.3, 0.3, 0.5, 0.5)):
        assert covers(p, p) == "both modes"


@every_law
@every_setting
def test_no_descent_ever_goes_up(chosen: dict[str, Any], name: str) -> None:
    for values in (setting(**chosen), setting(**chosen | {"fitted": "two", "start": 1.4})):
        way = trajectories(*(values[key] for key in ("left", "right", "spread", "share", "fitted", "start")))[name]
        assert (np.diff(way.values) <= 0).all() and way.values[-1] < way.values[0]


def test_the_sentence_over_a_fit_says_where_it_ends() -> None:
    middle = {figure.name: figure.look for figure in divergences.figures(setting(share=0.5, start=0.0))}
    assert middle["fit-reverse-kl"].endswith("ends across both modes.")
    beside = {figure.name: figure.look for figure in divergences.figures(setting())}
    assert beside["fit-reverse-kl"].endswith("ends on the right mode alone.")
    assert beside["fit-kl"].endswith("ends across both modes.")


@every_setting
def test_marks_of_the_descents_do_not_crowd(chosen: dict[str, Any]) -> None:
    for values in (setting(**chosen), setting(**chosen | {"fitted": "two"})):
        axis = named(divergences.figures(values), "descent").layout["yaxis"]
        low, high = axis["range"]
        marks = np.log10(axis["tickvals"]) if "tickvals" in axis else np.arange(math.ceil(low), high)
        assert 2 <= np.sum((marks >= low) & (marks <= high)) <= 8


def test_a_mixture_s_mass_is_the_integral_of_its_density() -> None:
    q = mixture([-1.0, 2.0], [0.7, 0.3], [0.2, 0.8])
    expected = quad(density([-1, 2], [0.7, 0.3], [0.2, 0.8]), -0.5, 2.1)[0]
    assert mass(q, -0.5, 2.1) == pytest.approx(expected, rel=1e-8)


def test_the_descents_that_are_drawn_are_the_divergences_at_each_step() -> None:
    figure = named(divergences.figures(setting(left=-1.4, spread=0.7)), "descent")
    ways = trajectories(-1.4, 2.0, 0.7, 0.6, "one", KNOBS["start"].default)
    x = np.linspace(-14, 16, 30_001)
    p = 0.6 * stats.norm(-1.4, 0.7).pdf(x) + 0.4 * stats.norm(2.0, 0.7).pdf(x)
    for step, (name, way) in itertools.product((0, 10, 200), ways.items()):
        q = stats.norm(mixtures.means(way.parameters[step]), mixtures.stds(way.parameters[step])).pdf(x)
        kl, reverse = (np.trapezoid(rel_entr(a, b), x) for a, b in ((p, q), (q, p)))
        js = np.trapezoid(rel_entr(p, (p + q) / 2) + rel_entr(q, (p + q) / 2), x) / 2
        expected = {"kl": kl, "reverse-kl": reverse, "js": js, "reverse-kl-minus-2-js": reverse - 2 * js}[name]
        drawn = trace(figure, LAWS[name].label)
        assert drawn["y"][list(drawn["x"]).index(step)] == pytest.approx(expected, rel=1e-3)


# ---- prices


@every_law
def test_a_price_is_nowhere_negative_and_nothing_where_the_densities_are_equal(name: str) -> None:
    ratio = np.linspace(-12, 12, 241)
    price = laws.price(name, ratio)
    assert price[120] == pytest.approx(0, abs=1e-12)
    assert (np.delete(price, 120) > 0).all()
    assert (np.diff(price[:121]) <= 1e-12).all() and (np.diff(price[120:]) >= -1e-12).all()


@every_law
def test_prices_add_up_to_the_divergence(name: str) -> None:
    p, q = target(-1.0, 1.5, 0.7, 0.3), mixture(0.4, 1.1)
    both = np.exp(mixtures.log_density(p, GRID)), np.exp(mixtures.log_density(q, GRID))
    ratio = -mixtures.optimal_logit(p, q, GRID)
    total = np.sum(laws.price(name, ratio) * (both[0] + both[1])) * (GRID[1] - GRID[0])
    assert total == pytest.approx(float(mixtures.divergence(name, p, q, GRID)), abs=1e-6)


def test_a_mode_that_is_left_out_costs_what_the_page_says() -> None:
    costs = {name: float(laws.price(name, np.array([-30.0]))[0]) for name in LAWS}
    assert costs.pop("kl") > 28
    assert costs == pytest.approx(
        {"reverse-kl": 1, "js": math.log(2) / 2, "reverse-kl-minus-2-js": 1 - math.log(2)}, abs=1e-6
    )


def test_points_that_are_invented_cost_without_bound_under_both_forms_of_reverse_kl_alone() -> None:
    costs = {name: float(laws.price(name, np.array([30.0]))[0]) for name in LAWS}
    assert costs["kl"] == pytest.approx(1, abs=1e-6) and costs["js"] == pytest.approx(math.log(2) / 2, abs=1e-6)
    assert costs["reverse-kl"] > 28
    assert costs["reverse-kl"] - costs["reverse-kl-minus-2-js"] == pytest.approx(math.log(2), abs=1e-6)


# ---- the two losses


def test_losses_and_slopes_that_are_drawn_are_those_of_the_formulas() -> None:
    figures = losses.figures()
    t = np.asarray(named(figures, "loss-by-logit").traces[0]["x"])
    d = 1 / (1 + np.exp(-t))
    expected = {
        "loss-by-logit": (t, np.log(1 - d), -np.log(d)),
        "slope-by-logit": (t, -d, -(1 - d)),
        "loss-by-probability": (d, np.log(1 - d), -np.log(d)),
        "slope-by-probability": (d, -1 / (1 - d), -1 / d),
    }
    for name, (x, *curves) in expected.items():
        for drawn, y in zip(named(figures, name).traces, curves, strict=False):
            np.testing.assert_allclose(drawn["x"], x)
            np.testing.assert_allclose(drawn["y"], y, rtol=1e-9, atol=1e-12)


def test_where_the_critic_is_sure_the_minimax_slope_is_gone_and_the_other_is_not() -> None:
    first = {reading.label: reading.value[0] for reading in losses.readings()}
    assert first["D"] == "0.002"
    assert first["Slope of log(1 − D)"] == "−0.002" and first["Slope of −log D"] == "−0.998"
    assert first["−log D pulls"] == "403 times as hard"


def test_dots_stand_on_their_curves_in_every_frame() -> None:
    for figures, _, _ in labs(setting(**SETTINGS["other"])).values():
        for figure in figures:
            for index, moving in figure.moving.items():
                if figure.traces[index].get("name") != "now" or figure.name == "descent":
                    continue
                lines = [drawn for drawn in figure.traces if drawn["mode"] == "lines"][: len(moving["x"][0])]
                for places, heights in zip(moving["x"], moving["y"], strict=True):
                    for drawn, x, y in zip(lines, places, heights, strict=True):
                        assert np.interp(x, drawn["x"], drawn["y"]) == pytest.approx(y, abs=1e-9), figure.name


# ---- the best critic


@pytest.mark.parametrize(
    ("fitted", "words"),
    [
        ("one", r"mean −?\d\.\d\d, width \d\.\d\d"),
        ("two", r"\d+ % mean −?\d\.\d\d, width \d\.\d\d; \d+ % mean −?\d\.\d\d, width \d\.\d\d"),
    ],
)
def test_readings_say_that_they_are_the_fit_s_mean_and_width(fitted: str, words: str) -> None:
    for reading in divergences.readings(setting(fitted=fitted)):
        assert all(re.fullmatch(words, value) for value in reading.value)
        assert "q" in reading.help


@pytest.mark.parametrize("chosen", [(0.7, 0.9, 0.5), (-2.0, 0.3, 1.6), (4.0, 2.0, 0.3)])
def test_the_value_of_the_game_is_two_js_less_two_log_two(chosen: tuple[float, float, float]) -> None:
    value, shannon, _ = optimal_critic.sweep(*chosen)
    np.testing.assert_allclose(value, shannon, atol=2e-5)
    assert value.min() >= -2 * math.log(2) - 1e-9 and value.max() <= 1e-9


def test_the_value_of_the_game_is_its_integral() -> None:
    value, _, _ = optimal_critic.sweep(0.7, 0.9, 0.5)
    for index in (10, 40, 52):
        p, q = density([0.7], [0.9], [1]), density([optimal_critic.CENTRES[index]], [0.5], [1])

        def won(x: float, p: Callable[[float], float] = p, q: Callable[[float], float] = q) -> float:
            both = p(x) + q(x)
            return sum(part * math.log(part / both) for part in (p(x), q(x)) if part > 1e-300)

        assert value[index] == pytest.approx(integral(won), abs=1e-8)


def test_the_critic_that_is_drawn_is_p_over_p_plus_q() -> None:
    values = setting(real=0.7, **{"real-std": 0.9, "fake-std": 0.5})
    figures = optimal_critic.figures(values)
    frame = 33
    p = stats.norm(0.7, 0.9).pdf(SHOWN)
    q = stats.norm(optimal_critic.CENTRES[frame], 0.5).pdf(SHOWN)
    np.testing.assert_allclose(named(figures, "two-densities").moving[1]["y"][frame], q, atol=6e-5)
    np.testing.assert_allclose(named(figures, "optimal-critic").moving[1]["y"][frame], p / (p + q), atol=6e-5)


# ---- what the non-saturating generator follows


@pytest.mark.parametrize("chosen", [(-2.0, 2.0, 0.6), (-1.1, 3.2, 1.1), (-3.5, 0.0, 0.3)])
def test_the_slope_with_the_critic_held_is_that_of_reverse_kl_less_two_js(chosen: tuple[float, float, float]) -> None:
    found = non_saturating.sweep(*chosen)
    for game, (name, times) in non_saturating.FOLLOWED.items():
        np.testing.assert_allclose(found.seen[game], times * found.slopes[name], rtol=1e-9, atol=1e-9)


def test_slopes_are_finite_differences_of_the_divergences_and_of_the_loss_with_the_critic_held() -> None:
    first, second, width, h = -1.1, 2.4, 0.8, 1e-4
    found, p = non_saturating.sweep(first, second, width), target(first, second, 0.6, 0.6)
    loss = GENERATOR_LOSSES[laws.NON_SATURATING]
    for index in (20, 41, 66):
        place = non_saturating.PLACES[index]
        ends = [mixture(place + shift, width) for shift in (-h, h)]
        logit = mixtures.optimal_logit(p, mixture(place, width), GRID)
        held = [np.sum(np.exp(mixtures.log_density(q, GRID)) * loss.of_logit(logit)) * 0.1 for q in ends]
        assert found.seen[laws.NON_SATURATING][index] == pytest.approx(
            (held[1] - held[0]) / (2 * h), rel=1e-5, abs=1e-7
        )
        for name in LAWS:
            values = [float(mixtures.divergence(name, p, q, GRID)) for q in ends]
            assert found.slopes[name][index] == pytest.approx((values[1] - values[0]) / (2 * h), rel=1e-5, abs=1e-7)


def test_the_loss_with_the_critic_held_touches_the_divergence_at_the_dot() -> None:
    figure = named(non_saturating.figures(setting(**SETTINGS["other"])), "critic-held")
    curve, held, dot = figure.traces[0], figure.moving[1], figure.moving[2]
    for frame in range(5, 86, 10):
        x, y = np.array(held["x"][frame]), np.array(held["y"][frame])
        middle = len(x) // 2
        assert (x[middle], y[middle]) == pytest.approx((dot["x"][frame][0], dot["y"][frame][0]))
        slope = np.gradient(curve["y"], curve["x"])[frame]
        assert np.gradient(y, x)[middle] == pytest.approx(slope, abs=0.05 + 0.05 * abs(slope))


# ---- what is shared


def test_walkers_stand_at_each_place_on_each_curve() -> None:
    dot, moving = walkers(np.array([0.0, 1.0]), np.array([[2.0, 3.0], [4.0, 5.0]]), ["red", "blue"])
    assert moving == {"x": [[0, 0], [1, 1]], "y": [[2, 3], [4, 5]]}
    assert dot["x"] == [0, 0] and list(dot["y"]) == [2, 3] and dot["marker"]["color"] == ["red", "blue"]


def test_powers_of_ten_are_raised() -> None:
    known = {2.5e-5: "2.5·10⁻⁵", -3e17: "−3.0·10¹⁷", 0.0: "0", math.nan: "unknown"}
    assert [scientific(value) for value in known] == list(known.values())


def test_numbers_have_a_true_minus_sign() -> None:
    assert numbers(np.array([-0.25, 1.0, -0.04]), 1) == ["−0.2", "1.0", "0.0"]


# ---- the page


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(Path(__file__).parents[1] / "pages" / "divergences.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def test_the_page_opens_with_its_claims_formulas_and_references(in_this_process: None) -> None:
    app = opened()
    assert not app.exception and not app.warning
    text = "\n".join(str(element.value) for element in [*app.markdown, *app.caption])
    for words in ("KL covers every mode", "nearly free", r"\mathrm{JS}(p, q) - 2 \log 2", "theorem 2.5", "hops"):
        assert words in text
    for paper in ("1406.2661", "1606.00709", "1701.04862", "1611.02163"):
        assert f"arxiv.org/abs/{paper}" in text
    labels = [button.label for button in app.button]
    games = [f"Train a {game} GAN on two equal Gaussians" for game in ("non-saturating", "minimax")]
    assert [label for label in labels if "Train" in label] == [*games, "Train the ring that hops"]


def test_a_link_sets_the_page_and_what_is_wrong_with_it_is_said(in_this_process: None) -> None:
    app = opened(left="-1.5", fitted="two", spread="9", wing="3")
    assert not app.exception
    values = app.session_state["lessons"]["divergences"].values
    assert (values["left"], values["fitted"], values["spread"]) == (-1.5, "two", 0.6)
    assert "between 0.3 and 1" in app.warning[0].value and "wing" in app.warning[0].value


def test_every_corner_of_the_knobs_opens(in_this_process: None) -> None:
    for side in ("low", "high"):
        corner = {name: str(getattr(knob, side)) for name, knob in KNOBS.items() if knob.kind != "choice"}
        app = opened(**corner)
        assert not app.exception and not app.warning
