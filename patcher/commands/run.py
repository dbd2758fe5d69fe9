"""`patcher run -- CMD`: a command with the patched tree first on its import path."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.interpreter import configured

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


def run(workspace: Workspace, arguments: Sequence[str], target: str | None) -> int:
    """Run a command; its exit status, or 128 plus the signal that ended it.

    The tree runs without stale bytecode: none is read from it or written to it.
    """
    copy = workspace.working_copy(target)
    # As `uv run` does: what stands beside the target's interpreter comes first.
    python = configured(workspace.root)
    path = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", "")])
    program = shutil.which(arguments[0], path=path)
    if arguments[0] in ("python", "python3"):
        program = python
    if program is None:
        raise PatcherError("usage", f"there is no command {arguments[0]!r}")
    search = [str(copy.root), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONPATH": os.pathsep.join(search),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    status = subprocess.run([program, *arguments[1:]], env=environment, check=False).returncode
    return status if status >= 0 else 128 - status
