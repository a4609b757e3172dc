"""Branches: the tree that follows from recipes with interventions."""

from toygan.branches import stretches, tree_of
from toygan.methods import METHODS
from toygan.recipe import Recipe

ROOT = Recipe()
EARLY = ROOT.intervene(100, penalty_weight=1.0)
LATE = ROOT.intervene(500, method="dragan")
GRANDCHILD = EARLY.intervene(300, batch=64)


def test_a_run_alone_is_a_tree_of_one() -> None:
    (only,) = tree_of(ROOT, {ROOT: 40})
    assert (only.recipe, only.parent, only.step, only.reach) == (ROOT, None, 0, 40)


def test_branches_stand_under_the_run_they_left_in_the_order_they_left_it() -> None:
    tree = tree_of(LATE, {LATE: 900, GRANDCHILD: 350, ROOT: 1000, EARLY: 800})
    assert [branch.recipe for branch in tree] == [ROOT, EARLY, GRANDCHILD, LATE]
    assert [branch.parent for branch in tree] == [None, 0, 1, 0]
    assert [branch.step for branch in tree] == [0, 100, 300, 500]
    assert [branch.reach for branch in tree] == [1000, 800, 350, 900]


def test_a_branch_s_recipe_is_its_parent_s_plus_an_intervention() -> None:
    tree = tree_of(ROOT, {EARLY: 0, GRANDCHILD: 0, LATE: 0})
    for branch in tree[1:]:
        assert branch.parent is not None
        changes = dict(branch.recipe.interventions[-1][1])
        assert tree[branch.parent].recipe.intervene(branch.step, **changes) == branch.recipe


def test_a_branch_whose_parent_is_gone_stands_under_the_nearest_ancestor_that_is_left() -> None:
    root, orphan = tree_of(GRANDCHILD, {GRANDCHILD: 350})
    assert root.recipe == ROOT
    assert (orphan.parent, orphan.step) == (0, 100)
    assert orphan.title == "Penalty weight 1; Batch size 64"


def test_runs_of_another_tree_are_left_out() -> None:
    assert len(tree_of(ROOT, {Recipe(seed=1): 10, Recipe(seed=1).intervene(5, batch=8): 10})) == 1


def test_a_branch_reaches_at_least_to_where_it_began() -> None:
    assert tree_of(LATE, {})[1].reach == 500


def test_the_stretches_of_a_run_say_what_holds_from_which_step_on() -> None:
    start, first, second = stretches(EARLY.intervene(300, method="dragan"))
    assert [stretch["step"] for stretch in (start, first, second)] == [0, 100, 300]
    assert [stretch["title"] for stretch in (start, first, second)] == ["", "Penalty weight 1", METHODS["dragan"].label]
    assert start["method"] == first["method"] == METHODS["wgan-gp"].label
    assert (second["colour"], second["neutral"]) == (METHODS["dragan"].colour, METHODS["dragan"].neutral)
