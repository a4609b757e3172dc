"""The page on local stability: the Dirac-GAN's portraits, its eigenvalues, and every method beside the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from toygan.figures import dirac_formulas, dirac_gallery, dirac_planes, dirac_run
from toygan.figures.dirac import KNOBS, Setting
from toygan.figures.figure import Control
from toygan.figures.numerals import numbers
from toygan.methods import METHODS
from toygan.theory.dynamics import UPDATES, continuous_stability
from toygan.ui import lesson

_REFERENCES = (
    "Mescheder, Geiger and Nowozin 2018, Which training methods for GANs do actually converge?, arXiv:1801.04406",
    "Mescheder, Nowozin and Geiger 2017, The numerics of GANs, arXiv:1705.10461",
    "Nagarajan and Kolter 2017, Gradient descent GAN optimization is locally stable, arXiv:1706.04156",
    "Sønderby et al. 2017, Amortised MAP inference for image super-resolution (instance noise), arXiv:1610.04490",
)

#: What the equilibrium is, by whether the critic's slope is trained.
_RESTS = {
    True: r"At $\theta = \psi = 0$ the generated points are where the real ones are, and the critic is flat.",
    False: "So the critic is never flat, and the generated point runs on at the same speed, past the real ones: there "
    "is no rest here. A network's slope can turn; this line's cannot.",
}


def page() -> None:
    """The whole page."""
    values = lesson.values("dirac", KNOBS)
    setting = Setting.of(values)
    lesson.title(
        "Dirac-GAN",
        "The smallest GAN there is: one generated point, one straight critic. Whether training comes to rest can be "
        "read off two eigenvalues.",
    )
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _run(setting, values)
    with right:
        _eigenvalues(setting, values)
    _gallery(setting, values)
    _table(setting)
    lesson.take_to_train(setting.recipe)
    st.caption(
        f"{setting.entry.label} on one Gaussian, with networks in place of the point and the line, and this page's "
        "penalty weight, critic steps and instance noise where they matter."
    )
    lesson.references(_references(setting))


def _references(setting: Setting) -> list[str]:
    """The page's papers, and the chosen method's where it is not one of them."""
    own = setting.entry.paper
    named = any(paper.endswith(own.rpartition(" ")[2]) for paper in _REFERENCES)
    return [*_REFERENCES, *([] if named else [f"{setting.entry.label}: {own}"])]


def _run(setting: Setting, values: Mapping[str, Any]) -> None:
    gan = setting.gan()
    lesson.section(
        dirac_run.heading(setting),
        r"All real points are at $0$, all generated ones at $\theta$, and the critic is the line $D(x) = \psi x$.",
    )
    lesson.lab(
        "dirac-run",
        figures=[dirac_run.portrait(setting), dirac_run.game(setting), dirac_run.distance(setting)],
        controls=[
            *_controls(values, ["step", "method", "update", "learning_rate", "critic_steps"]),
            _own(setting, values),
            *_controls(values, ["theta", "psi"], handled=True),
        ],
        motion=dirac_run.motion(),
        readings=dirac_run.readings(setting),
    )
    st.markdown(
        f"The arrows: each player goes down the gradient of its own loss. {setting.entry.label} has\n\n"
        f"$${dirac_formulas.generator(gan)}$$\n\n$${dirac_formulas.critic(gan)}$$\n\n{dirac_formulas.symbols(gan)} "
        f"{_RESTS[gan.rule.trained]}"
    )


def _eigenvalues(setting: Setting, values: Mapping[str, Any]) -> None:
    lesson.section(
        "Two eigenvalues tell it beforehand",
        r"Near rest only the field's Jacobian $J$ counts. Deviations die out under the flow if both eigenvalues have "
        r"real parts below zero, and in steps if those of the step's matrix, $I + hJ$ for simultaneous ones, are "
        "smaller than one.",
    )
    lesson.lab(
        "dirac-eigenvalues",
        figures=[dirac_planes.flow_plane(setting), dirac_planes.step_plane(setting)],
        controls=_controls(values, ["instance_noise"]),
    )
    found = continuous_stability(setting.gan())
    if found.matrix is None:
        st.markdown(f"{setting.entry.label} has no Jacobian at rest: only its runs can tell.")
        return
    (_, up), (right, damping) = (numbers(row) for row in found.matrix.tolist())
    st.markdown(
        f"{setting.entry.label} at these settings has\n\n"
        f"$$J = \\begin{{pmatrix}} 0 & {up} \\\\ {right} & {damping} \\end{{pmatrix}}$$\n\n"
        f"with the eigenvalues ${_latex(dirac_planes.written(found.eigenvalues))}$."
    )


def _latex(text: str) -> str:
    return text.replace("−", "-").replace("±", r"\pm").replace(" i", r"\,i")


def _gallery(setting: Setting, values: Mapping[str, Any]) -> None:
    resting, total = dirac_gallery.resting(setting)
    lesson.section(
        f"At these settings {resting} of {total} methods come to rest",
        r"All from the same start, $\theta$ to the right and $\psi$ upward, with the same learning rate and weight. "
        r"A penalty that draws the slope to zero, $\lambda\,\psi^2$, puts $-2\lambda\psi$ into $\dot\psi$: the "
        r"eigenvalues move left by $\lambda$, until they meet; R3GAN has two such penalties, and moves them twice as "
        r"far. One that draws the slope to one pushes it away from $\psi = 0$ on either side, and clipping changes "
        "nothing there. Instance noise damps every loss that bends.",
    )
    lesson.lab(
        "dirac-gallery",
        figures=dirac_gallery.figures(setting),
        controls=_controls(values, ["step", "update", "learning_rate", "penalty_weight", "instance_noise"]),
        motion=dirac_gallery.motion(setting),
    )


def _table(setting: Setting) -> None:
    lesson.section(
        "The same in numbers",
        "What small deviations from rest do: in steps, with the factor on them in each, and under the flow, with its "
        "eigenvalues. What circles to first order may creep in by the bend of its loss, ever more slowly.",
    )
    rows = dirac_gallery.table(setting)
    heads = ["Method", *(update.capitalize() for update in UPDATES), "Flow"]
    cells = [[f"<b>{row.title}</b>", *(_cell(*part) for part in (*row.steps.values(), row.flow))] for row in rows]
    # In HTML, as it fits a phone only with less around the words than Markdown's tables have.
    lines = [_row("th", heads), *(_row("td", line) for line in cells)]
    st.markdown(
        f'<table style="width: 100%; max-width: 48rem; line-height: 1.35">{"".join(lines)}</table>',
        unsafe_allow_html=True,
    )
    obstacles = {row.obstacle: [other.title for other in rows if other.obstacle == row.obstacle] for row in rows}
    st.caption("  \n".join(f"{', '.join(names)}: {why}" for why, names in obstacles.items() if why))


def _cell(words: str, number: str) -> str:
    whole = number.replace(" ", "&nbsp;")
    return f"{words}<br>{whole}" if words else whole


def _row(kind: str, cells: list[str]) -> str:
    look = "padding: 0.2rem; font-size: 0.8125rem; text-align: left; vertical-align: top"
    return "".join(["<tr>", *(f'<{kind} style="{look}">{cell}</{kind}>' for cell in cells), "</tr>"])


def _own(setting: Setting, values: Mapping[str, Any]) -> Control:
    """The knob that only some methods listen to: always one, so that what is below it stays in its place."""
    gan = setting.gan()
    unused = {} if gan.penalties or gan.rule.bounded else {"label": "Penalty (unused)"}
    return _controls(values, ["clip" if gan.rule.bounded else "penalty_weight"], **unused)[0]


def _controls(values: Mapping[str, Any], names: list[str], **details: Any) -> list[Control]:
    special: dict[str, dict[str, Any]] = {
        "method": {"choices": tuple((key, method.label) for key, method in METHODS.items())},
        "learning_rate": {"scale": "log"},
        "penalty_weight": {"scale": "log"},
        "theta": {"step": 0.02},
        "psi": {"step": 0.02},
    }
    return [Control.of(name, KNOBS[name], values[name], **special.get(name, {}), **details) for name in names]
