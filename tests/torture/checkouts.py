"""Somebody's own checkout, in odd states and with hostile configuration, as the working copy.

HEAD, branches, the index, stashes, untracked files and every file that no patch names must stay as
they are to the byte, and nothing that the repository configures may run.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from patcher.errors import PatcherError
from patcher.store.doctor import doctor
from patcher.store.gc import gc
from patcher.store.history import history
from patcher.store.recovery import recover
from patcher.store.source import find_source
from patcher.store.workspace import Workspace
from tests.torture.scene import applied
from tests.torture.tally import Tally

_WHO = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
# What a repository can make git run, each told to leave its name in a file.
_HOOKS = (
    "pre-commit", "post-commit", "commit-msg", "prepare-commit-msg", "post-checkout",
    "post-index-change", "reference-transaction", "pre-auto-gc", "post-rewrite",
    "fsmonitor-watchman", "pre-applypatch", "post-applypatch", "post-merge", "pre-push",
)  # fmt: skip


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run git as its user would."""
    done = subprocess.run(
        ["git", *_WHO, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if check and done.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def make_checkout(place: Path, *options: str) -> Path:
    """A checkout with history, a branch, local edits and an untracked file."""
    checkout = place / "checkout"
    package = checkout / "src" / "sample"
    package.mkdir(parents=True)
    (checkout / "pyproject.toml").write_text('[project]\nname = "sample"\nversion = "1.0"\n')
    (package / "__init__.py").write_bytes(b"")
    for number in range(3):
        (package / f"part{number}.py").write_bytes(b"x = 1\r\ny = 2\n" * (number + 1))
    git(checkout, "init", "-q", "-b", "trunk", *options)
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "first")
    git(checkout, "branch", "side")
    (package / "part2.py").write_bytes(b"x = 3\n")
    git(checkout, "commit", "-qam", "second")
    (package / "part1.py").write_bytes(b"# a local edit\n")
    (checkout / "notes.txt").write_bytes(b"mine\n")
    return checkout


def _detached(checkout: Path) -> None:
    git(checkout, "checkout", "-q", "--detach")


def _staged(checkout: Path) -> None:
    git(checkout, "add", "src/sample/part1.py", "notes.txt")


def _merging(checkout: Path) -> None:
    git(checkout, "stash", "-q")
    git(checkout, "checkout", "-q", "side")
    (checkout / "src/sample/part2.py").write_bytes(b"x = 4\n")
    git(checkout, "commit", "-qam", "other")
    git(checkout, "merge", "trunk", check=False)


def _rebasing(checkout: Path) -> None:
    git(checkout, "stash", "-q")
    git(checkout, "checkout", "-q", "side")
    (checkout / "src/sample/part2.py").write_bytes(b"x = 4\n")
    git(checkout, "commit", "-qam", "other")
    git(checkout, "rebase", "trunk", check=False)


def _bisecting(checkout: Path) -> None:
    git(checkout, "stash", "-q")
    git(checkout, "bisect", "start", "HEAD", "HEAD~1", check=False)


def _stashed(checkout: Path) -> None:
    git(checkout, "stash", "-q", "--include-untracked")


def _index_locked(checkout: Path) -> None:
    (checkout / ".git" / "index.lock").write_bytes(b"")


def _index_damaged(checkout: Path) -> None:
    (checkout / ".git" / "index").write_bytes(b"not an index")


def _packed(checkout: Path) -> None:
    git(checkout, "pack-refs", "--all")
    git(checkout, "gc", "-q")


def _sparse(checkout: Path) -> None:
    git(checkout, "sparse-checkout", "set", "src", check=False)


def _unborn(checkout: Path) -> None:
    git(checkout, "checkout", "-q", "--orphan", "fresh")


def _no_index(checkout: Path) -> None:
    (checkout / ".git" / "index").unlink()


def _read_only_index(checkout: Path) -> None:
    (checkout / ".git" / "index").chmod(0o444)


def _as_is(checkout: Path) -> None:
    pass


STATES: dict[str, Callable[[Path], None]] = {
    "as it is": _as_is,
    "detached HEAD": _detached,
    "staged changes": _staged,
    "a merge in progress": _merging,
    "a rebase in progress": _rebasing,
    "a bisection": _bisecting,
    "stashed changes": _stashed,
    "index.lock left behind": _index_locked,
    "a damaged index": _index_damaged,
    "packed refs": _packed,
    "a sparse checkout": _sparse,
    "an unborn branch": _unborn,
    "no index": _no_index,
    "a read-only index": _read_only_index,
}
KINDS = ("plain", "sha256", "linked worktree", "submodule", "shallow clone", "workspace inside")


# Kinds with the branches that every state needs; the others are clones of one branch.
OWN_HISTORY = ("plain", "sha256", "workspace inside")
ANYWHERE = ("as it is", "detached HEAD", "staged changes", "stashed changes", "packed refs")


@contextmanager
def of_kind(place: Path, kind: str) -> Iterator[tuple[Path, Path]]:
    """(checkout, workspace) of a kind of repository."""
    workspace = place / "workspace"
    workspace.mkdir(parents=True)
    first = make_checkout(place, *(["--object-format=sha256"] if kind == "sha256" else []))
    if kind == "linked worktree":
        git(first, "worktree", "add", "-q", "-b", "linked", str(place / "linked"))
        first = place / "linked"
    elif kind == "submodule":
        outer = place / "outer"
        outer.mkdir()
        git(outer, "init", "-q")
        git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(first))
        first = outer / "checkout"
    elif kind == "shallow clone":
        git(place, "clone", "-q", "--depth=1", f"file://{first}", str(place / "shallow"))
        first = place / "shallow"
    (first / "src/sample/part1.py").write_bytes(b"# a local edit\n")
    (first / "notes.txt").write_bytes(b"mine\n")
    yield first, first if kind == "workspace inside" else workspace


def user_state(checkout: Path, workspace: Path) -> dict[str, str]:
    """Everything of a checkout that patcher must leave alone, by hash."""
    hashes = {
        "head": git(checkout, "rev-parse", "HEAD", check=False),
        "symbolic": git(checkout, "symbolic-ref", "-q", "HEAD", check=False),
        "refs": "\n".join(
            line
            for line in git(checkout, "for-each-ref").splitlines()
            if "refs/patcher/" not in line
        ),
        "config": _hash(Path(git(checkout, "rev-parse", "--git-path", "config").strip()), checkout),
        "index": _hash(Path(git(checkout, "rev-parse", "--git-path", "index").strip()), checkout),
        "reflog": git(checkout, "reflog", "show", "--all", check=False),
    }
    for path in sorted(checkout.rglob("*")):
        relative = path.relative_to(checkout).as_posix()
        own = workspace == checkout and relative.startswith((".patcher", "backups"))
        if relative.startswith(".git/") or own or "__pycache__" in relative:
            continue
        here = path.lstat()
        if stat.S_ISREG(here.st_mode):
            hashes[relative] = f"{_hash(path, checkout)} {here.st_mode:o}"
    return hashes


def _hash(path: Path, below: Path) -> str:
    place = path if path.is_absolute() else below / path
    return sha256(place.read_bytes()).hexdigest() if place.exists() else "none"


def use_in_place(place: Path, kind: str, state: str) -> Tally:
    """init --in-place, apply, status, another edit, revert on one checkout."""
    tally = Tally(tried=1)
    with of_kind(place, kind) as (checkout, where):
        STATES[state](checkout)
        before = user_state(checkout, where)
        faults = []
        try:
            faults = _use(checkout, where, before)
        except PatcherError as error:
            faults = [f"torn: {error.code}: {error.message}"]
        except Exception as error:
            faults = [f"traceback: {error!r}"]
        tally.note(faults, f"in place, {kind}, {state}")
    return tally


def _use(checkout: Path, where: Path, before: dict[str, str]) -> list[str]:
    faults = []
    workspace = Workspace(where)
    copy = workspace.init(find_source(str(checkout)), checkout)
    if user_state(checkout, where) != before:
        faults.append("lost: init changed what is not patcher's")
    new = {"sample/part0.py": b"patched\n", "sample/part1.py": b"patched\n"}
    copy.change(new, [applied("one")], "apply", ["one"])
    after = user_state(checkout, where)
    changed = {path for path in before if before[path] != after.get(path)}
    if changed != {"src/sample/part0.py", "src/sample/part1.py"} or after.keys() != before.keys():
        faults.append(f"lost: apply changed {changed ^ set(new)}")
    if copy.drift():
        faults.append(f"torn: drift {copy.drift()}")
    if workspace.working_copy().read("sample/part1.py") != b"patched\n":
        faults.append("torn: not patched")
    ref = git(checkout, "rev-parse", "-q", "--verify", "refs/patcher/sample", check=False)
    if not ref:
        faults.append("torn: no record under refs/patcher")
    back = {path: copy.pristine(path) for path in copy.state.touched}
    copy.change(back, (), "revert", ["one"])
    if user_state(checkout, where) != before:
        faults.append("lost: after revert the checkout is not what it was")
    if where == checkout and ".patcher" in git(checkout, "status", "--short", check=False):
        faults.append("torn: .patcher shows in git status")
    return faults


def booby_trap(checkout: Path, place: Path) -> Path:
    """Configure everything that git may run; returns the file where what ran leaves its name."""
    marks = place / "ran.txt"
    scripts = place / "scripts"
    scripts.mkdir()

    def script(name: str) -> str:
        path = scripts / name
        path.write_text(f"#!/bin/sh\necho {name} >> {marks}\ncat\n")
        path.chmod(0o755)
        return str(path)

    hooks = checkout / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in _HOOKS:
        (hooks / name).write_text(f"#!/bin/sh\necho hook-{name} >> {marks}\n")
        (hooks / name).chmod(0o755)
    settings = {
        "core.fsmonitor": script("fsmonitor"),
        "core.sshCommand": script("ssh"),
        "core.editor": script("editor"),
        "core.pager": script("pager"),
        "core.gitProxy": script("proxy"),
        "core.alternateRefsCommand": script("alternates"),
        "filter.trap.clean": script("clean"),
        "filter.trap.smudge": script("smudge"),
        "filter.trap.process": script("process"),
        "filter.trap.required": "true",
        "diff.external": script("diff"),
        "diff.trap.textconv": script("textconv"),
        "diff.trap.command": script("diff-command"),
        "merge.trap.driver": script("merge"),
        "gpg.program": script("gpg"),
        "commit.gpgSign": "true",
        "log.showSignature": "true",
        "credential.helper": script("credential"),
        "uploadpack.packObjectsHook": script("pack-objects"),
        "remote.origin.url": f"ext::{script('ext')}",
        "remote.origin.promisor": "true",
        "extensions.partialClone": "origin",
        "protocol.ext.allow": "always",
        "trailer.trap.command": script("trailer"),
        "sequence.editor": script("sequence"),
        "interactive.diffFilter": script("diff-filter"),
        "gc.recentObjectsHook": script("recent-objects"),
        "maintenance.auto": "true",
        "gc.auto": "1",
        "core.repositoryFormatVersion": "1",
    }
    for name, value in settings.items():
        git(checkout, "config", name, value)
    info = checkout / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "attributes").write_text("* filter=trap diff=trap merge=trap\n")
    (checkout / ".gitattributes").write_text("* filter=trap diff=trap merge=trap ident\n")
    return marks


def hostile_environment(place: Path) -> dict[str, str]:
    """Variables that would lead git astray."""
    trap = str(place / "scripts" / "ssh")
    return {
        "GIT_DIR": str(place / "nowhere"),
        "GIT_WORK_TREE": str(place),
        "GIT_INDEX_FILE": str(place / "index"),
        "GIT_OBJECT_DIRECTORY": str(place / "objects"),
        "GIT_SSH_COMMAND": trap,
        "GIT_EXTERNAL_DIFF": trap,
        "GIT_EDITOR": trap,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": trap,
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={trap}'",
        "GIT_TRACE": str(place / "trace"),
    }


def set_traps_off(place: Path, *, control: bool = False) -> Tally:
    """Use a booby-trapped checkout in every way; ``control``: as git's own porcelain does."""
    tally = Tally(tried=1)
    checkout = make_checkout(place)
    marks = booby_trap(checkout, place)
    if control:
        git(checkout, "status", check=False)
        git(checkout, "add", ".", check=False)
    else:
        kept = dict(os.environ)
        os.environ.update(hostile_environment(place))
        try:
            faults = _visit(checkout, place)
        except Exception as error:
            faults = [f"traceback: {error!r}"]
        finally:
            os.environ.clear()
            os.environ.update(kept)
        tally.note(faults, "hostile git")
    ran = sorted(set(marks.read_text().split())) if marks.exists() else []
    tally.note([f"ran: {' '.join(ran)}"] if ran else [], "hostile git")
    return tally


def _visit(checkout: Path, place: Path) -> list[str]:
    faults = []
    for in_place in (False, True):
        where = place / f"workspace-{in_place}"
        where.mkdir()
        workspace = Workspace(where)
        copy = workspace.init(find_source(str(checkout)), checkout if in_place else None)
        for name in ("one", "two"):
            files = {"sample/part0.py": f"# {name}\n".encode()}
            change = copy.change(files, [*copy.series, applied(name)], "apply", [name])
            if change.commit is None:
                faults.append(f"torn: no record, in place: {in_place}")
        copy.drift()
        if len(history(copy)) != 3:
            faults.append(f"torn: the history has {len(history(copy))} entries")
        doctor(workspace)
        recover(workspace)
        gc(workspace)
        back = {path: copy.pristine(path) for path in copy.state.touched}
        copy.change(back, (), "revert", ["one", "two"])
        copy.freeze(where / "frozen")
    return faults
