"""Writing a new spec into the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.values import NAME
from patcher.patchfile.versions import members_of, normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def requirement(copy: WorkingCopy, file: str = "") -> str:
    """PEP 508 text for a spec made here: this version up to the next minor one.

    Args:
        file: one that the spec changes; it tells the distribution where a working copy holds
            several.
    """
    from packaging.version import InvalidVersion, Version

    name, number = _member(copy, file)
    try:
        version = Version(number or "")
    except InvalidVersion:
        return name
    return f"{name} >={version.public},<{version.major}.{version.minor + 1}"


def _member(copy: WorkingCopy, file: str) -> tuple[str, str | None]:
    """Name and version of the distribution that a file belongs to, by what is installed of it."""
    members = members_of(copy.target, copy.version)
    top = normalise(file.split("/", maxsplit=1)[0].removesuffix(".py"))
    named = [each for each in members if each[0] == top]
    listed = [each for each in members if _lists(copy, each[0], file)]
    return (named or listed or list(members))[0]


def _lists(copy: WorkingCopy, name: str, file: str) -> bool:
    """Whether a member's RECORD has the file."""
    for path in copy.expected():
        folder, _, last = path.partition("/")
        if last == "RECORD" and normalise(folder.rsplit("-", 1)[0]) == name:
            lines = (copy.read(path) or b"").decode("utf-8", "replace").splitlines()
            return any(line.split(",")[0].strip('"') == file for line in lines)
    return False


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
