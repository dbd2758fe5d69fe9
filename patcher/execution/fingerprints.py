"""Files that must not change while workers run: both trees, and patcher's own code."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.execution.sandbox import PATCHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SKIPPED = ("__pycache__",)
JUDGING = ("worker", "execution", "gates", "targets", "verify")  # patcher's folders


def fingerprints(folders: Iterable[Path], files: Iterable[Path] = ()) -> dict[str, str]:
    """sha256 by path of every file in some folders, bytecode left out, and of further files."""
    result = {}
    for folder in folders:
        for path, names, here in os.walk(folder):
            names[:] = [name for name in names if name not in SKIPPED]
            files = [*files, *(Path(path, name) for name in here if not name.endswith(".pyc"))]
    for file in files:
        try:
            result[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            result[str(file)] = error.strerror or "unreadable"
    return result


def attributes(trees: Iterable[Path], *, folders: bool) -> dict[str, str]:
    """Permissions and times of every file: what a worker may change of files that it cannot write.

    The time of the last change of anything about a file cannot be set back, so that it stands for
    permissions, times and extended attributes, and for whatever was written there in between.

    Args:
        folders: also those of folders; not where workers write bytecode into them.
    """
    result = {}
    for tree in trees:
        for path, names, files in os.walk(tree):
            names[:] = [name for name in names if name not in SKIPPED]
            here = [name for name in files if not name.endswith(".pyc")]
            for name in [*here, *(["."] if folders else [])]:
                about = os.lstat(os.path.join(path, name))
                where = os.path.normpath(os.path.join(path, name))
                result[f"attributes of {where}"] = f"{about.st_mode:o} {about.st_ctime_ns}"
    return result


def watched(trees: Iterable[Path], serving: str, sys_path: Iterable[str]) -> dict[str, str]:
    """What a verification rests on: trees, patcher's code, the adapter's module."""
    module = serving.partition(":")[0].replace(".", "/") + ".py"
    adapters = [Path(folder, module) for folder in sys_path if Path(folder, module).is_file()]
    judging = [PATCHER / name for name in JUDGING]
    return fingerprints([*trees, *judging], adapters)


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Paths that came, went or have other bytes, sorted."""
    return sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
