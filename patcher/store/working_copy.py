"""The working copy: ``tree = replay(pristine, series)``, and the one way to change it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import changes, checkout, git, transaction
from patcher.store import state as states
from patcher.store.drift import Drift, Expected, find_drift
from patcher.store.fs import digest
from patcher.store.index import INDEX_FILE, Index
from patcher.store.journal import Journal, Place
from patcher.store.paths import Root, check_relative, printable, safe_target
from patcher.store.signals import Deferred
from patcher.store.state import Applied, State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from patcher.store.journal import Step
    from patcher.store.state import Touched
    from patcher.store.workspace import Workspace

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


class WorkingCopy:
    """A target's tree with its series, as read from ``series.json``."""

    def __init__(self, workspace: Workspace, state: State) -> None:
        self.workspace = workspace
        self.state = state
        self._seen: dict[str, set[str | None]] = {}  # hashes of what was read since the last change

    @property
    def target(self) -> str:
        return self.state.target

    @property
    def version(self) -> str | None:
        return self.state.version

    @property
    def origin(self) -> str:
        return self.state.origin

    @property
    def packages(self) -> tuple[str, ...]:
        return self.state.packages

    @property
    def in_place(self) -> bool:
        """True when the tree is somebody's own checkout."""
        return self.state.in_place

    @property
    def series(self) -> tuple[Applied, ...]:
        return self.state.series

    @property
    def verified(self) -> tuple[str, ...] | None:
        """Names of the series that last passed verification; None when none did."""
        return None if self.verified_series is None else tuple(a.name for a in self.verified_series)

    @property
    def verified_series(self) -> tuple[Applied, ...] | None:
        return self.state.verified

    @property
    def home(self) -> Path:
        """``.patcher/TARGET``."""
        return self.workspace.private_dir / self.state.target

    @cached_property
    def root(self) -> Path:
        """The import root, absolute."""
        return self.workspace.root / self.state.root

    @cached_property
    def place(self) -> Place:
        closed = self.workspace.closed_folders()
        return Place(
            Root(str(self.root), closed),
            self.workspace.private_dir,
            self.home,
            self.workspace.backups,
        )

    @cached_property
    def index(self) -> Index | None:
        """Pristine hashes of a managed tree; None in place."""
        if self.state.index is None:
            return None
        path = self.home / INDEX_FILE
        try:
            return Index(path.read_bytes(), self.state.index)
        except (OSError, ValueError):
            raise PatcherError(
                "state-damaged",
                f"{path} is missing or damaged",
                hint="`patcher recover` takes it from the backups",
                where=str(path),
            ) from None

    # reading

    def read(self, path: str) -> bytes | None:
        """The bytes in the tree now; None when there is no such file.

        Raises:
            PatcherError: ``unsafe-path``, or ``unsupported-source`` over 1 MB.
        """
        try:
            with safe_target(str(self.root), path, self.place.root.closed) as (folder, name):
                found = folder.read(name)
        except FileNotFoundError:
            found = None
        data = None if found is None else found.data
        self._seen.setdefault(path, set()).add(None if data is None else digest(data))
        return data

    def left(self, path: str) -> bytes | None:
        """The bytes that patcher left under a path, whatever an edit made of them since.

        Raises:
            PatcherError: ``drift`` when no record holds them any more.
        """
        one = self.expected_one(path)
        if one is None:
            return self.read(path)
        if one[0] is None:
            return None
        found = self.place.root.read(path) if self._is_file(path) else None
        if found is not None and digest(found.data) == one[0]:
            return found.data
        touched = self.state.touched.get(path)
        if touched is None:
            return self.pristine(path)
        data = git.find_blob(self, path, one[0])
        if data is None:
            raise PatcherError("drift", f"{printable(path)} is not what patcher wrote", where=path)
        return data

    def _is_file(self, path: str) -> bool:
        here = self.place.root.lstat(path)
        return here is not None and stat.S_ISREG(here.st_mode)

    def pristine(self, path: str) -> bytes | None:
        """The bytes before any patch; None when there was no such file.

        Raises:
            PatcherError: ``backup-damaged``; ``drift`` when the file was edited and git does not
                hold its pristine bytes either.
        """
        touched = self.state.touched.get(path)
        if touched is not None:
            return (
                None if touched.pristine is None else self.workspace.backups.get(touched.pristine)
            )
        data = self.read(path)
        if self.index is None:
            return data
        entry = self.index.get(path)
        if entry is None:
            return None
        if data is not None and digest(data) == entry.sha256:
            return data
        data = git.find_blob(self, path, entry.sha256)
        if data is None:
            raise PatcherError("drift", f"{printable(path)} is not what patcher wrote", where=path)
        return data

    def paths(self) -> tuple[str, ...]:
        """Files of the target as they should be now, sorted."""
        return tuple(sorted(self.expected()))

    def expected(self) -> dict[str, Expected]:
        """Hash, mode and stamp of every file as patcher left it."""
        result: dict[str, Expected] = {}
        if self.index is not None:
            for path, sha256, mode, stamp in self.index.entries():
                result[path] = Expected(sha256, mode, stamp)
        else:
            from patcher.store.source import walk

            for package in self.packages:
                for path in [package] if package.endswith(".py") else walk(self.root, package):
                    result[path] = Expected(None, 0, "")
        for path, touched in self.state.touched.items():
            if touched.current is None:
                result.pop(path, None)
            else:
                result[path] = Expected(touched.current, touched.mode, "")
        return result

    def expected_one(self, path: str) -> tuple[str | None, int] | None:
        """(hash, mode) that a file should have; None where patcher has no say (in place)."""
        touched = self.state.touched.get(path)
        if touched is not None:
            return touched.current, touched.mode
        if self.index is None:
            return None
        entry = self.index.get(path)
        return (None, 0) if entry is None else (entry.sha256, entry.mode)

    def drift(self, paths: Iterable[str] | None = None) -> tuple[Drift, ...]:
        """Where the tree is not what patcher left.

        Args:
            paths: look at these only; by default at all of the tree, new files included. In place
                only files that patcher changed can drift.
        """
        removed = {path for path, one in self.state.touched.items() if one.current is None}
        if paths is not None:
            expected = {}
            for path in paths:
                one = self.expected_one(path)
                if one is not None and one[0] is not None:
                    expected[path] = Expected(one[0], one[1], "")
                elif one is not None:
                    removed.add(path)
            return find_drift(self.place.root, expected, removed & set(paths), look_for_new=False)
        if self.in_place:
            touched = self.state.touched.items()
            expected = {
                path: Expected(one.current, one.mode, "")
                for path, one in touched
                if one.current is not None
            }
            return find_drift(self.place.root, expected, removed, look_for_new=False)
        return find_drift(
            self.place.root, self.expected(), removed, look_for_new=True,
            passed_over=self._temporary(),
        )  # fmt: skip

    def _temporary(self) -> set[str]:
        """Names that belong to an interrupted change."""
        journal = self.workspace.journal()
        if journal is None or journal["target"] != self.target:
            return set()
        return {name for step in journal["steps"] for name in step["temporary"]}

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
                stray = changes.not_there(self, drift, goal)
                if stray:
                    raise drift_error(stray)
                adopted = {one.path for one in drift}
                return self._change(
                    goal, adopted, tuple(series), action, tuple(names), verified, signals
                )
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
            modes = {path: one.mode for path, one in expected.items()}
            goal = {p: (data, modes.get(p, changes.NEW_FILE_MODE)) for p, data in files.items()}
            try:
                steps, old = changes.steps_of(self, goal)
                done = (self.state.touched, steps, list(old.values()))
                return self._execute(files, self.series, "discard", (), None, signals, done)
            except OSError as error:
                raise transaction.refused(error) from error

    def pristine_mode(self, path: str) -> int | None:
        """Permission bits before any patch; None when there was no such file."""
        touched = self.state.touched.get(path)
        if touched is not None:
            return None if touched.pristine is None else touched.pristine_mode
        if self.index is not None:
            entry = self.index.get(path)
            return None if entry is None else entry.mode
        found = self.place.root.read(path)
        return None if found is None else found.mode

    def _change(
        self,
        goal: changes.Goal,
        adopted: Collection[str],
        series: tuple[Applied, ...],
        action: str,
        names: tuple[str, ...],
        verified: Sequence[Applied] | None,
        signals: Deferred,
    ) -> Change:
        steps, old = changes.steps_of(self, goal)
        past = [self.pristine(path) for path in adopted]
        touched = changes.touched_after(self, steps, {path: goal[path] for path in adopted})
        kept = [*old.values(), *(data for data in past if data is not None)]
        files = {path: data for path, (data, _) in goal.items()}
        done = (touched, steps, kept)
        return self._execute(files, series, action, names, verified, signals, done)

    def _execute(
        self,
        files: Mapping[str, bytes | None],
        series: tuple[Applied, ...],
        action: str,
        names: tuple[str, ...],
        verified: Sequence[Applied] | None,
        signals: Deferred,
        prepared: tuple[Mapping[str, Touched], tuple[Step, ...], list[bytes]],
    ) -> Change:
        touched, steps, old = prepared
        for step in steps:
            if self._seen.get(step.path, {step.before}) != {step.before}:
                raise drift_error([Drift(step.path, "edited")])  # it was planned on other bytes
        noted = self.state.verified if verified is None else tuple(verified)
        identity = transaction.transaction_id()
        next_state = self.state.after(identity, series, noted, touched)
        old_bytes, new_bytes = states.dump(self.state), states.dump(next_state)
        journal = Journal(
            transaction=identity,
            generation=next_state.generation,
            target=self.target,
            action=action,
            names=names,
            root=self.state.root,
            started=transaction.now(),
            pid=os.getpid(),
            state_before=digest(old_bytes),
            state_after=digest(new_bytes),
            steps=steps,
            folders=self._missing_folders(steps),
        )
        ballast = _ballast(old, new_bytes) if action == "apply" else 0
        kept = [*old, old_bytes, new_bytes]
        transaction.execute(self.place, journal, files, kept, new_bytes, signals, ballast)
        self.state = next_state
        self._seen.clear()
        checkout.note(self)
        commit = git.record(self)
        done = tuple((step.path, step.before, step.after) for step in steps)
        return Change(done, commit, signals.received)

    def _missing_folders(self, steps: Iterable[Step]) -> tuple[str, ...]:
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

        return freeze(self, destination, overrides or {}, pristine)


def _ballast(old: Collection[bytes], state: bytes) -> int:
    """Room for one change back: the files, two states, a journal, a manifest, their folders."""
    return sum(map(len, old)) + 4 * len(state) + 256 * 1024


def drift_error(stray: Sequence[Drift]) -> PatcherError:
    """PatcherError ``drift`` that names every file."""
    first = stray[0]
    count = "" if len(stray) == 1 else f" and {len(stray) - 1} more"
    return PatcherError(
        "drift",
        f"{printable(first.path)}{count} is not what patcher wrote ({first.kind})",
        hint="`patcher diff` shows it; take the edit out, or keep it as a patch with "
        "`patcher capture NAME`, then repeat",
        where=first.path,
        notes=[f"{each.kind}: {printable(each.path)}" for each in stray],
        payload={"drift": [{"path": each.path, "kind": each.kind} for each in stray]},
    )
