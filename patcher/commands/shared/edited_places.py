"""Where the edits of an applied series are in the patched tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.replay_series import patch_of, rewriting
from patcher.rewrite.guarding.guard import RUNTIME, Member, replay_guarded
from patcher.verify.exercised import ChangedLines, places_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.patchfile.model import Patch
    from patcher.store.working_copy import WorkingCopy


def edited_places(copy: WorkingCopy, patches: Sequence[Patch]) -> tuple[ChangedLines, ...]:
    """Every function that a patch changed, with the lines it wrote; none is guarded."""
    return _places(copy, [Member(patch) for patch in patches])


def applied_places(copy: WorkingCopy) -> tuple[ChangedLines, ...]:
    """The same of the series that is applied, as it stands in the tree: guarded where it is."""
    return _places(copy, [Member(patch_of(each), each.guard) for each in copy.series])


def _places(copy: WorkingCopy, members: Sequence[Member]) -> tuple[ChangedLines, ...]:
    rewrite = rewriting(copy.workspace)
    versions: list[tuple[str, Mapping[str, bytes]]] = []
    for count, member in enumerate(members, 1):
        files = replay_guarded(copy.pristine, members[:count], rewrite)
        kept = {
            path: content or b""
            for path, content in files.items()
            if not path.endswith(f"{RUNTIME}.py")  # patcher's own, no edit of the patch
        }
        versions.append((member.patch.name, kept))
    return places_of(versions, copy.pristine)
