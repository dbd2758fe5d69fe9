"""Where the edits of an applied series are in the patched tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.commands.shared.replay_series import rewriting
from patcher.rewrite.replay import replay
from patcher.verify.exercised import ChangedLines, places_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.patchfile.model import Patch
    from patcher.store.working_copy import WorkingCopy


def edited_places(copy: WorkingCopy, patches: Sequence[Patch]) -> tuple[ChangedLines, ...]:
    """Every function that a patch of the series changed, with the lines it wrote."""
    rewrite = rewriting(copy.workspace)
    versions: list[tuple[str, Mapping[str, bytes]]] = []
    for count, patch in enumerate(patches, 1):
        files = replay(copy.pristine, patches[:count], rewrite)
        versions.append((patch.name, {path: content or b"" for path, content in files.items()}))
    return places_of(versions, copy.pristine)
