"""Every run is kept in one SQLite file: recipes, keyframes, states and measurements."""

from toygan.store.location import open_store, store_path
from toygan.store.runs import Entry, Kept, Listing, differences, usual_title
from toygan.store.store import DEFAULT_BUDGET, NAME_LENGTH, Store

__all__ = [
    "DEFAULT_BUDGET",
    "NAME_LENGTH",
    "Entry",
    "Kept",
    "Listing",
    "Store",
    "differences",
    "open_store",
    "store_path",
    "usual_title",
]
