"""Draws the distributions' thumbnails: python docs/thumbnails.py writes static/thumbnails/KEY.svg."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from toygan.distributions import DISTRIBUTIONS, make_distribution
from toygan.streams import Purpose, stream

FOLDER = ROOT / "static" / "thumbnails"
SIDE, POINTS = 36, 150


def draw(key: str) -> str:
    """An SVG of sample points; mid-grey, so that it reads on a light and on a dark page."""
    distribution = make_distribution(key)
    points = distribution.sample(POINTS, stream(0, Purpose.PROBE_DATA))
    middle = (points.max(axis=0) + points.min(axis=0)) / 2
    reach = abs(points - middle).max() * 1.12
    places = (points - middle) / reach * (SIDE / 2) + SIDE / 2
    path = "".join(f"M{x:.1f} {SIDE - y:.1f}h0" for x, y in places)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}">'
        f'<path d="{path}" stroke="#808890" stroke-width="2.2" stroke-linecap="round"/></svg>\n'
    )


def main() -> None:
    """Write every thumbnail."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for key in DISTRIBUTIONS:
        (FOLDER / f"{key}.svg").write_text(draw(key), encoding="utf-8")


if __name__ == "__main__":
    main()
