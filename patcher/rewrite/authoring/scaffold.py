"""`patcher new`: a spec to start from, made of a line of the target."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import replace

from patcher.errors import PatcherError
from patcher.patchfile.model import Edit, EditKind, EditStatus
from patcher.rewrite.authoring import similarity as shapes
from patcher.rewrite.authoring.write_spec import SpecHead, before_lines, spec_text
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.source import Definition, Source


def scaffold(name: str, target: str, path: str, line: int, content: bytes) -> str:
    """The text of a spec whose one edit matches the code at a line.

    A decorator's line gives a `decorator` edit, a compound statement's header a pattern with
    `$$$BODY`, any other line the statement it belongs to. The header of an `if` gives the whole
    chain, that of an `elif` the one branch, and the `else` below it that branch with the `else`.
    The replacement is the same code, for the author to change; a fixture holds the definition
    around it, and only asks that the site is found: what it becomes is for the author to add.

    Args:
        name: of the patch.
        target: PEP 508, for example ``chatterbox-tts >=0.1,<0.2``.
        path: of the file, relative to the import root.
        line: from 1.
        content: the file.

    Raises:
        PatcherError: ``usage`` when there is no code at the line; ``unsupported-source``.
    """
    source = Source(path, content)
    edit = edit_at(source, path, line)
    text = fixture_at(source, line)
    test = ["test:", *before_lines(text)] if _finds(edit, text) else []
    return spec_text(SpecHead(name, target), [edit], test)


def edit_at(source: Source, path: str, line: int) -> Edit:
    """The edit that matches the code at a line and puts the same there.

    Raises:
        PatcherError: ``usage`` when there is no code at the line.
    """
    definition = _around(source, line)
    edit = _decorator(source, path, definition, line)
    if edit is not None:
        return edit
    statement = _statement(source, line)
    if statement is None:
        raise PatcherError("usage", f"there is no code at {path}:{line}", "name another line")
    text = _pattern(source, statement, line)
    return Edit(path, EditKind.MATCH, innermost(source, line), text, text)


def innermost(source: Source, line: int) -> str:
    """The qualified name of the innermost definition around a line, or ``<module>``."""
    definition = _around(source, line)
    return definition.name if definition else "<module>"


def fixture_at(source: Source, line: int) -> str:
    """A text of the definition around a line: its header, and the statement that holds the line."""
    return _fixture(source, _around(source, line), line)


def short_fixture_at(source: Source, line: int, most: int) -> str | None:
    """The same with the innermost statement alone; None where it has more than ``most`` lines."""
    definition, statement = _around(source, line), _statement(source, line)
    if definition is None or statement is None or statement is definition.node:
        text = fixture_at(source, line)
    else:
        body = textwrap.indent(textwrap.dedent(_lines(source, statement)), "    ")
        text = _nested(definition, textwrap.dedent(_header(source, definition)) + body)
    return text if text.count("\n") <= most else None


def _around(source: Source, line: int) -> Definition | None:
    result = None
    for definition in source.definitions:
        if definition.first <= line <= definition.last:
            result = definition
    return result


def _decorator(source: Source, path: str, definition: Definition | None, line: int) -> Edit | None:
    for each in definition.node.decorator_list if definition else ():
        if definition and each.lineno <= line <= (each.end_lineno or each.lineno):
            text = ast.get_source_segment(source.text, each) or ""
            return Edit(path, EditKind.DECORATOR, definition.name, text, text)
    return None


def _statement(source: Source, line: int) -> ast.stmt | None:
    """The innermost statement that holds a line; an `elif` is part of its `if`."""
    result = None
    for node in ast.walk(source.tree):
        if isinstance(node, ast.stmt) and not shapes.is_elif(source, node):
            inner = result is None or node.lineno >= result.lineno
            result = node if inner and _holds(source, node, line) else result
    return result


def _pattern(source: Source, statement: ast.stmt, line: int) -> str:
    """The statement; of a compound one the header, its blocks as holes."""
    if isinstance(statement, ast.If):
        chain = shapes.chain(source, statement)
        *_, branch = (each for each in chain.branches if each.line <= line)
        if branch is chain.branches[0]:
            return shapes.chain_pattern(source, chain)[0]
        # Between the last block and the `else`'s first statement stands the word itself.
        last = branch.body[-1]
        below = (last.end_lineno or last.lineno) < line
        return shapes.branch_pattern(branch, bool(below and chain.otherwise))
    if shapes.is_compound(statement):
        return shapes.holed(source, statement)
    start, end = source.lines(statement.lineno, statement.end_lineno or statement.lineno)
    text = source.text[start:end]
    ending = source.text[source.line_start(end - 1) : end].encode()
    behind = ending[statement.end_col_offset or 0 :].decode().lstrip()
    shares = behind.startswith((";", "\\"))
    if shares or len(text) - len(text.lstrip()) < statement.col_offset:
        return ast.get_source_segment(source.text, statement) or ast.unparse(statement)
    return textwrap.dedent(text).strip()


def _finds(edit: Edit, text: str) -> bool:
    """Whether an edit has its one site in a fixture."""
    new = "other" if edit.kind is EditKind.DECORATOR else "pass"
    new = "elif other: pass" if (edit.pattern or "").startswith("elif ") else new
    outcome = rewrite_file(edit.file, text.encode(), [replace(edit, replacement=new)], {})
    return outcome.outcomes[0].status is EditStatus.READY


def _lines(source: Source, node: ast.stmt) -> str:
    start, end = source.lines(source.first_line(node), node.end_lineno or node.lineno)
    return source.text[start:end]


def _fixture(source: Source, definition: Definition | None, line: int) -> str:
    """A text of the definition's header and the statement."""
    if definition is None:
        statement = _statement(source, line)
        text = _lines(source, statement) if statement else "...\n"
    else:
        node = definition.node
        header = _header(source, definition)
        inside = [each for each in node.body if _holds(source, each, line)]
        indent = source.indent(source.lines(definition.first, definition.first)[0]) + "    "
        text = header + (_lines(source, inside[0]) if inside else f"{indent}...\n")
        if node.body[0].lineno == node.lineno:
            text = header
    text = textwrap.dedent(text)
    return _nested(definition, text) if definition else text.replace("\r\n", "\n")


def _header(source: Source, definition: Definition) -> str:
    """The lines of a definition up to its body."""
    node = definition.node
    start, end = source.lines(
        definition.first, max(source.first_line(node.body[0]) - 1, node.lineno)
    )
    return source.text[start:end]


def _nested(definition: Definition, text: str) -> str:
    """A definition's text in the classes (or functions, as classes) it is nested in."""
    text = text.replace("\r\n", "\n")
    for outer in reversed(definition.name.split(".")[:-1]):
        text = f"class {outer}:\n{textwrap.indent(text, '    ')}"
    return text


def _holds(source: Source, node: ast.stmt, line: int) -> bool:
    return source.first_line(node) <= line <= (node.end_lineno or node.lineno)
