r"""A method's losses in LaTeX, put together as the method itself is: objective, penalties, constraint.

D is the critic's raw output, x a real point, x~ = G(z) a generated one, sp(t) = log(1 + e^t), lambda the penalty's
weight.
"""

from __future__ import annotations

from collections.abc import Iterator

from toygan.methods import Method, Penalty

_LOGISTIC = r"\mathbb{E}[\mathrm{sp}(-D(x))] + \mathbb{E}[\mathrm{sp}(D(\tilde x))]"

#: By objective: what the critic and what the generator minimise.
LOSSES: dict[str, tuple[str, str]] = {
    "minimax": (_LOGISTIC, r"-\mathbb{E}[\mathrm{sp}(D(\tilde x))]"),
    "non-saturating": (_LOGISTIC, r"\mathbb{E}[\mathrm{sp}(-D(\tilde x))]"),
    "least-squares": (
        r"\tfrac12\mathbb{E}[(D(x) - 1)^2] + \tfrac12\mathbb{E}[D(\tilde x)^2]",
        r"\tfrac12\mathbb{E}[(D(\tilde x) - 1)^2]",
    ),
    "hinge": (
        r"\mathbb{E}[\max(0, 1 - D(x))] + \mathbb{E}[\max(0, 1 + D(\tilde x))]",
        r"-\mathbb{E}[D(\tilde x)]",
    ),
    "wasserstein": (r"\mathbb{E}[D(\tilde x)] - \mathbb{E}[D(x)]", r"-\mathbb{E}[D(\tilde x)]"),
    "relativistic": (
        r"\mathbb{E}[\mathrm{sp}(-(D(x) - D(\tilde x)))]",
        r"\mathbb{E}[\mathrm{sp}(-(D(\tilde x) - D(x)))]",
    ),
}

#: By place: the symbol of a point there, and a sentence where the symbol needs one.
PLACES: dict[str, tuple[str, str]] = {
    "between": (r"\hat x", r"$\hat x = \epsilon x + (1 - \epsilon)\tilde x$ with $\epsilon$ uniform in $[0, 1]$."),
    "around-real": (r"x + \delta", r"$\delta \sim \mathcal{N}(0, (\tfrac12\,\mathrm{std}(x))^2 I)$."),
    "at-real": ("x", ""),
    "at-fake": (r"\tilde x", ""),
}

#: By target: the penalty for a gradient norm N at a point.
TARGETS: dict[str, str] = {
    "one": r"\mathbb{E}[(N - 1)^2]",
    "at-most-one": r"\mathbb{E}[\max(0, N - 1)^2]",
    "zero": r"\mathbb{E}[N^2]",
    "zero-at-largest": r"\max N^2",
}

#: By constraint: what is appended to the critic's problem, and the sentence that explains it.
CONSTRAINTS: dict[str | None, tuple[str, str]] = {
    None: ("", ""),
    "clip": (r",\quad |w| \le c", r"$w$ are the critic's weights and biases, $c$ the clip bound."),
    "spectral-norm": (
        r",\quad W_l \to W_l / \sigma(W_l)",
        r"$\sigma(W_l)$ is the largest singular value of layer $l$, by which its weights are divided.",
    ),
}


def critic_loss(method: Method, between: str = " ") -> str:
    """What the critic minimises, with its penalties and its constraint; ``between`` stands before each further term."""
    terms = [LOSSES[method.objective][0], *(f"+ {_term(penalty)}" for penalty in method.penalties)]
    return rf"\min_D\ {between.join(terms)}{CONSTRAINTS[method.constraint][0]}"


def critic_loss_in_lines(method: Method) -> str:
    """The same with a line for each term, for narrow places."""
    lines = critic_loss(method, between=r" \\ &\quad ")
    return rf"\begin{{aligned}}&{lines}\end{{aligned}}"


def generator_loss(method: Method) -> str:
    """What the generator minimises."""
    return rf"\min_G\ {LOSSES[method.objective][1]}"


def symbols(method: Method) -> str:
    """What the letters in both mean, in a few sentences of Markdown."""
    return " ".join(_sentences(method))


def _term(penalty: Penalty) -> str:
    factor = r"\lambda" if penalty.share == 1 else rf"{penalty.share:g}\,\lambda"
    norm = rf"\lVert\nabla D({PLACES[penalty.where][0]})\rVert"
    return rf"{factor}\,{TARGETS[penalty.toward].replace('N', norm)}"


def _sentences(method: Method) -> Iterator[str]:
    logit = r"\mathrm{sp}" in LOSSES[method.objective][0]
    yield r"$D$ is the critic's raw output, $x$ a real point, $\tilde x = G(z)$ a generated one."
    if logit:
        yield r"$\mathrm{sp}(t) = \log(1 + e^t)$ is softplus."
    if method.penalties:
        yield r"$\lambda$ is the penalty weight."
    explanations = [PLACES[penalty.where][1] for penalty in method.penalties]
    yield from filter(None, [*explanations, CONSTRAINTS[method.constraint][1]])
