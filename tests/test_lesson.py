"""A lesson's values: from the link, from the reader, and back into a link."""

import pytest

from toygan.recipe import Knob
from toygan.ui.lesson import Lesson

KNOBS = {
    "theta": Knob("Distance", 1.0, "How far.", low=-2, high=2),
    "kind": Knob("Kind", "kl", "Which one.", kind="choice", choices=("kl", "js")),
    "steps": Knob("Steps", 5, "How many.", kind="integer", low=1, high=9),
}


def test_a_link_gives_the_values_it_was_made_of():
    lesson = Lesson(KNOBS, {})
    lesson.change({"theta": 0.1 + 0.2, "kind": "js", "steps": 7})
    again = Lesson(KNOBS, lesson.query)
    assert again.values == lesson.values and again.notice is None


def test_a_link_says_only_what_differs_from_the_defaults():
    assert Lesson(KNOBS, {"theta": "1", "kind": "js"}).query == {"kind": "js"}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"theta": "9"}, "The link's theta was left out: theta must be between -2 and 2, not 9."),
        ({"theta": "nan"}, "must be a finite number"),
        ({"kind": "wgna"}, "unknown kind 'wgna'"),
        ({"steps": "2.5"}, "steps must be a whole number"),
        ({"color": "red"}, "this page has no such setting"),
    ],
)
def test_what_is_wrong_with_a_link_is_said_and_the_rest_of_it_is_used(query, sentence):
    lesson = Lesson(KNOBS, {**query, "steps": query.get("steps", "3")})
    assert lesson.notice is not None and sentence in lesson.notice
    assert lesson.values["theta"] == 1 and lesson.values["kind"] == "kl"
    assert lesson.values["steps"] == (5 if "steps" in query else 3)


def test_streamlits_own_parameters_are_left_alone():
    assert Lesson(KNOBS, {"embed": "true", "embed_options": "dark_theme"}).notice is None


def test_a_wish_that_cannot_be_changes_nothing_and_says_why():
    lesson = Lesson(KNOBS, {})
    lesson.change({"steps": 3, "theta": 7})
    assert lesson.values == {"theta": 1, "kind": "kl", "steps": 5}
    assert lesson.notice == "theta must be between -2 and 2, not 7."
    lesson.change({"theta": 2, "unknown": 1})
    assert lesson.values["theta"] == 2 and lesson.notice is None


def test_what_is_wrong_with_a_link_stays_said_while_the_reader_moves_things():
    lesson = Lesson(KNOBS, {"color": "red"})
    lesson.change({"theta": 2})
    assert lesson.notice is not None and "color" in lesson.notice
