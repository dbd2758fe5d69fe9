"""The journal: the record of a change that has begun; kept in the backups it is their manifest.

It is written before the first temporary file exists and goes when every file is either what it was
or what was planned.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.store import records
from patcher.store.fs import Folder
from patcher.store.paths import check_relative
from patcher.store.state import SERIES_FILE

if TYPE_CHECKING:
    from pathlib import Path

JOURNAL_FILE = "journal.json"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


class ChangeStage(str, Enum):
    """How far a change came."""

    PREPARE = "prepare"  # temporary files may be incomplete; no file of the tree is changed
    BEGIN = "begin"  # every temporary file is complete; files of the tree may be changed


@dataclass(frozen=True)
class FileStep:
    """What a change does to one file; a hash of None means no file."""

    path: str
    before: str | None
    before_mode: int
    after: str | None
    after_mode: int


@dataclass(frozen=True)
class Journal:
    """One change of a working copy.

    Attributes:
        generation: of the state it leads to.
        state_before: sha256 of the ``series.json`` it starts from, as kept in the backups.
        state_after: of the one it leads to.
        folders: made for new files, in the order they were made.
        root: as in `State`.
    """

    transaction: str
    generation: int
    target: str
    action: str
    names: tuple[str, ...]
    root: str
    started: str
    pid: int
    state_before: str
    state_after: str
    steps: tuple[FileStep, ...]
    folders: tuple[str, ...] = ()
    stage: ChangeStage = ChangeStage.PREPARE

    def side(self, number: int) -> str:
        """Name, beside the file, of its new bytes before the swap and of its old ones after."""
        return f".patcher-{self.transaction}-{number}.new"

    def removed(self, number: int) -> str:
        """Name, beside the file, of its old bytes where they were moved rather than swapped."""
        return f".patcher-{self.transaction}-{number}.old"

    @property
    def next_state(self) -> str:
        """Name of the prepared ``series.json``."""
        return f"{SERIES_FILE}.{self.transaction}"

    @property
    def temporary(self) -> set[str]:
        """The names of all temporary files beside the files."""
        numbers = range(len(self.steps))
        return {name for number in numbers for name in (self.side(number), self.removed(number))}

    @property
    def manifest_name(self) -> str:
        """Name of its manifest in the backups."""
        return f"{self.generation:06d}-{self.action}-{self.transaction}.json"

    def as_json(self) -> dict[str, Any]:
        """The journal as JSON; also a backup's manifest."""
        values = {**asdict(self), "schema": 1, "stage": self.stage.value}
        for number, step in enumerate(values["steps"]):
            step["temporary"] = [self.side(number), self.removed(number)]
        return values

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Journal:
        """Read the sealed record of a journal or a manifest.

        Raises:
            PatcherError: ``state-damaged`` when it is not one.
        """
        try:
            values = dict(records.decode(data) or {})
            if values.pop("schema") != 1:
                raise ValueError
            values["stage"] = ChangeStage(values["stage"])
            values["names"] = tuple(values["names"])
            values["folders"] = tuple(values["folders"])
            values["steps"] = tuple(
                FileStep(**{key: value for key, value in step.items() if key != "temporary"})
                for step in values["steps"]
            )
            journal = cls(**values)
            journal.check()
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _damaged(where) from None
        return journal

    def check(self) -> None:
        """Raise `ValueError`, `TypeError` or PatcherError unless every value is of its kind."""
        texts = (self.transaction, self.target, self.action, self.root, self.started, *self.names)
        for text in (*texts, *self.folders):
            if not isinstance(text, str):
                raise TypeError(text)
        if not re.fullmatch(r"[0-9a-f]{12}", self.transaction) or not _NAME.fullmatch(self.target):
            raise ValueError(self.transaction)
        if not re.fullmatch(r"[a-z]+", self.action) or "\0" in self.root:
            raise ValueError(self.action)
        numbers = (self.generation, self.pid, *(step.before_mode for step in self.steps))
        for number in (*numbers, *(step.after_mode for step in self.steps)):
            if not isinstance(number, int) or not 0 <= number < 1 << 32:
                raise ValueError(number)
        hashes = [self.state_before, self.state_after]
        hashes += [each for s in self.steps for each in (s.before, s.after) if each is not None]
        for sha256 in hashes:
            if not re.fullmatch(r"[0-9a-f]{64}", sha256):
                raise ValueError(sha256)
        for path in (*self.folders, *(step.path for step in self.steps)):
            check_relative(path)

    def begun(self) -> Journal:
        return replace(self, stage=ChangeStage.BEGIN)


@dataclass(frozen=True)
class DamagedJournal:
    """A journal that cannot be read; what it was about is not known."""

    path: str

    def as_json(self) -> dict[str, Any]:
        return {"stage": "damaged", "path": self.path, "steps": [], "target": None}


def _damaged(where: str) -> PatcherError:
    return PatcherError(
        "state-damaged",
        f"the journal {where} is not what patcher wrote",
        hint="`patcher recover` settles the change from its backup's manifest",
        where=where,
    )


def write(private: Path, journal: Journal) -> None:
    with Folder.open(private) as folder:
        folder.replace_file(JOURNAL_FILE, records.encode(journal.as_json()))


def read(private: Path) -> Journal | None:
    """The pending journal, or None.

    Raises:
        PatcherError: ``state-damaged`` when it is not what `write` wrote.
    """
    path = private / JOURNAL_FILE
    try:
        with Folder.open(private) as folder:
            result = folder.read(JOURNAL_FILE)
    except FileNotFoundError:
        return None
    return None if result is None else Journal.from_json(result.data, str(path))
