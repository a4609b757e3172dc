"""Charts of runs while they train, as values: the browser draws them from the keyframes that it has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chart:
    """What is drawn of each run against the clock's reading.

    ``kind`` "line": a keyframe's ``metric``, a line a run, the mean of all seeds with a band from the lowest to the
    highest; ``reference`` is a dotted line across, ``floor`` shows the noise floor of W1, ``log`` makes the axis
    logarithmic, ``format`` is that of its numbers in d3's notation. "occupancy": a heat map for each run, the share of
    its good samples in each mode. ``name`` is in kebab case, ``look`` a sentence that says what to look at; ``height``
    is in CSS pixels; a ``wide`` chart takes a whole row.
    """

    name: str
    title: str
    look: str
    kind: str = "line"
    metric: str = ""
    format: str = ""
    reference: float | None = None
    log: bool = False
    floor: bool = False
    height: int = 150
    wide: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("line", "occupancy"):
            raise ValueError(f"unknown kind of chart {self.kind!r}: choose from line, occupancy")
        if (self.kind == "line") != bool(self.metric):
            raise ValueError(f"chart {self.name!r} must name a metric if it is of lines, and only then")
