"""A run's losses by step as a picture, for the notebook."""

from __future__ import annotations

import io

import matplotlib
from matplotlib.figure import Figure

from toygan.export import palette
from toygan.export.figure import STYLE, quieten
from toygan.export.tables import keyframes_until
from toygan.record import Record


def losses_png(record: Record, step: int | None = None) -> bytes:
    """The first seed's losses at the keyframes up to ``step``; the generator's in its method's colour."""
    found = keyframes_until(record, step)
    keyframes = [keyframe for keyframe in found if keyframe.metrics.get("critic_loss") is not None]
    steps = [keyframe.step for keyframe in keyframes]
    colour = record.recipe.at(steps[-1] if steps else 0).method_entry.colour
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7, 3), facecolor=palette.BACKGROUND, layout="constrained")
        axes = figure.add_subplot()
        for name, shade in (("critic", palette.MUTED), ("generator", colour)):
            values = [keyframe.metrics[f"{name}_loss"] for keyframe in keyframes]
            axes.plot(steps, values, color=shade, linewidth=1.2, label=name)
        axes.set_xlabel("step", color=palette.MUTED, size=9)
        axes.set_ylabel("loss", color=palette.MUTED, size=9)
        axes.legend(frameon=False, labelcolor=palette.MUTED, fontsize=9)
        quieten(axes)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110, metadata={"Software": "toygan"})
    return buffer.getvalue()
