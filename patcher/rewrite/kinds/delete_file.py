"""``delete-file``: a file of the target is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.rewrite.whole_files import WholeFile, WholeFileKind, meant_for

if TYPE_CHECKING:
    from patcher.patchfile import nodes
    from patcher.patchfile.kinds import Reading
    from patcher.patchfile.model import Edit
    from patcher.rewrite.outcome import EditOutcome


def check(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    if edit.pattern != "true":
        reader.problems.add(entry.marks["delete-file"], "`delete-file` is true")


def plan(edit: Edit, file: WholeFile) -> EditOutcome:
    file.written[edit.file] = None
    return meant_for(edit, file.content)


KINDS = (
    WholeFileKind(
        "delete-file", order=13,
        summary="`true`: the file is removed.",
        holds="truth", takes_was=True, guardable=False, check=check, plan=plan,
    ),
)  # fmt: skip
