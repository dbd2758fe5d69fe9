"""`patcher capture`: hand edits become a spec, checked by replaying."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from patcher.commands.shared.write_specs import requirement, write_spec
from patcher.errors import PatcherError
from patcher.results import CaptureResult

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def capture(workspace: Workspace, name: str, target: str | None) -> CaptureResult:
    """Turn hand edits of the working copy into ``patches/NAME.yaml``, checked by replaying.

    The working copy keeps the edits: only its owner takes them out, with the command in ``next``.
    """
    from patcher.commands.shared.replay_series import replayed
    from patcher.rewrite.authoring import capture as capturing

    copy = workspace.working_copy(target)
    stray = [one for one in copy.drift() if one.path.endswith(".py")]
    if not stray:
        raise PatcherError("usage", "the working copy holds no hand edits", hint="edit it first")
    series = replayed(copy, copy.series)
    before: dict[str, bytes] = {}
    for one in stray:
        content = series[one.path] if one.path in series else copy.pristine(one.path)
        if content is not None:
            before[one.path] = content
    after = {one.path: copy.read(one.path) for one in stray}
    found = capturing.capture(name, requirement(copy), before, after)
    files = {f"{name}.yaml": found.text.encode(), **found.attachments}
    return CaptureResult(
        spec=write_spec(workspace, name, files),
        text=found.text,
        files=sorted(after),
        inexact=found.inexact,
        next=f"git -C {shlex.quote(str(copy.root))} checkout -- "
        f"{shlex.join(sorted(after))} && patcher apply {name}",
    )
