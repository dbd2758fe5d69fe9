"""What becomes of files as a whole: added, replaced, deleted, renamed, given another mode.

Such edits look at no text. Of one file a patch may say one of them, and its mode; a file that is
renamed may also be edited, under its old name.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from patcher.patchfile.kinds import Kind, Level, kind_of
from patcher.patchfile.model import Edit, EditKind, EditStatus
from patcher.rewrite.outcome import EditOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from patcher.patchfile.model import Patch

_NEW_FILE_MODE = 0o644
Written = dict[str, "bytes | None"]


@dataclass(frozen=True)
class WholeFile:
    """One file, as an edit of it as a whole finds it.

    Attributes:
        content: its bytes; None when there is no such file.
        written: new content by path, None where a file goes; plans add to it.
        read: content of other files.
        attachments: what travels with the spec, by path.
    """

    content: bytes | None
    written: Written
    read: Callable[[str], bytes | None]
    attachments: Mapping[str, bytes]


@dataclass(frozen=True, eq=False, repr=False)
class WholeFileKind(Kind):
    """A kind that looks at no text.

    Attributes:
        plan: given the edit and its file, it says what becomes of the edit, and writes it down.
        makes: it needs no file; the others are missing without one.
    """

    level: Level = Level.FILE
    takes_within: bool = False
    plan: Callable[[Edit, WholeFile], EditOutcome] | None = None
    makes: bool = False


def whole(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Those edits that look at no text."""
    return tuple(edit for edit in edits if kind_of(edit).level is Level.FILE)


def contradiction(edits: Sequence[Edit]) -> str:
    """Why these edits of one file cannot stand in one patch; empty when they can."""
    path = edits[0].file
    kinds = [edit.kind for edit in edits]
    outer = [edit.kind for edit in whole(edits)]
    inside = len(outer) < len(kinds)
    for kind in outer:
        if kinds.count(kind) > 1:
            return f"{path} has two `{kind.value}` edits"
    others = {kind for kind in outer if kind is not EditKind.MODE}
    if EditKind.ADD_FILE in others and (inside or len(others) > 1):
        return f"{path} is added by this patch: no other edit can touch it"
    if EditKind.DELETE_FILE in others and len(kinds) > 1:
        return f"{path} is deleted by this patch: no other edit can touch it"
    if EditKind.REPLACE_FILE in others and inside:
        return f"{path} is replaced by this patch: no other edit can touch it"
    return ""


def plan_whole(
    edits: Sequence[Edit],
    content: bytes | None,
    after: bytes | None,
    read: Callable[[str], bytes | None],
    attachments: Mapping[str, bytes],
) -> tuple[list[EditOutcome], Written]:
    """Plan the whole-file edits of one file.

    Args:
        edits: whole-file edits alone; they do not contradict each other.
        content: the file's bytes; None when there is no such file.
        after: its bytes once the edits inside it are made; None when these cannot be.
        read: content of other files.

    Returns:
        An outcome for each edit, and new content by path: None where a file goes.
    """
    path = edits[0].file
    written: Written = {} if after is None else {path: after}
    file = WholeFile(content, written, read, attachments)
    result: dict[EditKind, EditOutcome] = {}
    for edit in sorted(edits, key=lambda edit: kind_of(edit).order):  # bytes, then where they go
        result[edit.kind] = _planned(edit, file)
    return [result[edit.kind] for edit in edits], written


def _planned(edit: Edit, file: WholeFile) -> EditOutcome:
    kind = kind_of(edit)
    if not isinstance(kind, WholeFileKind) or kind.plan is None:
        raise TypeError(f"`{kind.key}` is not about a file as a whole")
    if not kind.makes and file.content is None and edit.file not in file.written:
        return EditOutcome(edit, EditStatus.MISSING, message=f"there is no {edit.file}")
    return kind.plan(edit, file)


def ready(edit: Edit) -> EditOutcome:
    return EditOutcome(edit, EditStatus.READY, count=1)


def already(edit: Edit) -> EditOutcome:
    return EditOutcome(edit, EditStatus.ALREADY, count=1)


def conflict(edit: Edit, message: str, hint: str) -> EditOutcome:
    return EditOutcome(edit, EditStatus.CONFLICT, message=message, hint=hint)


def meant_for(edit: Edit, content: bytes | None) -> EditOutcome:
    """Ready, unless the edit says that it is meant for other bytes."""
    here = sha256(content or b"").hexdigest()
    if edit.was in (None, here):
        return ready(edit)
    message = f"{edit.file} has other bytes than this edit is meant for"
    return conflict(edit, message, f"`was: {here}`, if these may go too")


def modes_of(patches: Iterable[Patch], mode_of: Callable[[str], int | None]) -> dict[str, int]:
    """Permission bits that a series asks for, by path; those it leaves alone are not in it.

    Args:
        patches: in order.
        mode_of: of a file of the pristine tree; None when there is none.
    """
    result: dict[str, int] = {}
    for patch in patches:
        before = dict(result)
        for path in dict.fromkeys(edit.file for edit in whole(patch.edits)):
            edits = {edit.kind: edit for edit in whole(patch.edits) if edit.file == path}
            mode = before.get(path)
            if EditKind.MODE in edits:
                mode = int(edits[EditKind.MODE].pattern or "", 8)
            if EditKind.RENAME_FILE in edits:
                result.pop(path, None)
                mode = mode or mode_of(path) or _NEW_FILE_MODE
            elif EditKind.DELETE_FILE in edits:
                result.pop(path, None)
                continue
            if mode is not None:
                result[_path_after(path, edits)] = mode
    return result


def _path_after(path: str, edits: Mapping[EditKind, Edit]) -> str:
    renamed = edits.get(EditKind.RENAME_FILE)
    return renamed.pattern or "" if renamed else path
