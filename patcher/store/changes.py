"""What a change of a working copy comes to: bytes and modes wanted, steps, files touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.fs import digest
from patcher.store.journal import FileStep
from patcher.store.paths import check_size
from patcher.store.state import Touched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from patcher.store.drift import Drift
    from patcher.store.state import Applied
    from patcher.store.tree import StoredTree

NEW_FILE_MODE = 0o644
Goal = dict[str, tuple["bytes | None", int]]
"""Bytes and permission bits by path; bytes of None mean no file."""


@dataclass(frozen=True)
class SeriesChange:
    """What becomes of the series, and what the record says of it.

    Attributes:
        series: afterwards.
        action: what it is called: ``apply``, ``revert``, ...
        names: the patches it is about.
        verified: what to remember as verified; None leaves it as it is.
    """

    series: tuple[Applied, ...]
    action: str
    names: tuple[str, ...] = ()
    verified: tuple[Applied, ...] | None = None


@dataclass(frozen=True)
class FileChanges:
    """What becomes of the files.

    Attributes:
        contents: new bytes by path; None removes.
        steps: one for each file whose bytes or mode change.
        touched: the files that differ from pristine afterwards.
        kept: bytes to back up first.
    """

    contents: Mapping[str, bytes | None]
    steps: tuple[FileStep, ...]
    touched: Mapping[str, Touched]
    kept: tuple[bytes, ...]


def goal_of(
    copy: StoredTree, files: Mapping[str, bytes | None], modes: Mapping[str, int] | None
) -> Goal:
    """What every file that a change is about shall be.

    Args:
        files: new bytes by path; None removes.
        modes: permission bits that the series asks for; other files have those of pristine. None
            leaves them as they are.
    """
    goal: Goal = {}
    there = {p: each for p, each in copy.state.touched.items() if each.current is not None}
    moded = {path: each.mode for path, each in there.items() if each.mode != each.pristine_mode}
    if modes is None:
        modes, moded = {path: mode for path, mode in moded.items() if path in files}, {}
    for path in {*files, *modes, *moded}:
        data = files[path] if path in files else copy.left(path)
        past = copy.pristine_mode(path)
        goal[path] = (data, modes.get(path, NEW_FILE_MODE if past is None else past))
    return goal


def not_there(copy: StoredTree, drift: Iterable[Drift], goal: Goal) -> tuple[Drift, ...]:
    """The drift that is something else than what a change would write."""
    return tuple(each for each in drift if not _is_there(copy, each.path, goal))


def _is_there(copy: StoredTree, path: str, goal: Goal) -> bool:
    """Whether the tree holds, under a path, just what a change would write there."""
    if path not in goal:
        return False
    data, mode = goal[path]
    try:
        result = copy.place.root.read(path)
    except PatcherError:
        return False
    if result is None or data is None:
        return result is None and data is None
    return result.data == data and result.mode == mode


def steps_of(copy: StoredTree, goal: Goal) -> tuple[tuple[FileStep, ...], dict[str, bytes]]:
    """One step for each file that changes, and the present bytes of those."""
    steps: list[FileStep] = []
    old: dict[str, bytes] = {}
    for path in sorted(goal):
        new, after_mode = goal[path]
        if new is not None:
            check_size(len(new), path)
        present = copy.place.root.read(path)
        before = None if present is None else digest(present.data)
        after = None if new is None else digest(new)
        mode = NEW_FILE_MODE if present is None else present.mode
        if before == after and (mode == after_mode or new is None):
            continue
        if present is not None:
            old[path] = present.data
        steps.append(FileStep(path, before, mode, after, mode if new is None else after_mode))
    return tuple(steps), old


def touched_after(copy: StoredTree, steps: Iterable[FileStep], adopted: Goal) -> dict[str, Touched]:
    """The files that differ from pristine after a change.

    Args:
        adopted: hand edits that become the series', as they are.
    """
    touched = dict(copy.state.touched)
    for path, (data, mode) in adopted.items():
        before, past_mode = copy.pristine(path), copy.pristine_mode(path)
        first = Touched(
            None if before is None else digest(before),
            NEW_FILE_MODE if past_mode is None else past_mode,
            None if data is None else digest(data),
            mode,
        )
        touched.pop(path, None)
        if (first.current, first.mode) != (first.pristine, first.pristine_mode):
            touched[path] = first
    for step in steps:
        past = touched.pop(step.path, None)
        first = past or Touched(step.before, step.before_mode, None, 0)
        same_mode = step.after is None or step.after_mode == first.pristine_mode
        if step.after != first.pristine or not same_mode:
            touched[step.path] = Touched(
                first.pristine, first.pristine_mode, step.after, step.after_mode
            )
    return touched
