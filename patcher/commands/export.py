"""`patcher export`: hand the patched tree on as a diff, git patches, a wheel, or in place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.commands.exporting.messages import last_pass, message_of
from patcher.commands.shared.replay_series import modes_of, patches_of, replayed
from patcher.errors import PatcherError
from patcher.patchfile.versions import members_of
from patcher.results import ExportResult

if TYPE_CHECKING:
    from patcher.commands.exporting.sbom import BillEntry
    from patcher.patchfile.model import Patch
    from patcher.store.history import Held
    from patcher.store.state import Applied
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace
    from patcher.verify.receipt import Receipt

EPOCH_S = 1577836800  # 2020: a moment for files that must not tell when they were made


def clean_copy(workspace: Workspace, target: str | None) -> WorkingCopy:
    """The working copy, provided its tree is what patcher wrote.

    Raises:
        PatcherError: ``drift``: what is handed on must be what was declared.
    """
    from patcher.store.tree import drift_error

    copy = workspace.working_copy(target)
    drift = copy.drift()
    if drift:
        raise drift_error(drift)
    return copy


def format_patch(workspace: Workspace, target: str | None, folder: Path) -> ExportResult:
    """One `git format-patch` file a patch, in the order of the series; `git am` takes them."""
    from patcher.store import history
    from patcher.store.reports import Reports

    copy = clean_copy(workspace, target)
    run = last_pass(Reports(workspace), copy.target, copy.series)
    names = [each.name for each in copy.series]
    steps = [
        history.SeriesStep(applied.name, message_of(patch, applied.sha256, names, run), changed)
        for applied, patch, changed in changes(copy)
    ]
    return ExportResult(history.format_patch(steps, folder, made_s=moment()))


def changes(copy: WorkingCopy) -> Iterator[tuple[Applied, Patch, dict[str, tuple[Held, Held]]]]:
    """Each patch of the series with the files it changes: before and after."""
    before = {path: (copy.pristine(path), mode) for path, mode in _modes(copy, {}).items()}
    for count, patch in enumerate(patches_of(copy.series), 1):
        series = copy.series[:count]
        files, modes = replayed(copy, series), _modes(copy, modes_of(copy, series))
        after = {path: (files.get(path, copy.pristine(path)), modes[path]) for path in modes}
        changed = {path: (before[path], after[path]) for path in after
                   if before[path] != after[path]}  # fmt: skip
        yield copy.series[count - 1], patch, changed
        before = after


def _modes(copy: WorkingCopy, asked: Mapping[str, int]) -> dict[str, int]:
    """Permission bits of every file that the series touches, under a part of it."""
    return {path: asked.get(path, past.pristine_mode) for path, past in copy.state.touched.items()}


def moment() -> int | None:
    """``SOURCE_DATE_EPOCH``, in seconds; None where it is not set.

    Raises:
        PatcherError: ``usage`` when it is no number.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not text.isdecimal():
        raise PatcherError("usage", f"SOURCE_DATE_EPOCH={text!r} is not a number of seconds")
    return int(text)


def wheel(
    workspace: Workspace, target: str | None, folder: Path, receipt: Path | None = None
) -> ExportResult:
    """A wheel of the patched tree, its version marked ``VERSION+patcher.HASH``.

    HASH is of the tree. The same tree with the same receipt makes the same file, to the byte.

    Args:
        receipt: a file to pack; without one that of the last verification that passed.

    Raises:
        PatcherError: ``receipt`` when it is of another tree.
    """
    from patcher.commands.exporting import wheel as packing
    from patcher.store.reports import Reports

    copy = clean_copy(workspace, target)
    if len(members_of(copy.target, copy.version)) > 1:
        raise PatcherError(
            "usage",
            f"a wheel holds one distribution, and this working copy holds {copy.version}",
            hint="`patcher export --in-place SITE-PACKAGES` writes all of them where they are "
            "installed; a wheel is made in a workspace that has the one distribution alone",
        )
    if receipt is not None:
        from patcher.commands.receipt import read

        _hold_against(read(receipt), copy)
        body = json.loads(receipt.read_text(encoding="utf-8"))  # its seal included
    else:
        body = last_pass(Reports(workspace), copy.target, copy.series).get("receipt") or {}
    made_s = moment()
    made_s = EPOCH_S if made_s is None else made_s
    return packing.write_wheel(copy, folder, [*parts(copy)], body, made_s=made_s)


def parts(copy: WorkingCopy) -> Iterator[BillEntry]:
    """Each patch of the series with its diff."""
    from patcher.commands.exporting.sbom import BillEntry
    from patcher.rewrite.diff import unified_diff

    for applied, patch, changed in changes(copy):
        before = {path: old[0] for path, (old, _) in changed.items()}
        after = {path: new[0] for path, (_, new) in changed.items()}
        modes = tuple({path: pair[at][1] for path, pair in changed.items()} for at in (0, 1))
        text = unified_diff(before, after, modes=(modes[0], modes[1]))
        yield BillEntry(
            patch,
            applied.sha256,
            text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        )


def _hold_against(receipt: Receipt, copy: WorkingCopy) -> None:
    """Refuse a receipt of another series."""
    judged = [(each["name"], each["sha256"]) for each in receipt.body["patches"]]
    if judged != [(each.name, each.sha256) for each in copy.series]:
        names = ", ".join(name for name, _ in judged) or "no patch"
        raise PatcherError(
            "receipt",
            f"it is of another series: {names}",
            hint="`patcher verify --receipt FILE` writes one of this series",
            where=receipt.where,
        )


def in_place(
    workspace: Workspace, target: str | None, path: Path, *, undo: bool = False
) -> ExportResult:
    """Put the patched files where the original ones stand; with ``undo`` the other way round."""
    from patcher.commands.exporting.in_place import write_over

    return ExportResult(write_over(clean_copy(workspace, target), path, undo=undo))
