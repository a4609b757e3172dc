"""The library: every run that is kept, as cards to find, open, compare, name, pin and delete."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from toygan.comparison import MAX_RUNS, Comparison
from toygan.distributions import DISTRIBUTIONS
from toygan.methods import METHODS
from toygan.store import NAME_LENGTH, Entry, Listing, Store, differences, usual_title
from toygan.thumbnail import draw
from toygan.ui import comparing, player, server, widgets

#: Cards on a page; it divides into two, three, four and six columns.
PER_PAGE = 24

#: Narrowest card, in pixels.
_CARD = 232

#: Settings named on a card; of more only the number is said.
_NAMED = 3

_STYLE = Path(__file__).with_name("library.css")

#: What a card's menu offers, with the words for it.
_PIN, _UNPIN, _RENAME, _DELETE = "Pin", "Unpin", "Rename", "Delete"


@dataclass
class Shelf:
    """What one session looks for and has picked: the words, methods and data asked for, a page, and runs by key.

    ``deleted`` is the run that can still be had back, with its title; ``renaming`` the one that is being named;
    ``notice`` why something was not possible.
    """

    text: str = ""
    methods: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    page: int = 1
    picked: list[str] = field(default_factory=list)
    deleted: tuple[str, str] | None = None
    renaming: str | None = None
    notice: str | None = None

    def look_for(self, **wanted: object) -> None:
        """Change what is looked for, from the first page on."""
        for name, value in {**wanted, "page": 1}.items():
            setattr(self, name, value)

    def pick(self, key: str, picked: bool) -> None:
        """Put a run among those to compare, if there is room, or take it out."""
        self.picked = [other for other in self.picked if other != key]
        if picked and len(self.picked) < MAX_RUNS:
            self.picked.append(key)

    def listing(self, store: Store) -> Listing:
        """The runs of this page, or of the last page there is."""
        found = self._page(store)
        if not found.entries and found.total:
            self.page = pages(found)
            found = self._page(store)
        return found

    def _page(self, store: Store) -> Listing:
        return store.runs(self.text, self.methods, self.data, PER_PAGE, PER_PAGE * (self.page - 1))


def pages(listing: Listing) -> int:
    """How many pages there are, at least one."""
    return max(1, -(-listing.total // PER_PAGE))


def page(store: Store, open_run: Callable[[Entry], None], compare_runs: Callable[[Sequence[Entry]], None]) -> None:
    """The whole page; ``open_run`` and ``compare_runs`` are called in its course and switch to another one.

    Either may raise ``ValueError`` with a sentence, which is then shown.
    """
    st.html(_STYLE)
    if st.query_params:
        st.query_params.clear()
    shelf: Shelf = st.session_state.setdefault("shelf", Shelf())
    server.notice("\n\n".join(sentence for sentence in (store.problem, shelf.notice) if sentence))
    shelf.notice = None
    listing = shelf.listing(store)
    with st.container(key="library"):
        _head(shelf, store, listing, compare_runs)
        if listing.kept:
            _filters(shelf)
        if listing.entries:
            with st.grid(min_column_width=_CARD, border=True, key="library-cards") as grid:
                for entry in listing.entries:
                    with grid.cell():
                        _card(shelf, store, entry, open_run)
            _turn(shelf, listing)
        else:
            _nothing(shelf, listing)
        if listing.unreadable:
            st.caption(f"{_count(listing.unreadable, 'run')} of another version of toygan cannot be shown.")
    if shelf.deleted is not None:
        _undo(shelf, store, *shelf.deleted)


def store() -> Store:
    """Where this server's engine keeps its runs."""
    kept = server.engine().store
    assert kept is not None
    return kept


def to_train(entry: Entry) -> None:
    """Show a run on the Train page, as far as it was trained; one of several seeds on the Compare page."""
    if entry.replicates > 1:
        to_compare([entry])
    player.show(entry.recipe, entry.steps)


def to_compare(entries: Sequence[Entry]) -> None:
    """Show runs side by side, with as many seeds as the one that has most."""
    replicates = max(entry.replicates for entry in entries)
    recipes = list(dict.fromkeys(entry.recipe for entry in entries))
    comparison = Comparison.of_recipes(recipes, replicates=replicates)
    comparing.show(comparison)
    server.go("pages/compare.py", query=comparison.to_query())


def _head(shelf: Shelf, store: Store, listing: Listing, compare_runs: Callable[[Sequence[Entry]], None]) -> None:
    picked = store.entries(shelf.picked)
    shelf.picked = [entry.key for entry in picked]
    with st.container(horizontal=True, vertical_alignment="center", key="library-head"):
        st.markdown(f"## Library :gray[:small[{_total(listing)}]]", width="stretch")
        if picked:
            st.button("Clear selection", type="tertiary", on_click=shelf.picked.clear, key="library-clear-picked")
        if listing.kept and st.button(
            f"Compare {_count(len(picked), 'run')}" if picked else "Compare",
            icon=":material/compare:",
            type="primary" if len(picked) > 1 else "secondary",
            disabled=len(picked) < 2,
            help=f"Tick two to {MAX_RUNS} runs to see them side by side.",
            key="library-compare",
        ):
            _attempt(shelf, lambda: compare_runs(picked))


def _attempt(shelf: Shelf, action: Callable[[], None]) -> None:
    try:
        action()
    except ValueError as error:
        shelf.notice = str(error)
        st.rerun()


def _total(listing: Listing) -> str:
    if listing.total == listing.kept:
        return _count(listing.kept, "run") if listing.kept else ""
    return f"{listing.total:,} of {_count(listing.kept, 'run')}"


def _filters(shelf: Shelf) -> None:
    with st.container(key="library-filters"):
        text, methods, data = st.columns(3, gap="small")
    with text:
        st.text_input(
            "Search",
            shelf.text,
            placeholder="A name, a setting, a seed",
            icon=":material/search:",
            **widgets.bound("library.text", shelf.text, lambda value: shelf.look_for(text=value)),
        )
    with methods:
        st.multiselect(
            "Methods",
            list(METHODS),
            default=shelf.methods,
            format_func=lambda key: METHODS[key].label,
            placeholder="All methods",
            **widgets.bound("library.methods", shelf.methods, lambda value: shelf.look_for(methods=value)),
        )
    with data:
        st.multiselect(
            "Data",
            list(DISTRIBUTIONS),
            default=shelf.data,
            format_func=lambda key: DISTRIBUTIONS[key].title,
            placeholder="All data",
            **widgets.bound("library.data", shelf.data, lambda value: shelf.look_for(data=value)),
        )


def _card(shelf: Shelf, store: Store, entry: Entry, open_run: Callable[[Entry], None]) -> None:
    _picture(entry)
    if shelf.renaming == entry.key:
        _naming(shelf, store, entry)
    else:
        mark = ":primary[:material/keep:] " if entry.pinned else ""
        st.markdown(f"{mark}**{_plain(entry.title)}**")
    st.markdown(_outcome(entry))
    st.caption(_settings(entry))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Open", key=f"library.open.{entry.key}"):
            _attempt(shelf, lambda: open_run(entry))
        picked = entry.key in shelf.picked
        st.checkbox(
            "Compare",
            picked,
            disabled=not picked and len(shelf.picked) >= MAX_RUNS,
            **widgets.bound(f"library.pick.{entry.key}", picked, lambda value: shelf.pick(entry.key, value)),
        )
        _menu(shelf, store, entry)


def _picture(entry: Entry) -> None:
    last = entry.keyframe
    if last is None:
        return
    method = entry.recipe.at(last.step).method_entry
    try:
        picture = draw(last.data, method.colour, method.neutral, st.context.theme.type == "dark")
    except ValueError:
        return
    st.image(picture, width="stretch", alt=f"Generated points at step {last.step:,}: {entry.title}")


def _outcome(entry: Entry) -> str:
    """How far a run came and what came of it, as far as that was measured; a line for each two facts.

    Of several seeds these are the means, and said to be, as the Compare page has them.
    """
    w1, modes, total, quality = (_mean(entry, name) for name in ("w1", "modes", "modes_total", "high_quality"))
    distance = [] if w1 is None else [f"W1 {w1:.3g}"]
    found = []
    if modes is not None and total is not None:
        found.append(f"{round(modes, 1):g} of {total:g} {entry.recipe.distribution.support.kind}")
    if quality is not None:
        found.append(f"{100 * quality:.0f}\u202f% high quality")
    first = distance or found
    if entry.replicates > 1 and first:
        first[0] = f"mean of {entry.replicates}: {first[0]}"
    steps = f"{_count(entry.steps, 'step')}, then overflowed" if entry.failed else _count(entry.steps, "step")
    return "  \n".join(_plain(", ".join(line)) for line in ([steps, *distance], found) if line)


def _mean(entry: Entry, name: str) -> float | None:
    """A metric at a run's end, over the seeds of which it was measured; ``None`` where it was of none."""
    values = [] if entry.keyframe is None else [lane.get(name) for lane in entry.keyframe.lanes]
    numbers = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return statistics.fmean(numbers) if numbers else None


def _settings(entry: Entry) -> str:
    """What sets a run apart from the defaults, and what it is where it has a name of its own."""
    seeds = [f"seeds {entry.seeds[0]} to {entry.seeds[-1]}"] if entry.replicates > 1 else []
    found = [words for words in differences(entry.recipe) if not (seeds and words.startswith("seed "))]
    more = len(found) - _NAMED
    named = [*found[:_NAMED], f"{more} more settings"] if more > 1 else found
    words = ", ".join([*seeds, *named]) or "default settings"
    what = usual_title(entry.recipe) if entry.name else ""
    return _plain(f"{what}, {words}" if what else f"{words[0].upper()}{words[1:]}")


def _menu(shelf: Shelf, store: Store, entry: Entry) -> None:
    key = f"library.menu.{entry.key}"

    def chosen() -> None:
        wish = st.session_state[key]
        shelf.deleted = None
        if wish == _RENAME:
            shelf.renaming = entry.key
        elif wish == _DELETE:
            store.delete(entry.key)
            shelf.pick(entry.key, False)
            shelf.deleted = entry.key, entry.title
        elif wish is not None:
            store.pin(entry.key, wish == _PIN)

    st.menu_button(
        "More",
        [_UNPIN if entry.pinned else _PIN, _RENAME, _DELETE],
        type="tertiary",
        help=f"python -m toygan export {entry.key} takes this run away.",
        key=key,
        on_click=chosen,
    )


def _naming(shelf: Shelf, store: Store, entry: Entry) -> None:
    """The title's place as a field that holds it; empty gives the usual title back."""
    with st.form(f"library.name.{entry.key}", border=False):
        usual = usual_title(entry.recipe)[:NAME_LENGTH]
        name = st.text_input("Name", entry.name or usual, max_chars=NAME_LENGTH, placeholder=usual)
        with st.container(horizontal=True, gap="small"):
            saved = st.form_submit_button("Save", type="primary")
            stopped = st.form_submit_button("Cancel")
    if saved:
        # The usual title is what a run without a name has: kept as a name it would stand on the card twice.
        store.rename(entry.key, "" if name == usual else name)
    if saved or stopped:
        shelf.renaming = None
        st.rerun()


def _turn(shelf: Shelf, listing: Listing) -> None:
    if pages(listing) > 1:
        with st.container(key="library-pages"):
            bound = widgets.bound("library.page", shelf.page, lambda number: setattr(shelf, "page", number))
            st.pagination(pages(listing), default=shelf.page, max_visible_pages=5, **bound)


def _nothing(shelf: Shelf, listing: Listing) -> None:
    with st.container(key="library-nothing"):
        if listing.kept:
            st.markdown("**No run matches.** Ask for less, or see all of them.")
            st.button(
                "Clear filters",
                on_click=lambda: shelf.look_for(text="", methods=[], data=[]),
                key="library-clear",
            )
        else:
            st.markdown(
                "**No runs yet.** Train something on the Train page: it is kept by itself, and you find it here."
            )


def _undo(shelf: Shelf, store: Store, key: str, title: str) -> None:
    """A bar that stays until it is used or something else is done with a run."""

    def back() -> None:
        shelf.deleted = None
        store.restore(key)

    with st.container(horizontal=True, vertical_alignment="center", key="library-undo"):
        st.markdown(f"“{_plain(title)}” was deleted.", width="stretch")
        st.button("Undo", icon=":material/undo:", on_click=back, key="library-undo-button")
        st.button("Dismiss", type="tertiary", on_click=lambda: setattr(shelf, "deleted", None), key="library-dismiss")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _plain(text: str) -> str:
    """Text that a reader wrote, shown as it is: none of it becomes a picture, a link or a heading."""
    return re.sub(r"([\\\[\]<>`*_$:~#|!])", r"\\\1", text)
