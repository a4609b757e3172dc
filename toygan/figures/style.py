"""Traces in the project's look. Colours are literal, or tokens that follow the theme.

Tokens: "@text", "@muted", "@faint", "@background", "@accent", "@real" (real points, neutral) and the colour scales
"@diverging" (orange where the critic says fake, blue where it says real) and "@sequential". Okabe and Ito's colours
(2008) are told apart by colour-blind readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toygan.figures.figure import Figure, plain

#: Okabe and Ito's colours by what they stand for where no method is meant.
BLUE, ORANGE, GREEN, PINK, BROWN, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a07800", "#56b4e9"

#: What the tokens are in the light theme, for pictures and checks made without a page.
LIGHT: dict[str, Any] = {
    "@text": "#1c2128",
    "@muted": "rgba(28, 33, 40, 0.68)",
    "@faint": "rgba(28, 33, 40, 0.16)",
    "@background": "#ffffff",
    "@accent": "#0068a5",
    "@real": "#5a6472",
    "@diverging": [[0, "#f1cf9e"], [0.5, "#f9f8f6"], [1, "#a0c7e2"]],
    "@sequential": [[0, "#ffffff"], [0.5, "#79b0d4"], [1, "#063d66"]],
}


def line(
    x: Any, y: Any, name: str, colour: str, dash: str = "solid", width: float = 2.0, **details: Any
) -> dict[str, Any]:
    """A curve; ``dash`` tells curves apart where colour alone would not."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": name,
        "line": {"color": colour, "dash": dash, "width": width},
        **details,
    }


def dots(
    x: Any, y: Any, name: str, colour: str, symbol: str = "circle", size: float = 6.0, **details: Any
) -> dict[str, Any]:
    """Points; ``symbol`` tells them apart where colour alone would not."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "name": name,
        "marker": {"color": colour, "symbol": symbol, "size": size},
        **details,
    }


def heat(x: Any, y: Any, z: Any, name: str, scale: str = "@sequential", **details: Any) -> dict[str, Any]:
    """A heat map, ``z`` with a row for each of ``y``; ``zmid`` in ``details`` centres a diverging scale."""
    look = {"colorscale": scale, "zsmooth": "fast", "colorbar": {"thickness": 10, "outlinewidth": 0}}
    return {"type": "heatmap", "x": x, "y": y, "z": z, "name": name, **look, **details}


def axes(x: str, y: str, **details: Any) -> dict[str, Any]:
    """A layout with the axes' titles; ``details`` are further entries of the layout."""
    layout: dict[str, Any] = {"xaxis": {"title": {"text": x}}, "yaxis": {"title": {"text": y}}}
    for name, entry in details.items():
        layout[name] = {**layout.get(name, {}), **entry} if isinstance(entry, Mapping) else entry
    return layout


def resolve(figure: Figure, theme: Mapping[str, Any] = LIGHT) -> dict[str, Any]:
    """The figure as a Plotly specification of its own: first frame, tokens replaced."""
    replaced = _replace(plain({"data": list(figure.traces), "layout": dict(figure.layout)}), theme)
    assert isinstance(replaced, dict)
    return replaced


def _replace(value: Any, theme: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        return theme.get(value, value)
    if isinstance(value, dict):
        return {key: _replace(entry, theme) for key, entry in value.items()}
    if isinstance(value, list):
        return [_replace(entry, theme) for entry in value]
    return value
