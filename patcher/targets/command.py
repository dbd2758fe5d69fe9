"""A target without an adapter: a command, its exit status and its time.

``[tool.patcher.verify] command = ["python", "-m", "pytest", "-x"]`` is run once an arm, with the
arm's tree first on ``PYTHONPATH``. A word ``python`` at its start is the interpreter of the worker.
There is no output to compare, so every equivalence comes to: it still exits with status 0.

Both halves are in this module; it imports the standard library alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Assets, Matrix, Model, Opening, Options, Produced, Session, Test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAST_LINES = 12


class CommandFailed(Exception):  # noqa: N818 - read by people, in tables
    """The command's exit status was not 0."""


@dataclass(frozen=True)
class CommandAdapter:
    """The parent side; ``packages`` is empty: the worker itself imports nothing of it."""

    distribution: str
    command: tuple[str, ...]
    packages: tuple[str, ...] = ()
    serving: str = "patcher.targets.command:open_session"
    making: str | None = None

    def matrix(self, config: Mapping[str, Any]) -> Matrix:
        """One model, one test: the command."""
        name = " ".join(self.command)
        return Matrix((Model("command"),), (Test(name, {"command": list(self.command)}),))

    def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
        """A command brings what it needs."""
        return Assets("no weights of patcher's", fingerprint="command")


def open_session(opening: Opening) -> CommandSession:
    """A session that runs commands."""
    return CommandSession()


class CommandSession(Session):
    """Runs the command of a test in a process of its own."""

    def __init__(self) -> None:
        self.tree = sys.path[0]  # the worker put the frozen tree there

    def run(self, test: Test, *, capture: bool) -> Produced:
        command = with_interpreter(test.options["command"])
        paths = [self.tree, *filter(None, [os.environ.get("PYTHONPATH")])]
        # The tree's path is never used twice, but its bytecode would be written beside it.
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        last: deque[str] = deque(maxlen=LAST_LINES)
        for line in process.stdout:
            print(line, end="", flush=True)  # into the worker's log
            last.append(line.rstrip())
        status = process.wait()
        wall_s = time.perf_counter() - started
        if status != 0:
            how = f"exit status {status}" if status > 0 else f"signal {-status}"
            said = next((line for line in reversed(last) if line.strip()), "")
            raise CommandFailed(f"{how}: {said}" if said else how)
        return Produced(wall_s=wall_s)


def with_interpreter(command: Sequence[str]) -> list[str]:
    """``python`` at the start becomes this interpreter: it has the target's libraries."""
    first, *rest = command
    return [sys.executable if first in ("python", "python3") else first, *rest]
