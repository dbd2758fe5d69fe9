"""Somebody's checkout as working copy: one run at a time in it, and who has patched it.

Two workspaces may have the same checkout as their working copy. They exclude each other by a lock
in the checkout's own git folder, and know of each other by a note beside it. The note is derived,
as the git record is: a workspace writes its entry after every change, and whoever reads it checks
it against the files.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.store import lock as locks
from patcher.store.fs import Folder, digest
from patcher.store.plumbing import find_checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patcher.store.tree import StoredTree

LOCK_FILE = "patcher.lock"
NOTE_FILE = "patcher.json"
SCHEMA = 1


@dataclass(frozen=True)
class PatchedFile:
    """A file that patches changed: sha256 before and now, git's name of the bytes before."""

    path: str
    pristine: str | None
    current: str | None
    blob: str | None


@dataclass(frozen=True)
class User:
    """A workspace that has this checkout as its working copy.

    Attributes:
        workspace, root: of the workspace and the import root, absolute.
        series: the patches it has applied.
        files: what they changed.
    """

    workspace: str
    target: str
    root: str
    series: tuple[str, ...] = ()
    files: tuple[PatchedFile, ...] = ()

    @property
    def patched(self) -> bool:
        """Whether its patches are in the files still."""
        return bool(self.files) and any(
            _sha256(Path(self.root, each.path)) == each.current for each in self.files
        )

    def way_back(self) -> list[str]:
        """Commands that restore the files from git alone."""
        return [
            f"git -C {self.root} cat-file blob {each.blob} > {self.root}/{each.path}"
            for each in self.files
            if each.blob
        ]


def _sha256(path: Path) -> str | None:
    with suppress(OSError):
        return digest(path.read_bytes())
    return None


def lock(copy: StoredTree, command: str) -> AbstractContextManager[object]:
    """Be the only run in the checkout of a working copy; nothing for a managed one.

    Raises:
        PatcherError: ``locked``, naming the holder.
    """
    git_dir = _git_dir(copy.root) if copy.in_place else None
    if git_dir is None:
        return nullcontext()
    try:
        return locks.acquire(git_dir / LOCK_FILE, command)
    except OSError as error:
        raise PatcherError("io", f"{error.strerror}: {git_dir / LOCK_FILE}") from error


def _git_dir(folder: Path) -> Path | None:
    result = find_checkout(folder)
    return None if result is None else result[1]


def users(folder: Path) -> tuple[User, ...]:
    """The workspaces that have noted themselves in the checkout that a folder is in."""
    git_dir = _git_dir(folder)
    if git_dir is None:
        return ()
    with suppress(OSError, ValueError, TypeError, KeyError):
        noted = json.loads((git_dir / NOTE_FILE).read_bytes())
        return tuple(_user(entry) for entry in noted["users"])
    return ()


def _user(entry: dict[str, Any]) -> User:
    files = tuple(PatchedFile(**each) for each in entry["files"])
    return User(**{**entry, "series": tuple(entry["series"]), "files": files})


def others(copy: StoredTree) -> Iterator[User]:
    """Other workspaces whose patches are in this checkout now."""
    if copy.in_place:
        for user in users(copy.root):
            if user.workspace != str(copy.folders.root) and user.patched:
                yield user


def refuse_others(copy: StoredTree) -> None:
    """Raise `PatcherError` ``blocked`` while another workspace has patched this checkout."""
    for user in others(copy):
        raise PatcherError(
            "blocked",
            f"another workspace, {user.workspace}, has patched this checkout: "
            f"{', '.join(user.series)}",
            hint=f"`patcher -C {user.workspace} revert --all` first, or apply there",
            where=user.root,
        )


def note(copy: StoredTree) -> None:
    """Note what this workspace has done to the checkout; it is made again by the next change."""
    git_dir = _git_dir(copy.root) if copy.in_place else None
    if git_dir is None:
        return
    mine = User(
        str(copy.folders.root),
        copy.target,
        str(copy.root),
        tuple(applied.name for applied in copy.series),
        tuple(_patched_files(copy)),
    )
    kept = [
        each
        for each in users(copy.root)
        if (each.workspace, each.target) != (mine.workspace, mine.target)
    ]
    data = json.dumps(
        {"schema": SCHEMA, "users": [asdict(each) for each in (*kept, mine)]}, indent=1
    )
    with suppress(OSError), Folder.open(git_dir) as folder:
        folder.replace_file(NOTE_FILE, data.encode())


def _patched_files(copy: StoredTree) -> Iterator[PatchedFile]:
    for path, touched in copy.state.touched.items():
        blob = None
        if touched.pristine is not None:
            with suppress(PatcherError):
                data = copy.folders.backups.get(touched.pristine)
                blob = hashlib.sha1(
                    b"blob %d\0" % len(data) + data, usedforsecurity=False
                ).hexdigest()
        yield PatchedFile(path, touched.pristine, touched.current, blob)


def refuse_patched(checkout: Path, workspace: Path) -> None:
    """Raise when a checkout that is to become a working copy is patched: that is not pristine.

    Raises:
        PatcherError: ``exists``, with what is applied and the way back.
    """
    for user in users(checkout):
        if user.patched:
            mine = user.workspace == str(workspace)
            whose = "this workspace, whose records are lost," if mine else user.workspace
            notes = ["the files as they were, from git alone:", *user.way_back()]
            raise PatcherError(
                "exists",
                f"{checkout} is patched already, by {whose} with {', '.join(user.series)}",
                hint=f"`patcher -C {user.workspace} recover`, then `revert --all` there",
                where=user.root,
                notes=notes,
            )
