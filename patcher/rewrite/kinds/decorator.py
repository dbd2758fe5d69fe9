"""Edits of one decorator of a definition."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.patchfile.model import Edit, EditStatus
from patcher.rewrite.kinds.registry import NOTHING, PlannedKind
from patcher.rewrite.matching.deciding import (
    Result,
    decide,
    near,
    no_definition,
    refuse,
    site_at,
    which,
)
from patcher.rewrite.splice import Splice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.patchfile import nodes
    from patcher.patchfile.holes import Parsed
    from patcher.patchfile.kinds import Reading
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.matching.search import MatchedSite
    from patcher.rewrite.outcome import EditOutcome, Site
    from patcher.rewrite.source import Definition


def decorator(file: File, edit: Edit, attachments: Mapping[str, bytes] = NOTHING) -> Result:
    """Plan a `decorator`: replace, add (nothing sought) or remove (nothing written) one."""
    from patcher.rewrite.matching.pattern import compile_pattern
    from patcher.rewrite.replacing.pattern_edit import generalises
    from patcher.rewrite.replacing.substitute import substitute

    assert edit.within is not None
    definitions = file.definitions(edit.within, edit.decorated)
    if not definitions:
        return no_definition(file, edit), []
    sought, replacement = (edit.pattern or "").strip(), (edit.replacement or "").strip()
    tells = bool(replacement)
    if sought and replacement:
        pattern, template = compile_pattern(sought), compile_pattern(replacement)
        tells = not generalises(template, pattern, False)
        if not tells and generalises(pattern, template, False):
            hint = "make the pattern match less, or the replacement differ from it"
            return refuse(edit, "the pattern matches what the replacement writes", hint), []
    sites: list[Site] = []
    written: list[Site] = []
    splices: list[Splice] = []
    for definition in definitions:
        present = _decorators(file, definition, replacement) if tells else []
        written += [site_at(file, *each.span) for each in present]
        if not sought:
            if not present:
                splices.append(_above(file, definition, replacement))
                sites.append(_header(file, definition))
            continue
        spans = {each.span for each in present}
        result = [e for e in _decorators(file, definition, sought) if e.span not in spans]
        sites += [site_at(file, *each.span) for each in result]
        if replacement:
            splices += substitute(file.source, result, pattern, template)
        else:
            splices += [_line(file, *each.span) for each in result]
    outcome = decide(edit, tuple(sites), tuple(written))
    if outcome.status is EditStatus.MISSING and not outcome.count:
        return _no_decorator(file, edit, definitions), []
    if outcome.status is EditStatus.AMBIGUOUS:
        outcome = replace(outcome, hint=which(definitions, outcome.count))
    return outcome, splices if outcome.status is EditStatus.READY else []


def _decorators(file: File, definition: Definition, text: str) -> list[MatchedSite]:
    """The definition's own decorators that a pattern matches."""
    import libcst as cst

    from patcher.rewrite.matching.pattern import compile_pattern
    from patcher.rewrite.matching.search import MatchedSite

    region = file.definition(definition)
    (node,) = region.block.statements
    assert isinstance(node, cst.FunctionDef | cst.ClassDef)
    pattern = compile_pattern(text).expression
    assert pattern is not None
    result = []
    for each in node.decorators:
        matched = file.matcher.match(pattern, each.decorator)
        if matched is not None:
            result.append(MatchedSite(region.tree, matched, (each.decorator,)))
    return result


def _above(file: File, definition: Definition, text: str) -> Splice:
    """Insert a decorator right above the definition, below those it has."""
    line = file.source.starts[definition.node.lineno - 1]
    indent = file.source.indent(line)
    return Splice(line, line, f"{indent}@{text}{file.source.newline}")


def _line(file: File, start: int, end: int) -> Splice:
    """Remove a decorator with its line and the comment on it."""
    at = file.source.text.rindex("@", 0, start)  # a backslash may stand behind it
    return Splice(file.source.line_start(at), file.source.line_end(end), "")


def _header(file: File, definition: Definition) -> Site:
    line = file.source.starts[definition.node.lineno - 1]
    start = line + len(file.source.indent(line))
    return site_at(file, start, file.source.line_end(start))


def _no_decorator(file: File, edit: Edit, definitions: list[Definition]) -> EditOutcome:
    """Missing, with the decorator most like the pattern."""
    from patcher.rewrite.matching.closest import closest_site
    from patcher.rewrite.matching.pattern import compile_pattern

    sought = (edit.pattern or "").strip()
    message = f"no site in {edit.within}"
    for each in file.source.definitions:
        if not each.node.decorator_list or each in definitions:
            continue
        for result in _decorators(file, each, sought):
            outcome = near(file, edit, message, result.span, "")
            assert outcome.closest is not None
            closest = replace(outcome.closest, note=f"on {each.name}")
            hint = f"`within: {each.name}`, if the closest site is meant"
            return replace(outcome, closest=closest, hint=hint)
    regions = [file.definition(each) for each in definitions]
    best = closest_site(compile_pattern(sought), regions, False, only_decorators=True)
    if best is None:
        return near(file, edit, message, None, "")
    return near(file, edit, message, *best)


def check(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    """One of both is written, each without its `@`."""
    values = {"decorator": edit.pattern or "", "with": edit.replacement or ""}
    marked = [key for key, value in values.items() if value.lstrip().startswith("@")]
    for key in marked:
        reader.problems.add(entry.marks[key], "a decorator is written without `@`")
    if marked:
        return
    reader.code(entry, edit, allow_empty=True)
    if not "".join(values.values()).strip():
        reader.problems.add(entry.mark, "`decorator` and `with` are both empty")


def shape(key: str, parsed: Parsed) -> str:
    return "" if parsed.is_expression else f"`{key}` is one expression"


KINDS = (
    PlannedKind(
        "decorator", order=1,
        summary='The decorator to replace, without `@`; `""` to add one.',
        needs_with=True, needs_within=True, of_definition=True, check=check, shape=shape,
        plan=decorator,
    ),
)  # fmt: skip
