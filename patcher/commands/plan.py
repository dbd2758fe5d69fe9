"""`patcher plan`: what patches would change, edit by edit; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import source_of, target_of
from patcher.commands.shared.plan_series import plan_on, rendered, target_python
from patcher.errors import PatcherError
from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.model import EditStatus
from patcher.results import PlannedEdit, PlannedPatch, PlannedSite, PlanResult, as_json
from patcher.rewrite.file import WRITABLE, rewrite_patch
from patcher.rewrite.plan import Plan, PlanTarget, Read, plan_patches
from patcher.rewrite.replay import replay
from patcher.rewrite.selection import select
from patcher.store.interpreter import configured, version_of

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.rewrite.follow import Followed
    from patcher.rewrite.outcome import EditOutcome
    from patcher.store.source import DistributionSource
    from patcher.store.workspace import Workspace


def plan(
    workspace: Workspace, names: Sequence[str], *, target: str | None, source: str | None
) -> PlanResult:
    """What applying these patches would change; writes nothing, and makes no working copy.

    Where there is none yet, the plan is made on the installed distribution, in memory.

    Args:
        source: plan on this source instead of the working copy, which stays untouched: there, too,
            each patch on what those before it leave.
    """
    patches = load_catalogue(workspace.root).expand(names)
    if source is not None:
        return _plan_elsewhere(patches, source, configured(workspace.root))
    name = target_of(workspace, patches, target)
    if name not in workspace.targets():
        return _plan_installed(workspace, patches, names, name)
    copy = workspace.working_copy(name)
    selection = select(patches, names, lambda some: plan_on(copy, some, search=True))
    return replace(plan_result(selection.plan, copy.read), left_out=selection.left_out)


def _plan_installed(
    workspace: Workspace, patches: Sequence[Patch], names: Sequence[str], target: str
) -> PlanResult:
    """A plan on the installed distribution, in memory: as on the working copy `init` would make."""
    source = source_of(workspace, target.split(","))
    read = _reading(source)
    selection = select(
        patches,
        names,
        lambda some: plan_patches(
            some,
            read,
            _target(source, lambda: target_python(workspace)),
        ),
    )
    return replace(plan_result(selection.plan, read), left_out=selection.left_out)


def _target(source: DistributionSource, python: Callable[[], tuple[int, int]]) -> PlanTarget:
    return PlanTarget(
        source.version,
        source.distribution,
        source.packages,
        paths=lambda: source.files,
        python=python,
    )


def _reading(source: DistributionSource) -> Read:
    def read(path: str) -> bytes | None:
        held = source.files.get(path)
        return held[0] if held else None

    return read


def _plan_elsewhere(patches: Sequence[Patch], source: str, python: str) -> PlanResult:
    """A plan on another source, and of each edit whether its site fits, has moved or is gone."""
    from patcher.rewrite.follow import follow
    from patcher.store.source import find_source

    other = find_source(source, python)
    read = _reading(other)
    planned = plan_patches(
        patches,
        read,
        _target(other, lambda: version_of(python)),
    )
    result = plan_result(planned, read)
    fits = {
        (each.patch, each.edit.mark.line): each
        for each in follow([each.patch for each in planned.patches], read, other.files)
    }
    followed = [
        replace(
            patch,
            edits=[_followed(edit, fits.get((patch.name, edit.spec_line))) for edit in patch.edits],
            needs=_needs(planned, number, read),
        )
        for number, patch in enumerate(result.patches)
    ]
    return replace(result, patches=followed, on=f"{other.distribution} {other.version}")


def _needs(plan: Plan, number: int, read: Read) -> list[str]:
    """The earlier patches without which a patch that fits would not; empty where it fits alone."""
    each = plan.patches[number]
    files = set(each.patch.files)
    earlier = [
        one.patch
        for one in plan.patches[:number]
        if one.status is EditStatus.READY and files & set(one.patch.files)
    ]
    if each.problems or not earlier or _fits(each.patch, read):
        return []
    enough = [one for one in earlier if _fits(each.patch, _left_by(one, read))]
    return [one.name for one in enough or earlier]


def _fits(patch: Patch, read: Read) -> bool:
    outcomes, _ = rewrite_patch(patch, read)
    return all(outcome.status in WRITABLE for outcome in outcomes)


def _left_by(patch: Patch, read: Read) -> Read:
    """The files as a patch leaves them."""
    _, written = rewrite_patch(patch, read)
    return lambda path: written[path] if path in written else read(path)


def _followed(edit: PlannedEdit, at: Followed | None) -> PlannedEdit:
    if at is None:
        return edit
    moved = at.fit.value == "moved" and at.site is not None
    moved_to = f"{at.file}:{at.site.line}" if moved and at.site else None
    return replace(edit, fit=at.fit.value, moved_to=moved_to)


def plan_result(plan: Plan, read: Read) -> PlanResult:
    """A plan as it is printed; lines are those of the target as it is now."""
    lines = _lines_now(plan, read)

    def edit_of(number: int, outcome: EditOutcome) -> PlannedEdit:
        edit = outcome.edit
        sites = [
            PlannedSite(lines(number, edit.file, site.line), site.column, site.text)
            for site in outcome.sites
        ]
        return PlannedEdit(
            file=edit.file,
            within=edit.within,
            status=outcome.status.value,
            expected=str(edit.expect),
            spec_line=edit.mark.line,
            sites=sites,
            message=outcome.message,
            notes=outcome.notes,
        )

    patches = [
        PlannedPatch(
            planned.patch.name,
            planned.fit.value,
            [edit_of(number, each) for each in planned.edits],
            [problem.message for problem in planned.problems],
        )
        for number, planned in enumerate(plan.patches)
    ]
    refused = plan.problems[0].code if plan.problems else None
    return PlanResult(
        patches, plan.diff(), rendered(plan.problems), plan.not_commuting, refused=refused
    )


def _lines_now(plan: Plan, read: Read) -> Callable[[int, str, int], int]:
    """Lines as planned, on what earlier patches leave, to lines of the target as it is now."""

    from patcher.hazards.lines import LineMap

    @cache
    def mapped(number: int, file: str) -> LineMap | None:
        earlier = [each.patch for each in plan.patches[:number] if each.status is EditStatus.READY]
        left = replay(read, earlier) if earlier else {}
        now = read(file)
        then = left.get(file)
        return LineMap(now, then) if now is not None and then is not None else None

    def line_now(number: int, file: str, line: int) -> int:
        lines = mapped(number, file)
        return lines.before(line) if lines else line

    return line_now


def require_fit(result: PlanResult, *, check: bool) -> None:
    """Raise the error that `patcher apply` would end with, if any.

    Raises:
        PatcherError: the code of the plan's first problem; ``check-failed`` with ``check``.
    """
    if result.refused is None:
        return
    count = len(result.problems)
    message = "1 edit does not fit" if count == 1 else f"{count} edits do not fit"
    code = "check-failed" if check else result.refused
    hint = "do what is said of " + ("it" if count == 1 else "each") + ", and plan again"
    raise PatcherError(code, message, hint, notes=result.problems, payload=as_json(result))
