"""The page on local stability: the Dirac-GAN's portraits, its eigenvalues, and every method beside the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from toygan.figures import dirac_formulas, dirac_gallery, dirac_planes, dirac_run
from toygan.figures.dirac import KNOBS, Setting
from toygan.figures.figure import Control
from toygan.methods import METHODS
from toygan.theory.dynamics import continuous_stability
from toygan.ui import lesson

_REFERENCES = (
    "Mescheder, Geiger and Nowozin 2018, Which training methods for GANs do actually converge?, arXiv:1801.04406",
    "Mescheder, Nowozin and Geiger 2017, The numerics of GANs, arXiv:1705.10461",
    "Nagarajan and Kolter 2017, Gradient descent GAN optimization is locally stable, arXiv:1706.04156",
    "Sønderby et al. 2017, Amortised MAP inference for image super-resolution (instance noise), arXiv:1610.04490",
)


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
    lesson.references((*_REFERENCES, f"{setting.entry.label}: {setting.entry.paper}"))


def _run(setting: Setting, values: Mapping[str, Any]) -> None:
    gan = setting.gan()
    lesson.section(
        "An unregularised GAN circles; R1 spirals in",
        r"All real points are at $0$, all generated ones at $\theta$, and the critic is the line $D(x) = \psi x$.",
    )
    lesson.lab(
        "dirac-run",
        figures=[dirac_run.portrait(setting), dirac_run.game(setting), dirac_run.distance(setting)],
        controls=[
            *_controls(values, ["step", "method", "update", "learning_rate", *_own(setting)]),
            *_controls(values, ["theta", "psi"], handled=True),
        ],
        motion=dirac_run.motion(),
        readings=dirac_run.readings(setting),
    )
    st.markdown(
        f"The arrows: each player goes down the gradient of its own loss. {setting.entry.label} has\n\n"
        f"$${dirac_formulas.generator(gan)}$$\n\n$${dirac_formulas.critic(gan)}$$\n\n{dirac_formulas.symbols(gan)} "
        r"At $\theta = \psi = 0$ the generated points are where the real ones are, and the critic is flat."
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
        controls=_controls(values, ["critic_steps", "instance_noise"]),
    )
    found = continuous_stability(setting.gan())
    if found.matrix is None:
        st.markdown(f"{setting.entry.label} has no Jacobian at rest: only its runs can tell.")
        return
    (_, up), (right, damping) = ([dirac_planes.signed(entry) for entry in row] for row in found.matrix.tolist())
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
        r"eigenvalues move left by $\lambda$, until they meet. One that draws it to one does not know where to go at "
        r"$\psi = 0$, and clipping changes nothing there. Instance noise damps every loss that bends.",
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
        "What small deviations from rest do: under the flow, and in steps, with the factor on them in each step. "
        "What circles to first order may creep in by the bend of its loss, ever more slowly.",
    )
    rows = dirac_gallery.table(setting)
    heads = ["Method", "Eigenvalues", "Flow", "Simultaneous steps", "Alternating steps"]
    cells = [
        [row.title, row.eigenvalues, row.flow, row.steps["simultaneous"], row.steps["alternating"]] for row in rows
    ]
    lines = "\n".join(f"| {' | '.join(line)} |" for line in [heads, ["---"] * len(heads), *cells])
    # A table is as wide as its words: on a phone it moves sideways within its own box.
    st.markdown(f'<div style="overflow-x: auto; white-space: nowrap">\n\n{lines}\n\n</div>', unsafe_allow_html=True)
    obstacles = {row.obstacle: [other.title for other in rows if other.obstacle == row.obstacle] for row in rows}
    st.caption("  \n".join(f"{', '.join(names)}: {why}" for why, names in obstacles.items() if why))


def _own(setting: Setting) -> list[str]:
    """The knobs that only some methods listen to."""
    gan = setting.gan()
    return [*(["penalty_weight"] if gan.penalties else []), *(["clip"] if gan.rule.bounded else [])]


def _controls(values: Mapping[str, Any], names: list[str], **details: Any) -> list[Control]:
    special: dict[str, dict[str, Any]] = {
        "method": {"choices": tuple((key, method.label) for key, method in METHODS.items())},
        "learning_rate": {"scale": "log"},
        "penalty_weight": {"scale": "log"},
        "theta": {"step": 0.02},
        "psi": {"step": 0.02},
    }
    return [Control.of(name, KNOBS[name], values[name], **special.get(name, {}), **details) for name in names]
