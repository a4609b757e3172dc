"""The Dirac-GAN's page: what is drawn agrees with the eigenvalues, and with finite differences of the field."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from toygan.figures import dirac_formulas
from toygan.figures.arrows import arrows
from toygan.figures.dirac import KNOBS, STEPS, Setting, bare, distances, fate, other, verdict
from toygan.figures.dirac_gallery import figures, groups, motion, resting, steps, table
from toygan.figures.dirac_planes import flow_plane, step_plane, written
from toygan.figures.dirac_run import distance, game, heading, portrait, readings
from toygan.figures.figure import Figure, plain
from toygan.figures.numerals import number
from toygan.figures.style import resolve
from toygan.methods import METHODS
from toygan.recipe import Recipe
from toygan.theory.dirac import field
from toygan.theory.dynamics import UPDATES, advance, continuous_stability, trajectory
from toygan.ui import dirac as page

every_method = pytest.mark.parametrize("method", METHODS)
every_update = pytest.mark.parametrize("update", UPDATES)


def setting(**values: Any) -> Setting:
    return Setting.of({name: knob.default for name, knob in KNOBS.items()} | values)


def all_figures(chosen: Setting) -> list[Figure]:
    return [
        portrait(chosen),
        game(chosen),
        distance(chosen),
        flow_plane(chosen),
        step_plane(chosen),
        *figures(chosen),
    ]


def named(figure: Figure, name: str) -> Any:
    return next(trace for trace in figure.traces if trace["name"] == name)


def corners(function: Any, size: float = 1e-5) -> np.ndarray:
    """A finite-difference Jacobian (2, 2) at rest of a function of theta and psi."""
    columns = [(np.array(function(*(size * e))) - np.array(function(*(-size * e)))) / (2 * size) for e in np.eye(2)]
    return np.stack(columns, axis=1)


def same_values(trace: Any, expected: np.ndarray) -> None:
    found = sorted(zip(np.round(trace["x"], 6), np.round(trace["y"], 6), strict=True))
    wanted = sorted(zip(np.round(expected.real, 6), np.round(expected.imag, 6), strict=True))
    np.testing.assert_allclose(found, wanted, atol=2e-6)


# ---- eigenvalues


@every_method
@pytest.mark.parametrize("noise", [0.0, 0.6])
def test_the_flow_s_eigenvalues_are_those_of_a_finite_difference_jacobian(method: str, noise: float) -> None:
    chosen = setting(method=method, instance_noise=noise, penalty_weight=0.4)
    shown = named(flow_plane(chosen), METHODS[method].label)
    if continuous_stability(chosen.gan()).matrix is None:
        assert len(shown["x"]) == 0
    else:
        same_values(shown, np.linalg.eigvals(corners(lambda theta, psi: field(chosen.gan(), theta, psi))))


@every_update
@pytest.mark.parametrize("critic_steps", [1, 3])
@pytest.mark.parametrize("method", ["r1", "minimax", "wgan-lp", "r3gan"])
def test_a_step_s_eigenvalues_are_those_of_a_finite_difference_jacobian(
    method: str, critic_steps: int, update: str
) -> None:
    chosen = setting(method=method, update=update, critic_steps=critic_steps, learning_rate=0.37)

    def after(theta: float, psi: float) -> Any:
        return advance(chosen.gan(), np.array(theta), np.array(psi), 0.37, critic_steps, update)

    same_values(named(step_plane(chosen), METHODS[method].label), np.linalg.eigvals(corners(after)))


def test_the_way_of_the_eigenvalues_begins_and_ends_at_the_knob_s_bounds() -> None:
    knob = KNOBS["penalty_weight"]
    way = named(flow_plane(setting()), "as the penalty weight grows")
    for weight, part in ((knob.low, slice(2)), (knob.high, slice(-2, None))):
        expected = continuous_stability(setting(penalty_weight=weight).gan()).eigenvalues
        assert expected is not None
        same_values({"x": way["x"][part], "y": way["y"][part]}, expected)


def test_a_method_that_has_no_jacobian_says_so_and_why() -> None:
    figure = flow_plane(setting(method="wgan-gp"))
    assert "jumps" in figure.look
    assert figure.layout["annotations"][0]["text"] == "No Jacobian here"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.array([-0.3 + 0.4j, -0.3 - 0.4j]), "−0.30 ± 0.40 i"),
        (np.array([0.5j, -0.5j]), "± 0.50 i"),
        (np.array([-0.5 + 0j, -0.1 + 0j]), "−0.10, −0.50"),
        (None, "–"),
    ],
)
def test_eigenvalues_are_written_as_one_would_by_hand(values: np.ndarray | None, text: str) -> None:
    assert written(values) == text


# ---- verdicts and runs


@every_update
@pytest.mark.parametrize("noise", [0.0, 0.7])
@every_method
def test_runs_near_rest_end_as_the_verdict_says(method: str, noise: float, update: str) -> None:
    chosen = setting(method=method, update=update, instance_noise=noise, learning_rate=0.25, penalty_weight=0.2)
    gan = chosen.gan()
    said = verdict(gan, chosen.stability(gan))
    away = distances(trajectory(gan, [0.2, 0.1], 0.25, 4000, 1, update))
    late = away[-500:]
    if said == "die out":
        assert late.max() < 1e-3
    elif said == "grow":
        assert late.min() > 1.3 * away[0]
    elif said == "creep in":
        assert 0.02 < late.max() < 0.75 * away[0], "nearer, but by far not as an eigenvalue inside the circle would"
    elif said == "circle":
        assert late.max() == pytest.approx(away[:500].max(), rel=1e-3)
    else:
        assert said == "have no linearisation"
        assert late.max() > 0.2


def test_the_losses_that_bend_creep_in_and_the_others_circle() -> None:
    said = {row.title: row.flow[0] for row in table(setting())}
    assert {title for title, words in said.items() if words == "creep in"} == {"GAN", "LSGAN"}
    assert {title for title, words in said.items() if words == "circle"} == {"Minimax", "Hinge", "WGAN", "WGAN-LP"}


@every_update
@pytest.mark.parametrize("start", [(1.2, 0.8), (0.1, 0.05)])
@every_method
def test_what_is_said_of_a_run_is_what_it_does(method: str, start: tuple[float, float], update: str) -> None:
    chosen = setting(method=method, update=update, theta=start[0], psi=start[1])
    gan = chosen.gan()
    said = fate(gan, chosen.stability(gan), chosen.run(gan))
    places = trajectory(gan, start, chosen.learning_rate, 3000, 1, update)
    away = distances(places)
    if said == "spirals in":
        assert away[-1] < 1e-3 and (np.diff(np.sign(places[:100, 0])) != 0).sum() >= 2
    elif said == "creeps in":
        assert 0.01 < away[-500:].max() < 0.9 * away[0]
    elif said == "comes in to a cycle":
        assert away[-1000:].min() > 0.1 and away[-1000:].max() < away[0]
    elif said == "goes round":
        assert 0.5 * away[0] < away.min() and away.max() < 1.5 * away[0]
    elif said == "goes out":
        assert away[-1000:].mean() > 1.25 * away[0]
    else:
        assert (said, method) == ("runs off", "sngan")


@every_update
def test_spectral_normalisation_leaves_the_point_running_on_at_the_same_speed(update: str) -> None:
    chosen = setting(method="sngan", update=update, theta=-1.0)
    places = chosen.run(chosen.gan())
    np.testing.assert_allclose(np.diff(places[:, 0]), chosen.learning_rate)
    assert fate(chosen.gan(), chosen.stability(chosen.gan()), places) == "runs off"
    assert len(named(portrait(chosen), "equilibrium")["x"]) == 0
    assert "never tips" in game(chosen).look
    still = dataclasses.replace(chosen, psi=0.0)
    assert fate(still.gan(), still.stability(still.gan()), still.run(still.gan())) == "stands still"


def test_the_heading_says_what_both_runs_do() -> None:
    assert heading(setting()) == "R1 spirals in; with nothing added it creeps in"
    assert heading(setting(method="non-saturating", update="simultaneous")) == (
        "GAN comes in to a cycle; with alternating updates it creeps in"
    )


def test_a_number_that_rounds_to_zero_has_no_sign() -> None:
    assert [number(value) for value in (-0.0, -0.004, -0.3, 0.3)] == ["0.00", "0.00", "−0.30", "0.30"]


def test_simultaneous_steps_of_an_unregularised_gan_leave_where_alternating_ones_stay() -> None:
    alternating, simultaneous = (
        distances(chosen.run(chosen.gan()))
        for chosen in (setting(method="minimax", update=update, theta=0.5, psi=0.3) for update in UPDATES[::-1])
    )
    assert simultaneous[-1] > 1.8 * simultaneous[0]
    assert 0.8 < (alternating / alternating[0]).min() < (alternating / alternating[0]).max() < 1.2


def test_r1_comes_to_rest_where_the_same_loss_without_it_does_not() -> None:
    chosen = setting(method="r1", penalty_weight=0.3)
    end = distances(chosen.run(chosen.gan()))[-1]
    assert end < 1e-3
    assert distances(other(chosen).places)[-1] > 0.3


def test_what_is_compared_is_the_loss_alone_or_else_the_other_updates() -> None:
    chosen = setting(method="dragan")
    assert other(chosen).words == "nothing added"
    np.testing.assert_array_equal(other(chosen).places, chosen.run(setting(method="non-saturating").gan()))
    assert other(setting(method="hinge")).words == "simultaneous updates"
    assert other(setting(method="hinge", update="simultaneous")).words == "alternating updates"
    assert bare(setting(method="wgan", instance_noise=0.5).gan()).bound == math.inf


def test_the_predicted_distance_falls_as_the_run_does() -> None:
    figure = distance(setting(theta=0.02, psi=0.01, penalty_weight=0.2))
    run, predicted = (np.log(named(figure, name)["y"]) for name in ("R1", "predicted"))
    slope = [np.polyfit(np.arange(STEPS + 1), curve, 1)[0] for curve in (run, predicted)]
    assert slope[0] == pytest.approx(slope[1], rel=0.03)


def test_the_heading_counts_the_methods_that_converge() -> None:
    assert resting(setting()) == (3, len(METHODS))
    counted, _ = resting(setting(instance_noise=0.8))
    assert counted == 6, "noise calms the three losses that bend; where a penalty pushes to one there is no verdict"


# ---- figures


@every_method
@every_update
def test_every_figure_is_valid_plotly_with_one_entry_a_frame(method: str, update: str) -> None:
    chosen = setting(method=method, update=update, clip=0.3, learning_rate=2.0, critic_steps=2)
    for figure in all_figures(chosen):
        go.Figure(resolve(figure))
        frames = steps(chosen) + 1 if figure.name in {group.name for group in groups()} else STEPS + 1
        for index, attributes in figure.moving.items():
            assert index < len(figure.traces)
            for values in attributes.values():
                assert len(values) == frames
        assert figure.look.endswith(".")


def test_the_link_s_frame_and_the_motion_s_are_the_same_steps() -> None:
    chosen = setting(critic_steps=4)
    assert list(motion(chosen).values) == list(range(steps(chosen) + 1))
    assert [len(reading.value) for reading in readings(chosen) if not isinstance(reading.value, str)] == [STEPS + 1]


@pytest.mark.parametrize("critic_steps", [1, 5])
def test_messages_are_small(critic_steps: int) -> None:
    chosen = setting(critic_steps=critic_steps, instance_noise=0.3)
    for lab in (all_figures(chosen)[:3], all_figures(chosen)[3:5], figures(chosen)):
        data = plain([vars(figure) | {"handles": [vars(handle) for handle in figure.handles]} for figure in lab])
        assert len(json.dumps(data, separators=(",", ":"), allow_nan=False)) < 120_000


def test_every_method_of_the_catalogue_has_a_portrait_and_a_row() -> None:
    assert sorted(key for group in groups() for key in group.methods) == sorted(METHODS)
    titles = [note["text"] for figure in figures(setting()) for note in figure.layout["annotations"]]
    for method in METHODS.values():
        assert sum(f"<b>{method.label}</b>" in title for title in titles) == 1
    assert [row.title for row in table(setting())] == [
        METHODS[key].label for group in groups() for key in group.methods
    ]


def test_a_portrait_s_points_are_the_run_s() -> None:
    chosen = setting(method="minimax", theta=-0.7, psi=1.1)
    figure, places = portrait(chosen), chosen.run(chosen.gan())
    point = figure.moving[len(figure.traces) - 1]
    np.testing.assert_allclose(np.hstack([point["x"], point["y"]]), places, atol=1e-4)
    assert places[0].tolist() == [-0.7, 1.1]


def test_the_start_is_dragged_by_one_handle_both_ways() -> None:
    (handle,) = portrait(setting()).handles
    assert (handle.control, handle.axis, handle.across) == ("theta", "x", "psi")


@pytest.mark.parametrize("method", ["r1", "sngan", "least-squares"])
def test_in_the_game_the_stem_ends_on_the_critic_s_line_at_the_generated_point(method: str) -> None:
    figure = game(setting(method=method))
    left, right = np.array(figure.moving[0]["y"]).T
    x, heights = np.array(figure.moving[3]["x"])[:, 0], np.array(figure.moving[1]["y"])[:, 1]
    ends = figure.traces[0]["x"]
    np.testing.assert_allclose(left + (right - left) * (x - ends[0]) / (ends[1] - ends[0]), heights, atol=1e-3)


def test_arrows_point_along_the_field_and_the_fastest_is_the_longest() -> None:
    x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.zeros(4)
    u, v = np.array([4.0, 0.0, 0.0, np.nan]), np.array([0.0, -1.0, 0.0, 1.0])
    drawn = arrows(x, y, u, v, 0.8)
    tails, tips = (np.stack([drawn["x"][i::6], drawn["y"][i::6]], axis=-1) for i in (0, 1))
    np.testing.assert_allclose(tips - tails, [[0.8, 0], [0, -0.4]], atol=2e-3)
    np.testing.assert_allclose((tips + tails) / 2, [[0, 0], [1, 0]], atol=2e-3)


def test_a_clipped_critic_has_no_arrows_where_it_cannot_be() -> None:
    heights = np.array(portrait(setting(method="wgan", clip=0.5)).traces[0]["y"])
    assert np.nanmax(np.abs(heights)) < 0.75


# ---- formulas


@every_method
def test_the_formula_is_the_field(method: str) -> None:
    gan = setting(method=method, penalty_weight=0.35).gan()
    theta, psi = 0.6, -0.8
    names = {"theta": theta, "psi": psi, "weight": gan.weight}
    for latex, part in zip((dirac_formulas.generator(gan), dirac_formulas.critic(gan)), (0, 1), strict=True):
        assert evaluated(latex, names) == pytest.approx(float(field(gan, theta, psi)[part]), abs=1e-12)


def evaluated(latex: str, names: dict[str, float]) -> float:
    """The right side of one of the page's formulas, read as Python."""
    text = latex.partition("=")[2]
    for words, code in (
        (r"\,\mathrm{sgn}\,\psi", "*sign(psi)"),
        (r"\mathrm{sgn}\,\psi", "sign(psi)"),
        (r"(|\psi| - 1)", "*(abs(psi)-1)"),
        (r"\max(|\psi| - 1, 0)", "*max(abs(psi)-1,0)"),
        (r"\theta\psi", "theta*psi"),
        (r"\tfrac12", "0.5"),
        (r"\,[", "*("),
        ("]", ")"),
        (r"\,\sigma", "*sigma"),
        (r"\psi\,(", "psi*("),
        (r"\theta\,(", "theta*("),
        (r"\lambda\,\psi", "*weight*psi"),
        (r"\lambda\,", "*weight"),
        (r"\theta", "theta"),
        (r"\psi", "psi"),
    ):
        text = text.replace(words, code)
    assert "\\" not in text, text
    functions = {"sigma": lambda t: 1 / (1 + math.exp(-t)), "sign": np.sign, "abs": abs, "max": max}
    return float(eval(text, {"__builtins__": {}}, functions | names))


def test_letters_are_explained_where_they_stand() -> None:
    explained = {method: dirac_formulas.symbols(setting(method=method, clip=0.7).gan()) for method in METHODS}
    assert "sigma" in explained["r1"] and "sigma" not in explained["wgan"]
    assert r"$c = 0.7$" in explained["wgan"]
    assert r"$\lambda = 0.15$" in explained["dragan"] and "lambda" not in explained["hinge"]
    assert "$s = 0.4$" in dirac_formulas.symbols(setting(instance_noise=0.4).gan())


# ---- away from here


def test_the_recipe_takes_along_what_the_method_listens_to() -> None:
    assert setting(penalty_weight=0.7).recipe == Recipe(data="gaussian", method="r1", penalty_weight=0.7)
    assert setting(method="wgan", penalty_weight=0.7).recipe == Recipe(data="gaussian", method="wgan")
    assert setting(critic_steps=4, instance_noise=0.5).recipe == Recipe(
        data="gaussian", method="r1", penalty_weight=0.15, critic_steps=4, instance_noise=0.5
    )


@every_method
def test_every_method_s_recipe_is_one_that_trains(method: str) -> None:
    chosen = dataclasses.replace(setting(critic_steps=5, penalty_weight=10.0, instance_noise=1.5), method=method)
    assert chosen.recipe.method == method


# ---- the page


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(Path(__file__).parents[1] / "pages" / "dirac.py"), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def said(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in [*app.markdown, *app.caption])


def test_the_page_opens_without_complaint_and_with_formulas_table_and_references() -> None:
    app = opened()
    assert not app.exception and not app.warning
    text = said(app)
    for words in ("R1 spirals in", "3 of 12 methods come to rest", r"$$\dot\psi = ", "pmatrix", "arxiv.org/abs/1801"):
        assert words in text
    for method in METHODS.values():
        assert f"<b>{method.label}</b></td>" in text


@every_method
def test_the_page_opens_on_every_method(method: str) -> None:
    app = opened(method=method, update="simultaneous", instance_noise="0.2")
    assert not app.exception and not app.warning
    assert METHODS[method].label in said(app)


@every_method
def test_no_paper_is_listed_twice(method: str) -> None:
    (references,) = [text.value for text in opened(method=method).caption if "Read more" in str(text.value)]
    lines = str(references).split("  \n")
    assert len(lines) == (5 if method == "r1" else 6)
    assert "-0.00" not in said(opened(method=method))


def test_every_method_has_as_many_controls_above_its_portrait(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, list[str]] = {}
    monkeypatch.setattr(
        page.lesson, "lab", lambda key, **parts: shown.setdefault(key, [c.label for c in parts["controls"]])
    )
    labels = {}
    for method in METHODS:
        shown.clear()
        opened(method=method)
        labels[method] = shown["dirac-run"]
    assert {len(names) for names in labels.values()} == {8}
    assert [labels[method][5] for method in ("r1", "wgan", "hinge")] == [
        "Penalty weight",
        "Clipping bound",
        "Penalty (unused)",
    ]


def test_what_is_wrong_with_a_link_is_said() -> None:
    app = opened(method="wgna", penalty_weight="1000", theta="0.5")
    assert "unknown method 'wgna'" in app.warning[0].value
    assert "between 0.01 and 10" in app.warning[0].value
    assert app.session_state["lessons"]["dirac"].values["theta"] == 0.5
