"""`patcher init`: make the working copy of a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import Notify, make_copy
from patcher.results import InitResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.store.workspace import Workspace


def init(
    workspace: Workspace, sources: Sequence[str], *, in_place: bool, notify: Notify
) -> InitResult:
    """Make a working copy; of several sources, one that holds them all."""
    copy = make_copy(workspace, sources, in_place=in_place, notify=notify)
    return InitResult(copy.target, copy.version, copy.origin, copy.root, copy.in_place)
