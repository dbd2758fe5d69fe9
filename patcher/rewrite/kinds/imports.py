"""`import`: imports that are added once, where imports go."""

from __future__ import annotations

import ast
import itertools
from typing import TYPE_CHECKING

from patcher.patchfile.model import Edit, EditStatus
from patcher.patchfile.python import parse_python
from patcher.rewrite.kinds.registry import NOTHING, PlannedKind
from patcher.rewrite.matching.deciding import Result, site_at
from patcher.rewrite.outcome import EditOutcome
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.patchfile.holes import Parsed
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Source

_Import = ast.Import | ast.ImportFrom


def add_import(file: File, edit: Edit, attachments: Mapping[str, bytes] = NOTHING) -> Result:
    """Plan an `import`: names that the top level does not import yet, where imports go."""
    source = file.source
    present = {key for node in source.tree.body for key in _imported(node)}
    missing: list[str] = []
    for node in parse_python(edit.replacement or "").body:
        assert isinstance(node, _Import)
        aliases = [each for each, key in zip(node.names, _imported(node), strict=True)
                   if key not in present]  # fmt: skip
        if aliases:
            copy: _Import = (
                ast.Import(names=aliases)
                if isinstance(node, ast.Import)
                else ast.ImportFrom(module=node.module, names=aliases, level=node.level)
            )
            missing.append(ast.unparse(copy))
    if not missing:
        return EditOutcome(edit, EditStatus.ALREADY, count=1), []
    future = all(line.startswith("from __future__ ") for line in missing)
    at, lead, tail = after_imports(source, future)
    text = lead + source.newline.join(missing) + source.newline + tail
    beside = _between(source) if future else None
    if beside is not None:
        at, text = beside, "; " + "; ".join(missing)
    place, code = (site_at(file, at, at),), ("\n".join(missing),)
    return EditOutcome(edit, EditStatus.READY, place, 1, written=code), [Splice(at, at, text)]


def _between(source: Source) -> int | None:
    """Where what is `__future__` goes, if that is in a line: other code follows there."""
    last: ast.stmt | None = None
    for index, node in enumerate(source.tree.body):
        if not (index == 0 and is_docstring(node)) and not _is_future(node):
            if last is None or not _share(source, last, node):
                return None
            line = source.starts[(last.end_lineno or 1) - 1]
            text = source.text[line : source.line_end(line)].encode()
            return line + len(text[: last.end_col_offset].decode())
        last = node
    return None


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _imported(node: ast.stmt) -> list[tuple[str | None, int, str, str | None]]:
    """What a statement imports, as comparable keys."""
    if isinstance(node, ast.Import):
        return [(None, 0, each.name, each.asname) for each in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module, node.level, each.name, each.asname) for each in node.names]
    return []


def after_imports(source: Source, future: bool = False) -> tuple[int, str, str]:
    """Where a line goes that follows the leading imports: offset, what to write around it."""
    body = source.tree.body
    last: ast.stmt | None = None
    imports = False
    for index, node in enumerate(body):
        docstring = index == 0 and is_docstring(node)
        if not docstring and not (isinstance(node, _Import) and (_is_future(node) or not future)):
            break
        last, imports = node, imports or not docstring
    if last is None:
        if not body:
            end = len(source.text)
            unfinished = bool(source.text) and not source.text.endswith(("\n", "\r"))
            return end, source.newline if unfinished else "", ""
        return source.starts[source.first_line(body[0]) - 1], "", source.newline
    end = below(source, last)
    lead = "" if source.text[:end].endswith(("\n", "\r")) else source.newline
    return end, lead if imports else lead + source.newline, ""


def below(source: Source, node: ast.stmt) -> int:
    """Where the line starts below a statement of the top level and all that share its line."""
    body = source.tree.body
    for one, other in itertools.pairwise(body[body.index(node) :]):
        if not _share(source, one, other):
            break
        node = other
    return source.line_end(source.starts[(node.end_lineno or node.lineno) - 1])


def _share(source: Source, one: ast.stmt, other: ast.stmt) -> bool:
    return other.lineno == one.end_lineno or source.continues(other.lineno - 1)


def is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def shape(key: str, parsed: Parsed) -> str:
    """Only imports may be imported."""
    body = parsed.tree.body
    if body and all(isinstance(each, _Import) for each in body):
        return ""
    return "`import` holds import statements"


KINDS = (
    PlannedKind(
        "import", order=6,
        summary="Imports to add once, after those at the top.",
        takes_within=False, seeks=False, at_top=True, shape=shape, plan=add_import,
    ),
)  # fmt: skip
