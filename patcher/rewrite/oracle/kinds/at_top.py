"""The second opinion on `import` and `define`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.python import parse_python
from patcher.rewrite.oracle.filling import MismatchError
from patcher.rewrite.oracle.reading import Reader, Value
from patcher.rewrite.oracle.sites import position_of
from patcher.rewrite.oracle.work import is_docstring

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.oracle.work import Work
    from patcher.rewrite.outcome import Site


def _import(work: Work, edit: Edit, site: Site, text: str) -> None:
    asked, new = _read(edit.replacement or ""), _read(text)
    if not _names(new) <= _names(asked):
        raise MismatchError("the import is not the one that was asked for")
    _insert(work, site, new)


def _define(work: Work, edit: Edit, site: Site, text: str) -> None:
    new = _read(text)
    if new != _read(edit.replacement or ""):
        raise MismatchError("the helper is not the one that was asked for")
    _insert(work, site, new)


def _read(code: str) -> list[Value]:
    return Reader().items(parse_python(code).body)


def _insert(work: Work, site: Site, new: list[Value]) -> None:
    """Statements of the top level stand at a site."""
    body = work.tree.body
    index = position_of(body, work.lines.place(site.line, site.column))
    if body and is_docstring(body[0]) and index == 0:
        raise MismatchError("the docstring would no longer come first")
    work.expected.change(body, index, index, lambda: new)


def _names(statements: list[Value]) -> set[str]:
    """What import statements import, as comparable texts."""
    result = set()
    for each in statements:
        module = each[1:2] + each[3:] if each[0] == "ImportFrom" else ()
        names = each[2] if each[0] == "ImportFrom" else each[1]
        result |= {repr((module, name)) for name in names}
    return result


OPINIONS = {"import": _import, "define": _define}
