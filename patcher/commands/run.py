"""`patcher run -- CMD`: a command with the patched tree first on its import path."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.results import RunResult
from patcher.store.interpreter import configured

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def run(
    workspace: Workspace,
    arguments: Sequence[str],
    target: str | None,
    *,
    quiet_stdout: bool = False,
) -> RunResult:
    """Run a command; the status of one that a signal ended is 128 plus the signal.

    The tree runs without stale bytecode: none is read from it or written to it.

    Args:
        quiet_stdout: what the command prints goes to stderr.
    """
    copy = workspace.working_copy(target)
    # As `uv run` does: what stands beside the target's interpreter comes first.
    python = configured(workspace.root)
    path = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", "")])
    program = shutil.which(arguments[0], path=path)
    if arguments[0] in ("python", "python3"):
        program = python
    if program is None:
        raise PatcherError(
            "usage",
            f"there is no program {arguments[0]!r} to run",
            hint="put it in PATH, or name its file: ./NAME",
        )
    search = [str(copy.root), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(search),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [program, *arguments[1:]]
    output = sys.stderr if quiet_stdout else None
    status = subprocess.run(command, env=environment, check=False, stdout=output).returncode
    return RunResult(arguments, status if status >= 0 else 128 - status)
