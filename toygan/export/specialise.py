"""Cutting a program down to what one use of it needs: settings put in, branches decided, the unreached left out.

``now.NAME`` stands for a setting. Everything here works on text by way of its syntax tree, so that comments and layout
stay as they were written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

_SETTING = re.compile(r"\bnow\.(\w+)\b")


def decide(source: str, settings: Mapping[str, bool]) -> str:
    """``source`` with each ``if`` on settings of known truth replaced by the branch that is taken.

    ``not``, ``and`` and ``or`` of them and of other conditions are decided as far as they can be. A condition stands
    on one line, and has no ``elif``.
    """
    lines = source.splitlines()
    changed = False
    # From the last to the first, and of those inside each other the outer one: what follows keeps its line.
    for node in reversed(list(_outermost(ast.parse(source).body, settings))):
        said = _simplified(node.test, settings, source)
        lines[node.lineno - 1 : node.end_lineno] = _taken(node, said, lines)
        changed = True
    return decide("\n".join(lines) + "\n", settings) if changed else source


def put_in(source: str, texts: Mapping[str, str]) -> str:
    """``source`` with each ``now.NAME`` whose name is among ``texts`` replaced by its text."""
    return _SETTING.sub(lambda found: texts.get(found[1], found[0]), source)


def keep_reached(source: str, roots: set[str]) -> str:
    """``source`` without the definitions, assignments and imports that nothing reached from ``roots`` names.

    What is at the top level and defines nothing belongs to the root ``main``. A comment directly above something goes
    with it.
    """
    body = ast.parse(source).body
    definitions = {name: node for node in body for name in _defined(node)}
    waiting = list(roots)
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in reached:
            reached.add(name)
            waiting += _names(definitions[name])
    lines = source.splitlines()
    for node in reversed(body):
        names = _defined(node)
        if names <= reached if names else "main" in roots:
            continue
        first = _first_line(node, lines)
        lines[first - 1 : node.end_lineno] = _kept_import(node, names & reached)
    return _tidy(lines)


def without_empty_sections(source: str) -> str:
    """``source`` without headings, ``# ---- title`` and the comment below it, that nothing follows."""
    parts = re.split(r"^(?=# ---- )", source, flags=re.M)
    kept = [part for number, part in enumerate(parts) if number == 0 or ast.parse(part).body]
    return _tidy("".join(kept).splitlines())


def _outermost(nodes: Iterable[ast.AST], settings: Mapping[str, bool]) -> Iterator[ast.If]:
    """The ``if``s of which something is known, in order, without those inside one another."""
    for node in nodes:
        if isinstance(node, ast.If) and _is_known(node.test, settings):
            yield node
        else:
            yield from _outermost(ast.iter_child_nodes(node), settings)


def _is_known(test: ast.expr, settings: Mapping[str, bool]) -> bool:
    return any(_setting(part) in settings for part in ast.walk(test))


def _simplified(test: ast.expr, settings: Mapping[str, bool], source: str) -> bool | str:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _simplified(test.operand, settings, source)
        return f"not {inner}" if isinstance(inner, str) else not inner
    if isinstance(test, ast.BoolOp):
        decisive = isinstance(test.op, ast.Or)
        parts = [_simplified(value, settings, source) for value in test.values]
        if decisive in parts:
            return decisive
        left = [part for part in parts if isinstance(part, str)]
        return (" or " if decisive else " and ").join(left) if left else not decisive
    name = _setting(test)
    if name in settings:
        return settings[name]
    return ast.get_source_segment(source, test) or ""


def _setting(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "now":
        return node.attr
    return ""


def _taken(node: ast.If, said: bool | str, lines: list[str]) -> list[str]:
    """The lines that stand where the ``if`` stood."""
    assert node.end_lineno is not None and node.body[-1].end_lineno is not None
    body = lines[node.lineno : node.body[-1].end_lineno]
    rest = lines[node.body[-1].end_lineno : node.end_lineno]
    margin = " " * node.col_offset
    if isinstance(said, str):
        return [f"{margin}if {said}:", *body, *rest]
    # Of the rest, the first line says ``else:``.
    return [line[4:] for line in (body if said else rest[1:])]


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()


def _names(node: ast.AST) -> set[str]:
    """Names that a statement uses, without a function's own."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    if isinstance(node, ast.FunctionDef):
        names -= {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
    return names


def _first_line(node: ast.stmt, lines: list[str]) -> int:
    """Where a statement begins, with its decorators and the comment directly above."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return first


def _kept_import(node: ast.stmt, names: set[str]) -> list[str]:
    if not names or not isinstance(node, ast.Import | ast.ImportFrom):
        return []
    node.names = [alias for alias in node.names if (alias.asname or alias.name) in names]
    return [ast.unparse(node)]


def _tidy(lines: list[str]) -> str:
    """Never more than two empty lines, and one at most inside a function or under a heading."""
    text = re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines).strip() + "\n")
    return re.sub(r"\n{3,}(?=[ \t])", "\n\n", text)
