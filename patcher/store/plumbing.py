"""Running git with nothing foreign run: the one place where its processes are started.

Only plumbing that neither filters the work tree nor refreshes an index through fsmonitor is to be
run here. Hooks, lazy fetches, protocols and the user's configuration are switched off.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from patcher.errors import PatcherError
from patcher.store.fs import Folder, digest

BRANCH = "refs/heads/main"
_HEX = frozenset("0123456789abcdef")
_HASH_LENGTHS = (40, 64)
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
    "core.compression=1",  # a working copy of thousands of files is made in seconds
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


def git_there() -> bool:
    """Whether there is a git to run."""
    return shutil.which("git") is not None


def require_git(what: str) -> None:
    """Say so where there is no git for what cannot be done without it.

    Raises:
        PatcherError: ``usage``.
    """
    if not git_there():
        raise PatcherError("usage", f"no git in PATH: {what} needs it", hint="install git")


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
    git_dir: Path,
    *arguments: str,
    data: bytes = b"",
    work_tree: Path | None = None,
    index: Path | None = None,
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
            env={**environment(), **({"GIT_INDEX_FILE": str(index)} if index else {})},
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


def common_dir(git_dir: Path) -> Path:
    """Where refs and info/exclude lie: a linked worktree shares them."""
    with suppress(OSError):
        text = (git_dir / "commondir").read_text().strip()
        return (git_dir / text).resolve()
    return git_dir


def loose_commit(git_dir: Path, ref: str) -> str | None:
    """The commit of a ref where both are plain files, as those that were just made are.

    Starting git to ask takes longer than the rest of a small change. None only says to ask it.
    """
    common = common_dir(git_dir)
    with suppress(OSError, UnicodeDecodeError):
        name = (common / ref).read_text("ascii").strip()
        if len(name) in _HASH_LENGTHS and set(name) <= _HEX:
            there = (common / "objects" / name[:2] / name[2:]).is_file()
            return name if there else None
    return None


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
    common = common_dir(found_checkout[1])
    with Folder.make(common / "info") as info:
        result = info.read("exclude")
        data = b"" if result is None else result.data
        lines_to_add = [name for name in names if name.encode() not in data.splitlines()]
        if lines_to_add:
            ending = b"" if data.endswith(b"\n") or not data else b"\n"
            lines = "".join(f"{name}\n" for name in lines_to_add).encode()
            info.replace_file("exclude", data + ending + lines, result.mode if result else 0o644)


def record_ref(target: str, *, in_place: bool) -> str:
    """The ref that the records of a target's working copy are commits of."""
    return f"refs/patcher/{target}" if in_place else BRANCH


def find_blob(root: Path, ref: str, path: str, sha256: str) -> bytes | None:
    """The bytes with this hash that some commit of ``ref`` holds for a path; None without.

    Args:
        root: the import root, in the checkout; ``path`` is relative to it.
    """
    checkout = find_checkout(root)
    if checkout is None:
        return None
    top, git_dir = checkout
    name = (root / path).relative_to(top).as_posix()
    commits = (run(git_dir, "rev-list", "--reverse", ref, "--", name) or b"").decode()
    for commit in commits.split():
        blob = run(git_dir, "cat-file", "blob", f"{commit}:{name}")
        if blob is not None and digest(blob) == sha256:
            return blob
    return None
