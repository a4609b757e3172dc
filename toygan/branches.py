"""Branches: the runs that went on from one another, as a tree.

A branch's recipe is its parent's plus an intervention, so the tree follows from the recipes alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from toygan.methods import METHODS
from toygan.recipe import KNOBS, Recipe


@dataclass(frozen=True)
class Branch:
    """One run of a tree: the row of its parent in the tree, the step it left it at, and how far it has come."""

    recipe: Recipe
    parent: int | None
    step: int
    reach: int
    title: str


def root_of(recipe: Recipe) -> Recipe:
    """The run that a branch and all its relatives came from."""
    return replace(recipe, interventions=())


def tree_of(recipe: Recipe, known: Mapping[Recipe, int]) -> list[Branch]:
    """The tree that ``recipe`` belongs to, parents before their children, children by the step they leave at.

    ``known`` has runs and how far they have come; those of other trees are left out. The root and ``recipe`` are
    always in it. A run whose parent is not known stands under the nearest ancestor that is.
    """
    root = root_of(recipe)
    reach = {found: steps for found, steps in known.items() if root_of(found) == root}
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


def change_title(fields: Iterable[tuple[str, Any]]) -> str:
    """What an intervention changed, in a few words."""
    changed = dict(fields)
    if "method" in changed:
        return METHODS[changed["method"]].label
    return ", ".join(
        f"{KNOBS[name].label} {value:g}" if isinstance(value, float) else f"{KNOBS[name].label} {value}"
        for name, value in changed.items()
    )
