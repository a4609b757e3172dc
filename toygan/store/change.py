"""What is to be written of one run, and how it changes the run's row: the same for the file and for who reads ahead."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from toygan.recipe import Recipe
from toygan.record import Keyframe
from toygan.state import State

#: Seconds after a deletion for which what arrives was on its way already. Training later on brings the run back.
GRACE = 5.0


@dataclass(frozen=True)
class Row:
    """All that is known of a run but its keyframes, states and measurements; times in seconds since 1970.

    ``recipe`` is JSON, ``family`` the key of the recipe without interventions, ``deleted`` when that was, if it was.
    """

    key: str
    family: str
    recipe: str
    replicates: int
    created: float
    updated: float
    name: str = ""
    pinned: bool = False
    failed: bool = False
    deleted: float | None = None


#: The columns of a row, in the order of its fields.
COLUMNS = ", ".join(field.name for field in dataclasses.fields(Row))


@dataclass
class Change:
    """What waits to be written of one run; later news of the same run join it.

    ``recipe`` is ``None`` where only the row's ``marks`` change, or its measurements; ``states`` is ``None`` where
    nothing is known of them. ``at`` is when it was last trained.
    """

    recipe: Recipe | None = None
    replicates: int = 1
    failed: bool = False
    at: float = 0.0
    keyframes: dict[int, Keyframe] = field(default_factory=dict)
    states: dict[int, State] | None = None
    measured: dict[int, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    marks: dict[str, Any] = field(default_factory=dict)

    def trained(
        self,
        recipe: Recipe,
        replicates: int,
        keyframes: Iterable[Keyframe],
        states: Mapping[int, State] | None,
        failed: bool,
        now: float,
    ) -> None:
        """Add what training brought."""
        self.recipe, self.replicates, self.failed, self.at = recipe, replicates, failed, now
        self.keyframes.update((keyframe.step, keyframe) for keyframe in keyframes)
        if states is not None:
            # The state at step 0 follows from the recipe.
            self.states = {step: state for step, state in states.items() if step > 0}
        deleted = self.marks.get("deleted")
        if deleted is not None and now > deleted + GRACE:
            self.marks["deleted"] = None

    def row(self, key: str, before: Row | None) -> Row | None:
        """The run's row after this change; ``None`` where the run is unknown and stays so."""
        row = before
        if self.recipe is not None:
            text = json.dumps(self.recipe.to_json(), sort_keys=True, separators=(",", ":"))
            if row is None:
                row = Row(key, self.recipe.at(0).key, text, self.replicates, self.at, self.at)
            revived = row.deleted is not None and self.at > row.deleted + GRACE
            row = dataclasses.replace(
                row,
                recipe=text,
                replicates=self.replicates,
                failed=self.failed,
                updated=max(self.at, row.updated),
                deleted=None if revived else row.deleted,
            )
        return row and dataclasses.replace(row, **self.marks)
