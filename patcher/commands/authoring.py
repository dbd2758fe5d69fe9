"""What patch authors do: check specs, start one from a site, turn hand edits into one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.commands.opening import copy_for
from patcher.errors import PatcherError
from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.values import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


def check(workspace: Workspace, names: Sequence[str]) -> dict[str, Any]:
    """Lint specs and run their fixtures; all of the catalogue when none is named.

    Raises:
        PatcherError: ``check-failed`` with every problem; ``unknown-patch``.
    """
    from patcher.patchfile.schema import PATH as SCHEMA_PATH
    from patcher.rewrite.check import check_names, check_patch
    from patcher.rewrite.problem import render_problem

    known = load_catalogue(workspace.root)
    wanted = list(known.patches) if not names else [one.name for one in known.expand(names)]
    rendered: list[str] = []
    readable = {}
    fixtures = 0
    for name in wanted:
        try:
            readable[name] = known.get(name)
        except PatcherError as error:
            rendered.append(_rendered(error))
    for patch in readable.values():
        fixtures += len(patch.tests)
        rendered += [render_problem(problem) for problem in check_patch(patch)]
    if len(readable) == len(known.paths):  # else a name may be that of a spec with a mistake in it
        rendered += [render_problem(problem) for problem in check_names(readable, known.sets)]
    result = {
        "checked": wanted,
        "fixtures": fixtures,
        "problems": rendered,
        "schema_path": str(SCHEMA_PATH),
    }
    if rendered:
        counted = f"{len(rendered)} problem{'s' if len(rendered) > 1 else ''}"
        message = f"{counted} in {len(wanted)} specs"
        raise PatcherError("check-failed", message, notes=rendered, payload=result)
    return result


def _rendered(error: PatcherError) -> str:
    lines = [f"error[{error.code}]: {error.message}"]
    lines += [f"  --> {error.where}"] if error.where else []
    return "\n".join([*lines, *(f"  {note}" for note in error.notes), f"  help: {error.help}"])


def scaffold(workspace: Workspace, name: str, at: str, target: str | None) -> dict[str, Any]:
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
    return {"spec": str(_write(workspace, name, {f"{name}.yaml": text.encode()})), "text": text}


def capture(workspace: Workspace, name: str, target: str | None) -> dict[str, Any]:
    """Turn hand edits of the working copy into ``patches/NAME.yaml``, checked by replaying.

    The working copy keeps the edits: only its owner takes them out, with the command in ``next``.
    """
    from patcher.commands.replaying import replayed
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
    return {
        "spec": str(_write(workspace, name, files)),
        "text": found.text,
        "files": sorted(after),
        "inexact": list(found.inexact),
        "next": f"git -C {shlex.quote(str(copy.root))} checkout -- "
        f"{shlex.join(sorted(after))} && patcher apply {name}",
    }


def requirement(copy: WorkingCopy) -> str:
    """PEP 508 text for a spec made here: this version up to the next minor one."""
    from packaging.version import InvalidVersion, Version

    try:
        version = Version(copy.version or "")
    except InvalidVersion:
        return copy.target
    return f"{copy.target} >={version.public},<{version.major}.{version.minor + 1}"


def _write(workspace: Workspace, name: str, files: Mapping[str, bytes]) -> Path:
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
