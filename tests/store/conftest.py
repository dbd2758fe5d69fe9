"""A small working copy, and the seam watched."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from patcher.store import fs
from patcher.store.fs import FileOperation, Folder
from patcher.store.source import DistributionSource
from patcher.store.state import Applied
from patcher.store.working_copy import WorkingCopy
from patcher.store.workspace import Workspace
from tests.store.interrupted import Interrupted
from tests.torture.scene import scratch

FILES: dict[str, tuple[bytes, int]] = {
    "sample/__init__.py": (b"", 0o644),
    "sample/one.py": (b"x = 1\n", 0o644),
    "sample/two.py": (b"y = 2\r\nz = 3", 0o755),
    "sample/deep/three.py": (b"\xef\xbb\xbfw = 4\n", 0o600),
    "sample/data.bin": (bytes(range(256)), 0o644),
    "sample-1.0.dist-info/METADATA": (b"Name: sample\nVersion: 1.0\n", 0o644),
}
ONE = "sample/one.py"


def a_patch(name: str = "first") -> Applied:
    """A series entry; what its spec says does not matter to the store."""
    text = f"patch: {name}\n"
    return Applied(name, text, sha256(text.encode()).hexdigest(), {"helper.py": b"\x00\xff"})


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In memory where there is room: these tests sync a lot, and wait for no disk."""
    with tempfile.TemporaryDirectory(prefix="patcher-", dir=scratch()) as folder:
        yield Path(folder)


@pytest.fixture
def source() -> DistributionSource:
    return DistributionSource("sample", "1.0", "a test", FILES, ("sample",))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = tmp_path / "workspace"
    place.mkdir()
    return Workspace(place)


@pytest.fixture
def interrupted(tmp_path: Path) -> Interrupted:
    return Interrupted(tmp_path)


@pytest.fixture
def copy(workspace: Workspace, source: DistributionSource) -> WorkingCopy:
    return workspace.init(source)


@pytest.fixture
def calls() -> Iterator[list[FileOperation]]:
    """Every state-changing call, as it is announced."""
    seen: list[FileOperation] = []
    fs.observer = seen.append
    yield seen
    fs.observer = None


@pytest.fixture(autouse=True)
def _no_observer_is_left() -> Iterator[None]:
    yield
    fs.observer = None


def tree_of(copy: WorkingCopy) -> dict[str, tuple[bytes, int]]:
    """The files of a tree, without git's and bytecode."""
    result = {}
    for path in sorted(copy.root.rglob("*")):
        relative = path.relative_to(copy.root).as_posix()
        if path.is_file() and not relative.startswith(".git/") and "__pycache__" not in relative:
            result[relative] = (path.read_bytes(), path.stat().st_mode & 0o777)
    return result


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@pytest.fixture
def folder(place: Path) -> Iterator[Folder]:
    with Folder.open(place) as opened:
        yield opened


def ops(calls: list[FileOperation]) -> list[tuple[str, str]]:
    return [(call.op, os.path.basename(call.path)) for call in calls]


def apply(copy: WorkingCopy, files: dict[str, bytes | None], name: str = "first") -> None:
    copy.change(files, [*copy.series, a_patch(name)], "apply", [name])


def revert_all(copy: WorkingCopy) -> None:
    back = {path: copy.pristine(path) for path in copy.state.touched}
    copy.change(back, (), "revert", [one.name for one in copy.series])
