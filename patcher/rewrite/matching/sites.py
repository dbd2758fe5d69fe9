"""Sites in f-strings, as places that a message names."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.patchfile.model import EditKind
from patcher.rewrite.matching.deciding import site_at
from patcher.rewrite.matching.pattern import compile_pattern
from patcher.rewrite.matching.search import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.patchfile.model import Edit
    from patcher.rewrite.matching.pattern import Pattern
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.matching.search import Region
    from patcher.rewrite.outcome import Site

_F_STRING = re.compile(r"[fF][rR]?['\"]")


def inside_others(
    file: File, pattern: Pattern, regions: Sequence[Region], statements: bool
) -> tuple[Site, str] | None:
    """Where a pattern is found inside what is no site of it, and what to do then.

    Args:
        statements: an expression is sought as a statement of its own.
    """
    if not pattern.words or pattern.expression is None or _is_string(pattern):
        return None
    hint = "f-strings are not searched: say `in-f-strings: true`, or match the whole one"
    if statements:
        hint = "f-strings hold no statements: match the whole statement"
    result = [each for item in regions for each in find(pattern, item, file.matcher, strings=True)]
    for each in sorted(result, key=lambda item: bool(item.fields)):
        site = site_at(file, *each.span)
        if each.fields:
            return replace(site, note="in an f-string"), hint
        return replace(site, note="part of a statement"), "match the whole statement"
    similar = _alike(file, pattern)
    return None if similar is None else (similar, hint)


def in_subscript(
    file: File, pattern: Pattern, regions: Sequence[Region]
) -> tuple[Site, str] | None:
    """Where what a pattern says are the elements of a subscript, and what to write then."""
    import libcst as cst

    node, text = pattern.expression, pattern.text
    if isinstance(node, cst.Tuple):
        start, end = pattern.tree.inner(node)
        inside = text[start:end].strip()
        other, hint = f"$_[{inside}]", f"elements are no tuple: match the whole, `$X[{inside}]`"
    elif isinstance(node, cst.Subscript) and len(node.slice) == 1:
        start = pattern.tree.inner(node.slice[0])[0]
        hole = next((each for each in pattern.holes if each.start == start), None)
        if hole is None or hole.many or not text[hole.end :].lstrip().startswith("]"):
            return None
        other = f"{text[:start]}$$${hole.name}{text[hole.end :]}"
        hint = f"`{hole}` is one element: `$$${hole.name}` takes them all"
    else:
        return None
    several = compile_pattern(other.strip() + "\n", pattern.entries)
    for region in regions:
        for each in find(several, region, file.matcher):
            return replace(site_at(file, *each.span), note="several elements"), hint
    return None


def in_dict(file: File, pattern: Pattern, regions: Sequence[Region]) -> tuple[Site, str] | None:
    """Where what a pattern writes as a set, `{$$$X}`, is a dict, and what to write then."""
    text = pattern.text
    names = [
        each.name
        for each in pattern.holes
        if each.many and text[: each.start].rstrip().endswith("{")
        and text[each.end :].lstrip().startswith("}") and each.name not in pattern.entries
    ]  # fmt: skip
    if not names:
        return None
    other = compile_pattern(text, pattern.entries.union(names))
    hint = f"`{{$$${names[0]}}}` is a set: name an entry of the dict, `{{$K: $V, $$${names[0]}}}`"
    for region in regions:
        for each in find(other, region, file.matcher):
            return replace(site_at(file, *each.span), note="a dict"), hint
    return None


def left_alone(
    file: File, edit: Edit, pattern: Pattern, regions: Sequence[Region]
) -> tuple[str, ...]:
    """Notes on sites of an edit that are not its own, since f-strings are not searched.

    Only an edit that expects `all` says that it wants each of them.
    """
    if edit.in_f_strings or edit.expect.high is not None or edit.kind is not EditKind.MATCH:
        return ()
    if pattern.expression is None:
        return ()
    result = (
        each
        for region in regions
        if _F_STRING.search(region.tree.code)
        for each in find(pattern, region, file.matcher, strings=True)
        if each.fields
    )
    lines = dict.fromkeys(file.source.position(each.span[0])[0] for each in result)
    hint = "has a site in an f-string, which is left alone without `in-f-strings: true`"
    return tuple(f"{edit.file}:{line} {hint}" for line in lines)


def _is_string(pattern: Pattern) -> bool:
    return type(pattern.expression).__name__ in ("FormattedString", "ConcatenatedString")


def _alike(file: File, pattern: Pattern) -> Site | None:
    """The first f-string that has all the words of a pattern."""
    for node in ast.walk(file.source.tree):
        if isinstance(node, ast.JoinedStr) and node.end_lineno:
            inside = [each for each in ast.walk(node) if isinstance(each, ast.FormattedValue)]
            text = " ".join(ast.unparse(each.value) for each in inside)
            if pattern.words <= set(re.findall(r"\w+", text)):
                start = file.source.starts[node.lineno - 1]
                line = file.source.text[start : file.source.line_end(start)].encode()
                low = start + len(line[: node.col_offset].decode())
                return replace(site_at(file, low, file.source.line_end(low)), note="an f-string")
    return None
