"""Frozen trees: what verification runs. Never the working copy itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.fs import Folder, digest, fsync_many
from patcher.store.layout import synthesise
from patcher.store.paths import check_relative, printable

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from patcher.store.tree import StoredTree


def tree_sha256(hashes: Mapping[str, str]) -> str:
    """The hash of a tree, from its files' hashes by path."""
    lines = (f"{path}\0{hashes[path]}\n" for path in sorted(hashes))
    return sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Content:
    """A file of a tree: its hash, permission bits and bytes."""

    sha256: str
    mode: int
    data: bytes


@dataclass(frozen=True)
class Frozen:
    """A frozen tree.

    Attributes:
        sha256: over ``path NUL sha256 LF`` of its files, sorted.
        hashes: of each file, by path.
        files: what it holds, for the next tree of the same working copy.
    """

    path: Path
    sha256: str
    hashes: Mapping[str, str]
    files: Mapping[str, Content]


def freeze(
    copy: StoredTree,
    destination: Path,
    overrides: Mapping[str, bytes | None] | None = None,
    *,
    pristine: bool = False,
    beside: Mapping[str, Content] | None = None,
) -> Frozen:
    """Extract a tree to a path that does not exist yet. Every file is read and hashed once.

    Args:
        overrides: bytes that differ from the tree's; None leaves a file out.
        pristine: start from pristine instead of the tree as it is.
        beside: what another frozen tree of the same working copy holds: files that are equal in
            both are not read again. They never become one file under two names: a worker cannot
            write to its tree, but it could change the rights of a file that the other arm needs.

    Raises:
        PatcherError: ``drift`` when a file is not what patcher left; ``exists``.
    """
    files = content_of(copy, overrides or {}, pristine, beside or {})
    written = {path: (each.data, each.mode) for path, each in files.items()}
    with Folder.make(destination.parent.absolute()) as parent:
        try:
            write_tree(parent, destination.name, written, durable=False)
        except FileExistsError:
            raise PatcherError(
                "exists", f"{destination} is there already", where=str(destination)
            ) from None
    hashes = {path: each.sha256 for path, each in files.items()}
    return Frozen(destination, tree_sha256(hashes), hashes, files)


def content_of(
    copy: StoredTree,
    overrides: Mapping[str, bytes | None],
    pristine: bool,
    beside: Mapping[str, Content],
) -> dict[str, Content]:
    """What a frozen tree holds, by path; nothing is written."""
    files = _tree(copy, pristine, beside)
    for path, data in overrides.items():
        check_relative(path)
        if data is None:
            files.pop(path, None)
        else:
            mode = files[path].mode if path in files else 0o644
            files[path] = Content(digest(data), mode, data)
    if not any(re.match(r"[^/]+\.dist-info/", path) for path in files):
        # Targets ask `importlib.metadata` for their own version.
        version = copy.version or "0"
        name = f"{copy.target.replace('-', '_')}-{version}.dist-info/METADATA"
        text = synthesise(copy.target, version).text.encode()
        files[name] = Content(digest(text), 0o644, text)
    return files


def hash_of(copy: StoredTree, *, pristine: bool = False) -> str:
    """The hash that the frozen tree would have; nothing is written."""
    files = content_of(copy, {}, pristine, {})
    return tree_sha256({path: each.sha256 for path, each in files.items()})


def pristine_files(copy: StoredTree) -> dict[str, tuple[bytes, int]]:
    """Bytes and mode of every file before any patch.

    Raises:
        PatcherError: ``drift`` when a file is not what patcher left.
    """
    files = _tree(copy, True, {})
    return {path: (each.data, each.mode) for path, each in files.items()}


def _tree(copy: StoredTree, pristine: bool, beside: Mapping[str, Content]) -> dict[str, Content]:
    """Every file, each checked against what patcher knows of it; those beside are not read."""
    files: dict[str, Content] = {}
    touched = copy.state.touched
    for path, each in copy.expected().items():
        if pristine and path in touched:
            continue
        there = beside.get(path)
        if there is not None and there.sha256 == each.sha256:
            files[path] = there
            continue
        result = copy.place.root.read(path)
        sha256 = None if result is None else digest(result.data)
        if result is None or sha256 is None or each.sha256 not in (None, sha256):
            raise PatcherError("drift", f"{printable(path)} is not what patcher wrote", where=path)
        files[path] = Content(sha256, result.mode, result.data)
    if pristine:
        for path, past in touched.items():
            data = copy.pristine(path)
            if data is not None:
                files[path] = Content(digest(data), past.pristine_mode, data)
    return files


def write_tree(
    parent: Folder, name: str, files: Mapping[str, tuple[bytes, int]], *, durable: bool
) -> dict[str, os.stat_result]:
    """Write files, given as (bytes, permission bits) by path, below a new folder of this name.

    Returns each file's stat. Raises `FileExistsError` when the name is taken.
    """
    parent.mkdir(name)
    stats: dict[str, os.stat_result] = {}
    written: list[str] = []
    left: list[str] = []
    # The folders from the top down to the one being filled.
    way: list[tuple[str, Folder]] = [("", parent.child(name))]
    try:
        for path in sorted(files, key=lambda each: each.split("/")):
            data, mode = files[path]
            folders, _, file_name = path.rpartition("/")
            while not f"{folders}/".startswith(way[-1][0]):
                left.append(_leave(way))
            for part in folders[len(way[-1][0]) :].split("/") if folders else ():
                if part:
                    way[-1][1].mkdir(part, exist_ok=True)
                    way.append((f"{way[-1][0]}{part}/", way[-1][1].child(part)))
            folder = way[-1][1]
            stats[path] = folder.create(file_name, data, mode | 0o600, durable=False)
            written.append(folder.at(file_name))
    finally:
        while way:
            left.append(_leave(way))
    if durable:
        fsync_many(written)
        fsync_many(left, folders=True)
    return stats


def _leave(way: list[tuple[str, Folder]]) -> str:
    """Close the folder being filled; its path."""
    with way.pop()[1] as folder:
        return folder.path
