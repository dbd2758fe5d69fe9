"""``replace-file``: a file of the target gets the bytes of a file beside the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.rewrite.kinds.attached import check_attached
from patcher.rewrite.whole_files import WholeFile, WholeFileKind, already, meant_for

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.outcome import EditOutcome


def plan(edit: Edit, file: WholeFile) -> EditOutcome:
    file.written[edit.file] = new = file.attachments[edit.pattern or ""]
    return already(edit) if file.content == new else meant_for(edit, file.content)


KINDS = (
    WholeFileKind(
        "replace-file", order=12,
        summary="A file beside the spec whose bytes `file` gets; needs `was`.",
        holds="text", takes_was=True, needs_was=True, check=check_attached, plan=plan,
    ),
)  # fmt: skip
