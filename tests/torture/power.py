"""Power loss: the disk states that the recorded calls allow, each settled and judged.

What a file system promises without fsync is little: a file's bytes may be missing, whole or cut
short until its fsync returned; a name made, renamed or removed may or may not be there until its
folder's fsync returned, independently of the others. Names of one rename or exchange change
together.
"""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.torture import inject, kills
from tests.torture.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patcher.store.fs import FileOperation
    from tests.torture.scene import Scene


@dataclass
class Inode:
    """A file or folder of the model."""

    data: bytes = b""
    durable: bytes | None = None  # None: never synced
    mode: int = 0o600
    is_folder: bool = False
    names: dict[str, Inode] = field(default_factory=dict)  # durable names of a folder
    pending: list[dict[str, Inode | None]] = field(default_factory=list)  # changes since its fsync

    def now(self) -> dict[str, Inode]:
        """A folder's names with every change made."""
        return _with(self.names, self.pending)


def _with(names: dict[str, Inode], changes: list[dict[str, Inode | None]]) -> dict[str, Inode]:
    result = dict(names)
    for change in changes:
        for name, inode in change.items():
            if inode is None:
                result.pop(name, None)
            else:
                result[name] = inode
    return result


class Disk:
    """A model of a folder's part of a disk.

    Args:
        file_sync: False makes fsync of files do nothing: a negative control.
        folder_sync: the same for folders.
    """

    def __init__(self, root: Path, *, file_sync: bool = True, folder_sync: bool = True) -> None:
        self.root = root
        self.file_sync = file_sync
        self.folder_sync = folder_sync
        self.top = self._load(root)

    def _load(self, path: Path) -> Inode:
        here = path.lstat()
        if path.is_dir():
            folder = Inode(is_folder=True)
            folder.names = {each.name: self._load(each) for each in path.iterdir()}
            return folder
        data = path.read_bytes()
        return Inode(data, data, here.st_mode & 0o777)

    def _folder(self, path: str) -> Inode:
        folder = self.top
        for part in Path(path).relative_to(self.root).parts:
            folder = folder.now()[part]
        return folder

    def make(self, call: FileOperation) -> None:
        """Carry a call out on the model."""
        folder = self._folder(
            call.path if call.op == "fsync-folder" else str(Path(call.path).parent)
        )
        name = Path(call.path).name
        other = Path(call.other).name
        now = folder.now()
        change: dict[str, Inode | None] = {}
        if call.op == "mkdir":
            change = {} if name in now else {name: Inode(is_folder=True)}
        elif call.op in ("create", "allocate"):
            change = {name: Inode()}
        elif call.op == "write":
            now[name].data += call.data
        elif call.op == "chmod":
            now[name].mode = call.mode
        elif call.op == "fsync" and self.file_sync:
            now[name].durable = now[name].data
        elif call.op == "fsync-folder" and self.folder_sync:
            folder.names, folder.pending = now, []
        elif call.op == "rename":
            change = {name: None, other: now[name]}
        elif call.op == "exchange":
            change = {name: now[other], other: now[name]}
        elif call.op == "link":
            change = {other: now[name]}
        elif (call.op == "unlink" and name in now) or (
            call.op == "rmdir" and name in now and not now[name].now()
        ):
            change = {name: None}
        if change:
            folder.pending.append(change)

    def states(self, chance: random.Random, samples: int) -> Iterator[Outcome]:
        """States that a loss of power now may leave: the extremes, and samples between."""
        yield Outcome("all", lambda: True, lambda inode: inode.data)
        yield Outcome("none", lambda: False, lambda inode: inode.durable or b"")
        for number in range(samples):
            share = chance.random()
            yield Outcome(
                f"sample {number}",
                lambda share=share: chance.random() < share,
                lambda inode: _cut(inode, chance),
            )


def _cut(inode: Inode, chance: random.Random) -> bytes:
    if inode.durable == inode.data:
        return inode.data
    kept = inode.durable or b""
    return chance.choice([kept, inode.data, inode.data[: len(inode.data) // 2]])


@dataclass
class Outcome:
    """One way in which what was not synced may have come out."""

    name: str
    persisted: object
    content: object

    def write(self, inode: Inode, path: Path) -> None:
        """Make this state real below a path."""
        if not inode.is_folder:
            path.write_bytes(self.content(inode))  # type: ignore[operator]
            path.chmod(inode.mode)
            return
        path.mkdir(exist_ok=True)
        kept = [change for change in inode.pending if self.persisted()]  # type: ignore[operator]
        for name, each in _with(inode.names, kept).items():
            self.write(each, path / name)


def lose_power(
    scene: Scene,
    action: str,
    point: int,
    samples: int,
    *,
    file_sync: bool = True,
    folder_sync: bool = True,
) -> Tally:
    """Cut the power before an action's Nth call; judge the states that this may leave."""
    tally = Tally()
    _ = scene.ends
    chance = random.Random(f"{action} {point}")
    with scene.round(action) as place:
        disk = Disk(place, file_sync=file_sync, folder_sync=folder_sync)
        calls = inject.count_calls(kills.perform(scene, place, action))
        for call in calls[:point]:
            disk.make(call)
    for outcome in disk.states(chance, samples):
        lost = scene.box / f"lost-{os.getpid()}"
        outcome.write(disk.top, lost)
        tally.tried += 1
        try:
            faults = scene.faults(lost, action)
        except Exception as error:
            faults = [f"traceback: {error!r}"]
        tally.note(faults, f"{action}, power lost before call {point}, {outcome.name}")
        shutil.rmtree(lost)
    return tally
