"""Settling what an earlier run left: at the start of every command that writes, and on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.store import git
from patcher.store import journal as journals
from patcher.store.journal import Journal, Outcome, Place
from patcher.store.paths import Root
from patcher.store.transaction import blocked_error

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def place_of(workspace: Workspace, journal: Journal) -> Place:
    """Where a journal's change takes place; needs no readable ``series.json``."""
    return Place(
        Root(str(workspace.root / journal.root), workspace.closed_folders()),
        workspace.private_dir,
        workspace.private_dir / journal.target,
        workspace.backups,
    )


def settle_pending(workspace: Workspace) -> dict[str, Any] | None:
    """Finish or undo an interrupted change, and make the git record it lacks.

    Returns what was done, or None. The workspace's lock is held.

    Raises:
        PatcherError: ``foreign-edit``, ``state-damaged``, ``unfinished``.
    """
    workspace.discard_unfinished()
    pending = journals.read(workspace.private_dir)
    done = None
    if pending is not None:
        done = _settle(workspace, pending)
    for target in workspace.targets():
        git.record(workspace.working_copy(target))
    return done


def _settle(workspace: Workspace, pending: Journal) -> dict[str, Any]:
    place = place_of(workspace, pending)
    try:
        outcome, blocked = journals.settle(place, pending)
    except OSError as error:
        raise PatcherError(
            "unfinished",
            f"an interrupted {pending.action} cannot be settled: {error}",
            hint="fix the cause, then run `patcher recover`",
        ) from error
    if outcome is Outcome.BLOCKED:
        raise blocked_error(place, pending, blocked)
    return {
        "outcome": outcome.value,
        "action": pending.action,
        "names": list(pending.names),
        "target": pending.target,
        "files": [step.path for step in pending.steps],
        "transaction": pending.transaction,
    }
