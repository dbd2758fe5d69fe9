"""The status of an edit by the sites it has, and the sites a message names.

Every kind of edit uses this. It is imported with the kinds, so it imports no LibCST.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.patchfile.model import Edit, EditKind, EditStatus, Expect
from patcher.patchfile.values import nearest
from patcher.rewrite.outcome import EditOutcome, Site
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Definition

Result = tuple[EditOutcome, list[Splice]]
"""What becomes of an edit, and the splices that do it."""


def site_at(file: File, start: int, end: int) -> Site:
    """A span as a place, with the first line of its text."""
    source = file.source
    line, column = source.position(start)
    end_line, end_column = source.position(end)
    text = source.text[start:end].splitlines()
    shown = text[0].strip() if text else ""
    if source.text[source.line_start(start) : start].strip() == "@":
        shown = "@" + shown
    return Site(line, column, end_line, end_column, shown, source.scope_at(start))


def decide(edit: Edit, sites: tuple[Site, ...], written: tuple[Site, ...]) -> EditOutcome:
    """Status of an edit by its sites and by the places where it is written already."""
    expect, count, done = edit.expect, len(sites), len(written)
    if _in(expect, count):
        return EditOutcome(edit, EditStatus.READY, sites, count)
    if not count and done and _in(expect, done):
        return EditOutcome(edit, EditStatus.ALREADY, written, done)
    if expect.high is not None and count > expect.high:
        message = f"expected {_sites(expect)}, found {count}"
        names = sorted({site.within for site in sites if site.within != "<module>"})
        how = (
            "take the lines beside it, too" if edit.kind is EditKind.LINES else "narrow the pattern"
        )
        how = f"add `within: {names[0]}`" if edit.within is None and names else how
        hint = f"{how}, or `expect: {count}`"
        return EditOutcome(edit, EditStatus.AMBIGUOUS, sites, count, message=message, hint=hint)
    if count and _in(expect, count + done):
        return EditOutcome(edit, EditStatus.READY, sites, count)
    message = f"expected {_sites(expect)}, found {count}" if count else ""
    hint = f"`expect: {count}`, if fewer are right" if count else ""
    return EditOutcome(edit, EditStatus.MISSING, sites, count, message=message, hint=hint)


def _in(expect: Expect, count: int) -> bool:
    return count >= expect.low and (expect.high is None or count <= expect.high)


def _sites(expect: Expect) -> str:
    if expect.high is None:
        return "at least 1 site"
    return f"{expect} site" if str(expect) == "1" else f"{expect} sites"


def refuse(edit: Edit, message: str, hint: str = "", places: tuple[Site, ...] = ()) -> EditOutcome:
    return EditOutcome(edit, EditStatus.CONFLICT, places, len(places), message=message, hint=hint)


def near(
    file: File, edit: Edit, message: str, span: tuple[int, int] | None, note: str, do: str = ""
) -> EditOutcome:
    """Missing, with the place that comes nearest; without ``note`` it is equal, but elsewhere.

    Args:
        do: what to do, where that is not plain.
    """
    if span is None:
        hint = "nothing there is like the pattern: did the target change?"
        return EditOutcome(edit, EditStatus.MISSING, message=message, hint=hint)
    site = site_at(file, *span)
    hint = do or "change the pattern, if the closest site is meant"
    if site.text.startswith("elif "):
        hint = "an `elif` belongs to its `if`: write `elif ...:`, or match the whole chain"
        return EditOutcome(
            edit, EditStatus.MISSING, closest=replace(site, note=note or "an `elif`"),
            message=message, hint=hint,
        )  # fmt: skip
    if not note:
        hint = f"`within: {site.within}`, if the closest site is meant"
        note = f"in {site.within}"
    closest = replace(site, note=note)
    return EditOutcome(edit, EditStatus.MISSING, closest=closest, message=message, hint=hint)


def which(definitions: Sequence[Definition], count: int) -> str:
    """How to name one of the definitions that `within` names."""
    if len({each.name for each in definitions}) > 1:
        return f"name one of them with `within`, or `expect: {count}`"
    marks = [{ast.unparse(one) for one in each.node.decorator_list} for each in definitions]
    ways = []
    for own in marks:
        others = set().union(*(each for each in marks if each is not own))
        alone = [""] if not own and marks.count(own) == 1 else sorted(own - others)
        ways += [f"`decorated: {alone[0] or chr(34) * 2}`"] if alone else []
    if ways:
        return f"they are several definitions of one name: choose with {' or '.join(ways)}"
    return f"no decorator tells these definitions of one name apart: `expect: {count}` is for all"


def no_definition(file: File, edit: Edit) -> EditOutcome:
    """`within` names nothing in the file."""
    assert edit.within is not None
    names = [each.name for each in file.source.definitions]
    message = f"there is no {edit.within} in {edit.file}"
    if edit.decorated is not None and file.definitions(edit.within):
        message += f" with `@{edit.decorated}`" if edit.decorated else " without a decorator"
        return EditOutcome(edit, EditStatus.MISSING, message=message, hint="change `decorated`")
    return EditOutcome(edit, EditStatus.MISSING, message=message, hint=nearest(edit.within, names))
