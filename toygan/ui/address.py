"""The address bar: a link that reproduces what is on the screen, read without losing what is sound in it."""

from __future__ import annotations

from collections.abc import Mapping

from toygan.recipe import MAX_STEPS, Recipe

#: Parameters that are not the recipe's: Streamlit's own, and the step, which the stage keeps.
_FOREIGN = ("embed", "embed_options", "step")


def read(query: Mapping[str, str]) -> tuple[Recipe, int, list[str]]:
    """The recipe and step of a link, and a sentence for each part of it that could not be used."""
    fields = {name: value for name, value in query.items() if name not in _FOREIGN}
    step, problems = _step(query.get("step", "0"))
    try:
        return Recipe.from_query(fields), step, problems
    except ValueError:
        recipe, sentences = _read_piecewise(fields)
        if step:
            sentences.append("What is left is another run, so it begins at step 0.")
        return recipe, 0, [*problems, *sentences]


def _read_piecewise(fields: Mapping[str, str]) -> tuple[Recipe, list[str]]:
    """As many fields as make a valid recipe together, the method and data first, since others depend on them."""
    sound: dict[str, str] = {}
    sentences = []
    for name in sorted(fields, key=lambda name: name not in ("method", "data")):
        try:
            Recipe.from_query({**sound, name: fields[name]})
        except ValueError as error:
            sentences.append(f"The link's {name} was left out: {error}")
        else:
            sound[name] = fields[name]
    return Recipe.from_query(sound), sentences


def _step(text: str) -> tuple[int, list[str]]:
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= MAX_STEPS:
        return int(text), []
    return 0, [f"The link's step was left out: it must be a whole number from 0 to {MAX_STEPS:,}, not {text[:20]!r}."]


def parameters(recipe: Recipe, query: Mapping[str, str]) -> dict[str, str]:
    """The parameters the address bar should hold for ``recipe``, keeping those that are not the recipe's."""
    return {**recipe.to_query(), **{name: value for name, value in query.items() if name in _FOREIGN}}
