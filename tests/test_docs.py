"""The documentation is complete, current, and its links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from toygan.methods import METHODS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SECTIONS = [
    "Formula",
    "How it is built here",
    "Defaults beside the paper's",
    "Differences from the paper",
    "What to look at",
    "When it fails",
    "References",
]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    """docs/generate.py as a module; docs/ is no package."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_method_has_a_page_and_every_page_a_method() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "methods").glob("*.md")} - {"README"}
    assert pages == set(METHODS)


@pytest.mark.parametrize("key", METHODS)
def test_a_method_page_has_its_title_and_all_sections_in_order_and_none_is_empty(key: str) -> None:
    page = (ROOT / "docs" / "methods" / f"{key}.md").read_text(encoding="utf-8")
    assert page.splitlines()[0] == f"# {METHODS[key].title}"
    head, *parts = re.split(r"^## ", page, flags=re.M)
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}
    assert list(sections) == SECTIONS
    assert len(head.splitlines()) > 2
    assert all(sections.values())


@pytest.mark.parametrize("key", METHODS)
def test_a_method_page_cites_the_paper_of_the_catalogue(key: str) -> None:
    page = (ROOT / "docs" / "methods" / f"{key}.md").read_text(encoding="utf-8")
    references = page.partition("## References")[2]
    numbers = re.findall(r"arXiv:\d{4}\.\d{4,5}", METHODS[key].paper)
    assert numbers
    assert all(number in references for number in numbers)


def test_generated_parts_are_current(generate: ModuleType) -> None:
    assert [name(path) for path in generate.stale()] == [], "run: make docs"


def test_every_method_has_published_numbers_and_no_unknown_row(generate: ModuleType) -> None:
    assert set(generate.PUBLISHED) == set(METHODS)
    named = {row for columns in generate.PUBLISHED.values() for column in columns for row in column.values}
    assert named <= set(generate.ROWS)


def test_refreshing_replaces_a_part_and_leaves_the_rest(generate: ModuleType) -> None:
    page = "a\n<!-- generated: x -->\nold\n<!-- end generated -->\nb\n"
    fresh = generate.refreshed(page, {"x": r"new \1"})
    assert fresh == "a\n<!-- generated: x -->\nnew \\1\n<!-- end generated -->\nb\n"
    assert generate.refreshed(fresh, {"x": r"new \1"}) == fresh


def test_a_page_without_the_place_for_a_generated_part_is_an_error(generate: ModuleType) -> None:
    with pytest.raises(ValueError, match="generated: x"):
        generate.refreshed("nothing here\n", {"x": "text"})


def test_generate_runs_as_a_script_and_says_that_nothing_is_stale() -> None:
    script = ROOT / "docs" / "generate.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_relative_links_lead_to_files(path: Path) -> None:
    page = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", page)
    relative = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [target for target in relative if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_formulas_and_code_blocks_are_closed(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert len(re.findall(r"^```", page, flags=re.M)) % 2 == 0
    assert len(re.findall(r"^\$\$$", page, flags=re.M)) % 2 == 0
