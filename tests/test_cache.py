"""Noise floors survive on disk while nobody damages them, and a disk that fails costs nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toygan.metrics import cache


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The cache folder, not made yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "toygan"


def test_what_is_kept_is_recalled_to_the_last_bit() -> None:
    cache.keep("a", 0.1 + 0.2, 1 / 3)
    cache.keep("b", 1.0, 2.0)
    assert cache.recall("a") == (0.1 + 0.2, 1 / 3)
    assert cache.recall("b") == (1.0, 2.0)
    assert cache.recall("c") is None


def test_only_one_file_is_left_behind(folder: Path) -> None:
    cache.keep("a", 1.0, 2.0)
    cache.keep("b", 1.0, 2.0)
    assert [path.name for path in folder.iterdir()] == ["floors-1.json"]


def test_without_a_cache_folder_of_its_own_the_file_is_in_the_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    cache.keep("a", 1.0, 2.0)
    assert (tmp_path / ".cache" / "toygan" / "floors-1.json").exists()


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "ENTRIES", 2)
    for name in "abc":
        cache.keep(name, 1.0, 2.0)
    assert [cache.recall(name) is not None for name in "abc"] == [False, True, True]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[1]", b"5", b'{"a": 1}', b'{"a": [1]}', b'{"a": ["x", 2]}'])
def test_a_damaged_file_is_ignored_and_written_anew(content: bytes, folder: Path) -> None:
    folder.mkdir(parents=True)
    file = folder / "floors-1.json"
    file.write_bytes(content)
    assert cache.recall("a") is None
    cache.keep("b", 1.0, 2.0)
    assert json.loads(file.read_text()) == {"b": [1.0, 2.0]}


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path) -> None:
    folder.parent.write_text("a file where the folder should be")
    cache.keep("a", 1.0, 2.0)
    assert cache.recall("a") is None


def test_a_user_without_a_home_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    cache.keep("a", 1.0, 2.0)
    assert cache.recall("a") is None
