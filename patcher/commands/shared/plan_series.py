"""Planning patches on a working copy, and what of a plan every command prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.commands.shared.replay_series import left_by_series, patches_of, rewriting, unguarded
from patcher.errors import PatcherError
from patcher.patchfile.model import EditStatus
from patcher.rewrite.plan import Plan, PlanSeries, PlanTarget, plan_patches
from patcher.rewrite.replay import asks_for_modes, replay_modes
from patcher.store.changes import goal_of, not_there

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.rewrite.file import Rewrite
    from patcher.rewrite.problem import Problem
    from patcher.store.folders import Folders
    from patcher.store.working_copy import WorkingCopy


def plan_on(
    copy: WorkingCopy,
    patches: Sequence[Patch],
    instead: Mapping[str, bytes | None] | None = None,
    *,
    search: bool = False,
    rewrite: Rewrite | None = None,
) -> Plan:
    """Plan patches on a working copy as it is now, or with other content in some files.

    Args:
        search: say where the code stands now of an edit whose file is not there.
        rewrite: another way to rewrite a file than in this process.

    Hand edits that are exactly what the patches write are no drift: a plan looks below them.
    """
    instead = instead or unguarded(copy)
    rewrite = rewriting(copy.workspace, rewrite)
    series = patches_of(copy.series)
    files = {file for patch in [*patches, *series] for file in patch.files}
    drift = copy.drift(files)
    present = PlanSeries(series, copy.pristine)
    if not drift:
        return _plan(copy, patches, present, instead or {}, rewrite, search)
    below = dict(instead or {})
    with suppress(PatcherError):
        below = {**left_by_series(copy, [each.path for each in drift]), **below}
    plan = _plan(copy, patches, present, below, rewrite, search)
    goal = goal_of(copy, {**(instead or {}), **plan.files}, plan.modes)
    if plan.ok and not not_there(copy, drift, goal):
        return plan
    present = replace(present, drifted=[each.path for each in drift])
    return _plan(copy, patches, present, below, rewrite, search)


def _plan(
    copy: WorkingCopy,
    patches: Sequence[Patch],
    series: PlanSeries,
    instead: Mapping[str, bytes | None],
    rewrite: Rewrite,
    search: bool,
) -> Plan:
    plan = plan_patches(
        patches,
        lambda path: instead[path] if path in instead else copy.read(path),
        plan_target(copy, search=search),
        series,
        rewrite,
    )
    ready = [each.patch for each in plan.patches if each.status is EditStatus.READY]
    if not plan.ok or not any(map(asks_for_modes, [*series.applied, *ready])):
        return plan
    before = replay_modes(copy.pristine, copy.pristine_mode, series.applied, rewrite)
    after = replay_modes(copy.pristine, copy.pristine_mode, [*series.applied, *ready], rewrite)
    return replace(plan, modes=after, modes_before={**_modes(copy, after), **before})


def plan_target(copy: WorkingCopy, *, search: bool = False) -> PlanTarget:
    """A working copy's package as planning sees it; ``search`` as in `plan_on`."""
    return PlanTarget(
        copy.version,
        copy.target,
        copy.packages,
        paths=copy.paths if search else None,
        python=lambda: target_python(copy.workspace),
    )


def target_python(workspace: Folders) -> tuple[int, int]:
    """Major and minor version of the Python that runs the target."""
    from patcher.store.interpreter import configured, version_of

    return version_of(configured(workspace.root))


def _modes(copy: WorkingCopy, paths: Iterable[str]) -> dict[str, int]:
    result = {path: copy.pristine_mode(path) for path in paths}
    return {path: mode for path, mode in result.items() if mode is not None}


def rendered(problems: Sequence[Problem]) -> list[str]:
    from patcher.rewrite.problem import render_problem

    return [render_problem(problem) for problem in problems]


def diff_between(before: dict[str, bytes | None], after: dict[str, bytes | None]) -> str:
    from patcher.rewrite.diff import unified_diff

    return unified_diff(before, after)
