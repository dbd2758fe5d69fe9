"""Two versions of a source file, compared statement by statement: edits that say the difference.

Compared is down to the innermost block that differs. What comes out says the same code; whether it
gives the same bytes is for the caller to see.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from patcher.patchfile.holes import PatternError
from patcher.patchfile.model import Edit, EditKind, EditStatus, Expect
from patcher.rewrite.authoring import similarity as shapes
from patcher.rewrite.file import WRITABLE, rewrite_file
from patcher.rewrite.source import Source

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_MOST_NEIGHBOURS = 6


def statement_edits(path: str, before: bytes, after: bytes) -> Iterator[list[Edit]]:
    """Ways to say the difference between two versions by their statements, the best first.

    Replaying each gives code that is equal to ``after``, in all but comments and white space.

    Raises:
        PatcherError: ``unsupported-source`` when one of them is not Python.
    """
    old, new = Source(path, before), Source(path, after)
    goal = ast.dump(new.tree)
    if ast.dump(old.tree) == goal:
        return
    differ = _Differ(path, old, new)
    for attempt in (differ.repeated, differ.edits, differ.bodies):
        try:
            collected = attempt()
        except _CannotSayError:
            continue
        result = _rewritten(path, before, collected) if collected else None
        if result is not None and ast.dump(Source(path, result).tree) == goal:
            yield collected


def _rewritten(path: str, before: bytes, edits: list[Edit]) -> bytes | None:
    try:
        return rewrite_file(path, before, edits, {}).content
    except PatternError:  # a name that holes have taken
        return None


class _CannotSayError(Exception):
    """No edit says this change."""


@dataclass(frozen=True)
class _BlockChange:
    """``old[i:j]`` became ``new[k:l]``, two blocks of one definition."""

    within: str
    old: list[ast.stmt]
    i: int
    j: int
    new: list[ast.stmt]
    k: int
    l: int  # noqa: E741

    def wider(self, before: bool) -> _BlockChange | None:
        """The change with one equal neighbour more."""
        if before:
            return replace(self, i=self.i - 1, k=self.k - 1) if self.i and self.k else None
        if self.j < len(self.old) and self.l < len(self.new):
            return replace(self, j=self.j + 1, l=self.l + 1)
        return None


class _Differ:
    def __init__(self, path: str, old: Source, new: Source) -> None:
        self.path, self.old, self.new = path, old, new
        self.before = old.encode(old.text)
        self.several = False

    def edits(self) -> list[Edit]:
        """The smallest edits, block by block."""
        return list(self._blocks(self.old.tree.body, self.new.tree.body, "<module>"))

    def repeated(self) -> list[Edit]:
        """The same, where equal changes of one definition become one edit that expects them all."""
        self.several = True
        try:
            result = self.edits()
        finally:
            self.several = False
        for edit in result:
            if result.count(edit) != edit.expect.high:
                raise _CannotSayError
        return list(dict.fromkeys(result))

    def bodies(self) -> list[Edit]:
        """Whole bodies of the functions that differ."""
        names = [each.name for each in (*self.old.definitions, *self.new.definitions)]
        new = {e.name: e.node for e in self.new.definitions if names.count(e.name) == 2}
        result: list[Edit] = []
        for each in self.old.definitions:
            other = new.get(each.name)
            if isinstance(each.node, _Function) and isinstance(other, _Function):
                if ast.dump(each.node) == ast.dump(other):
                    continue
                new_body = other.body
                if ast.get_docstring(each.node, False) == ast.get_docstring(other, False):
                    new_body = new_body[ast.get_docstring(other, False) is not None :]
                text = self._text(self.new, new_body)
                if any(each.name.startswith(f"{edit.within}.") for edit in result):
                    continue
                result.append(Edit(self.path, EditKind.BODY, each.name, None, text))
        return result

    # comparing --------------------------------------------------------------------------------

    def _blocks(self, old: list[ast.stmt], new: list[ast.stmt], within: str) -> Iterable[Edit]:
        left, right = shapes.keys(old), shapes.keys(new)
        matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
        for tag, i, j, k, l in matcher.get_opcodes():  # noqa: E741
            if tag == "equal":
                for a, b in zip(range(i, j), range(k, l), strict=True):
                    if ast.dump(old[a]) != ast.dump(new[b]):
                        yield from self._inside(_BlockChange(within, old, a, a + 1, new, b, b + 1))
            elif tag == "replace" and j - i == l - k:
                pairs = zip(old[i:j], new[k:l], strict=True)
                same_shape = [shapes.shape(one) == shapes.shape(other) for one, other in pairs]
                step = 0
                for same, run in itertools.groupby(same_shape):
                    more = len(list(run))
                    a, b, step = i + step, k + step, step + more
                    if not same:
                        yield self._edit(_BlockChange(within, old, a, a + more, new, b, b + more))
                        continue
                    for at in range(more):
                        yield from self._inside(
                            _BlockChange(within, old, a + at, a + at + 1, new, b + at, b + at + 1)
                        )
            else:
                yield self._edit(_BlockChange(within, old, i, j, new, k, l))

    def _inside(self, change: _BlockChange) -> list[Edit]:
        """Edits inside one statement, or all of it where what is inside has no site of its own."""
        one, other = change.old[change.i], change.new[change.k]
        try:
            return list(self._pair(one, other, change.within))
        except _CannotSayError:
            if isinstance(one, shapes.Definition):
                raise
            return [self._edit(change)]

    def _pair(self, one: ast.stmt, other: ast.stmt, within: str) -> Iterable[Edit]:
        """Edits for two statements that are alike."""
        if isinstance(one, shapes.Definition) and isinstance(other, shapes.Definition):
            name = one.name if within == "<module>" else f"{within}.{one.name}"
            yield from self._decorators(one, other, name)
            if shapes.header(one) != shapes.header(other):
                yield self._headers(one, other, name)
            yield from self._blocks(one.body, other.body, name)
            return
        if shapes.header(one) != shapes.header(other) and not isinstance(one, ast.If):
            blocks = isinstance(getattr(one, "body", None), list)
            if not blocks or shapes.inner(one) != shapes.inner(other):
                raise _CannotSayError
            yield self._headers(one, other, within)
            return
        if isinstance(one, ast.If) and isinstance(other, ast.If):
            chains = shapes.chain(self.old, one), shapes.chain(self.new, other)
            if max(len(each.branches) for each in chains) > 1:
                yield from self._chains(*chains, within)
                return
        for key in shapes.BLOCKS:
            left, right = getattr(one, key, None), getattr(other, key, None)
            if isinstance(left, list) and isinstance(right, list):
                if bool(left) != bool(right):
                    raise _CannotSayError
                yield from self._blocks(left, right, within)
        for key in ("handlers", "cases"):
            for left, right in zip(getattr(one, key, ()), getattr(other, key, ()), strict=True):
                yield from self._blocks(left.body, right.body, within)

    def _chains(self, old: shapes.IfChain, new: shapes.IfChain, within: str) -> Iterable[Edit]:
        """Edits of an `if` and what hangs on it: inside the branches, or of the chain."""
        same = [each.test for each in old.branches] == [each.test for each in new.branches]
        if same and bool(old.otherwise) == bool(new.otherwise):
            for left, right in zip(old.branches, new.branches, strict=True):
                yield from self._blocks(left.body, right.body, within)
            yield from self._blocks(old.otherwise, new.otherwise, within)
            return
        try:
            edits = list(self._branches(old, new, within))
        except _CannotSayError:
            pass
        else:
            yield from edits
            return
        pattern, bodies = shapes.chain_pattern(self.old, old)
        replacement = shapes.chain_like(self.new, new, bodies, self._text)
        edit = Edit(self.path, EditKind.MATCH, within, pattern, replacement)
        yield self._only(edit)

    def _branches(self, old: shapes.IfChain, new: shapes.IfChain, within: str) -> Iterable[Edit]:
        """Edits of single `elif`s: those that come, go, or get another condition."""
        left, right = ([each.test for each in chain.branches] for chain in (old, new))
        if left[0] != right[0] or min(map(len, (left, right))) == 1:
            raise _CannotSayError
        for tag, i, j, k, l in difflib.SequenceMatcher(None, left, right).get_opcodes():  # noqa: E741
            if tag not in ("equal", "insert", "delete") and j - i != l - k:
                raise _CannotSayError
            for one, other in zip(old.branches[i:j], new.branches[k:l], strict=False):
                if tag == "replace":
                    pattern, replacement = (
                        shapes.branch_pattern(one),
                        shapes.branch_pattern(other),
                    )
                    yield self._only(Edit(self.path, EditKind.MATCH, within, pattern, replacement))
                yield from self._blocks(one.body, other.body, within)
            if tag == "delete":
                for one in old.branches[i:j]:
                    pattern = shapes.branch_pattern(one)
                    yield self._only(Edit(self.path, EditKind.DELETE, within, pattern))
            elif tag == "insert":
                yield self._only(self._branch_edit(old, i, new.branches[k:l], within))
        if bool(old.otherwise) == bool(new.otherwise):
            yield from self._blocks(old.otherwise, new.otherwise, within)
            return
        bodies = ([ast.dump(each) for each in chain.branches[-1].body] for chain in (old, new))
        if left[-1] != right[-1] or next(bodies) != next(bodies):
            raise _CannotSayError
        pattern = shapes.branch_pattern(old.branches[-1], bool(old.otherwise))
        replacement = shapes.branch_pattern(new.branches[-1])
        if new.otherwise:
            replacement += f"\nelse:\n{shapes.indented(self._text(self.new, new.otherwise))}"
        yield self._only(Edit(self.path, EditKind.MATCH, within, pattern, replacement))

    def _branch_edit(
        self, old: shapes.IfChain, at: int, added: tuple[shapes.Branch, ...], within: str
    ) -> Edit:
        """An edit that adds branches before the one at an index."""
        text = shapes.branches_text(self.new, added, self._text)
        if at > 1:
            anchor = shapes.branch_pattern(old.branches[at - 1])
            return Edit(self.path, EditKind.AFTER, within, anchor, text)
        if at == len(old.branches):
            raise _CannotSayError  # there is an `if` and no `elif` to put it beside
        anchor = shapes.branch_pattern(old.branches[at])
        return Edit(self.path, EditKind.BEFORE, within, anchor, text)

    def _only(self, edit: Edit) -> Edit:
        return edit if self._count(edit) == 1 else self._unsayable()

    def _decorators(
        self, one: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
        other: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str,
    ) -> Iterable[Edit]:  # fmt: skip
        left = [ast.unparse(each) for each in one.decorator_list]
        right = [ast.unparse(each) for each in other.decorator_list]
        for tag, i, j, k, l in difflib.SequenceMatcher(None, left, right).get_opcodes():  # noqa: E741
            if tag == "equal":
                continue
            removed, added = left[i:j], right[k:l]
            for step in range(max(len(removed), len(added))):
                pattern = removed[step] if step < len(removed) else ""
                replacement = added[step] if step < len(added) else ""
                yield Edit(self.path, EditKind.DECORATOR, name, pattern, replacement)

    def _headers(self, one: ast.stmt, other: ast.stmt, within: str) -> Edit:
        pattern, replacement = shapes.holed(self.old, one), shapes.holed(self.new, other, one)
        edit = Edit(self.path, EditKind.MATCH, within, pattern, replacement)
        return self._only(edit)

    def _unsayable(self) -> Edit:
        raise _CannotSayError

    # edits ------------------------------------------------------------------------------------

    def _edit(self, change: _BlockChange) -> Edit:
        """The edit of a change; more neighbours are taken in until it has one site."""
        for edit in self._candidates(change):
            count = self._count(edit)
            if count == 1 or (count and self.several):
                return replace(edit, expect=Expect(count, count))
        wider: _BlockChange | None = change
        for step in range(_MOST_NEIGHBOURS):
            current = wider
            wider = current and (current.wider(step % 2 == 0) or current.wider(step % 2 == 1))
            if wider is None:
                break
            edit = self._match(wider)
            if self._count(edit) == 1:
                return edit
        raise _CannotSayError

    def _candidates(self, change: _BlockChange) -> Iterable[Edit]:
        removed, added = change.old[change.i : change.j], change.new[change.k : change.l]
        if removed and added:
            yield self._match(change)
            return
        if removed:
            yield Edit(self.path, EditKind.DELETE, change.within, self._text(self.old, removed))
            return
        text = self._text(self.new, added)
        beside = list(self._insertions(change, text))
        if change.within == "<module>" and beside:
            yield from self._at_top(added, text, beside[0])
        yield from beside

    def _at_top(self, added: list[ast.stmt], text: str, beside: Edit) -> Iterable[Edit]:
        """`import` or `define`, when they put the statements where they were put by hand."""
        result = self._result(beside)
        kinds = []
        if all(isinstance(each, ast.Import | ast.ImportFrom) for each in added):
            kinds = [EditKind.IMPORT]
        elif all(
            isinstance(each, shapes.Definition | ast.Assign | ast.AnnAssign) for each in added
        ):
            kinds = [EditKind.DEFINE]
        for kind in kinds:
            edit = Edit(self.path, kind, None, None, text)
            if result is not None and self._result(edit) == result:
                yield edit

    def _insertions(self, change: _BlockChange, text: str) -> Iterable[Edit]:
        before = change.old[change.i] if change.i < len(change.old) else None
        after = change.old[change.i - 1] if change.i else None
        edits = []
        if before is not None:
            anchor = self._anchor(before)
            edits.append(Edit(self.path, EditKind.BEFORE, change.within, anchor, text))
        if after is not None:
            anchor = self._anchor(after)
            edits.append(Edit(self.path, EditKind.AFTER, change.within, anchor, text))
        previous = change.new[change.k - 1] if change.k else None
        first = change.new[change.k].lineno
        if previous is not None and (previous.end_lineno or 0) + 1 == first:
            edits.reverse()
        yield from edits

    def _anchor(self, node: ast.stmt) -> str:
        if isinstance(getattr(node, "body", None), list):
            return shapes.holed(self.old, node)
        return self._text(self.old, [node])

    def _match(self, change: _BlockChange) -> Edit:
        removed, added = change.old[change.i : change.j], change.new[change.k : change.l]
        if not removed or not added:
            raise _CannotSayError
        old, new = self._text(self.old, removed), self._text(self.new, added)
        return Edit(self.path, EditKind.MATCH, change.within, old, new)

    def _count(self, edit: Edit) -> int:
        try:
            outcome = rewrite_file(self.path, self.before, [edit], {}).outcomes[0]
        except PatternError:
            return 0
        fine = outcome.status in (EditStatus.READY, EditStatus.AMBIGUOUS)
        return outcome.count if fine else 0

    def _result(self, edit: Edit) -> str | None:
        try:
            result = rewrite_file(self.path, self.before, [edit], {})
        except PatternError:
            return None
        ready = all(outcome.status in WRITABLE for outcome in result.outcomes)
        if not ready or result.content is None:
            return None
        return ast.dump(Source(self.path, result.content).tree)

    def _text(self, source: Source, run: list[ast.stmt]) -> str:
        """A run of statements as written, with the comments above it that are new."""
        first = source.first_line(run[0])
        last = run[-1].end_lineno or run[-1].lineno
        if source is self.new:
            known = {line.strip() for line in self.old.text.splitlines()}
            while first > 1:
                start, end = source.lines(first - 1, first - 1)
                above = source.text[start:end].strip()
                if not above.startswith("#") or above in known:
                    break
                first -= 1
        start, end = source.lines(first, last)
        indent = source.indent(start)
        if source.text[start:].lstrip(" \t") and run[0].col_offset > len(indent) and first == last:
            return ast.get_source_segment(source.text, run[0]) or ast.unparse(run[0])
        lines = re.split(r"\r\n|\r|\n", source.text[start:end])
        return "\n".join(
            line if number in source.string_lines else line.removeprefix(indent)
            for number, line in enumerate(lines, first)
        ).strip("\n")
