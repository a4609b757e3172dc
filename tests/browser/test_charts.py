"""The numbers at a chart's axes, as Plotly writes them in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.common.app import ROOT

from .conftest import blank

pytestmark = pytest.mark.browser

#: Draws a chart of a line through these heights and gives the numbers at its y axis, from below.
TICKS = """async (y) => {
    const theme = { faint: "#ddd", muted: "#777", text: "#000", background: "#fff", font: "sans-serif" };
    const context = { theme, empty: false, marks: [], titles: [], unit: "steps", end: y.length, touch: false };
    const entries = y.map((value, step) => ({ step, metrics: { value } }));
    const plot = document.body.appendChild(document.createElement("div"));
    const layout = chartLayout({}, context, 300, 130);
    await Plotly.newPlot(plot, [line(entries, "value", "value", { color: "#000" })], layout);
    const found = [...plot.querySelectorAll(".ytick text")].map((tick) => tick.textContent);
    plot.remove();
    return found;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with blank(browser, "words.js", "charts.js", library=ROOT / "static" / "plotly-cartesian.min.js") as page:
        yield page


@pytest.mark.parametrize(
    ("heights", "ticks"),
    [
        ([-0.33, -0.03], ["−0.3", "−0.2", "−0.1", "0"]),
        ([0.0, 1.9], ["0", "1", "2"]),
        ([0.0, 4200.0], ["0", "2000", "4000"]),
        ([0.0, 0.0004], ["0", "0.0002", "0.0004"]),
    ],
)
def test_nothing_is_written_as_nothing(page: Page, heights: list[float], ticks: list[str]) -> None:
    assert page.evaluate(TICKS, heights) == ticks
