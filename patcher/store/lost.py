"""Working copies whose records are lost though their trees are still patched."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.checkout import users
from patcher.store.recovery import best_state, is_whole
from patcher.store.state import SERIES_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from patcher.store.folders import Folders


@dataclass(frozen=True)
class Lost:
    """A patched tree without its ``series.json``.

    Attributes:
        series: the patches that are in the tree.
        backed_up: the workspace's backups hold the records: `patcher recover` puts them back.
        way_back: commands that restore the files from git where the backups do not.
    """

    target: str
    root: Path | str
    series: tuple[str, ...]
    backed_up: bool
    way_back: tuple[str, ...] = ()

    def error(self) -> PatcherError:
        """What every command but `status` ends with."""
        return PatcherError(
            "state-damaged",
            self.sentence,
            hint=self.hint,
            where=str(self.root),
            notes=() if self.backed_up else self.way_back,
        )

    @property
    def sentence(self) -> str:
        """What is the matter, in one line."""
        what = ", ".join(self.series) or "patches"
        return f"{self.root} is patched ({what}), but its {SERIES_FILE} is lost"

    @property
    def hint(self) -> str:
        """The next step."""
        if self.backed_up:
            return (
                "`patcher recover` puts the records back from backups/, then `patcher revert --all`"
            )
        return "the records in backups/ are missing too; git holds the files as they were"


def lost_copies(workspace: Folders) -> list[Lost]:
    """Every one of this workspace, by its backups, or by what was noted in the checkout."""
    result = {each.target: each for each in _from_checkout(workspace)}
    result.update({each.target: each for each in _from_backups(workspace)})
    return [each for target, each in sorted(result.items()) if target not in workspace.targets()]


def _from_backups(workspace: Folders) -> Iterator[Lost]:
    for target in sorted({manifest.target for manifest in workspace.backups.records()}):
        if target in workspace.targets():
            continue
        with suppress(PatcherError, OSError):
            state = best_state(workspace, target)
            if state.series and is_whole(workspace, state):
                series = tuple(applied.name for applied in state.series)
                yield Lost(target, workspace.root / state.root, series, backed_up=True)


def _from_checkout(workspace: Folders) -> Iterator[Lost]:
    for user in users(workspace.root):
        if user.workspace == str(workspace.root) and user.patched:
            way = tuple(user.way_back())
            yield Lost(user.target, user.root, user.series, backed_up=False, way_back=way)
