"""The second opinion on a rewrite. It shares no code with what writes: see `check`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from patcher.patchfile.model import Edit, EditKind, EditStatus
from patcher.patchfile.python import parse_python
from patcher.rewrite.oracle import tokens
from patcher.rewrite.oracle.filling import MismatchError
from patcher.rewrite.oracle.reading import Reader, Value, is_branches, read_expression, read_pattern
from patcher.rewrite.oracle.sites import (
    Lines,
    Place,
    Run,
    Span,
    blocks,
    definition_at,
    find_branch,
    find_expression,
    find_run,
    first_line,
    position_of,
    span_of,
)
from patcher.rewrite.oracle.strings import find_in_string
from patcher.rewrite.oracle.trees import DisagreementError, Expected

if TYPE_CHECKING:
    from patcher.rewrite.outcome import Outcome, Site

_MOST_SHOWN = 600
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Opinion:
    """What the second implementation says.

    Attributes:
        disagreement: one sentence; empty when it agrees.
        details: both trees where they differ, as lines.
        lost: comments of the source that the result does not have.
    """

    disagreement: str = ""
    details: tuple[str, ...] = ()
    lost: tuple[tokens.Comment, ...] = ()


def check(before: str, tree: ast.Module, after: str, outcomes: Sequence[Outcome]) -> Opinion:
    """Whether a written text is what some edits say of a source.

    The tree of the result must be the tree of the source with exactly the sites' nodes replaced by
    those of the replacements and what their holes hold. Every token outside the sites must be there
    in its order, and every comment outside the sites or inside a hole.

    Args:
        before, tree: the source and its tree.
        outcomes: of all edits; the sites of those that are ready have been written.
    """
    lines, written = Lines(before), Lines(after)
    work = _Work(Expected(tree, lines), lines, tree)
    try:
        for outcome in outcomes:
            if outcome.status is EditStatus.READY:
                work.add(outcome)
        work.expected.compare(parse_python(after), written)
    except MismatchError as error:
        return Opinion(f"{error}")
    except DisagreementError as error:
        shown = (f"expected: {_shown(error.expected)}", f"written:  {_shown(error.written)}")
        return Opinion(f"line {error.line} of the result is not what the edits say", shown)
    except SyntaxError as error:
        return Opinion(f"line {error.lineno} of the result is not Python")
    return work.texts(written)


@dataclass
class _Work:
    expected: Expected
    lines: Lines
    tree: ast.Module
    edited: list[Span] = field(default_factory=list)
    held: list[Span] = field(default_factory=list)
    touched: list[tuple[int, int]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Note what one edit changes."""
        edit = outcome.edit
        texts = outcome.written or ("",) * len(outcome.sites)
        for site, text in zip(outcome.sites, texts, strict=True):
            self.touched.append((site.line, site.end_line))
            if edit.kind is EditKind.DECORATOR:
                self._decorator(edit, site)
            elif edit.kind in (EditKind.IMPORT, EditKind.DEFINE):
                self._at_top(edit, site, text)
            elif edit.kind is EditKind.BODY:
                self._body(edit, site)
            elif edit.kind is EditKind.TRANSFORM:
                self._transform(site, text)
            else:
                self._match(edit, site)

    # kinds ------------------------------------------------------------------------------------

    def _match(self, edit: Edit, site: Site) -> None:
        sought, wanted = edit.pattern or "", edit.replacement or ""
        anchor, new = read_pattern(sought), read_pattern(wanted, sought)
        template = {
            EditKind.BEFORE: [*new, *anchor],
            EditKind.AFTER: [*anchor, *new],
            EditKind.DELETE: [],
        }.get(edit.kind, new)
        span = self.lines.span(site)
        inside = find_in_string(self.tree, self.lines, span) if edit.in_f_strings else None
        if edit.kind in (EditKind.MATCH, EditKind.DELETE):
            edited = span if inside is None else inside[1]
            self.edited += [edited] if edited not in self.edited else []
        if is_branches(sought):
            of = find_branch(self.tree, span[0])
            if of is None:
                raise MismatchError(f"there is no `elif` at line {site.line}")
            self.expected.replace_branches(of, anchor, template)
            return
        one, other = read_expression(sought), read_expression(wanted, sought)
        if edit.kind is EditKind.MATCH and one is not None and other is not None:
            node = find_expression(self.tree, span) if inside is None else inside[0]
            if node is None:
                raise MismatchError(f"there is no expression at line {site.line}")
            self.expected.replace_expression(node, one, other, (site.line, site.end_line))
        else:
            self.expected.replace_run(self._run(span), anchor, template)

    def _run(self, span: Span) -> Run:
        run = find_run(self.tree, span)
        if run is None:
            raise MismatchError(f"there is no statement at line {span[0][0]}")
        return run

    def _decorator(self, edit: Edit, site: Site) -> None:
        sought, wanted = (edit.pattern or "").strip(), (edit.replacement or "").strip()
        if not sought:
            definition = definition_at(self.tree, site.line)
            if definition is None:
                raise MismatchError(f"there is no definition at line {site.line}")
            of: list[ast.expr] = definition.decorator_list  # type: ignore[attr-defined]
            new = read_expression(wanted)
            self.expected.change(of, len(of), len(of), lambda: [new])
            self.expected.touch(definition)
            return
        span = self.lines.span(site)
        self.edited.append(((span[0][0], 0), span[1]))
        node = find_expression(self.tree, span)
        if node is None:
            raise MismatchError(f"there is no decorator at line {site.line}")
        if wanted:
            one, other = read_expression(sought), read_expression(wanted)
            self.expected.replace_expression(node, one, other, (site.line, site.end_line))
            return
        for each in ast.walk(self.tree):
            of = getattr(each, "decorator_list", [])
            if node in of:
                self.expected.change(of, of.index(node), of.index(node) + 1, list)
                self.expected.touch(each)  # type: ignore[arg-type]

    def _at_top(self, edit: Edit, site: Site, written: str) -> None:
        body = self.tree.body
        index = position_of(body, self.lines.place(site.line, site.column))
        asked = Reader().items(parse_python(edit.replacement or "").body)
        new = Reader().items(parse_python(written).body)
        if edit.kind is EditKind.DEFINE and new != asked:
            raise MismatchError("the helper is not the one that was asked for")
        if edit.kind is EditKind.IMPORT and not _names(new) <= _names(asked):
            raise MismatchError("the import is not the one that was asked for")
        if body and _is_docstring(body[0]) and index == 0:
            raise MismatchError("the docstring would no longer come first")
        self.expected.change(body, index, index, lambda: new)

    def _body(self, edit: Edit, site: Site) -> None:
        node = definition_at(self.tree, site.line)
        if not isinstance(node, _Function):
            raise MismatchError(f"there is no function at line {site.line}")
        new = parse_python(edit.replacement or "").body
        keeps = _is_docstring(node.body[0]) and not _is_docstring(new[0])
        values = Reader().items(new)
        self.expected.change(node.body, int(keeps), len(node.body), lambda: values)
        self.expected.touch(node)
        old = node.body[int(keeps) :]
        if old:
            last = span_of(old[-1])
            assert last is not None
            self.edited.append(((first_line(old[0]), old[0].col_offset), last[1]))

    def _transform(self, site: Site, written: str) -> None:
        start, end = self.lines.span(site)
        self.edited.append((start, end))
        run = self._run(((start[0], 0), end))
        values = Reader().items(parse_python(written).body)
        if self.lines.lines[start[0] - 1][:1] in (" ", "\t"):  # it was read under a class
            values = values[0][3]
        self.expected.change(run.block, run.first, run.last, lambda: values)
        for each in run.block[run.first : run.last]:
            self.expected.touch(each)

    # texts ------------------------------------------------------------------------------------

    def texts(self, written: Lines) -> Opinion:
        """Compare what is outside the sites, token by token."""
        if not self.touched:
            return Opinion()
        window, after = self._windows(written)
        low, high = window[0][0], window[1][0]
        if self.lines.lines[: low - 1] != written.lines[: low - 1]:
            return Opinion("lines before the sites have changed")
        if self.lines.lines[high - 1 :] != written.lines[after[1][0] - 1 :]:
            return Opinion("lines after the sites have changed")
        texts = tokens.outside(self.lines, window, self.edited)
        result = written.text(*after)
        rest = tokens.between(texts, result)
        if rest is not None:  # all of it is there as it was
            old = [each for start, end in self.edited
                   for each in tokens.comments(self.lines.text(start, end), start[0])]  # fmt: skip
            new = [each for text in rest for each in tokens.comments(text, 1)] if old else []
            return Opinion(lost=tuple(tokens.lost(old, new)))
        gone = tokens.missing_token(
            [each for text in texts for each in tokens.tokens(text)], tokens.tokens(result)
        )
        if gone is not None:
            return Opinion(f"`{gone}`, which no edit touches, is no longer there")
        old = tokens.comments(self.lines.text(*window), low)
        return Opinion(lost=tuple(tokens.lost(old, tokens.comments(result, low))))

    def _windows(self, written: Lines) -> tuple[Span, Span]:
        """The lines around all sites in both texts: those of the innermost block that has them."""
        first = min(low for low, _ in self.touched)
        last = max(high for _, high in self.touched)
        count = len(self.lines.lines)
        low, high = 1, count + 1
        block: list[ast.stmt] | None = self.tree.body
        while block:
            inside = [e for e in block if first_line(e) <= last and first <= (e.end_lineno or 0)]
            before = [first_line(each) for each in block if (each.end_lineno or 0) < first]
            after = [first_line(each) for each in block if first_line(each) > last]
            low = max([low, *before[-1:]])
            high = min([high, *after[:1]])
            if len(inside) != 1 or first_line(inside[0]) >= first:
                break
            low = max(low, first_line(inside[0]))
            block = next((each for _, each in blocks(inside[0]) if first_line(each[0]) < first
                          and last <= (each[-1].end_lineno or 0)), None)  # fmt: skip
        moved = len(written.lines) - count
        return ((low, 0), (high, 0)), ((low, 0), (high + moved, 0))


def _is_docstring(node: ast.stmt) -> bool:
    value = getattr(node, "value", None)
    return isinstance(node, ast.Expr) and isinstance(getattr(value, "value", None), str)


def _names(statements: list[Value]) -> set[str]:
    """What import statements import, as comparable texts."""
    found = set()
    for each in statements:
        module = each[1:2] + each[3:] if each[0] == "ImportFrom" else ()
        names = each[2] if each[0] == "ImportFrom" else each[1]
        found |= {repr((module, name)) for name in names}
    return found


def _shown(value: Value) -> str:
    text = _rendered(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def _rendered(value: Value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_rendered, value)) + "]"
    if isinstance(value, tuple):
        return f"{value[0]}(" + ", ".join(map(_rendered, value[1:])) + ")"
    return str(value)


__all__ = ["Opinion", "Place", "check"]
