"""The page that plays a run: one file with everything in it, whatever the run is called."""

from __future__ import annotations

import base64
import html.parser
import json
import re
from typing import Any

from tests.records import ODD_NAME, records
from toygan.export import render
from toygan.export.player import thinned
from toygan.export.words import one_line


class Reader(html.parser.HTMLParser):
    """Tags with their attributes, and the texts inside title and scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"title": [], "script": [], "style": []}
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.texts:
            self.texts[tag].append("")
            self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.inside][-1] += data


def page(kind: str) -> Reader:
    return Reader(render(records()[kind], "html").decode())


def run(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page(kind).texts["script"][0])
    return found


def test_the_page_asks_nothing_of_a_network() -> None:
    found = page("usual")
    assert not [tag for tag, attributes in found.tags if {"src", "href", "srcset"} & set(attributes)]
    policies = [attributes["content"] for _, attributes in found.tags if "http-equiv" in attributes]
    assert policies == ["default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"]
    assert not re.findall(r"fetch\(|XMLHttpRequest|WebSocket|@import|url\(", "".join(found.texts["script"][1:]))


def test_the_page_knows_how_many_latents_points_are_made_of() -> None:
    assert {kind: run(kind)["latent"] for kind in ("usual", "changing", "frozen")} == {
        "usual": 2,
        "changing": 5,
        "frozen": 0,
    }


def test_the_page_holds_every_keyframe_as_it_is() -> None:
    record = records()["usual"]
    found = run("usual")
    assert base64.b64decode(found["frames"]) == b"".join(keyframe.data for keyframe in record.keyframes)
    assert found["sizes"] == [len(keyframe.data) for keyframe in record.keyframes]


def test_a_name_with_tags_and_quotes_is_only_a_name() -> None:
    found = page("several")
    assert len(found.texts["script"]) == 2
    assert found.texts["title"] == [one_line(ODD_NAME)]
    assert json.loads(found.texts["script"][0])["name"] == one_line(ODD_NAME)
    assert "{{" not in found.texts["style"][0]


def test_every_seed_has_its_curve_and_what_was_not_measured_is_null() -> None:
    assert [len(curve) for curve in run("several")["curves"]] == [4, 4, 4]
    assert run("unmeasured")["curves"] == [[None] * 6]


def test_the_page_knows_when_the_method_changed() -> None:
    changes = run("changing")["changes"]
    assert [(change["step"], change["method"], change["title"]) for change in changes] == [
        (0, "WGAN", ""),
        (10, "DRAGAN", "DRAGAN"),
        (20, "DRAGAN", "Batch size 8, Penalty weight 3"),
    ]
    assert [change["neutral"] for change in changes] == ["midpoint", "zero", "zero"]


def test_keyframes_are_thinned_evenly_until_they_fit() -> None:
    keyframes = records()["usual"].keyframes * 100
    few = thinned(keyframes, 1_000_000)
    assert sum(len(keyframe.data) for keyframe in few) <= 1_000_000
    assert len(few) > 90
    assert few[0] is keyframes[0]
    assert few[-1] is keyframes[-1]
    assert thinned(keyframes[:3], 1_000_000) == list(keyframes[:3])
