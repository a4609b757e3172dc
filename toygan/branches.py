"""Branches: the runs that went on from one another, as a tree.

A branch's recipe is its parent's plus an intervention, so the tree follows from the recipes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from toygan.recipe import Recipe
from toygan.words import change_title


@dataclass(frozen=True)
class Branch:
    """One run of a tree: the row of its parent in the tree, the step it left it at, and how far it has come."""

    recipe: Recipe
    parent: int | None
    step: int
    reach: int
    title: str


def tree_of(recipe: Recipe, known: Mapping[Recipe, int]) -> list[Branch]:
    """The tree that ``recipe`` belongs to, parents before their children, children by the step they leave at.

    ``known`` has runs and how far they have come; those of other trees are left out. The root and ``recipe`` are
    always in it. A run whose parent is not known stands under the nearest ancestor that is.
    """
    root = recipe.at(0)
    reach = {found: steps for found, steps in known.items() if found.at(0) == root}
    for needed in (root, recipe):
        reach.setdefault(needed, 0)
    order = sorted(reach, key=lambda found: [(step, repr(fields)) for step, fields in found.interventions])
    rows: dict[Recipe, int] = {}
    tree: list[Branch] = []
    for found in order:
        parent = next((rows[known] for known in _ancestors(found) if known in rows), None)
        rows[found] = len(tree)
        own = found.interventions[len(tree[parent].recipe.interventions) :] if parent is not None else ()
        step = own[0][0] if own else 0
        title = "; ".join(change_title(fields) for _, fields in own) or found.method_entry.label
        # A branch has all that lies before it, however far it was shown itself.
        tree.append(Branch(found, parent, step, max(reach[found], step), title))
    return tree


def _ancestors(recipe: Recipe) -> Iterable[Recipe]:
    """The nearest first; the root last."""
    for count in reversed(range(len(recipe.interventions))):
        yield replace(recipe, interventions=recipe.interventions[:count])


def stretches(recipe: Recipe) -> list[dict[str, Any]]:
    """The start and every intervention: from which step, what was changed, and what the method then looks like."""
    titles = {0: "", **{step: change_title(fields) for step, fields in recipe.interventions}}
    methods = {step: recipe.at(step).method_entry for step in titles}
    return [
        {
            "step": step,
            "title": title,
            "method": methods[step].label,
            "colour": methods[step].colour,
            "neutral": methods[step].neutral,
        }
        for step, title in titles.items()
    ]
