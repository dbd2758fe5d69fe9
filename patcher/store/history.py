"""Repositories as people read them: list the record, export a series.

GitPython does this; it is imported here only, when one of these is called.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.store import git as records
from patcher.store import plumbing
from patcher.store.clone import quiet_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from git import Repo

    from patcher.store.tree import StoredTree


@dataclass(frozen=True)
class Commit:
    """One entry of a working copy's record, newest first.

    Attributes:
        patches: names from its ``Patcher-Patch`` trailers.
        committed: seconds since the epoch.
    """

    sha: str
    subject: str
    committed: int
    patches: tuple[str, ...]


Held = tuple["bytes | None", int]


@dataclass(frozen=True)
class SeriesStep:
    """One patch of an exported series: its files before and after.

    Each is bytes and permission bits; bytes of None where there is no file.
    """

    name: str
    message: str
    files: Mapping[str, tuple[Held, Held]]


def _safe(repository: Repo) -> Any:
    """The repository's git, with hooks, fsmonitor and the like switched off."""
    options = plumbing.SAFE_OPTIONS
    repository.git.set_persistent_git_options(c=list(options))
    return repository.git


def history(copy: StoredTree) -> tuple[Commit, ...]:
    """The record of a working copy, newest first; empty when there is none yet, or no git."""
    if not plumbing.git_there():
        return ()
    from git import GitError, Repo

    checkout = plumbing.find_checkout(copy.root)
    if checkout is None:
        return ()
    with quiet_environment():
        try:
            repository = Repo(checkout[1] if copy.in_place else copy.root)
            git = _safe(repository)
            text = git.rev_list(records.ref_of(copy), format="%H%x00%ct%x00%B%x01")
            repository.close()
        except GitError:
            return ()
    commits = []
    for block in text.split("\x01"):
        fields = block.strip("\n").split("\n", 1)[-1].split("\0")
        if len(fields) != 3:
            continue
        sha, committed, message = fields
        lines = message.strip().splitlines()
        trailers = [line.partition(": ") for line in lines]
        commits.append(
            Commit(
                sha,
                lines[0] if lines else "",
                int(committed),
                tuple(value for key, _, value in trailers if key == "Patcher-Patch"),
            )
        )
        if any(key == "Patcher-Target" for key, _, _ in trailers):
            break  # the first record; patcher made nothing below it
    return tuple(commits)


def format_patch(
    steps: Sequence[SeriesStep], directory: Path, *, made_s: int | None = None
) -> tuple[Path, ...]:
    """Write one `git format-patch` file a patch into a folder; `git am` takes them.

    They are made in a repository of their own that is thrown away: neither the working copy's nor
    anybody's checkout is read.

    Args:
        made_s: the date of the commits, in seconds since the epoch; None is now.

    Raises:
        PatcherError: ``usage`` where there is no git.
    """
    plumbing.require_git("writing git patches")
    from git import Actor, Repo

    directory.mkdir(parents=True, exist_ok=True)
    date = None if made_s is None else f"{made_s} +0000"
    who = Actor("patcher", "patcher@localhost")
    with tempfile.TemporaryDirectory(prefix="patcher-") as folder, quiet_environment():
        # The empty template is not a user's: no hooks come along.
        repository = Repo.init(folder, template="", allow_unsafe_options=True)
        git = _safe(repository)
        before: dict[str, Held] = {}
        for step in steps:
            for path, (old, _) in step.files.items():
                before.setdefault(path, old)
        _stage(Path(folder), git, before)
        base = repository.index.commit("pristine", author=who, committer=who)
        for step in steps:
            _stage(Path(folder), git, {path: new for path, (_, new) in step.files.items()})
            repository = Repo(folder)
            repository.index.commit(
                step.message, author=who, committer=who, author_date=date, commit_date=date
            )
        written = git.format_patch(
            base.hexsha, output_directory=str(directory.absolute()), no_ext_diff=True,
            no_textconv=True, binary=True, no_signature=True, zero_commit=True,
        )  # fmt: skip
        repository.close()
    return tuple(Path(line) for line in written.splitlines())


def _stage(folder: Path, git: Any, files: Mapping[str, Held]) -> None:
    for path, (data, mode) in files.items():
        place = folder / path
        if data is None:
            place.unlink(missing_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            place.chmod(mode | 0o600)
    if files:
        git.update_index("--add", "--remove", "--", *files)
