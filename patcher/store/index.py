"""The pristine hashes of a managed tree, with file stats so that checking it reads no file twice.

A text file written once by `init`: a header, then one line a file. A file whose size, times and
inode are those recorded is taken to have the recorded bytes; all others are hashed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

from patcher.store.fs import digest

INDEX_FILE = "pristine.idx"
_HEADER = b"patcher pristine index 1\n"


class IndexEntry(NamedTuple):
    """One file of the pristine tree; ``stamp`` is empty when nothing may be inferred from it."""

    path: str
    sha256: str
    mode: int
    stamp: str


def stamp(stat: os.stat_result) -> str:
    """What changes whenever a file's bytes, its mode or the file itself does."""
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}:{stat.st_ino}"


def dump(entries: Iterable[IndexEntry]) -> bytes:
    lines = [f"{e.sha256} {e.mode:o} {e.stamp or '-'} {e.path}\n" for e in entries]
    return _HEADER + "".join(sorted(lines, key=lambda line: line.split(" ", 3)[3])).encode()


class Index:
    """Pristine files by path. Looking one up does not parse the others."""

    def __init__(self, data: bytes, sha256: str) -> None:
        """Raises `ValueError` when the bytes do not have that hash."""
        if digest(data) != sha256:
            raise ValueError("not the pristine index")
        self._data = data

    def get(self, path: str) -> IndexEntry | None:
        needle = f" {path}\n".encode()
        end = self._data.find(needle)
        while end >= 0:
            start = self._data.rfind(b"\n", 0, end) + 1
            entry = self._parse(self._data[start : end + len(needle) - 1])
            if entry.path == path:
                return entry
            # A path with blanks whose tail is the one sought.
            end = self._data.find(needle, end + 1)
        return None

    def entries(self) -> list[IndexEntry]:
        return [self._parse(line) for line in self._data[len(_HEADER) : -1].split(b"\n") if line]

    @staticmethod
    def _parse(line: bytes) -> IndexEntry:
        sha256, mode, mark, path = line.decode().split(" ", 3)
        return IndexEntry(path, sha256, int(mode, 8), "" if mark == "-" else mark)
