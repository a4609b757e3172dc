"""The catalogue of methods is complete data: each entry composes parts that exist, and reads as a page needs it."""

from __future__ import annotations

import re

import pytest

from toygan.constraints import CONSTRAINTS
from toygan.methods import CARD_METHODS, METHODS, Method, find_method
from toygan.objectives import OBJECTIVES
from toygan.penalties import TOWARD, WHERE
from toygan.recipe import KNOBS, Recipe

#: method -> objective, penalties as where and toward, and constraint, as the papers compose them.
COMPOSED: dict[str, tuple[str, list[tuple[str, str]], str | None]] = {
    "minimax": ("minimax", [], None),
    "non-saturating": ("non-saturating", [], None),
    "least-squares": ("least-squares", [], None),
    "hinge": ("hinge", [], None),
    "wgan": ("wasserstein", [], "clip"),
    "wgan-gp": ("wasserstein", [("between", "one")], None),
    "wgan-lp": ("wasserstein", [("between", "at-most-one")], None),
    "wgan-max-gp": ("wasserstein", [("between", "zero-at-largest")], None),
    "dragan": ("non-saturating", [("around-real", "one")], None),
    "sngan": ("hinge", [], "spectral-norm"),
    "r1": ("non-saturating", [("at-real", "zero")], None),
    "r3gan": ("relativistic", [("at-real", "zero"), ("at-fake", "zero")], None),
}

every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def test_every_method_is_composed_as_its_paper_says() -> None:
    found = {key: (m.objective, [(p.where, p.toward) for p in m.penalties], m.constraint) for key, m in METHODS.items()}
    assert found == COMPOSED


def test_every_penalty_has_the_recipe_s_whole_weight() -> None:
    assert all(penalty.share == 1.0 for method in METHODS.values() for penalty in method.penalties)


@every_method
def test_the_parts_of_a_method_exist(method: Method) -> None:
    assert method.objective in OBJECTIVES
    assert method.constraint in CONSTRAINTS
    for penalty in method.penalties:
        assert penalty.where in WHERE and penalty.toward in TOWARD


@pytest.mark.parametrize("key", METHODS)
def test_a_method_s_defaults_are_valid_fields_that_may_change_with_it(key: str) -> None:
    for name, value in METHODS[key].defaults.items():
        assert KNOBS[name].changeable, name
        assert getattr(Recipe(method=key), name) == value


def test_the_methods_shown_first_are_gan_wgan_wgan_gp_and_dragan() -> None:
    assert [METHODS[key].label for key in CARD_METHODS] == ["GAN", "WGAN", "WGAN-GP", "DRAGAN"]


@pytest.mark.parametrize("name", ["title", "label", "colour"])
def test_no_two_methods_look_alike(name: str) -> None:
    values = [getattr(method, name) for key, method in METHODS.items()]
    assert len(set(values)) == len(values)


@every_method
def test_an_entry_is_ready_for_the_page(method: Method) -> None:
    assert re.fullmatch("#[0-9A-F]{6}", method.colour)
    assert method.summary.endswith(".") and "!" not in method.summary
    assert re.search(r"\d{4}, arXiv:\d{4}\.\d{4,5}$", method.paper)


@every_method
def test_a_critic_that_is_defined_up_to_a_constant_is_neutral_halfway(method: Method) -> None:
    floating = method.objective in ("wasserstein", "relativistic", "least-squares")
    assert method.neutral == ("midpoint" if floating else "zero")


def test_keys_are_kebab_case_since_they_are_links_and_file_names() -> None:
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", key) for key in METHODS)


@pytest.mark.parametrize("key", METHODS)
def test_a_method_is_found_by_its_key_and_by_its_label_in_upper_or_lower_case(key: str) -> None:
    label = METHODS[key].label
    assert [find_method(name) for name in (key, key.upper(), label, label.lower())] == [key] * 4


def test_no_label_means_another_method_s_key() -> None:
    for key, method in METHODS.items():
        assert method.label.lower() == key or method.label.lower() not in METHODS


def test_an_unknown_method_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"^unknown method 'wgna': choose from non-saturating, wgan, "):
        find_method("wgna")
