"""A small workspace to torture, and the oracle that says whether it is whole.

Every round works on a fresh copy of a template. The tree may be what it was or what was planned;
anything else, after the next command had its chance to settle it, is torn. Bytes are lost when
neither the tree nor the backups hold them.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import git, transaction
from patcher.store.source import DistributionSource
from patcher.store.state import Applied
from patcher.store.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patcher.store.working_copy import WorkingCopy

Snapshot = dict[str, tuple[bytes, int]]
ACTIONS = ("apply", "restore", "revert", "discard")


def applied(name: str) -> Applied:
    text = f"patch: {name}\n"
    return Applied(name, text, sha256(text.encode()).hexdigest(), {"helper.py": b"x = 1\r\n"})


def patched(pristine: Snapshot, name: str, files: int) -> dict[str, bytes | None]:
    """What a patch makes of the first files: edits, one file added, one removed."""
    paths = [path for path in sorted(pristine) if path.startswith("sample/part")][:files]
    new: dict[str, bytes | None] = {
        path: pristine[path][0] + f"# {name}\n".encode() for path in paths
    }
    new[f"sample/added/{name}.py"] = f"ADDED = {name!r}\n".encode()
    if name == "one":
        new["sample/removed.py"] = None
    return new


def moded(name: str) -> dict[str, int]:
    """Permission bits that a patch asks for: of a file it edits, and of one it leaves alone."""
    return {"sample/tool.py": 0o755, "sample/part0/module0.py": 0o755} if name == "one" else {}


@contextmanager
def no_git() -> Iterator[None]:
    """Leave the derived git record out: forked rounds are about the truth, not its record."""
    kept = git.record
    git.record = lambda copy: None
    try:
        yield
    finally:
        git.record = kept


@contextmanager
def same_calls(seed: str) -> Iterator[None]:
    """Name the next transaction by a seed: hashes decide how many folders the backups make."""
    kept = transaction.transaction_id
    transaction.transaction_id = lambda: sha256(seed.encode()).hexdigest()[:12]
    try:
        yield
    finally:
        transaction.transaction_id = kept


def scratch() -> Path:
    """Where rounds are played: memory, if there is room, since disks would only slow them."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


@dataclass
class Scene:
    """Templates of a workspace before each action, made once.

    Attributes:
        files: how many files a patch edits.
        with_git: keep the git record too.
    """

    box: Path
    files: int = 3
    with_git: bool = False
    _rounds: int = field(default=0, init=False)

    def pristine(self) -> Snapshot:
        files: Snapshot = {"sample/__init__.py": (b"", 0o644)}
        for number in range(self.files + 2):
            body = f"VALUE = {number}\n".encode() * (1 + number * 40)
            mode = 0o755 if number == 1 else 0o644
            files[f"sample/part{number}/module{number}.py"] = (body, mode)
        files["sample/odd.py"] = (b"\xef\xbb\xbfx = 1\r\ny = 2\rz = 3", 0o600)
        files["sample/tool.py"] = (b"print()\n", 0o644)
        files["sample/removed.py"] = (b"gone = True\n", 0o644)
        files["sample-1.0.dist-info/METADATA"] = (b"Name: sample\nVersion: 1.0\n", 0o644)
        return files

    @cached_property
    def templates(self) -> dict[str, Path]:
        """A workspace ready for each action: apply two patches, revert all, restore to one."""
        with self._git():
            made: dict[str, Path] = {}
            for action in ACTIONS:
                place = self.box / f"template-{action}"
                place.mkdir(parents=True)
                workspace = Workspace(place)
                source = DistributionSource(
                    "sample", "1.0", "torture", self.pristine(), ("sample",)
                )
                workspace.init(source)
                if action != "apply":
                    self.perform(workspace, "apply")
                if action == "restore":
                    copy = workspace.working_copy()
                    copy.change({}, copy.series, "verify", (), verified=copy.series)
                    self._second(workspace)
                if action == "discard":
                    self._edit(workspace.working_copy().root)
                made[action] = place
            return made

    @contextmanager
    def _git(self) -> Iterator[None]:
        if self.with_git:
            yield
        else:
            with no_git():
                yield

    def perform(self, workspace: Workspace, action: str) -> None:
        """The action under test, as the commands do it."""
        with self._git(), workspace.lock(action):
            copy = workspace.working_copy()
            with same_calls(f"{action} {copy.state.generation}"):
                self._perform(copy, action)

    def _perform(self, copy: WorkingCopy, action: str) -> None:
        if action == "apply":
            files = patched(self.pristine(), "one", self.files)
            series = [*copy.series, applied("one")]
            copy.change(files, series, "apply", ["one"], modes=moded("one"))
        elif action == "restore":
            verified = copy.verified_series or ()
            first = self._first_only(copy)
            copy.change(first, verified, "restore", ["two"], modes=moded("one"))
        elif action == "discard":
            own = {p: new for p, new in patched(self.pristine(), "one", self.files).items() if new}
            copy.discard(
                {
                    each.path: None
                    if each.kind == "added"
                    else own.get(each.path, copy.pristine(each.path))
                    for each in copy.drift()
                }
            )
        else:
            back = {path: copy.pristine(path) for path in copy.state.touched}
            names = [each.name for each in copy.series]
            copy.change(back, (), "revert", names, modes={})

    def _edit(self, root: Path) -> None:
        """Every kind of edit by hand that `patcher discard` takes out."""
        for path in patched(self.pristine(), "one", self.files):
            if path.startswith("sample/part"):
                (root / path).write_bytes(f"MINE = {path!r}\n".encode())
        (root / "sample" / "added" / "one.py").unlink()
        (root / "sample" / "__init__.py").chmod(0o755)
        (root / "sample" / "mine.py").write_bytes(b"MINE = 2\n")

    def _second(self, workspace: Workspace) -> None:
        copy = workspace.working_copy()
        files = patched(self.pristine(), "two", self.files)
        copy.change(files, [*copy.series, applied("two")], "apply", ["two"])

    def _first_only(self, copy: WorkingCopy) -> dict[str, bytes | None]:
        """The tree under patch one alone, by replay."""
        first = patched(self.pristine(), "one", self.files)
        return {path: first.get(path, copy.pristine(path)) for path in copy.state.touched}

    @cached_property
    def ends(self) -> dict[str, tuple[Snapshot, Snapshot]]:
        """(before, after) of each action."""
        ends = {}
        for action, template in self.templates.items():
            with self.round(action) as place:
                self.perform(Workspace(place), action)
                ends[action] = (snapshot(template), snapshot(place))
        return ends

    @contextmanager
    def round(self, action: str) -> Iterator[Path]:
        """A fresh copy of a template."""
        self._rounds += 1
        place = self.box / f"round-{os.getpid()}-{self._rounds}"
        shutil.copytree(self.templates[action], place, symlinks=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def settle(self, place: Path) -> PatcherError | None:
        """The next command; what it could not settle."""
        try:
            with self._git(), Workspace(place).lock("check"):
                return None
        except PatcherError as error:
            return error

    def faults(self, place: Path, action: str) -> list[str]:
        """What is wrong with a settled workspace: an empty list is what every round must give."""
        before, after = self.ends[action]
        faults: list[str] = []
        if (error := self.settle(place)) is not None:
            return [f"torn: not settled: {error.code}: {error.message}"]
        workspace = Workspace(place)
        tree = snapshot(place)
        copy = workspace.working_copy()
        was = Workspace(self.templates[action]).working_copy()
        same = copy.state == was.state
        if tree != (before if same else after):
            expected, name = (before, "before") if same else (after, "after")
            faults.append(f"torn: the series says {name}, but {_differences(tree, expected)}")
        drift = copy.drift()
        if drift and not (same and action == "discard"):
            faults.append(f"torn: drift {drift}")
        if not same and action == "discard":
            faults += [
                f"lost: what was edited by hand in {path}"
                for path, (data, _) in before.items()
                if data != after.get(path, (None, 0))[0] and not kept(workspace, data)
            ]
        if workspace.journal() is not None:
            faults.append("torn: the journal is still there")
        faults += lost_bytes(workspace)
        return faults


def kept(workspace: Workspace, data: bytes) -> bool:
    """Whether the backups hold some bytes."""
    return workspace.backups.object_path(sha256(data).hexdigest()).exists()


def snapshot(place: Path) -> Snapshot:
    """Every file of the working copy, temporary ones included, without git's and bytecode."""
    root = place / ".patcher" / "sample" / "tree"
    files: Snapshot = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root).as_posix()
        if relative.startswith(".git/") or "__pycache__" in relative:
            continue
        here = path.lstat()
        if stat.S_ISREG(here.st_mode):
            files[relative] = (path.read_bytes(), stat.S_IMODE(here.st_mode))
        elif not stat.S_ISDIR(here.st_mode):
            files[relative] = (b"", here.st_mode)
    return files


def _differences(tree: Snapshot, other: Snapshot) -> list[str]:
    return sorted(path for path in tree.keys() | other.keys() if tree.get(path) != other.get(path))


def lost_bytes(workspace: Workspace) -> list[str]:
    """Pristine bytes that the backups cannot give back."""
    lost = []
    for target in workspace.targets():
        for path, touched in workspace.state(target).touched.items():
            if touched.pristine is not None:
                try:
                    workspace.backups.get(touched.pristine)
                except PatcherError as error:
                    lost.append(f"lost: {path}: {error.message}")
    return lost
