"""The house rules, checked on the syntax trees: who may import whom, and how modules are written."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from toygan.methods import METHODS

ROOT = Path(__file__).parents[1]

#: Libraries that only workers may load: seconds of start and hundreds of megabytes.
HEAVY = {"torch", "ot", "scipy", "sklearn", "jax", "matplotlib"}

#: The worker's side. All else under toygan/ may be loaded by the server.
WORKER_SIDE = {
    "toygan.captured",
    "toygan.constraints",
    "toygan.draws",
    "toygan.evaluation",
    "toygan.examine",
    "toygan.export.animation",
    "toygan.export.cells",
    "toygan.export.curves",
    "toygan.export.figure",
    "toygan.export.notebook",
    "toygan.export.template",
    "toygan.generators",
    "toygan.gradients",
    "toygan.graphs",
    "toygan.iteration",
    "toygan.lanes",
    "toygan.metrics.transport",
    "toygan.networks",
    "toygan.objectives",
    "toygan.observe",
    "toygan.optimizers",
    "toygan.passes",
    "toygan.penalties",
    "toygan.routes",
    "toygan.training",
}

#: module -> all of toygan that it may import, be it inside functions. Those not listed may import what they need
#: within the other rules.
MAY_IMPORT: dict[str, set[str]] = {
    "toygan.lookup": set(),
    "toygan.streams": set(),
    "toygan.state": set(),
    "toygan.frames": set(),
    "toygan.objectives": set(),
    "toygan.penalties": set(),
    "toygan.lanes": set(),
    "toygan.optimizers": {"toygan.lanes"},
    "toygan.networks": set(),
    "toygan.routes": set(),
    "toygan.passes": {"toygan.networks", "toygan.routes"},
    "toygan.evaluation": {"toygan.networks", "toygan.passes"},
    "toygan.gradients": {
        "toygan.constraints",
        "toygan.lanes",
        "toygan.networks",
        "toygan.objectives",
        "toygan.passes",
        "toygan.penalties",
    },
    "toygan.graphs": set(),
    "toygan.iteration": {
        "toygan.constraints",
        "toygan.draws",
        "toygan.generators",
        "toygan.gradients",
        "toygan.networks",
        "toygan.objectives",
        "toygan.optimizers",
        "toygan.penalties",
        "toygan.recipe",
        "toygan.state",
    },
    "toygan.captured": {"toygan.draws", "toygan.graphs", "toygan.iteration", "toygan.recipe"},
    "toygan.distributions": {"toygan.lookup"},
    "toygan.methods": {"toygan.lookup"},
    "toygan.constraints": {"toygan.networks"},
    "toygan.recipe": {"toygan.distributions", "toygan.lookup", "toygan.methods"},
    "toygan.presets": {"toygan.lookup", "toygan.recipe"},
    "toygan.generators": {"toygan.networks", "toygan.recipe", "toygan.streams"},
    "toygan.draws": {"toygan.generators", "toygan.penalties", "toygan.recipe", "toygan.streams"},
    "toygan.record": {"toygan.recipe", "toygan.state"},
    "toygan.worker": {
        "toygan.examination",
        "toygan.examine",
        "toygan.frames",
        "toygan.metrics",
        "toygan.metrics.transport",
        "toygan.observe",
        "toygan.recipe",
        "toygan.record",
        "toygan.state",
        "toygan.training",
    },
    "toygan.asked": set(),
    "toygan.blame": set(),
    "toygan.processes": {"toygan.worker"},
    "toygan.pool": {"toygan.processes", "toygan.worker"},
    "toygan.engine": {
        "toygan.blame",
        "toygan.metrics.sizes",
        "toygan.recipe",
        "toygan.record",
        "toygan.state",
        "toygan.store",
        "toygan.worker",
    },
    "toygan.clocks": {"toygan.engine", "toygan.recipe"},
    "toygan.examination": {"toygan.frames"},
    "toygan.examine": {
        "toygan.constraints",
        "toygan.evaluation",
        "toygan.examination",
        "toygan.frames",
        "toygan.generators",
        "toygan.iteration",
        "toygan.metrics.transport",
        "toygan.networks",
        "toygan.objectives",
        "toygan.penalties",
        "toygan.recipe",
        "toygan.state",
        "toygan.streams",
        "toygan.theory.dual",
    },
    "toygan.examiner": {
        "toygan.asked",
        "toygan.engine",
        "toygan.examination",
        "toygan.recipe",
        "toygan.state",
        "toygan.worker",
    },
    "toygan.critic_lab": {"toygan.comparison", "toygan.recipe"},
    "toygan.words": {"toygan.methods", "toygan.recipe"},
    "toygan.versions": {"toygan"},
    "toygan.branches": {"toygan.recipe", "toygan.words"},
    "toygan.messages": {"toygan.engine", "toygan.frames", "toygan.metrics.sizes", "toygan.record"},
    "toygan.comparison": {
        "toygan.clocks",
        "toygan.distributions",
        "toygan.lookup",
        "toygan.methods",
        "toygan.recipe",
        "toygan.record",
        "toygan.words",
    },
    "toygan.demonstration": {"toygan.comparison", "toygan.locks", "toygan.lockstep"},
    "toygan.locks": set(),
    "toygan.figures": set(),
    "toygan.figures.figure": {"toygan.frames", "toygan.recipe"},
    "toygan.figures.style": {"toygan.figures.figure"},
    "toygan.figures.numerals": set(),
    "toygan.figures.arrows": {"toygan.figures.style", "toygan.theory"},
    "toygan.figures.chart": set(),
    "toygan.figures.critic_planes": {
        "toygan.examination",
        "toygan.figures.arrows",
        "toygan.figures.critics",
        "toygan.figures.figure",
        "toygan.figures.style",
    },
    "toygan.figures.critics": {
        "toygan.examination",
        "toygan.figures.figure",
        "toygan.figures.numerals",
        "toygan.figures.style",
    },
    "toygan.figures.dirac": {
        "toygan.methods",
        "toygan.recipe",
        "toygan.theory",
        "toygan.theory.dirac",
        "toygan.theory.dynamics",
    },
    "toygan.figures.dirac_formulas": {"toygan.theory.dirac"},
    "toygan.figures.dirac_gallery": {
        "toygan.figures.dirac",
        "toygan.figures.dirac_planes",
        "toygan.figures.dirac_run",
        "toygan.figures.figure",
        "toygan.figures.style",
        "toygan.methods",
        "toygan.theory.dirac",
        "toygan.theory.dynamics",
    },
    "toygan.figures.dirac_planes": {
        "toygan.figures.dirac",
        "toygan.figures.figure",
        "toygan.figures.numerals",
        "toygan.figures.style",
        "toygan.theory.dirac",
        "toygan.theory.dynamics",
    },
    "toygan.figures.dirac_run": {
        "toygan.figures.arrows",
        "toygan.figures.dirac",
        "toygan.figures.figure",
        "toygan.figures.style",
        "toygan.theory",
        "toygan.theory.dirac",
    },
    "toygan.store.codec": {"toygan.state"},
    "toygan.store.database": set(),
    "toygan.heatmap": {"toygan.frames"},
    "toygan.thumbnail": {"toygan.frames", "toygan.heatmap"},
    "toygan.diagnosis": {"toygan.record"},
    "toygan.statistics": set(),
    "toygan.ranking": {"toygan.frames", "toygan.metrics.sizes", "toygan.record", "toygan.statistics"},
    "toygan.metrics.coverage": {"toygan.distributions"},
    "toygan.metrics.critic": set(),
    "toygan.metrics.cache": set(),
    "toygan.metrics.sizes": set(),
    "toygan.metrics.transport": {"toygan.distributions", "toygan.metrics.cache", "toygan.metrics.sizes"},
    "toygan.figures.divergences": {
        "toygan.figures.figure",
        "toygan.figures.laws",
        "toygan.figures.style",
        "toygan.figures.walkers",
        "toygan.recipe",
        "toygan.theory",
        "toygan.theory.fit",
        "toygan.theory.mixtures",
    },
    "toygan.figures.laws": {
        "toygan.figures.figure",
        "toygan.figures.style",
        "toygan.methods",
        "toygan.theory",
        "toygan.theory.losses",
        "toygan.theory.mixtures",
    },
    "toygan.figures.losses": {
        "toygan.figures.divergences",
        "toygan.figures.figure",
        "toygan.figures.laws",
        "toygan.figures.numerals",
        "toygan.figures.style",
        "toygan.figures.walkers",
        "toygan.methods",
        "toygan.theory",
        "toygan.theory.logistic",
        "toygan.theory.losses",
    },
    "toygan.figures.non_saturating": {
        "toygan.figures.divergences",
        "toygan.figures.figure",
        "toygan.figures.laws",
        "toygan.figures.numerals",
        "toygan.figures.style",
        "toygan.figures.walkers",
        "toygan.theory",
        "toygan.theory.losses",
        "toygan.theory.mixtures",
    },
    "toygan.figures.optimal_critic": {
        "toygan.figures.divergences",
        "toygan.figures.figure",
        "toygan.figures.laws",
        "toygan.figures.numerals",
        "toygan.figures.style",
        "toygan.figures.walkers",
        "toygan.methods",
        "toygan.theory",
        "toygan.theory.gaussians",
        "toygan.theory.logistic",
        "toygan.theory.mixtures",
    },
    "toygan.figures.walkers": {"toygan.figures.style", "toygan.theory"},
    "toygan.figures.segments": {
        "toygan.figures.figure",
        "toygan.figures.numerals",
        "toygan.figures.style",
        "toygan.methods",
        "toygan.recipe",
        "toygan.theory",
        "toygan.theory.histograms",
        "toygan.theory.losses",
        "toygan.theory.segments",
    },
    "toygan.figures.gaussian_line": {
        "toygan.figures.figure",
        "toygan.figures.numerals",
        "toygan.figures.segments",
        "toygan.figures.style",
        "toygan.theory",
        "toygan.theory.gaussians",
    },
    "toygan.figures.instance_noise": {
        "toygan.figures.figure",
        "toygan.figures.numerals",
        "toygan.figures.segments",
        "toygan.figures.style",
        "toygan.theory",
        "toygan.theory.gaussians",
        "toygan.theory.noise",
    },
    "toygan.theory": set(),
    "toygan.theory.dirac": {
        "toygan.lookup",
        "toygan.methods",
        "toygan.theory",
        "toygan.theory.losses",
        "toygan.theory.quadrature",
    },
    "toygan.theory.dual": {"toygan.theory"},
    "toygan.theory.dynamics": {"toygan.lookup", "toygan.theory", "toygan.theory.dirac"},
    "toygan.theory.fit": {"toygan.theory", "toygan.theory.mixtures"},
    "toygan.theory.gaussians": {"toygan.theory", "toygan.theory.logistic", "toygan.theory.quadrature"},
    "toygan.theory.histograms": {"toygan.theory"},
    "toygan.theory.logistic": {"toygan.theory"},
    "toygan.theory.losses": {"toygan.theory", "toygan.theory.logistic"},
    "toygan.theory.mixtures": {
        "toygan.lookup",
        "toygan.theory",
        "toygan.theory.logistic",
        "toygan.theory.losses",
    },
    "toygan.theory.noise": {"toygan.theory", "toygan.theory.gaussians", "toygan.theory.segments"},
    "toygan.theory.quadrature": {"toygan.theory"},
    "toygan.theory.segments": {"toygan.theory"},
}

#: Where a method's name may stand as a string: the catalogue, presets, the recipe's default; objectives share names.
NAMES_METHODS = {
    "toygan.methods",
    "toygan.presets",
    "toygan.comparison_presets",
    "toygan.critic_lab",
    "toygan.figures.dirac",
    "toygan.figures.dirac_formulas",
    "toygan.recipe",
    "toygan.objectives",
    "toygan.formulas",
    "toygan.theory.losses",
}

LINES_OF_CODE = 450


def files() -> list[Path]:
    return [ROOT / "app.py", *sorted(ROOT.glob("pages/*.py")), *sorted(ROOT.glob("toygan/**/*.py"))]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in files()}
PACKAGE = sorted(name for name in MODULES if name.split(".")[0] == "toygan")

every_module = pytest.mark.parametrize("module", MODULES)


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(nodes: Iterator[ast.AST] | list[ast.AST]) -> set[str]:
    """Modules named by import statements among these nodes; of ``from package import module`` the module."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            for alias in node.names:
                child = f"{node.module}.{alias.name}"
                found.add(child if child in MODULES else node.module)
    return found


def all_imports(module: str) -> set[str]:
    return imports(ast.walk(tree(module)))


def on_import(nodes: list[ast.stmt]) -> Iterator[ast.AST]:
    """Statements that run when a module is imported: not functions' bodies, not what only type checkers see."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from on_import(node.orelse)
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            yield from on_import(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from on_import(handler.body)


@cache
def loads(module: str) -> frozenset[str]:
    """What importing a module imports, its packages included, all the way down."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in MODULES:
            waiting += imports(on_import(tree(name).body))
            if "." in name:
                waiting.append(name.rpartition(".")[0])
    return frozenset(seen)


def top(names: set[str] | frozenset[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


# ---- the four rules of imports


@pytest.mark.parametrize("module", [name for name in PACKAGE if not name.startswith("toygan.ui")])
def test_nothing_outside_the_ui_imports_streamlit_or_the_ui(module: str) -> None:
    assert "streamlit" not in top(all_imports(module))
    assert not any(name.startswith("toygan.ui") for name in all_imports(module))


@every_module
def test_nobody_imports_the_pages_or_the_app(module: str) -> None:
    assert not {"pages", "app"} & top(all_imports(module))


@pytest.mark.parametrize("module", [name for name in MODULES if name not in WORKER_SIDE])
def test_what_the_server_imports_loads_nothing_heavy(module: str) -> None:
    assert not HEAVY & top(loads(module))
    assert not WORKER_SIDE & loads(module)


@pytest.mark.parametrize("module", ["app", "toygan.engine", "toygan.viewer", "toygan.presets", "toygan.diagnosis"])
def test_the_server_s_modules_name_nothing_heavy_even_inside_their_functions(module: str) -> None:
    assert not HEAVY & top(all_imports(module))
    assert not WORKER_SIDE & all_imports(module)


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith(("pages.", "toygan.ui"))])
def test_the_page_s_modules_name_nothing_heavy_even_inside_their_functions(module: str) -> None:
    assert not HEAVY & top(all_imports(module))
    assert not WORKER_SIDE & all_imports(module)


def test_only_the_worker_s_side_imports_torch_when_it_is_imported() -> None:
    assert {name for name in PACKAGE if "torch" in top(imports(on_import(tree(name).body)))} <= WORKER_SIDE


def test_importing_the_worker_s_module_costs_no_more_than_recipes_records_and_states() -> None:
    assert imports(on_import(tree("toygan.worker").body)) & set(PACKAGE) == {
        "toygan.recipe",
        "toygan.record",
        "toygan.state",
    }


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_a_module_imports_no_more_of_toygan_than_its_job_needs(module: str) -> None:
    assert {name for name in all_imports(module) if name in PACKAGE} <= MAY_IMPORT[module]


@pytest.mark.parametrize(
    "module",
    [
        "distributions",
        "networks",
        "objectives",
        "penalties",
        "optimizers",
        "constraints",
        "routes",
        "passes",
        "evaluation",
        "gradients",
        "graphs",
    ],
)
def test_the_building_blocks_know_nothing_of_recipes_and_methods(module: str) -> None:
    assert not {"toygan.recipe", "toygan.methods", "toygan.training"} & loads(f"toygan.{module}")


@pytest.mark.parametrize("module", [name for name in PACKAGE if name.startswith("toygan.theory")])
def test_theory_needs_numpy_alone(module: str) -> None:
    assert top(all_imports(module)) <= {"__future__", "numpy", "toygan", *sys.stdlib_module_names}


def test_only_the_iteration_touches_optimisers() -> None:
    assert {name for name in MODULES if "toygan.optimizers" in all_imports(name)} == {"toygan.iteration"}
    assert not any("torch.optim" in all_imports(name) for name in MODULES)


@pytest.mark.parametrize("module", [name for name in PACKAGE if name.startswith("toygan.metrics")])
def test_metrics_see_samples_and_distributions_and_never_networks(module: str) -> None:
    seen = {name for name in all_imports(module) if name in PACKAGE}
    assert {name for name in seen if not name.startswith("toygan.metrics")} <= {"toygan.distributions"}
    assert "torch" not in top(loads(module))


def test_app_and_pages_import_only_streamlit_and_the_ui() -> None:
    for module in MODULES:
        if module.startswith("pages.") or module == "app":
            assert all(name == "streamlit" or name.startswith("toygan.ui") for name in all_imports(module)), module


def test_no_module_imports_another_in_a_circle() -> None:
    for module in PACKAGE:
        others = imports(on_import(tree(module).body)) & set(PACKAGE)
        assert not [name for name in others if not module.startswith(f"{name}.") and _reaches(name, module)]


def _reaches(start: str, goal: str) -> bool:
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen and name in MODULES:
            seen.add(name)
            waiting += imports(on_import(tree(name).body))
    return False


# ---- how modules are written


@every_module
def test_no_module_has_more_code_than_can_be_kept_in_mind(module: str) -> None:
    assert len(_code_lines(module)) <= LINES_OF_CODE


def _code_lines(module: str) -> set[int]:
    """Lines with code on them: neither empty, nor comment, nor docstring."""
    blank = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    text = MODULES[module].read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in blank:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            text_node = node.body[0]
            lines -= set(range(text_node.lineno, (text_node.end_lineno or text_node.lineno) + 1))
    return lines


def _strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


@every_module
def test_nothing_is_decided_by_comparing_a_method_s_name(module: str) -> None:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Compare | ast.match_case):
            pattern = node.pattern if isinstance(node, ast.match_case) else node
            assert not set(_strings(pattern)) & set(METHODS), f"line {getattr(node, 'lineno', '?')}"


@pytest.mark.parametrize("module", [name for name in MODULES if name not in NAMES_METHODS])
def test_methods_are_named_only_in_the_catalogue_and_in_presets(module: str) -> None:
    assert not set(_strings(tree(module))) & set(METHODS)


def test_the_recipe_names_one_method_its_default() -> None:
    names = [text for text in _strings(tree("toygan.recipe")) if text in METHODS]
    assert len(names) == 1


def test_the_objectives_name_only_objectives() -> None:
    named = set(_strings(tree("toygan.objectives"))) & set(METHODS)
    assert named <= {method.objective for method in METHODS.values()}


def _public(module: str) -> Iterator[tuple[str, ast.AST]]:
    """Public functions and classes of a module, and public methods of its public classes."""
    for node in tree(module).body:
        if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            # What a base class declares is documented there.
            for member in node.body if not node.bases else []:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    yield f"{node.name}.{member.name}", member


@every_module
def test_every_module_and_all_that_is_public_in_it_has_a_docstring(module: str) -> None:
    assert ast.get_docstring(tree(module)), "the module itself"
    bare = [name for name, node in _public(module) if not ast.get_docstring(node)]  # type: ignore[arg-type]
    assert bare == []


@every_module
def test_the_critic_is_never_called_discriminator(module: str) -> None:
    names = {node.id for node in ast.walk(tree(module)) if isinstance(node, ast.Name)}
    names |= {node.name for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert not [name for name in names if "discriminator" in name.lower()]


def test_every_module_has_its_tests() -> None:
    """A test file of its name, or one that imports it; the rest is reached through what its package offers."""
    through = {
        "toygan.__main__": "test_cli",
        **{name: "test_cli" for name in PACKAGE if name.startswith("toygan.cli.")},
        **{f"toygan.export.{name}": "test_export_notebook" for name in ("cells", "curves", "notebook")},
        **{f"toygan.export.{name}": "test_export_tables" for name in ("parquet", "summary")},
        "toygan.lookup": "test_methods",
        "toygan.metrics.critic": "test_critic_metrics",
        **{name: "test_pages" for name in PACKAGE if name.startswith("toygan.ui.")},
    }
    files = {path.stem: path for path in (ROOT / "tests").glob("test_*.py")}
    imported = {name for path in files.values() for name in _imported_by(path)}
    for module in PACKAGE:
        own = f"test_{module.rpartition('.')[2]}"
        assert own in files or module in imported or through.get(module) in files, module


def _imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
