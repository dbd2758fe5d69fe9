"""How edits that look for a pattern are planned: sites found, and the template put there."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.holes import PatternError
from patcher.patchfile.model import Edit, EditStatus
from patcher.patchfile.python import parse_python
from patcher.rewrite.matching.closest import closest_site
from patcher.rewrite.matching.deciding import Result, decide, near, no_definition, refuse, site_at
from patcher.rewrite.matching.pattern import Pattern, compile_pattern
from patcher.rewrite.matching.reach import in_text, out_of_reach
from patcher.rewrite.matching.regions import File
from patcher.rewrite.matching.search import MatchedSite, find
from patcher.rewrite.matching.sites import in_dict, in_subscript, inside_others, left_alone
from patcher.rewrite.matching.tree import RoundTripError
from patcher.rewrite.matching.unify import Matcher, TooManyStepsError
from patcher.rewrite.outcome import EditOutcome, Site
from patcher.rewrite.replacing.nested import CrossingError, substitute_all
from patcher.rewrite.replacing.places import CannotReplaceError
from patcher.rewrite.source import Source
from patcher.rewrite.splice import OverlapError, apply, with_pass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patcher.rewrite.matching.search import Region


@dataclass(frozen=True)
class _Goal:
    """What to look for and what shall be there instead.

    ``statements``: never inside a line; ``strings``: inside f-strings, too.
    """

    pattern: Pattern
    template: Pattern
    statements: bool
    strings: bool = False

    def find(self, pattern: Pattern, where: Region, file: File) -> list[MatchedSite]:
        return find(pattern, where, file.matcher, self.statements, self.strings)


def plan_pattern_edit(
    file: File, edit: Edit, template: Callable[[str, str], str], *, statements: bool
) -> Result:
    """Plan an edit that looks for its pattern.

    Args:
        template: of the pattern's and the replacement's text, what shall stand at a site. Both
            end with a newline, and so does what it returns, unless it is empty.
        statements: whole statements alone, never an expression inside one.
    """
    try:
        goal = _goal(edit, template, statements)
    except RoundTripError as error:
        hint = "write it with other white space"
        return refuse(edit, f"the pattern cannot be read: {error}", hint), []
    except PatternError as error:
        hint = "say it in two edits, with fewer `$$$` holes each"
        message = f"pattern and replacement cannot be read together: {error}"
        return refuse(edit, message, hint), []
    return _plan(file, edit, goal)


def _plan(file: File, edit: Edit, goal: _Goal, taken_back: bool = False) -> Result:
    """``taken_back``: the file is one without the edit, so that its sites are there or nothing."""
    tells = not generalises(goal.template, goal.pattern, goal.statements)
    if not tells and generalises(goal.pattern, goal.template, goal.statements):
        return _endless(edit), []
    try:
        regions = _regions(file, edit, goal)
        sites, done = _sites(file, goal, regions, tells)
    except TooManyStepsError:
        hint = "write the pattern with fewer repeated `$$$` holes"
        return refuse(edit, "the pattern matches in too many ways", hint), []
    flat = [each for region in sites for each in region]
    places = tuple(site_at(file, *each.span) for each in flat)
    there = tuple(site_at(file, *each.span) for each in done)
    decided = decide(edit, places, there if _can_be_taken_back(goal) else ())
    if decided.status is EditStatus.ALREADY and taken_back:
        return decided, []
    if decided.status is EditStatus.ALREADY and not _gives_itself(file, edit, goal, done):
        if _matches_either(file, goal, regions, done):
            return _endless(edit), []
        decided = EditOutcome(edit, EditStatus.MISSING)
    if decided.status is EditStatus.MISSING:
        return _missing(file, edit, decided, goal, there), []
    if decided.status is not EditStatus.READY:
        return decided, []

    def again(source: Source) -> list[list[MatchedSite]]:
        other = File(source)
        return _sites(other, goal, _regions(other, edit, goal), tells)[0]

    try:
        splices = substitute_all(file.source, sites, goal.pattern, goal.template, again)
    except CannotReplaceError as error:
        message = f"cannot write the replacement there: {error}"
        return refuse(edit, message, error.hint, places), []
    except (CrossingError, OverlapError):
        hint = "narrow the pattern: a site may lie in what a `$` hole of another holds, not beside"
        return refuse(edit, "the sites overlap", hint, places), []
    notes = () if goal.statements else left_alone(file, edit, goal.pattern, regions)
    return replace(decided, notes=notes), splices


def _endless(edit: Edit) -> EditOutcome:
    hint = "make the pattern match less, or the replacement differ from it"
    return refuse(edit, "the pattern matches what the replacement writes", hint)


def _regions(file: File, edit: Edit, goal: _Goal) -> list[Region]:
    patterns = [goal.pattern, goal.template]
    return file.regions(
        edit.within, patterns, expressions=not goal.statements, decorated=edit.decorated
    )


def _sites(
    file: File, goal: _Goal, regions: list[Region], tells: bool
) -> tuple[list[list[MatchedSite]], list[MatchedSite]]:
    """The sites of each region, and where the replacement is written already."""
    sites: list[list[MatchedSite]] = []
    done: list[MatchedSite] = []
    for region in regions:
        written = goal.find(goal.template, region, file) if tells else []
        done += written
        result = goal.find(goal.pattern, region, file)
        sites.append([each for each in result if not _is_written(each, written)])
    return sites, done


def _goal(edit: Edit, template: Callable[[str, str], str], statements: bool) -> _Goal:
    anchor = (edit.pattern or "").strip("\n") + "\n"
    new = (edit.replacement or "").strip("\n") + "\n"
    pattern = compile_pattern(anchor)
    goal = compile_pattern(template(anchor, new), pattern.entries)
    statements = statements or pattern.expression is None or goal.expression is None
    return _Goal(pattern, goal, statements, edit.in_f_strings)


def generalises(pattern: Pattern, other: Pattern, statements: bool) -> bool:
    """Whether a pattern matches all that another one matches.

    A replacement that does cannot tell by its look whether it has been written.
    """
    if not pattern.body or not other.body:
        return False
    if not statements and pattern.expression is not None and other.expression is not None:
        return Matcher().relaxed(pattern.expression, other.expression)
    matched = Matcher().match_run(pattern.body, other.body, 0)
    return matched is not None and matched[0] == len(other.body)


def _gives_itself(file: File, edit: Edit, goal: _Goal, done: list[MatchedSite]) -> bool:
    """Whether taking the edit back and making it again gives the file as it is."""
    source = file.source

    def written(source: Source) -> list[list[MatchedSite]]:
        other = File(source)
        return [goal.find(goal.template, each, other) for each in _regions(other, edit, goal)]

    try:
        regions: dict[int, list[MatchedSite]] = {}
        for each in done:
            regions.setdefault(id(each.tree), []).append(each)
        sites = list(regions.values())
        back = substitute_all(source, sites, goal.template, goal.pattern, written)
        before = Source(source.path, source.encode(apply(source.text, with_pass(back))))
        outcome, splices = _plan(File(before), edit, goal, taken_back=True)
        again = apply(before.text, with_pass(splices))
    except (CannotReplaceError, CrossingError, OverlapError, PatcherError):
        return False
    if outcome.status is not EditStatus.READY or outcome.count != len(done):
        return False
    # As code: a comment that the replacement brings stays when the edit is taken back.
    return again == source.text or ast.dump(parse_python(again)) == ast.dump(source.tree)


def _can_be_taken_back(goal: _Goal) -> bool:
    """Whether the replacement has all that the pattern held.

    Where it has not, what it writes may stand there for another reason.
    """
    names = {hole.name for hole in goal.pattern.holes}
    return names <= {hole.name for hole in goal.template.holes}


def _matches_either(
    file: File, goal: _Goal, regions: list[Region], done: list[MatchedSite]
) -> bool:
    """Whether pattern and replacement match the same code, as where elements go round."""
    spans = {each.span for each in done}
    sites = (each.span for region in regions for each in goal.find(goal.pattern, region, file))
    return any(span in spans for span in sites)


def _is_written(site: MatchedSite, written: list[MatchedSite]) -> bool:
    """Whether a site is part of what the replacement put there (and not of what a hole holds)."""
    start, end = site.span
    for each in written:
        low, high = each.span
        if low <= start and end <= high:
            inside_hole = any(
                a <= start and end <= b and not ((start, end) == (a, b) == (low, high))
                for a, b in each.holes()
            )
            if not inside_hole:
                return True
    return False


def _missing(
    file: File, edit: Edit, outcome: EditOutcome, goal: _Goal, written: Sequence[Site]
) -> EditOutcome:
    """Say why nothing was found: no such definition, or the place most like the pattern.

    Args:
        written: where code stands that the replacement would write.
    """
    if outcome.count:
        return outcome
    where = edit.within if edit.within not in (None, "<module>") else None
    if where and not file.definitions(where, edit.decorated):
        return no_definition(file, edit)
    message = f"no site in {where or edit.file}"
    if written and not _can_be_taken_back(goal):
        message += f"; what it writes stands in line {written[0].line}, perhaps for another reason"
    if edit.within is not None:
        everywhere = file.regions(None, [goal.pattern])
        for region in everywhere:
            for result in goal.find(goal.pattern, region, file):
                return near(file, edit, message, result.span, "")
    pattern = goal.pattern
    regions = file.regions(edit.within or None, []) or []
    quoted = None if goal.strings else inside_others(file, pattern, regions, goal.statements)
    quoted = quoted or in_subscript(file, pattern, regions) or in_dict(file, pattern, regions)
    quoted = quoted or out_of_reach(file, pattern, regions)
    if quoted is not None:
        site, hint = quoted
        return EditOutcome(edit, EditStatus.MISSING, closest=site, message=message, hint=hint)
    best = closest_site(pattern, regions, goal.statements, strings=goal.strings)
    if best is not None and pattern.branches:
        return _near_branch(file, edit, message, *best[:2])
    if best is None and (beyond := in_text(file, pattern, regions)) is not None:
        site, hint = beyond
        return EditOutcome(edit, EditStatus.MISSING, closest=site, message=message, hint=hint)
    return near(file, edit, message, *(best or (None, "")))


def _near_branch(
    file: File, edit: Edit, message: str, span: tuple[int, int], note: str
) -> EditOutcome:
    """Missing, where the pattern is an `elif`: what comes nearest may be an `if`."""
    site = site_at(file, *span)
    hint = "change the pattern, if the closest site is meant"
    if not site.text.startswith("elif"):
        note, hint = "an `if`", "write `if ...:`, if the closest site is meant"
    closest = replace(site, note=note or "differs here")
    return EditOutcome(edit, EditStatus.MISSING, closest=closest, message=message, hint=hint)
