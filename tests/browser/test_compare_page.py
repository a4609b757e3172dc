"""The Compare page as a visitor meets it, in a real browser."""

import json
import re
from urllib.parse import parse_qs, quote, urlparse

import pytest
from playwright.sync_api import Page, expect

from .conftest import PATIENCE, SMALL, Opener

pytestmark = pytest.mark.browser


def link(*variants: dict[str, object], more: str = "") -> str:
    runs = json.dumps([{name: str(value) for name, value in variant.items()} for variant in variants])
    return f"compare?{SMALL}&runs={quote(runs)}{more}"


TWO = ({"method": "non-saturating"}, {"method": "wgan-gp"})


class Comparison:
    """One visitor's tab, in the words of the Compare page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.get_by_test_id("compare")
        expect(self.root).to_have_attribute("data-state", "paused", timeout=PATIENCE)
        expect(page.get_by_test_id("panel").last).to_have_attribute("data-step", "0", timeout=PATIENCE)

    def number(self, name: str) -> float:
        return float(self.root.get_attribute(f"data-{name}") or 0)

    def steps(self) -> list[int]:
        panels = self.page.get_by_test_id("panel").all()
        return [int(panel.get_attribute("data-step") or -1) for panel in panels]

    def button(self, name: str):
        return self.page.get_by_role("button", name=name, exact=True)

    def until(self, name: str, least: float) -> None:
        self.page.wait_for_function(
            "([name, least]) => Number(document.querySelector('[data-testid=compare]').dataset[name]) >= least",
            arg=[name, least],
        )

    def train_to(self, reading: int) -> None:
        """Train all runs to a reading, where they stop, and wait until it is on the stage."""
        goal = self.page.get_by_label(re.compile(r"^Stop at"))
        goal.fill(str(reading))
        goal.press("Enter")
        self.button("Train").click()
        self.until("reading", reading)
        expect(self.root).to_have_attribute("data-state", "paused", timeout=PATIENCE)
        self.button("Train").wait_for()

    def table(self) -> list[list[str]]:
        rows = self.page.get_by_test_id("ranking").locator("tbody tr").all()
        return [row.locator("th, td").all_inner_texts() for row in rows]

    def measured(self) -> None:
        expect(self.page.get_by_test_id("comparison")).to_contain_text("2,000 points", timeout=PATIENCE)


@pytest.fixture
def compare(open_page: Opener):
    return lambda query, **visitor: Comparison(open_page.page(query, **visitor))


def test_the_page_opens_with_the_four_main_methods_untrained(compare) -> None:
    tab = compare(f"compare?{SMALL}")
    assert tab.steps() == [0, 0, 0, 0]
    for title in ("GAN", "WGAN", "WGAN-GP", "DRAGAN"):
        expect(tab.page.get_by_test_id("panel").get_by_text(title, exact=True)).to_be_visible()
    assert len(json.loads(parse_qs(urlparse(tab.page.url).query)["runs"][0])) == 4


def test_runs_move_together_and_stop_at_the_same_step(compare) -> None:
    tab = compare(link(*TWO, more="&seed=31"))
    painted = tab.number("painted")
    tab.train_to(60)
    assert tab.number("painted") >= painted + 20
    assert tab.steps() == [60, 60]
    expect(tab.page.get_by_test_id("reading")).to_have_text("60 generator steps")


#: Notes, at each frame, which reading of the clock is painted.
WATCH_READINGS = """() => {
    window.seen = new Set();
    const look = () => {
        window.seen.add(Number(document.querySelector("[data-testid=compare]").dataset.reading));
        requestAnimationFrame(look);
    };
    look();
}"""


@pytest.mark.parametrize("calm", [False, True])
def test_who_asks_for_less_motion_sees_the_keyframes_and_nothing_between(compare, calm: bool) -> None:
    tab = compare(link(*TWO, more="&seed=45"), calm=calm)
    tab.page.evaluate(WATCH_READINGS)
    tab.train_to(60)
    seen = tab.page.evaluate("() => [...window.seen]")
    assert len(seen) > 2
    assert all(reading == int(reading) for reading in seen) == calm


def test_the_table_ranks_what_was_measured_at_rest(compare) -> None:
    tab = compare(link(*TWO, more="&seed=32"))
    tab.train_to(40)
    tab.measured()
    names = [row[0].strip() for row in tab.table()]
    assert sorted(names) == ["GAN", "WGAN-GP"]
    distances = [float(row[1].split()[0]) for row in tab.table()]
    assert distances == sorted(distances)
    expect(tab.page.get_by_test_id("verdicts")).to_contain_text("One seed")


def test_by_the_second_the_panels_say_what_the_table_says(compare) -> None:
    tab = compare(link(*FOUR, more="&seed=46&clock=seconds"))
    tab.train_to(1)
    tab.measured()
    distances = {row[0].strip(): row[1].split()[0] for row in tab.table()}
    for panel in tab.page.get_by_test_id("panel").all():
        name = panel.locator("[data-part=title]").inner_text()
        expect(panel.locator(".tg-facts")).to_contain_text(f"W₁ {distances[name]}", timeout=PATIENCE)


def test_the_table_can_be_sorted_by_another_column(compare) -> None:
    tab = compare(link(*TWO, more="&seed=33"))
    tab.train_to(30)
    tab.measured()
    heading = tab.page.get_by_test_id("ranking").get_by_role("button", name="Run", exact=True)
    heading.click()
    assert [row[0].strip() for row in tab.table()] == ["GAN", "WGAN-GP"]
    heading.click()
    assert [row[0].strip() for row in tab.table()] == ["WGAN-GP", "GAN"]


def test_several_seeds_give_intervals_bands_and_a_verdict(compare) -> None:
    tab = compare(link(*TWO, more="&seed=34&seeds=3"))
    tab.train_to(30)
    tab.measured()
    assert all(" to " in row[1] for row in tab.table())
    expect(tab.page.get_by_test_id("verdicts")).to_contain_text("3 seeds are too few to tell 2 runs apart")
    expect(tab.page.get_by_test_id("comparison")).to_contain_text("Modes and shares are counted on them too")
    curve = tab.page.get_by_test_id("curve-w1")
    # Curves out of sight are not drawn.
    curve.scroll_into_view_if_needed()
    expect(curve.locator(".fills .js-fill")).to_have_count(2, timeout=PATIENCE)
    dashes = curve.locator(".js-plotly-plot").evaluate(
        "({ data }) => data.filter(({ fill }) => !fill).map(({ line }) => line.dash)"
    )
    assert len(set(dashes)) == 2, "colours are not enough for every eye"


def test_curves_go_no_further_than_the_panels_whatever_is_known_of_the_runs(compare) -> None:
    tab = compare(link(*TWO, more="&seed=61"))
    tab.train_to(60)
    tab.button("Reset").click()
    expect(tab.page.get_by_test_id("reading")).to_have_text("0 generator steps")
    tab.page.get_by_test_id("curve-w1").scroll_into_view_if_needed()
    ends = """([low, high]) => {
        const { data } = document.querySelector("[data-testid=curve-w1] .js-plotly-plot") ?? {};
        const last = data?.map(({ x }) => x.at(-1));
        return last?.length === 2 && last.every((step) => step >= low && step <= high);
    }"""
    tab.page.wait_for_function(ends, arg=[0, 0])
    tab.train_to(20)
    tab.page.wait_for_function(ends, arg=[1, 20])


def test_parts_of_the_data_have_their_names_everywhere(compare) -> None:
    tab = compare(link({"method": "dragan"}, {"method": "wgan-gp"}, more="&data=moons&seed=51"))
    expect(tab.page.get_by_test_id("panel").first).to_contain_text(" of 20 arcs", timeout=PATIENCE)
    expect(tab.page.get_by_test_id("curve-modes")).to_contain_text("Arcs")
    for heading in ("arcs", "steps to all arcs", "seconds to all arcs"):
        expect(tab.page.get_by_test_id("ranking").get_by_role("button", name=heading, exact=True)).to_have_count(1)


def test_several_distributions_have_their_own_parts_and_modes_in_common(compare) -> None:
    tab = compare(link({"data": "moons"}, {"data": "ring8"}, more="&seed=52"))
    expect(tab.page.get_by_test_id("panel").first).to_contain_text(" of 20 arcs", timeout=PATIENCE)
    expect(tab.page.get_by_test_id("panel").last).to_contain_text(" of 8 modes", timeout=PATIENCE)
    expect(tab.page.get_by_test_id("curve-modes")).to_contain_text("Modes")
    expect(tab.root).to_contain_text("several distributions, seed 52")


def test_by_critic_updates_a_run_with_more_of_them_makes_fewer_steps(compare) -> None:
    tab = compare(
        f"compare?{SMALL.replace('&critic_steps=1', '')}&seed=35&clock=updates&method=wgan-gp&runs="
        + quote('[{"critic_steps":"1"},{"critic_steps":"5"}]')
    )
    tab.train_to(50)
    assert tab.steps() == [50, 10]
    expect(tab.page.get_by_test_id("reading")).to_have_text("50 critic updates")


def test_scrubbing_moves_all_panels_and_asks_the_server_nothing(compare) -> None:
    tab = compare(link(*TWO, more="&seed=36"))
    tab.train_to(60)
    tab.measured()
    requests: list[str] = []
    tab.page.on("request", lambda request: requests.append(request.url))
    timeline = tab.page.get_by_test_id("timeline")
    timeline.focus()
    timeline.press("Home")
    expect(tab.root).to_have_attribute("data-reading", "0")
    assert tab.steps() == [0, 0]
    timeline.press("End")
    expect(tab.root).to_have_attribute("data-reading", "60")
    assert tab.steps() == [60, 60]
    assert requests == []


FOUR = [{"method": method} for method in ("non-saturating", "wgan", "wgan-gp", "dragan")]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_the_means_of_several_seeds_can_be_read_to_the_end(compare, width: int, height: int) -> None:
    tab = compare(link(*FOUR, more="&seed=53&seeds=6"), width=width, height=height)
    facts = tab.page.locator(".tg-facts")
    expect(facts.last).to_contain_text("good", timeout=PATIENCE)
    for one in facts.all():
        assert one.evaluate("p => p.scrollWidth <= p.clientWidth && p.scrollHeight <= p.clientHeight")
    height_of = "p => p.getBoundingClientRect().height"
    filled = facts.first.evaluate(height_of)
    facts.first.evaluate("p => { p.textContent = '\u00a0'; }")
    assert facts.first.evaluate(height_of) == filled, "nothing moves when the words come"


@pytest.mark.parametrize("count", [1, 2])
def test_few_panels_leave_the_timeline_and_train_in_the_window(compare, count: int) -> None:
    tab = compare(link(*FOUR[:count], more="&seed=54&seeds=2"))
    tab.page.locator("[data-testid=stSidebarCollapseButton] button").dispatch_event("click")
    panels = tab.page.locator(".tg-panels")
    tab.page.wait_for_function("() => document.querySelector('.tg-compare').getBoundingClientRect().width > 1200")
    assert panels.evaluate("panels => panels.getBoundingClientRect().width") > 580 * count
    for part in (tab.page.get_by_test_id("timeline"), tab.button("Train")):
        box = part.bounding_box()
        assert box is not None and box["y"] + box["height"] <= 900


def test_small_shares_have_labels_that_differ(compare) -> None:
    tab = compare(link(*TWO, more="&seed=5&seeds=6"))
    labels = tab.page.get_by_test_id("curve-quality").locator(".ytick text")
    tab.train_to(20)
    tab.page.get_by_test_id("curve-quality").scroll_into_view_if_needed()
    tab.page.wait_for_function("() => document.querySelectorAll('[data-testid=curve-quality] .ytick text').length > 1")
    found = labels.evaluate_all("texts => texts.map(text => text.textContent)")
    assert float(found[-1].rstrip("%")) < 5, "the shares are small"
    assert len(set(found)) == len(found)


def test_numbers_below_zero_have_a_minus_sign(compare) -> None:
    tab = compare(link(*TWO, more="&seed=40&seeds=2"))
    tab.train_to(20)
    tab.measured()
    words = " ".join(cell for row in tab.table() for cell in row[1:])
    assert "\u2212" in words
    assert "-" not in words


def test_the_link_reproduces_the_comparison(compare) -> None:
    tab = compare(link(*TWO, more="&seed=37&seeds=2&clock=seconds"))
    again = compare(tab.page.url)
    assert again.root.get_attribute("data-comparison") == tab.root.get_attribute("data-comparison")
    expect(again.page.get_by_test_id("reading")).to_have_text("0 seconds of training")


def test_a_method_is_added_with_one_click(compare) -> None:
    tab = compare(link(*TWO, more="&seed=38"))
    tab.page.get_by_test_id("stSidebar").get_by_text("DRAGAN", exact=True).click()
    expect(tab.page.get_by_test_id("panel")).to_have_count(3, timeout=PATIENCE)


def test_the_colour_scale_has_its_numbers_again_after_a_reload(compare) -> None:
    tab = compare(link(*TWO, more="&seed=43"))
    for _ in range(3):
        expect(tab.root.locator("[data-part=low]")).to_contain_text(re.compile(r"fake \u2212\d"), timeout=PATIENCE)
        tab.page.reload()


#: Notes, after each frame, what a panel says beside which run it shows.
WATCH_PANEL = """() => {
    window.seen = [];
    const look = () => {
        const { dataset, textContent } = document.querySelector("[data-testid=panel]");
        window.seen.push([dataset.run, /step [1-9]/.test(textContent)]);
        requestAnimationFrame(() => setTimeout(look));
    };
    look();
}"""


def test_a_panel_says_nothing_of_the_run_that_it_showed_before(compare) -> None:
    tab = compare(link(*TWO, more="&seed=44"))
    tab.train_to(20)
    before = tab.page.get_by_test_id("panel").first.get_attribute("data-run")
    tab.page.evaluate(WATCH_PANEL)
    tab.page.get_by_test_id("stSidebar").get_by_text("Two Gaussians", exact=True).click()
    expect(tab.page.get_by_test_id("panel").first).to_have_attribute("data-step", "0", timeout=PATIENCE)
    seen = tab.page.evaluate("() => window.seen")
    assert [before, True] in seen
    assert not any(moved for run, moved in seen if run != before)


def test_one_method_is_compared_with_itself_at_other_values(compare) -> None:
    tab = compare(link({"method": "wgan-gp"}, {"method": "dragan"}, more="&seed=39"))
    tab.page.get_by_text("One method against itself").click()
    values = tab.page.get_by_label("Values", exact=True)
    values.fill("0.1, 1, 10")
    tab.button("Compare these values").click()
    expect(tab.page.get_by_test_id("panel")).to_have_count(3, timeout=PATIENCE)
    expect(tab.page.get_by_test_id("panel").last).to_contain_text("Penalty weight 10")


def test_the_table_can_be_taken_away(compare) -> None:
    tab = compare(link(*TWO, more="&seed=40"))
    tab.train_to(20)
    tab.measured()
    with tab.page.expect_download() as download:
        tab.button("Table as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 3 and "W1 (data units)" in lines[0]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("runs=[{", "must be a JSON list"),
        ('runs=[{"method":"wgna"}]', "unknown method 'wgna'"),
        ('runs=[{"method":"wgan"}]&seeds=99', "seeds must be between 1 and 16"),
    ],
)
def test_a_tampered_link_gets_a_sentence_and_four_methods(compare, query: str, sentence: str) -> None:
    tab = compare(f"compare?{quote(query, safe='=&')}")
    expect(tab.page.get_by_test_id("stAlert")).to_contain_text(sentence, timeout=PATIENCE)
    assert len(tab.steps()) == 4


def test_on_a_phone_nothing_is_cut_off(compare) -> None:
    tab = compare(link(*TWO, {"method": "dragan"}, {"method": "wgan"}, more="&seed=41"), width=390, height=844)
    tab.train_to(20)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    for panel in tab.page.get_by_test_id("panel").all():
        box = panel.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390


def test_space_trains_and_pauses(compare) -> None:
    tab = compare(link(*TWO, more="&seed=42"))
    tab.root.focus()
    tab.page.keyboard.press("Space")
    tab.button("Pause").wait_for()
    tab.until("reading", 5)
    tab.root.focus()
    tab.page.keyboard.press("Space")
    tab.button("Train").wait_for()
