"""A run as JSON: its recipe, who it is, and what it came to."""

from __future__ import annotations

import json
from typing import Any

from toygan.export.tables import keyframe_at
from toygan.export.words import link
from toygan.frames import finite, unpack
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
        "seconds": finite(keyframe.seconds),
        "failed": unpack(keyframe.data).failed[0],
        "metrics": [
            {"seed": seed, **{name: finite(value) for name, value in lane.items()}}
            for seed, lane in zip(record.seeds, keyframe.lanes, strict=True)
        ],
        "versions": versions(),
    }
