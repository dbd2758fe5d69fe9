"""Planning patches on a working copy, and what of a plan every command prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from patcher.commands.shared.replay_series import patches_of, rewriting
from patcher.rewrite.plan import Plan, plan_patches

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.rewrite.problem import Problem
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def plan_on(
    copy: WorkingCopy,
    patches: Sequence[Patch],
    workspace: Workspace,
    instead: Mapping[str, bytes | None] | None = None,
) -> Plan:
    """Plan patches on a working copy as it is now, or with other content in some files."""
    files_now = instead or {}
    series = patches_of(copy.series)
    files = {file for patch in [*patches, *series] for file in patch.files}
    return plan_patches(
        patches,
        lambda path: files_now[path] if path in files_now else copy.read(path),
        copy.version,
        copy.target,
        packages=copy.packages,
        applied=series,
        pristine=copy.pristine,
        drifted={one.path for one in copy.drift(files)},
        rewrite=rewriting(workspace),
    )


def rendered(problems: Sequence[Problem]) -> list[str]:
    from patcher.rewrite.problem import render_problem

    return [render_problem(problem) for problem in problems]


def diff_between(before: dict[str, bytes | None], after: dict[str, bytes | None]) -> str:
    from patcher.rewrite.diff import unified_diff

    return unified_diff(before, after)
