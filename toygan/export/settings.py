"""What the template's ``now`` stands for in one recipe: each setting as Python source, one text a phase of the run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

from toygan.export.penalty import noise_function, penalty_function
from toygan.methods import METHODS
from toygan.recipe import Recipe

#: Settings that are recipe fields by the same name; the others are functions and switches.
FIELDS = (
    "batch",
    "critic_steps",
    "penalty_weight",
    "clip",
    "generator_learning_rate",
    "critic_learning_rate",
    "beta1",
    "beta2",
    "decay",
    "gradient_clip",
    "instance_noise",
    "instance_noise_steps",
    "ema",
)

_ACTIVATIONS = {"relu": "torch.relu", "leaky-relu": "leaky_relu", "tanh": "torch.tanh", "elu": "functional.elu"}
_OFF = ("0", "0.0", "None", "False")


def settings(recipe: Recipe) -> dict[str, list[str]]:
    """By name: the setting's source in each phase."""
    recipes = [phase for _, phase in recipe.phases()]
    penalties = _penalty_names(recipe)

    def each(text: Callable[[Recipe], str]) -> list[str]:
        return [text(phase) for phase in recipes]

    found = {
        **{name: _carried([_field(phase, name) for phase in recipes]) for name in FIELDS},
        "activation": each(lambda phase: _ACTIVATIONS[phase.activation]),
        "network": each(lambda phase: str(phase.generator == "network")),
        "frozen": each(lambda phase: str(phase.generator == "frozen")),
        "generator": each(lambda phase: phase.generator.capitalize()),
        "latent": each(lambda phase: "GENERATOR_WIDTHS[0]" if phase.generator == "network" else "LATENT"),
        "draw_latents": each(lambda phase: phase.latent_law if phase.trains_generator else "None"),
        "share": each(lambda phase: f"{phase.latent_law}_share" if phase.generator == "line" else "None"),
        "optimizer": each(lambda phase: phase.optimizer),
        "critic_loss": each(lambda phase: _loss(phase, "critic")),
        "generator_loss": each(lambda phase: _loss(phase, "generator")),
        "paired": each(lambda phase: str(_is_paired(phase))),
        "penalty": each(lambda phase: penalties[phase.method][0]),
        "penalty_noise": each(lambda phase: penalties[phase.method][1]),
        "spectral_norm": each(lambda phase: str(phase.method_entry.constraint == "spectral-norm")),
    }
    return found | {name: [str(value)] * len(recipes) for name, value in _uses(found).items()}


def is_on(text: str) -> bool:
    """Whether a setting's source is true in a condition."""
    return text not in _OFF


def template() -> str:
    """The text of ``template.py``."""
    return Path(__file__).with_name("template.py").read_text(encoding="utf-8")


def penalty_functions(recipe: Recipe) -> list[str]:
    """The source of the functions that the settings ``penalty`` and ``penalty_noise`` name."""
    functions: dict[str, str] = {}
    for key, (penalty, noise) in _penalty_names(recipe).items():
        functions |= {penalty: penalty_function(penalty, METHODS[key]), noise: noise_function(noise, METHODS[key])}
    functions.pop("None", None)
    return list(functions.values())


def _uses(found: Mapping[str, list[str]]) -> dict[str, bool]:
    """What the run does in any of its phases."""
    changes = {name for name, values in found.items() if len(set(values)) > 1}
    pairs = list(itertools.pairwise(zip(found["optimizer"], found["beta1"], found["beta2"], strict=True)))
    new_options = any(one[0] == other[0] and one != other for one, other in pairs)
    late = any(one[0] == other[0] == "sgd" and one[1] == "0.0" != other[1] for one, other in pairs)
    rates = {"generator_learning_rate", "critic_learning_rate", "decay"} & changes
    return {
        "uses_changes": bool(changes),
        "uses_optimizers": "optimizer" in changes,
        "uses_new_options": new_options,
        "uses_late_momentum": late,
        "uses_rates": bool(rates) or new_options or any(map(is_on, found["decay"])),
        "uses_average": any(map(is_on, found["ema"])),
        "uses_spectral_norm": any(map(is_on, found["spectral_norm"])),
    }


def _field(recipe: Recipe, name: str) -> str | None:
    """A field's value as source, or ``None`` where nothing looks at it."""
    method = recipe.method_entry
    idle = {
        "generator_learning_rate": not recipe.trains_generator,
        "ema": not recipe.trains_generator,
        "penalty_weight": not method.uses("penalty_weight"),
        "beta1": recipe.optimizer == "rmsprop",
        "beta2": recipe.optimizer == "sgd",
        "instance_noise_steps": not recipe.instance_noise,
    }
    if idle.get(name):
        return None
    if name == "clip" and not method.uses("clip"):
        return "None"
    return repr(getattr(recipe, name))


def _carried(values: list[str | None]) -> list[str]:
    """Where nothing looks at a value it stays as it was, so that it does not count as changed."""
    last = next((value for value in values if value is not None), "0.0")
    return [last := value if value is not None else last for value in values]


def _loss(recipe: Recipe, whose: str) -> str:
    return f"{recipe.method_entry.objective.replace('-', '_')}_{whose}_loss"


def _is_paired(recipe: Recipe) -> bool:
    """Whether the generator's loss looks at real points too."""
    return f"def {_loss(recipe, 'generator')}(real: Tensor, fake: Tensor)" in template()


def _penalty_names(recipe: Recipe) -> dict[str, tuple[str, str]]:
    """By method: the names of its penalty and of that penalty's noise, or "None"."""
    methods = {phase.method: phase.method_entry for _, phase in recipe.phases()}
    shared = len({method.penalties for method in methods.values() if method.penalties}) <= 1
    names = {}
    for key, method in methods.items():
        word = "" if shared else f"{key.replace('-', '_')}_"
        penalty = f"{word or 'gradient_'}penalty" if method.penalties else "None"
        noise = f"{word or 'penalty_'}noise" if noise_function("", method) else "None"
        names[key] = penalty, noise
    return names
