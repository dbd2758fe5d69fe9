"""`body`: all statements of a function; its docstring stays unless one is given."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.patchfile.model import Edit, EditStatus
from patcher.patchfile.python import parse_python
from patcher.rewrite.kinds.imports import is_docstring
from patcher.rewrite.kinds.registry import NOTHING, PlannedKind
from patcher.rewrite.matching.deciding import Result, decide, no_definition, site_at, which
from patcher.rewrite.matching.innermost import starts_line
from patcher.rewrite.outcome import EditOutcome, Site
from patcher.rewrite.replacing.comments import below_second_comment
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Source


def body(file: File, edit: Edit, attachments: Mapping[str, bytes] = NOTHING) -> Result:
    """Plan a `body`: all of a function's statements; its docstring stays unless one is given."""
    assert edit.within is not None
    source = file.source
    definitions = file.definitions(edit.within, edit.decorated)
    if not definitions:
        return no_definition(file, edit), []
    new_body = parse_python(edit.replacement or "").body
    sites: list[Site] = []
    written: list[Site] = []
    splices: list[Splice] = []
    for definition in definitions:
        node = definition.node
        if isinstance(node, ast.ClassDef):
            message = f"{definition.name} is a class: it has no body to replace"
            hint = "name one of its methods"
            return EditOutcome(edit, EditStatus.CONFLICT, message=message, hint=hint), []
        keeps = is_docstring(node.body[0]) and not is_docstring(new_body[0])
        old = node.body[1:] if keeps else node.body
        site = place_of(file, node)
        if [ast.dump(each) for each in old] == [ast.dump(each) for each in new_body]:
            written.append(site)
            continue
        sites.append(site)
        splices.append(_body_splice(source, node, old, edit.replacement or ""))
    outcome = decide(edit, tuple(sites), tuple(written))
    if outcome.status is EditStatus.AMBIGUOUS:
        outcome = replace(outcome, hint=which(definitions, outcome.count))
    return outcome, splices if outcome.status is EditStatus.READY else []


def _body_splice(
    source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef, old: list[ast.stmt], text: str
) -> Splice:
    start = _start(source, node.body[0])
    indent, outer = source.indent(start), source.indent(source.starts[node.lineno - 1])
    own_line = starts_line(source, start)
    if not own_line:
        indent = outer + (file_unit(source) or "    ")
    newline = source.newline
    code = _indented(text.strip("\n"), indent, newline)
    end = _offset(source, node.end_lineno or node.lineno, node.end_col_offset or 0)
    end = below_second_comment(source, end, code)
    kept = node.body[: len(node.body) - len(old)]  # the docstring, if it stays
    if own_line and not kept:
        return Splice(source.line_start(start), end, code)
    if not kept:
        return Splice(_behind_colon(source, start), end, newline + code)
    stop = _offset(source, kept[0].end_lineno or 0, kept[0].end_col_offset or 0)
    if own_line and old and source.text[stop : source.line_end(stop)].lstrip()[:1] != ";":
        return Splice(source.starts[source.first_line(old[0]) - 1], end, code)
    if own_line and not old:
        tail = source.line_end(stop)
        lead = "" if source.text[stop:tail].endswith(("\n", "\r")) else newline
        return Splice(tail, tail, lead + code + newline * (not lead))
    docstring = source.text[start:stop]
    if own_line:
        return Splice(start, end, docstring + newline + code)
    head = _behind_colon(source, start)
    return Splice(head, end, newline + indent + docstring + newline + code)


def file_unit(source: Source) -> str:
    """The white space by which the first block of a file is indented."""
    for node in ast.walk(source.tree):
        block = getattr(node, "body", None)
        if not isinstance(node, ast.stmt) or not isinstance(block, list) or not block:
            continue
        if starts_line(source, _start(source, block[0])):
            inner, outer = (source.indent(source.starts[n.lineno - 1]) for n in (block[0], node))
            if inner.startswith(outer) and inner != outer:
                return inner.removeprefix(outer)
    return ""


def _behind_colon(source: Source, start: int) -> int:
    """Where a header ends that shares its line with the statement at ``start``."""
    gap = re.search(r"(?:[ \t\f]|\\(?:\r\n|\r|\n))*\Z", source.text[:start])
    return gap.start() if gap is not None else start


def _start(source: Source, node: ast.stmt) -> int:
    """Where a statement starts: at its first decorator, if it has one."""
    if not getattr(node, "decorator_list", ()):
        return _offset(source, node.lineno, node.col_offset)
    line = source.starts[source.first_line(node) - 1]
    return line + len(source.indent(line))


def _offset(source: Source, line: int, column: int) -> int:
    """Offset of ast's position: its column counts UTF-8 bytes."""
    start = source.starts[line - 1]
    text = source.text[start : source.line_end(start)]
    return start + len(text.encode()[:column].decode())


def _indented(text: str, indent: str, newline: str) -> str:
    """Code moved to an indentation; lines that start inside a string stay."""
    from patcher.rewrite.source import lines_in_strings

    starts = [0, *(result.end() for result in re.finditer("\n", text))]
    inside = lines_in_strings(parse_python(text), text, starts)
    lines = [
        line if number in inside or not line.strip() else indent + line
        for number, line in enumerate(text.split("\n"), 1)
    ]
    return newline.join(lines)


def place_of(file: File, node: ast.stmt) -> Site:
    start, end = file.source.lines(node.lineno, node.end_lineno or node.lineno)
    return site_at(file, start + len(file.source.indent(start)), end)


KINDS = (
    PlannedKind(
        "body", order=7,
        summary="The new body of the function `within` names; its docstring stays.",
        needs_within=True, seeks=False, of_definition=True, plan=body,
    ),
)  # fmt: skip
