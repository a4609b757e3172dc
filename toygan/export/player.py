"""A run as a page that plays it: one HTML file with everything in it, which opens without a server or a network."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toygan.branches import stretches
from toygan.distributions import Cells, Modes
from toygan.export.tables import keyframes_until
from toygan.export.words import link, one_line, recipe_rows, title
from toygan.frames import BOX, pack_points, short
from toygan.metrics import perfect_shares
from toygan.metrics.sizes import LIVE_POINTS
from toygan.record import Keyframe, Record
from toygan.streams import Purpose, stream
from toygan.words import within
from toygan.worker import floor

#: Bytes of keyframes before they become text, which makes four thirds of them.
BYTES = 3_300_000

_HERE = Path(__file__).parent
_REAL_POINTS = 1000

#: The page's own scripts that the player is made of, joined in this order.
_SCRIPTS = ("frames.js", "palette.js", "ticks.js", "field.js", "moment.js", "dots.js", "scene.js")


def render(record: Record, step: int | None = None) -> bytes:
    """The page, with the run up to ``step``."""
    keyframes = thinned(keyframes_until(record, step), BYTES)
    scripts = [_HERE.parent / "ui" / name for name in _SCRIPTS]
    parts = {
        "title": html.escape(one_line(record.name) or title(record.recipe, keyframes[-1].step)),
        "css": _read(_HERE / "player.css"),
        "js": "\n".join(map(_read, [*scripts, _HERE / "player.js"])),
        "run": json.dumps(_run(record, keyframes), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
    }
    # In one pass: a name that looks like one of these places is only a name.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _read(_HERE / "player.html")).encode()


def thinned(keyframes: Sequence[Keyframe], most: int) -> list[Keyframe]:
    """Keyframes of at most so many bytes, evenly chosen; the first and the last are among them."""
    size = sum(len(keyframe.data) for keyframe in keyframes)
    count = max(2, int(len(keyframes) * most / size))
    if count >= len(keyframes):
        return list(keyframes)
    return [keyframes[index] for index in np.linspace(0, len(keyframes) - 1, count).round().astype(int)]


def _run(record: Record, keyframes: Sequence[Keyframe]) -> dict[str, Any]:
    """What the page's script reads."""
    recipe, distribution = record.recipe, record.recipe.distribution
    support, perfect = distribution.support, perfect_shares(distribution)
    real = distribution.sample(_REAL_POINTS, stream(recipe.seed, Purpose.PROBE_DATA))
    return {
        "data": within(distribution.title),
        "name": one_line(record.name),
        "link": f"?{link(recipe)}",
        "recipe": recipe_rows(recipe, record.seeds),
        "changes": stretches(recipe),
        "latent": recipe.latent if recipe.trains_generator else 0,
        "extent": distribution.extent,
        "real": _text(pack_points(real, BOX * distribution.extent)),
        "modes": support.centres.tolist() if isinstance(support, Modes | Cells) else [],
        "kind": perfect.kind,
        "total": len(perfect.weights),
        "perfect": perfect.high_quality,
        "floor": floor(recipe, LIVE_POINTS),
        "curves": [
            [short(keyframe.lanes[lane].get("w1")) for keyframe in keyframes] for lane in range(record.replicates)
        ],
        "sizes": [len(keyframe.data) for keyframe in keyframes],
        "frames": _text(b"".join(keyframe.data for keyframe in keyframes)),
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
