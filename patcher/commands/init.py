"""`patcher init`: make the working copy of a package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.commands.shared.find_copy import Notify, make_copy

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def init(
    workspace: Workspace, source: str | None, *, in_place: bool, tell: Notify
) -> dict[str, Any]:
    """Make a working copy; the object of ``patcher init --json``."""
    copy = make_copy(workspace, source, in_place=in_place, tell=tell)
    return {
        "target": copy.target,
        "version": copy.version,
        "origin": copy.origin,
        "root": str(copy.root),
        "in_place": copy.in_place,
    }
