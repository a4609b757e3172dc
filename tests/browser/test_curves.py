"""What the Train page's curves show of the run before."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from .conftest import blank

pytestmark = pytest.mark.browser

#: The traces of a chart of a run and of the run before it, both the same, as heights, dash, and whether it is a ghost.
TRACES = """(name) => {
    const metrics = {
        w1: 1, critic_estimate: 1.1, generator_loss: 2, critic_loss: 3,
        gradient_norm_between: 4, gradient_norm_fake: 5, gradient_norm_real: 6,
    };
    const entries = [{ step: 0, metrics }, { step: 1, metrics }];
    const context = {
        history: entries, stretches: [{ step: 0, until: 1, colour: "#00f" }], theme: { muted: "#777", text: "#000" },
        ghost: entries, ghostTitle: "GAN", ghostColour: "#f00", objective: "wasserstein",
    };
    return CURVES[name].describe(context).map(({ y, line, ghost }) => [y, line.dash ?? "solid", Boolean(ghost)]);
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with blank(browser, "words.js", "charts.js", "curves.js") as page:
        yield page


@pytest.mark.parametrize("chart", ["w1", "loss", "gradient"])
def test_the_run_before_is_dashed_as_the_line_it_is_held_against(page: Page, chart: str) -> None:
    traces = page.evaluate(TRACES, chart)
    ((heights, dash),) = [(y, dash) for y, dash, ghost in traces if ghost]
    assert [dash for y, dash, ghost in traces if y == heights and not ghost] == [dash]
