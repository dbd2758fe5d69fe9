"""Which edited lines run in the processes that a command or a test suite starts.

Each Python process below the command finds `patcher/worker/hook` first on its import path and
follows lines there. A process that reads no ``PYTHONPATH`` (``python -I``) is not followed.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

HOOK = Path(__file__).resolve().parent / "hook"
STARTED, REPLACED = 0, 1  # of `patcher.worker.lines.ProcessWatch`


class SeenLines(NamedTuple):
    """What was seen.

    Attributes:
        ran: lines by file relative to the tree.
        processes: how many were followed.
        replaced: another tracer took the place of this one somewhere.
    """

    ran: Mapping[str, tuple[int, ...]]
    processes: int = 0
    replaced: bool = False


class Follower:
    """Hands out what a command's environment needs, and reads what came of it."""

    def __init__(self, tree: str, spans: Mapping[str, Any]) -> None:
        self.tree = tree
        self.spans = spans
        self._file = Path(tempfile.mkdtemp(prefix="lines-"), "seen")

    def environ(self, folder: Path) -> dict[str, str]:
        """Variables for a command that runs in ``folder``, which holds a copy of the package."""
        roots = list(dict.fromkeys([self.tree, str(folder), os.path.realpath(str(folder))]))
        settings = {"file": str(self._file), "roots": roots, "spans": self.spans}
        return {"PATCHER_FOLLOW": json.dumps(settings)}

    def result(self) -> SeenLines:
        """What was seen until now."""
        lines: dict[str, set[int]] = {}
        marks: list[int] = []
        text = self._file.read_text(encoding="utf-8") if self._file.exists() else ""
        for entry in text.splitlines():
            file, _, number = entry.rpartition(" ")
            if file == "-":
                marks.append(int(number))
            else:
                lines.setdefault(file, set()).add(int(number))
        ran = {file: tuple(sorted(each)) for file, each in lines.items()}
        return SeenLines(ran, marks.count(STARTED), REPLACED in marks)
