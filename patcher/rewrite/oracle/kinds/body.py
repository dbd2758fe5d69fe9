"""The second opinion on `body`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from patcher.patchfile.python import parse_python
from patcher.rewrite.oracle.filling import MismatchError
from patcher.rewrite.oracle.reading import Reader
from patcher.rewrite.oracle.sites import definition_at, first_line, span_of
from patcher.rewrite.oracle.work import is_docstring

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.oracle.work import Work
    from patcher.rewrite.outcome import Site


def _body(work: Work, edit: Edit, site: Site, text: str) -> None:
    node = definition_at(work.tree, site.line)
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        raise MismatchError(f"there is no function at line {site.line}")
    new = parse_python(edit.replacement or "").body
    keeps = is_docstring(node.body[0]) and not is_docstring(new[0])
    values = Reader().items(new)
    work.expected.change(node.body, int(keeps), len(node.body), lambda: values)
    work.expected.touch(node)
    old = node.body[int(keeps) :]
    if old:
        last = span_of(old[-1])
        assert last is not None
        line = first_line(old[0])
        decorated = bool(getattr(old[0], "decorator_list", ()))
        while decorated and work.lines.lines[line - 2].rstrip("\r\n").endswith("\\"):
            line -= 1  # the `@` stands above the decorator
        work.edited.append(((line, old[0].col_offset), last[1]))


OPINIONS = {"body": _body}
