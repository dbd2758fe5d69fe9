"""Drift: what in a tree is not what patcher left there."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from patcher.errors import PatcherError
from patcher.store.fs import Folder, digest
from patcher.store.index import stamp

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from patcher.store.paths import Root

_OURS = {".git", "__pycache__"}


class Drift(NamedTuple):
    """One deviation.

    Attributes:
        kind: edited, deleted, mode, link, folder, special (FIFO, socket, device) or added. An
            added folder is reported once, with a slash at its end; an empty one is nothing.
    """

    path: str
    kind: str


class ExpectedFile(NamedTuple):
    """What a file should be; a sha256 of None leaves its bytes open."""

    sha256: str | None
    mode: int
    stamp: str


def find_drift(
    root: Root,
    expected: Mapping[str, ExpectedFile],
    absent: Collection[str],
    *,
    look_for_new: bool,
    passed_over: Collection[str] = (),
) -> tuple[Drift, ...]:
    """Compare a tree with what it should be.

    Args:
        absent: paths that patcher removed.
        look_for_new: walk the tree and report files that are not expected.
        passed_over: names of temporary files.
    """
    result: list[Drift] = []
    if look_for_new:
        present: dict[str, os.stat_result] = {}
        folders = {path[:end] for path in expected for end in _slashes(path)}
        _scan(root, expected, folders, passed_over, present, result)
    for path, each in expected.items():
        here = present.get(path) if look_for_new else root.lstat(path)
        if kind := _compare(root, path, each, here):
            result.append(Drift(path, kind))
    # With the walk, a file that should be absent is one that was added.
    for path in () if look_for_new else absent:
        if root.lstat(path) is not None:
            result.append(Drift(path, "added"))
    return tuple(sorted(set(result)))


def _slashes(path: str) -> list[int]:
    return [at for at, char in enumerate(path) if char == "/"]


def _compare(root: Root, path: str, each: ExpectedFile, here: os.stat_result | None) -> str | None:
    if here is None:
        return _missing(root, path)
    if not stat.S_ISREG(here.st_mode):
        if stat.S_ISLNK(here.st_mode):
            return "link"
        return "folder" if stat.S_ISDIR(here.st_mode) else "special"
    if each.stamp and stamp(here) == each.stamp:
        return None
    try:
        held = root.read(path)
    except (PatcherError, OSError):
        return "special"
    if held is None:
        return "deleted"
    if each.sha256 is not None and digest(held.data) != each.sha256:
        return "edited"
    return "mode" if held.mode != each.mode else None


def _missing(root: Root, path: str) -> str:
    """``deleted``, or what stands where a folder on the way was."""
    for end in _slashes(path):
        here = root.lstat(path[:end])
        if here is None:
            break
        if stat.S_ISLNK(here.st_mode):
            return "link"
    return "deleted"


def _scan(
    root: Root,
    expected: Mapping[str, ExpectedFile],
    folders: Collection[str],
    passed_over: Collection[str],
    present: dict[str, os.stat_result],
    result: list[Drift],
) -> None:
    """Collect the stat of every expected file; report the rest. Links are not followed."""

    def scan(folder: Folder, prefix: str) -> None:
        with os.scandir(folder.fd) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.name in _OURS or entry.name in passed_over:
                    continue
                if path in expected:
                    with suppress(FileNotFoundError):
                        present[path] = entry.stat(follow_symlinks=False)
                elif path in folders:
                    with suppress(OSError), folder.child(entry.name) as inner:
                        scan(inner, f"{path}/")
                elif entry.is_dir(follow_symlinks=False):
                    with suppress(OSError), folder.child(entry.name) as inner:
                        if _holds_something(inner):
                            result.append(Drift(f"{path}/", "added"))
                elif not entry.name.endswith(".pyc"):
                    result.append(Drift(path, "added"))

    # Without its root, every file of a tree is missing.
    with suppress(FileNotFoundError, PatcherError), root.open() as top:
        scan(top, "")


def _holds_something(folder: Folder) -> bool:
    """Whether there is anything but empty folders and bytecode below a folder."""
    with os.scandir(folder.fd) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                if not entry.name.endswith(".pyc"):
                    return True
            else:
                with suppress(OSError), folder.child(entry.name) as inner:
                    if _holds_something(inner):
                        return True
    return False
