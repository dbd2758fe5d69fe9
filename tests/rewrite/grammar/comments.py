"""Which statement or element a comment belongs to, and whether it still does after a rewrite.

The rule is the one of `docs/spec.md`: a comment behind a statement or an element belongs to it, one
on a line of its own to what stands below it, or to the block that it ends.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Sequence

from tests.rewrite.grammar.noise import tokens

Owner = tuple[str, ...]
END = "end of"
"""The first word of an owner that is a block."""
_SPACE = {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
_CLAUSES = ("else", "elif", "except", "finally", "case")
_LINE = "\n"
OPENING, CLOSING = ("(", "[", "{"), (")", "]", "}")


def owners(text: str, strictly: bool = True) -> dict[str, tuple[bool, Owner]]:
    """Of each comment whether it has a line of its own, and the words of what it belongs to.

    Comments inside an expression belong to no element and are left out.

    Args:
        strictly: a comment below one that is not so deep ends no block, and one above the first
            decorator belongs to none. After a rewrite what stood between may be removed, and
            another decorator the first.
    """
    words, comments = _read(re.sub(r"\r\n?", "\n", text))
    result: dict[str, tuple[bool, Owner]] = {}
    ended = _blocks_ended(re.sub(r"\r\n?", "\n", text), strictly)
    for comment, alone, at, listed in comments:
        owner = _below(words, at, listed) if alone else _behind(words, at, listed)
        if strictly and alone and owner[:1] == ("@",) and not _is_decorator(words, at - 1):
            owner = ()  # it is about the definition
        owner = ended.get(comment, owner)
        if owner and "coding:" not in comment:  # that one belongs to the file
            result[comment] = alone, owner
    return result


def statements(text: str) -> set[str]:
    """Comments at whole statements that are simple."""
    words, comments = _read(re.sub(r"\r\n?", "\n", text))
    return {
        comment
        for comment, alone, at, listed in comments
        if not listed and tuple(_below(words, at, False) if alone else words[:at])[-1:] != (":",)
    }


def strayed(before: str, after: str) -> list[str]:
    """Comments that are lost or stand at something else, though what they belong to is there."""
    old, new = owners(before), owners(after, strictly=False)
    left = re.findall(r"# c\d+", after)
    words, others = (_joined(_read(re.sub(r"\r\n?", "\n", each))[0]) for each in (after, before))
    return [
        f"{comment} was at {' '.join(owner)!r}"
        for comment, (alone, owner) in old.items()
        if len(owner) > 2  # `pass` and `return` may be others
        and new.get(comment) != (alone, owner)
        and (comment in new or (comment in statements(before) and comment not in left))
        and not {"old_site", "OldSite", "one_site"} & set(owner)  # the site: another rule
        and words.count(_joined(_words(owner))) >= others.count(_joined(_words(owner)))
    ]


def _words(owner: Owner) -> Owner:
    return owner[1:] if owner[0] == END else owner


def left_elements(before: str, after: str) -> list[str]:
    """Comments behind elements that stay, lost although those of other elements are there."""
    old, new = owners(before), owners(after)
    words = _joined(_read(re.sub(r"\r\n?", "\n", after))[0])
    mine = [comment for comment in old if comment.startswith("# c9")]
    if not any(comment in new for comment in mine):
        return []
    return [
        f"{comment} has left {' '.join(old[comment][1])!r}"
        for comment in mine
        if not old[comment][0] and comment not in after and _joined(old[comment][1]) in words
    ]


def _joined(words: Sequence[str]) -> str:
    return "".join(f"\0{each}\1" for each in words)


def _read(text: str) -> tuple[list[str], list[tuple[str, bool, int, bool]]]:
    """The words of a text; each comment with its place among them, and whether in brackets."""
    words: list[str] = [_LINE]
    comments: list[tuple[str, bool, int, bool]] = []
    last = depth = 0
    for token in tokens(text):
        if token.type == tokenize.COMMENT:
            text = token.string.rstrip(" \\")
            comments.append((text, token.start[0] != last, len(words), depth > 0))
        elif token.type == tokenize.NEWLINE:
            words.append(_LINE)
        elif token.type not in _SPACE:
            words.append(token.string)
            depth += (token.string in OPENING) - (token.string in CLOSING)
            last = token.end[0]
    return words, comments


def _blocks_ended(text: str, strictly: bool) -> dict[str, Owner]:
    """The comments that end a block, and the line that the block belongs to.

    They stand below the block's last statement, deeper than that line; a clause (`else:`) is no
    statement by itself, so that its block has no owner.
    """
    result: dict[str, Owner] = {}
    lines: list[list[str]] = [[]]  # of the blocks that are open, the line above each
    columns: list[int] = []
    line, last = list[str](), list[str]()
    waiting: list[tuple[str, int]] = []
    column = 0
    for token in tokens(text):
        if token.type == tokenize.COMMENT:
            if not line:
                waiting.append((token.string.rstrip(" \\"), token.start[1]))
        elif token.type == tokenize.INDENT:
            lines.append(last)
            columns.append(column)
        elif token.type == tokenize.DEDENT:
            header, of = lines.pop(), columns.pop()
            clause = header[0] in (*_CLAUSES, "try")
            deep = [each[1] > of for each in waiting]
            count = deep.index(False) if strictly and False in deep else len(deep)
            inner = [each for each, inside in zip(waiting[:count], deep, strict=False) if inside]
            waiting = [each for each in waiting if each not in inner]
            result |= {comment: () if clause else (END, *header) for comment, _ in inner}
        elif token.type == tokenize.NEWLINE:
            line, last = [], line
        elif token.type not in _SPACE:
            if not line:
                column, waiting = token.start[1], []
            line.append(token.string)
    return result


def _behind(words: Sequence[str], at: int, listed: bool) -> Owner:
    """What ends right before a place: a line, a statement, or an element with its comma."""
    end, follows = at, words[at] if at < len(words) else _LINE
    if words[end - 1] == ",":
        end -= 1
    elif follows not in (_LINE, *CLOSING) or words[end - 1] in OPENING:
        return ()
    start, depth = end, 0
    while start and words[start - 1] != _LINE:
        word = words[start - 1]
        depth += (word in CLOSING) - (word in OPENING)
        if depth < 0 or (depth == 0 and word == ("," if listed else ";")):
            break
        start -= 1
    return tuple(words[start:end])


def _below(words: Sequence[str], at: int, listed: bool) -> Owner:
    """What starts right at a place: a line, a statement, or an element."""
    if words[at - 1] not in (_LINE, ",", *OPENING) or at >= len(words):
        return ()
    if words[at] in _CLAUSES:
        return ()
    end, depth = at, 0
    while end < len(words) and words[end] != _LINE:
        depth += (words[end] in OPENING) - (words[end] in CLOSING)
        if depth < 0 or (depth == 0 and words[end] == ("," if listed else ";")):
            break
        end += 1
    return tuple(words[at:end])


def _is_decorator(words: Sequence[str], end: int) -> bool:
    """Whether the line that ends at a place is a decorator's."""
    start = end
    while start and words[start - 1] != _LINE:
        start -= 1
    return start < end and words[start] == "@"
