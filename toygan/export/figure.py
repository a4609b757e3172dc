"""A moment of a run as a picture: real and generated points over the critic's landscape, drawn by matplotlib."""

from __future__ import annotations

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator

from toygan.distributions import Cells, Modes
from toygan.export import palette
from toygan.export.moment import Moment, levels, moment_of, nice_step
from toygan.export.tables import keyframe_at
from toygan.export.words import facts, number, title
from toygan.frames import GRID
from toygan.metrics.sizes import LIVE_POINTS
from toygan.recipe import Recipe
from toygan.record import Record
from toygan.streams import Purpose, stream
from toygan.worker import floor

#: Inches: the plot's side, and what is around it.
SIDE = 5.2
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.7, 1.0, 0.8, 0.8

_REAL_POINTS = 1000

#: A generated point and the white around it, in points: as wide in the legend as in the plot.
_POINT, _EDGE = 4.24, 0.6

#: Between two facts on a line.
_GAP = 4 * " "

#: The same run gives the same bytes: no date, no random names.
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "toygan",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "axes.unicode_minus": True,
}


def png(record: Record, step: int | None = None, dots: int = 200) -> bytes:
    """The picture at ``step`` as PNG, 6.9 inches wide, with so many dots an inch."""
    return _saved(record, step, "png", dpi=dots, metadata={"Software": "toygan"})


def svg(record: Record, step: int | None = None) -> bytes:
    """The same as SVG: lines, points and letters as shapes, the heatmap as an embedded picture."""
    return _saved(record, step, "svg", dpi=200, metadata={"Date": None, "Creator": "toygan"})


def _saved(record: Record, step: int | None, kind: str, dpi: int, metadata: dict[str, Any]) -> bytes:
    moment = moment_of(record.recipe, keyframe_at(record, step))
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        Picture(record.recipe).figure_of(moment).savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


class Picture:
    """A figure of one recipe whose moments can be shown one after another."""

    def __init__(self, recipe: Recipe, side: float = SIDE) -> None:
        self.recipe = recipe
        self.side = side
        self.width, self.height = _LEFT + side + _RIGHT, _BOTTOM + side + _TOP
        self.extent = recipe.distribution.extent
        self.floor = floor(recipe, LIVE_POINTS)
        self.figure = Figure(figsize=(self.width, self.height), facecolor=palette.BACKGROUND)
        FigureCanvasAgg(self.figure)
        self.colours = ListedColormap(palette.shades())
        self.axes = self._plot()
        self.heat = self._heatmap()
        self.lines: list[Any] = []
        self._draw_real()
        self.points = self.axes.scatter([], [], s=_POINT**2, linewidths=_EDGE, edgecolors="white", zorder=5)
        self.title = self._text(_LEFT, self.height - 0.32, size=13, weight="bold", color=palette.TEXT)
        self.facts = self._text(_LEFT, self.height - 0.41, size=8.6, color=palette.MUTED, va="top", linespacing=1.25)
        self.outside = self._text(_LEFT + self.side - 0.14, _BOTTOM + 0.14, size=8, color=palette.MUTED, ha="right")
        self.outside.set_bbox({"facecolor": palette.BACKGROUND, "alpha": 0.8, "linewidth": 0, "pad": 3})
        right = _LEFT + self.side + 0.25
        style: dict[str, Any] = {"size": 8, "color": palette.MUTED, "linespacing": 1.3}
        self.low = self._text(right, _BOTTOM, va="bottom", **style)
        self.middle = self._text(right, _BOTTOM + self.side / 2, va="center", **style)
        self.high = self._text(right, _BOTTOM + self.side, va="top", **style)
        self.scale = self._text(
            right + 0.66, _BOTTOM + self.side / 2, size=8.5, color=palette.MUTED, rotation=90, ha="center", va="center"
        )
        self._draw_bar()
        self.colour = ""
        self.legend: Any = None

    @property
    def moving(self) -> list[Any]:
        """What differs from moment to moment, from the back to the front; the legend does only with the method."""
        real = [item for item in self.axes.collections if item not in (*self.lines, self.points)]
        words = [self.title, self.facts, self.outside, self.low, self.middle, self.high, self.scale]
        return [self.heat, *self.lines, *real, self.points, *self.axes.spines.values(), *words]

    def figure_of(self, moment: Moment) -> Figure:
        """The figure, showing this moment."""
        entry = self.recipe.at(moment.step).method_entry
        squash = entry.neutral == "zero"
        self.heat.set_data(np.tanh(moment.grid / 2) if squash else (moment.grid - moment.neutral) / moment.reach)
        self._draw_contours(moment, squash)
        self.points.set_offsets(moment.points)
        self.points.set_facecolor(entry.colour)
        self.title.set_text(f"{title(self.recipe, moment.step)}, step {moment.step:,}")
        # Two lines, since a film is too narrow for all of it on one.
        distance, *others = facts(self.recipe, moment.metrics, self.floor)
        self.facts.set_text(moment.failed.replace(". ", ".\n") if moment.failed else f"{distance}\n{_GAP.join(others)}")
        count = int((np.abs(moment.points) > self.extent).any(axis=1).sum())
        self.outside.set_text(f"{count} of {len(moment.points)} generated points outside" if count else "")
        self._label_bar(moment, squash)
        self._draw_legend(entry.colour)
        return self.figure

    def _plot(self) -> Axes:
        axes = self.figure.add_axes(
            (_LEFT / self.width, _BOTTOM / self.height, self.side / self.width, self.side / self.height)
        )
        axes.set(xlim=(-self.extent, self.extent), ylim=(-self.extent, self.extent))
        step = nice_step(2 * self.extent / 7)
        for axis, name in ((axes.xaxis, "x"), (axes.yaxis, "y")):
            axis.set_major_locator(MultipleLocator(step))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\u2212")))
            axis.set_label_text(f"{name} (data units)", color=palette.MUTED, size=9)
        quieten(axes)
        return axes

    def _place(self, left: float, width: float) -> tuple[float, float, float, float]:
        """A part of the figure, as high as the plot, in matplotlib's shares."""
        return left / self.width, _BOTTOM / self.height, width / self.width, self.side / self.height

    def _heatmap(self) -> Any:
        # The first and the last node lie on the plot's edges.
        edge = self.extent * GRID / (GRID - 1)
        return self.axes.imshow(
            np.zeros((GRID, GRID)),
            cmap=self.colours,
            vmin=-1,
            vmax=1,
            extent=(-edge, edge, -edge, edge),
            origin="lower",
            interpolation="bilinear",
            aspect="auto",
            zorder=0,
        )

    def _draw_real(self) -> None:
        distribution = self.recipe.distribution
        colour, opacity = palette.REAL
        points = distribution.sample(_REAL_POINTS, stream(self.recipe.seed, Purpose.PROBE_DATA))
        self.axes.scatter(points[:, 0], points[:, 1], s=7, color=colour, alpha=opacity, linewidths=0, zorder=3)
        if isinstance(distribution.support, Modes | Cells):
            colour, opacity = palette.RING
            centres = distribution.support.centres
            ring: dict[str, Any] = {"s": 110, "facecolors": "none", "edgecolors": colour, "alpha": opacity}
            self.axes.scatter(centres[:, 0], centres[:, 1], linewidths=0.7, zorder=4, **ring)

    def _draw_contours(self, moment: Moment, squash: bool) -> None:
        for lines in self.lines:
            lines.remove()
        self.lines = []
        axis = np.linspace(-self.extent, self.extent, GRID)
        wanted = (
            (levels(moment, squash), palette.LINE_OPACITY, 0.6),
            (np.array([moment.neutral]), palette.NEUTRAL_OPACITY, 1.1),
        )
        for values, opacity, width in wanted:
            inside = values[(values > moment.grid.min()) & (values < moment.grid.max())]
            if len(inside):
                style: dict[str, Any] = {"colors": palette.LINE, "alpha": opacity, "linewidths": width, "zorder": 2}
                self.lines.append(
                    self.axes.contour(axis, axis, moment.grid, levels=inside, linestyles="solid", **style)
                )

    def _draw_bar(self) -> None:
        place = (
            (_LEFT + self.side + 0.1) / self.width,
            _BOTTOM / self.height,
            0.1 / self.width,
            self.side / self.height,
        )
        bar = self.figure.add_axes(place, xticks=[], yticks=[])
        bar.imshow(np.linspace(-1, 1, 256)[:, None], cmap=self.colours, aspect="auto", origin="lower")
        bar.set(xticks=[], yticks=[])
        quieten(bar)

    def _label_bar(self, moment: Moment, squash: bool) -> None:
        """The scale's ends in words and numbers; values beyond them have the ends' colours."""
        values = [moment.neutral + side * moment.reach for side in (-1, 0, 1)]
        low, middle, high = ("0", "0.5", "1") if squash else map(number, values)
        self.low.set_text(f"{low}\nfake")
        self.middle.set_text(middle)
        self.high.set_text(f"real\n{high}")
        self.scale.set_text("sigmoid of the critic's value" if squash else "critic's value")

    def _draw_legend(self, colour: str) -> None:
        if colour == self.colour:
            return
        if self.legend is not None:
            self.legend.remove()
        self.colour = colour
        plain: dict[str, Any] = {"marker": "o", "linestyle": "none"}
        look: dict[str, Any] = {"color": colour, "markeredgecolor": "white", "markeredgewidth": _EDGE}
        entries = [
            Line2D([], [], color=palette.REAL[0], alpha=0.8, markersize=3.5, label="real", **plain),
            Line2D([], [], markersize=_POINT, label="generated", **plain, **look),
            Line2D([], [], color=palette.LINE, alpha=palette.NEUTRAL_OPACITY, linewidth=1.1, label="critic undecided"),
        ]
        self.legend = self.figure.legend(
            handles=entries,
            loc="lower right",
            bbox_to_anchor=((_LEFT + self.side) / self.width, 0.06 / self.height),
            ncols=3,
            frameon=False,
            fontsize=8.5,
            labelcolor=palette.MUTED,
            handletextpad=0.3,
            columnspacing=1.2,
            borderpad=0,
            borderaxespad=0,
        )

    def _text(self, left: float, bottom: float, **style: Any) -> Any:
        return self.figure.text(left / self.width, bottom / self.height, "", **style)


def quieten(axes: Axes) -> None:
    """Axes that stay in the background."""
    axes.tick_params(colors=palette.MUTED, labelsize=8.5, length=3, color=palette.FAINT)
    for spine in axes.spines.values():
        spine.set(color=palette.FAINT, linewidth=0.8)
