"""To what a comment belongs: to the statement or element that it is behind, to what stands below
it, or to the block that it ends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from patcher.patchfile.holes import has_comments

if TYPE_CHECKING:
    from patcher.rewrite.source import Source

WHOLE_LINE_TAIL = re.compile(r"[ \t\f]*;?[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|\Z)")
COMMENT_BEHIND = re.compile(r"[ \t\f]*#[^\r\n]*")
_COMMENTS = re.compile(r"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))*(?:[ \t\f]*#[^\r\n]*\Z)?")
_INDENT = re.compile(r"(?:\A|(?<=[\r\n]))[ \t]+(?=#)")


def comments_above(source: Source, start: int, limit: int = 0) -> int:
    """The first line of the comments above an element or statement; blank lines between them count.

    The lines that say interpreter and encoding are about the file and belong to no statement.

    Args:
        limit: offset before which no comment counts.
    """
    line = result = source.line_start(start)
    limit = max(limit, source.head)
    while line > limit:
        above = source.line_start(line - 1)
        text = source.text[above:line].strip()
        if above < limit or (text and not text.startswith("#")):
            break
        if text and source.continues(source.position(above)[0] - 1):
            break  # it is behind what goes on in its line
        line, result = above, above if text else result
    return result


def comments_of(source: Source, start: int, limit: int = 0) -> int:
    """The first line of the comments above a statement, without those that end a block above it."""
    first, line = comments_above(source, start, limit), source.line_start(start)
    above = source.line_start(first - 1) if first else 0
    while above and not source.text[above:first].strip():
        first, above = above, source.line_start(above - 1)
    first = below_block(source, first, source.indent(start))
    while first < line and not source.text[first : source.line_end(first)].strip():
        first = source.line_end(first)
    return first


def end_with_comments(source: Source, end: int, indent: str) -> int:
    """Where a statement ends with the comment behind it and those that end its block.

    Args:
        end: where its last word does.
        indent: the white space before it.
    """
    tail = COMMENT_BEHIND.match(source.text, end)
    end = tail.end() if tail else end
    line = WHOLE_LINE_TAIL.match(source.text, end)
    below = below_block(source, line.end(), indent) if line else end
    return len(source.text[:below].rstrip("\r\n")) if line and below > line.end() else end


def block_end(source: Source, end: int, indent: str) -> int:
    """Behind the comments that end the block of a statement; without any, where it ends itself."""
    line = WHOLE_LINE_TAIL.match(source.text, end)
    below = end_with_comments(source, end, indent)
    return below if line and below >= line.end() else end


def below_block(source: Source, at: int, indent: str) -> int:
    """Below the comments that end a block, if one ends right before ``at``: those deeper than what
    the block belongs to, which starts with ``indent``.
    """
    if not at or len(source.block_indent(at - 1)) <= len(indent):
        return at
    result = at
    while at < len(source.text):
        stop = source.line_end(at)
        line = source.text[at:stop]
        deeper = re.match(rf"{re.escape(indent)}[ \t]+#", line)
        if line.strip() and not deeper:
            break
        at, result = stop, stop if deeper else result
    return result


def with_block_ends(source: Source, end: int, text: str, indent: str) -> tuple[int, str]:
    """What takes the place of a block, with the comments that ended it: as deep as it is now."""
    stop, line = block_end(source, end, indent), source.line_end(end)
    if stop == end:
        return end, text
    ends = _INDENT.sub(indent, source.text[line:stop])
    return stop, text + source.text[end:line] + ends


def below_second_comment(source: Source, end: int, text: str) -> int:
    """Behind the comment at ``end`` if a text that comes before it ends in one, too.

    Two on one line would be one.
    """
    tail = COMMENT_BEHIND.match(source.text, end)
    return tail.end() if tail and has_comments(text.splitlines()[-1]) else end


def below_comments(source: Source, at: int) -> int:
    """Below the comments that follow a statement, on its line and on those below."""
    lines = _COMMENTS.match(source.text, source.line_end(at))
    return lines.end() if lines else at


def span_with_comments(text: str, start: int, end: int) -> tuple[int, int]:
    """A span of the template with the comments above it, behind it and below it."""
    line = text.rfind("\n", 0, start) + 1
    indent = text[line:start]
    lead = re.escape(indent[: len(indent) - len(indent.lstrip())])
    while line and not indent.strip():
        above = text.rfind("\n", 0, line - 1) + 1
        if not text[above:line].startswith(indent + "#"):
            break
        line, start = above, above + len(indent)
    tail = COMMENT_BEHIND.match(text, end)
    end = tail.end() if tail else end
    below = re.compile(rf"(?:\n[ \t]*(?=\n|\Z)|\n{lead}[ \t]*#[^\n]*)*").match(text, end)
    return start, end + len(below[0].rstrip()) if below else end
