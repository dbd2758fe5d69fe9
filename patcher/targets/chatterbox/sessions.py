"""Which session a model of the matrix is opened with. Runs in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.targets.chatterbox import entries
from patcher.targets.chatterbox.entry_points import session_of
from patcher.targets.chatterbox.serving import ChatterboxSession

if TYPE_CHECKING:
    from patcher.targets.adapter import Opening


def open_session(opening: Opening) -> ChatterboxSession:
    """Load one model of the matrix (the function `Adapter.serving` names)."""
    entry = opening.model.options.get("entry")
    kind = ChatterboxSession if entry is None else session_of(entry)
    session = kind(opening)
    session.elsewhere = entries
    return session
