"""Live training on a page of text: what its calls make of runs and charts, without a browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.test_pages import button
from toygan.comparison import Comparison
from toygan.demonstration import Demonstration
from toygan.figures.chart import Chart
from toygan.ui import live

pytestmark = pytest.mark.usefixtures("in_this_process")

LOOK = "Look here."


def page(methods: tuple[str, ...] = ("wgan",), goal: int = 3) -> None:
    from toygan.comparison import Comparison
    from toygan.figures.chart import Chart
    from toygan.ui import channel, live

    small = dict.fromkeys(("generator_width", "critic_width", "batch"), "8")
    runs = live.session("text", Comparison.of_methods(methods, small), goal)
    live.panels(runs, "Two runs", height=200)
    live.charts(runs, [Chart("w1", "Distance", "Look here.", metric="w1", floor=True)])
    channel.feed()


def demonstration(app: AppTest) -> Demonstration:
    assert not app.exception
    found = app.session_state["live.text"]
    assert isinstance(found, Demonstration)
    return found


def test_the_page_opens_with_its_runs_on_the_way() -> None:
    app = AppTest.from_function(page, default_timeout=60, kwargs={"goal": 500}).run()
    assert demonstration(app).playing and button(app, "Pause")


def test_at_its_end_a_run_can_be_seen_again() -> None:
    app = AppTest.from_function(page, default_timeout=60).run()
    for _ in range(30):
        if demonstration(app).ended:
            break
        app.run()
    again = button(app.run(), "Again")
    again.click().run()
    assert demonstration(app).reading > 0 and not demonstration(app).held


def test_a_reader_holds_the_runs_and_other_runs_are_held_too() -> None:
    app = AppTest.from_function(page, default_timeout=60, kwargs={"goal": 500}).run()
    button(app, "Pause").click().run()
    assert not demonstration(app).playing
    changed = AppTest.from_function(page, default_timeout=60, kwargs={"methods": ("wgan-gp",), "goal": 500})
    changed.session_state["live.text"] = demonstration(app)
    changed.run()
    assert demonstration(changed).comparison.titles == ("WGAN-GP",)
    assert not demonstration(changed).playing and button(changed, "Train")


def test_an_occupancy_is_drawn_for_each_run_and_a_line_chart_once() -> None:
    two = Comparison.of_methods(("wgan", "wgan-gp"), {"data": "grid25"})
    charts = live._drawn(Chart("modes", "Modes", LOOK, kind="occupancy"), two)
    assert [(chart["name"], chart["title"], chart["run"]) for chart in charts] == [
        ("modes-0", "Modes: WGAN", 0),
        ("modes-1", "Modes: WGAN-GP", 1),
    ]
    assert {(chart["bins"], chart["bin"]) for chart in charts} == {(25, "mode")}
    assert len(live._drawn(Chart("w1", "Distance", LOOK, metric="w1"), two)) == 1


@pytest.mark.parametrize(("kind", "metric"), [("line", ""), ("occupancy", "w1"), ("pie", "w1")])
def test_a_chart_of_an_unknown_kind_or_of_nothing_is_refused(kind: str, metric: str) -> None:
    with pytest.raises(ValueError, match=r"unknown kind|must name a metric"):
        Chart("x", "X", LOOK, kind=kind, metric=metric)
