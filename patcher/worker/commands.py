"""Runs a command on a frozen tree, in a folder of its own, and collects what it made."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Buffer, Produced
from patcher.worker.following import HOOK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from patcher.worker.following import Follower

LAST_LINES = 12
TEXT = "text"
"""The dtype of a buffer of UTF-8 text."""
STREAMS = ("stdout", "stderr")
COPIED_BYTES = 16 << 20
LINKED = frozenset({".venv", "venv", "node_modules", "__pycache__"})
PRIVATE = frozenset({".patcher", "backups", ".git"})


class CommandFailed(Exception):  # noqa: N818 - read by people, in tables
    """The command's exit status was not 0."""


class NoOutput(Exception):  # noqa: N818 - read by people, in tables
    """The command ended well and did not make a file that is to be compared."""


@dataclass(frozen=True)
class Done:
    """A command that ended: ``status`` is negative for a signal."""

    status: int
    stdout: bytes
    stderr: bytes
    wall_s: float

    def last_line(self) -> str:
        """The last line it printed that is not blank: of the errors, or else of the output."""
        for stream in (self.stderr, self.stdout):
            lines = stream.decode("utf-8", "replace").splitlines()
            for line in deque(reversed(lines), LAST_LINES):
                if line.strip():
                    return line.strip()
        return ""


def run(
    options: Mapping[str, Any],
    assets: Mapping[str, Any],
    tree: str,
    follower: Follower | None = None,
) -> Produced:
    """Run the command of a test; its outputs are what it returned.

    Args:
        follower: notes the lines that run.

    Raises:
        CommandFailed: its exit status is not 0.
        NoOutput: a pattern of ``outputs`` fits no file.
    """
    patterns = options["outputs"]
    with private_folder(Path(assets["root"]), patterns, tree, assets["packages"]) as folder:
        done = execute(with_interpreter(options["command"]), tree, folder, follower=follower)
        if done.status != 0:
            how = f"exit status {done.status}" if done.status > 0 else f"signal {-done.status}"
            last_line = done.last_line()
            raise CommandFailed(f"{how}: {last_line}" if last_line else how)
        outputs = dict(collect(done, folder, patterns, [*map(re.compile, options["filter"])], tree))
    return Produced(returned=outputs, wall_s=done.wall_s)


def execute(
    command: Sequence[str],
    tree: str,
    folder: Path,
    extra: Mapping[str, str] | None = None,
    *,
    beside: Sequence[str] = (),
    follower: Follower | None = None,
) -> Done:
    """Run a command in ``folder`` with the tree first on its import path.

    Args:
        extra: further variables; ``beside``: further folders on the import path.
        follower: notes the lines that run.
    """
    hook = [str(HOOK)] if follower is not None else []
    paths = [*hook, tree, *beside, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        # The tree is compiled beforehand; a process that writes there could leave something.
        "PYTHONDONTWRITEBYTECODE": "1",
        **(extra or {}),
        **(follower.environ(folder) if follower is not None else {}),
    }
    started = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=str(folder),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    wall_s = time.perf_counter() - started
    for stream in (done.stdout, done.stderr):  # into the worker's log
        sys.stdout.write(stream.decode("utf-8", "replace"))
    sys.stdout.flush()
    return Done(done.returncode, done.stdout, done.stderr, wall_s)


def with_interpreter(command: Sequence[str]) -> list[str]:
    """``python`` at the start becomes this interpreter: it has the target's libraries.

    Another program is looked for beside it first.
    """
    first, *rest = command
    if first in ("python", "python3"):
        return [sys.executable, *rest]
    beside = Path(sys.executable).parent / first
    return [str(beside) if os.sep not in first and beside.is_file() else first, *rest]


@contextlib.contextmanager
def private_folder(
    root: Path, patterns: Sequence[str], tree: str, packages: Sequence[str]
) -> Iterator[Path]:
    """A folder that looks like the workspace and in which a command may write.

    Entries of the workspace are copied while they are small, and linked from then on: what is
    linked cannot be written in the sandbox. Those that outputs are written to are left out, so
    that no file of an earlier run can be taken for an output of this one. The package itself is
    the tree's: a command that looks in its own folder first must not find another one there.
    """
    folder = Path(tempfile.mkdtemp(prefix="command-"))
    own = {pattern.split("/", 1)[0] for pattern in patterns if pattern not in STREAMS}
    left = COPIED_BYTES
    try:
        for entry in sorted(os.listdir(str(root))) if root.is_dir() else ():
            made = any(fnmatch.fnmatch(entry, pattern) for pattern in own)
            if entry in PRIVATE or made:
                continue
            source = Path(tree, entry) if entry in packages else root / entry
            left -= copy_small(source, folder / entry, left)
        for pattern in patterns:
            if "/" in pattern:
                parent = pattern.rpartition("/")[0]
                if not re.search(r"[*?\[]", parent):
                    (folder / parent).mkdir(parents=True, exist_ok=True)
        yield folder
    finally:
        shutil.rmtree(str(folder), ignore_errors=True)


def copy_small(source: Path, target: Path, left: int) -> int:
    """Copy a file or folder of no more than ``left`` bytes, or else link it; the bytes copied."""
    # A folder that holds the copy itself would be copied for ever, whatever link leads there.
    holds_itself = source.resolve() in target.resolve().parents
    size = left + 1 if source.name in LINKED or holds_itself else 0
    if source.is_dir() and not source.is_symlink():
        for path, _, names in os.walk(str(source)):
            # A block a file: many small ones take as long as a large one.
            size += sum(4096 + os.lstat(os.path.join(path, name)).st_size for name in names)
            if size > left:
                break
    else:
        size += source.lstat().st_size if source.is_symlink() or source.exists() else left + 1
    if size > left:
        target.symlink_to(source)
        return 0
    try:
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(str(source), str(target), symlinks=True)
        elif source.is_symlink():
            target.symlink_to(source)
        else:
            shutil.copy2(str(source), str(target))
    except (OSError, shutil.Error):  # what may not be read: whoever needs it hears so
        shutil.rmtree(str(target), ignore_errors=True)
        target.unlink(missing_ok=True)
        target.symlink_to(source)
        return 0
    return size


def collect(
    done: Done, folder: Path, patterns: Sequence[str], filters: Sequence[re.Pattern[str]], tree: str
) -> Iterator[tuple[str, Buffer]]:
    """What is compared, by name: streams first, then files in the order of their names."""
    if not patterns:
        return
    names: list[str] = []
    for pattern in patterns:
        if pattern in STREAMS:
            yield pattern, readable(getattr(done, pattern), filters, tree)
            continue
        fitting = sorted(
            path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file()
        )
        if not fitting:
            raise NoOutput(f"the command made no file that fits outputs {pattern!r}")
        names += [name for name in fitting if name not in names]
    if names:
        yield "the list of files", text("\n".join(names))
    for name in names:
        yield name, readable((folder / name).read_bytes(), filters, tree)


def readable(data: bytes, filters: Sequence[re.Pattern[str]], tree: str) -> Buffer:
    """Text without what may differ (the tree's own path, what a filter fits), or plain bytes."""
    try:
        result = data.decode("utf-8")
    except UnicodeDecodeError:
        return Buffer("uint8", (len(data),), data)
    result = result.replace(tree, "<tree>")
    for pattern in filters:
        result = pattern.sub("<filtered>", result)
    return text(result)


def text(content: str) -> Buffer:
    """A text as a buffer."""
    data = content.encode("utf-8")
    return Buffer(TEXT, (len(data),), data)
