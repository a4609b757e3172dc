"""The exported page in a real browser: from a file, without a network, it paints, plays, scrubs and tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.records import ODD_NAME, records
from toygan.export import render
from toygan.export.words import one_line
from toygan.frames import unpack

pytestmark = pytest.mark.browser

Open = Callable[..., Page]


@pytest.fixture
def open_run(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a run's page from its file in a browser without a network; fails when a script does."""
    problems: list[str] = []
    context = browser.new_context(offline=True)

    def opened(kind: str, **look: object) -> Page:
        file = tmp_path / f"{kind}.html"
        file.write_bytes(render(records()[kind], "html"))
        page = context.new_page()
        page.set_viewport_size({"width": 1440, "height": 900})
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text))
        page.on("request", lambda request: None if request.url == file.as_uri() else problems.append(request.url))
        if look:
            page.emulate_media(**look)  # type: ignore[arg-type]
        page.goto(file.as_uri())
        expect(player(page)).to_have_attribute("data-step", str(records()[kind].keyframes[-1].step))
        return page

    yield opened
    context.close()
    assert problems == []


def player(page: Page) -> Locator:
    return page.get_by_test_id("player")


def picture(page: Page) -> str:
    """What the canvas shows, pixel by pixel."""
    return str(page.get_by_test_id("canvas").evaluate("canvas => canvas.toDataURL()"))


def colours(page: Page) -> int:
    """How many colours the canvas shows."""
    return int(
        page.get_by_test_id("canvas").evaluate(
            """canvas => new Set(new Uint32Array(canvas.getContext("2d")
                .getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""
        )
    )


def shown(page: Page, step: int) -> None:
    expect(player(page)).to_have_attribute("data-step", str(step))


@pytest.mark.parametrize("kind", ["usual", "start", "several", "changing", "failed", "unmeasured"])
def test_every_kind_of_run_is_painted_at_its_end(kind: str, open_run: Open) -> None:
    page = open_run(kind)
    assert colours(page) > 20 or kind == "failed"
    expect(page.get_by_test_id("step")).to_have_text(str(records()[kind].keyframes[-1].step))


def test_play_goes_from_the_start_to_the_end_and_stops(open_run: Open) -> None:
    page = open_run("usual")
    end = picture(page)
    page.get_by_test_id("speed").select_option("4")
    # Noted as they come: a single frame is on the page for less time than the test takes to look.
    player(page).evaluate(
        """player => {
            window.steps = [];
            const note = () => window.steps.push(player.dataset.step);
            new MutationObserver(note).observe(player, { attributeFilter: ["data-step"] });
        }"""
    )
    page.get_by_test_id("play").click()
    page.wait_for_function("() => window.steps.at(-1) === '40'")
    expect(page.get_by_test_id("play")).to_have_text("Play")
    steps = [int(step) for step in page.evaluate("window.steps")]
    assert steps == sorted(steps)
    assert (steps[0], steps[-1]) == (0, 40)
    assert picture(page) == end
    assert int(player(page).get_attribute("data-painted") or 0) > len(records()["usual"].keyframes)


def test_scrubbing_shows_that_moment_and_its_numbers(open_run: Open) -> None:
    page = open_run("usual")
    end = picture(page)
    page.get_by_test_id("timeline").fill("2")
    shown(page, 16)
    assert picture(page) != end
    w1 = unpack(records()["usual"].keyframes[2].data).metrics[0]["w1"]
    expect(page.get_by_test_id("w1")).to_have_text(f"{w1:.3f}")
    page.get_by_test_id("timeline").fill("5")
    shown(page, 40)
    assert picture(page) == end


def test_between_two_keyframes_points_are_on_their_way(open_run: Open) -> None:
    page = open_run("usual")
    page.get_by_test_id("timeline").fill("2")
    before = picture(page)
    page.get_by_test_id("timeline").fill("2.5")
    shown(page, 16)
    assert picture(page) != before


def test_keys_play_and_step_through_keyframes(open_run: Open) -> None:
    page = open_run("usual")
    page.keyboard.press("Home")
    shown(page, 0)
    page.keyboard.press("ArrowRight")
    shown(page, 8)
    page.keyboard.press("End")
    shown(page, 40)
    page.keyboard.press("ArrowLeft")
    shown(page, 32)
    page.keyboard.press("Home")
    page.keyboard.press(" ")
    expect(page.get_by_test_id("play")).to_have_text("Pause")
    page.keyboard.press(" ")
    expect(page.get_by_test_id("play")).to_have_text("Play")


def test_a_click_on_the_curve_goes_to_that_step(open_run: Open) -> None:
    page = open_run("usual")
    box = page.get_by_test_id("curve").bounding_box()
    assert box is not None
    page.get_by_test_id("curve").click(position={"x": 38, "y": box["height"] / 2})
    shown(page, 0)


def test_layers_are_switched_on_and_off(open_run: Open) -> None:
    page = open_run("usual")
    before = picture(page)
    for layer in ("heatmap", "fake", "mesh", "arrows"):
        page.locator(f"[data-layer={layer}]").click()
        assert picture(page) != before
        page.locator(f"[data-layer={layer}]").click()
        assert picture(page) == before


def test_the_method_s_name_and_colour_follow_its_change(open_run: Open) -> None:
    page = open_run("changing")
    heading = page.get_by_role("heading")
    expect(heading).to_contain_text("DRAGAN on two moons")
    page.keyboard.press("Home")
    expect(heading).to_contain_text("WGAN on two moons")


def test_the_page_follows_the_system_s_theme(open_run: Open) -> None:
    dark, light = open_run("usual", color_scheme="dark"), open_run("usual", color_scheme="light")
    backgrounds = [page.evaluate("getComputedStyle(document.body).backgroundColor") for page in (dark, light)]
    assert backgrounds == ["rgb(20, 23, 28)", "rgb(255, 255, 255)"]
    before = picture(light)
    light.emulate_media(color_scheme="dark")
    assert light.evaluate("getComputedStyle(document.body).backgroundColor") == backgrounds[0]
    light.wait_for_function(
        "before => document.querySelector('[data-testid=canvas]').toDataURL() !== before", arg=before
    )


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_nothing_is_wider_than_the_window(width: int, open_run: Open) -> None:
    page = open_run("several")
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_name_with_tags_is_shown_as_it_is(open_run: Open) -> None:
    page = open_run("several")
    expect(page.locator("[data-part=name]")).to_have_text(one_line(ODD_NAME))
    assert page.title() == one_line(ODD_NAME)


def test_a_run_that_overflowed_says_so(open_run: Open) -> None:
    page = open_run("failed")
    expect(page.locator("[data-part=note]")).to_contain_text("The numbers overflowed at step")


def test_a_single_keyframe_has_nothing_to_play(open_run: Open) -> None:
    page = open_run("start")
    expect(page.get_by_test_id("play")).to_be_disabled()
    expect(page.get_by_test_id("timeline")).to_be_disabled()


def test_whoever_does_not_see_the_picture_is_told_what_it_shows(open_run: Open) -> None:
    page = open_run("usual")
    label = page.get_by_test_id("canvas").get_attribute("aria-label") or ""
    assert label.startswith("WGAN-GP on wide ring of 8 at step 40: Wasserstein distance ")
