"""`patcher new --with`: a whole spec from one site and what it becomes."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.edits import unfilled
from patcher.patchfile.holes import PatternError, parse
from patcher.patchfile.model import Edit, EditKind, EditStatus
from patcher.rewrite.authoring.scaffold import edit_at, innermost, short_fixture_at
from patcher.rewrite.authoring.write_spec import SpecHead, before_lines, scalar, spec_text
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.source import Source

if TYPE_CHECKING:
    from patcher.rewrite.outcome import EditOutcome

INDENT = "    "
LONGEST_FIXTURE = 16  # lines; a longer one shows less than the target itself


@dataclass(frozen=True)
class Replacement:
    """One site, and what it becomes.

    Attributes:
        code: what comes instead.
        pattern: what to match; without one it is the statement (or decorator) at ``line``.
        line: from 1: of the statement, or of a function whose only site of the pattern is meant;
            where there are more in the function, the one in the statement at the line.
    """

    code: str
    pattern: str | None = None
    line: int | None = None


def replacement_spec(head: SpecHead, path: str, content: bytes, replacement: Replacement) -> str:
    """The text of a spec whose one edit gives one site another code, with a fixture that shows it.

    Args:
        head: its summary is written here.
        path: of the file, relative to the import root.
        content: the file.

    Raises:
        PatcherError: ``usage``, ``missing``, ``ambiguous``: the site is not there, or not the
            only one; ``blocked`` and ``conflict`` as planning has them.
    """
    source = Source(path, content)
    line, pattern = replacement.line, replacement.pattern
    _check(pattern, "--match")
    _check(replacement.code, "--with")
    if pattern is None:
        if line is None:
            raise PatcherError("usage", "say what it replaces: FILE:LINE, or --match CODE")
        edit = replace(edit_at(source, path, line), replacement=replacement.code)
    else:
        within = innermost(source, line) if line is not None else None
        edit = Edit(path, EditKind.MATCH, within, pattern, replacement.code)
    _check_filled(edit, "`--match`" if pattern is not None else f"the code at {path}:{line}")
    outcome = rewrite_file(path, content, [edit], {}).outcomes[0]
    if outcome.status is EditStatus.AMBIGUOUS and line is not None:
        edit = _in_its_statement(edit, source, line) or edit
        outcome = rewrite_file(path, content, [edit], {}).outcomes[0]
    if outcome.status is not EditStatus.READY:
        raise _refused(outcome, path)
    first = outcome.sites[0].line
    if edit.within is None:
        edit = replace(edit, within=innermost(source, first))
    summary = f"{edit.within} in {path} is changed at one place"
    before = short_fixture_at(source, first, LONGEST_FIXTURE)
    test = _test(edit, before) if before else []
    return spec_text(replace(head, summary=summary), [edit], test)


def _in_its_statement(edit: Edit, source: Source, line: int) -> Edit | None:
    """The same change of the whole statement at a line; None where that is not one site either."""
    whole = edit_at(source, edit.file, line)
    text = whole.pattern or ""
    if whole.kind is not EditKind.MATCH or "$$$" in text:  # it is longer than its header
        return None
    # In a function: a `return` stands nowhere else.
    alone = f"def alone():\n{textwrap.indent(text, INDENT)}\n".encode()
    written = rewrite_file(edit.file, alone, [replace(edit, within=None)], {})
    if written.outcomes[0].status is not EditStatus.READY or written.content is None:
        return None
    lines = written.content.decode().splitlines(keepends=True)[1:]
    return replace(whole, replacement="".join(each.removeprefix(INDENT) for each in lines).strip())


def _check(code: str | None, option: str) -> None:
    """Refuse code that is no pattern before it is looked for."""
    try:
        parse(code or "")
    except PatternError as error:
        raise PatcherError("usage", f"{option}: {error.message}", error.hint) from None


def _check_filled(edit: Edit, where: str) -> None:
    """Refuse a hole of the replacement that the pattern does not fill, as a spec's is refused."""
    bound = {hole.name: hole for hole in parse(edit.pattern or "").holes}
    for hole in parse(edit.replacement or "").holes:
        if why := unfilled(hole, bound, where):
            message, hint = why
            hint = hint or ("holes of the pattern: " + ", ".join(map(str, bound.values())))
            if not bound:
                hint = "the pattern has no holes: --match CODE can have them, `$X` for example"
            raise PatcherError("usage", f"--with: {message}", hint)


def _refused(outcome: EditOutcome, path: str) -> PatcherError:
    """The error of a site that cannot be written; no spec is there yet that it could point at."""
    code = outcome.code or outcome.status.value
    places = [f"{path}:{site.line}   {site.text.strip()}" for site in outcome.sites]
    if outcome.closest is not None:
        closest = outcome.closest
        places.append(f"closest: {path}:{closest.line}   {closest.text.strip()}   {closest.note}")
    hint = outcome.hint
    if outcome.closest is not None and outcome.hint.startswith("`within"):
        hint = f"--at {path}:{outcome.closest.line}, if the closest site is meant"
    if code == "ambiguous":
        hint = f"--at {path}:LINE names the one in the statement at that line"
    return PatcherError(code, outcome.message, hint, notes=[*places, *outcome.details])


def _test(edit: Edit, before: str) -> list[str]:
    """A fixture of the definition around the site, before and after; none where it does not fit."""
    rewritten = rewrite_file(edit.file, before.encode(), [edit], {})
    if rewritten.outcomes[0].status is not EditStatus.READY or rewritten.content is None:
        return []
    return ["test:", *before_lines(before), *scalar("after", rewritten.content.decode(), 4)]
