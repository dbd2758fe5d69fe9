"""Replay: the working copy is a pure function of pristine and the series.

Reverting a patch is replaying the series without it. Nothing is merged: every patch finds its sites
again, and where one cannot, the series has a conflict that is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import EditKind
from patcher.rewrite.file import WRITABLE, Rewrite, rewrite_file, rewrite_patch
from patcher.rewrite.forms import chosen_form
from patcher.rewrite.problem import as_error, of_outcome
from patcher.rewrite.whole_files import modes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from patcher.patchfile.model import Patch


def replay(
    read_pristine: Callable[[str], bytes | None],
    patches: Sequence[Patch],
    rewrite: Rewrite = rewrite_file,
) -> dict[str, bytes | None]:
    """Content of every file that a series changes.

    Args:
        read_pristine: content before any patch, by path; None when there is no such file.
        patches: the series, in order.
        rewrite: what rewrites a file, see `patcher.rewrite.file.Rewrite`.

    Returns:
        New content by path, None where a file is deleted; files that end up as they were are
        left out.

    Raises:
        PatcherError: a patch does not fit what the ones before it leave (``missing``,
            ``ambiguous``, ``conflict``, ``unsupported-source``), with all its problems.
    """
    state, _ = _run(read_pristine, patches, rewrite)
    return {path: content for path, content in state.items() if content != read_pristine(path)}


def replay_modes(
    read_pristine: Callable[[str], bytes | None],
    mode_of: Callable[[str], int | None],
    patches: Sequence[Patch],
    rewrite: Rewrite = rewrite_file,
) -> dict[str, int]:
    """Permission bits that a series asks for, by path; other files have those of pristine.

    Args:
        mode_of: permission bits before any patch; None when there is no such file.

    Raises:
        PatcherError: as `replay`.
    """
    if not any(map(asks_for_modes, patches)):
        return {}
    _, forms = _run(read_pristine, patches, rewrite)
    return modes_of(forms, mode_of)


def asks_for_modes(patch: Patch) -> bool:
    """Whether a patch may give a file other permission bits than it would have without."""
    asking = (EditKind.MODE, EditKind.RENAME_FILE)
    return any(edit.kind in asking for form in patch.forms for edit in form.edits)


def _run(
    read_pristine: Callable[[str], bytes | None], patches: Sequence[Patch], rewrite: Rewrite
) -> tuple[dict[str, bytes | None], list[Patch]]:
    """Content of every file written, and the form that each patch takes."""
    state: dict[str, bytes | None] = {}
    forms: list[Patch] = []

    def now(path: str) -> bytes | None:
        return state[path] if path in state else read_pristine(path)

    for patch in patches:
        form = chosen_form(patch, now, rewrite)
        outcomes, written = rewrite_patch(form, now, rewrite)
        problems = [
            of_outcome(form, number, outcome)
            for number, outcome in enumerate(outcomes, 1)
            if outcome.status not in WRITABLE
        ]
        if problems:
            raise as_error(problems)
        state.update(written)
        forms.append(form)
    return state, forms


def needed_by(name: str, patches: Sequence[Patch]) -> list[str]:
    """Patches of a series that require ``name``, directly or through others."""
    result: list[str] = []
    lost = {name}
    for patch in patches:
        if lost & set(patch.requires) and patch.name not in lost:
            result.append(patch.name)
            lost.add(patch.name)
    return result
