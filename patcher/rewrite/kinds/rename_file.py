"""``rename-file``: a file of the target gets another path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.rewrite.whole_files import WholeFile, WholeFileKind, conflict, ready

if TYPE_CHECKING:
    from patcher.patchfile import nodes
    from patcher.patchfile.kinds import Reading
    from patcher.patchfile.model import Edit
    from patcher.rewrite.outcome import EditOutcome


def check(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    if reader.file(entry, "rename-file", "an edit") == edit.file:
        mark = entry.marks["rename-file"]
        reader.problems.add(mark, "`rename-file` is the path that the file has")


def plan(edit: Edit, file: WholeFile) -> EditOutcome:
    new_path = edit.pattern or ""
    if file.read(new_path) is not None:
        return conflict(edit, f"{new_path} is there already", "choose another path")
    if edit.file in file.written:
        file.written[new_path] = file.written[edit.file]
    file.written[edit.file] = None
    return ready(edit)


KINDS = (
    WholeFileKind(
        "rename-file", order=14,
        summary="The new path of the file, relative to the import root.",
        holds="text", guardable=False, check=check, plan=plan,
    ),
)  # fmt: skip
