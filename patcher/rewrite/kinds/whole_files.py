"""What becomes of files as a whole: added, replaced, deleted, renamed, given another mode.

Such edits look at no text. Of one file a patch may say one of them, and its mode; a file that is
renamed may also be edited, under its old name.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from patcher.patchfile.kinds import Kind, Level, kind_of
from patcher.patchfile.model import Edit, EditKind, EditStatus
from patcher.rewrite.outcome import EditOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from patcher.patchfile import nodes
    from patcher.patchfile.kinds import Reading
    from patcher.patchfile.model import Patch

_NEW_FILE_MODE = 0o644
Written = dict[str, "bytes | None"]


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
    result: dict[EditKind, EditOutcome] = {}
    for edit in sorted(edits, key=lambda edit: kind_of(edit).order):  # bytes, then where they go
        result[edit.kind] = _one(edit, content, written, read, attachments)
    return [result[edit.kind] for edit in edits], written


def _one(
    edit: Edit,
    content: bytes | None,
    written: Written,
    read: Callable[[str], bytes | None],
    held: Mapping[str, bytes],
) -> EditOutcome:
    path, kind = edit.file, edit.kind
    if kind is EditKind.ADD_FILE:
        return _add(edit, content, held[edit.pattern or ""], written)
    if content is None and path not in written:
        return EditOutcome(edit, EditStatus.MISSING, message=f"there is no {path}")
    if kind is EditKind.MODE:
        return EditOutcome(edit, EditStatus.READY, found=1)
    assert content is not None
    here = sha256(content).hexdigest()
    if kind is EditKind.REPLACE_FILE:
        new = held[edit.pattern or ""]
        written[path] = new
        if content == new:
            return EditOutcome(edit, EditStatus.ALREADY, found=1)
        return _meant(edit, here) or EditOutcome(edit, EditStatus.READY, found=1)
    if kind is EditKind.DELETE_FILE:
        written[path] = None
        return _meant(edit, here) or EditOutcome(edit, EditStatus.READY, found=1)
    new_path = edit.pattern or ""
    if read(new_path) is not None:
        message, hint = f"{new_path} is there already", "choose another path"
        return EditOutcome(edit, EditStatus.CONFLICT, message=message, hint=hint)
    if path in written:
        written[new_path] = written[path]
    written[path] = None
    return EditOutcome(edit, EditStatus.READY, found=1)


def _add(edit: Edit, content: bytes | None, new: bytes, written: Written) -> EditOutcome:
    written[edit.file] = new
    if content is None:
        return EditOutcome(edit, EditStatus.READY, found=1)
    if content == new:
        return EditOutcome(edit, EditStatus.ALREADY, found=1)
    message = f"{edit.file} is there already, with other content"
    hint = "give the file another name"
    return EditOutcome(edit, EditStatus.CONFLICT, message=message, hint=hint)


def _meant(edit: Edit, here: str) -> EditOutcome | None:
    """The refusal of an edit that is meant for other bytes."""
    if edit.was in (None, here):
        return None
    message = f"{edit.file} has other bytes than this edit is meant for"
    hint = f"`was: {here}`, if these may go too"
    return EditOutcome(edit, EditStatus.CONFLICT, message=message, hint=hint)


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


def check_attached(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    reader.attached(entry, edit.kind.value, edit.pattern or "")


def check_deleted(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    if edit.pattern != "true":
        reader.problems.add(entry.marks["delete-file"], "`delete-file` is true")


def check_renamed(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    if reader.file(entry, "rename-file", "an edit") == edit.file:
        mark = entry.marks["rename-file"]
        reader.problems.add(mark, "`rename-file` is the path that the file has")


def check_mode(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    if not kind_of(edit).fits(edit.pattern or ""):
        hint = "three octal digits that let the owner read and write, such as 644 or 755"
        message = f"`mode: {edit.pattern}` is not a file's permission bits"
        reader.problems.add(entry.marks["mode"], message, hint)


KINDS = (
    Kind(
        "add-file", order=11,
        summary="A file beside the spec that becomes `file`.",
        holds="text", level=Level.FILE, takes_within=False, check=check_attached,
    ),
    Kind(
        "replace-file", order=12,
        summary="A file beside the spec whose bytes `file` gets; needs `was`.",
        holds="text", level=Level.FILE, takes_within=False, takes_was=True, needs_was=True,
        check=check_attached,
    ),
    Kind(
        "delete-file", order=13,
        summary="`true`: the file is removed.",
        holds="truth", level=Level.FILE, takes_within=False, takes_was=True, guardable=False,
        check=check_deleted,
    ),
    Kind(
        "rename-file", order=14,
        summary="The new path of the file, relative to the import root.",
        holds="text", level=Level.FILE, takes_within=False, guardable=False, check=check_renamed,
    ),
    Kind(
        "mode", order=15,
        summary="The file's permission bits, such as 755.",
        holds="mode", pattern="0?[67][0-7]{2}", level=Level.FILE, takes_within=False,
        guardable=False, check=check_mode,
    ),
)  # fmt: skip
