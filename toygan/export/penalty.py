"""A method's gradient penalty as Python source, for the exported script."""

from __future__ import annotations

from toygan.methods import Method, Penalty

#: By place: the points there as source, ``NOISE`` being the random numbers that they take, and in words.
PLACES: dict[str, tuple[str, str]] = {
    "between": ("between(real, fake, NOISE)", "between real and generated points"),
    "around-real": ("around(real, NOISE)", "around real points"),
    "at-real": ("real", "at real points"),
    "at-fake": ("fake", "at generated points"),
}

#: By place that takes random numbers: how a stream draws them, and how many a point.
NOISES: dict[str, tuple[str, int]] = {"between": ("random", 1), "around-real": ("standard_normal", 2)}

#: By target: the penalty as source of ``norms``, and as a formula.
TARGETS: dict[str, tuple[str, str]] = {
    "one": ("(norms - 1).square().mean()", "E[(|grad D| - 1)^2]"),
    "at-most-one": ("torch.relu(norms - 1).square().mean()", "E[max(0, |grad D| - 1)^2]"),
    "zero": ("norms.square().mean()", "E[|grad D|^2]"),
    "zero-at-largest": ("norms.max().square()", "max |grad D|^2"),
}


def penalty_function(name: str, method: Method) -> str:
    """The function of the critic, real and generated points, and noise if any, that gives the weighted penalty."""
    if not method.penalties:
        return ""
    noise = ", noise: Tensor" if _random(method) else ""
    formulas = [f"{_factor(term, 'weight')} {_formula(term)}" for term in method.penalties]
    lines = [
        f"def {name}(critic: Critic, real: Tensor, fake: Tensor{noise}) -> Tensor:",
        *_docstring(formulas, method.paper),
    ]
    for number, term in enumerate(method.penalties):
        points = PLACES[term.where][0].replace("NOISE", _slice(method, number))
        weighted = f"{_factor(term, 'now.penalty_weight')} * {TARGETS[term.toward][0]}"
        last = number == len(method.penalties) - 1
        lines.append(f"    norms = gradient_norms(critic, {points})")
        if last:
            lines.append(f"    return {'' if number == 0 else 'penalty + '}{weighted}")
        else:
            lines.append(f"    penalty = {'' if number == 0 else 'penalty + '}{weighted}")
    return "\n".join(lines) + "\n"


def noise_function(name: str, method: Method) -> str:
    """The function of seed and block that draws what the penalty's points take, or "" if they take nothing."""
    terms = _random(method)
    draws = [
        f"stream(seed, {'PENALTY' if number == 0 else f'PENALTY + {number}'}, block)"
        f".{NOISES[term.where][0]}((*shape, {NOISES[term.where][1]}))"
        for number, term in terms
    ]
    if not draws:
        return ""
    lines = [
        f"def {name}(seed: int, block: int) -> np.ndarray:",
        '    """The random numbers that say where the penalty looks."""',
        "    shape = (BLOCK, now.critic_steps, now.batch)",
        f"    return {draws[0]}" if len(draws) == 1 else f"    return np.concatenate([{', '.join(draws)}], axis=-1)",
    ]
    return "\n".join(lines) + "\n"


def _docstring(formulas: list[str], paper: str) -> list[str]:
    if len(formulas) == 1:
        return [f'    """{formulas[0]} ({paper})."""']
    return [f'    """{formulas[0]}', *(f"    + {formula}" for formula in formulas[1:]), "", f"    {paper}.", '    """']


def _formula(term: Penalty) -> str:
    return f"{TARGETS[term.toward][1]} {PLACES[term.where][1]}"


def _factor(term: Penalty, weight: str) -> str:
    return weight if term.share == 1 else f"{term.share!r} * {weight}"


def _random(method: Method) -> list[tuple[int, Penalty]]:
    """The penalties that take random numbers, with their place among all."""
    return [(number, term) for number, term in enumerate(method.penalties) if term.where in NOISES]


def _slice(method: Method, number: int) -> str:
    """The part of ``noise`` that belongs to the penalty of this number."""
    widths = {at: NOISES[term.where][1] for at, term in _random(method)}
    if len(widths) == 1:
        return "noise"
    first = sum(width for at, width in widths.items() if at < number)
    return f"noise[:, {first}:{first + widths.get(number, 0)}]"
