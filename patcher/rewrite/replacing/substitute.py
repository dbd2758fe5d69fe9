"""Turn matches into splices: the smallest ones that mean what the replacement says.

Pattern and replacement are compared node by node and only what differs is written, so that comments
and line breaks of a site survive. The careful way - the whole site replaced, every expression in
parentheses - says what is meant; the small way is taken only where Python reads both as the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import libcst as cst

from patcher.rewrite.matching.innermost import starts_line
from patcher.rewrite.matching.parts import Node, parts
from patcher.rewrite.matching.spans import element_span
from patcher.rewrite.matching.unify import many_hole, one_hole, same
from patcher.rewrite.replacing.comments import (
    WHOLE_LINE_TAIL,
    below_block,
    below_second_comment,
    comments_of,
    span_with_comments,
    with_block_ends,
)
from patcher.rewrite.replacing.elements import (
    are_listed,
    changed,
    common,
    have_comments,
    in_other_order,
    same_in_other_places,
)
from patcher.rewrite.replacing.fill import Filler, has_lines, is_atomic
from patcher.rewrite.replacing.in_strings import apart, fitted
from patcher.rewrite.replacing.places import (
    CannotReplaceError,
    are_statements,
    deletion,
    is_compound,
    joined,
    need_one_line,
    need_own_lines,
    statements_in,
    takes_comment,
    why_not,
)
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.rewrite.matching.pattern import Pattern
    from patcher.rewrite.matching.search import MatchedSite
    from patcher.rewrite.source import Source

_REPLACEABLE = (
    cst.BaseExpression, cst.BaseSmallStatement, cst.BaseCompoundStatement, cst.Arg, cst.Param,
    cst.WithItem, cst.BaseElement, cst.BaseDictElement, cst.SubscriptElement, cst.ImportAlias,
)  # fmt: skip


def substitute(
    source: Source, sites: Sequence[MatchedSite], pattern: Pattern, template: Pattern
) -> list[Splice]:
    """Splices that turn every site of one region into the template.

    Raises:
        CannotReplaceError: the result would not be Python, or not mean the template.
        OverlapError: sites lie in each other and are both rewritten there.
    """
    if not sites:
        return []
    tree = sites[0].tree
    whole = [_Site(source, each, pattern, fitted(template, each)) for each in sites]
    small = joined(source, (splice for site in whole for splice in site.small()))
    meant = joined(source, (splice for site in whole for splice in site.careful()))
    if small == meant and tree.meaning(source.text, small) is not None:
        return small
    for wrap in (True, False):
        meant = joined(source, (splice for site in whole for splice in site.careful(wrap)))
        reference = tree.meaning(source.text, meant)
        if reference is not None:
            break
    else:
        raise why_not(sites, template, tree.error(source.text, meant))
    if tree.meaning(source.text, small) == reference:
        return small
    return _fewest_parentheses(source, whole, reference) or meant


def _fewest_parentheses(source: Source, sites: list[_Site], meant: str) -> list[Splice] | None:
    """Whole sites replaced, each parenthesis dropped that the meaning does not need."""
    tree = sites[0].site.tree

    def splices() -> list[Splice]:
        return joined(source, (splice for each in sites for splice in each.careful()))

    for site in sites:
        for option in (None, *(hole.start for hole in site.template.holes)):
            site.bare.add(option)
            if tree.meaning(source.text, splices()) != meant:
                site.bare.discard(option)
    return splices() if tree.meaning(source.text, splices()) == meant else None


@dataclass
class _Site:
    source: Source
    site: MatchedSite
    pattern: Pattern
    template: Pattern
    bare: set[int | None] = field(default_factory=set)
    """Template offsets of holes that go without parentheses; None is the replacement itself."""

    def small(self) -> list[Splice]:
        """Only what differs between pattern and template."""
        all_bare = {None, *(hole.start for hole in self.template.holes)}
        self.bare, kept = all_bare, self.bare
        try:
            if self.site.block is None:
                pattern, template = self.pattern.expression, self.template.expression
                assert pattern is not None
                assert template is not None
                return self._spaced(self._node(pattern, template))
            return self._run(self.pattern.body, self.template.body, deep=True)
        finally:
            self.bare = kept

    def careful(self, wrap: bool = True) -> list[Splice]:
        """All of the site, every expression in parentheses but those in ``bare``."""
        if self.site.block is not None:
            return self._run(self.pattern.body, self.template.body, deep=False)
        template = self.template.expression
        assert template is not None
        wrap = wrap and None not in self.bare
        return self._spaced([self._expression(self.site.nodes[0], template, wrap)])

    def _spaced(self, splices: list[Splice]) -> list[Splice]:
        return apart(self.source, splices) if self.site.fields else splices

    # expressions ------------------------------------------------------------------------------

    def _expression(self, node: Node, template: Node, wrap: bool) -> Splice:
        """One expression in place of another; a site's own parentheses stay, mostly."""
        own = bool(getattr(node, "lpar", ())) and not isinstance(node, cst.Tuple | cst.GeneratorExp)
        has_own = own and not takes_comment(self.source, self.site, self.template, node)
        span = self.site.tree.inner(node) if has_own else self.site.tree.outer(node)
        text = self._fill(template, span[0])
        loose = not is_atomic(template) or isinstance(template, cst.Tuple) or has_lines(text)
        return Splice(*span, f"({text})" if wrap and not has_own and loose else text)

    def _fill(self, template: Node, at: int) -> str:
        return self._fill_run([template], at)

    def _fill_run(self, nodes: Sequence[Node], at: int, comments: bool = False) -> str:
        """Text of neighbouring template nodes for the place ``at``."""
        return self._filler({}).fill(*self._text_span(nodes, comments), self.source.indent(at))

    def _filler(self, kept: dict[Node, tuple[Node, ...]], limit: int | None = None) -> Filler:
        start = self.site.span[0]
        bare = {each for each in self.bare if each is not None}
        return Filler(
            self.source, self.site.tree, self.template, self.site.match.bound,
            start if limit is None else limit, kept, bare,
        )  # fmt: skip

    def _text_span(self, nodes: Sequence[Node], comments: bool) -> tuple[int, int]:
        """Where neighbouring nodes stand in the template."""
        start = element_span(self.template.tree, nodes[0])[0]
        end = element_span(self.template.tree, nodes[-1])[1]
        if comments:
            return span_with_comments(self.template.text, start, end)
        return start, end

    def _node(self, pattern: Node, template: Node) -> list[Splice]:
        """Splices for one node: inside it where that is enough, else all of it."""
        inside = self._inside(pattern, template)
        if inside is not None:
            return inside
        (node,) = self.site.match.paired[pattern]
        if isinstance(node, cst.BaseExpression):
            return [self._expression(node, template, wrap=False)]
        if isinstance(node, cst.BaseSmallStatement | cst.BaseCompoundStatement):
            return [self._replace_run([node], [template], [pattern])]
        span = element_span(self.site.tree, node)
        return [Splice(*span, self._fill(template, span[0]))]

    def _inside(self, pattern: Node, template: Node) -> list[Splice] | None:
        """Splices below a pair of nodes; None when the nodes themselves differ."""
        for hole in (one_hole, many_hole):
            if hole(pattern) is not None or hole(template) is not None:
                return [] if hole(pattern) == hole(template) else None
        if type(pattern) is not type(template):
            return None
        splices: list[Splice] = []
        for (name, old), (_, new) in zip(parts(pattern), parts(template), strict=True):
            below = self._async(pattern, new) if name == "asynchronous" else self._part(old, new)
            if below is None:
                return None
            splices += below
        return splices

    def _async(self, pattern: Node, new: Node | None) -> list[Splice] | None:
        """Write or remove the word alone."""
        (node,) = self.site.match.paired[pattern]
        word = getattr(node, "asynchronous", None)
        if (word is None) == (new is None):
            return []
        if isinstance(word, Node):
            return [Splice(*self.site.tree.whole(word), "")]
        start = self.site.tree.inner(node)[0]
        return None if isinstance(node, cst.CompFor) else [Splice(start, start, "async ")]

    def _part(self, old: Any, new: Any) -> list[Splice] | None:
        if isinstance(old, Node) and isinstance(new, Node):
            return self._pair(old, new)
        if isinstance(old, list | tuple) and isinstance(new, list | tuple):
            if old and new and are_statements(old):
                return self._run(old, new, deep=True) if self._can_run(old) else None
            return self._list(old, new)
        return [] if old == new else None

    def _list(self, old: Sequence[Any], new: Sequence[Any]) -> list[Splice] | None:
        """Elements of a list: in pairs, or what is inserted or removed between equal ones."""
        nodes = all(isinstance(each, Node) for each in (*old, *new))
        if not nodes:
            return [] if old == new else None
        if len(old) == len(new):
            if self._change_places(old, new):
                of = self._targets(old)
                return in_other_order(self.source, self.site.tree, of, (old, new), self._fill)
            return self._pairs(old, new)
        only_removed = bool(old) and isinstance(old[0], cst.Decorator)
        if not old or not (new or only_removed) or not are_listed([*old, *new]):
            return None
        if not self._can_run(old):
            return None
        head, tail = common(old, new)
        before, after = self._targets(old[:head]), self._targets(old[len(old) - tail :])
        removed, added = self._targets(old[head : len(old) - tail]), new[head : len(new) - tail]
        tree = self.site.tree
        if not (removed or before or after):
            return None
        at = element_span(tree, (removed or before[-1:] or after)[0])[0]
        text = self._fill_run(added, at) if added else ""
        return changed(self.source, tree, removed, (before, after), text)

    def _change_places(self, old: Sequence[Node], new: Sequence[Node]) -> bool:
        """Whether elements with comments do: these move with them."""
        if not are_listed([*old, *new]) or not self._can_run(old):
            return False
        if not same_in_other_places(old, new):
            return False
        nodes = self._targets(old)
        return len(nodes) == len(old) and have_comments(self.source, self.site.tree, nodes)

    def _pairs(self, old: Sequence[Node], new: Sequence[Node]) -> list[Splice] | None:
        """Splices for nodes one by one; None when that is not enough for one of them."""
        pairs = [self._pair(each, other) for each, other in zip(old, new, strict=True)]
        result = [pair for pair in pairs if pair is not None]
        return [splice for pair in result for splice in pair] if len(result) == len(pairs) else None

    def _pair(self, old: Node, new: Node) -> list[Splice] | None:
        below = self._inside(old, new)
        if below is not None:
            return below
        if isinstance(old, _REPLACEABLE) and isinstance(new, _REPLACEABLE):
            return self._node(old, new) if len(self.site.match.paired.get(old, ())) == 1 else None
        return None

    # statements -------------------------------------------------------------------------------

    def _can_run(self, old: Sequence[Node]) -> bool:
        return all(each in self.site.match.paired for each in old)

    def _targets(self, pattern: Sequence[Node]) -> list[Node]:
        """The source's statements that a run of pattern statements matched."""
        return [node for each in pattern for node in self.site.match.paired[each]]

    def _run(self, old: Sequence[Node], new: Sequence[Node], deep: bool) -> list[Splice]:
        """Turn a run of statements into another: what is equal at both ends stays."""
        if deep and len(old) == len(new) and not self._moves(old, new):
            small = self._pairs(old, new)
            if small is not None:
                return small
        head, tail = common(old, new)
        removed = self._targets(old[head : len(old) - tail])
        added = list(new[head : len(new) - tail])
        if removed and added:
            return [self._replace_run(removed, added, old[head : len(old) - tail])]
        if removed:
            return [deletion(self.source, self.site, removed)]
        if not added:
            return []
        before = self._targets(old[:head])
        if before:
            return [self._insert_after(before[-1], added)]
        after = self._targets(old[len(old) - tail :])
        if after:
            return [self._insert_before(after[0], added)]
        raise CannotReplaceError("there is no statement to put it beside")

    def _moves(self, old: Sequence[Node], new: Sequence[Node]) -> bool:
        """Whether the template says something that only whole statements can: comments, order."""
        if self.template.has_comments:
            return True
        return same_in_other_places(old, new)

    def _replace_run(self, removed: list[Node], added: list[Node], of: Sequence[Node]) -> Splice:
        """Statements in place of others; what stays of them takes its comments along.

        Args:
            of: the pattern's statements for those that go.
        """
        tree, source = self.site.tree, self.source
        start, end = element_span(tree, removed[0])[0], element_span(tree, removed[-1])[1]
        kept = self._kept(of, added)
        span, indent = self._text_span(added, True), source.block_indent(start)
        filler = self._filler(kept, start)  # the comments above stay there
        text = filler.fill(*span, indent).rstrip("\r\n")
        carried = filler.carried
        if not text.strip():
            return deletion(source, self.site, removed)
        if has_lines(text) or is_compound(added):
            need_own_lines(self.source, start, end)
        moved = [*carried, *self._held()]  # perhaps to another place of the replacement
        if removed[0] in moved and carried[:1] != [removed[0]]:  # its comments move with it
            above = comments_of(source, start)
            limit = min(above, self.site.span[0])
            text = self._filler(kept, limit).fill(*span, indent).rstrip("\r\n")
            if above < source.line_start(start):
                start, text = above, indent + text
        last = [each for each in moved if element_span(tree, each)[1] == end]
        end = max([end, *map(filler.end_of, last)])
        end = below_second_comment(source, end, text)
        if not is_compound(added[-1:]):
            end, text = with_block_ends(source, end, text, indent)
        return Splice(start, end, text)

    def _held(self) -> list[Node]:
        """The statements that holes of the replacement hold: their comments go with them."""
        bound = [self.site.match.bound.get(hole.name, ()) for hole in self.template.holes]
        return [each for nodes in bound for each in nodes if are_statements([each])]

    def _kept(self, of: Sequence[Node], added: Sequence[Node]) -> dict[Node, tuple[Node, ...]]:
        """The template's statements that the pattern has too, and what they are in the source."""
        unused = [each for each in statements_in(of) if each in self.site.match.paired]
        result: dict[Node, tuple[Node, ...]] = {}
        for each in statements_in(added):
            if many_hole(each) is not None or one_hole(each) is not None:
                continue
            equal = next((other for other in unused if same(each, other)), None)
            if equal is not None:
                unused.remove(equal)
                result[each] = self.site.match.paired[equal]
        return result

    def _insert_before(self, anchor: Node, added: list[Node]) -> Splice:
        start = element_span(self.site.tree, anchor)[0]
        text = self._block(added, start)
        line = self.source.line_start(start)
        indent = self.source.text[line:start]
        if starts_line(self.source, start):
            if start > self.site.span[0]:  # the comments above it are the site's, too
                line = comments_of(self.source, start)
            return Splice(line, line, indent + text + self.source.newline if text.strip() else "")
        need_one_line(text, is_compound(added))
        return Splice(start, start, text + "; ")

    def _insert_after(self, anchor: Node, added: list[Node]) -> Splice:
        start, end = element_span(self.site.tree, anchor)
        text = self._block(added, start)
        if not text.strip():
            return Splice(end, end, "")
        line = self.source.line_start(start)
        indent = self.source.text[line:start]
        tail = WHOLE_LINE_TAIL.match(self.source.text, end)
        if not starts_line(self.source, start) or tail is None:
            need_one_line(text, is_compound(added))
            return Splice(end, end, "; " + text)
        newline = self.source.newline
        if tail[0].endswith(("\n", "\r")):
            at = below_block(self.source, tail.end(), indent)
            return Splice(at, at, indent + text + newline)
        return Splice(tail.end(), tail.end(), newline + indent + text)

    def _block(self, added: list[Node], at: int) -> str:
        return self._fill_run(added, at, comments=True).rstrip("\r\n")
