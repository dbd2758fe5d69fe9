"""The second opinion on a rewrite. It shares no code with what writes: see `check`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from patcher.patchfile.model import EditKind, EditStatus
from patcher.patchfile.python import parse_python
from patcher.rewrite.oracle import kinds, tokens
from patcher.rewrite.oracle.filling import MismatchError
from patcher.rewrite.oracle.reading import read_expression
from patcher.rewrite.oracle.sites import Lines, Span, blocks, first_line, in_pairs
from patcher.rewrite.oracle.trees import DisagreementError, ExpectedTree
from patcher.rewrite.oracle.window import Window, find_windows, read_windows
from patcher.rewrite.oracle.work import Say, Work

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.oracle.reading import Value
    from patcher.rewrite.outcome import EditOutcome

_MOST_SHOWN = 600


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


def check(before: str, tree: ast.Module, after: str, outcomes: Sequence[EditOutcome]) -> Opinion:
    """Whether a written text is what some edits say of a source.

    The tree of the result must be the tree of the source with exactly the sites' nodes replaced by
    those of the replacements and what their holes hold. Every token outside the sites must be there
    in its order, and every comment outside the sites or inside a hole.

    Args:
        before, tree: the source and its tree.
        outcomes: of all edits; the sites of those that are ready have been written.
    """
    lines, written = Lines(before), Lines(after)
    if any(_is_bool(outcome.edit) for outcome in outcomes):
        tree = _in_pairs(before, tree, lines, outcomes)
    work = Work(ExpectedTree(tree, lines), lines, tree)
    try:
        for outcome in outcomes:
            if outcome.status is EditStatus.READY:
                _add(work, outcome)
        windows = _compare(work, after, written)
    except MismatchError as error:
        return Opinion(f"{error}")
    except DisagreementError as error:
        shown = (f"expected: {_shown(error.expected)}", f"written:  {_shown(error.written)}")
        return Opinion(f"line {error.line} of the result is not what the edits say", shown)
    except SyntaxError as error:
        return Opinion(f"line {error.lineno} of the result is not Python")
    return _texts(work, written, windows)


def _compare(work: Work, after: str, written: Lines) -> list[Window]:
    """Compare the trees: first what differs as text, all of it to say where it is wrong.

    Returns:
        Where the texts differ; empty when all of it was read.
    """
    windows = find_windows(work.tree, work.lines, written, work.touched)
    part = read_windows(work.tree, work.lines, written, windows, parse_python)
    if part is not None:
        try:
            work.expected.compare(part, written)
        except DisagreementError:
            part = None
    if part is None:
        work.expected.compare(parse_python(after), written)
        return []
    return windows


def _in_pairs(
    text: str, tree: ast.Module, lines: Lines, outcomes: Sequence[EditOutcome]
) -> ast.Module:
    """The tree with `a and b and c` in pairs, at the sites at least."""

    def read(text: str) -> ast.Module:
        return in_pairs(parse_python(text))

    touched = [(site.line, site.end_line) for each in outcomes for site in each.sites]
    windows = find_windows(tree, lines, lines, touched)
    part = read_windows(tree, lines, lines, windows, read)
    return read(text) if part is None else part


def _add(work: Work, outcome: EditOutcome) -> None:
    """Note what one edit changes."""
    say = _opinions()[outcome.edit.kind]
    texts = outcome.written or ("",) * len(outcome.sites)
    for site, text in zip(outcome.sites, texts, strict=True):
        work.touched.append((site.line, site.end_line))
        say(work, outcome.edit, site, text)


def _is_bool(edit: Edit) -> bool:
    """Whether a pattern is `... and ...` or `... or ...`."""
    if edit.kind is not EditKind.MATCH:
        return False
    value = read_expression(edit.pattern or "")
    return value is not None and value[0] == "BoolOp"


@cache
def _opinions() -> dict[str, Say]:
    """What each kind of edit says the tree must be, by the key of the kind."""
    names = [each.name for each in iter_modules(kinds.__path__, f"{kinds.__name__}.")]
    modules: list[Any] = [import_module(name) for name in names]
    return {key: say for module in modules for key, say in module.OPINIONS.items()}


def _texts(work: Work, written: Lines, windows: Sequence[Window]) -> Opinion:
    """Compare what is outside the sites, token by token."""
    if not work.touched:
        return Opinion()
    edited = [e for e in work.edited if not any(_lies_in(e, other) for other in work.edited)]
    spans = [_spans(each) for each in windows]
    if spans and all(any(_holds(one, each) for one, _ in spans) for each in edited):
        opinion = _compared(work, written, spans, edited)
        if not opinion.disagreement:  # equal lines beside a site can be taken for each other
            return opinion
    around = _around(work, written)
    (low, _), (high, _) = around[0]
    if work.lines.lines[: low - 1] != written.lines[: low - 1]:
        return Opinion("lines before the sites have changed")
    if work.lines.lines[high - 1 :] != written.lines[around[1][1][0] - 1 :]:
        return Opinion("lines after the sites have changed")
    return _compared(work, written, [around], edited)


def _compared(
    work: Work, written: Lines, windows: Sequence[tuple[Span, Span]], edited: Sequence[Span]
) -> Opinion:
    """What is between the sites of some windows, in both texts."""
    old: list[tokens.Comment] = []
    new: list[tokens.Comment] = []
    for window, after in windows:
        inside = [each for each in edited if _holds(window, each)]
        problem = _window_texts(work.lines, window, inside, written.text(*after), old, new)
        if problem:
            return Opinion(problem)
    return Opinion(lost=tuple(tokens.lost(old, new)))


def _window_texts(
    lines: Lines, window: Span, edited: Sequence[Span], result: str,
    old: list[tokens.Comment], new: list[tokens.Comment],
) -> str:  # fmt: skip
    """What is wrong with the text of a window; its comments are added to those before and after."""
    texts = tokens.outside(lines, window, edited)
    rest = tokens.between(texts, result)
    if rest is not None:  # all of it is there as it was
        before = [each for start, end in edited
                  for each in tokens.comments(lines.text(start, end), start[0])]  # fmt: skip
        old += before
        new += [each for text in rest for each in tokens.comments(text, 1)]
        return ""
    present = tokens.tokens(result)
    kept = [each for text in texts for each in tokens.tokens(text)]
    lost_token = tokens.missing_token(kept, present)
    if lost_token is not None:
        return f"`{lost_token}`, which no edit touches, is no longer there"
    old += tokens.comments(lines.text(*window), window[0][0])
    new += [tokens.Comment(each.rstrip(), 0) for each in present if each.startswith("#")]
    return ""


def _spans(window: Window) -> tuple[Span, Span]:
    """The lines of a window in both texts."""
    low, high = window.new
    return ((window.low, 0), (window.high, 0)), ((low, 0), (high, 0))


def _holds(window: Span, span: Span) -> bool:
    return window[0] <= span[0] and span[1] <= window[1]


def _lies_in(span: Span, other: Span) -> bool:
    """Whether a span is part of a larger one."""
    return span != other and other[0] <= span[0] and span[1] <= other[1]


def _around(work: Work, written: Lines) -> tuple[Span, Span]:
    """The lines around all sites in both texts: those of the innermost block that has them."""
    first = min(low for low, _ in work.touched)
    last = max(high for _, high in work.touched)
    count = len(work.lines.lines)
    low, high = 1, count + 1
    block: list[ast.stmt] | None = work.tree.body
    while block:
        inside = [e for e in block if first_line(e) <= last and first <= (e.end_lineno or 0)]
        before = [first_line(each) for each in block if (each.end_lineno or 0) < first]
        after = [
            first_line(each)
            for each in block
            if first_line(each) > last and not _goes_on(work, first_line(each) - 1)
        ]
        low = max([low, *before[-1:]])
        high = min([high, *after[:1]])
        if len(inside) != 1 or first_line(inside[0]) >= first:
            break
        low = max(low, first_line(inside[0]))
        block = next((each for _, each in blocks(inside[0]) if first_line(each[0]) < first
                      and last <= (each[-1].end_lineno or 0)), None)  # fmt: skip
    moved = len(written.lines) - count
    return ((low, 0), (high, 0)), ((low, 0), (high + moved, 0))


def _goes_on(work: Work, line: int) -> bool:
    """Whether a line ends in a backslash: the next one is part of it."""
    return work.lines.lines[line - 1].rstrip("\r\n").endswith("\\")


def _shown(value: Value) -> str:
    text = _rendered(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def _rendered(value: Value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_rendered, value)) + "]"
    if isinstance(value, tuple):
        return f"{value[0]}(" + ", ".join(map(_rendered, value[1:])) + ")"
    return str(value)


__all__ = ["Opinion", "check"]
