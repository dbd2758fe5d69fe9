"""Replacement text: a template's piece with its holes filled by what they matched, as written.

What a hole matched is copied from the source, comments and line breaks included. Statements move to
the template's indentation line by line; lines that start inside a string are never moved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from patcher.patchfile.holes import Hole, string_spans
from patcher.rewrite.matching.pattern import ATOMIC, Pattern
from patcher.rewrite.matching.spans import element_span

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from patcher.rewrite.matching.tree import Tree
    from patcher.rewrite.matching.unify import Node
    from patcher.rewrite.source import Source

_STATEMENT = (cst.BaseSmallStatement, cst.BaseCompoundStatement)
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class Filler:
    """Fills one template for one match.

    Attributes:
        bound: nodes by hole name.
        limit: offset before which no comment belongs to a captured statement.
        bare: offsets (in the template) of holes whose expressions go without parentheses.
        pass_for_empty: write `pass` for a hole that matched no statements.
    """

    source: Source
    tree: Tree
    template: Pattern
    bound: Mapping[str, tuple[Node, ...]]
    limit: int
    bare: Collection[int] = ()
    pass_for_empty: bool = False

    def fill(self, start: int, end: int, indent: str) -> str:
        """The template's text from ``start`` to ``end`` for a place indented by ``indent``.

        The first line comes without indentation, the others with it.
        """
        text = self.template.text
        first_line = text.rfind("\n", 0, start) + 1
        own = re.compile(r"[ \t]*").match(text, first_line)
        outer = own[0] if own else ""
        strings = string_spans(text)
        lines: list[str] = []
        at = start
        while at < end:
            stop = text.find("\n", at, end)
            stop = end if stop < 0 else stop + 1
            inside = any(low < at < high for low, high in strings)
            line = text[at:stop]
            if at == start:
                lead, base = "", indent
            elif inside:
                lead, base = "", ""
            else:
                line_indent = line[: len(line) - len(line.lstrip(" \t"))]
                base = indent + self._unit(line_indent.removeprefix(outer))
                lead, line = base, line.removeprefix(line_indent)
            lines.append(self._line(line, stop - len(line), lead, base))
            at = stop
        filled = "".join(lines)
        newline = self.source.newline
        return filled if newline == "\n" else re.sub(r"(?<!\r)\n", newline, filled)

    def _unit(self, spaces: str) -> str:
        """A template's indentation in the file's own unit."""
        unit = self.tree.module.default_indent
        step = self.template.tree.module.default_indent
        if unit == step or not step or len(spaces) % len(step):
            return spaces
        return unit * (len(spaces) // len(step))

    def _line(self, line: str, offset: int, lead: str, base: str) -> str:
        """One template line with its holes filled; ``offset`` is where it starts."""
        found = [h for h in self.template.holes if offset <= h.start < offset + len(line)]
        if not found:
            return lead + line if line.strip() else line
        if len(found) == 1 and line.strip() == str(found[0]):
            nodes = self.bound[found[0].name]
            if not nodes and found[0].many:
                return lead + line.replace(str(found[0]), "pass") if self.pass_for_empty else ""
            if isinstance(nodes[0], _STATEMENT):
                ending = "\n" if line.endswith("\n") else ""
                return lead + self._statements(nodes, base) + ending
        if len(found) == 1 and line.strip() == f"@{found[0]}" and found[0].many:
            nodes = self.bound[found[0].name]
            ending = "\n" if line.endswith("\n") else ""
            return lead + self._statements(nodes, base) + ending if nodes else ""
        pieces, last = [], 0
        for hole in found:
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
            return ""
        if hole.many:
            return self._moved(*self._all_between_brackets(hole, nodes), indent)
        start, end = self.tree.outer(nodes[0])
        text = self._moved(start, end, indent)
        wrap = isinstance(nodes[0], cst.BaseExpression) and not is_atomic(nodes[0])
        return f"({text})" if wrap and hole.start not in self.bare else text

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
        """Source text whose further lines move with the line it starts on."""
        source = self.source
        text, own = source.text[start:end], source.indent(start)
        if own == indent or not ("\n" in text or "\r" in text):
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

    def _statements(self, nodes: tuple[Node, ...], indent: str) -> str:
        """Captured statements, the first line without its indentation, moved to ``indent``."""
        source = self.source
        start, end = self.start(nodes[0]), self.end(nodes[-1])
        line_start = source.line_start(start)
        if source.text[line_start:start].strip():
            return source.text[start:end]
        own = source.text[line_start:start]
        start = self._with_comments(line_start, own)
        tail = re.compile(r"[ \t\f]*(?:#[^\r\n]*)?(?=\r|\n|\Z)").match(source.text, end)
        end = tail.end() if tail else end
        if own == indent:
            return source.text[start:end].removeprefix(own)
        return self._moved(start + len(own), end, indent)

    def _with_comments(self, line_start: int, own: str) -> int:
        """Where the comments that stand right above a statement start."""
        source = self.source
        while line_start > self.limit:
            above = source.line_start(line_start - 1)
            line = source.text[above:line_start]
            if above < self.limit or not line.startswith(own + "#"):
                break
            line_start = above
        return line_start


def is_atomic(node: Node) -> bool:
    """Whether an expression needs no parentheses wherever it stands (its own count)."""
    return isinstance(node, ATOMIC) or bool(getattr(node, "lpar", ()))
