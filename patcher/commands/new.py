"""`patcher new`: a spec scaffold for one site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import copy_for
from patcher.commands.shared.write_specs import requirement, write_spec
from patcher.errors import PatcherError
from patcher.results import NewResult

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def scaffold(workspace: Workspace, name: str, at: str, target: str | None) -> NewResult:
    """Write ``patches/NAME.yaml`` with one edit for the code at ``FILE:LINE``."""
    from patcher.rewrite.authoring import scaffold as scaffolding

    file, _, line = at.rpartition(":")
    if not file or not line.isdigit():
        raise PatcherError("usage", f"--at {at}: it is FILE:LINE", hint="for example pkg/mod.py:12")
    copy = copy_for(workspace, [], target)
    content = copy.read(file)
    if content is None:
        raise PatcherError("usage", f"{copy.target} has no file {file}", where=str(copy.root))
    text = scaffolding.scaffold(name, requirement(copy), file, int(line), content)
    return NewResult(write_spec(workspace, name, {f"{name}.yaml": text.encode()}), text)
