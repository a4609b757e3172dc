"""The library page: what is kept as cards to find, open, compare, name, pin and delete, without a browser."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from toygan import worker
from toygan.comparison import Comparison
from toygan.engine import Engine
from toygan.pool import InlineExecutor
from toygan.recipe import Recipe
from toygan.record import Keyframe
from toygan.store import Entry, Store
from toygan.ui import address, library, server
from toygan.viewer import Viewer

pytestmark = pytest.mark.slow  # a dozen seconds, all in all

ROOT = Path(__file__).resolve().parents[1]
SMALL: dict[str, Any] = {
    "generator_width": 4,
    "generator_depth": 1,
    "critic_width": 4,
    "critic_depth": 1,
    "batch": 8,
    "critic_steps": 1,
}
RING = Recipe(method="wgan-gp", **SMALL)
MOONS = Recipe(method="dragan", data="moons", seed=3, **SMALL)
BRANCH = RING.intervene(2, method="r1")

OPENED: list[Entry] = []
COMPARED: list[list[Entry]] = []


@cache
def history(recipe: Recipe, replicates: int = 1) -> tuple[list[Keyframe], worker.Chunk]:
    first = worker.start(recipe, replicates)
    last = worker.chunk(recipe, first.state, 4)
    return [Keyframe(c.state.step, c.keyframe, c.lanes, c.histogram, c.seconds) for c in (first, last)], last


class Ticks:
    """A clock on which no two moments are the same."""

    now = 0.0

    def __call__(self) -> float:
        self.now += 10.0
        return self.now


@pytest.fixture
def store() -> Iterator[Store]:
    kept = Store(None, clock=Ticks())
    yield kept
    kept.close()


@pytest.fixture
def filled(store: Store) -> Store:
    """Three runs, the newest first: a branch, two moons, and a ring with three seeds."""
    for recipe, replicates in ((RING, 3), (MOONS, 1), (BRANCH, 1)):
        frames, last = history(recipe, replicates)
        store.keep(recipe, replicates, frames, {4: last.state})
    return store


def script() -> None:
    from tests.test_library import COMPARED, OPENED
    from toygan.ui import library

    library.page(library.store(), OPENED.append, lambda entries: COMPARED.append(list(entries)))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Store], AppTest]:
    OPENED.clear()
    COMPARED.clear()

    def run(store: Store) -> AppTest:
        monkeypatch.setattr(library, "store", lambda: store)
        app = AppTest.from_function(script, default_timeout=60).run()
        assert not app.exception
        return app

    return run


Opener = Callable[[Store], AppTest]


def titles(app: AppTest) -> list[str]:
    """The cards' titles in order, as Markdown without its bold type and escapes."""
    texts = [block.value for block in app.markdown if block.value.endswith("**")]
    return [text.replace(":primary[:material/keep:] ", "^").replace("**", "").replace("\\", "") for text in texts]


def button(app: AppTest, key: str):
    return next(widget for widget in app.button if widget.key == key)


def box(app: AppTest, entry: Entry):
    found = [w for w in app.checkbox if w.key is not None and w.key.startswith(f"library.pick.{entry.key}.")]
    assert len(found) == 1
    return found[0]


def choose(app: AppTest, entry: Entry, wish: str) -> AppTest:
    menu = next(widget for widget in app.menu_button if widget.key == f"library.menu.{entry.key}")
    app = menu.click(wish).run()
    assert not app.exception
    return app


def search(app: AppTest, text: str) -> AppTest:
    app = next(widget for widget in app.text_input if widget.label == "Search").set_value(text).run()
    assert not app.exception
    return app


def many(store: Store, count: int) -> tuple[Entry, ...]:
    frames, _ = history(RING)
    for seed in range(count):
        store.keep(Recipe(**{**SMALL, "seed": seed}), 1, frames)
    return store.runs(limit=count).entries


def test_without_runs_the_page_says_where_they_come_from(store: Store, opened: Opener) -> None:
    app = opened(store)
    assert "No runs yet" in app.markdown[-1].value
    assert not app.text_input
    assert not app.button


def test_every_run_is_a_card_with_its_picture_the_newest_first(filled: Store, opened: Opener) -> None:
    app = opened(filled)
    assert titles(app) == ["WGAN-GP, then R1 on wide ring of 8", "DRAGAN on two moons", "WGAN-GP on wide ring of 8"]
    assert len(app.image) == 3
    words = " ".join(caption.value for caption in app.caption)
    assert "R1 from step 2 on" in words.replace("\\", "")
    assert "Seeds 0 to 2" in words
    assert "Seed 3" in words or "seed 3" in words or "more settings" in words
    facts = [block.value for block in app.markdown if block.value.startswith("4 steps")]
    assert len(facts) == 3
    assert all("W1" in fact and re.search(r"modes|arcs", fact) and "high quality" in fact for fact in facts)


def test_a_run_without_keyframes_or_with_damaged_ones_is_a_card_without_a_picture(store: Store, opened: Opener) -> None:
    store.keep(RING, 1, [])
    store.keep(MOONS, 1, [Keyframe(3, b"damaged", ({"w1": None},), ())], failed=True)
    app = opened(store)
    assert len(titles(app)) == 2
    assert len(app.image) == 0
    assert any(block.value == "3 steps, then overflowed" for block in app.markdown)


def outcome(app: AppTest) -> str:
    """The numbers of the only card, on one line."""
    return next(block.value for block in app.markdown if "W1" in block.value).replace("  \n", ", ").replace("\\", "")


def keyframe_of(*lanes: dict[str, Any]) -> list[Keyframe]:
    found = [{"modes_total": 8, **lane} for lane in lanes]
    return [Keyframe(40, history(RING)[0][0].data, tuple(found), ())]


def test_a_card_of_several_seeds_shows_their_means_and_says_so(store: Store, opened: Opener) -> None:
    lanes = (
        {"w1": 0.1, "modes": 5, "high_quality": 0.5},
        {"w1": 0.3, "modes": 8, "high_quality": 0.7},
        {"w1": None, "modes": 8, "high_quality": math.nan},
    )
    store.keep(RING, 3, keyframe_of(*lanes))
    assert outcome(opened(store)) == "40 steps, mean of 3: W1 0.2, 7 of 8 modes, 60\u202f% high quality"
    store.keep(RING, 3, keyframe_of(*lanes[:2], {"w1": 0.2, "modes": 7}))
    assert "6.7 of 8 modes" in outcome(opened(store))


def test_a_card_of_one_seed_speaks_of_no_mean(store: Store, opened: Opener) -> None:
    store.keep(RING, 1, keyframe_of({"w1": 0.125, "modes": 5, "high_quality": 0.5}))
    assert outcome(opened(store)) == "40 steps, W1 0.125, 5 of 8 modes, 50\u202f% high quality"


def test_what_is_wrong_with_the_store_is_said(filled: Store, opened: Opener) -> None:
    filled.problem = "The disk is full."
    assert "The disk is full." in opened(filled).warning[0].value


def test_runs_of_another_version_are_counted(filled: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    key = filled.runs().entries[0].key
    monkeypatch.setitem(filled._recipes, key, None)
    assert any("1 run of another version" in caption.value for caption in opened(filled).caption)


def test_words_methods_and_data_narrow_the_list_and_clearing_them_shows_all(filled: Store, opened: Opener) -> None:
    app = search(opened(filled), "moons")
    assert titles(app) == ["DRAGAN on two moons"]
    assert "1 of 3 runs" in app.markdown[0].value
    app = search(app, "")
    next(widget for widget in app.multiselect if widget.label == "Methods").set_value(["r1"]).run()
    assert len(titles(app)) == 1
    next(widget for widget in app.multiselect if widget.label == "Data").set_value(["moons"]).run()
    assert "No run matches" in " ".join(block.value for block in app.markdown)
    button(app, "library-clear").click().run()
    assert len(titles(app)) == 3
    assert [widget.value for widget in app.multiselect] == [[], []]


def test_open_hands_the_run_over(filled: Store, opened: Opener) -> None:
    app = opened(filled)
    entry = filled.runs().entries[1]
    button(app, f"library.open.{entry.key}").click().run()
    assert [found.key for found in OPENED] == [entry.key]
    app.run()
    assert len(OPENED) == 1


def test_two_runs_and_more_can_be_compared_in_the_order_they_were_picked(filled: Store, opened: Opener) -> None:
    app = opened(filled)
    entries = filled.runs().entries
    assert button(app, "library-compare").disabled
    for number in (2, 0):
        box(app, entries[number]).check().run()
    assert button(app, "library-compare").label == "Compare 2 runs"
    button(app, "library-compare").click().run()
    assert [[entry.key for entry in found] for found in COMPARED] == [[entries[2].key, entries[0].key]]


def test_what_was_picked_stays_picked_while_the_list_changes(filled: Store, opened: Opener) -> None:
    app = opened(filled)
    entries = filled.runs().entries
    for entry in entries[:2]:
        box(app, entry).check().run()
    search(app, "moons")
    assert button(app, "library-compare").label == "Compare 2 runs"
    search(app, "")
    assert [box(app, entry).value for entry in entries] == [True, True, False]
    button(app, "library-clear-picked").click().run()
    assert [box(app, entry).value for entry in entries] == [False] * 3


def test_no_more_runs_are_picked_than_can_be_compared(store: Store, opened: Opener) -> None:
    entries = many(store, 8)
    app = opened(store)
    for entry in entries[:6]:
        box(app, entry).check().run()
    assert [box(app, entry).disabled for entry in entries] == [False] * 6 + [True] * 2
    box(app, entries[0]).uncheck().run()
    assert not box(app, entries[7]).disabled


def test_a_comparison_that_is_not_possible_says_why(
    filled: Store, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(entries: list[Entry]) -> None:
        raise ValueError("Two of these runs are the same.")

    app = opened(filled)
    for entry in filled.runs().entries[:2]:
        box(app, entry).check().run()
    monkeypatch.setattr("tests.test_library.COMPARED", type("Refusing", (), {"append": staticmethod(refuse)}))
    button(app, "library-compare").click().run()
    assert not app.exception
    assert "Two of these runs are the same" in app.warning[0].value
    app.run()
    assert not app.warning


def test_a_pinned_run_comes_first_and_has_a_mark(filled: Store, opened: Opener) -> None:
    app = opened(filled)
    moons = filled.runs().entries[1]
    choose(app, moons, "Pin")
    assert titles(app)[0] == "^DRAGAN on two moons"
    choose(app, moons, "Unpin")
    assert titles(app)[1] == "DRAGAN on two moons"


def test_a_run_is_renamed_where_its_title_stands(filled: Store, opened: Opener) -> None:
    app = opened(filled)
    moons = filled.runs().entries[1]
    choose(app, moons, "Rename")
    assert len(titles(app)) == 2
    next(widget for widget in app.text_input if widget.label == "Name").set_value("  mine, *all* mine ")
    next(widget for widget in app.button if widget.label == "Save").click().run()
    assert not app.exception
    assert titles(app)[1] == "mine, *all* mine"
    assert "DRAGAN on two moons" in app.caption[1].value.replace("\\", "")
    choose(app, moons, "Rename")
    next(widget for widget in app.button if widget.label == "Cancel").click().run()
    assert titles(app)[1] == "mine, *all* mine"
    choose(app, moons, "Rename")
    next(widget for widget in app.text_input if widget.label == "Name").set_value("")
    next(widget for widget in app.button if widget.label == "Save").click().run()
    assert titles(app)[1] == "DRAGAN on two moons"


def test_the_field_for_a_name_holds_the_present_one(filled: Store, opened: Opener) -> None:
    def field(app: AppTest):
        return next(widget for widget in app.text_input if widget.label == "Name")

    def saved(app: AppTest) -> None:
        next(widget for widget in app.button if widget.label == "Save").click().run()
        assert not app.exception

    app = opened(filled)
    moons = filled.runs().entries[1]
    choose(app, moons, "Rename")
    assert field(app).value == "DRAGAN on two moons"
    saved(app)
    assert filled.entries([moons.key])[0].name == "", "the usual title is no name"
    choose(app, moons, "Rename")
    field(app).set_value("mine")
    saved(app)
    choose(app, moons, "Rename")
    assert field(app).value == "mine"


def test_a_name_is_shown_as_it_was_written(filled: Store, opened: Opener) -> None:
    filled.rename(MOONS.key, "![x](http://elsewhere/x.png) :smile: $a$ # `b`")
    text = next(block.value for block in opened(filled).markdown if "elsewhere" in block.value)
    assert re.search(r"(?<!\\)[][!:$#`]", text) is None


def test_a_deleted_run_comes_back_when_that_is_wanted(filled: Store, opened: Opener) -> None:
    app = opened(filled)
    moons = filled.runs().entries[1]
    box(app, moons).check().run()
    choose(app, moons, "Delete")
    assert len(titles(app)) == 2
    assert "DRAGAN on two moons” was deleted" in app.markdown[-1].value
    assert button(app, "library-compare").label == "Compare"
    search(app, "ring")
    search(app, "")
    button(app, "library-undo-button").click().run()
    assert titles(app)[1] == "DRAGAN on two moons"
    assert not [widget for widget in app.button if widget.key == "library-undo-button"]


def test_another_action_or_dismissing_ends_the_offer_to_undo(filled: Store, opened: Opener) -> None:
    app = opened(filled)
    entries = filled.runs().entries
    choose(app, entries[0], "Delete")
    choose(app, entries[1], "Pin")
    assert not [widget for widget in app.button if widget.key == "library-undo-button"]
    choose(app, entries[1], "Delete")
    button(app, "library-dismiss").click().run()
    assert len(titles(app)) == 1
    assert not [widget for widget in app.button if widget.key == "library-undo-button"]


def test_many_runs_are_cut_into_pages(store: Store, opened: Opener) -> None:
    entries = many(store, library.PER_PAGE + 3)
    app = opened(store)
    assert len(titles(app)) == library.PER_PAGE
    app.pagination[0].set_value(2).run()
    assert not app.exception
    assert len(titles(app)) == 3
    for entry in entries[-3:]:
        choose(app, entry, "Delete")
    assert len(titles(app)) == library.PER_PAGE, "the last page there is"
    assert not app.pagination


def test_a_new_search_begins_on_the_first_page(store: Store, opened: Opener) -> None:
    many(store, library.PER_PAGE + 3)
    app = opened(store)
    app.pagination[0].set_value(2).run()
    search(app, "wgan-gp")
    assert len(titles(app)) == library.PER_PAGE
    assert app.pagination[0].value == 1


# ---- on to the other pages


def leaving() -> None:
    from toygan.ui import library

    library.page(library.store(), library.to_train, library.to_compare)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """The pages switched to, with what their links say. (Streamlit's AppTest loses clicks where there is pages/.)"""
    pages: list[tuple[str, dict[str, str]]] = []

    def switch_page(page: str, query_params: dict[str, str] | None = None) -> None:
        pages.append((page, query_params or {}))
        st.stop()

    monkeypatch.setattr(st, "switch_page", switch_page)
    return pages


Left = list[tuple[str, dict[str, str]]]


def leave(store: Store, monkeypatch: pytest.MonkeyPatch, **state: Any) -> AppTest:
    monkeypatch.setattr(library, "store", lambda: store)
    app = AppTest.from_function(leaving, default_timeout=60)
    for name, value in state.items():
        app.session_state[name] = value
    return app.run()


def test_open_leads_a_new_session_to_the_train_page_by_a_link(
    filled: Store, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = leave(filled, monkeypatch)
    button(app, f"library.open.{MOONS.key}").click().run()
    assert not app.exception
    (page, query) = left[0]
    assert page == "pages/train.py"
    assert address.read(query) == (MOONS, 4, [])


def test_open_sends_the_session_s_viewer_to_the_run_as_far_as_it_came(
    filled: Store, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = Viewer(Engine(InlineExecutor, store=filled), RING)
    viewer.play()
    app = leave(filled, monkeypatch, viewer=viewer)
    button(app, f"library.open.{MOONS.key}").click().run()
    assert not app.exception
    assert left == [("pages/train.py", {})]
    assert (viewer.recipe, viewer.goal) == (MOONS, 4)
    viewer.tick()
    assert viewer.cursor == 4, "all of it is kept, nothing is trained again"


def test_a_run_of_several_seeds_opens_on_the_compare_page(
    filled: Store, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = leave(filled, monkeypatch, viewer="somebody")
    button(app, f"library.open.{filled.runs().entries[2].key}").click().run()
    assert not app.exception
    comparison = Comparison.from_query(left[0][1])
    assert (left[0][0], comparison.recipes, comparison.replicates) == ("pages/compare.py", (RING,), 3)


def test_picked_runs_go_to_the_compare_page(filled: Store, left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    app = leave(filled, monkeypatch, lockstep="what was compared before")
    branch, moons, _ = filled.runs().entries
    for entry in (moons, branch):
        box(app, entry).check().run()
    button(app, "library-compare").click().run()
    assert not app.exception
    assert Comparison.from_query(left[0][1]).recipes == (MOONS, BRANCH)
    assert app.session_state["lockstep"].comparison.recipes == (MOONS, BRANCH)


def test_one_recipe_with_one_seed_and_with_several_stands_on_the_compare_page_once(
    filled: Store, left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.keep(RING, 1, history(RING)[0])
    app = leave(filled, monkeypatch)
    entries = filled.runs().entries
    for entry in (entries[0], entries[3]):
        box(app, entry).check().run()
    button(app, "library-compare").click().run()
    assert not app.exception
    ((where, query),) = left
    assert where == "pages/compare.py"
    assert Comparison.from_query(query).recipes == (RING,)


def test_the_page_takes_the_server_s_store(monkeypatch: pytest.MonkeyPatch, filled: Store) -> None:
    monkeypatch.setattr(server, "engine", lambda: Engine(InlineExecutor, store=filled))
    app = AppTest.from_file(str(ROOT / "pages" / "library.py"), default_timeout=60).run()
    assert not app.exception
    assert len(titles(app)) == 3
