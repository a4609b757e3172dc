"""A run as a script: one readable file of plain PyTorch and NumPy that trains it again, without toygan.

The text is ``template.py``'s, cut down to what the recipe uses. Settings that hold for the whole run become constants,
those that an intervention changes stay in ``now``. Nothing here imports torch.
"""

from __future__ import annotations

import functools
import re
import shlex
import textwrap
from collections.abc import Mapping

import toygan
from toygan.export import data
from toygan.export.settings import FIELDS, is_on, penalty_functions, settings, template
from toygan.export.specialise import decide, keep_reached, put_in, without_empty_sections
from toygan.export.words import link, one_line
from toygan.methods import METHODS
from toygan.recipe import Recipe
from toygan.record import Record
from toygan.streams import BLOCK
from toygan.words import within

#: Generator steps where a record does not say how far it came.
STEPS = 5000

_WIDTH = 120

_GAINS = {"relu": "2**0.5", "leaky-relu": "(2 / (1 + 0.2**2)) ** 0.5", "tanh": "1.0", "elu": "1.0"}

_COMMENTS = {
    "batch": "real and generated points in each update",
    "critic_steps": "critic updates before each generator update",
    "penalty_weight": "of the gradient penalty in the critic's loss",
    "clip": "the critic's weights stay between minus and plus this",
    "generator_learning_rate": "",
    "critic_learning_rate": "",
    "beta1": "how much of its running average of gradients the optimizer keeps",
    "beta2": "how much of its running average of squared gradients the optimizer keeps",
    "decay": "steps in which the learning rates halve",
    "gradient_clip": "longest gradient of all weights of a network together",
    "instance_noise": "standard deviation, at step 0, of noise on all that the critic sees",
    "instance_noise_steps": "steps in which the instance noise falls to zero",
    "ema": "how much of itself the averaged generator keeps at each step",
}


def render(record: Record, step: int | None = None) -> bytes:
    """The script that trains as far as ``step``, or as the record goes."""
    return script(record, step).encode()


def script(record: Record, step: int | None = None) -> str:
    """The same as text."""
    return header(record, step) + "".join(sections(record, step).values())


def sections(record: Record, step: int | None = None, roots: tuple[str, ...] = ("main",)) -> dict[str, str]:
    """The parts by title that ``roots`` need, the imports first, under ""; each starts with its heading."""
    return _split(_program(record.recipe, steps_of(record, step), roots))


def steps_of(record: Record, step: int | None) -> int:
    """How far to train: ``step``, or the record's last keyframe."""
    if step is not None:
        return step
    return record.keyframes[-1].step if record.keyframes else STEPS


def command(record: Record, to: str, step: int | None = None) -> str:
    """The command that makes this export anew."""
    steps = max(1, steps_of(record, step))
    return f"python -m toygan export {shlex.quote(link(record.recipe))} --steps {steps} --to {to}"


def header(record: Record, step: int | None = None) -> str:
    """What the script is, where it comes from, and what made it."""
    recipe, steps, seeds = record.recipe, steps_of(record, step), record.seeds
    several = f" The run has the seeds {seeds[0]} to {seeds[-1]}: choose one with --seed." if len(seeds) > 1 else ""
    about = (
        f"It trains {steps:,} steps with the weights, data, latents and noise of a run of toygan, and needs PyTorch "
        f"and NumPy alone. Its losses are the run's up to rounding, which grows from step to step: after some tens "
        f"of them it is another run of the same kind, as it is on another machine.{several}"
    )
    methods = dict.fromkeys(phase.method for _, phase in recipe.phases())
    papers = [f"{METHODS[key].title}: {METHODS[key].paper}." for key in methods]
    facts = [
        *([f"Name: {one_line(record.name)}"] if record.name else []),
        "Recipe:",
        *_wrap(_words(recipe), indent="  "),
        f"Link: ?{link(recipe)}",
        f"Made by toygan {toygan.__version__}: {command(record, 'script', step)}",
    ]
    title = f"{recipe.method_entry.label} on a toy distribution: {within(recipe.distribution.title)}."
    usage = "    python FILE --csv losses.csv --samples out.npy"
    lines = [f'"""{title}', "", usage, "", *_wrap(about), "", *papers, '"""', "", *(f"# {fact}" for fact in facts)]
    return "\n".join(lines) + "\n\n"


def _words(recipe: Recipe) -> str:
    values = {
        name: value for name, value in recipe.to_json().items() if name not in ("data_parameters", "interventions")
    }
    values |= {f"data.{name}": value for name, value in recipe.data_parameters}
    text = " ".join(f"{name}={value}" for name, value in values.items())
    for step, changes in recipe.interventions:
        text += f"; at step {step} " + " ".join(f"{name}={value}" for name, value in changes)
    return text


def _wrap(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH - 2,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


@functools.lru_cache(maxsize=16)
def _program(recipe: Recipe, steps: int, roots: tuple[str, ...]) -> str:
    """The script without its header, as far as ``roots`` need it."""
    found = settings(recipe)
    changing = [name for name, values in found.items() if len(set(values)) > 1]
    constant = {name: values[0] for name, values in found.items() if name not in changing}
    texts = {name: name.upper() if name in FIELDS else text for name, text in constant.items()}
    parts = _split(_from_imports(template()))
    parts["the data"] += f"{data.functions()}\n\n{data.sampler(recipe.distribution)}\n\n"
    parts["losses"] += "".join(f"{text}\n\n" for text in penalty_functions(recipe))
    parts["what changes on the way"] = _changes(recipe, {name: found[name] for name in changing})
    truths = {name: is_on(text) for name, text in constant.items()}
    numbers = {name: text for name, text in constant.items() if name in FIELDS}
    parts["the recipe"] = "# ---- the recipe\n\n" + _constants(recipe, steps, numbers)
    source = put_in(decide("".join(parts.values()), truths), texts)
    return without_empty_sections(keep_reached(source, set(roots))).rstrip("\n") + "\n"


def _from_imports(source: str) -> str:
    return source[source.index("import argparse") :]


def _split(source: str) -> dict[str, str]:
    """Parts by heading, each with it; what comes before the first is under ""."""
    first, *rest = re.split(r"^(?=# ---- )", source, flags=re.M)
    return {"": first, **{part.partition("\n")[0].removeprefix("# ---- "): part for part in rest}}


def _constants(recipe: Recipe, steps: int, numbers: Mapping[str, str]) -> str:
    """The recipe's numbers under headings that say where they come from."""
    method, usual = recipe.method_entry, Recipe(method=recipe.method)
    first, chosen, own, common = (
        "",
        "# Set for this run:\n",
        f"# {method.label}'s defaults in toygan, which suit these toys ({method.paper}):\n",
        "# The defaults of all methods in toygan:\n",
    )
    groups: dict[str, list[str]] = {first: [], chosen: [], own: [], common: []}

    def origin(*fields: str) -> str:
        if any(getattr(recipe, field) != getattr(usual, field) for field in fields):
            return chosen
        return own if any(field in method.defaults for field in fields) else common

    def add(group: str, name: str, text: str, comment: str) -> None:
        groups[group].append(f"{name} = {text}  # {comment}\n" if comment else f"{name} = {text}\n")

    add(first, "SEED", repr(recipe.seed), "fixes all random numbers: first weights, data, latents and noise")
    add(first, "STEPS", repr(steps), "generator steps")
    add(first, "BLOCK", repr(BLOCK), "steps whose random numbers are drawn together")
    if recipe.generator == "network":
        generator = [recipe.latent, *[recipe.generator_width] * recipe.generator_depth, 2]
        where = origin("generator_width", "generator_depth", "latent")
        add(where, "GENERATOR_WIDTHS", repr(generator), "units of each layer, from latents to points")
    elif recipe.trains_generator:
        add(origin("latent"), "LATENT", repr(recipe.latent), "random numbers that each point is made of")
    critic = [2, *[recipe.critic_width] * recipe.critic_depth, 1]
    where = origin("critic_width", "critic_depth")
    add(where, "CRITIC_WIDTHS", repr(critic), "units of each layer, from points to values")
    comment = f"spread of hidden layers' first weights, for {recipe.activation} (He et al. 2015)"
    add(origin("activation"), "GAIN", _GAINS[recipe.activation], comment)
    for name, text in numbers.items():
        add(origin(name), name.upper(), text, _COMMENTS[name])
    return "".join(f"{title}{''.join(lines)}\n" for title, lines in groups.items() if lines)


def _changes(recipe: Recipe, changing: Mapping[str, list[str]]) -> str:
    """``now`` at the start, and by step what takes over."""
    first = "".join(f"    {name}={texts[0]},\n" for name, texts in changing.items())
    entries = []
    for number, (step, _) in enumerate(recipe.phases()[1:], start=1):
        new = {name: texts[number] for name, texts in changing.items() if texts[number] != texts[number - 1]}
        if new:
            inside = "".join(f'        "{name}": {text},\n' for name, text in new.items())
            entries.append(f"    {step}: {{\n{inside}    }},\n")
    return (
        "# ---- what changes on the way\n\n# What holds at first, and by step what takes over then.\n"
        f"now = SimpleNamespace(\n{first})\nCHANGES = {{\n{''.join(entries)}}}\n\n"
    )
