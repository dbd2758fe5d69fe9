"""Frozen trees: what verification runs. Never the working copy itself."""

from __future__ import annotations

import re
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


def freeze(
    copy: StoredTree, destination: Path, overrides: Mapping[str, bytes | None], pristine: bool
) -> str:
    """See `WorkingCopy.freeze`."""
    files = _tree(copy, pristine)
    for path, data in overrides.items():
        check_relative(path)
        if data is None:
            files.pop(path, None)
        else:
            files[path] = (data, files[path][1] if path in files else 0o644)
    if not any(re.match(r"[^/]+\.dist-info/", path) for path in files):
        # Targets ask `importlib.metadata` for their own version.
        version = copy.version or "0"
        name = f"{copy.target.replace('-', '_')}-{version}.dist-info/METADATA"
        files[name] = (synthesise(copy.target, version).text.encode(), 0o644)
    with Folder.make(destination.parent.absolute()) as parent:
        try:
            write_tree(parent, destination.name, files, durable=False)
        except FileExistsError:
            raise PatcherError(
                "exists", f"{destination} is there already", where=str(destination)
            ) from None
    return tree_sha256({path: digest(data) for path, (data, _) in files.items()})


def pristine_files(copy: StoredTree) -> dict[str, tuple[bytes, int]]:
    """Bytes and mode of every file before any patch.

    Raises:
        PatcherError: ``drift`` when a file is not what patcher left.
    """
    return _tree(copy, pristine=True)


def _tree(copy: StoredTree, pristine: bool) -> dict[str, tuple[bytes, int]]:
    """Bytes and mode of every file, each checked against what patcher knows of it."""
    files: dict[str, tuple[bytes, int]] = {}
    touched = copy.state.touched
    for path, each in copy.expected().items():
        if pristine and path in touched:
            continue
        result = copy.place.root.read(path)
        if result is None or (each.sha256 is not None and digest(result.data) != each.sha256):
            raise PatcherError("drift", f"{printable(path)} is not what patcher wrote", where=path)
        files[path] = (result.data, result.mode)
    if pristine:
        for path, past in touched.items():
            data = copy.pristine(path)
            if data is not None:
                files[path] = (data, past.pristine_mode)
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
