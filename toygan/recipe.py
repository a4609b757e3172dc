"""Recipe: everything that determines a run, as one small frozen value.

A run is a pure function of its recipe. Fields a recipe does not name take the method's defaults, then the
project's. ``to_json``/``from_json`` keep every field; ``to_query``/``from_query`` keep only what differs from the
defaults, so that links stay short; ``key`` is a stable hash under which runs are shared and cached.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toygan.distributions import DISTRIBUTIONS, Distribution, find_distribution, make_distribution
from toygan.lookup import lookup, suggestion
from toygan.methods import METHODS, Method, find_method

#: The longest run that is accepted, in generator steps.
MAX_STEPS = 1_000_000

#: Goes into every hash: a change of what recipes mean must change their keys.
_VERSION = 1

#: Fields that came later than the keys: at their defaults they stay out of the hash, so that older recipes keep theirs.
_LATER = ("generator",)

DEVICES = ("auto", "cpu", "cuda", "mps")
OPTIMIZERS = ("adam", "rmsprop", "sgd")
ACTIVATIONS = ("relu", "leaky-relu", "tanh", "elu")
LATENT_LAWS = ("normal", "uniform")
GENERATORS = ("network", "line", "frozen")


class UnknownField(ValueError):
    """Raised for a name that is none of a recipe's fields."""


@dataclass(frozen=True)
class Knob:
    """What is known of one recipe field: its default, range, unit, help text, and where it may change.

    ``low`` and ``high`` are inclusive, except that ``above`` makes ``low`` exclusive. ``changeable`` fields may be
    named by an intervention; the others shape the networks or the random streams and hold for a whole run.
    """

    label: str
    default: Any
    help: str
    unit: str = ""
    kind: str = "real"
    low: float | None = None
    high: float | None = None
    above: bool = False
    choices: tuple[str, ...] = ()
    changeable: bool = True

    def read(self, name: str, value: Any) -> Any:
        """``value`` as this knob's type; raises ``ValueError`` with a sentence when it cannot be."""
        if self.kind == "choice":
            return _one_of(name, value, self.choices)
        number = _number(name, value)
        if self.kind == "integer":
            if number != int(number):
                raise ValueError(f"{name} must be a whole number, not {value}.")
            number = int(number)
        too_low = self.low is not None and (number <= self.low if self.above else number < self.low)
        if too_low or (self.high is not None and number > self.high):
            raise ValueError(f"{name} must be {self.range_text()}, not {value}.")
        return number

    def range_text(self) -> str:
        """The allowed values in words, such as "above 0 and at most 10"."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        low, high = (f"{bound:,}" if isinstance(bound, int) else f"{bound:g}" for bound in (self.low, self.high))
        return f"above {low} and at most {high}" if self.above else f"between {low} and {high}"


def _one_of(name: str, value: Any, choices: Iterable[str]) -> str:
    names = dict.fromkeys(choices)
    lookup(name, value, names)
    return str(value)


def _number(name: str, value: Any) -> float:
    sentence = f"{name} must be a number, not {value!r}."
    if isinstance(value, bool) or value is None:
        raise ValueError(sentence)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(sentence) from error
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, not {value}.")
    # Minus zero would be the same recipe under another key.
    return number + 0.0


def _field(
    label: str,
    default: Any,
    help: str,
    *,
    choices: Iterable[str] = (),
    kind: str | None = None,
    **details: Any,
) -> Any:
    """A recipe field whose knob is kept in its metadata; ``None`` stands for "the default"."""
    choices = tuple(choices)
    kind = kind or ("choice" if choices else "integer" if isinstance(default, int) else "real")
    knob = Knob(label, default, help, kind=kind, choices=choices, **details)
    return dataclasses.field(default=None, metadata={"knob": knob})


Intervention = tuple[int, tuple[tuple[str, Any], ...]]


@dataclass(frozen=True)
class Recipe:
    """The whole configuration of a run; validated on construction.

    Raises ``ValueError`` with a sentence that says which field is wrong and what it may be.
    """

    data: str = _field(
        "Distribution",
        "ring8-wide",
        "What there is to learn.",
        choices=DISTRIBUTIONS,
        changeable=False,
    )
    data_parameters: tuple[tuple[str, float], ...] = dataclasses.field(default=())
    method: str = _field("Method", "wgan-gp", "Loss, penalties and constraint.", choices=METHODS)
    penalty_weight: float = _field(
        "Penalty weight",
        0.1,
        "Weight of each gradient penalty in the critic's loss; R1's and R3GAN's papers call twice this number gamma. "
        "Methods without a penalty ignore it.",
        low=0,
        high=1000,
    )
    clip: float = _field(
        "Clipping bound",
        0.01,
        "After every critic step each weight and bias is clipped to plus or minus this bound. Used by WGAN only.",
        low=0,
        above=True,
        high=10,
    )
    critic_steps: int = _field(
        "Critic steps",
        1,
        "Critic updates before each generator update.",
        unit="updates a step",
        low=1,
        high=100,
    )
    generator: str = _field(
        "Generator",
        "network",
        "What makes points. A network; a line of points (theta, y), y even between 0 and 1, whose one weight theta "
        "starts at 1; or, frozen, fresh real points plus standard normal noise, so that only the critic is trained.",
        choices=GENERATORS,
        changeable=False,
    )
    generator_width: int = _field(
        "Generator width",
        64,
        "Units in each hidden layer of the generator, if it is a network.",
        unit="units",
        low=1,
        high=1024,
        changeable=False,
    )
    generator_depth: int = _field(
        "Generator depth",
        3,
        "Hidden layers of the generator, if it is a network. With 0 it is linear.",
        unit="layers",
        low=0,
        high=12,
        changeable=False,
    )
    critic_width: int = _field(
        "Critic width",
        64,
        "Units in each hidden layer of the critic.",
        unit="units",
        low=1,
        high=1024,
        changeable=False,
    )
    critic_depth: int = _field(
        "Critic depth",
        3,
        "Hidden layers of the critic. With 0 it is linear.",
        unit="layers",
        low=0,
        high=12,
        changeable=False,
    )
    activation: str = _field(
        "Activation", "relu", "The function that follows every hidden layer, in both networks.", choices=ACTIVATIONS
    )
    latent: int = _field(
        "Latent dimension",
        2,
        "Random numbers that the generator makes each sample of.",
        unit="dimensions",
        low=1,
        high=512,
        changeable=False,
    )
    latent_law: str = _field(
        "Latent law",
        "normal",
        "How the generator's numbers are drawn: from a standard normal distribution, or evenly between -1 and 1.",
        choices=LATENT_LAWS,
    )
    batch: int = _field(
        "Batch size",
        256,
        "Real and generated points in each update.",
        unit="points",
        low=1,
        high=4096,
    )
    optimizer: str = _field("Optimizer", "adam", "Update rule of both networks.", choices=OPTIMIZERS)
    generator_learning_rate: float = _field(
        "Generator learning rate",
        1e-3,
        "Step size of the generator.",
        low=0,
        high=10,
    )
    critic_learning_rate: float = _field("Critic learning rate", 1e-3, "Step size of the critic.", low=0, high=10)
    beta1: float = _field(
        "Beta 1",
        0.5,
        "How much of the running average of gradients Adam keeps at each update; for SGD, the momentum. "
        "RMSProp ignores it.",
        low=0,
        high=0.9999,
    )
    beta2: float = _field(
        "Beta 2",
        0.9,
        "How much of the running average of squared gradients Adam and RMSProp keep at each update. SGD ignores it.",
        low=0,
        high=0.99999,
    )
    decay: float = _field(
        "Learning-rate half-life",
        0.0,
        "Both learning rates halve every so many generator steps. 0 keeps them constant.",
        unit="steps",
        low=0,
        high=MAX_STEPS,
    )
    instance_noise: float = _field(
        "Instance noise",
        0.0,
        "Standard deviation, at step 0, of Gaussian noise added to the points that the critic sees, real and "
        "generated. It falls linearly to zero.",
        unit="data units",
        low=0,
        high=10,
    )
    instance_noise_steps: int = _field(
        "Noise annealing",
        5000,
        "Generator steps until the instance noise is zero.",
        unit="steps",
        low=1,
        high=MAX_STEPS,
    )
    gradient_clip: float = _field(
        "Gradient clipping",
        0.0,
        "Longest gradient that a network's weights are updated with; longer ones are scaled down to it. 0 is off.",
        low=0,
        high=1_000_000,
    )
    ema: float = _field(
        "Generator averaging",
        0.997,
        "What is shown and measured is a running average of the generator's weights. At each step it keeps this share "
        "of itself, less in the first steps. 0 shows the generator as it is.",
        low=0,
        high=0.99999,
    )
    seed: int = _field(
        "Seed",
        0,
        "Fixes all random numbers: first weights, data, latents and noise.",
        low=0,
        high=2**53 - 1,
        changeable=False,
    )
    device: str = _field(
        "Device",
        "auto",
        "Where training runs. Auto takes a CUDA GPU when the networks are large enough to gain from it.",
        choices=DEVICES,
        changeable=False,
    )
    interventions: tuple[Intervention, ...] = dataclasses.field(default=())

    def __post_init__(self) -> None:
        method_key = METHOD_KNOB.default if self.method is None else self.method
        lookup("method", method_key, METHODS)
        defaults = METHODS[method_key].defaults
        for name, knob in KNOBS.items():
            value = getattr(self, name)
            if value is None:
                value = defaults.get(name, knob.default)
            self._set(name, knob.read(name, value))
        self._set("data_parameters", _data_parameters(self.data, self.data_parameters))
        self._set("interventions", _interventions(self.interventions))
        self._check_combination()

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_combination(self) -> None:
        if self.batch < 2 and any(p.where == "around-real" for p in METHODS[self.method].penalties):
            raise ValueError(
                f"{self.method} needs a batch of at least 2, since its noise is scaled by the batch's spread."
            )
        parameters = max(critic_size(self), generator_size(self))
        if parameters * self.batch > MAX_WORK:
            raise ValueError(
                f"A network of {parameters:,} weights with a batch of {self.batch} is too large for one step: "
                "make the network narrower or shallower, or the batch smaller."
            )
        if self.work > MAX_STEP_WORK:
            raise ValueError(
                f"{self.critic_steps} critic updates with networks and batches of this size are too much for one step: "
                "choose fewer critic steps, smaller networks or a smaller batch."
            )
        so_far: dict[str, Any] = {}
        for step, changes in self.interventions:
            so_far.update(changes)
            try:
                dataclasses.replace(self, interventions=(), **so_far)
            except ValueError as error:
                raise ValueError(f"intervention at step {step}: {error}") from error

    @property
    def weights(self) -> int:
        """Trained weights of both networks."""
        return critic_size(self) + generator_size(self)

    @property
    def work(self) -> int:
        """Weights times points of all passes of one generator step."""
        return self.batch * (self.critic_steps * critic_size(self) + generator_size(self))

    @functools.cached_property
    def key(self) -> str:
        """A stable hash: 16 hexadecimal digits, equal for equal recipes on every machine."""
        values = self.to_json()
        for name in _LATER:
            if values[name] == KNOBS[name].default:
                del values[name]
        text = json.dumps([_VERSION, values], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def method_entry(self) -> Method:
        """The catalogue's entry for this recipe's method."""
        return METHODS[self.method]

    @property
    def trains_generator(self) -> bool:
        """Whether the generator has weights, which make points of latents; without, the critic alone is trained."""
        return generator_size(self) > 0

    @property
    def distribution(self) -> Distribution:
        """What this recipe learns."""
        return _distribution(self.data, self.data_parameters)

    def at(self, step: int) -> Recipe:
        """The recipe in force at ``step``: interventions at or before it applied, later ones dropped."""
        if not self.interventions:
            return self
        changes: dict[str, Any] = {}
        for when, fields in self.interventions:
            if when <= step:
                changes.update(fields)
        return dataclasses.replace(self, interventions=(), **changes)

    def phases(self) -> list[tuple[int, Recipe]]:
        """From which step which recipe is in force."""
        return [(step, self.at(step)) for step in (0, *(step for step, _ in self.interventions))]

    def next_change(self, step: int) -> int | None:
        """The first intervention's step after ``step``, or ``None``."""
        return next((when for when, _ in self.interventions if when > step), None)

    def intervene(self, step: int, **changes: Any) -> Recipe:
        """This recipe with one more intervention; later ones are dropped, as history branches there.

        Fields that it leaves as they were are not kept, nor is an intervention that leaves all of them.
        """
        kept = tuple(entry for entry in self.interventions if entry[0] < step)
        same = next((dict(fields) for when, fields in self.interventions if when == step), {})
        changed = dataclasses.replace(self, interventions=(*kept, (step, tuple({**same, **changes}.items()))))
        before, (_, made) = self.at(step - 1), changed.interventions[-1]
        differing = tuple((name, value) for name, value in made if value != getattr(before, name))
        return dataclasses.replace(self, interventions=(*kept, (step, differing)) if differing else kept)

    def to_json(self) -> dict[str, Any]:
        """Every field as JSON values; ``Recipe.from_json`` gives the same recipe back."""
        values: dict[str, Any] = {name: getattr(self, name) for name in KNOBS}
        values["data_parameters"] = dict(self.data_parameters)
        values["interventions"] = [[step, dict(changes)] for step, changes in self.interventions]
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Recipe:
        """The recipe of a JSON object; fields it does not name take their defaults."""
        if not isinstance(values, Mapping):
            raise ValueError("a recipe must be a JSON object of fields and values.")
        for name in values:
            _check_field(name, (*KNOBS, "data_parameters", "interventions"))
        return cls(**values)

    def to_query(self) -> dict[str, str]:
        """What differs from the defaults, as URL parameters."""
        plain = Recipe(method=self.method, data=self.data)
        query: dict[str, str] = {}
        for name, knob in KNOBS.items():
            value = getattr(self, name)
            default = knob.default if name in ("method", "data") else getattr(plain, name)
            if value != default:
                query[name] = str(value) if isinstance(value, str) else repr(value)
        usual = dict(plain.data_parameters)
        query |= {f"data.{name}": repr(value) for name, value in self.data_parameters if value != usual[name]}
        if self.interventions:
            steps = [[step, dict(changes)] for step, changes in self.interventions]
            query["interventions"] = json.dumps(steps, separators=(",", ":"))
        return query

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Recipe:
        """The recipe of URL parameters or of ``field=value`` settings, ``data.NAME`` for the data's own.

        Methods and data may be named as on the page too, in upper or lower case.
        """
        values: dict[str, Any] = {}
        parameters: dict[str, Any] = {}
        for name, value in query.items():
            if name.startswith("data."):
                parameters[name.removeprefix("data.")] = value
            elif name == "interventions":
                values[name] = _parse_interventions(value)
            else:
                _check_field(name, (*KNOBS, "interventions"))
                values[name] = meant(name, value)
        if parameters:
            values["data_parameters"] = parameters
        return cls.from_json(values)


KNOBS: dict[str, Knob] = {
    item.name: item.metadata["knob"] for item in dataclasses.fields(Recipe) if "knob" in item.metadata
}
METHOD_KNOB = KNOBS["method"]

#: Fields whose values people name in several ways: what gives the key that such a name means.
_FINDERS: dict[str, Callable[[str], str]] = {"method": find_method, "data": find_distribution}


def meant(field: str, text: str) -> str:
    """What a recipe's field has for such a text: of a name the key. Raises ``ValueError`` for names nothing has."""
    return _FINDERS[field](text) if field in _FINDERS else text


#: Most weights times batch in one pass: about two seconds of one core for one critic update.
MAX_WORK = 4_000_000_000

#: Most weights times batch in one generator step, of all seeds together: about twenty seconds.
MAX_STEP_WORK = 10 * MAX_WORK


def network_size(inputs: int, width: int, depth: int, outputs: int) -> int:
    """Weights and biases of a fully connected network with ``depth`` hidden layers of ``width`` units."""
    widths = [inputs, *[width] * depth, outputs]
    return sum((a + 1) * b for a, b in itertools.pairwise(widths))


def critic_size(recipe: Recipe) -> int:
    """Trained weights of the recipe's critic."""
    return network_size(2, recipe.critic_width, recipe.critic_depth, 1)


def generator_size(recipe: Recipe) -> int:
    """Trained weights of the recipe's generator."""
    return _GENERATOR_SIZES[recipe.generator](recipe)


_GENERATOR_SIZES: dict[str, Callable[[Recipe], int]] = {
    "network": lambda recipe: network_size(recipe.latent, recipe.generator_width, recipe.generator_depth, 2),
    "line": lambda recipe: 1,
    "frozen": lambda recipe: 0,
}


@functools.lru_cache(maxsize=256)
def _distribution(key: str, parameters: tuple[tuple[str, float], ...]) -> Distribution:
    return make_distribution(key, **dict(parameters))


def _check_field(name: Any, names: Collection[str]) -> None:
    # "Setting" is the word of those who read this under a link; they know of no fields.
    if name not in names:
        raise UnknownField(f"unknown setting {name!r}{suggestion(str(name), names)}")


def _data_parameters(data: str, given: Any) -> tuple[tuple[str, float], ...]:
    try:
        pairs = dict(given)
    except (TypeError, ValueError) as error:
        raise ValueError("data_parameters must be an object of names and numbers.") from error
    named = {str(name): _number(f"data.{name}", value) for name, value in pairs.items()}
    return tuple(sorted(make_distribution(data, **named).parameters.items()))


def _parse_interventions(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("interventions must be a JSON list of [step, {field: value}] pairs.") from error


def _interventions(given: Any) -> tuple[Intervention, ...]:
    try:
        pairs = [(step, dict(changes)) for step, changes in given]
    except (TypeError, ValueError) as error:
        raise ValueError("interventions must be a list of [step, {field: value}] pairs.") from error
    if len(pairs) > 100:
        raise ValueError("interventions may name at most 100 steps.")
    read: list[Intervention] = []
    last = 0
    for step, changes in pairs:
        number = _number("an intervention's step", step)
        if number != int(number) or not last < number <= MAX_STEPS:
            raise ValueError(f"interventions must come at rising whole steps from 1 to {MAX_STEPS:,}, not {step}.")
        last = int(number)
        if not changes:
            raise ValueError(f"the intervention at step {last} changes nothing: name a field and its value.")
        fields = {name: _changeable(name).read(name, value) for name, value in changes.items()}
        read.append((last, tuple(sorted(fields.items()))))
    return tuple(read)


def _changeable(name: str) -> Knob:
    _check_field(name, KNOBS)
    if not KNOBS[name].changeable:
        raise ValueError(f"{name} holds for a whole run and cannot change within it.")
    return KNOBS[name]
