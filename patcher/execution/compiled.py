"""Bytecode for frozen trees that commands run on, made before anything is measured."""

from __future__ import annotations

import contextlib
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.execution.start import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from patcher.execution.site import FrozenTree

SCRIPT = Path(__file__).resolve().parent.parent / "worker" / "compiling.py"
TIMEOUT_S = 300.0
KEPT_S = 30 * 24 * 3600.0  # what nothing used for so long is of a source that was removed


@contextlib.contextmanager
def compiled(trees: Iterable[FrozenTree], python: str, cache: Path) -> Iterator[None]:
    """Compile the packages of trees for an interpreter, while the block runs; done when it ends.

    Where it cannot be done the commands compile for themselves, in both arms alike.
    """
    processes = []
    for tree in trees:
        command = [python, "-I", "-S", str(SCRIPT), str(tree.path), str(cache), *tree.packages]
        with contextlib.suppress(OSError):
            quiet = subprocess.DEVNULL
            processes.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet))
    try:
        yield
    finally:
        for process in processes:
            try:
                wait_for(process, TIMEOUT_S)
            except BaseException as error:
                process.kill()
                process.wait()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
        _prune(cache)


def _prune(cache: Path) -> None:
    oldest = time.time() - KEPT_S
    for path in cache.glob("*"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
