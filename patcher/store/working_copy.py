"""The working copy: ``tree = replay(pristine, series)``, and the one way to change it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import changes, checkout, git, transaction
from patcher.store import state as states
from patcher.store.changes import FileChanges, SeriesChange
from patcher.store.drift import Drift
from patcher.store.fs import digest
from patcher.store.journal import Journal
from patcher.store.paths import check_relative
from patcher.store.signals import Deferred
from patcher.store.state import Applied, State
from patcher.store.transaction import Transaction
from patcher.store.tree import StoredTree, drift_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from patcher.store.exclusive import ExclusiveFolders
    from patcher.store.journal import FileStep

__all__ = ["Applied", "Change", "Drift", "WorkingCopy"]


@dataclass(frozen=True)
class Change:
    """What a change did.

    Attributes:
        files: (path, sha256 before, sha256 after) of each file; None where there is no file.
        commit: of the git record; None when git could not make it (the next command does).
        signal: number of a signal that came when the change was past stopping.
    """

    files: tuple[tuple[str, str | None, str | None], ...]
    commit: str | None
    signal: int | None = None


class WorkingCopy(StoredTree):
    """A target's tree with its series, and the one way to change it."""

    def __init__(self, workspace: ExclusiveFolders, state: State) -> None:
        super().__init__(workspace, state)
        self.workspace = workspace

    # changing

    def change(
        self,
        files: Mapping[str, bytes | None],
        series: Sequence[Applied],
        action: str,
        names: Sequence[str],
        verified: Sequence[Applied] | None = None,
        modes: Mapping[str, int] | None = None,
    ) -> Change:
        """Write files and the series they amount to: all of it or nothing.

        A hand edit that is exactly what would be written is no drift: it becomes the series'.

        Args:
            files: new bytes by path; None removes. Those that are there already cost nothing.
            series: the series afterwards.
            action: ``apply``, ``revert``, ``restore`` or ``verify`` (which only notes the series).
            names: the patches it is about, for the record.
            verified: what to remember as verified; None leaves it as it is.
            modes: permission bits that the series asks for, by path; other files have those of
                pristine. None leaves them all as they are.

        Raises:
            PatcherError: ``drift`` and ``unsafe-path`` before anything is written; what
                `transaction.execute` raises.
        """
        with (
            self.workspace.lock(action),
            checkout.lock(self, action),
            Deferred(absorb=True) as signals,
        ):
            if action == "apply":
                checkout.refuse_others(self)
            if self.workspace.state(self.target).transaction != self.state.transaction:
                raise PatcherError(
                    "locked",
                    "another run changed the series after this one had read it",
                    hint="repeat the command",
                )
            for path in files:
                check_relative(path)
            try:
                goal = changes.goal_of(self, files, modes)
                drift = self.drift({*goal, *self.state.touched})
                drifted = changes.not_there(self, drift, goal)
                if drifted:
                    raise drift_error(drifted)
                adopted = {each.path for each in drift}
                noted = None if verified is None else tuple(verified)
                becomes = SeriesChange(tuple(series), action, tuple(names), noted)
                return self._execute(self._files(goal, adopted), becomes, signals)
            except OSError as error:
                raise transaction.refused(error) from error

    def discard(self, files: Mapping[str, bytes | None]) -> Change:
        """Put files that drifted back to what patcher left there; their bytes are kept first.

        Args:
            files: the bytes patcher left, by path; None where it left no file.

        Raises:
            PatcherError: ``unsafe-path`` before anything is written; what `transaction.execute`
                raises.
        """
        with self.workspace.lock("discard"), Deferred(absorb=True) as signals:
            expected = self.expected()
            for path in files:
                check_relative(path)
            modes = {path: each.mode for path, each in expected.items()}
            goal = {p: (data, modes.get(p, changes.NEW_FILE_MODE)) for p, data in files.items()}
            try:
                steps, old = changes.steps_of(self, goal)
                put_back = FileChanges(files, steps, self.state.touched, tuple(old.values()))
                return self._execute(put_back, SeriesChange(self.series, "discard"), signals)
            except OSError as error:
                raise transaction.refused(error) from error

    def _files(self, goal: changes.Goal, adopted: Collection[str]) -> FileChanges:
        steps, old = changes.steps_of(self, goal)
        before = [self.pristine(path) for path in adopted]
        return FileChanges(
            contents={path: data for path, (data, _) in goal.items()},
            steps=steps,
            touched=changes.touched_after(self, steps, {path: goal[path] for path in adopted}),
            kept=(*old.values(), *(data for data in before if data is not None)),
        )

    def _execute(self, files: FileChanges, becomes: SeriesChange, signals: Deferred) -> Change:
        for step in files.steps:
            if self._seen.get(step.path, {step.before}) != {step.before}:
                raise drift_error([Drift(step.path, "edited")])  # it was planned on other bytes
        verified = self.state.verified if becomes.verified is None else becomes.verified
        identity = transaction.transaction_id()
        next_state = self.state.after(identity, becomes.series, verified, files.touched)
        old_bytes, new_bytes = states.dump(self.state), states.dump(next_state)
        journal = Journal(
            transaction=identity,
            generation=next_state.generation,
            target=self.target,
            action=becomes.action,
            names=becomes.names,
            root=self.state.root,
            started=transaction.now(),
            pid=os.getpid(),
            state_before=digest(old_bytes),
            state_after=digest(new_bytes),
            steps=files.steps,
            folders=self._missing_folders(files.steps),
        )
        planned = Transaction(
            journal,
            contents=files.contents,
            kept=(*files.kept, old_bytes, new_bytes),
            next_state=new_bytes,
            ballast=_ballast(files.kept, new_bytes) if becomes.action == "apply" else 0,
        )
        transaction.execute(self.place, planned, signals)
        self.state = next_state
        self._seen.clear()
        checkout.note(self)
        commit = git.record(self)
        done = tuple((step.path, step.before, step.after) for step in files.steps)
        return Change(done, commit, signals.received)

    def _missing_folders(self, steps: Iterable[FileStep]) -> tuple[str, ...]:
        missing: dict[str, None] = {}
        for step in steps:
            parts = step.path.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                path = "/".join(parts[:depth])
                if step.before is None and self.place.root.lstat(path) is None:
                    missing[path] = None
        return tuple(missing)

    # freezing

    def freeze(
        self,
        destination: Path,
        overrides: Mapping[str, bytes | None] | None = None,
        pristine: bool = False,
    ) -> str:
        """Extract the tree to a path that does not exist yet, so that no bytecode can be stale.

        Args:
            overrides: bytes that differ from the tree's; None leaves a file out.
            pristine: start from pristine instead of the tree as it is.

        Returns:
            The frozen tree's hash: sha256 over ``path NUL sha256 LF`` of its files, sorted.

        Raises:
            PatcherError: ``drift`` when a file is not what patcher left; ``exists``.
        """
        from patcher.store.freeze import freeze

        return freeze(self, destination, overrides, pristine=pristine).sha256


def _ballast(old: Collection[bytes], state: bytes) -> int:
    """Room for one change back: the files, two states, a journal, a manifest, their folders."""
    return sum(map(len, old)) + 4 * len(state) + 256 * 1024
