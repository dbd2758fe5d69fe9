"""Which lines of a file an edit looks at; each is parsed by LibCST at most once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.rewrite.matching.innermost import innermost, together
from patcher.rewrite.matching.search import Region, region
from patcher.rewrite.matching.tree import ParsedLines, RoundTripError
from patcher.rewrite.matching.unify import Matcher, many_hole
from patcher.rewrite.source import Definition, Source, within_matches

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

    from patcher.rewrite.matching.pattern import Pattern


class File:
    """A source file being planned: its trees and what the matcher learned of them."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.matcher = Matcher()
        self._trees: dict[tuple[int, int], ParsedLines] = {}

    def tree(self, first: int, last: int) -> ParsedLines:
        """The tree of whole lines ``first`` to ``last``.

        Raises:
            PatcherError: ``unsupported-source`` when LibCST does not print what it read.
        """
        while first > 1 and self.source.continues(first - 1):
            first -= 1
        if (first, last) not in self._trees:
            start, end = self.source.lines(first, last)
            try:
                tree = ParsedLines(self.source.text[start:end], start, self.source.newline)
            except RoundTripError as error:
                raise self.source.refuse(f"lines {first} to {last}: {error}") from None
            except RecursionError:
                raise self.source.refuse("it is nested too deep") from None
            self._trees[(first, last)] = tree
        return self._trees[(first, last)]

    def whole(self) -> ParsedLines:
        """The whole file but for blank lines at its end, which LibCST does not always print."""
        return self.tree(1, self.source.position(len(self.source.text.rstrip()))[0])

    def definitions(self, within: str, decorated: str | None = None) -> list[Definition]:
        """Definitions that `within` names, those inside another of them left out.

        Args:
            decorated: a decorator they must carry; empty for none; None does not ask.
        """
        import ast

        if decorated is not None:
            expected = ast.dump(ast.parse(decorated, mode="eval").body) if decorated else ""
            named = [
                (e, [ast.dump(d) for d in e.node.decorator_list]) for e in self.definitions(within)
            ]
            return [each for each, have in named if expected in have or not (expected or have)]
        result: list[Definition] = []
        for each in self.source.definitions:
            inside = any(other.first <= each.first and each.last <= other.last for other in result)
            if within_matches(within, each.name) and not inside:
                result.append(each)
        return result

    def definition(self, definition: Definition) -> Region:
        tree = self.tree(definition.first, definition.last)
        return region(tree, may_empty=not self._is_only_child(definition))

    def regions(
        self,
        within: str | None,
        patterns: Iterable[Pattern],
        *,
        expressions: bool = False,
        decorated: str | None = None,
    ) -> list[Region]:
        """Where to look for any of some patterns.

        Args:
            expressions: they stand for expressions, of which each lies in one statement: the
                innermost ones that may hold them will do.
        """
        with_body = [pattern for pattern in patterns if pattern.body]
        if within == "<module>":
            return [region(self.whole(), may_empty=True, top_only=True)]
        if expressions and with_body:
            nodes: list[ast.stmt] = (
                self.source.tree.body
                if within is None
                else [each.node for each in self.definitions(within, decorated)]
            )
            spans = innermost(self.source, nodes, lambda text: self._holds(with_body, text))
            return [region(self.tree(first, last), may_empty=True) for first, last in spans]
        if within is not None:
            return [self.definition(each) for each in self.definitions(within, decorated)]
        if any(len(each.body) > 1 or many_hole(each.body[0]) is not None for each in with_body):
            return [region(self.whole(), may_empty=True)] if self._may_hold(with_body) else []
        return [
            region(self.tree(first, last), may_empty=True)
            for first, last in self._statements()
            if self._may_hold(with_body, first, last)
        ]

    def _may_hold(self, patterns: list[Pattern], first: int = 1, last: int | None = None) -> bool:
        start, end = self.source.lines(first, last or len(self.source.starts))
        return not patterns or self._holds(patterns, self.source.text[start:end])

    @staticmethod
    def _holds(patterns: list[Pattern], text: str) -> bool:
        """Whether a text has all the words of one of the patterns."""
        return any(all(word in text for word in pattern.words) for pattern in patterns)

    def _statements(self) -> list[tuple[int, int]]:
        """Lines of each statement of the top level; those that share a line together."""
        return [(first, last) for first, last, _ in together(self.source, self.source.tree.body)]

    def _is_only_child(self, definition: Definition) -> bool:
        import ast

        for node in ast.walk(self.source.tree):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if isinstance(block, list) and definition.node in block:
                    return len(block) == 1 and not isinstance(node, ast.Module)
        return False
