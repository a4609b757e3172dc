"""The discs that points are drawn as, beside those that a canvas draws itself."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from .conftest import blank

pytestmark = pytest.mark.browser

SIZE = 60

#: Stamps points, or has a canvas draw a disc at each, on nothing; gives rows of pixels, red, green, blue and alpha.
DRAW = """([kind, points, radius, fill, outline]) => {
    const context = createLayer(SIZE).getContext("2d");
    const disc = (x, y, r, colour) => {
        context.fillStyle = colour;
        context.beginPath();
        context.arc(SIZE / 2 + x, SIZE / 2 - y, r, 0, 2 * Math.PI);
        context.fill();
    };
    const flat = points.flat().map((value) => value ?? NaN);
    if (kind === "stamped") new Dots(SIZE, radius, fill, outline, 1).stamp(context, Float64Array.from(flat), 1);
    else for (const [x, y] of points) {
        if (outline) disc(x, y, radius + OUTLINE, outline);
        disc(x, y, radius, fill);
    }
    return [...context.getImageData(0, 0, SIZE, SIZE).data];
}""".replace("SIZE", str(SIZE))


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with blank(browser, "dots.js") as page:
        yield page


def draw(page: Page, kind: str, points: object, radius: float, fill: str, outline: str | None) -> np.ndarray:
    """Pixels (SIZE, SIZE, 4), rows going down."""
    return np.array(page.evaluate(DRAW, [kind, points, radius, fill, outline]), dtype=float).reshape(SIZE, SIZE, 4)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (0.49, -0.26), (-7.3, 11.9), (20.01, -20.99)])
def test_a_disc_lies_where_its_point_does_and_is_as_large_as_it_should_be(page: Page, x: float, y: float) -> None:
    covered = draw(page, "stamped", [[x, y]], 3.0, "#ff0000", None)[..., 3] / 255
    rows, columns = np.indices((SIZE, SIZE)) + 0.5
    assert covered.sum() == pytest.approx(np.pi * 3.0**2, rel=0.05)
    assert (covered * columns).sum() / covered.sum() - SIZE / 2 == pytest.approx(x, abs=0.13)
    assert SIZE / 2 - (covered * rows).sum() / covered.sum() == pytest.approx(y, abs=0.13)


@pytest.mark.parametrize(
    ("fill", "outline"),
    [
        ("#0072b2", "rgba(255, 255, 255, 0.92)"),
        ("rgba(104, 109, 118, 0.55)", None),
        ("#0072b2", "rgba(8, 10, 14, 0.3)"),
    ],
)
def test_discs_over_each_other_look_as_a_canvas_draws_them(page: Page, fill: str, outline: str | None) -> None:
    # At places that a disc can have within a pixel.
    points = (np.random.default_rng(0).integers(-100, 101, (300, 2)) / 4).tolist()
    stamped, drawn = (draw(page, kind, points, 2.6, fill, outline) for kind in ("stamped", "drawn"))
    # As they look on black, since what is nearly transparent has no colour; to what eight bits round off at each disc.
    on_black = [picture[..., :3] * picture[..., 3:] / 255 for picture in (stamped, drawn)]
    assert np.abs(stamped[..., 3] - drawn[..., 3]).max() <= 8
    assert np.abs(on_black[0] - on_black[1]).max() <= 8
    assert np.count_nonzero(drawn[..., 3]) > SIZE * SIZE / 3


def test_what_lies_across_the_border_is_cut_and_what_is_outside_or_nowhere_is_left_out(page: Page) -> None:
    half = SIZE / 2
    inside = [[half, 0.0], [0.0, -half]]
    nowhere = [[half + 40, 0], [0, 1e30], [None, 0], [0, None], [-half - 5, half + 5]]
    picture = draw(page, "stamped", inside + nowhere, 3.0, "#ff0000", None)
    assert np.array_equal(picture, draw(page, "stamped", inside, 3.0, "#ff0000", None))
    assert picture[..., 3].sum() / 255 == pytest.approx(np.pi * 3.0**2, rel=0.06), "two halves"


def test_nothing_is_left_of_the_points_before(page: Page) -> None:
    left = page.evaluate(
        """() => {
            const [before, after] = [1, 2].map(() => createLayer(40).getContext("2d"));
            const dots = new Dots(40, 3, "#f00", null, 1);
            dots.stamp(before, [10, 10], 1);
            dots.stamp(after, [-10, -10], 1);
            return [before, after].map((context) => context.getImageData(30, 10, 1, 1).data[3]);
        }"""
    )
    assert left == [255, 0]
