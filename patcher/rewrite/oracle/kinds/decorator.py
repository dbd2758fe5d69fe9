"""The second opinion on `decorator`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from patcher.rewrite.oracle.filling import MismatchError
from patcher.rewrite.oracle.reading import read_expression
from patcher.rewrite.oracle.sites import definition_at, find_expression

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.oracle.work import Work
    from patcher.rewrite.outcome import Site


def _decorator(work: Work, edit: Edit, site: Site, text: str) -> None:
    sought, replacement = (edit.pattern or "").strip(), (edit.replacement or "").strip()
    if not sought:
        definition = definition_at(work.tree, site.line)
        if definition is None:
            raise MismatchError(f"there is no definition at line {site.line}")
        of: list[ast.expr] = definition.decorator_list  # type: ignore[attr-defined]
        new = read_expression(replacement)
        work.expected.change(of, len(of), len(of), lambda: [new])
        work.expected.touch(definition)
        return
    span = work.lines.span(site)
    row = span[0][0]
    while "@" not in work.lines.lines[row - 1]:  # a backslash stands behind it
        row -= 1
    work.edited.append(((row, 0), span[1]))
    node = find_expression(work.tree, span)
    if node is None:
        raise MismatchError(f"there is no decorator at line {site.line}")
    if replacement:
        one, other = read_expression(sought), read_expression(replacement)
        work.expected.replace_expression(node, one, other, (site.line, site.end_line))
        return
    for each in ast.walk(work.tree):
        of = getattr(each, "decorator_list", [])
        if node in of:
            work.expected.change(of, of.index(node), of.index(node) + 1, list)
            work.expected.touch(each)  # type: ignore[arg-type]


OPINIONS = {"decorator": _decorator}
