"""The Train page as a visitor meets it, in a real browser."""

import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import expect

from .conftest import PATIENCE, SMALL, Opener, Server

pytestmark = pytest.mark.browser


def test_before_training_the_stage_shows_the_untrained_networks(open_page: Opener) -> None:
    tab = open_page()
    assert tab.number("step") == 0
    expect(tab.stage).to_have_attribute("data-state", "paused", timeout=PATIENCE)


def test_train_moves_the_step_and_keeps_painting(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=11")
    tab.train()
    tab.until("step", 3)
    painted = tab.number("painted")
    tab.until("painted", painted + 20)
    tab.until("step", 20)


def test_who_asks_for_less_motion_sees_the_keyframes_and_nothing_between(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=10", calm=True)
    tab.train()
    tab.until("step", 3)
    keyframes, painted = tab.number("frames"), tab.number("painted")
    tab.until("frames", keyframes + 10)
    # Once for a keyframe, and once more where something else changes: some twenty times with motion.
    assert tab.number("painted") - painted <= 3 * (tab.number("frames") - keyframes)


#: Notes, at each frame, which of Train and Pause are there to be seen, and where the button beside them is.
WATCH_BUTTONS = """() => {
    window.seen = new Set();
    const look = () => {
        const buttons = [...document.querySelectorAll(".st-key-transport button")].filter((b) => b.offsetParent);
        const named = (name) => buttons.filter((button) => button.textContent.includes(name));
        const step = named("Step")[0]?.getBoundingClientRect();
        window.seen.add(`${named("Train").length + named("Pause").length} ${step?.x} ${step?.y}`);
        requestAnimationFrame(look);
    };
    look();
}"""


def test_train_and_pause_take_each_other_s_place_and_nothing_moves(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=13")
    tab.settled()
    tab.page.evaluate(WATCH_BUTTONS)
    for _ in range(3):
        tab.train()
        tab.until("newest", tab.number("newest") + 1)
        tab.pause()
    (only,) = tab.page.evaluate("() => [...window.seen]")
    assert only.startswith("1 ")


def test_the_cards_follow_the_stage(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=12")
    tab.train()
    tab.until("step", 10)
    tab.pause()
    step = tab.number("step")
    expect(tab.page.get_by_test_id("card-step")).to_contain_text(f"{step:,}", timeout=PATIENCE)
    tab.page.get_by_text("Same run on the command line").click()
    expect(tab.page.get_by_test_id("stPopoverBody")).to_contain_text(f"--steps {step}", timeout=PATIENCE)
    expect(tab.page.get_by_test_id("card-modes")).to_contain_text("of 8")
    expect(tab.page.get_by_test_id("card-quality")).to_contain_text("98.9")
    expect(tab.page.get_by_test_id("card-w1")).to_contain_text("floor", timeout=PATIENCE)


def test_after_pause_nothing_is_computed_until_step_does_exactly_one(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=13")
    tab.train()
    tab.until("step", 10)
    tab.pause()
    step = tab.number("step")
    # The measurement on 2,000 points comes seconds after the pause: training that went on would show by then.
    expect(tab.page.get_by_test_id("card-w1")).to_contain_text("2,000", timeout=PATIENCE)
    assert tab.number("step") == step
    tab.button("Step").click()
    tab.until("step", step + 1)
    tab.settled()
    assert tab.number("step") == step + 1


def test_flipping_the_method_starts_a_new_run_and_flipping_back_shows_the_old_one(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=14")
    first = tab.run
    tab.train()
    tab.until("step", 10)
    tab.pause()
    step, picture = tab.number("step"), tab.picture()
    for method in ("GAN", "WGAN", "DRAGAN"):
        before = tab.run
        tab.pick(method)
        tab.until_run_is_not(before)
        tab.until("step", step)
        tab.settled()
        assert tab.number("step") == step, "a flip runs as far as the run before it"
    tab.pick("WGAN-GP")
    expect(tab.stage).to_have_attribute("data-run", first, timeout=PATIENCE)
    expect(tab.stage).to_have_attribute("data-step", str(step))
    tab.page.wait_for_function(
        "picture => [...document.querySelectorAll('[data-testid=stage] canvas')].at(-1).toDataURL() === picture",
        arg=picture,
    )


def test_another_distribution_begins_with_its_own_shape_even_while_training(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=28")
    tab.train()
    tab.until("step", 5)
    for title, key in (("Ring of 8", "ring8"), ("Segment", "segment"), ("Two Gaussians", "two-gaussians")):
        before = tab.run
        tab.pick(title)
        tab.until_run_is_not(before)
        tab.page.wait_for_url(re.compile(rf"[?&]data={key}(&|$)"))
        tab.until("step", 2)
        assert "data." not in tab.page.url
        expect(tab.page.get_by_test_id("stAlert")).to_have_count(0)


def test_flipping_away_and_back_returns_to_where_one_had_scrubbed_to(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=29")
    tab.train()
    tab.until("frames", 6)
    tab.pause()
    newest = tab.number("step")
    timeline = tab.page.get_by_test_id("timeline")
    timeline.focus()
    timeline.press("PageUp")
    timeline.press("Home")
    timeline.press("ArrowRight")
    scrubbed, first = tab.number("step"), tab.run
    assert 0 < scrubbed < newest
    tab.pick("GAN")
    tab.until_run_is_not(first)
    tab.until("step", newest)
    tab.settled()
    second = tab.run
    tab.pick("WGAN-GP")
    tab.until_run_is_not(second)
    expect(tab.stage).to_have_attribute("data-step", str(scrubbed), timeout=PATIENCE)


def test_the_browser_s_back_button_leads_to_the_run_before(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=30")
    first = tab.run
    tab.pick("DRAGAN")
    tab.until_run_is_not(first)
    tab.page.wait_for_url(re.compile("method=dragan"))
    tab.page.go_back()
    expect(tab.stage).to_have_attribute("data-run", first, timeout=PATIENCE)
    assert "dragan" not in tab.page.url


def test_scrubbing_asks_the_server_nothing(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=15")
    tab.train()
    tab.until("frames", 6)
    tab.pause()
    expect(tab.page.get_by_test_id("card-w1")).to_contain_text("2,000", timeout=PATIENCE)
    requests: list[str] = []
    tab.page.on("request", lambda request: requests.append(request.url))
    newest = tab.number("step")
    timeline = tab.page.get_by_test_id("timeline")
    place = timeline.bounding_box()
    timeline.focus()
    timeline.press("ArrowLeft")
    expect(tab.page.get_by_test_id("branch")).to_be_visible()
    assert timeline.bounding_box() == place, "it stays under the hand that drags it"
    timeline.press("Home")
    expect(tab.stage).to_have_attribute("data-step", "0", timeout=PATIENCE)
    expect(tab.page.get_by_test_id("card-step")).to_contain_text("0")
    timeline.press("End")
    expect(tab.stage).to_have_attribute("data-step", str(newest), timeout=PATIENCE)
    assert requests == []
    expect(tab.button("Train")).to_be_visible()


def test_the_keyboard_plays_pauses_and_steps_through_the_frames(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=16")
    tab.stage.focus()
    tab.page.keyboard.press("Space")
    tab.button("Pause").wait_for()
    tab.until("step", 5)
    tab.stage.focus()
    tab.page.keyboard.press("Space")
    tab.settled()
    newest = tab.number("step")
    tab.stage.focus()
    tab.page.keyboard.press("ArrowLeft")
    tab.page.wait_for_function(
        "newest => Number(document.querySelector('[data-testid=stage]').dataset.step) < newest", arg=newest
    )
    tab.page.keyboard.press("ArrowRight")
    expect(tab.stage).to_have_attribute("data-step", str(newest), timeout=PATIENCE)


def test_the_link_reproduces_what_is_on_the_screen(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=17")
    tab.train()
    tab.until("step", 25)
    tab.pause()
    step = tab.number("step")
    tab.page.wait_for_url(re.compile(rf"[?&]step={step}(&|$)"))
    link, picture, run = tab.page.url, tab.picture(), tab.run
    again = open_page(link)
    again.until("step", step)
    again.settled()
    assert (again.number("step"), again.run) == (step, run)
    again.page.wait_for_function(
        "picture => [...document.querySelectorAll('[data-testid=stage] canvas')].at(-1).toDataURL() === picture",
        arg=picture,
    )


def test_two_tabs_with_different_recipes_do_not_see_each_other(open_page: Opener) -> None:
    first, second = open_page(f"?{SMALL}&seed=18"), open_page(f"?{SMALL}&seed=19&data=moons")
    runs = first.run, second.run
    assert runs[0] != runs[1]
    first.train()
    first.until("step", 10)
    assert second.number("step") == 0
    second.train()
    second.until("step", 10)
    first.pause()
    assert (first.run, second.run) == runs
    expect(second.button("Pause")).to_be_visible()


def test_keeping_the_weights_goes_on_from_where_one_is(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=20")
    tab.train()
    tab.until("step", 10)
    tab.pause()
    step, picture, run = tab.number("step"), tab.picture(), tab.run
    tab.page.get_by_text("Keep the weights", exact=True).click()
    tab.pick("DRAGAN")
    tab.until_run_is_not(run)
    expect(tab.stage).to_have_attribute("data-step", str(step), timeout=PATIENCE)
    assert tab.picture() != picture, "the points take the new method's colour"
    assert "interventions" in parse_qs(urlparse(tab.page.url).query)
    tab.button("Step").click()
    tab.until("step", step + 1)
    marked = tab.page.get_by_test_id("curve-w1").locator(".annotation-text")
    expect(marked).to_have_text("DRAGAN", timeout=PATIENCE)
    timeline = tab.page.get_by_test_id("timeline")
    timeline.focus()
    timeline.press("Home")
    expect(tab.stage).to_contain_text("WGAN-GP", timeout=PATIENCE)


def test_a_branch_goes_on_from_an_earlier_step_and_the_tree_leads_back(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=28")
    tab.train()
    tab.until("step", 30)
    tab.pause()
    newest, trunk = tab.number("step"), tab.run
    tab.stage.focus()
    tab.page.keyboard.press("ArrowLeft")
    tab.page.wait_for_function(
        "newest => Number(document.querySelector('[data-testid=stage]').dataset.step) < newest", arg=newest
    )
    earlier = tab.number("step")
    tab.page.get_by_test_id("branch").click()
    expect(tab.page.get_by_test_id("card-step")).to_contain_text(f"{earlier:,}", timeout=PATIENCE)
    tab.pick("DRAGAN")
    tab.until_run_is_not(trunk)
    expect(tab.stage).to_have_attribute("data-step", str(earlier), timeout=PATIENCE)
    tree = tab.page.get_by_test_id("tree")
    expect(tree.get_by_role("button")).to_have_count(2, timeout=PATIENCE)
    expect(tree.get_by_role("button", name=re.compile("DRAGAN"))).to_have_attribute("aria-current", "true")
    tree.get_by_role("button", name=re.compile("WGAN-GP")).click()
    expect(tab.stage).to_have_attribute("data-run", trunk, timeout=PATIENCE)


def test_reset_returns_to_the_untrained_networks_and_replays(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=21")
    tab.train()
    tab.until("step", 10)
    tab.button("Reset").click()
    expect(tab.stage).to_have_attribute("data-step", "0", timeout=PATIENCE)
    tab.train()
    tab.until("step", 5)


def test_on_a_phone_nothing_is_cut_off(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=22", width=390, height=844)
    tab.train()
    tab.until("step", 5)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in (tab.stage, tab.page.get_by_test_id("card-w1"), tab.button("Pause")):
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1280, 720), (1024, 768)])
def test_the_stage_and_its_transport_fit_in_the_window(open_page: Opener, width: int, height: int) -> None:
    tab = open_page(f"?{SMALL}&seed=27", width=width, height=height)
    for part in (tab.stage, tab.button("Train"), tab.button("Step"), tab.page.get_by_text("Full", exact=True)):
        box = part.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height
        assert box["x"] + box["width"] <= width


@pytest.mark.parametrize("width", [390, 800, 1024, 1280])
def test_no_card_and_no_legend_is_cut(open_page: Opener, width: int) -> None:
    tab = open_page(f"?{SMALL}&seed=22", width=width)
    tab.train()
    tab.until("step", 10)
    if width > 640:  # a phone's sidebar is closed
        before = tab.run
        tab.pick("DRAGAN")
        tab.until_run_is_not(before)
        tab.until("step", 1)
    tab.pause()
    expect(tab.page.get_by_test_id("card-w1")).to_contain_text("2,000", timeout=PATIENCE)
    cut = """() => [...document.querySelectorAll('.tg-card, .tg-card h4, .tg-card small, .tg-keys, .tg-layers')]
        .filter(part => part.scrollWidth > part.clientWidth + 1).map(part => part.textContent)"""
    assert tab.page.evaluate(cut) == []


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?method=wgna", "unknown method 'wgna': choose from"),
        ("?batch=0", "batch must be between 1 and 4,096"),
        ("?critic_learning_rate=nan", "critic_learning_rate must be a finite number"),
        ("?step=minus", "step was left out"),
        ("?interventions=[[5", "interventions must be a JSON list"),
        ("?method=dragan&batch=1", "needs a batch of at least 2"),
    ],
)
def test_a_tampered_link_gets_a_sentence_and_keeps_the_rest(open_page: Opener, query: str, sentence: str) -> None:
    tab = open_page(f"{query}&seed=23&data=moons")
    expect(tab.page.get_by_test_id("stAlert")).to_contain_text(sentence, timeout=PATIENCE)
    assert tab.page.get_by_text("Traceback").count() == 0
    kept = parse_qs(urlparse(tab.page.url).query)
    assert kept["seed"] == ["23"]
    assert kept["data"] == ["moons"]


def test_a_run_that_overflows_stops_and_says_when(open_page: Opener) -> None:
    tab = open_page(
        f"?{SMALL}&seed=24&optimizer=sgd&critic_learning_rate=10&generator_learning_rate=10&penalty_weight=1000"
    )
    tab.button("Train").click()
    expect(tab.page.get_by_text(re.compile(r"overflowed at step \d")).first).to_be_visible(timeout=PATIENCE)
    tab.button("Train").wait_for()


def test_the_stage_says_in_words_what_it_shows(open_page: Opener) -> None:
    tab = open_page(f"?{SMALL}&seed=25")
    tab.train()
    tab.until("step", 5)
    tab.pause()
    picture = tab.page.get_by_role("img", name=re.compile(r"WGAN-GP.*step", re.IGNORECASE | re.DOTALL))
    expect(picture.first).to_be_attached(timeout=PATIENCE)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="reads a process's mapped files, a thing of Linux")
def test_the_server_process_never_maps_torch(open_page: Opener, server: Server) -> None:
    tab = open_page(f"?{SMALL}&seed=26")
    tab.train()
    tab.until("step", 3)
    mapped = Path(f"/proc/{server.pid}/maps").read_text()
    assert "libtorch" not in mapped
    assert "site-packages/ot/" not in mapped
    assert sys.platform == "linux"
