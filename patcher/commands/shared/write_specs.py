"""Writing a new spec into the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.values import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def requirement(copy: WorkingCopy) -> str:
    """PEP 508 text for a spec made here: this version up to the next minor one."""
    from packaging.version import InvalidVersion, Version

    try:
        version = Version(copy.version or "")
    except InvalidVersion:
        return copy.target
    return f"{copy.target} >={version.public},<{version.major}.{version.minor + 1}"


def write_spec(workspace: Workspace, name: str, files: Mapping[str, bytes]) -> Path:
    """Write a new spec and what travels with it; nothing that exists is overwritten."""
    if not NAME.match(name):
        raise PatcherError("usage", f"{name!r} is not a patch's name", hint="use a-z, 0-9 and _")
    folder = workspace.patches_dir
    for file in files:
        if (folder / file).exists():
            raise PatcherError("exists", f"{folder / file} is there already", hint="another name?")
    for file, content in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / f"{name}.yaml"
