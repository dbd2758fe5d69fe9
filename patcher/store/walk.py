"""The files of a folder that belong to a target."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from patcher.store.layout import is_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PRUNED = {"__pycache__", "node_modules", "venv", "site-packages"}


def walk(root: Path, top: str = "") -> Iterator[str]:
    """Paths of the regular files below a folder; links are not followed, caches passed over."""
    with os.scandir(root / top) as entries:
        for entry in entries:
            path = f"{top}/{entry.name}" if top else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _PRUNED and not entry.name.startswith("."):
                    yield from walk(root, path)
            elif entry.is_file(follow_symlinks=False) and is_source(path):
                yield path
