"""Frozen trees to run, and the gate a series claims."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.execution.process import Tree
from patcher.patchfile.model import Equivalence

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.working_copy import WorkingCopy

STRICTEST_FIRST = tuple(Equivalence)


@contextmanager
def frozen_trees(copy: WorkingCopy) -> Iterator[Path]:
    """A folder for frozen trees at a path never used before; what a crash left there goes too."""
    home = copy.home / "frozen"
    home.mkdir(parents=True, exist_ok=True)
    for left in home.iterdir():
        shutil.rmtree(left, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(dir=home))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def freeze(
    copy: WorkingCopy,
    folder: Path,
    overrides: Mapping[str, bytes | None] | None = None,
    *,
    pristine: bool = False,
) -> Tree:
    """Extract a tree and hash it."""
    return Tree.of(folder, copy.freeze(folder, overrides, pristine=pristine), copy.packages)


def new_tree(scratch: Path) -> Path:
    """A path for a frozen tree: as long as any other, and saying nothing of what it holds."""
    return scratch / secrets.token_hex(6)


def loosest(patches: Sequence[Patch]) -> Equivalence:
    """The gate for a series: the loosest claim among its patches."""
    claims = [patch.equivalence for patch in patches] or [Equivalence.BITWISE]
    return max(claims, key=STRICTEST_FIRST.index)
