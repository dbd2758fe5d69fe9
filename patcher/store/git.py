"""The git record of a working copy, by plumbing, with nothing foreign run.

The record is derived: it can fail or be deleted and the next command makes it again. What is true
stands in ``series.json``.

No command here reads the work tree through git's filters or refreshes an index through
fsmonitor; hooks, lazy fetches and the user's configuration are switched off. A managed working
copy is a repository of patcher's own. In somebody's checkout only ``refs/patcher/*`` and new
objects are written: HEAD, branches and the index are not.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.store import state as states
from patcher.store.fs import Folder, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from patcher.store.working_copy import WorkingCopy

RECORD_FILE = "git.json"
BRANCH = "refs/heads/main"
_IDENTITY = "patcher <patcher@localhost>"
# Configuration that lets nothing foreign run, whatever the repository's own says.
SAFE_OPTIONS = (
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    f"core.attributesFile={os.devnull}",
    "core.untrackedCache=false",
    "core.autocrlf=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "safe.directory=*",
    "fastimport.unpackLimit=1000",
)
_SAFE = [word for option in SAFE_OPTIONS for word in ("-c", option)]
_CONFIG = f"""[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
\tautocrlf = false
\tsafecrlf = false
\texcludesFile = {os.devnull}
\tattributesFile = {os.devnull}
\thooksPath = {os.devnull}
\tfsmonitor = false
[gc]
\tauto = 0
[commit]
\tgpgSign = false
"""


def environment() -> dict[str, str]:
    """The environment for git: none of the caller's GIT_*, no user or system configuration."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return {
        **kept,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
    }


def run(
    git_dir: Path, *arguments: str, data: bytes = b"", work_tree: Path | None = None
) -> bytes | None:
    """One git command's output; None when it failed or there is no git.

    The child has a session of its own, so that a Ctrl-C does not reach it.
    """
    import subprocess

    where = ["--git-dir", str(git_dir)]
    if work_tree is not None:
        where += ["--work-tree", str(work_tree)]
    try:
        done = subprocess.run(
            ["git", *_SAFE, *where, *arguments],
            input=data,
            capture_output=True,
            env=environment(),
            cwd=work_tree or git_dir,
            start_new_session=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def find_checkout(folder: Path) -> tuple[Path, Path] | None:
    """(top of the work tree, git directory) that a folder is in, found without running git."""
    for above in (folder, *folder.parents):
        place = above / ".git"
        if place.is_dir():
            return above, place
        if place.is_file():  # a linked worktree or submodule
            text = place.read_text("utf-8", "replace")
            if text.startswith("gitdir:"):
                return above, (above / text.removeprefix("gitdir:").strip()).resolve()
    return None


def _common_dir(git_dir: Path) -> Path:
    """Where refs and info/exclude lie: a linked worktree shares them."""
    with suppress(OSError):
        text = (git_dir / "commondir").read_text().strip()
        return (git_dir / text).resolve()
    return git_dir


def make_repository(root: Path) -> None:
    """An empty repository in ``root``, owned by patcher, blind to attributes in its tree."""
    with Folder.open(root) as top:
        top.mkdir(".git", exist_ok=True)
        with top.child(".git") as git:
            for name in ("objects", "refs", "info"):
                git.mkdir(name, exist_ok=True)
            git.replace_file("HEAD", f"ref: {BRANCH}\n".encode())
            git.replace_file("config", _CONFIG.encode())
            with git.child("info") as info:
                info.replace_file("attributes", b"* -text -filter -ident -working-tree-encoding\n")
                info.replace_file("exclude", b"__pycache__/\n*.pyc\n.patcher-*\n")


def hide(checkout: Path, names: tuple[str, ...]) -> None:
    """Keep patcher's folders out of the user's `git status`, through ``info/exclude``."""
    found_checkout = find_checkout(checkout)
    if found_checkout is None:
        return
    common = _common_dir(found_checkout[1])
    with Folder.make(common / "info") as info:
        found = info.read("exclude")
        data = b"" if found is None else found.data
        wanted = [name for name in names if name.encode() not in data.splitlines()]
        if wanted:
            ending = b"" if data.endswith(b"\n") or not data else b"\n"
            lines = "".join(f"{name}\n" for name in wanted).encode()
            info.replace_file("exclude", data + ending + lines, found.mode if found else 0o644)


def ref_of(copy: WorkingCopy) -> str:
    """The ref that the records of a working copy are commits of."""
    return f"refs/patcher/{copy.target}" if copy.in_place else BRANCH


def _note(copy: WorkingCopy) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        note = json.loads((copy.home / RECORD_FILE).read_bytes())
        if isinstance(note, dict):
            return note
    return {}


def recorded(copy: WorkingCopy) -> str | None:
    """The commit of the present state, or None when it is still to be made. Runs no git."""
    note = _note(copy)
    current = note.get("transaction") == copy.state.transaction
    # A managed repository can be deleted; a ref in somebody's checkout is theirs to prune.
    there = copy.in_place or (copy.root / ".git" / "HEAD").exists()
    return str(note["commit"]) if current and there and "commit" in note else None


def record(copy: WorkingCopy) -> str | None:
    """Make the commit of the present state, unless it is there; None when git cannot."""
    if (commit := recorded(copy)) is not None:
        return commit
    commit = None
    # The record is not the truth: whatever keeps it from being made, the next command tries again.
    with suppress(OSError, PatcherError):
        commit = _commit(copy)
        if commit is not None:
            note = {
                "transaction": copy.state.transaction,
                "generation": copy.state.generation,
                "commit": commit,
            }
            with Folder.open(copy.home) as home:
                home.replace_file(RECORD_FILE, json.dumps(note).encode())
    return commit


def _commit(copy: WorkingCopy) -> str | None:
    if not copy.in_place and not (copy.root / ".git" / "HEAD").exists():
        make_repository(copy.root)
    checkout = find_checkout(copy.root)
    if checkout is None:
        return None
    top, git_dir = checkout
    ref = ref_of(copy)
    tip = _resolve(git_dir, ref)
    prefix = "" if top == copy.root else f"{copy.root.relative_to(top).as_posix()}/"
    manifests = _manifests(copy, 0 if tip is None else _note(copy).get("generation", 0))
    changed = {step["path"] for each in manifests for step in each["steps"]}
    changed |= set(copy.state.touched)
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
    if run(git_dir, "fast-import", "--quiet", data=b"".join(stream)) is None:
        return None
    if not copy.in_place and (git_dir / "HEAD").read_text().strip() == f"ref: {BRANCH}":
        names = sorted(copy.expected() if tip is None else changed)
        run(
            git_dir, "update-index", "-q", "--add", "--remove", "-z", "--stdin",
            data="".join(f"{name}\0" for name in names).encode(), work_tree=copy.root,
        )  # fmt: skip
    return _resolve(git_dir, ref)


def _resolve(git_dir: Path, name: str) -> str | None:
    out = run(git_dir, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    return None if out is None else out.decode().strip() or None


def _manifests(copy: WorkingCopy, after: int) -> list[dict[str, Any]]:
    """Manifests of the changes that led from a generation to the present one."""
    return [
        each
        for _, each in copy.workspace.backups.records(copy.target, after + 1)
        if after < each["generation"] <= copy.state.generation
    ]


def _first_message(copy: WorkingCopy) -> str:
    return (
        f"{copy.target} {copy.version or ''}: pristine\n\nFrom: {copy.origin}\n"
        f"Patcher-Target: {copy.target}\n"
    )


def _message(copy: WorkingCopy, manifests: list[dict[str, Any]]) -> str:
    """Subject and trailers; of several changes that were not recorded, all are named."""
    specs = {one.name: one.sha256 for one in copy.series}
    lines: list[str] = []
    trailers: list[str] = []
    for each in manifests:
        with suppress(PatcherError):
            before = states.load(copy.workspace.backups.get(each["state_before"]), "")
            specs.update({one.name: one.sha256 for one in before.series})
        lines.append(f"{each['action'].capitalize()} {', '.join(each['names'])}".rstrip())
        for name in each["names"]:
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


def _pristine(
    copy: WorkingCopy, paths: Iterable[str] | None
) -> dict[str, tuple[bytes, int] | None]:
    """Pristine files: those given, or all of a managed tree."""
    if paths is None:
        paths = () if copy.index is None else [entry.path for entry in copy.index.entries()]
    found: dict[str, tuple[bytes, int] | None] = {}
    for path in paths:
        data = copy.pristine(path)
        entry = None if copy.index is None else copy.index.get(path)
        past = copy.state.touched.get(path)
        mode = past.pristine_mode if past else entry.mode if entry else 0o644
        found[path] = None if data is None else (data, mode)
    return found


def _unrecorded(
    copy: WorkingCopy, git_dir: Path, tip: str, prefix: str, manifests: list[dict[str, Any]]
) -> dict[str, tuple[bytes, int] | None]:
    """Files of a checkout that change for the first time and that its commit has otherwise."""
    known: set[str] = set()
    with suppress(PatcherError, IndexError):
        before = copy.workspace.backups.get(manifests[0]["state_before"])
        known = set(states.load(before, "").touched)
    first = _pristine(copy, set(copy.state.touched) - known)
    return {
        path: held
        for path, held in first.items()
        if run(git_dir, "cat-file", "blob", f"{tip}:{prefix}{path}") != (held and held[0])
    }


def _current(copy: WorkingCopy, paths: Iterable[str]) -> dict[str, tuple[bytes, int] | None]:
    found: dict[str, tuple[bytes, int] | None] = {}
    for path in sorted(paths):
        past = copy.state.touched.get(path)
        if past is None:
            found.update(_pristine(copy, [path]))
        elif past.current is None:
            found[path] = None
        else:
            data = copy.read(path)
            if data is None or digest(data) != past.current:
                raise PatcherError("drift", f"{path} is not what patcher wrote", where=path)
            found[path] = (data, past.mode)
    return found


def find_blob(copy: WorkingCopy, path: str, sha256: str) -> bytes | None:
    """The bytes with this hash that some commit of the record holds for a path; None without."""
    checkout = find_checkout(copy.root)
    if checkout is None:
        return None
    top, git_dir = checkout
    name = (copy.root / path).relative_to(top).as_posix()
    commits = (run(git_dir, "rev-list", "--reverse", ref_of(copy), "--", name) or b"").decode()
    for commit in commits.split():
        blob = run(git_dir, "cat-file", "blob", f"{commit}:{name}")
        if blob is not None and digest(blob) == sha256:
            return blob
    return None
