"""Finished verifications of a workspace, a numbered folder each: ``.patcher/_reports/ID/``.

A folder holds ``result.json`` (the object of `patcher verify --json`), ``report.html`` and the
pictures. It appears whole, by one rename, or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from patcher.store.folders import Folders

FOLDER = "_reports"  # no target can be called that: names of distributions have no underscore
RESULT = "result.json"
PAGE = "report.html"

LEAST = {"id": int, "verdict": str, "sentence": str}  # what every result has

Fill = Callable[[int, Path], Mapping[str, Any]]


@dataclass(frozen=True)
class KeptRun:
    """One finished verification, as it was kept.

    Attributes:
        id: its number, and the folder's name.
        target: empty where the result names none.
        result: all of ``result.json``.
    """

    id: int
    verdict: str
    target: str
    result: Mapping[str, Any]


class Reports:
    """The finished verifications of one workspace."""

    def __init__(self, workspace: Folders) -> None:
        self.folder = workspace.private_dir / FOLDER

    def ids(self) -> list[int]:
        """Their numbers, oldest first."""
        try:
            names = os.listdir(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(int(name) for name in names if name.isdecimal())

    def add(self, fill: Fill) -> int:
        """Keep one more, with the next number, which is returned.

        Args:
            fill: called with the number and an empty folder; writes what else there is to keep
                and returns the object for ``result.json``.

        Raises:
            OSError: the disk refused.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        number = max(self.ids(), default=0) + 1
        made = Path(tempfile.mkdtemp(prefix=".new-", dir=self.folder))
        try:
            result = fill(number, made)
            (made / RESULT).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            made.chmod(0o755)
            made.rename(self.folder / str(number))
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return number

    def unneeded(self, keep: int) -> list[int]:
        """The runs that are not among the newest, oldest first.

        The last pass of each target always stays: exports and receipts are made of it. So does
        the newest run, whose number the next one follows.
        """
        known = self.ids()
        needed, passed = {*known[-max(keep, 1) :]}, set()
        for each in self.newest_first():
            if each.verdict == "pass" and each.target not in passed:
                passed.add(each.target)
                needed.add(each.id)
        return [number for number in known if number not in needed]

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove runs, and what a crash left of runs that were never finished."""
        for number in numbers:
            away = self.folder / f".old-{number}"
            (self.folder / str(number)).rename(away)  # whole or not there, for whoever lists them
            shutil.rmtree(away, ignore_errors=True)
        for left in (*self.folder.glob(".old-*"), *self.folder.glob(".new-*")):
            shutil.rmtree(left, ignore_errors=True)

    def path(self, number: int) -> Path:
        """The folder of one.

        Raises:
            PatcherError: ``unknown-run``.
        """
        known = self.ids()
        if number not in known:
            hint = "`patcher history` lists them"
            if not known:
                hint = "`patcher verify` makes the first"
            raise PatcherError("unknown-run", f"there is no run {number} here", hint=hint)
        return self.folder / str(number)

    def read(self, number: int) -> KeptRun:
        """One of them.

        Raises:
            PatcherError: ``unknown-run``; ``state-damaged`` when it cannot be read.
        """
        file = self.path(number) / RESULT
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PatcherError(
                "state-damaged",
                f"run {number} cannot be read: {error}",
                hint=f"nothing depends on it; {file.parent} may be deleted",
                where=str(file),
            ) from None
        if not isinstance(result, dict) or any(
            not isinstance(result.get(key), kind) for key, kind in LEAST.items()
        ):
            raise no_result(number, file)
        target = result.get("target")
        return KeptRun(result["id"], result["verdict"], target or "", result)

    def newest_first(self) -> Iterator[KeptRun]:
        """Those that can be read."""
        for number in reversed(self.ids()):
            try:
                yield self.read(number)
            except PatcherError:
                continue


def no_result(number: int, file: Path) -> PatcherError:
    """The error for a file that is whole JSON and not the result of a verification."""
    return PatcherError(
        "state-damaged",
        f"run {number} is no result of a verification",
        hint=f"nothing depends on it; {file.parent} may be deleted",
        where=str(file),
    )
