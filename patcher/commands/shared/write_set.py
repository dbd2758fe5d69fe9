"""Writing a set of patches into the workspace's `patches/sets.yaml`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.patchfile.catalogue import SETS
from patcher.patchfile.reader import read_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.store.workspace import Workspace


def write_set(workspace: Workspace, name: str, summary: str, patches: Sequence[str]) -> Path:
    """Write a set; one of the same name is replaced, all others and their comments stay.

    Raises:
        PatcherError: ``spec`` where the file as it is cannot be read.
    """
    path = workspace.patches_dir / SETS
    text = path.read_text("utf-8") if path.exists() else ""
    if text.strip():
        read_sets(text, str(path))
    entry = f"{name}:\n  summary: {json.dumps(summary)}\n  patches:\n"
    entry += "".join(f"    - {patch}\n" for patch in patches)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{SETS}.new")
    fresh.write_bytes((_without(text, name) + entry).encode())
    os.replace(fresh, path)
    return path


def _without(text: str, name: str) -> str:
    """The text without the entry of that name: its line and the indented ones below."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if line[:1] not in (" ", "\t", "\n", "\r"):
            inside = line.startswith(f"{name}:")
        if not inside:
            kept.append(line)
    joined = "".join(kept)
    return joined if joined.endswith("\n") or not joined else joined + "\n"
