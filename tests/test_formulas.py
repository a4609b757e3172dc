"""Formulas: every method's is complete and says what its parts are."""

import re

import pytest

from toygan import formulas
from toygan.constraints import CONSTRAINTS
from toygan.methods import METHODS, Method
from toygan.objectives import OBJECTIVES
from toygan.penalties import TOWARD, WHERE

every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def test_every_part_a_method_can_be_made_of_has_its_formula() -> None:
    assert set(formulas.LOSSES) == set(OBJECTIVES)
    assert set(formulas.PLACES) == set(WHERE)
    assert set(formulas.TARGETS) == set(TOWARD)
    assert set(formulas.CONSTRAINTS) == set(CONSTRAINTS)


@every_method
def test_braces_and_brackets_are_balanced(method: Method) -> None:
    for text in (formulas.critic_loss(method), formulas.generator_loss(method), formulas.symbols(method)):
        assert all(text.count(left) == text.count(right) for left, right in ("{}", "()", "[]"))


@every_method
def test_every_letter_of_the_losses_is_explained(method: Method) -> None:
    losses = formulas.critic_loss(method) + formulas.generator_loss(method)
    explained = formulas.symbols(method)
    for symbol in (r"\lambda", r"\hat x", r"\delta", r"\tilde x", r"\mathrm{sp}", r"\sigma", "|w|"):
        if symbol in losses:
            assert symbol.strip("|") in explained


def test_no_two_methods_have_the_same_losses() -> None:
    losses = [formulas.critic_loss(method) + formulas.generator_loss(method) for method in METHODS.values()]
    assert len(set(losses)) == len(losses)


def test_wgan_gp_reads_as_in_its_paper() -> None:
    expected = r"\min_D\ \mathbb{E}[D(\tilde x)] - \mathbb{E}[D(x)] + \lambda\,"
    expected += r"\mathbb{E}[(\lVert\nabla D(\hat x)\rVert - 1)^2]"
    assert formulas.critic_loss(METHODS["wgan-gp"]) == expected
    assert formulas.generator_loss(METHODS["wgan-gp"]) == r"\min_G\ -\mathbb{E}[D(\tilde x)]"


@every_method
def test_nothing_is_explained_that_is_not_there(method: Method) -> None:
    losses = formulas.critic_loss(method) + formulas.generator_loss(method)
    for symbol in re.findall(r"\\lambda|\\delta|\\mathrm{sp}|\\sigma", formulas.symbols(method)):
        assert symbol in losses
