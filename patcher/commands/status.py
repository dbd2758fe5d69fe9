"""The state of a working copy. Imports neither libcst nor git: this is the prompt's command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def status(workspace: Workspace, target: str | None) -> dict[str, Any]:
    """The object of ``patcher status --json``; reports, and settles nothing."""
    journal = workspace.journal()
    if target is None and not workspace.targets():
        nothing = dict.fromkeys(("target", "version", "root", "verified"))
        return {**nothing, "series": [], "drift": [], "journal": journal}
    copy = workspace.working_copy(target)
    return {
        "target": copy.target,
        "version": copy.version,
        "root": str(copy.root),
        "series": [applied.name for applied in copy.series],
        "drift": [{"path": one.path, "kind": one.kind} for one in copy.drift()],
        "journal": journal,
        "verified": None if copy.verified is None else list(copy.verified),
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """The same for people."""
    if result["target"] is None:
        text = ["no working copy here yet", "next: `patcher apply NAME`, or `patcher init`"]
    else:
        text = [
            f"{result['target']} {result['version'] or '(no version)'} at {result['root']}",
            f"series: {', '.join(result['series']) or 'none: the tree is pristine'}",
        ]
        if result["series"]:
            same = result["verified"] == result["series"]
            text.append("verified: " + ("yes" if same else "not yet; run `patcher verify`"))
        text += [f"drift: {one['kind']:<8} {one['path']}" for one in result["drift"]]
    if result["journal"]:
        action = result["journal"].get("action", "command")
        text.append(f"interrupted: an unfinished {action}; `patcher recover` settles it")
    return text
