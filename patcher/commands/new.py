"""`patcher new`: a spec for one site, to be filled in or whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import copy_for
from patcher.commands.shared.replay_series import patches_of
from patcher.commands.shared.write_specs import requirement, write_spec
from patcher.errors import PatcherError, nearest
from patcher.results import NewResult

if TYPE_CHECKING:
    from patcher.patchfile.model import Equivalence
    from patcher.rewrite.authoring.replacement import Replacement
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def scaffold(workspace: Workspace, name: str, at: str, target: str | None) -> NewResult:
    """Write ``patches/NAME.yaml`` with one edit for the code at ``FILE:LINE``."""
    from patcher.rewrite.authoring import scaffold as scaffolding

    file, _, line = at.rpartition(":")
    if not file or not line.isdigit():
        raise PatcherError("usage", f"--at {at}: it is FILE:LINE", hint="for example pkg/mod.py:12")
    copy = copy_for(workspace, [], target)
    content = _read(copy, file)
    text = scaffolding.scaffold(name, requirement(copy, file), file, int(line), content)
    spec = write_spec(workspace, name, {f"{name}.yaml": text.encode()})
    return NewResult(spec, text, _counted(copy, file, content, int(line)))


def replace_site(
    workspace: Workspace,
    name: str,
    at: str,
    replacement: Replacement,
    claim: Equivalence,
    target: str | None,
) -> NewResult:
    """Write ``patches/NAME.yaml`` with one edit that gives the site at ``FILE[:LINE]`` other code.

    Args:
        replacement: its line is that of ``at``.
        claim: the gate the patch must pass.

    Raises:
        PatcherError: ``missing``, ``ambiguous``: there is no such site, or more than one.
    """
    from patcher.rewrite.authoring.replacement import replacement_spec
    from patcher.rewrite.authoring.write_spec import SpecHead

    file, _, line = at.rpartition(":")
    if not file or not line.isdigit():
        file, line = at, ""
    copy = copy_for(workspace, [], target)
    content = _read(copy, file)
    head = SpecHead(name, requirement(copy, file), claim=claim)
    replacement = replace(replacement, line=int(line) if line else None)
    text = replacement_spec(head, file, content, replacement)
    spec = write_spec(workspace, name, {f"{name}.yaml": text.encode()})
    return NewResult(spec, text, _counted(copy, file, content, int(line)) if line else None)


def _counted(copy: WorkingCopy, file: str, content: bytes, line: int) -> str | None:
    """How LINE was counted, where the file of the working copy is not the pristine one."""
    pristine = copy.pristine(file) or b""
    if content == pristine:
        return None
    names = [
        patch.name
        for patch in patches_of(copy.series)
        if any(edit.file == file for edit in patch.edits)
    ]
    how = f"patched by {', '.join(names)}" if names else "edited by hand"
    counted = f"{file} is {how}: line {line} is counted in it as it is now"
    before = _line_before(pristine, content, line)
    if before is not None:
        return f"{counted} (line {before} of pristine)"
    on = f"{', '.join(names)} applied" if names else "that edit"
    return f"{counted}, and is not in pristine: the spec fits with {on}"


def _line_before(old: bytes, new: bytes, line: int) -> int | None:
    """Where a line of ``new`` is in ``old``, from 1; None for one that is only in ``new``."""
    from difflib import SequenceMatcher

    blocks = SequenceMatcher(
        None, old.splitlines(), new.splitlines(), autojunk=False
    ).get_matching_blocks()
    for at, now, size in blocks:
        if now < line <= now + size:
            return at + line - now
    return None


def _read(copy: WorkingCopy, file: str) -> bytes:
    content = copy.read(file)
    if content is None:
        name = file.rpartition("/")[2]
        same = [path for path in copy.paths() if path.rpartition("/")[2] == name]
        raise PatcherError(
            "usage",
            f"{copy.target} has no file {file}",
            hint=f"did you mean `{same[0]}`?"
            if len(same) == 1
            else nearest(file, same or copy.paths()),
            where=str(copy.root),
        )
    return content
