"""A change that was interrupted: its journal, and a tree that it left half done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from patcher.store import journal as journals
from patcher.store import records, undo
from patcher.store.backups import Backups
from patcher.store.fs import digest
from patcher.store.journal import JOURNAL_FILE, ChangeStage, FileStep, Journal
from patcher.store.paths import Root
from patcher.store.state import SERIES_FILE
from patcher.store.undo import CopyFolders, Settlement

OLD, NEW, FOREIGN = b"old\n", b"new\n", b"somebody else's\n"


OLD_HASH, NEW_HASH = digest(OLD), digest(NEW)


TRANSACTION = "0123456789ab"


PATH = "pkg/mod.py"


def step(before: bytes | None = OLD, after: bytes | None = NEW, path: str = PATH) -> FileStep:
    return FileStep(
        path,
        None if before is None else digest(before),
        0o644,
        None if after is None else digest(after),
        0o644,
    )


def journal(*steps: FileStep, stage: ChangeStage = ChangeStage.BEGIN, **named: Any) -> Journal:
    return Journal(
        transaction=TRANSACTION,
        generation=3,
        target="sample",
        action="apply",
        names=("first",),
        root="tree",
        started="2026-01-02T03:04:05Z",
        pid=42,
        state_before=OLD_HASH,
        state_after=NEW_HASH,
        steps=steps,
        stage=stage,
        **named,
    )


class Interrupted:
    """A tree with one file's names, and everything settling looks at."""

    def __init__(self, box: Path) -> None:
        self.tree = box / "tree"
        self.folder = self.tree / "pkg"
        self.folder.mkdir(parents=True)
        self.private = box / "private"
        self.home = self.private / "sample"
        self.home.mkdir(parents=True)
        self.backups = Backups(box / "backups")
        self.place = CopyFolders(Root(str(self.tree)), self.private, self.home, self.backups)
        self.say("another")

    def say(self, transaction: str) -> None:
        """Let series.json name a transaction."""
        (self.home / SERIES_FILE).write_bytes(records.encode({"transaction": transaction}))

    def put(self, **names: bytes | None) -> None:
        """Lay out ``file``, ``side`` (new bytes, or old after the swap) and ``removed``."""
        for name, data in names.items():
            if data is not None:
                (self.folder / self._name(name)).write_bytes(data)

    @staticmethod
    def _name(name: str) -> str:
        each = journal(step())
        return {"file": "mod.py", "side": each.side(0), "removed": each.removed(0)}[name]

    def settle(self, each: Journal) -> tuple[Settlement, tuple[str, ...]]:
        journals.write(self.private, each)
        (self.home / each.next_state).write_bytes(b"prepared")
        return undo.settle(self.place, each)

    @property
    def left(self) -> dict[str, bytes]:
        known = {self._name(name): name for name in ("file", "side", "removed")}
        return {
            known.get(path.name, path.name): path.read_bytes() for path in self.folder.iterdir()
        }

    @property
    def pending(self) -> bool:
        return (self.private / JOURNAL_FILE).exists()
