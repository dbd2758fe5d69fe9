"""What the kinds that bring a file along share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.patchfile import nodes
    from patcher.patchfile.kinds import Reading
    from patcher.patchfile.model import Edit


def check_attached(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    """The file beside the spec is there, and travels with it."""
    reader.attached(entry, edit.kind.value, edit.pattern or "")
