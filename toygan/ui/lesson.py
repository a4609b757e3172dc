"""What the pages on why it works share: their values and link, headings, labs of figures, and the way to Train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from toygan.figures.figure import Control, Figure, Motion, Reading, plain
from toygan.recipe import Knob, Recipe
from toygan.ui import components, player, server, widgets

#: What a link may say that is not the page's.
_FOREIGN = "embed"

#: Pixels that a line of text takes at most: about a hundred letters.
_LINE = 860


class Lesson:
    """One session's values of a page's knobs. ``notice`` says what of a link or a wish could not be used."""

    def __init__(self, knobs: Mapping[str, Knob], query: Mapping[str, str]) -> None:
        self.knobs = knobs
        self.values: dict[str, Any] = {name: knob.default for name, knob in knobs.items()}
        sentences = [self._read(name, text) for name, text in query.items() if not name.startswith(_FOREIGN)]
        self._of_link: str | None = "\n\n".join(sentence for sentence in sentences if sentence) or None
        self.notice = self._of_link
        self.told: str | None = None

    def _read(self, name: str, text: str) -> str:
        """Take a link's value; a sentence where that cannot be."""
        if name not in self.knobs:
            return f"The link's {name} was left out: this page has no such setting."
        try:
            self.values[name] = self.knobs[name].read(name, text)
        except ValueError as error:
            sentence = str(error)
            return f"The link's {name} was left out: {sentence}{'' if sentence.endswith('.') else '.'}"
        return ""

    def change(self, wish: Mapping[str, Any]) -> None:
        """Set what a reader moved; a value that cannot be becomes a sentence, and nothing else happens.

        What is wrong with the link stays said: the page must not move under a hand that drags.
        """
        known = {name: value for name, value in wish.items() if name in self.knobs}
        try:
            self.values |= {name: self.knobs[name].read(name, value) for name, value in known.items()}
            self.notice = self._of_link
        except ValueError as error:
            self.notice = str(error)

    @property
    def query(self) -> dict[str, str]:
        """What differs from the defaults, as a link says it."""
        return {
            name: value if isinstance(value, str) else repr(value)
            for name, value in self.values.items()
            if value != self.knobs[name].default
        }


def values(page: str, knobs: Mapping[str, Knob]) -> dict[str, Any]:
    """This session's values of a page's knobs, begun from the link; ``title`` says what of it could not be used."""
    if "to-train" in st.session_state:
        player.show(st.session_state.pop("to-train"))
    lessons: dict[str, Lesson] = st.session_state.setdefault("lessons", {})
    if page not in lessons:
        lessons[page] = Lesson(knobs, st.query_params.to_dict())
    st.session_state.lesson = lessons[page]
    return lessons[page].values


def title(heading: str, claim: str) -> None:
    """The page's heading and what it shows, in a sentence; over it what of a link or a wish could not be used."""
    lesson: Lesson = st.session_state.lesson
    server.notice(lesson.notice)
    lesson.told = lesson.notice
    st.markdown(f"## {heading}\n{claim}", width=_LINE)


def section(heading: str, text: str) -> None:
    """A claim as a heading, and how it comes about; ``text`` is Markdown with formulas between dollar signs."""
    st.markdown(f"### {heading}\n{text}", width=_LINE)


def lab(
    key: str,
    figures: Sequence[Figure],
    controls: Sequence[Control] = (),
    motion: Motion | None = None,
    readings: Sequence[Reading] = (),
) -> None:
    """Figures with their controls. What a reader changes goes into the page's values, and the part is drawn anew.

    A lab in a fragment draws only that fragment anew.
    """
    lesson: Lesson = st.session_state.lesson
    if lesson.notice != lesson.told:
        st.rerun()
    data = {
        "figures": [
            plain(vars(figure)) | {"handles": [vars(handle) for handle in figure.handles]} for figure in figures
        ],
        "controls": [vars(control) for control in controls],
        # Whoever comes by a link, or has moved something, is shown just that.
        "motion": None if motion is None else vars(motion) | {"autoplay": motion.autoplay and not lesson.query},
        "readings": [vars(reading) for reading in readings],
        "query": lesson.query,
        "base": server.base(),
    }
    components.lab(data, key=key, on_set_change=lambda: _set(lesson, key))


def _set(lesson: Lesson, key: str) -> None:
    wish = components.wish(key, "set")
    if isinstance(wish, dict):
        lesson.change(wish)


def take_to_train(recipe: Recipe, label: str = "Take this to Train", key: str = "take") -> None:
    """A button that opens the Train page with a recipe, from its beginning."""

    def taken() -> None:
        st.session_state["to-train"] = recipe

    # By a callback, which is never lost: the run of the script that a click begins may be given up for the next tick.
    st.button(label, icon=":material/play_arrow:", key=f"lesson.{key}", on_click=taken)


def references(papers: Sequence[str]) -> None:
    """Where it comes from; arXiv numbers become links."""
    st.caption("  \n".join(["**Read more**", *(widgets.linked(paper) for paper in papers)]))
