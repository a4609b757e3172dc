"""Runs survive the app's end, a kill in the middle of writing and each other; what cannot be kept is said in words."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Clock, blank_state
from toygan.recipe import Recipe
from toygan.record import Keyframe, run_key
from toygan.state import State
from toygan.store import DEFAULT_BUDGET, Entry, Store, change, codec, database, location, open_store, store_path, tables
from toygan.store import store as store_module
from toygan.store.runs import differences, usual_title

ROOT = Path(__file__).resolve().parents[1]
RECIPE = Recipe(seed=1)

Maker = Callable[..., Store]


def keyframe(step: int, size: int = 100, lanes: int = 1, **metrics: Any) -> Keyframe:
    data = random.Random(step).randbytes(size)
    return Keyframe(step, data, ({"w1": 0.1 * step, **metrics},) * lanes, (3, 1, step), 0.01 * step)


def keyframes(*steps: int, size: int = 100) -> list[Keyframe]:
    return [keyframe(step, size) for step in steps]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "runs.sqlite"


@pytest.fixture
def opened(file: Path, clock: Clock) -> Iterator[Maker]:
    """Opens stores, on one file unless told otherwise, and closes them at the end."""
    stores = []

    def make(path: Path | None = file, budget: int = DEFAULT_BUDGET) -> Store:
        stores.append(Store(path, budget, clock))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locked files are given up on soon."""
    monkeypatch.setattr(database, "BUSY", 0.05)
    monkeypatch.setattr(store_module, "PATIENCE", 0.2)


def keys(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.key for entry in entries]


def equal(one: State, other: State) -> bool:
    pairs = [(np.asarray(getattr(one, item.name)), np.asarray(getattr(other, item.name))) for item in fields(one)]
    return all(np.array_equal(a, b, equal_nan=True) and a.dtype == b.dtype for a, b in pairs)


def query(file: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(file)
    try:
        with connection:
            return connection.execute(statement).fetchall()
    finally:
        connection.close()


# ---- what is kept


@pytest.mark.parametrize("path", ["file", "memory"])
@pytest.mark.parametrize("written", [True, False], ids=["written", "waiting"])
def test_a_run_is_loaded_as_it_was_kept(
    path: str, written: bool, opened: Maker, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "INTERVAL", 0.0 if written else 60.0)
    store = opened(file if path == "file" else None)
    states = {step: blank_state(step, lanes=2) for step in (5, 10)}
    store.keep(RECIPE, 2, keyframes(0, 5, 10), {0: blank_state(0), **states}, failed=True)
    store.keep_measured(run_key(RECIPE, 2), 10, ({"w1": 1.0, "n": 5}, {"w1": float("inf")}))
    if written:
        assert store.flush()
    found = store.load(run_key(RECIPE, 2))
    assert found is not None
    assert (found.recipe, found.replicates, found.name, found.failed) == (RECIPE, 2, "", True)
    assert list(found.keyframes) == keyframes(0, 5, 10)
    assert list(found.states) == [5, 10], "the state at step 0 follows from the recipe"
    assert all(equal(found.states[step], state) for step, state in states.items())
    assert found.measured == {10: ({"w1": 1.0, "n": 5}, {"w1": float("inf")})}
    assert found.key == run_key(RECIPE, 2)


def test_what_still_waits_and_what_is_written_make_one_run(opened: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0, 5), {5: blank_state(5)})
    assert store.flush()
    monkeypatch.setattr(store_module, "INTERVAL", 60.0)
    store.keep(Recipe(seed=2), 1, keyframes(0))
    assert store.flush(), "the next batch is a minute away"
    store.keep(RECIPE, 1, keyframes(10), {10: blank_state(10)})
    store.keep_measured(RECIPE.key, 10, ({"w1": 2.0},))
    found = store.load(RECIPE.key)
    assert found is not None
    assert [frame.step for frame in found.keyframes] == [0, 5, 10]
    assert list(found.states) == [10]
    assert found.measured == {10: ({"w1": 2.0},)}
    assert store.entries([RECIPE.key])[0].steps == 10


def test_runs_are_there_again_after_a_restart(opened: Maker) -> None:
    first = opened()
    first.keep(RECIPE, 1, keyframes(0, 5), {5: blank_state(5)})
    first.rename(RECIPE.key, "mine")
    first.close()
    found = opened().load(RECIPE.key)
    assert found is not None
    assert found.name == "mine"
    assert len(found.keyframes) == 2


def test_an_unknown_run_is_none_and_marking_it_does_nothing(opened: Maker) -> None:
    store = opened()
    store.pin("nobody", True)
    store.rename("nobody", "somebody")
    store.delete("nobody")
    store.keep_measured("nobody", 1, ({"w1": 1.0},))
    assert store.flush()
    assert store.load("nobody") is None
    assert not store.restore("nobody")
    assert store.runs().kept == 0


def test_a_keyframe_of_equal_step_replaces_the_one_before(opened: Maker) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0, 5))
    assert store.flush()
    other = Keyframe(5, b"other", ({"w1": 9.0},), (1,))
    store.keep(RECIPE, 1, [other])
    assert store.flush()
    found = store.load(RECIPE.key)
    assert found is not None
    assert found.keyframes[1] == other


def test_of_what_is_given_again_only_what_is_new_is_written(opened: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    values, pack = tables._keyframe_values, tables.pack_state
    monkeypatch.setattr(
        tables, "_keyframe_values", lambda run, frame: (written.append(frame.step), values(run, frame))[1]
    )
    monkeypatch.setattr(tables, "pack_state", lambda state: (written.append(-state.step), pack(state))[1])
    store = opened()
    store.keep(RECIPE, 1, keyframes(0, 5), {5: blank_state(5)})
    assert store.flush()
    store.keep(RECIPE, 1, keyframes(0, 5, 10), {5: blank_state(5), 10: blank_state(10)})
    assert store.flush()
    assert sorted(written) == [-10, -5, 0, 5, 10]


def test_states_given_later_replace_those_before(opened: Maker) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0), {step: blank_state(step) for step in (1, 2, 3)})
    assert store.flush()
    store.keep(RECIPE, 1, [], {step: blank_state(step) for step in (2, 4)})
    assert store.flush()
    found = store.load(RECIPE.key)
    assert found is not None
    assert list(found.states) == [2, 4]
    store.keep(RECIPE, 1, keyframes(5))
    found = store.load(RECIPE.key)
    assert found is not None
    assert list(found.states) == [2, 4], "nothing was said of them"


def test_who_has_not_come_as_far_leaves_later_states_alone(opened: Maker) -> None:
    ahead, behind = opened(), opened()
    ahead.keep(RECIPE, 1, keyframes(0, 50, 100), {step: blank_state(step) for step in (50, 100)})
    assert ahead.flush()
    behind.keep(RECIPE, 1, keyframes(0, 10), {10: blank_state(10)})
    assert behind.flush()
    found = ahead.load(RECIPE.key)
    assert found is not None
    assert list(found.states) == [10, 50, 100]
    assert [frame.step for frame in found.keyframes] == [0, 10, 50, 100]


def test_a_long_run_keeps_fewer_of_its_older_keyframes(opened: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "KEYFRAMES", 20)
    store = opened()
    for start in range(0, 100, 10):
        store.keep(RECIPE, 1, keyframes(*range(start, start + 10)))
        assert store.flush()
    found = store.load(RECIPE.key)
    assert found is not None
    steps = [frame.step for frame in found.keyframes]
    assert len(steps) <= 20
    assert steps[0] == 0
    assert steps[-5:] == [95, 96, 97, 98, 99]


def test_a_run_that_cannot_be_written_is_left_out_and_the_others_are_kept(
    opened: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened()
    store.keep(RECIPE, 1, [Keyframe(0, b"", ({"w1": object()},), ())])
    store.keep(Recipe(seed=2), 1, keyframes(0))
    assert store.flush()
    assert keys(store.runs().entries) == [Recipe(seed=2).key]
    assert store.problem is None
    assert "cannot be kept" in caplog.text


def test_numbers_of_numpy_are_kept_as_numbers() -> None:
    lanes = ({"w1": np.float32(0.5), "modes": np.int64(3), "shares": np.array([1, 2])},)
    assert codec.read_metrics(codec.metrics_text(lanes)) == ({"w1": 0.5, "modes": 3, "shares": [1, 2]},)


def test_who_keeps_runs_never_waits_for_the_file(opened: Maker, file: Path) -> None:
    store = opened()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.keep(RECIPE, 1, keyframes(0))
    store.rename(RECIPE.key, "mine")
    assert not store.flush(0.05), "the file is locked"
    found = store.load(RECIPE.key)
    assert found is not None
    assert (found.name, len(found.keyframes)) == ("mine", 1)
    assert [entry.title for entry in store.runs().entries] == ["mine"]
    other.execute("ROLLBACK")
    other.close()
    assert store.flush()
    assert query(file, "SELECT name FROM runs") == [("mine",)]


def test_many_threads_may_keep_load_and_list_at_once(opened: Maker) -> None:
    store, errors = opened(), []

    def use(seed: int) -> None:
        try:
            recipe = Recipe(seed=seed)
            for step in range(20):
                store.keep(recipe, 1, keyframes(step), {step: blank_state(step)})
                found = store.load(recipe.key)
                assert found is not None
                assert [frame.step for frame in found.keyframes] == list(range(step + 1))
                assert recipe.key in keys(store.runs().entries)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.runs().total == 6


def test_after_closing_nothing_is_kept_and_nothing_raises(opened: Maker, file: Path) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0))
    store.close()
    store.close()
    store.keep(Recipe(seed=2), 1, keyframes(0))
    assert store.load(RECIPE.key) is None
    assert store.runs().entries == ()
    assert query(file, "SELECT count(*) FROM runs") == [(1,)]
    assert not file.with_name("runs.sqlite-wal").exists()


# ---- states as bytes


def test_a_state_survives_to_the_last_bit() -> None:
    state = blank_state(7, lanes=3)
    state.critic = np.array([[np.nan, -0.0, np.inf]] * 3, np.float32)
    state.vectors = np.zeros((3, 0), np.float32)
    found = codec.unpack_state(codec.pack_state(state))
    assert equal(found, state)
    assert np.signbit(found.critic[0, 1])
    found.critic[0, 0] = 1.0


def test_arrays_that_are_transposed_are_kept_as_they_look() -> None:
    state = blank_state(1)
    state.critic = np.arange(6.0).reshape(2, 3).T
    assert equal(codec.unpack_state(codec.pack_state(state)), state)


def head_of(**changes: Any) -> bytes:
    """A state's bytes with another head."""
    data = codec.pack_state(blank_state(1))
    length = int.from_bytes(data[:4], "little")
    head = {**json.loads(data[4 : 4 + length]), **changes}
    text = json.dumps({name: value for name, value in head.items() if value is not None}).encode()
    return len(text).to_bytes(4, "little") + text + data[4 + length :]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\xff\xff\xff\xff",
        b"\x02\x00\x00\x00[]",
        codec.pack_state(blank_state(1))[:-1],
        codec.pack_state(blank_state(1)) + b"x",
        head_of(critic=["|O", [1, 10]]),
        head_of(critic=["nonsense", [1, 10]]),
        head_of(critic=["<f8", [-1, 10]]),
        head_of(critic=["<f8", [2**62, 2**62]]),
        head_of(critic=["<f8", [1, 11]]),
        head_of(critic=None),
        head_of(step="x"),
        head_of(extra=1),
    ],
)
def test_bytes_that_are_no_state_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a state"):
        codec.unpack_state(data)


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", "[" * 100_000, b"\xff"])
def test_text_that_holds_no_metrics_is_refused(text: Any) -> None:
    with pytest.raises(ValueError):
        codec.read_metrics(text)


# ---- lists


def test_pinned_runs_come_first_then_the_newest(opened: Maker, clock: Clock) -> None:
    store = opened()
    recipes = [Recipe(seed=seed) for seed in range(4)]
    for recipe in recipes:
        clock.now += 1
        store.keep(recipe, 1, keyframes(0))
    store.pin(recipes[1].key, True)
    clock.now += 1
    store.keep(recipes[0], 1, keyframes(5))
    expected = [recipes[number].key for number in (1, 0, 3, 2)]
    assert keys(store.runs().entries) == expected, "while it waits"
    assert store.flush()
    assert keys(store.runs().entries) == expected
    assert [entry.pinned for entry in store.runs().entries] == [True, False, False, False]


def test_a_list_is_cut_into_pages_and_says_how_many_there_are(opened: Maker) -> None:
    store = opened()
    for seed in range(7):
        store.keep(Recipe(seed=seed), 1, keyframes(0))
    pages = [store.runs(limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page.entries) for page in pages] == [3, 3, 1]
    assert {page.total for page in pages} == {7}
    assert len({key for page in pages for key in keys(page.entries)}) == 7


def test_an_entry_has_the_run_s_last_keyframe(opened: Maker) -> None:
    store = opened()
    store.keep(RECIPE, 2, keyframes(0, 30, 7))
    store.keep(Recipe(seed=5), 1, [])
    assert store.flush()
    entry = next(entry for entry in store.runs().entries if entry.recipe == RECIPE)
    assert (entry.keyframe, entry.steps, entry.seeds) == (keyframe(30), 30, [1, 2])
    empty = next(entry for entry in store.runs().entries if entry.recipe == Recipe(seed=5))
    assert (empty.keyframe, empty.steps) == (None, 0)


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ({}, {"plain", "moons", "branch"}),
        ({"text": "TWO moons"}, {"moons"}),
        ({"text": "batch size 7"}, {"moons"}),
        ({"text": "favourite"}, {"plain"}),
        ({"text": "seed 3"}, {"moons"}),
        ({"text": "moons favourite"}, set()),
        ({"methods": ["wgan-gp"]}, {"plain", "branch"}),
        ({"methods": ["r1"]}, {"branch"}),
        ({"methods": ["dragan", "r1"]}, {"moons", "branch"}),
        ({"data": ["moons"]}, {"moons"}),
        ({"data": ["moons"], "methods": ["wgan-gp"]}, set()),
    ],
)
def test_runs_are_found_by_words_methods_and_data(question: dict[str, Any], found: set[str], opened: Maker) -> None:
    store = opened()
    recipes = {
        "plain": Recipe(),
        "moons": Recipe(method="dragan", data="moons", seed=3, batch=7),
        "branch": Recipe().intervene(10, method="r1"),
    }
    for recipe in recipes.values():
        store.keep(recipe, 1, keyframes(0))
    store.rename(Recipe().key, "My favourite")
    listing = store.runs(**question)
    names = {recipe.key: name for name, recipe in recipes.items()}
    assert {names[key] for key in keys(listing.entries)} == found
    assert (listing.total, listing.kept) == (len(found), 3)


def test_a_run_of_several_seeds_is_found_by_each_of_them(opened: Maker) -> None:
    store = opened()
    store.keep(Recipe(seed=20), 6, keyframes(0))
    store.keep(Recipe(seed=30), 1, keyframes(0))
    found = {text: store.runs(text).total for text in ("seed 20", "seed 23", "seed 25", "seeds 20 to 25", "seed 26")}
    assert found == {"seed 20": 1, "seed 23": 1, "seed 25": 1, "seeds 20 to 25": 1, "seed 26": 0}


def test_a_family_is_all_runs_that_begin_alike(opened: Maker, clock: Clock) -> None:
    store = opened()
    root = Recipe()
    members = [root, root.intervene(10, batch=8), root.intervene(10, batch=8).intervene(20, method="r1")]
    for recipe in (*members, Recipe(seed=9)):
        clock.now += 1
        store.keep(recipe, 1, keyframes(0))
    assert keys(store.family(members[2])) == [recipe.key for recipe in members]
    assert store.flush()
    assert keys(store.family(root)) == [recipe.key for recipe in members]


def test_entries_come_in_the_order_asked_for_without_those_that_are_gone(opened: Maker) -> None:
    store = opened()
    recipes = [Recipe(seed=seed) for seed in range(3)]
    for recipe in recipes:
        store.keep(recipe, 1, keyframes(0, 4))
    store.delete(recipes[1].key)
    wanted = [recipes[2].key, "nobody", recipes[1].key, recipes[0].key]
    assert keys(store.entries(wanted)) == [recipes[2].key, recipes[0].key]
    assert store.entries(wanted)[0].steps == 4


def test_a_run_is_titled_by_its_name_or_by_what_it_is(opened: Maker) -> None:
    store = opened()
    recipe = Recipe(data="moons", data_parameters={"noise": 0.2}, seed=3, clip=0.5).intervene(1000, method="r1")
    assert usual_title(recipe) == "WGAN-GP, then R1 on two moons"
    assert differences(recipe) == ("R1 from step 1,000 on", "noise 0.2", "clipping bound 0.5", "seed 3")
    assert differences(Recipe(generator="line")) == ("generator line",)
    store.keep(recipe, 1, keyframes(0))
    store.rename(recipe.key, f"  a \n name {'x' * 100}")
    (entry,) = store.runs().entries
    assert entry.title == f"a name {'x' * 73}"
    store.rename(recipe.key, "  ")
    assert store.runs().entries[0].title == "WGAN-GP, then R1 on two moons"


# ---- deleting


def test_a_deleted_run_is_gone_until_it_is_restored(opened: Maker) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0, 5), {5: blank_state(5)})
    store.pin(RECIPE.key, True)
    for wait in (store.flush, lambda: None):
        store.delete(RECIPE.key)
        wait()
        assert store.load(RECIPE.key) is None
        assert store.runs().kept == 0
        assert store.family(RECIPE) == ()
        assert store.restore(RECIPE.key)
        found = store.load(RECIPE.key)
        assert found is not None
        assert len(found.keyframes) == 2
        assert store.runs().entries[0].pinned


def test_what_was_on_its_way_does_not_bring_a_deleted_run_back_but_training_on_does(
    opened: Maker, clock: Clock
) -> None:
    store = opened()
    for wait in (store.flush, lambda: None):
        store.keep(RECIPE, 1, keyframes(0))
        store.delete(RECIPE.key)
        wait()
        clock.now += change.GRACE / 2
        store.keep(RECIPE, 1, keyframes(5))
        assert store.runs().kept == 0
        wait()
        assert store.runs().kept == 0
        clock.now += change.GRACE
        store.keep(RECIPE, 1, keyframes(10))
        assert store.entries([RECIPE.key])[0].steps == 10
        wait()
        found = store.load(RECIPE.key)
        assert found is not None
        assert [frame.step for frame in found.keyframes] == [0, 5, 10]


def test_deleted_runs_go_for_good_when_the_app_starts_later(opened: Maker, file: Path, clock: Clock) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0))
    store.keep(Recipe(seed=2), 1, keyframes(0))
    store.delete(RECIPE.key)
    store.close()
    soon = opened()
    soon.keep(Recipe(seed=2), 1, keyframes(5))
    assert soon.flush()
    assert soon.restore(RECIPE.key), "the reader may still want it back"
    soon.delete(RECIPE.key)
    soon.close()
    clock.now += tables.UNDO + 1
    later = opened()
    later.keep(Recipe(seed=2), 1, keyframes(10))
    assert later.flush()
    assert not later.restore(RECIPE.key)
    assert query(file, "SELECT count(*) FROM keyframes") == [(3,)]


# ---- room


def test_the_longest_untouched_runs_make_room_but_never_pinned_ones(opened: Maker, clock: Clock) -> None:
    store = opened(budget=45_000)
    recipes = [Recipe(seed=seed) for seed in range(5)]
    for recipe in recipes:
        clock.now += 1
        store.keep(recipe, 1, keyframes(0, size=10_000))
        store.pin(recipes[0].key, True)
        assert store.flush()
    assert keys(store.runs().entries) == [recipes[number].key for number in (0, 4, 3, 2)]


def test_deleted_runs_make_room_first(opened: Maker, clock: Clock) -> None:
    store = opened(budget=35_000)
    recipes = [Recipe(seed=seed) for seed in range(4)]
    for recipe in recipes[:3]:
        clock.now += 1
        store.keep(recipe, 1, keyframes(0, size=10_000))
        store.pin(recipe.key, recipe == recipes[2])
    store.delete(recipes[2].key)
    assert store.flush()
    clock.now += 1
    store.keep(recipes[3], 1, keyframes(0, size=10_000))
    assert store.flush()
    assert {entry.recipe.seed for entry in store.runs().entries} == {0, 1, 3}
    assert not store.restore(recipes[2].key), "pinned, but deleted"


def test_a_run_that_is_being_written_stays_however_large(opened: Maker) -> None:
    store = opened(budget=1000)
    store.keep(RECIPE, 1, keyframes(0, 1, 2, size=10_000))
    assert store.flush()
    assert store.load(RECIPE.key) is not None


def test_one_run_of_huge_networks_does_not_push_the_others_out(opened: Maker, clock: Clock) -> None:
    size = blank_state(0).nbytes
    store = opened(budget=20 * size)
    ordinary = Recipe(seed=7)
    store.keep(ordinary, 1, keyframes(0))
    # Two of these states fit into an eighth of the budget, and not a third.
    for step in range(1, 30):
        clock.now += 1
        store.keep(RECIPE, 1, keyframes(step), {earlier: blank_state(earlier) for earlier in range(1, step + 1)})
        assert store.flush()
    found = store.load(RECIPE.key)
    assert found is not None
    assert list(found.states) == [28, 29]
    assert len(found.keyframes) == 29
    assert store.load(ordinary.key) is not None


def test_of_a_run_whose_every_state_is_too_large_the_pictures_stay(opened: Maker) -> None:
    store = opened(budget=4 * blank_state(0).nbytes)
    store.keep(RECIPE, 1, keyframes(0, 5), {5: blank_state(5)})
    assert store.flush()
    found = store.load(RECIPE.key)
    assert found is not None
    assert not found.states
    assert [frame.step for frame in found.keyframes] == [0, 5]


def test_in_memory_less_is_kept(opened: Maker, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "IN_MEMORY", 25_000)
    store = opened(None)
    for seed in range(4):
        clock.now += 1
        store.keep(Recipe(seed=seed), 1, keyframes(0, size=10_000))
        assert store.flush()
    assert {entry.recipe.seed for entry in store.runs().entries} == {2, 3}


def test_space_is_given_back_to_the_file_system(opened: Maker, file: Path, clock: Clock) -> None:
    store = opened(budget=3_000_000)
    for seed in range(6):
        clock.now += 1
        store.keep(Recipe(seed=seed), 1, keyframes(*range(100), size=10_000))
        assert store.flush()
    store.close()
    assert 2_000_000 < file.stat().st_size < 4_500_000


def test_a_run_that_made_room_is_complete_again_when_all_of_it_is_given_again(opened: Maker) -> None:
    first, second = opened(), opened(budget=1)
    frames = keyframes(0, 5)
    first.keep(RECIPE, 1, frames, {5: blank_state(5)})
    assert first.flush()
    second.keep(Recipe(seed=2), 1, keyframes(0))
    assert second.flush()
    assert first.load(RECIPE.key) is None
    first.keep(RECIPE, 1, [*frames, keyframe(10)], {5: blank_state(5), 10: blank_state(10)})
    assert first.flush()
    found = first.load(RECIPE.key)
    assert found is not None
    assert [frame.step for frame in found.keyframes] == [0, 5, 10]
    assert list(found.states) == [5, 10]


# ---- several at one file


def test_two_stores_on_one_file_see_what_the_other_wrote(opened: Maker) -> None:
    one, other = opened(), opened()
    one.keep(RECIPE, 1, keyframes(0))
    other.keep(Recipe(seed=2), 1, keyframes(0))
    assert one.flush()
    assert other.flush()
    assert one.runs().total == other.runs().total == 2
    one.rename(Recipe(seed=2).key, "from afar")
    assert one.flush()
    found = other.load(Recipe(seed=2).key)
    assert found is not None
    assert found.name == "from afar"


def test_one_store_may_delete_what_the_other_writes(opened: Maker, clock: Clock) -> None:
    one, other = opened(), opened()
    one.keep(RECIPE, 1, keyframes(0))
    assert one.flush()
    other.delete(RECIPE.key)
    assert other.flush()
    one.keep(RECIPE, 1, keyframes(5), {5: blank_state(5)})
    assert one.flush()
    assert one.load(RECIPE.key) is None
    assert other.restore(RECIPE.key)
    assert other.flush()
    found = one.load(RECIPE.key)
    assert found is not None
    assert [frame.step for frame in found.keyframes] == [0, 5]


WRITER = """
import sys
from pathlib import Path
from tests.conftest import blank_state
from tests.test_store import keyframe
from toygan.recipe import Recipe
from toygan.store import Store, store
store.INTERVAL = store.REST = 0
seed, count = int(sys.argv[2]), int(sys.argv[3])
runs = Store(Path(sys.argv[1]))
print("ready", flush=True)
for step in range(1, count):
    recipe = Recipe(seed=seed + step // 200)
    runs.keep(recipe, 1, [keyframe(step, 5000)], {step: blank_state(step, 500)})
    runs.keep_measured(recipe.key, step, ({"w1": float(step)},))
    if step % 7 == 0:
        runs.flush(60)
        print(step, flush=True)
print(runs.problem, flush=True)
"""


def start_writer(file: Path, seed: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(file), str(seed), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_one_file_at_once(file: Path, opened: Maker) -> None:
    processes = [start_writer(file, seed, 300) for seed in (0, 100)]
    outputs = [process.communicate(timeout=120)[0].split() for process in processes]
    assert [(output[0], output[-1]) for output in outputs] == [("ready", "None")] * 2
    store = opened()
    found = {entry.recipe.seed: store.load(entry.key) for entry in store.runs().entries}
    assert sorted(found) == [0, 1, 100, 101]
    for seed, run in found.items():
        assert run is not None
        assert len(run.keyframes) == (199 if seed % 100 == 0 else 100)


def test_a_kill_in_the_middle_of_writing_never_costs_the_file(file: Path, opened: Maker) -> None:
    pauses = random.Random(0)
    for attempt in range(5):
        with start_writer(file, 1000 * attempt, 10**9) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(pauses.randrange(1, 60)):
                process.stdout.readline()
            threading.Event().wait(pauses.uniform(0.0, 0.01))
            process.send_signal(signal.SIGKILL)
        assert query(file, "PRAGMA integrity_check") == [("ok",)]
        assert query(file, "PRAGMA foreign_key_check") == []
    assert query(file, "SELECT count(*) FROM keyframes WHERE run NOT IN (SELECT id FROM runs)") == [(0,)]
    store = opened()
    listing = store.runs(limit=1000)
    assert store.problem is None
    assert listing.total > 0
    for entry in listing.entries:
        run = store.load(entry.key)
        assert run is not None
        last = run.keyframes[-1].step
        assert list(run.keyframes) == [keyframe(frame.step, 5000) for frame in run.keyframes]
        assert list(run.states) == [last], "keyframe and state of a moment come together"
        assert equal(run.states[last], blank_state(last, 500))
        assert max(run.measured) in (last, last - 1)
    store.keep(RECIPE, 1, keyframes(0))
    assert store.flush()


@pytest.mark.usefixtures("impatient")
def test_a_file_that_stays_locked_is_given_up_and_the_app_goes_on(opened: Maker, file: Path) -> None:
    store = opened()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.keep(RECIPE, 1, keyframes(0))
    assert store.flush()
    assert store.problem is not None
    assert "locked" in store.problem
    assert store.load(RECIPE.key) is not None
    late = opened()
    assert late.problem is not None
    assert "locked" in late.problem
    other.close()


# ---- files that cannot be used


def usable_in_memory(store: Store, words: str) -> bool:
    assert store.problem is not None
    assert words in store.problem
    assert store.problem.endswith("Runs are kept only until the app stops.")
    store.keep(RECIPE, 1, keyframes(0, 5), {5: blank_state(5)})
    assert store.flush()
    found = store.load(RECIPE.key)
    return found is not None and len(found.keyframes) == 2 and store.runs().total == 1


def filled(opened: Maker, file: Path) -> bytes:
    store = opened()
    for seed in range(3):
        store.keep(Recipe(seed=seed), 1, keyframes(*range(20), size=10_000), {5: blank_state(5)})
    store.close()
    return file.read_bytes()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: random.Random(0).randbytes(50_000),
        lambda data: b"These are not the runs you are looking for.\n" * 100,
        lambda data: data[: len(data) // 2],
        lambda data: data[:5000],
        lambda data: data[:100] + random.Random(0).randbytes(8092) + data[8192:],
        lambda data: data[:8192] + random.Random(0).randbytes(len(data) - 8192),
    ],
    ids=["noise", "text", "half", "less than a page", "no schema", "no pages"],
)
def test_a_damaged_file_is_left_as_it_is(spoil: Callable[[bytes], bytes], opened: Maker, file: Path) -> None:
    damaged = spoil(filled(opened, file))
    file.write_bytes(damaged)
    store = opened()
    assert usable_in_memory(store, "damaged")
    store.close()
    assert file.read_bytes() == damaged


def test_damage_that_shows_in_the_middle_of_reading_is_said_and_the_app_goes_on(opened: Maker, file: Path) -> None:
    data = filled(opened, file)
    (root,) = query(file, "SELECT rootpage FROM sqlite_master WHERE name = 'keyframes'")[0]
    start = (root - 1) * 8192
    file.write_bytes(data[:start] + b"\xff" * 8192 + data[start + 8192 :])
    store = opened()
    assert store.problem is None
    assert store.load(Recipe(seed=0).key) is None or store.problem is not None
    store.runs()
    assert usable_in_memory(store, "damaged")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let go of open files")
@pytest.mark.parametrize("another", [False, True], ids=["deleted", "replaced"])
def test_a_file_that_is_gone_is_noticed_by_what_is_written_next(opened: Maker, file: Path, another: bool) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0), {5: blank_state(5)})
    assert store.flush()
    file.rename(file.with_suffix(".old"))
    if another:
        file.touch()
    store.keep(RECIPE, 1, keyframes(0, 5), {5: blank_state(5)})
    assert store.flush()
    assert store.problem is not None
    assert "was moved or deleted. Start the app again" in store.problem
    found = store.load(RECIPE.key)
    assert found is not None
    assert [frame.step for frame in found.keyframes] == [0, 5]


def test_damage_that_shows_in_the_middle_of_writing_is_said_and_nothing_is_lost(opened: Maker, file: Path) -> None:
    data = filled(opened, file)
    (root,) = query(file, "SELECT rootpage FROM sqlite_master WHERE name = 'states'")[0]
    start = (root - 1) * 8192
    file.write_bytes(data[:start] + b"\xff" * 8192 + data[start + 8192 :])
    store = opened()
    assert store.problem is None
    store.keep(RECIPE, 1, keyframes(0, 5), {5: blank_state(5), 7: blank_state(7)})
    assert store.flush()
    assert store.problem is not None
    assert "damaged" in store.problem
    found = store.load(RECIPE.key)
    assert found is not None
    assert list(found.states) == [5, 7]


def test_values_whose_bytes_changed_are_skipped(opened: Maker, file: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0, 5, 10), {5: blank_state(5), 10: blank_state(10)})
    store.keep_measured(RECIPE.key, 5, ({"w1": 1.0},))
    store.keep_measured(RECIPE.key, 10, ({"w1": 1.0},))
    store.close()
    query(file, "UPDATE keyframes SET data = x'00' WHERE step = 5")
    query(file, "UPDATE states SET data = x'00' WHERE step = 5")
    query(file, "UPDATE measured SET lanes = '[' WHERE step = 5")
    found = opened().load(RECIPE.key)
    assert found is not None
    assert [frame.step for frame in found.keyframes] == [0, 10]
    assert list(found.states) == list(found.measured) == [10]
    assert caplog.text.count("damaged") == 3


def test_a_folder_in_the_file_s_place_is_said(opened: Maker, file: Path) -> None:
    file.mkdir(parents=True)
    assert usable_in_memory(opened(), "cannot be opened")


def test_a_folder_that_cannot_be_created_is_said(opened: Maker, file: Path) -> None:
    file.parent.write_text("a file where the folder should be")
    assert usable_in_memory(opened(), str(file))


def test_a_path_that_is_none_is_said(opened: Maker) -> None:
    assert usable_in_memory(opened(Path("/proc/\0/x")), "cannot be used")


def test_a_file_that_can_only_be_read_is_said(opened: Maker, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = filled(opened, file)

    def connect(path: Path | None) -> sqlite3.Connection:
        name = "file::memory:" if path is None else f"file:{path}?mode=ro"
        return sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)

    monkeypatch.setattr(database, "connect", connect)
    assert usable_in_memory(opened(), "cannot be written to")
    assert file.read_bytes() == before


def test_a_full_disk_is_said_and_what_did_not_fit_is_in_memory(opened: Maker, file: Path) -> None:
    store = opened()
    store.keep(Recipe(seed=2), 1, keyframes(0))
    assert store.flush()
    store._database._writer.execute("PRAGMA max_page_count = 20")
    store.keep(RECIPE, 1, keyframes(*range(100), size=10_000), {5: blank_state(5)})
    assert store.flush()
    assert store.problem is not None
    assert "There is no room left" in store.problem
    found = store.load(RECIPE.key)
    assert found is not None
    assert len(found.keyframes) == 100
    assert query(file, "SELECT count(*) FROM runs") == [(1,)], "nothing of what did not fit"
    assert query(file, "PRAGMA integrity_check") == [("ok",)]


def test_another_program_s_file_is_left_alone(opened: Maker, file: Path) -> None:
    file.parent.mkdir()
    query(file, "CREATE TABLE mail (text)")
    before = file.read_bytes()
    assert usable_in_memory(opened(), "belongs to another program")
    assert file.read_bytes() == before


def test_a_file_from_a_newer_version_is_left_alone(opened: Maker, file: Path) -> None:
    filled(opened, file)
    query(file, "ALTER TABLE runs ADD COLUMN invention TEXT")
    query(file, f"PRAGMA user_version = {len(database.STEPS) + 1}")
    before = file.read_bytes()
    store = opened()
    assert usable_in_memory(store, "newer version of toygan")
    store.close()
    assert file.read_bytes() == before


# ---- older files


MEASURED = next(statement for statement in database.STEPS[0] if "measured" in statement)


def older_file(file: Path) -> None:
    """A file as the version before the first would have written it: no measurements yet."""
    statements = [statement for statement in database.STEPS[0] if statement != MEASURED]
    file.parent.mkdir()
    connection = sqlite3.connect(file)
    for statement in statements:
        connection.execute(statement)
    recipe = json.dumps(RECIPE.to_json())
    row = (1, RECIPE.key, RECIPE.key, recipe, 1, 1.0, 2.0, "old", 0, 0, None, 1000)
    connection.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(row))})", row)
    connection.execute(f"PRAGMA application_id = {database.APPLICATION}")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()


def two_steps(second: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(statement for statement in database.STEPS[0] if statement != MEASURED), second


def test_an_older_file_is_brought_up_to_date_and_keeps_its_runs(
    opened: Maker, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older_file(file)
    monkeypatch.setattr(database, "STEPS", two_steps((MEASURED, "UPDATE runs SET name = name || ', moved'")))
    store = opened()
    assert store.problem is None
    assert [entry.title for entry in store.runs().entries] == ["old, moved"]
    store.keep(RECIPE, 1, keyframes(0))
    store.keep_measured(RECIPE.key, 0, ({"w1": 1.0},))
    store.close()
    assert query(file, "PRAGMA user_version") == [(2,)]
    again = opened()
    assert [entry.title for entry in again.runs().entries] == ["old, moved"], "once is enough"


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    opened: Maker, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older_file(file)
    steps = ("UPDATE runs SET name = 'lost'", MEASURED, "INSERT INTO runs SELECT * FROM runs")
    monkeypatch.setattr(database, "STEPS", two_steps(steps))
    assert usable_in_memory(opened(), "cannot be used")
    assert query(file, "PRAGMA user_version") == [(1,)]
    assert query(file, "SELECT name FROM runs") == [("old",)]


@pytest.mark.parametrize(
    "change_row",
    [
        """recipe = replace(recipe, '"wgan-gp"', '"method-of-old"')""",
        """recipe = replace(recipe, '"seed":1', '"seed":2')""",
        "recipe = '{'",
        "recipe = '[1]'",
        "replicates = 17",
    ],
    ids=["method removed", "another key", "no JSON", "no recipe", "too many replicates"],
)
def test_recipes_of_another_version_are_counted_and_skipped(change_row: str, opened: Maker, file: Path) -> None:
    store = opened()
    store.keep(RECIPE, 1, keyframes(0))
    store.keep(Recipe(seed=7), 1, keyframes(0))
    store.close()
    query(file, f"UPDATE runs SET {change_row} WHERE key = '{RECIPE.key}'")
    store = opened()
    listing = store.runs()
    assert keys(listing.entries) == [Recipe(seed=7).key]
    assert (listing.total, listing.kept, listing.unreadable) == (1, 1, 1)
    assert store.load(RECIPE.key) is None
    assert store.problem is None
    store.keep(RECIPE, 1, keyframes(5))
    assert store.flush()
    found = store.load(RECIPE.key)
    assert found is not None, "training it again mends it"
    assert (found.recipe, len(found.keyframes)) == (RECIPE, 2)


# ---- where


def test_the_environment_says_where_runs_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("TOYGAN_STORE", raising=False)
    assert store_path() == tmp_path / "toygan" / "runs.sqlite"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert store_path() == tmp_path / ".local" / "share" / "toygan" / "runs.sqlite"
    monkeypatch.setenv("TOYGAN_STORE", " /somewhere/else.db ")
    assert store_path() == Path("/somewhere/else.db")
    for word in ("off", "memory", "OFF"):
        monkeypatch.setenv("TOYGAN_STORE", word)
        assert store_path() is None


def test_on_windows_runs_are_in_the_local_application_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(location, "_WINDOWS", True)
    monkeypatch.delenv("TOYGAN_STORE", raising=False)
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert store_path() == tmp_path / "toygan" / "runs.sqlite"
    monkeypatch.delenv("LOCALAPPDATA")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert store_path() == tmp_path / "AppData" / "Local" / "toygan" / "runs.sqlite"


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.delenv("TOYGAN_STORE", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    store = open_store()
    assert store.problem is not None
    assert "no home folder" in store.problem
    store.close()


@pytest.mark.parametrize(("text", "budget"), [("", DEFAULT_BUDGET), ("7", 7_000_000), (" 20 ", 20_000_000)])
def test_the_environment_says_how_much_is_kept(text: str, budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOYGAN_STORE", "off")
    monkeypatch.setenv("TOYGAN_STORE_MB", text)
    store = open_store()
    assert (store._budget, store.problem) == (budget, None)
    store.close()


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e3", "9" * 5000, "²"])
def test_a_size_that_cannot_be_read_is_said_and_the_usual_one_taken(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOYGAN_STORE", "off")
    monkeypatch.setenv("TOYGAN_STORE_MB", text)
    store = open_store()
    assert store._budget == DEFAULT_BUDGET
    assert store.problem is not None
    assert "TOYGAN_STORE_MB must be a whole number" in store.problem
    store.close()


def test_tests_keep_no_runs_in_the_user_s_folder() -> None:
    path = store_path()
    assert path is not None
    assert not path.is_relative_to(Path.home() / ".local")
    assert os.environ["XDG_DATA_HOME"] in str(path)


def test_what_waits_is_written_when_the_process_ends(file: Path, opened: Maker) -> None:
    script = WRITER.replace("runs.flush(60)", "pass")
    subprocess.run([sys.executable, "-c", script, str(file), "1", "50"], cwd=ROOT, check=True, capture_output=True)
    found = opened().load(RECIPE.key)
    assert found is not None
    assert found.keyframes[-1].step == 49
