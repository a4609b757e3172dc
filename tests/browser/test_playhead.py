"""How evenly the stage moves over keyframes that come at different rates."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from .conftest import blank

pytestmark = pytest.mark.browser

#: Keyframes come every so many seconds; gives the longest standstill, in seconds, after the first so many of them.
PLAY = """([gap, count, after]) => {
    const head = createPlayhead();
    const frame = 1 / 60;
    let [newest, still, longest] = [0, 0, 0];
    for (let time = 0; newest < count; time += frame) {
        if (time >= (newest + 1) * gap) head.arrived(1, ++newest, 1000 * time);
        const before = head.position;
        head.advance(frame, newest);
        still = head.position > before ? 0 : still + frame;
        if (newest > after) longest = Math.max(longest, still);
    }
    return longest;
}"""

#: Seconds to go over the first of keyframes that come four times a second, after playing began again.
BEGIN_AGAIN = """(pause) => {
    const head = createPlayhead();
    let [time, newest] = [0, 0];
    const play = (seconds) => {
        for (const end = time + seconds; time < end; time += 1 / 60) {
            if (time >= lastAt + 0.25) head.arrived(1, ++newest, 1000 * (lastAt = time));
            head.advance(1 / 60, newest);
        }
    };
    let lastAt = 0;
    play(10);
    head.rest();
    time += pause;
    lastAt = time;
    head.rest();
    const before = head.position;
    play(5);
    return head.position - before;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with blank(browser, "playhead.js") as page:
        yield page


@pytest.mark.parametrize("gap", [0.1, 0.25, 1.0, 4.0])
def test_it_does_not_stand_still_between_keyframes_however_seldom_they_come(page: Page, gap: float) -> None:
    assert page.evaluate(PLAY, [gap, 40, 12]) < 0.1 * gap


@pytest.mark.parametrize("pause", [0.0, 3.0, 7.0, 600.0])
def test_a_pause_does_not_slow_down_what_comes_after_it(page: Page, pause: float) -> None:
    assert page.evaluate(BEGIN_AGAIN, pause) > 18
