"""Frozen trees to run, and the gate a series claims."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.execution.process import FrozenTree
from patcher.patchfile.model import Equivalence
from patcher.store import freeze as frozen

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.store.freeze import Content, Frozen
    from patcher.store.working_copy import WorkingCopy

MOST_HELD = 256 << 20  # bytes of a tree that are kept for the next one
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
) -> FrozenTree:
    """Extract a tree and hash it."""
    return tree_of(copy, frozen.freeze(copy, folder, overrides, pristine=pristine))


def tree_of(copy: WorkingCopy, result: Frozen) -> FrozenTree:
    """A frozen tree as executors take it."""
    return FrozenTree.hashed(result.path, result.sha256, copy.packages, result.hashes)


class Freezer:
    """Freezes several trees of one working copy: what they share is read and hashed once."""

    def __init__(self, copy: WorkingCopy, scratch: Path) -> None:
        self.copy, self.scratch = copy, scratch
        self.held: Mapping[str, Content] = {}

    def __call__(
        self, overrides: Mapping[str, bytes | None] | None = None, *, pristine: bool = False
    ) -> FrozenTree:
        """The next tree; see `freeze`."""
        result = frozen.freeze(
            self.copy, new_tree(self.scratch), overrides, pristine=pristine, beside=self.held
        )
        if not self.held and sum(len(each.data) for each in result.files.values()) < MOST_HELD:
            self.held = result.files
        return tree_of(self.copy, result)


def new_tree(scratch: Path) -> Path:
    """A path for a frozen tree: as long as any other, and saying nothing of what it holds."""
    return scratch / secrets.token_hex(6)


def loosest(patches: Sequence[Patch]) -> Equivalence:
    """The gate for a series: the loosest claim among its patches."""
    claims = [patch.equivalence for patch in patches] or [Equivalence.BITWISE]
    return max(claims, key=STRICTEST_FIRST.index)
