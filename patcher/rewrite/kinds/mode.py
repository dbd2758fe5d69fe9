"""``mode``: a file of the target gets other permission bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.kinds import kind_of
from patcher.rewrite.whole_files import WholeFile, WholeFileKind, ready

if TYPE_CHECKING:
    from patcher.patchfile import nodes
    from patcher.patchfile.kinds import Reading
    from patcher.patchfile.model import Edit
    from patcher.rewrite.outcome import EditOutcome


def check(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    if not kind_of(edit).fits(edit.pattern or ""):
        hint = "three octal digits that let the owner read and write, such as 644 or 755"
        message = f"`mode: {edit.pattern}` is not a file's permission bits"
        reader.problems.add(entry.marks["mode"], message, hint)


def plan(edit: Edit, file: WholeFile) -> EditOutcome:
    return ready(edit)  # the bits are the store's: see `whole_files.modes_of`


KINDS = (
    WholeFileKind(
        "mode", order=15,
        summary="The file's permission bits, such as 755.",
        holds="mode", pattern="0?[67][0-7]{2}", guardable=False, check=check, plan=plan,
    ),
)  # fmt: skip
