"""Pruning backups and kept runs, on request only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import state as states
from patcher.store.fs import Folder
from patcher.store.recovery import read_manifests
from patcher.store.reports import Reports

if TYPE_CHECKING:
    from pathlib import Path

    from patcher.store.journal import Journal
    from patcher.store.workspace import Workspace

KEPT_RUNS = 50


@dataclass(frozen=True)
class Pruned:
    """``patcher gc``.

    Attributes:
        removed: paths of backups, relative to the workspace; ``kept`` counts the manifests left.
        runs: numbers of the kept runs that were removed.
    """

    removed: tuple[str, ...]
    freed_bytes: int
    kept: int
    runs: tuple[int, ...]


def gc(
    workspace: Workspace, keep: int = 10, *, keep_runs: int = KEPT_RUNS, dry_run: bool = False
) -> Pruned:
    """Remove backups that neither a working copy nor one of the newest manifests needs, and runs.

    Pristine bytes of files that a patch changes always stay.

    Args:
        keep: manifests to keep of each target, newest first; at least one.
        keep_runs: kept runs, newest first; beside them the last pass of each target.
    """
    keep = max(keep, 1)
    with workspace.lock("gc"):
        manifests, _ = read_manifests(workspace)
        by_target: dict[str, list[Journal]] = {}
        for manifest in manifests:
            by_target.setdefault(manifest.target, []).append(manifest)
        kept = [each for group in by_target.values() for each in group[-keep:]]
        dropped = [each for each in manifests if each not in kept]
        needed = _needed(workspace, kept)
        removed = [workspace.backups.manifests / each.manifest_name for each in dropped]
        removed += [
            path
            for path in workspace.backups.object_files()
            if f"{path.parent.name}{path.name}" not in needed
        ]
        reports = Reports(workspace)
        runs = reports.unneeded(keep_runs)
        of_runs = [file for number in runs for file in reports.path(number).rglob("*")]
        freed = sum(path.lstat().st_size for path in (*removed, *of_runs) if path.is_file())
        if not dry_run:
            _remove(removed)
            reports.remove(runs)
    return Pruned(
        removed=tuple(path.relative_to(workspace.root).as_posix() for path in removed),
        freed_bytes=freed,
        kept=len(kept),
        runs=tuple(runs),
    )


def _needed(workspace: Workspace, manifests: list[Journal]) -> set[str]:
    """Hashes of the objects that must stay."""
    needed: set[str] = set()
    result = [workspace.state(target) for target in workspace.targets()]
    for manifest in manifests:
        for sha256 in (manifest.state_before, manifest.state_after):
            needed.add(sha256)
            with suppress(PatcherError):
                result.append(states.load(workspace.backups.get(sha256), sha256))
        needed |= {step.before for step in manifest.steps if step.before}
    for state in result:
        needed |= {each.pristine for each in state.touched.values() if each.pristine}
        needed |= {state.index} if state.index else set()
    return needed


def _remove(paths: list[Path]) -> None:
    # Manifests first: a manifest must never name a removed object.
    for path in paths:
        with Folder.open(path.parent) as folder:
            folder.unlink(path.name)
