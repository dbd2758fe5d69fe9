"""The functions of `import patcher`: the commands, with the arguments a program has at hand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patcher.commands.judge import JudgeOptions
    from patcher.execution.runner import Observer
    from patcher.results import (
        ApplyResult,
        JudgedCandidate,
        JudgeResult,
        PlanResult,
        RevertResult,
        ScanResult,
        VerifyResult,
    )
    from patcher.store.workspace import Workspace
    from patcher.verify.options import VerifyOptions

Place = Union["Workspace", str, "os.PathLike[str]"]
"""A workspace, or the folder it is in."""


def plan(
    workspace: Place, names: Sequence[str], *, target: str | None = None, on: str | None = None
) -> PlanResult:
    """Say what applying patches would change; nothing is written.

    Args:
        names: patches, and sets as ``@NAME``.
        on: plan on this source (as for ``patcher init``) instead of the working copy.

    Raises:
        PatcherError: ``unknown-patch``, ``no-working-copy``, ``source``. Edits that do not fit
            are no error: see `PlanResult.fits`.
    """
    from patcher.commands import plan as command

    return command.plan(_workspace(workspace), names, target=target, source=on)


def apply(
    workspace: Place, names: Sequence[str], *, target: str | None = None, dry_run: bool = False
) -> ApplyResult:
    """Apply patches to the working copy: all or nothing.

    Raises:
        PatcherError: ``missing``, ``ambiguous``, ``conflict``, ``incompatible``, ``drift``, ...;
            nothing was written.
    """
    from patcher.commands import apply as command

    return command.apply(
        _workspace(workspace), names, command.ApplyOptions(target, dry_run=dry_run)
    )


def revert(
    workspace: Place,
    names: Sequence[str] | None = None,
    *,
    target: str | None = None,
    dry_run: bool = False,
) -> RevertResult:
    """Take patches out in any order; without names all of them: pristine, byte for byte.

    Raises:
        PatcherError: ``drift``, ``unknown-patch``, ``blocked``; nothing was written.
    """
    from patcher.commands import revert as command

    place = _workspace(workspace)
    if names is None:
        return command.revert_all(place, target, dry_run=dry_run)
    return command.revert(place, names, target, dry_run=dry_run)


def verify(
    workspace: Place, options: VerifyOptions | None = None, observer: Observer | None = None
) -> VerifyResult:
    """Run patched beside pristine, judge, and put the tree back when it fails.

    A failure is a result, no exception: see `VerifyResult.verdict` and `VerifyResult.error`.

    Raises:
        PatcherError: ``drift``, ``environment``, ``config``: nothing was judged.
    """
    from patcher.commands import verify as command

    return command.verify(_workspace(workspace), options, observer)


def judge(
    workspace: Place,
    candidates: Sequence[str],
    options: JudgeOptions | None = None,
    *,
    report: Callable[[JudgedCandidate], None] = lambda _: None,
) -> JudgeResult:
    """Judge many candidates beside pristine; none is applied, the working copy is not touched.

    Args:
        candidates: patches, sets as ``@NAME``, spec files, unified diffs, git refs, folders.
        report: called each time more is known of a candidate.

    Raises:
        PatcherError: ``usage``, ``unknown-patch``: a candidate names nothing, and none was judged;
            ``environment``, ``config``, ``locked``. A candidate that cannot be read or does not
            fit is a result.
    """
    from patcher.commands import judge as command

    return command.judge(_workspace(workspace), candidates, options, report=report)


def scan(
    workspace: Place,
    names: Sequence[str] = (),
    *,
    target: str | None = None,
    packages: Sequence[str] = (),
) -> ScanResult:
    """Map in-place updates and modes; with names, predict what the patches will break.

    Args:
        packages: installed packages to map beside the target.
    """
    from patcher.commands import scan as command

    options = command.ScanOptions(packages)
    return command.scan(_workspace(workspace), names, options, target=target)


def _workspace(place: Place) -> Workspace:
    from patcher.store.workspace import Workspace

    return place if isinstance(place, Workspace) else Workspace(Path(place))
