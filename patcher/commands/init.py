"""`patcher init`: make the working copy of a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import Notify, make_copy
from patcher.results import InitResult

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def init(workspace: Workspace, source: str | None, *, in_place: bool, notify: Notify) -> InitResult:
    """Make a working copy."""
    copy = make_copy(workspace, source, in_place=in_place, notify=notify)
    return InitResult(copy.target, copy.version, copy.origin, copy.root, copy.in_place)
