"""`patcher status`. Imports neither libcst nor git: this is the prompt's command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import copies
from patcher.patchfile.versions import with_version
from patcher.results import CopyStatus, DriftedFile, StatusResult

if TYPE_CHECKING:
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def status(workspace: Workspace, target: str | None) -> StatusResult:
    """The series, the drift and an interrupted change; reports, and settles nothing."""
    journal = workspace.journal()
    if target is None and not workspace.targets():
        from patcher.store.lost import lost_copies

        lost = [f"{item.sentence}: {item.hint}" for item in lost_copies(workspace)]
        return StatusResult(journal=journal, lost=lost)
    result = [_of(copy) for copy in copies(workspace, target)]
    first = result[0]
    if len(result) > 1:
        from patcher.commands.shared.find_copy import configured_target

        named = configured_target(workspace)
        asked = workspace.find_target(named) if named else None
        first = next((each for each in result if each.target == asked), first)
    return StatusResult(**vars(first), journal=journal, working_copies=result)


def _of(copy: WorkingCopy) -> CopyStatus:
    from patcher.commands.shared.passed_record import workload_changed
    from patcher.store.checkout import others

    return CopyStatus(
        target=copy.target,
        version=copy.version,
        root=copy.root,
        series=[applied.name for applied in copy.series],
        drift=[DriftedFile(each.path, each.kind) for each in copy.drift()],
        verified=copy.verified,
        workload_changed=bool(copy.verified) and workload_changed(copy),
        others=[f"{user.workspace}: {', '.join(user.series)}" for user in others(copy)],
    )


def lines(result: StatusResult) -> list[str]:
    """The same for people."""
    if result.lost:
        text = list(result.lost)
    elif result.target is None:
        text = ["no working copy here yet", "next: `patcher apply NAME`, or `patcher init`"]
    else:
        text = [line for copy in result.working_copies for line in _copy_lines(copy)]
    if result.journal:
        action = getattr(result.journal, "action", "command")
        text.append(f"interrupted: an unfinished {action}; `patcher recover` settles it")
    return text


def _copy_lines(copy: CopyStatus) -> list[str]:
    text = [
        f"{with_version(copy.target, copy.version or '(no version)')} at {copy.root}",
        f"series: {', '.join(copy.series) or _without_patches(copy)}",
    ]
    text += [f"patched by another workspace, {each}" for each in copy.others]
    if copy.series:
        if list(copy.verified or ()) != list(copy.series):
            verified = "not yet; run `patcher verify`"
        elif copy.workload_changed:
            verified = "no, the workload changed since it passed; run `patcher verify`"
        else:
            verified = "before the edits below" if copy.drift else "yes"
        text.append(f"verified: {verified}")
    return text + [f"drift: {each.kind:<8} {each.path}" for each in copy.drift]


def _without_patches(result: CopyStatus) -> str:
    if result.drift:
        return "none; the tree is not pristine: files were edited by hand"
    return "none" if result.others else "none: the tree is pristine"
