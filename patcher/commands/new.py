"""`patcher new`: a spec for one site, to be filled in or whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import copy_for
from patcher.commands.shared.write_specs import requirement, write_spec
from patcher.errors import PatcherError
from patcher.results import NewResult

if TYPE_CHECKING:
    from patcher.patchfile.model import Equivalence
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


@dataclass(frozen=True)
class Replacement:
    """What a site becomes.

    Attributes:
        pattern: what to match in the file; None: the statement at the line.
        code: what comes instead.
        claim: the gate the patch must pass.
    """

    pattern: str | None
    code: str
    claim: Equivalence


def scaffold(workspace: Workspace, name: str, at: str, target: str | None) -> NewResult:
    """Write ``patches/NAME.yaml`` with one edit for the code at ``FILE:LINE``."""
    from patcher.rewrite.authoring import scaffold as scaffolding

    file, _, line = at.rpartition(":")
    if not file or not line.isdigit():
        raise PatcherError("usage", f"--at {at}: it is FILE:LINE", hint="for example pkg/mod.py:12")
    copy = copy_for(workspace, [], target)
    content = _read(copy, file)
    text = scaffolding.scaffold(name, requirement(copy, file), file, int(line), content)
    return NewResult(write_spec(workspace, name, {f"{name}.yaml": text.encode()}), text)


def replace_site(
    workspace: Workspace, name: str, at: str, replacement: Replacement, target: str | None
) -> NewResult:
    """Write ``patches/NAME.yaml`` with one edit that gives the site at ``FILE[:LINE]`` other code.

    Raises:
        PatcherError: ``missing``, ``ambiguous``: there is no such site, or more than one.
    """
    from patcher.rewrite.authoring.replacement import replacement_spec

    file, _, line = at.rpartition(":")
    if not file or not line.isdigit():
        file, line = at, ""
    copy = copy_for(workspace, [], target)
    text = replacement_spec(
        name,
        requirement(copy, file),
        file,
        _read(copy, file),
        line=int(line) if line else None,
        pattern=replacement.pattern,
        replacement=replacement.code,
        claim=replacement.claim,
    )
    return NewResult(write_spec(workspace, name, {f"{name}.yaml": text.encode()}), text)


def _read(copy: WorkingCopy, file: str) -> bytes:
    content = copy.read(file)
    if content is None:
        raise PatcherError("usage", f"{copy.target} has no file {file}", where=str(copy.root))
    return content
