"""Draft a patch that makes an in-place update out of place: update a copy of the tensor."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from patcher.hazards.model import Hazard


def draft(hazard: Hazard, source: bytes, requirement: str) -> tuple[str, str]:
    """A spec that inserts ``x = x.clone()`` before the update that a hazard names.

    Args:
        hazard: of kind ``inplace-update``.
        source: the pristine file that holds the update.
        requirement: the spec's ``target``, PEP 508.

    Returns:
        The patch's name and the spec's text.

    Raises:
        PatcherError: ``usage`` when the place holds no update that can be written this way.
    """
    where = f"{hazard.at.file}:{hazard.at.line}"
    if hazard.kind != "inplace-update":
        raise PatcherError("usage", f"no draft for a hazard of kind {hazard.kind}", where=where)
    tree = ast.parse(source)
    statement = _statement(tree, hazard.at.line)
    base = _updated(statement) if statement else None
    if statement is None or base is None:
        raise PatcherError(
            "usage",
            "the line holds no update of a name or an attribute",
            hint="write the patch by hand: `patcher new NAME`",
            where=where,
        )
    variable = ast.unparse(base)
    text = ast.get_source_segment(source.decode(), statement) or ast.unparse(statement)
    text = "\n".join(line.strip() for line in text.splitlines())
    function = hazard.at.function
    name = _name(function.rsplit(".", 1)[-1], variable)
    count = sum(
        ast.dump(each) == ast.dump(statement)
        for each in ast.walk(_definition(tree, function) or tree)
    )
    lines = [
        f"patch: {name}",
        f"summary: {function} updates a copy of {variable}, which may come from inference mode",
        f"target: {requirement}",
        "equivalence: bitwise",
        "edits:",
        f"  - file: {hazard.at.file}",
        f"    within: {function if function != '<module>' else _quoted(function)}",
        *_block("before", text),
        f"    with: {_quoted(f'{variable} = {variable}.clone()')}",
        *([f"    expect: {count}"] if count > 1 else []),
        "hazards:",
        "  - >-",
        f"    Whoever else holds the tensor behind {variable} no longer sees this update.",
        "",
    ]
    return name, "\n".join(lines)


def _statement(tree: ast.Module, line: int) -> ast.stmt | None:
    """The innermost simple statement at a line."""
    best = None
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr, ast.AnnAssign, ast.Return))
            and node.lineno <= line <= (node.end_lineno or node.lineno)
        ):  # fmt: skip
            best = node
    return best


def _definition(tree: ast.Module, function: str) -> ast.AST | None:
    here: ast.AST = tree
    for name in function.split("."):
        inside = (
            node
            for node in ast.walk(here)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and node.name == name
            and node is not here
        )
        result = next(inside, None)
        if result is None:
            return None
        here = result
    return here


def _updated(statement: ast.stmt) -> ast.expr | None:
    """The name or attribute whose tensor a statement updates in place."""
    if isinstance(statement, ast.AugAssign):
        return _base(statement.target)
    if isinstance(statement, ast.Assign):
        targets = [
            each for each in statement.targets if isinstance(each, (ast.Subscript, ast.Attribute))
        ]
        result = _base(targets[0]) if targets and isinstance(targets[0], ast.Subscript) else None
        if result is not None:
            return result
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "out":
                    return _base(keyword.value)
            func = node.func
            if isinstance(func, ast.Attribute) and re.fullmatch(r"[a-z]\w*[^_]_", func.attr):
                return _base(func.value)
    return None


def _base(node: ast.expr) -> ast.expr | None:
    """What can be bound again: ``x`` of ``x[0].data``, ``self.x`` of ``self.x[:, 1]``."""
    while True:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func
        elif not isinstance(node, ast.Subscript) and not _is_view(node):
            break
        node = node.value  # type: ignore[attr-defined]
    return node if isinstance(node, (ast.Name, ast.Attribute)) else None


def _is_view(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in {"data", "T", "mT", "real", "imag"}


def _name(function: str, variable: str) -> str:
    text = f"{function}_{variable}_clone".lower()
    return re.sub(r"_+", "_", re.sub(r"[^a-z0-9]+", "_", text)).strip("_")


def _block(key: str, text: str) -> list[str]:
    if "\n" not in text:
        return [f"    {key}: {_quoted(text)}"]
    return [f"    {key}: |", *(f"      {line}" for line in text.splitlines())]


def _quoted(text: str) -> str:
    """A YAML scalar: plain where that is unambiguous, else in single quotes."""
    plain = re.fullmatch(r"[A-Za-z_][\w.\[\]()=+*/ ,-]*", text) and ": " not in text
    return text if plain and not text.endswith((":", " ")) else "'" + text.replace("'", "''") + "'"
