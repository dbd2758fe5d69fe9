"""Replacement text: a template's piece with its holes filled by what they matched, as written.

What a hole matched is copied from the source, comments and line breaks included. Statements move to
the template's indentation line by line; lines that start inside a string are never moved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import libcst as cst

from patcher.patchfile.holes import Hole, has_comments, string_spans
from patcher.rewrite.matching.parts import children, statements
from patcher.rewrite.matching.pattern import ATOMIC, Pattern
from patcher.rewrite.matching.spans import element_span
from patcher.rewrite.matching.unify import many_hole
from patcher.rewrite.replacing.comments import comments_of, end_with_comments

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from patcher.rewrite.matching.parts import Node
    from patcher.rewrite.matching.tree import ParsedLines
    from patcher.rewrite.source import Source

_STATEMENT = (cst.BaseSmallStatement, cst.BaseCompoundStatement)
_GAP = re.compile(r"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*[ \t\f]*")
_WITH = re.compile(r"\bwith\s*\Z")
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Filler:
    """Fills one template for one match.

    Attributes:
        bound: nodes by hole name.
        kept: statements of the template that are in the source as well, and the nodes there.
        limit: offset before which no comment belongs to a captured statement.
        bare: offsets (in the template) of holes whose expressions go without parentheses.
    """

    source: Source
    tree: ParsedLines
    template: Pattern
    bound: Mapping[str, tuple[Node, ...]]
    limit: int
    kept: Mapping[Node, tuple[Node, ...]] = field(default_factory=dict)
    bare: Collection[int] = ()
    carried: list[Node] = field(default_factory=list)
    """Statements of the source that were written, in order: their comments went with them."""

    def fill(self, start: int, end: int, indent: str) -> str:
        """The template's text from ``start`` to ``end`` for a place indented by ``indent``.

        The first line comes without indentation, the others with it.
        """
        text = self.template.text
        first_line = text.rfind("\n", 0, start) + 1
        own = re.compile(r"[ \t]*").match(text, first_line)
        outer = own[0] if own else ""
        strings = string_spans(text)
        whole = {element_span(self.template.tree, node)[0]: node for node in self.kept}
        lines: list[str] = []
        at = start
        while at < end:
            opening = not any(lines)  # a hole that holds nothing leaves no line
            stop = text.find("\n", at, end)
            stop = end if stop < 0 else stop + 1
            first = at + len(text[at:stop]) - len(text[at:stop].lstrip(" \t"))
            node = whole.get(first)
            last = element_span(self.template.tree, node)[1] if node is not None else 0
            alone = text[last : text.find("\n", last) + 1 or len(text)].strip() == ""
            if node is not None and last <= end and alone:
                spaces = text[at:first].removeprefix(outer)
                base = indent if at == start else indent + self._unit(spaces)
                stop = min(end, text.find("\n", last, end) + 1 or end)
                ending = "\n" if text[last:stop].endswith("\n") else ""
                lines.append(self._statements(self.kept[node], base, opening) + ending)
                at = stop
                continue
            inside = any(low < at < high for low, high in strings)
            line = text[at:stop]
            if at == start:
                lead, base = "", indent
            elif inside:
                lead, base = "", ""
            else:
                line_indent = line[: len(line) - len(line.lstrip(" \t"))]
                base = indent + self._unit(line_indent.removeprefix(outer))
                lead, line = "" if opening else base, line.removeprefix(line_indent)
            lines.append(self._line(line, stop - len(line), lead, base, opening))
            at = stop
        filled = "".join(lines)
        newline = self.source.newline
        return filled if newline == "\n" else re.sub(r"(?<!\r)\n", newline, filled)

    @cached_property
    def _passes(self) -> frozenset[int]:
        """Template offsets of holes that stand for `pass`: all there is in their block."""
        result = set()
        for block in _blocks(self.template.body):
            names = [many_hole(each) for each in block]
            if all(name is not None and not self.bound.get(name, ()) for name in names):
                result.add(element_span(self.template.tree, block[0])[0])
        return frozenset(result)

    def _unit(self, spaces: str) -> str:
        """A template's indentation in the file's own unit."""
        unit = self.tree.module.default_indent
        step = self.template.tree.module.default_indent
        if unit == step or not step or len(spaces) % len(step):
            return spaces
        return unit * (len(spaces) // len(step))

    def _line(self, line: str, offset: int, lead: str, base: str, first: bool) -> str:
        """One template line with its holes filled; ``offset`` is where it starts."""
        result = [h for h in self.template.holes if offset <= h.start < offset + len(line)]
        if not result:
            return lead + line if line.strip() else line
        if len(result) == 1 and line.strip() == str(result[0]):
            nodes = self.bound[result[0].name]
            if not nodes and result[0].many:
                empty = result[0].start in self._passes
                return lead + line.replace(str(result[0]), "pass") if empty else ""
            if isinstance(nodes[0], _STATEMENT):
                ending = "\n" if line.endswith("\n") else ""
                return self._statements(nodes, base, first) + ending
        if len(result) == 1 and line.strip() == f"@{result[0]}" and result[0].many:
            nodes = self.bound[result[0].name]
            ending = "\n" if line.endswith("\n") else ""
            return self._statements(nodes, base, first) + ending if nodes else ""
        pieces, last = [], 0
        for hole in result:
            before, after = hole.start - offset, hole.end - offset
            pieces.append(line[last:before])
            value = self._inline(hole, base)
            if value == "" and hole.many:
                rest = re.compile(r"\s*,\s*").match(line, after)
                if rest:
                    after = rest.end()
                else:
                    pieces[-1] = re.sub(r",\s*\Z", "", pieces[-1])
            pieces.append(value)
            last = after
        return lead + "".join([*pieces, line[last:]])

    def _inline(self, hole: Hole, indent: str) -> str:
        nodes = self.bound[hole.name]
        if not nodes:
            return "pass" if hole.start in self._passes else ""
        if hole.many and isinstance(nodes[0], cst.BaseSmallStatement):
            spans = ((self.start(each), self.end(each)) for each in nodes)
            return "; ".join(self._moved(*span, indent) for span in spans)
        if hole.many:
            text = self._moved(*self._all_between_brackets(hole, nodes), indent)
            text = text if self._is_in_brackets(hole) else _on_one_line(text)
            value = nodes[0].value if len(nodes) == 1 and isinstance(nodes[0], cst.Arg) else None
            bare = isinstance(value, cst.GeneratorExp) and not value.lpar
            return f"({text})" if bare and hole.start not in self.bare else text
        if isinstance(nodes[0], cst.Expr):
            nodes = (nodes[0].value,)
        start, end = self.tree.outer(nodes[0])
        text = self._moved(start, end, indent)
        if isinstance(nodes[0], cst.Tuple) and not nodes[0].lpar and self._is_item(hole):
            text = f"({text})"  # `with (a, b):` would be two items
        loose = not is_atomic(nodes[0]) or isinstance(nodes[0], cst.Tuple) or has_lines(text)
        wrap = isinstance(nodes[0], cst.BaseExpression) and loose
        return f"({text})" if wrap and hole.start not in self.bare else text

    def _is_in_brackets(self, hole: Hole) -> bool:
        """Whether lines may end beside a hole of the template."""
        text, depth = self.template.text, 0
        strings = string_spans(text)
        for at, character in enumerate(text[: hole.start]):
            if not any(low <= at < high for low, high in strings):
                depth += (character in "([{") - (character in ")]}")
        return depth > 0

    def _is_item(self, hole: Hole) -> bool:
        """Whether a hole of the template is all that stands between `with` and its colon."""
        text = self.template.text
        before = _WITH.search(text[: hole.start])
        return before is not None and text[hole.end :].lstrip().startswith(":")

    def _all_between_brackets(self, hole: Hole, nodes: tuple[Node, ...]) -> tuple[int, int]:
        """Span of list elements; with the lines around them when both lists hold nothing else."""
        start, end = self.start(nodes[0]), self.end(nodes[-1])
        template, text = self.template.text, self.source.text
        if not (template[: hole.start].endswith("(") and template[hole.end :].startswith(")")):
            return start, end
        opening = re.compile(r"\((?:\s|#[^\r\n]*[\r\n])*\Z").search(text[:start])
        closing = re.compile(r"(?:\s|,|#[^\r\n]*[\r\n])*(?=\))").match(text, end)
        if opening is None or closing is None:
            return start, end
        return opening.start() + 1, closing.end()

    def _moved(self, start: int, end: int, indent: str) -> str:
        """Source text whose further lines move with the site."""
        source = self.source
        text = source.text[start:end]
        own = source.statement_indent(start) if has_lines(text) else indent
        if own == indent or not has_lines(text):
            return text
        first, moved = source.position(start)[0], []
        for number, line in enumerate(_LINES.findall(text), first):
            keep = number == first or number in source.string_lines or not line.startswith(own)
            moved.append(line if keep else indent + line.removeprefix(own))
        return "".join(moved)

    def start(self, node: Node) -> int:
        return element_span(self.tree, node)[0]

    def end(self, node: Node) -> int:
        return element_span(self.tree, node)[1]

    def end_of(self, node: Node) -> int:
        """Where a statement ends with the comments that are its own."""
        end, indent = self.end(node), self.source.block_indent(self.start(node))
        return end_with_comments(self.source, end, indent)

    def _statements(self, nodes: tuple[Node, ...], indent: str, first: bool) -> str:
        """Captured statements with their comments, moved to ``indent``.

        A comment on a line of its own belongs to the statement below it or ends a block above it,
        one behind a statement belongs to that. What stands between two statements that stay
        neighbours stays between them.

        Args:
            first: their first line comes without its indentation.
        """
        source = self.source
        start, end = self.start(nodes[0]), self.end_of(nodes[-1])
        line_start = source.line_start(start)
        before = self.end_of(self.carried[-1]) if self.carried else None
        self.carried.extend(nodes)
        first_line = source.position(start)[0]
        shares = bool(source.text[line_start:start].strip())
        shares = shares or (first_line > 1 and source.continues(first_line - 1))
        own = source.block_indent(start) if shares else source.indent(start)
        start = start if shares else comments_of(source, start, self.limit)
        if not first and not shares and before is not None and before < line_start:
            gap = _GAP.fullmatch(source.text, before, line_start)
            start = source.line_end(before) if gap else start
        lines, number = [], source.position(start)[0]
        for at, line in enumerate(_LINES.findall(source.text[start:end]), number):
            keep = at in source.string_lines or not line.startswith(own)
            keep = keep or (shares and at == number)  # what is left of it is elsewhere
            lines.append(line if keep else indent + line.removeprefix(own))
        text = ("" if not shares else indent) + "".join(lines)
        return text.removeprefix(indent) if first else text


def _blocks(nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """The statements of every block below some nodes."""
    for node in nodes:
        if isinstance(node, cst.BaseSuite):
            yield statements(node)
        yield from _blocks([below for _, below in children(node)])


def _on_one_line(text: str) -> str:
    """Elements that stand in no brackets, such as names of an import; comments keep their lines."""
    if has_comments(text) or any(has_lines(text[low:high]) for low, high in string_spans(text)):
        return text
    return re.sub(r"[ \t\f]*[\r\n]\s*", " ", text).strip().removesuffix(",")


def has_lines(text: str) -> bool:
    """Whether a text is of several lines; a lone CR ends one, too."""
    return "\n" in text or "\r" in text


def is_atomic(node: Node) -> bool:
    """Whether an expression needs no parentheses wherever it stands (its own count)."""
    return isinstance(node, ATOMIC) or bool(getattr(node, "lpar", ()))
