"""Which form of a patch a target takes: by content, never by the target's name or version.

A patch may be written in several forms (``variants:``), and a fork may have the package under
another name (``import-as:``). Both are settled here, before anything is planned or replayed, so
that everything after sees one list of edits.
"""

from __future__ import annotations

import re
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from patcher.patchfile.holes import parse
from patcher.patchfile.kinds import Level, kind_of
from patcher.patchfile.model import (
    Absent,
    Edit,
    EditKind,
    EditStatus,
    Expect,
    Patch,
    renamed_file,
)
from patcher.rewrite.file import WRITABLE, Read, Rewrite, rewrite_file, rewrite_patch
from patcher.rewrite.source import Source, within_matches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patcher.rewrite.outcome import EditOutcome


class Fit(str, Enum):
    """How a patch and a target go together."""

    FITS = "fits"
    UPSTREAM = "upstream has it"  # the target does by itself what the patch does
    NOT_THERE = "not there"  # the code that the patch is for does not exist in the target
    MOVED = "moved"  # the file is there, a site is not as the patch expects it


def chosen_form(patch: Patch, read: Read, rewrite: Rewrite = rewrite_file) -> Patch:
    """The patch as it is for this target: one form, the target's name of the package.

    The first form all of whose sites fit is taken; when none does, the one that fits best, so
    that what is said of it is about the nearest miss.
    """
    forms = [_present(_renamed(form, read), read) for form in patch.forms]
    if len(forms) == 1:
        return forms[0]
    best, most = forms[0], -1.0
    for form in forms:
        outcomes, _ = rewrite_patch(form, read, rewrite)
        fitting = sum(outcome.status in WRITABLE for outcome in outcomes) / len(outcomes)
        if fitting == 1:
            return form
        if fitting > most:
            best, most = form, fitting
    return best


def fit_of(patch: Patch, outcomes: Sequence[EditOutcome], read: Read) -> Fit:
    """How a patch in its chosen form fits, by what planning says of its edits on ``read``."""
    absent = absence(patch, read)
    if absent is not None:
        return Fit.NOT_THERE if absent.pattern is None else Fit.UPSTREAM
    if all(outcome.status is EditStatus.ALREADY for outcome in outcomes):
        return Fit.UPSTREAM
    if all(outcome.status in WRITABLE for outcome in outcomes):
        return Fit.FITS
    adding = EditKind.ADD_FILE
    missing = [o for o in outcomes if o.edit.kind is not adding and read(o.edit.file) is None]
    return Fit.NOT_THERE if missing else Fit.MOVED


def absence(patch: Patch, read: Read) -> Absent | None:
    """The first entry of ``absent-when`` that holds for a target, or None."""
    return next((each for each in patch.absent_when if _holds(patch, each, read)), None)


def _holds(patch: Patch, absent: Absent, read: Read) -> bool:
    file = renamed_file(patch, absent.file, _package(patch, read))
    content = read(file)
    if content is None:
        return absent.pattern is None
    if absent.pattern is None:
        return absent.within is not None and not _defines(absent.within, file, content)
    # An expression is looked for anywhere, as `match` does; statements as whole ones.
    kind, new = EditKind.DELETE, None
    if parse(absent.pattern).is_expression:
        kind, new = EditKind.MATCH, "_absent_"
    sought = Edit(file, kind, absent.within, absent.pattern, new, Expect(1, None))
    (outcome,) = rewrite_file(file, content, [sought], {}).outcomes
    return outcome.count > 0


def _is_there(edit: Edit, read: Read) -> bool:
    content = read(edit.file)
    if content is None or edit.within is None or edit.within == "<module>":
        return content is not None
    return _defines(edit.within, edit.file, content)


def _defines(within: str, file: str, content: bytes) -> bool:
    return any(
        within_matches(within, definition.name) for definition in Source(file, content).definitions
    )


def _present(patch: Patch, read: Read) -> Patch:
    """The patch without those optional edits whose file or definition a target does not have."""
    if not any(edit.optional for edit in patch.edits):
        return patch
    edits = tuple(edit for edit in patch.edits if not edit.optional or _is_there(edit, read))
    return replace(patch, edits=edits or patch.edits)


def _package(patch: Patch, read: Read) -> str:
    """The name under which the target has the patch's package."""
    for name in (patch.provides, *patch.import_as):
        for edit in patch.edits:
            file = renamed_file(patch, edit.file, name)
            if edit.kind is not EditKind.ADD_FILE and read(file) is not None:
                return name
    return patch.provides


def _renamed(patch: Patch, read: Read) -> Patch:
    """The patch for the name that the target gives the package."""
    name = _package(patch, read) if patch.import_as else patch.provides
    if name == patch.provides:
        return patch
    # In code, the package's name counts only where a module is imported or its path is written.
    pattern = re.compile(rf"(\bfrom\s+|\bimport\s+|(?<![\w.])(?=\w+\.)){patch.provides}\b")

    def code(text: str | None) -> str | None:
        return None if text is None else pattern.sub(rf"\g<1>{name}", text)

    edits = tuple(
        replace(
            edit,
            file=renamed_file(patch, edit.file, name),
            pattern=_renamed_pattern(patch, edit, name, code),
            replacement=code(edit.replacement),
        )
        for edit in patch.edits
    )
    attachments = {
        path: (code(content.decode()) or "").encode() if path.endswith(".py") else content
        for path, content in patch.attachments.items()
    }
    return replace(patch, edits=edits, attachments=attachments)


def _renamed_pattern(
    patch: Patch, edit: Edit, name: str, code: Callable[[str | None], str | None]
) -> str | None:
    if edit.kind is EditKind.RENAME_FILE:
        return renamed_file(patch, edit.pattern or "", name)
    return edit.pattern if kind_of(edit).level is Level.FILE else code(edit.pattern)
