"""The Dirac-GAN in small: every method of the catalogue from the same start, and a table of their verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from toygan.figures.dirac import Setting, fate, verdict
from toygan.figures.dirac_planes import written
from toygan.figures.dirac_run import REACH, grid, head, rest, seen
from toygan.figures.figure import Figure, Motion
from toygan.figures.style import line
from toygan.methods import METHODS
from toygan.theory.dirac import TOWARD, DiracGan
from toygan.theory.dynamics import UPDATES, Stability, continuous_stability

#: Updates of either player in each run here, and the fewest generator steps: all runs together answer a slider at once.
_UPDATES, _FEWEST = 200, 50

#: Portraits in a row of one figure, the height of a row in pixels, and the share of it that its title takes.
_ACROSS, _ROW, _TITLE = 2, 215, 0.13


@dataclass(frozen=True)
class Group:
    """Methods that treat the critic alike."""

    name: str
    title: str
    look: str
    methods: tuple[str, ...]


def groups() -> list[Group]:
    """The catalogue, in its own order, by what the methods do to a critic whose slope is near zero."""
    kinds: dict[str, list[str]] = {"free": [], "calm": [], "pushed": []}
    for key, method in METHODS.items():
        pushes = any(TOWARD[penalty.toward].slope(np.zeros(1))[0] for penalty in method.penalties)
        free = not method.penalties and not method.constraint
        kinds["free" if free else "pushed" if pushes or method.constraint else "calm"].append(key)
    return [Group(f"dirac-{kind}", *_WORDS[kind], tuple(methods)) for kind, methods in kinds.items() if methods]


_WORDS = {
    "free": (
        "Nothing holds the critic",
        "Round and round. Where one comes in, it does so the more slowly the nearer it is.",
    ),
    "calm": (
        "A penalty that lets a flat critic be",
        "A penalty that pulls every slope toward zero brings the run to rest. WGAN-LP's acts only on slopes above one: "
        "below that it changes nothing.",
    ),
    "pushed": (
        "A critic pushed to slope one, or held by force",
        "Pushed to slope one, the critic never goes flat, and the point passes home again and again. Clipping acts "
        "only at its bound. Spectral normalisation never turns this critic of one weight, so that the point runs off.",
    ),
}


def steps(setting: Setting) -> int:
    """How many steps the portraits go: fewer where the critic makes several in each."""
    return max(_UPDATES // (1 + setting.critic_steps), _FEWEST)


def motion(setting: Setting) -> Motion:
    """Once through the portraits' steps."""
    return Motion("step", list(range(steps(setting) + 1)), seconds=10, bounce=False)


def figures(setting: Setting) -> list[Figure]:
    """A figure a group, its portraits two in a row: on a phone the figures stand below each other."""
    return [_figure(setting, group) for group in groups()]


def _figure(setting: Setting, group: Group) -> Figure:
    rows = -(-len(group.methods) // _ACROSS)
    traces: list[dict[str, Any]] = []
    moving: dict[int, dict[str, list]] = {}
    layout: dict[str, Any] = {"showlegend": False, "annotations": [], "margin": {"l": 2, "r": 2, "t": 2, "b": 2}}
    for index, key in enumerate(group.methods):
        row, column = divmod(index, _ACROSS)
        left, top = column / _ACROSS, 1 - row / rows
        domain_x = [left + 0.01, left + 1 / _ACROSS - 0.01]
        domain_y = [top - 1 / rows + 0.01, top - _TITLE / rows]
        axis = str(index + 1) if index else ""
        bare = {"range": [-REACH, REACH], "showticklabels": False, "ticks": "", "mirror": True, "showline": True}
        layout[f"xaxis{axis}"] = {**bare, "domain": domain_x, "anchor": f"y{axis}", "dtick": 1, "zeroline": False}
        layout[f"yaxis{axis}"] = {**layout[f"xaxis{axis}"], "domain": domain_y, "anchor": f"x{axis}"}
        layout["annotations"].append(_title(setting, key, sum(domain_x) / 2, top))
        drawn, moves = _portrait(setting, key)
        moving[len(traces) + len(drawn) - 1] = moves
        traces += [{**trace, "xaxis": f"x{axis}", "yaxis": f"y{axis}"} for trace in drawn]
    return Figure(
        name=group.name,
        title=group.title,
        look=group.look,
        traces=traces,
        layout=layout,
        height=rows * _ROW,
        moving=moving,
    )


def _title(setting: Setting, key: str, x: float, top: float) -> dict[str, Any]:
    gan = setting.gan(METHODS[key])
    return {
        "text": f"<b>{METHODS[key].label}</b> {fate(gan, setting.stability(gan), setting.run(gan, steps(setting)))}",
        "x": x,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "center",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 12},
    }


def _portrait(setting: Setting, key: str) -> tuple[list[dict[str, Any]], dict[str, list]]:
    gan, colour = setting.gan(METHODS[key]), METHODS[key].colour
    places = seen(setting.run(gan, steps(setting)))
    sides = np.linspace(-REACH, REACH, 9)[1:-1]
    point, moves = head(places, colour, 9)
    path = line(places[:, 0], places[:, 1], METHODS[key].label, colour, width=1.8, hoverinfo="skip")
    return [grid(gan, sides, sides, 0.48, opacity=0.5), path, rest(gan), point], moves


#: What the table has where there is no linearisation.
_NONE = "–"


@dataclass(frozen=True)
class Verdict:
    """A method's row in the table: what small deviations do in steps and under the flow, each with a number.

    The number is the factor on them in each step, and under the flow the eigenvalues; a dash where there is none.
    """

    title: str
    steps: dict[str, tuple[str, str]]
    flow: tuple[str, str]
    obstacle: str


def table(setting: Setting) -> list[Verdict]:
    """Every method of the catalogue at this setting, in the order of the figures."""
    return [_verdict(setting, key, setting.gan(METHODS[key])) for group in groups() for key in group.methods]


def _verdict(setting: Setting, key: str, gan: DiracGan) -> Verdict:
    flow = continuous_stability(gan)
    return Verdict(
        title=METHODS[key].label,
        steps={update: _growth(gan, setting.stability(gan, update)) for update in UPDATES},
        flow=("", _NONE) if flow.matrix is None else (verdict(gan, flow), written(flow.eigenvalues)),
        obstacle=flow.obstacle,
    )


def _growth(gan: DiracGan, found: Stability) -> tuple[str, str]:
    """A verdict, and the factor on small deviations in each step."""
    return ("", _NONE) if found.growth is None else (verdict(gan, found), f"× {found.growth:.3f}")


def resting(setting: Setting) -> tuple[int, int]:
    """How many methods of the catalogue converge at this setting, and how many there are."""
    verdicts = [setting.stability(setting.gan(method)).verdict for method in METHODS.values()]
    return verdicts.count("stable"), len(verdicts)
