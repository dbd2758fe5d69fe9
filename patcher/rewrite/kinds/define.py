"""`define`: helpers at the top level, below what they need."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from patcher.patchfile.model import Edit, EditStatus
from patcher.patchfile.python import parse_python
from patcher.rewrite.kinds.body import place_of
from patcher.rewrite.kinds.imports import after_imports, below
from patcher.rewrite.kinds.registry import NOTHING, PlannedKind
from patcher.rewrite.matching.deciding import Result, site_at
from patcher.rewrite.outcome import EditOutcome
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from patcher.patchfile.holes import Parsed
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Source

_Import = ast.Import | ast.ImportFrom
_Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def define(file: File, edit: Edit, attachments: Mapping[str, bytes] = NOTHING) -> Result:
    """Plan a `define`: helpers at the top level, after the imports."""
    source = file.source
    present = {name: node for node in source.tree.body for name in _defined(node)}
    helpers = parse_python(edit.replacement or "").body
    known = [(name, node) for node in helpers for name in _defined(node)]
    same = [ast.dump(present[name]) == ast.dump(node) for name, node in known if name in present]
    if same and all(same) and len(same) == len(known):
        places = tuple(place_of(file, present[name]) for name, _ in known)
        return EditOutcome(edit, EditStatus.ALREADY, places, 1), []
    if same:
        taken = next(name for name, node in known if (name in present
                     and ast.dump(present[name]) != ast.dump(node)) or name in present)  # fmt: skip
        message = f"{edit.file} defines {taken} already"
        site = place_of(file, present[taken])
        return EditOutcome(edit, EditStatus.CONFLICT, (site,), 1, message=message,
                       hint="give the helper another name"), []  # fmt: skip
    at, lead = _below_what_it_uses(source, helpers)
    newline = source.newline
    code = newline.join((edit.replacement or "").strip("\n").split("\n"))
    before = newline * 2 if source.text[:at].strip() else ""
    after = newline * 2 if source.text[at:].strip() else ""
    rest = source.text[at:]
    blank = re.match(r"(?:[ \t]*(?:\r\n|\r|\n))*", rest)
    have = len(re.findall(r"\r\n|\r|\n", blank[0])) if blank else 0
    after = newline * max(0, 2 - have) if after else ""
    lead = (
        lead.removesuffix(newline) if before and lead and source.text[:at].endswith("\n") else lead
    )
    text = lead + before + code + newline + after
    place = (site_at(file, at, at),)
    return EditOutcome(edit, EditStatus.READY, place, 1, written=(code,)), [Splice(at, at, text)]


def _below_what_it_uses(source: Source, helpers: list[ast.stmt]) -> tuple[int, str]:
    """Where a helper goes: after the leading imports, and after what it needs when it is defined.

    Names in the body of a function are looked up when it runs; only imports of them count.
    """
    at, lead, _ = after_imports(source)
    needed = {name for each in helpers for name in _used_at_once(each)}
    used = {node.id for each in helpers for node in ast.walk(each) if isinstance(node, ast.Name)}
    last: ast.stmt | None = None
    for node in source.tree.body:
        if _bound(node) & needed or _imported(node) & used:
            last = node
    if last is None:
        return at, lead
    end = below(source, last)
    if end <= at:
        return at, lead
    return end, "" if source.text[:end].endswith(("\n", "\r")) else source.newline


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """A node and what of it runs when it is reached: not the bodies of functions."""
    yield node
    later: list[ast.AST] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        later = [*node.body]
    elif isinstance(node, ast.Lambda):
        later = [node.body]
    for child in ast.iter_child_nodes(node):
        if child not in later:
            yield from _at_once(child)


def _used_at_once(node: ast.stmt) -> set[str]:
    return {e.id for e in _at_once(node) if isinstance(e, ast.Name) and isinstance(e.ctx, ast.Load)}


def _bound(node: ast.stmt) -> set[str]:
    """Names of the module that a statement of the top level binds."""
    result: set[str] = set()
    for each in [node] if isinstance(node, _Defined) else _at_once(node):
        if isinstance(each, _Defined):
            result.add(each.name)
        elif isinstance(each, _Import):
            result |= {(name.asname or name.name).partition(".")[0] for name in each.names}
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            result.add(each.id)
    return result


def _imported(node: ast.stmt) -> set[str]:
    """Names that the imports in a statement bind."""
    of = [each for each in _at_once(node) if isinstance(each, _Import)]
    return {name for each in of for name in _bound(each)}


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, _Defined):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return [each.id for each in targets if isinstance(each, ast.Name)]


def shape(key: str, parsed: Parsed) -> str:
    """Only what gives names may be defined."""
    allowed = (*_Defined.__args__, ast.Assign, ast.AnnAssign)
    if parsed.branches or all(isinstance(each, allowed) for each in parsed.tree.body):
        return ""
    return "`define` holds functions, classes or assignments"


KINDS = (
    PlannedKind(
        "define", order=8,
        summary="Functions, classes or constants to add after the imports.",
        takes_within=False, seeks=False, at_top=True, shape=shape, plan=define,
    ),
)  # fmt: skip
