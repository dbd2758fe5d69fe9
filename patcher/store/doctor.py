"""What is wrong, or worth knowing, about a workspace and the environment. Changes nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import git, plumbing
from patcher.store.fs import digest
from patcher.store.interpreter import about, configured
from patcher.store.journal import DamagedJournal
from patcher.store.recovery import read_manifests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

Installed = Callable[[str], str | None]
_NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs"}
ORDER = {"problem": 0, "note": 1, "ok": 2}


@dataclass(frozen=True)
class Finding:
    """One thing that doctor says.

    Attributes:
        level: ``ok``, ``note`` or ``problem``.
        topic: guards, python, git, torch, disk, lock, journal, state, backups, drift, record, pins.
        help: what to do; empty when nothing is needed.
    """

    level: str
    topic: str
    message: str
    help: str = ""


def doctor(workspace: Workspace) -> list[Finding]:
    """Everything doctor has to say, problems first."""
    installed: Installed = _installed
    with suppress(PatcherError):
        if (python := configured(workspace.root)) != sys.executable:
            installed = about(python).has
    findings = [*_environment(workspace.root, installed), *_records(workspace)]
    for target in workspace.targets():
        with suppress(PatcherError):
            copy = workspace.working_copy(target)
            findings += [*_working_copy(copy), *_pins(copy, installed)]
    return sorted(findings, key=lambda each: ORDER[each.level])


def _environment(root: Path, installed: Installed) -> Iterator[Finding]:
    yield Finding("ok", "python", f"Python {platform.python_version()} at {sys.prefix}")
    yield from _targets_python(root)
    try:
        done = subprocess.run(
            ["git", "--version"],
            capture_output=True,
            text=True,
            check=True,
            env=plumbing.environment(),
        )
        yield Finding("ok", "git", done.stdout.strip())
    except (OSError, subprocess.CalledProcessError):
        yield Finding(
            "note", "git", "git is not there: changes are made, but not recorded", "install git"
        )
    if (version := installed("torch")) is None:
        yield Finding(
            "note",
            "torch",
            "torch is not installed where targets run: one that needs it cannot be run",
            "install the target where it is to run; `python` in the settings names it",
        )
    else:
        yield Finding("ok", "torch", f"torch {version}")
    yield from _disk(root)


def _disk(root: Path) -> Iterator[Finding]:
    kind = _file_system(root)
    if kind in _NETWORK_FILE_SYSTEMS:
        yield Finding(
            "problem",
            "disk",
            f"the workspace lies on a network file system ({kind}): locks and renames there do "
            "not hold what patcher promises",
            "use a workspace on a local disk",
        )
    free = shutil.disk_usage(root).free
    level = "note" if free < 64 << 20 else "ok"
    yield Finding(level, "disk", f"{free >> 20:,} MiB free" + (f" on {kind}" if kind else ""))


def _targets_python(root: Path) -> Iterator[Finding]:
    """The interpreter the target is installed for, where it is another one."""
    try:
        python = configured(root)
        if python == sys.executable:
            return
        result = about(python)
    except PatcherError as error:
        yield Finding("problem", "python", error.message, error.help)
        return
    message = f"targets run on Python {result.text} at {result.prefix} (`python` in the settings)"
    yield Finding("ok", "python", message)


def _file_system(path: Path) -> str | None:
    """The kind of file system below a path; None where the kernel does not tell."""
    best, kind = "", None
    with suppress(OSError), open("/proc/mounts", encoding="utf-8", errors="replace") as mounts:
        for line in mounts:
            fields = line.split()
            at = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
            inside = at == "/" or str(path) == at or str(path).startswith(f"{at}/")
            if inside and len(at) >= len(best):
                best, kind = at, fields[2]
    return kind


def _records(workspace: Workspace) -> Iterator[Finding]:
    if (died := workspace.dead_run()) is not None:
        yield Finding(
            "note",
            "lock",
            f"`patcher {died.command}` (process {died.pid}, since {died.since}) was cut short",
            "the next command that writes settles what it left",
        )
    journal = workspace.journal()
    if journal is not None:
        if isinstance(journal, DamagedJournal):
            what = "the journal is damaged"
        else:
            what = f"an unfinished {journal.action}"
        yield Finding("problem", "journal", what, "`patcher recover` settles it")
    for target in workspace.targets():
        try:
            _ = workspace.working_copy(target).index
        except PatcherError as error:
            yield Finding("problem", "state", f"{target}: {error.message}", error.help)
    manifests, damaged_manifests = read_manifests(workspace)
    for path in damaged_manifests:
        yield Finding("problem", "backups", f"the manifest {path} is damaged", "move it away")
    bad = [
        path
        for path in workspace.backups.object_files()
        if digest(path.read_bytes()) != f"{path.parent.name}{path.name}"
    ]
    for path in bad:
        yield Finding(
            "problem",
            "backups",
            f"the backup {path} has other bytes than its name says; it is never written back",
            "`patcher recover` mends it from the git history where that holds the bytes",
        )
    if manifests and not bad and not damaged_manifests:
        manifest = "manifest" if len(manifests) == 1 else "manifests"
        yield Finding("ok", "backups", f"{len(manifests)} {manifest}, every backup is whole")


def _working_copy(copy: WorkingCopy) -> Iterator[Finding]:
    for each in copy.drift():
        yield Finding(
            "note" if each.kind == "added" else "problem",
            "drift",
            f"{copy.target}: {each.path} ({each.kind})",
            "`patcher diff` shows it; `patcher capture NAME` makes a patch of it",
        )
    if git.recorded(copy) is None:
        yield Finding(
            "note", "record", f"{copy.target}: the git record lacks the last change",
            "the next command that writes makes it",
        )  # fmt: skip


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _pins(copy: WorkingCopy, installed: Installed) -> Iterator[Finding]:
    """Where the environment differs from what the tree asks for, by name."""
    from packaging.markers import UndefinedEnvironmentName
    from packaging.requirements import InvalidRequirement, Requirement

    asked = 0
    fits = True
    for line in required(copy):
        try:
            requirement = Requirement(line)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
        except (InvalidRequirement, UndefinedEnvironmentName):
            continue
        asked += 1
        here = installed(requirement.name)
        if here is None:
            fits = False
            yield Finding(
                "note", "pins", f"{copy.target} asks for {line}: not installed",
                "needed to run the target, not to patch it",
            )  # fmt: skip
        elif not requirement.specifier.contains(here, prereleases=True):
            fits = False
            yield Finding("note", "pins", f"{copy.target} asks for {line}: {here} is installed")
    if asked and fits:
        yield Finding("ok", "pins", f"{copy.target}: all {asked} requirements are met")


def required(copy: WorkingCopy) -> list[str]:
    """The ``Requires-Dist`` lines of the tree's metadata."""
    from email.parser import BytesParser

    result: list[str] = []
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(copy.root)):
            if name.endswith(".dist-info") and (data := copy.read(f"{name}/METADATA")):
                result += BytesParser().parsebytes(data).get_all("Requires-Dist") or []
    return result
