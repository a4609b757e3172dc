"""What there is to learn: the two-dimensional target distributions, in NumPy alone.

Every distribution is built from named parameters with ranges, samples exactly (independent draws, not equal
counts per mode), and knows where its mass lies: Gaussian modes, curves or cells. Names and numbers follow
the published toys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from toygan.lookup import find_key, lookup

Points: TypeAlias = NDArray[np.float64]

MARGIN = 1.35  # a plot reaches this many times as far as the data
RADIANS_PER_SEGMENT = 0.1  # a polyline leaves its circle of radius r by at most 0.00125 r


@dataclass(frozen=True)
class Parameter:
    """One number of a distribution: its default, its closed range, its unit and a sentence of help."""

    default: float
    low: float
    high: float
    unit: str
    help: str

    @property
    def whole(self) -> bool:
        """Whether only whole numbers make sense; so it is where the default is an `int`."""
        return isinstance(self.default, int)


@dataclass(frozen=True, eq=False)
class Modes:
    """Gaussian modes: centres (K, 2) and std in data units, weights (K,) adding up to one."""

    kind: ClassVar[str] = "modes"
    centres: Points
    std: float
    weights: Points

    @property
    def overlap(self) -> bool:
        """Whether discs of three std around the centres meet."""
        first, second = np.triu_indices(len(self.centres), k=1)
        gaps = np.hypot(*(self.centres[first] - self.centres[second]).T)
        return bool((gaps < 6 * self.std).any())


@dataclass(frozen=True, eq=False)
class Curve:
    """Curves as polylines (M, 2); a sample belongs to them within `tolerance` (data units)."""

    kind: ClassVar[str] = "arcs"
    lines: tuple[Points, ...]
    tolerance: float


@dataclass(frozen=True, eq=False)
class Cells:
    """Equally likely, uniformly filled squares: centres (K, 2) and half their side, in data units."""

    kind: ClassVar[str] = "cells"
    centres: Points
    half_width: float


Support: TypeAlias = Modes | Curve | Cells


@dataclass(frozen=True)
class Distribution:
    """A distribution in the plane with all its parameters resolved.

    `sample(n, rng)` draws (n, 2) independent points in data units; plots cover [-extent, extent] squared;
    `spread` is std/radius on a ring, std/spacing on a grid, std/distance for two Gaussians, and None
    elsewhere. Two distributions are equal when their key and their parameters are.
    """

    key: str
    parameters: dict[str, float] = field(hash=False)
    title: str = field(compare=False)
    description: str = field(compare=False)
    source: str = field(compare=False)
    support: Support = field(compare=False, repr=False)
    extent: float = field(compare=False)
    spread: float | None = field(compare=False)
    sample: Callable[[int, np.random.Generator], Points] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Family:
    """An entry of the catalogue: what it is, its parameters, and the function that builds it from them."""

    title: str
    description: str
    parameters: dict[str, Parameter]
    build: Callable[..., Distribution]
    source: str


def make_distribution(key: str, /, **parameters: float) -> Distribution:
    """Build the distribution `key`, with its defaults for the parameters not given.

    Raises ValueError for an unknown key or parameter, and for a value that is not a number in its range.
    """
    family = lookup("distribution", key, DISTRIBUTIONS)
    for name in parameters:
        lookup(f"{key} parameter", name, family.parameters)
    return family.build(
        **{
            name: _checked(f"{name} of {key}", parameters.get(name, parameter.default), parameter)
            for name, parameter in family.parameters.items()
        }
    )


def find_distribution(name: str) -> str:
    """The key of the distribution that `name` means: a key or a title, in upper or lower case.

    Raises ValueError naming the choices when there is none.
    """
    return find_key("data", name, {key: family.title for key, family in DISTRIBUTIONS.items()})


def _checked(name: str, value: Any, parameter: Parameter) -> float:
    # compared before it is converted: a whole number too long for a float is out of range, not an overflow
    numeric = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if numeric and parameter.low <= value <= parameter.high:
        number = float(value)
        if not parameter.whole:
            return number
        if number.is_integer():
            return int(number)
    kind = "whole number" if parameter.whole else "number"
    raise ValueError(f"{name} must be a {kind} from {parameter.low:g} to {parameter.high:g}, not {value!r}")


# ---- sampling: one vectorised call per batch, module-level functions so that a Distribution can be pickled


def _sample_modes(centres: Points, std: float, n: int, rng: np.random.Generator) -> Points:
    mode = rng.integers(len(centres), size=n)
    points = rng.standard_normal((n, 2))
    points *= std
    points += centres[mode]
    return points


def _sample_cells(centres: Points, half_width: float, n: int, rng: np.random.Generator) -> Points:
    cell = rng.integers(len(centres), size=n)
    points = rng.uniform(-half_width, half_width, (n, 2))
    points += centres[cell]
    return points


def _with_noise(points: Points, std: float, rng: np.random.Generator) -> Points:
    return points + std * rng.standard_normal(points.shape) if std else points


def _sample_swiss_roll(noise: float, scale: float, n: int, rng: np.random.Generator) -> Points:
    t = 1.5 * np.pi * (1 + 2 * rng.random(n))
    return _with_noise(_roll(t), noise, rng) / scale


def _sample_segment(theta: float, n: int, rng: np.random.Generator) -> Points:
    return np.column_stack((np.full(n, theta), rng.random(n)))


def _sample_moons(noise: float, n: int, rng: np.random.Generator) -> Points:
    lower = rng.integers(2, size=n)
    return _with_noise(_moon(np.pi * rng.random(n), lower), noise, rng)


def _sample_circles(factor: float, noise: float, n: int, rng: np.random.Generator) -> Points:
    radius = np.where(rng.integers(2, size=n), factor, 1.0)
    return _with_noise(_polar(radius, 2 * np.pi * rng.random(n)), noise, rng)


def _sample_spiral(arms: int, turns: float, radius: float, noise: float, n: int, rng: np.random.Generator) -> Points:
    arm = rng.integers(arms, size=n)
    return _with_noise(_spiral(np.sqrt(rng.random(n)), arm / arms, turns, radius), noise, rng)


def _sample_pinwheel(
    arms: int,
    radial_std: float,
    tangential_std: float,
    rate: float,
    scale: float,
    n: int,
    rng: np.random.Generator,
) -> Points:
    arm = rng.integers(arms, size=n)
    along = 1 + radial_std * rng.standard_normal(n)
    across = tangential_std * rng.standard_normal(n)
    return _pinwheel(along, across, arm / arms, rate, scale)


# ---- curves: position as a function of the curve's own parameter


def _polar(radius: Points, angle: Points) -> Points:
    return np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))


def _roll(t: Points) -> Points:
    return _polar(t, t)


def _moon(angle: Points, lower: NDArray[np.int64]) -> Points:
    sign = 1 - 2 * lower
    return np.column_stack((lower + sign * np.cos(angle), 0.5 * lower + sign * np.sin(angle)))


def _spiral(fraction: Points, arm: Points | float, turns: float, radius: float) -> Points:
    angle = 2 * np.pi * (turns * fraction - arm)
    return _polar(radius * fraction, np.pi - angle)


def _pinwheel(along: Points, across: Points | float, arm: Points | float, rate: float, scale: float) -> Points:
    angle = 2 * np.pi * arm + rate * np.exp(along)
    cos, sin = np.cos(angle), np.sin(angle)
    return scale * np.column_stack((along * cos + across * sin, across * cos - along * sin))


def _grid(low: float, high: float, turn: float) -> Points:
    """Curve parameters from low to high, close enough for a polyline that turns by `turn` radians in all."""
    return np.linspace(low, high, 1 + int(np.ceil(turn / RADIANS_PER_SEGMENT)))


# ---- builders


def _distribution(
    key: str,
    parameters: dict[str, float],
    support: Support,
    reach: float,
    sample: Callable[[int, np.random.Generator], Points],
    spread: float | None = None,
) -> Distribution:
    family = DISTRIBUTIONS[key]
    return Distribution(
        key=key,
        parameters=parameters,
        title=family.title,
        description=family.description,
        source=family.source,
        support=support,
        extent=MARGIN * reach,
        spread=spread,
        sample=sample,
    )


def _modes(key: str, parameters: dict[str, float], centres: Points, std: float, spread: float | None) -> Distribution:
    centres.flags.writeable = False
    weights = np.full(len(centres), 1 / len(centres))
    weights.flags.writeable = False
    reach = float(np.abs(centres).max()) + 3 * std
    return _distribution(
        key, parameters, Modes(centres, std, weights), reach, partial(_sample_modes, centres, std), spread
    )


def _curve(
    key: str,
    parameters: dict[str, float],
    lines: tuple[Points, ...],
    noise: float,
    sample: Callable[[int, np.random.Generator], Points],
    size: float | None = None,
) -> Distribution:
    """A curve with Gaussian noise; a sample counts within 3 std of it, or within 2 % of the curve's size."""
    for line in lines:
        line.flags.writeable = False
    reach = max(float(np.abs(line).max()) for line in lines) + 3 * noise
    tolerance = max(3 * noise, 0.02 * (reach if size is None else size))
    return _distribution(key, parameters, Curve(lines, tolerance), reach, sample)


def _ring(modes: int, radius: float) -> Points:
    return _polar(np.full(modes, radius), 2 * np.pi * np.arange(modes) / modes)


def _ring8(modes: int, radius: float, std: float) -> Distribution:
    parameters = {"modes": modes, "radius": radius, "std": std}
    return _modes("ring8", parameters, _ring(modes, radius), std, std / radius)


def _ring8_wide(radius: float, std: float) -> Distribution:
    # 1.414, not the root of two: the published code's number
    parameters = {"radius": radius, "std": std}
    return _modes("ring8-wide", parameters, _ring(8, radius / 1.414), std / 1.414, std / radius)


def _grid25(side: int, spacing: float, std: float) -> Distribution:
    ticks = spacing * (np.arange(side) - (side - 1) / 2)
    centres = np.column_stack([axis.ravel() for axis in np.meshgrid(ticks, ticks)])
    return _modes("grid25", {"side": side, "spacing": spacing, "std": std}, centres, std, std / spacing)


def _swiss_roll(noise: float, scale: float) -> Distribution:
    lines = (_roll(_grid(1.5 * np.pi, 4.5 * np.pi, 3 * np.pi)) / scale,)
    parameters = {"noise": noise, "scale": scale}
    return _curve("swiss-roll", parameters, lines, noise / scale, partial(_sample_swiss_roll, noise, scale))


def _segment(theta: float) -> Distribution:
    lines = (np.array([[theta, 0.0], [theta, 1.0]]),)
    return _curve("segment", {"theta": theta}, lines, 0.0, partial(_sample_segment, theta), size=1.0)


def _two_gaussians(distance: float, std: float) -> Distribution:
    centres = np.array([[-distance / 2, 0.0], [distance / 2, 0.0]])
    return _modes("two-gaussians", {"distance": distance, "std": std}, centres, std, std / distance)


def _gaussian(std: float) -> Distribution:
    return _modes("gaussian", {"std": std}, np.zeros((1, 2)), std, None)


def _moons(noise: float) -> Distribution:
    angle = _grid(0, np.pi, np.pi)
    lines = tuple(_moon(angle, np.full(angle.shape, lower)) for lower in (0, 1))
    return _curve("moons", {"noise": noise}, lines, noise, partial(_sample_moons, noise))


def _circles(factor: float, noise: float) -> Distribution:
    angle = _grid(0, 2 * np.pi, 2 * np.pi)
    lines = tuple(_polar(np.full(angle.shape, radius), angle) for radius in (1.0, factor))
    return _curve("circles", {"factor": factor, "noise": noise}, lines, noise, partial(_sample_circles, factor, noise))


def _spirals(arms: int, turns: float, radius: float, noise: float) -> Distribution:
    fraction = _grid(0, 1, 2 * np.pi * turns)
    lines = tuple(_spiral(fraction, arm / arms, turns, radius) for arm in range(arms))
    parameters = {"arms": arms, "turns": turns, "radius": radius, "noise": noise}
    return _curve("spiral", parameters, lines, noise, partial(_sample_spiral, arms, turns, radius, noise))


def _pinwheels(arms: int, radial_std: float, tangential_std: float, rate: float, scale: float) -> Distribution:
    # two std hold 95 % of a blade; farther out, the last arcs would be all but empty
    low, high = 1 - 2 * radial_std, 1 + 2 * radial_std
    along = _grid(low, high, max(2.0, rate * (np.exp(high) - np.exp(low))))
    lines = tuple(_pinwheel(along, 0.0, arm / arms, rate, scale) for arm in range(arms))
    parameters = {
        "arms": arms,
        "radial_std": radial_std,
        "tangential_std": tangential_std,
        "rate": rate,
        "scale": scale,
    }
    sample = partial(_sample_pinwheel, arms, radial_std, tangential_std, rate, scale)
    return _curve("pinwheel", parameters, lines, scale * tangential_std, sample)


def _checkerboard(side: int, width: float) -> Distribution:
    low = -side * width / 2
    cells = [(column, row) for row in range(side) for column in range(side) if (row + column) % 2 == 0]
    centres = low + width * (np.array(cells, dtype=np.float64) + 0.5)
    centres.flags.writeable = False
    return _distribution(
        "checkerboard",
        {"side": side, "width": width},
        Cells(centres, width / 2),
        -low,
        partial(_sample_cells, centres, width / 2),
    )


# ---- the catalogue

DISTRIBUTIONS: dict[str, Family] = {
    "ring8": Family(
        title="Ring of 8",
        description="Equally likely Gaussians, evenly spaced on a circle.",
        parameters={
            "modes": Parameter(8, 2, 32, "modes", "How many Gaussians there are."),
            "radius": Parameter(1.0, 0.1, 10.0, "data units", "Distance of every mode from the middle."),
            "std": Parameter(0.01, 0.001, 1.0, "data units", "Standard deviation of a mode along each axis."),
        },
        build=_ring8,
        source="VEEGAN (Srivastava et al. 2017), PacGAN (Lin et al. 2018)",
    ),
    "ring8-wide": Family(
        title="Wide ring of 8",
        description="Eight equally likely Gaussians on a circle, scaled to a variance of about one.",
        parameters={
            "radius": Parameter(
                2.0,
                0.1,
                10.0,
                "before scaling",
                "Distance of every mode from the middle, before all points are divided by 1.414.",
            ),
            "std": Parameter(
                0.02,
                0.001,
                1.0,
                "before scaling",
                "Standard deviation of a mode along each axis, before all points are divided by 1.414.",
            ),
        },
        build=_ring8_wide,
        source="WGAN-GP (Gulrajani et al. 2017), igul222/improved_wgan_training gan_toy.py",
    ),
    "grid25": Family(
        title="Grid of 25",
        description="Equally likely Gaussians on a square grid.",
        parameters={
            "side": Parameter(5, 2, 5, "modes", "How many Gaussians there are along each side."),
            "spacing": Parameter(2.0, 0.1, 10.0, "data units", "Distance between neighbouring modes."),
            "std": Parameter(0.05, 0.001, 1.0, "data units", "Standard deviation of a mode along each axis."),
        },
        build=_grid25,
        source="VEEGAN (Srivastava et al. 2017), PacGAN (Lin et al. 2018)",
    ),
    "swiss-roll": Family(
        title="Swiss roll",
        description="A spiral, as a rolled-up cake looks from its end.",
        parameters={
            "noise": Parameter(
                0.25,
                0.0,
                2.0,
                "before scaling",
                "Standard deviation of the noise along each axis, before all points are divided by the scale.",
            ),
            "scale": Parameter(7.5, 1.0, 30.0, "divisor", "All points are divided by this number."),
        },
        build=_swiss_roll,
        source="scikit-learn make_swiss_roll (Marsland 2014), as in WGAN-GP (Gulrajani et al. 2017)",
    ),
    "segment": Family(
        title="Segment",
        description="A vertical line of length one and no thickness, theta to the right of the middle.",
        parameters={
            "theta": Parameter(0.0, -3.0, 3.0, "data units", "How far right of the middle the segment stands."),
        },
        build=_segment,
        source="WGAN (Arjovsky et al. 2017), example 1",
    ),
    "two-gaussians": Family(
        title="Two Gaussians",
        description="Two equally likely Gaussians side by side.",
        parameters={
            "distance": Parameter(2.0, 0.1, 10.0, "data units", "Distance between the two modes."),
            "std": Parameter(0.2, 0.001, 2.0, "data units", "Standard deviation of a mode along each axis."),
        },
        build=_two_gaussians,
        source="GAN Lab (Kahng et al. 2018)",
    ),
    "gaussian": Family(
        title="One Gaussian",
        description="A single round Gaussian in the middle.",
        parameters={
            "std": Parameter(1.0, 0.001, 3.0, "data units", "Standard deviation along each axis."),
        },
        build=_gaussian,
        source="The normal distribution",
    ),
    "moons": Family(
        title="Two moons",
        description="Two half circles that reach into each other.",
        parameters={
            "noise": Parameter(0.05, 0.0, 0.5, "data units", "Standard deviation of the noise along each axis."),
        },
        build=_moons,
        source="scikit-learn make_moons",
    ),
    "circles": Family(
        title="Two circles",
        description="A small circle inside a circle of radius one, with half of the points on each.",
        parameters={
            "factor": Parameter(0.5, 0.1, 0.9, "data units", "Radius of the inner circle; the outer one's is one."),
            "noise": Parameter(0.05, 0.0, 0.5, "data units", "Standard deviation of the noise along each axis."),
        },
        build=_circles,
        source="scikit-learn make_circles",
    ),
    "spiral": Family(
        title="Spiral",
        description="Spiral arms that start together in the middle.",
        parameters={
            "arms": Parameter(2, 1, 5, "arms", "How many arms there are."),
            "turns": Parameter(1.5, 0.5, 3.0, "turns", "How often each arm goes round."),
            "radius": Parameter(3.0, 0.5, 10.0, "data units", "Distance of the arms' ends from the middle."),
            "noise": Parameter(0.1, 0.0, 1.0, "data units", "Standard deviation of the noise along each axis."),
        },
        build=_spirals,
        source="After 2spirals in FFJORD's code (Grathwohl et al. 2019), without its one-sided jitter",
    ),
    "pinwheel": Family(
        title="Pinwheel",
        description="Blades around the middle, bent more and more towards their tips.",
        parameters={
            "arms": Parameter(5, 2, 8, "arms", "How many blades there are."),
            "radial_std": Parameter(
                0.3,
                0.02,
                0.33,
                "before scaling",
                "Standard deviation along a blade, before all points are multiplied by the scale.",
            ),
            "tangential_std": Parameter(
                0.1,
                0.01,
                0.3,
                "before scaling",
                "Standard deviation across a blade, before all points are multiplied by the scale.",
            ),
            "rate": Parameter(0.25, 0.0, 1.0, "radians", "How strongly the blades bend; with 0 they are straight."),
            "scale": Parameter(2.0, 0.1, 10.0, "multiplier", "All points are multiplied by this number."),
        },
        build=_pinwheels,
        source="Structured VAEs (Johnson et al. 2016), as in FFJORD's code (Grathwohl et al. 2019)",
    ),
    "checkerboard": Family(
        title="Checkerboard",
        description="Every other square of a board, filled evenly.",
        parameters={
            "side": Parameter(4, 2, 7, "squares", "How many squares, filled or empty, there are along each side."),
            "width": Parameter(2.0, 0.1, 5.0, "data units", "How wide one square is."),
        },
        build=_checkerboard,
        source="Residual Flows' code (Chen et al. 2019)",
    ),
}
