"""SQLite files of a workspace: opened, or set aside and made anew when they are damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.execution.stages import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMEOUT_S = 30.0
# What the machine refuses, in SQLite's words: the file itself is not at fault.
REFUSALS = ("locked", "disk is full", "readonly", "permission")


class Database:
    """One database file.

    Args:
        schema: statements that make its tables, harmless where they are there.
        columns: what each table must have; a file with other ones is somebody else's.

    Attributes:
        aside: where damaged files went; empty when there was none.
    """

    def __init__(self, path: Path, schema: str, columns: dict[str, str]) -> None:
        self.path = path
        self.schema = schema
        self.columns = columns
        self.aside: list[Path] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._replace(error)

    def _prepare(self) -> None:
        with closing(self._open()) as db:
            for (problem,) in db.execute("pragma quick_check(1)"):
                if problem != "ok":
                    raise sqlite3.DatabaseError(problem)
            db.executescript(self.schema)
            for table, columns in self.columns.items():
                db.execute(f"select {columns} from {table} limit 0")

    def _open(self) -> sqlite3.Connection:
        # One connection a call: nothing is held open over hours, nor into a forked child.
        return sqlite3.connect(self.path, timeout=TIMEOUT_S)

    def _replace(self, error: sqlite3.Error) -> None:
        """Set the file aside and make a new one.

        Raises:
            PatcherError: ``io`` when the machine refused, so that the file may be whole.
        """
        if any(word in str(error) for word in REFUSALS) or not self.path.exists():
            raise PatcherError("io", f"{self.path}: {error}", where=str(self.path)) from error
        self.aside.append(set_aside(self.path))
        for ending in ("-journal", "-wal", "-shm"):  # they belong to the file that went
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
        self._prepare()

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """A connection for one piece of work, committed when it ends well.

        Raises:
            Renewed: the file was damaged meanwhile; there is a new, empty one.
        """
        try:
            with closing(self._open()) as db, db:
                yield db
        except sqlite3.Error as error:
            self._replace(error)
            raise Renewed(str(self.path)) from error

    @property
    def warnings(self) -> list[str]:
        """A sentence on each file that was set aside."""
        return [
            f"{self.path} was damaged: it is set aside as {aside.name}, and begun anew"
            for aside in self.aside
        ]


class Renewed(Exception):  # noqa: N818 - nothing is wrong any more
    """A damaged database was replaced by an empty one: do the work again."""
