"""`patcher export`: hand the patched tree on as a diff, as git patches, or as a wheel."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.commands.shared.replay_series import modes_of, patches_of, replayed
from patcher.errors import PatcherError
from patcher.patchfile.versions import members_of
from patcher.results import ExportResult

if TYPE_CHECKING:
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

# Wheels made twice from the same bytes are the same file: no clock, one order.
EPOCH = (2020, 1, 1, 0, 0, 0)


def clean_copy(workspace: Workspace, target: str | None) -> WorkingCopy:
    """The working copy, provided its tree is what patcher wrote.

    Raises:
        PatcherError: ``drift``: what is handed on must be what was declared.
    """
    from patcher.store.tree import drift_error

    copy = workspace.working_copy(target)
    stray = copy.drift()
    if stray:
        raise drift_error(stray)
    return copy


def format_patch(workspace: Workspace, target: str | None, folder: Path) -> ExportResult:
    """One `git format-patch` file a patch, in the order of the series."""
    from patcher.store import history

    copy = clean_copy(workspace, target)
    steps = []
    before = {path: (copy.pristine(path), mode) for path, mode in _modes(copy, {}).items()}
    for count, patch in enumerate(patches_of(copy.series), 1):
        series = copy.series[:count]
        files, modes = replayed(copy, series), _modes(copy, modes_of(copy, series))
        after = {path: (files.get(path, copy.pristine(path)), modes[path]) for path in modes}
        changed = {path: (before[path], after[path]) for path in after
                   if before[path] != after[path]}  # fmt: skip
        sha256 = copy.series[count - 1].sha256
        steps.append(history.SeriesStep(patch.name, patch.summary, sha256, changed))
        before = after
    return ExportResult(history.format_patch(steps, folder))


def _modes(copy: WorkingCopy, asked: Mapping[str, int]) -> dict[str, int]:
    """Permission bits of every file that the series touches, under a part of it."""
    return {path: asked.get(path, past.pristine_mode) for path, past in copy.state.touched.items()}


def wheel(workspace: Workspace, target: str | None, folder: Path) -> ExportResult:
    """A wheel of the patched tree, its version marked ``VERSION+patcher.HASH``.

    HASH is of the tree, so that equal trees make equal wheels.
    """
    copy = clean_copy(workspace, target)
    if len(members_of(copy.target, copy.version)) > 1:
        raise PatcherError(
            "usage",
            f"a wheel holds one distribution, and this working copy holds {copy.version}",
            hint="`patcher export --diff` and `--format-patch` export the whole series",
        )
    contents = {path: data for path in copy.paths() if (data := copy.read(path)) is not None}
    info = next((path.split("/")[0] for path in contents if ".dist-info/METADATA" in path), None)
    if info is None or copy.version is None:
        raise PatcherError(
            "source",
            f"the working copy of {copy.target} carries no .dist-info, so no wheel can be made",
            hint="init it from a wheel, an sdist or an installed distribution",
        )
    digest = hashlib.sha256()
    for path in sorted(contents):
        digest.update(f"{path}\0{hashlib.sha256(contents[path]).hexdigest()}\n".encode())
    version = f"{copy.version.split('+')[0]}+patcher.{digest.hexdigest()[:12]}"
    name = info.removesuffix(".dist-info").rsplit("-", 1)[0]
    renamed = {
        path.replace(info, f"{name}-{version}.dist-info", 1): data
        for path, data in contents.items()
        if path.split("/")[-1] not in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
    }
    renamed = {path: _stamped(path, data, version, name) for path, data in renamed.items()}
    made = folder / f"{name}-{version}-py3-none-any.whl"
    folder.mkdir(parents=True, exist_ok=True)
    executable = {path for path, one in copy.expected().items() if one.mode & 0o100}
    _write(made, renamed, f"{name}-{version}.dist-info", executable)
    return ExportResult([made], version)


def _stamped(path: str, data: bytes, version: str, name: str) -> bytes:
    """METADATA with the marked version; WHEEL where the source had none is left to `_write`."""
    if path != f"{name}-{version}.dist-info/METADATA":
        return data
    lines = data.split(b"\n")
    first = next(index for index, line in enumerate(lines) if line.startswith(b"Version:"))
    lines[first] = f"Version: {version}".encode()
    return b"\n".join(lines)


def _write(
    path: Path, contents: Mapping[str, bytes], info: str, executable: Collection[str]
) -> None:
    contents = {
        **contents,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: patcher\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    record = io.StringIO()
    rows = csv.writer(record, lineterminator="\n")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(contents):
            data = contents[name]
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
            hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            rows.writerow([name, f"sha256={hashed}", len(data)])
        rows.writerow([f"{info}/RECORD", "", ""])
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD", EPOCH), record.getvalue())
