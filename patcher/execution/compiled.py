"""Bytecode for frozen trees that commands run on, made before anything is measured."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from patcher.execution.site import FrozenTree

SCRIPT = Path(__file__).resolve().parent.parent / "worker" / "compiling.py"
TIMEOUT_S = 300.0
KEPT_S = 30 * 24 * 3600.0  # what nothing used for so long is of a source that was removed


def compile_trees(trees: Iterable[FrozenTree], python: str, cache: Path) -> None:
    """Compile the packages of trees for an interpreter.

    Where it cannot be done the commands compile for themselves, in both arms alike.
    """
    for tree in trees:
        command = [python, "-I", "-S", str(SCRIPT), str(tree.path), str(cache), *tree.packages]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    _prune(cache)


def _prune(cache: Path) -> None:
    oldest = time.time() - KEPT_S
    for path in cache.glob("*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
