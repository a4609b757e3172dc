"""The Dirac-GAN's vector field in LaTeX, put together as the method itself is: objective, penalties, constraint.

Without instance noise, for which the field is a mean over it: theta the generated point, psi the critic's slope,
lambda the penalty's weight, c the clipping bound.
"""

from __future__ import annotations

from collections.abc import Iterator

from toygan.theory.dirac import DiracGan

#: By objective: the velocity of theta, and what of the velocity of psi comes from the loss.
_FIELDS: dict[str, tuple[str, str]] = {
    "minimax": (r"\psi\,\sigma(\theta\psi)", r"-\theta\,\sigma(\theta\psi)"),
    "non-saturating": (r"\psi\,\sigma(-\theta\psi)", r"-\theta\,\sigma(\theta\psi)"),
    "least-squares": (r"\psi\,(\tfrac12 - \theta\psi)", r"-\theta\,(\tfrac12 + \theta\psi)"),
    "hinge": (r"\psi", r"-\theta\,[\theta\psi > -1]"),
    "wasserstein": (r"\psi", r"-\theta"),
    "relativistic": (r"\psi\,\sigma(-\theta\psi)", r"-\theta\,\sigma(\theta\psi)"),
}

#: By a penalty's target: what it adds to the velocity of psi, for a factor on lambda.
_PULLS: dict[str, str] = {
    "one": r"(|\psi| - 1)\,\mathrm{sgn}\,\psi",
    "at-most-one": r"\max(|\psi| - 1, 0)\,\mathrm{sgn}\,\psi",
    "zero": r"\psi",
    "zero-at-largest": r"\psi",
}

#: By constraint: the field in place of the objective's, where there is another, and a sentence.
_RULES: dict[str | None, tuple[tuple[str, str] | None, str]] = {
    None: (None, ""),
    "clip": (None, r"After each critic step $\psi$ is put back into $[-c, c]$."),
    "spectral-norm": (
        (r"\mathrm{sgn}\,\psi", "0"),
        r"Dividing $\psi$ by its own size leaves its sign: how large it is has no influence, so it never changes.",
    ),
}


def generator(gan: DiracGan) -> str:
    """The generated point's velocity without noise, in LaTeX."""
    return rf"\dot\theta = {_field(gan)[0]}"


def critic(gan: DiracGan) -> str:
    """The velocity of the critic's slope without noise, in LaTeX."""
    return rf"\dot\psi = {_field(gan)[1]}{_pull(gan)}"


def symbols(gan: DiracGan) -> str:
    """What the letters mean that the page has not explained, in sentences of Markdown."""
    return " ".join(_sentences(gan))


def _field(gan: DiracGan) -> tuple[str, str]:
    return _RULES[gan.constraint][0] or _FIELDS[gan.objective]


def _pull(gan: DiracGan) -> str:
    """All penalties' pull; those toward the same target are one term."""
    shares: dict[str, float] = {}
    for penalty in gan.penalties:
        pull = _PULLS[penalty.toward]
        shares[pull] = shares.get(pull, 0.0) + penalty.share
    return "".join(rf" - {2 * share:g}\lambda\,{pull}" for pull, share in shares.items())


def _sentences(gan: DiracGan) -> Iterator[str]:
    theta, psi = _field(gan)
    sentence = _RULES[gan.constraint][1]
    if r"\sigma" in theta + psi:
        yield r"$\sigma(t) = 1 / (1 + e^{-t})$."
    if "[" in psi:
        yield r"The bracket is one where what stands in it holds, else zero."
    if gan.penalties:
        yield rf"$\lambda = {gan.weight:g}$ is the penalty weight."
    if sentence:
        yield sentence
    if gan.bound < float("inf"):
        yield rf"Here $c = {gan.bound:g}$."
    if gan.noise:
        yield (
            rf"With instance noise of $s = {gan.noise:g}$ the arrows are the mean over real points "
            rf"$x \sim \mathcal N(0, s^2)$ and generated ones $\tilde x \sim \mathcal N(\theta, s^2)$."
        )
