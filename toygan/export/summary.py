"""A run as JSON: its recipe, who it is, and what it came to."""

from __future__ import annotations

import json
import math
from typing import Any

from toygan.export.tables import keyframe_at
from toygan.export.words import link
from toygan.frames import unpack
from toygan.record import Record
from toygan.versions import versions


def render(record: Record, step: int | None = None) -> bytes:
    """The summary as text; ``Recipe.from_json`` reads its entry ``recipe``, and what is not finite is null."""
    return (json.dumps(summary(record, step), indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def summary(record: Record, step: int | None = None) -> dict[str, Any]:
    """The recipe, name, key, link, seeds, step reached, the metrics of each seed there, and versions."""
    keyframe = keyframe_at(record, step)
    return {
        "recipe": record.recipe.to_json(),
        "name": record.name,
        "key": record.key,
        "link": f"?{link(record.recipe)}&step={keyframe.step}",
        "replicates": record.replicates,
        "steps": keyframe.step,
        "seconds": _finite(keyframe.seconds),
        "failed": unpack(keyframe.data).failed[0],
        "metrics": [
            {"seed": seed, **{name: _finite(value) for name, value in lane.items()}}
            for seed, lane in zip(record.seeds, keyframe.lanes, strict=True)
        ],
        "versions": versions(),
    }


def _finite(value: float | int | None) -> float | int | None:
    return value if value is not None and math.isfinite(value) else None
