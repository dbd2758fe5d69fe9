"""`patcher status`. Imports neither libcst nor git: this is the prompt's command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.results import DriftedFile, StatusResult

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def status(workspace: Workspace, target: str | None) -> StatusResult:
    """The series, the drift and an interrupted change; reports, and settles nothing."""
    journal = workspace.journal()
    if target is None and not workspace.targets():
        return StatusResult(journal=journal)
    copy = workspace.working_copy(target)
    return StatusResult(
        target=copy.target,
        version=copy.version,
        root=copy.root,
        series=[applied.name for applied in copy.series],
        drift=[DriftedFile(each.path, each.kind) for each in copy.drift()],
        journal=journal,
        verified=copy.verified,
    )


def lines(result: StatusResult) -> list[str]:
    """The same for people."""
    if result.target is None:
        text = ["no working copy here yet", "next: `patcher apply NAME`, or `patcher init`"]
    else:
        text = [
            f"{result.target} {result.version or '(no version)'} at {result.root}",
            f"series: {', '.join(result.series) or _without_patches(result)}",
        ]
        if result.series:
            same = list(result.verified or ()) == list(result.series)
            text.append("verified: " + ("yes" if same else "not yet; run `patcher verify`"))
        text += [f"drift: {each.kind:<8} {each.path}" for each in result.drift]
    if result.journal:
        action = result.journal.get("action", "command")
        text.append(f"interrupted: an unfinished {action}; `patcher recover` settles it")
    return text


def _without_patches(result: StatusResult) -> str:
    if result.drift:
        return "none; the tree is not pristine: files were edited by hand"
    return "none: the tree is pristine"
