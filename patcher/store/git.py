"""The git record of a working copy.

The record is derived: it can fail or be deleted and the next command makes it again. What is true
stands in ``series.json``.

A managed working copy is a repository of patcher's own. In somebody's checkout only
``refs/patcher/*`` and new objects are written: HEAD, branches and the index are not.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store import state as states
from patcher.store.fs import Folder, digest
from patcher.store.plumbing import (
    BRANCH,
    common_dir,
    find_checkout,
    loose_commit,
    make_repository,
    record_ref,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from patcher.store.journal import Journal
    from patcher.store.tree import StoredTree

RECORD_FILE = "git.json"
_INDEX = "index.patcher"
_STALE_S = 1.0
_IDENTITY = "patcher <patcher@localhost>"


@dataclass(frozen=True)
class RecordedCommit:
    """The commit that was made last, and of which change."""

    transaction: str
    generation: int
    commit: str

    @classmethod
    def from_json(cls, data: bytes) -> RecordedCommit | None:
        """What ``git.json`` says; None where it says nothing that can be used."""
        with suppress(ValueError, TypeError):
            note = cls(**json.loads(data))
            if isinstance(note.generation, int) and isinstance(note.commit, str):
                return note
        return None


def ref_of(copy: StoredTree) -> str:
    """The ref that the records of a working copy are commits of."""
    return record_ref(copy.target, in_place=copy.in_place)


def _note(copy: StoredTree) -> RecordedCommit | None:
    with suppress(OSError):
        return RecordedCommit.from_json((copy.home / RECORD_FILE).read_bytes())
    return None


def recorded(copy: StoredTree) -> str | None:
    """The commit of the present state, or None when it is still to be made. Runs no git."""
    note = _note(copy)
    if note is None or note.transaction != copy.state.transaction:
        return None
    # A managed repository can be deleted; a ref in a user's checkout is the user's to prune.
    there = copy.in_place or (copy.root / ".git" / "HEAD").exists()
    return note.commit if there else None


def record(copy: StoredTree) -> str | None:
    """Make the commit of the present state, unless it is there; None when git cannot."""
    if (commit := recorded(copy)) is not None:
        return commit
    commit = None
    # The record is not the truth: whatever keeps it from being made, the next command tries again.
    with suppress(OSError, PatcherError):
        commit = _commit(copy)
        if commit is not None:
            note = RecordedCommit(copy.state.transaction, copy.state.generation, commit)
            with Folder.open(copy.home) as home:
                home.replace_file(RECORD_FILE, json.dumps(asdict(note)).encode())
    return commit


def _commit(copy: StoredTree) -> str | None:
    if not copy.in_place and not (copy.root / ".git" / "HEAD").exists():
        make_repository(copy.root)
    checkout = find_checkout(copy.root)
    if checkout is None:
        return None
    top, git_dir = checkout
    ref = ref_of(copy)
    tip = _resolve(git_dir, ref)
    prefix = "" if top == copy.root else f"{copy.root.relative_to(top).as_posix()}/"
    note = _note(copy)
    manifests = _manifests(copy, 0 if tip is None or note is None else note.generation)
    changed = {step.path for each in manifests for step in each.steps}
    changed |= set(copy.state.touched)
    # A kill may have come after the commit and before the note of it.
    noted = tip is not None and note is not None and tip == note.commit
    if noted or not _names_transaction(git_dir, tip, copy.state.transaction):
        stream: list[bytes] = []
        if tip is None:
            parent = _resolve(git_dir, "HEAD") if copy.in_place else None
            stream += _header(ref, _first_message(copy), parent)
            stream += _files(prefix, _pristine(copy, None))
        elif copy.in_place and (files := _unrecorded(copy, git_dir, tip, prefix, manifests)):
            stream += _header(ref, f"{copy.target}: files as they were before\n", tip)
            stream += _files(prefix, files)
        if manifests or tip is not None:
            stream += _header(ref, _message(copy, manifests), None if stream else tip)
            stream += _files(prefix, _current(copy, changed))
        _remove_stale(common_dir(git_dir) / f"{ref}.lock")
        if not copy.in_place:  # there git locks HEAD too, which points to the ref
            _remove_stale(git_dir / "HEAD.lock")
        # Looking for deltas takes half of its time, and saves hardly anything of unlike files.
        quick = ("fast-import", "--quiet", "--depth=0")
        if run(git_dir, *quick, data=b"".join(stream)) is None:
            return None
    if not copy.in_place and (git_dir / "HEAD").read_text().strip() == f"ref: {BRANCH}":
        everything = copy.expected()
        own = everything if tip is None else changed
        if not (
            _update_index(git_dir, copy.root, own)
            or _update_index(git_dir, copy.root, everything, afresh=True)
        ):
            return None
    return _resolve(git_dir, ref)


def _names_transaction(git_dir: Path, tip: str | None, transaction: str) -> bool:
    """Whether a commit already records a state."""
    commit = run(git_dir, "cat-file", "commit", tip) if tip else None
    return commit is not None and f"\nPatcher-Transaction: {transaction}\n".encode() in commit


def _remove_stale(place: Path) -> None:
    """Remove the lock that a killed git left: one that a living git holds goes by itself."""
    end = time.monotonic() + _STALE_S
    first = None
    with suppress(FileNotFoundError), Folder.open(place.parent) as folder:
        while (result := folder.lstat(place.name)) is not None:
            first = first or result
            if result.st_ino != first.st_ino:
                return
            if time.monotonic() > end:
                folder.unlink(place.name)
                return
            time.sleep(0.02)


def _update_index(git_dir: Path, root: Path, paths: Iterable[str], *, afresh: bool = False) -> bool:
    """Let the index of a managed repository agree with its tree, so that it shows as clean.

    Made beside and renamed, so that a kill leaves no ``index.lock`` behind.
    """
    names = "".join(f"{path}\0" for path in sorted(paths)).encode()
    with Folder.open(git_dir) as git:
        if git.lstat("index.lock") is not None:
            return True  # somebody's git is at work on it
        for name in (_INDEX, f"{_INDEX}.lock"):
            git.unlink(name)
        held = None if afresh else git.read("index")
        if held is not None:
            git.create(_INDEX, held.data, held.mode, durable=False)
        words = ("update-index", "-q", "--add", "--remove", "-z", "--stdin")
        if run(git_dir, *words, data=names, work_tree=root, index=git_dir / _INDEX) is None:
            return False
        git.rename(_INDEX, "index")
    return True


def _resolve(git_dir: Path, name: str) -> str | None:
    if commit := loose_commit(git_dir, name):
        return commit
    out = run(git_dir, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return None if out is None else out.decode().strip() or None


def _manifests(copy: StoredTree, after: int) -> list[Journal]:
    """Manifests of the changes that led from a generation to the present one."""
    return [
        each
        for each in copy.folders.backups.records(copy.target, after + 1)
        if after < each.generation <= copy.state.generation
    ]


def _first_message(copy: StoredTree) -> str:
    return (
        f"{copy.target} {copy.version or ''}: pristine\n\nFrom: {copy.origin}\n"
        f"Patcher-Target: {copy.target}\n"
        + (f"Patcher-Transaction: {copy.state.transaction}\n" if not copy.state.generation else "")
    )


def _message(copy: StoredTree, manifests: list[Journal]) -> str:
    """Subject and trailers; of several changes that were not recorded, all are named."""
    specs = {entry.name: entry.sha256 for entry in copy.series}
    lines: list[str] = []
    trailers: list[str] = []
    for each in manifests:
        with suppress(PatcherError):
            before = states.load(copy.folders.backups.get(each.state_before), "")
            specs.update({entry.name: entry.sha256 for entry in before.series})
        lines.append(f"{each.action.capitalize()} {', '.join(each.names)}".rstrip())
        for name in each.names:
            trailers.append(f"Patcher-Patch: {name}")
            if name in specs:
                trailers.append(f"Patcher-Spec-SHA256: {specs[name]}")
    subject = "; ".join(lines) or "Record the tree"
    trailers.append(f"Patcher-Transaction: {copy.state.transaction}")
    return f"{subject}\n\n" + "".join(f"{line}\n" for line in trailers)


def _header(ref: str, message: str, parent: str | None) -> list[bytes]:
    text = message.encode()
    lines = f"commit {ref}\ncommitter {_IDENTITY} {int(time.time())} +0000\n"
    head = [lines.encode(), f"data {len(text)}\n".encode(), text]
    return [*head, f"from {parent}\n".encode()] if parent else head


def _files(prefix: str, files: Mapping[str, tuple[bytes, int] | None]) -> Iterator[bytes]:
    for path, held in files.items():
        name = _quoted(prefix + path)
        if held is None:
            yield b"D " + name + b"\n"
            continue
        data, mode = held
        kind = b"100755" if mode & 0o100 else b"100644"
        yield b"M " + kind + b" inline " + name + b"\n" + f"data {len(data)}\n".encode()
        yield data
        yield b"\n"


def _quoted(path: str) -> bytes:
    text = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'.encode()


def _pristine(copy: StoredTree, paths: Iterable[str] | None) -> dict[str, tuple[bytes, int] | None]:
    """Pristine files: those given, or all of a managed tree."""
    if paths is None:
        paths = () if copy.index is None else [entry.path for entry in copy.index.entries()]
    result: dict[str, tuple[bytes, int] | None] = {}
    for path in paths:
        data = copy.pristine(path)
        entry = None if copy.index is None else copy.index.get(path)
        past = copy.state.touched.get(path)
        mode = past.pristine_mode if past else entry.mode if entry else 0o644
        result[path] = None if data is None else (data, mode)
    return result


def _unrecorded(
    copy: StoredTree, git_dir: Path, tip: str, prefix: str, manifests: list[Journal]
) -> dict[str, tuple[bytes, int] | None]:
    """Files of a checkout that change for the first time and that its commit has otherwise."""
    known: set[str] = set()
    with suppress(PatcherError, IndexError):
        before = copy.folders.backups.get(manifests[0].state_before)
        known = set(states.load(before, "").touched)
    first = _pristine(copy, set(copy.state.touched) - known)
    return {
        path: held
        for path, held in first.items()
        if run(git_dir, "cat-file", "blob", f"{tip}:{prefix}{path}") != (held and held[0])
    }


def _current(copy: StoredTree, paths: Iterable[str]) -> dict[str, tuple[bytes, int] | None]:
    result: dict[str, tuple[bytes, int] | None] = {}
    for path in sorted(paths):
        past = copy.state.touched.get(path)
        if past is None:
            result.update(_pristine(copy, [path]))
        elif past.current is None:
            result[path] = None
        else:
            data = copy.read(path)
            if data is None or digest(data) != past.current:
                raise PatcherError("drift", f"{path} is not what patcher wrote", where=path)
            result[path] = (data, past.mode)
    return result
