"""From names on the command line to a changed working copy: list, show, plan, apply, diff, init."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from patcher.commands import import_helper as ahead
from patcher.commands.opening import copy_for, existing_copy, make_copy, readable_patches
from patcher.commands.replaying import patches_of, record_of, replayed, rewriting
from patcher.errors import PatcherError
from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.model import EditStatus
from patcher.rewrite.plan import Plan, Read, plan_patches
from patcher.rewrite.replay import replay

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.rewrite.problem import Problem
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

Tell = Callable[[str], None]


def init(workspace: Workspace, source: str | None, *, in_place: bool, tell: Tell) -> dict[str, Any]:
    """Make a working copy; the object of ``patcher init --json``."""
    copy = make_copy(workspace, source, in_place=in_place, tell=tell)
    return {
        "target": copy.target,
        "version": copy.version,
        "origin": copy.origin,
        "root": str(copy.root),
        "in_place": copy.in_place,
    }


def catalogue(workspace: Workspace, target: str | None) -> dict[str, Any]:
    """The object of ``patcher list --json``: every patch with its state on the working copy."""
    known = load_catalogue(workspace.root)
    copy = existing_copy(workspace, target)
    readable, broken = readable_patches(workspace)
    patches = [
        {
            "name": patch.name,
            "summary": patch.summary,
            "target": list(patch.targets),
            "equivalence": patch.equivalence.value,
            "reproduction": patch.reproduction,
            "state": state_of(patch, copy, workspace),
        }
        for patch in readable
    ]
    sets = [
        {"name": one.name, "patches": list(one.patches), "summary": one.summary}
        for one in known.sets.values()
    ]
    unreadable = [{"where": one.where, "message": one.message} for one in broken]
    return {"patches": patches, "sets": sets, "unreadable": unreadable}


def state_of(patch: Patch, copy: WorkingCopy | None, workspace: Workspace) -> str:
    """``available``, ``applied``, ``blocked`` or ``incompatible``.

    Without a working copy a patch is available: nothing is known that stands against it.
    """
    if copy is None:
        return "available"
    if any(applied.name == patch.name for applied in copy.series):
        return "applied"
    plan = plan_on(copy, [patch], workspace)
    if plan.ok:
        return "available"
    codes = {problem.code for problem in plan.problems}
    return "incompatible" if "incompatible" in codes else "blocked"


def show(workspace: Workspace, name: str, target: str | None) -> dict[str, Any]:
    """The object of ``patcher show --json``: one patch whole, with its diff."""
    patch = load_catalogue(workspace.root).get(name)
    copy = existing_copy(workspace, target, patch)
    found: dict[str, Any] = {
        "name": patch.name,
        "summary": patch.summary,
        "target": list(patch.targets),
        "equivalence": patch.equivalence.value,
        "reproduction": patch.reproduction,
        "state": state_of(patch, copy, workspace),
        "requires": list(patch.requires),
        "conflicts": list(patch.conflicts),
        "companions": list(patch.companions),
        "hazards": list(patch.hazards),
        "declares": [each.value for each in patch.declares],
        "measured": list(patch.measured),
        "spec": patch.path,
        "problems": [],
        "diff": "",
    }
    if copy is None:
        found["problems"] = ["no working copy yet: `patcher init`, or `patcher apply`, makes one"]
    elif found["state"] == "applied":
        others = tuple(one for one in copy.series if one.name != name)
        found["diff"] = _diff_between(replayed(copy, others), replayed(copy, copy.series))
    else:
        plan = plan_on(copy, [patch], workspace)
        found["problems"] = _rendered(plan.problems)
        found["diff"] = plan.diff()
    return found


def plan(
    workspace: Workspace, names: Sequence[str], *, target: str | None, source: str | None
) -> dict[str, Any]:
    """The object of ``patcher plan --json``; writes nothing but a working copy's first commit.

    Args:
        source: plan on this source instead of the working copy, which stays untouched.
    """
    patches = load_catalogue(workspace.root).expand(names)
    if source is not None:
        return _plan_elsewhere(patches, source)
    copy = copy_for(workspace, patches, target)
    return plan_json(plan_on(copy, patches, workspace), copy.read)


def _plan_elsewhere(patches: Sequence[Patch], source: str) -> dict[str, Any]:
    """A plan on another source, and of each edit whether its site fits, has moved or is gone."""
    from patcher.rewrite.follow import follow
    from patcher.store.source import find_source

    other = find_source(source)

    def read(path: str) -> bytes | None:
        found = other.files.get(path)
        return found[0] if found else None

    planned = plan_patches(
        patches, read, other.version, other.distribution, packages=other.packages
    )
    result = plan_json(planned, read)
    entries = {
        (patch["name"], edit["spec_line"]): edit
        for patch in result["patches"]
        for edit in patch["edits"]
    }
    for one in follow([each.patch for each in planned.patches], read, other.files):
        entry = entries[one.patch, one.edit.mark.line]
        entry["fit"] = one.fit.value
        moved = one.fit.value == "moved" and one.site is not None
        entry["moved_to"] = f"{one.file}:{one.site.line}" if moved and one.site else None
    return {"on": f"{other.distribution} {other.version}", **result}


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


def plan_json(plan: Plan, read: Read) -> dict[str, Any]:
    """A plan in the keys of the JSON contract; lines are those of the target as it is now."""
    lines = _lines_now(plan, read)
    patches = [
        {
            "name": planned.patch.name,
            "edits": [
                {
                    "file": outcome.edit.file,
                    "within": outcome.edit.within,
                    "status": outcome.status.value,
                    "expected": str(outcome.edit.expect),
                    "spec_line": outcome.edit.mark.line,
                    "sites": [
                        {
                            "line": lines(number, outcome.edit.file, site.line),
                            "column": site.column,
                            "text": site.text,
                        }
                        for site in outcome.sites
                    ],
                    "message": outcome.message,
                }
                for outcome in planned.edits
            ],
        }
        for number, planned in enumerate(plan.patches)
    ]
    return {
        "patches": patches,
        "diff": plan.diff(),
        "problems": _rendered(plan.problems),
        "not_commuting": [list(pair) for pair in plan.not_commuting],
    }


def _lines_now(plan: Plan, read: Read) -> Callable[[int, str, int], int]:
    """Lines as planned, on what earlier patches leave, to lines of the target as it is now."""

    from patcher.hazards.lines import LineMap

    @cache
    def mapped(number: int, file: str) -> LineMap | None:
        earlier = [one.patch for one in plan.patches[:number] if one.status is EditStatus.READY]
        left = replay(read, earlier) if earlier else {}
        now = read(file)
        return LineMap(now, left[file]) if file in left and now is not None else None

    def line_now(number: int, file: str, line: int) -> int:
        lines = mapped(number, file)
        return lines.before(line) if lines else line

    return line_now


def require_fit(result: dict[str, Any]) -> None:
    """Raise ``check-failed`` when a plan has problems (``patcher plan --check``)."""
    if result["problems"]:
        raise PatcherError(
            "check-failed",
            f"{len(result['problems'])} edits do not fit",
            notes=result["problems"],
            payload=result,
        )


def apply(
    workspace: Workspace,
    names: Sequence[str],
    *,
    target: str | None,
    dry_run: bool = False,
    tell: Tell = lambda _: None,
) -> dict[str, Any]:
    """Apply patches: all or nothing. The object of ``patcher apply --json``.

    A patch of the series whose spec has changed since is applied anew in its place.

    Raises:
        PatcherError: every problem of the plan at once; ``drift``. Nothing was written.
    """
    patches = load_catalogue(workspace.root).expand(names)
    with workspace.lock("apply"):
        copy = copy_for(workspace, patches, target, tell)
        held = {one.name: one.sha256 for one in copy.series}
        renewed = {p.name: r for p in patches if (r := record_of(p)).sha256 != held.get(p.name)}
        already = [patch.name for patch in patches if patch.name not in renewed]
        kept = tuple(renewed.get(one.name, one) for one in copy.series)
        if kept != copy.series:  # a spec was edited since it was applied
            files: Mapping[str, bytes | None] = replayed(copy, kept)
            planned = plan_on(copy, [p for p in patches if p.name not in held], workspace, files)
        else:
            files, planned = {}, plan_on(copy, patches, workspace)
        ahead.end()  # nothing is left to rewrite, and a verification may follow
        if not planned.ok:
            raise planned.error()
        added = [each.patch for each in planned.patches if each.patch.name not in held]
        series = (*kept, *map(record_of, added))
        files = {**files, **planned.files}
        result: dict[str, Any] = {
            "applied": [name for name in renewed if name in held] + [p.name for p in added],
            "already": already,
            "files": [],
            "commit": None,
        }
        if dry_run:
            result |= {"dry_run": True, "files": [{"path": path} for path in files]}
        elif series != copy.series:
            done = copy.change(files, series, "apply", result["applied"])
            result["files"] = [
                {"path": path, "before": old, "after": new} for path, old, new in done.files
            ]
            result["commit"] = done.commit
    return result


def diff(workspace: Workspace, target: str | None) -> dict[str, Any]:
    """Patched against pristine; hand edits in touched files show up too."""
    copy = workspace.working_copy(target)
    paths = {*copy.state.touched, *(one.path for one in copy.drift() if one.kind != "added")}
    before = {path: copy.pristine(path) for path in sorted(paths)}
    after = {path: copy.read(path) for path in sorted(paths)}
    return {"diff": _diff_between(before, after)}


def _diff_between(before: dict[str, bytes | None], after: dict[str, bytes | None]) -> str:
    from patcher.rewrite.diff import unified_diff

    return unified_diff(before, after)


def _rendered(problems: Sequence[Problem]) -> list[str]:
    from patcher.rewrite.problem import render_problem

    return [render_problem(problem) for problem in problems]
