"""``add-file``: a file beside the spec becomes a file of the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.rewrite.kinds.attached import check_attached
from patcher.rewrite.whole_files import WholeFile, WholeFileKind, already, conflict, ready

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.outcome import EditOutcome


def plan(edit: Edit, file: WholeFile) -> EditOutcome:
    new = file.attachments[edit.pattern or ""]
    file.written[edit.file] = new
    if file.content is None:
        return ready(edit)
    if file.content == new:
        return already(edit)
    message = f"{edit.file} is there already, with other content"
    return conflict(edit, message, "give the file another name")


KINDS = (
    WholeFileKind(
        "add-file", order=11,
        summary="A file beside the spec that becomes `file`.",
        holds="text", check=check_attached, plan=plan, makes=True,
    ),
)  # fmt: skip
