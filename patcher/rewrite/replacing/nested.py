"""Sites that lie in holes of other sites: the inner ones are written first, then the outer ones."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from patcher.rewrite.replacing.comments import below_comments
from patcher.rewrite.replacing.needs import (
    need_elements,
    need_names,
    need_tuples,
    need_values,
)
from patcher.rewrite.replacing.places import CannotReplaceError
from patcher.rewrite.replacing.substitute import substitute
from patcher.rewrite.source import Source
from patcher.rewrite.splice import Splice, apply, in_word, with_pass

if TYPE_CHECKING:
    from collections.abc import Callable

    from patcher.rewrite.matching.pattern import Pattern
    from patcher.rewrite.matching.search import MatchedSite


class CrossingError(Exception):
    """A site lies in another one, and not in what a hole of that one holds."""


def substitute_all(
    source: Source, sites: list[list[MatchedSite]], pattern: Pattern, template: Pattern,
    again: Callable[[Source], list[list[MatchedSite]]],
) -> list[Splice]:  # fmt: skip
    """Splices that turn all sites of a file into the template.

    Args:
        again: the sites of another text of the file.

    Raises:
        CannotReplaceError: the result would not be Python, or not mean the template.
        CrossingError: sites overlap.
        OverlapError: two splices want the same characters.
    """
    result: list[Splice] = []
    for region in sites:
        for each in region if template.holes else ():
            for need in (need_values, need_tuples, need_names, need_elements):
                need(each, template)
        alone = [each for each in region if not _around(each, region) and not _in(each, region)]
        result += substitute(source, alone, pattern, template)
        for outermost in region:
            if _in(outermost, region) and not _around(outermost, region):
                result.append(_group(source, outermost, region, pattern, template, again))
    return result


def _around(site: MatchedSite, region: list[MatchedSite]) -> list[MatchedSite]:
    """The sites that a site lies in."""
    return [each for each in region if each is not site and _lies_in(site, each.span)]


def _in(site: MatchedSite, region: list[MatchedSite]) -> list[MatchedSite]:
    """The sites that lie in a site."""
    return [each for each in region if each is not site and _lies_in(each, site.span)]


def _lies_in(site: MatchedSite, span: tuple[int, int]) -> bool:
    return span[0] <= site.span[0] and site.span[1] <= span[1]


def _group(
    source: Source, outermost: MatchedSite, region: list[MatchedSite],
    pattern: Pattern, template: Pattern,
    again: Callable[[Source], list[list[MatchedSite]]],
) -> Splice:  # fmt: skip
    """A site and all that lie in it, from the inside out, as one splice."""
    text, (start, end) = source.text, outermost.span
    end = end if outermost.block is None else below_comments(source, end)  # some may come inside
    left = [outermost, *_in(outermost, region)]
    now = source
    while left:
        inner = [each for each in left if not _in(each, left)]
        for each in inner:
            if not all(any(_lies_in(each, hole) for hole in other.holes())
                       for other in _around(each, left)):  # fmt: skip
                raise CrossingError
        splices = substitute(now, inner, pattern, template)
        written = apply(now.text, with_pass(splices))
        expected, now = len(left) - len(inner), Source(source.path, source.encode(written))
        stop = end + len(written) - len(text)
        sites_now = again(now) if expected else []
        left = [each for sites in sites_now for each in sites if _lies_in(each, (start, stop))]
        if len(left) != expected:
            raise CannotReplaceError(
                "the sites lie in each other, and the inner ones, once written, change which match",
                "rewrite them in two patches, the second one with `requires`",
            )
    old, new = text[:end], now.text[: len(now.text) - len(text) + end]  # below it nothing changed
    head = _same(old, new)
    tail = _same(old[head:][::-1], new[head:][::-1])
    return Splice(head, len(old) - tail, new[head : len(new) - tail])


def _same(one: str, other: str) -> int:
    """How many characters two texts share at their start; no word is parted."""
    pairs = zip(one, other, strict=False)
    count = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    while count and in_word(one[count - 1]):
        count -= 1
    return count
