"""The real command, and other tools that patch files, killed at their system calls."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.torture import strace
from benchmarks.torture.scene import Snapshot, lost_bytes, snapshot
from benchmarks.torture.tally import Tally
from patcher.errors import PatcherError
from patcher.store.workspace import Workspace

FILES = 3
_SPEC = """\
patch: three
summary: three files at once
target: sample
equivalence: bitwise
edits:
"""


def _python(*words: str) -> list[str]:
    return [sys.executable, *words]


@dataclass
class Commands:
    """Workspaces for `patcher apply` and `patcher revert`, made by the command itself."""

    box: Path

    def _run(self, place: Path, *words: str) -> None:
        subprocess.run(self.command(place, *words), capture_output=True, check=True, cwd=place)

    @staticmethod
    def command(place: Path, *words: str) -> list[str]:
        return _python("-m", "patcher", "-C", str(place), *words)

    @cached_property
    def templates(self) -> dict[str, Path]:
        project = self.box / "project"
        (project / "sample").mkdir(parents=True)
        (project / "pyproject.toml").write_text('[project]\nname = "sample"\nversion = "1"\n')
        (project / "sample" / "__init__.py").write_text("")
        edits = ""
        for number in range(FILES):
            (project / "sample" / f"part{number}.py").write_text(f"value = {number}\n" * 20)
            edits += (
                f"  - file: sample/part{number}.py\n    match: value = {number}\n"
                f"    with: value = {number + 100}\n    expect: 20\n"
            )
        made = {}
        for action in ("apply", "revert"):
            place = self.box / f"command-{action}"
            (place / "patches").mkdir(parents=True)
            (place / "patches" / "three.yaml").write_text(_SPEC + edits)
            self._run(place, "init", str(project))
            if action == "revert":
                self._run(place, "apply", "three")
            made[action] = place
        return made

    def words(self, action: str) -> list[str]:
        return ["apply", "three"] if action == "apply" else ["revert", "--all"]

    @cached_property
    def ends(self) -> dict[str, tuple[Snapshot, Snapshot]]:
        pristine, patched = (snapshot(self.templates[each]) for each in ("apply", "revert"))
        return {"apply": (pristine, patched), "revert": (patched, pristine)}

    def fresh(self, action: str) -> Path:
        place = self.box / f"run-{os.getpid()}"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.templates[action], place, symlinks=True)
        return place

    def points(self, action: str) -> list[strace.Point]:
        place = self.fresh(action)
        return strace.points(self.command(place, *self.words(action)), place, place)

    def kill_at(self, action: str, point: strace.Point, *, by_command: bool = False) -> Tally:
        """Kill a command at a system call, let the next one settle it, and judge."""
        place = self.fresh(action)
        killed = strace.kill(self.command(place, *self.words(action)), place, point)
        tally = self._judged(place, action, f"{action} killed at {point}", by_command)
        tally.tried = int(killed)
        return tally

    def kill_after(self, action: str, wait_s: float) -> Tally:
        """Kill a command and its children after a time."""
        place = self.fresh(action)
        child = subprocess.Popen(
            self.command(place, *self.words(action)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(wait_s)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return self._judged(place, action, f"{action} killed after {wait_s:.4f} s", False)

    def _judged(self, place: Path, action: str, where: str, by_command: bool) -> Tally:
        tally = Tally(tried=1)
        faults = []
        if by_command:
            done = subprocess.run(
                self.command(place, "recover"), capture_output=True, text=True, check=False
            )
            if done.returncode:
                faults.append(f"torn: recover exits {done.returncode}: {done.stderr}")
            if "Traceback" in done.stderr:
                faults.append("traceback: in recover")
        workspace = Workspace(place)
        try:
            with workspace.lock("check"):
                copy = workspace.working_copy()
                changed = bool(copy.series) == (action == "apply")
                if snapshot(place) != self.ends[action][changed]:
                    faults.append("torn: the tree is not what the series says")
                faults += [f"torn: drift {copy.drift()}"] if copy.drift() else []
            out = subprocess.run(
                ["git", "status", "--porcelain"], cwd=copy.root, capture_output=True, check=False
            )
            if out.returncode or out.stdout:
                faults.append(f"torn: git status: {out.stdout!r}")
        except PatcherError as error:
            faults.append(f"torn: {error.code}: {error.message}")
        tally.note(faults + lost_bytes(workspace), where)
        return tally


@dataclass(frozen=True)
class Rival:
    """Another way to change three files; ``command`` None means it is not installed here."""

    name: str
    command: list[str] | None
    prepare: Callable[[Path], None]


_NAIVE = """
import os, shutil, sys
for name in ("part0.py", "part1.py", "part2.py"):
    shutil.copyfile(name, name + ".bak")
    new = open(name).read().replace("value = ", "value = 10")
    if sys.argv[1] == "replace":
        with open(name + ".tmp", "w") as file:
            file.write(new)
        os.replace(name + ".tmp", name)
    else:
        with open(name, "w") as file:
            file.write(new)
"""


def rivals() -> list[Rival]:
    """Tools that change several files, as people use them."""
    naive = textwrap.dedent(_NAIVE)
    have_patch = shutil.which("patch") is not None
    return [
        Rival("git apply", ["git", "apply", "../change.diff"], _nothing),
        Rival("git checkout -f", ["git", "checkout", "-q", "-f", "other"], _nothing),
        Rival("GNU patch", ["patch", "-s", "-p1", "-i", "../change.diff"] if have_patch else None,
              _nothing),
        Rival("backup, then os.replace", _python("-c", naive, "replace"), _nothing),
        Rival("backup, then open('w')", _python("-c", naive, "open"), _nothing),
    ]  # fmt: skip


def _nothing(_: Path) -> None:
    pass


def _rival_tree(box: Path) -> Path:
    """A repository with three files, a branch and a diff that change them."""
    tree = box / "rival" / "tree"
    if tree.exists():
        return tree
    tree.mkdir(parents=True)

    def git(*words: str) -> str:
        who = ["-c", "user.name=Someone", "-c", "user.email=someone@example.org"]
        done = subprocess.run(
            ["git", *who, *words], cwd=tree, capture_output=True, text=True, check=True
        )
        return done.stdout

    git("init", "-q", "-b", "main")
    for number in range(FILES):
        (tree / f"part{number}.py").write_text(f"value = {number}\n" * 20)
    git("add", ".")
    git("commit", "-qm", "before")
    for number in range(FILES):
        (tree / f"part{number}.py").write_text(f"value = 10{number}\n" * 20)
    (box / "rival" / "change.diff").write_text(git("diff"))
    git("checkout", "-q", "-b", "other")
    git("commit", "-qam", "after")
    git("checkout", "-q", "main")
    return tree


def _parts(tree: Path) -> list[str | None]:
    found: list[str | None] = []
    for number in range(FILES):
        path = tree / f"part{number}.py"
        found.append(path.read_text() if path.exists() else None)
    return found


def kill_rival(box: Path, rival: Rival) -> tuple[Tally, int]:
    """Kill a rival at each of its calls; (trees that are torn, of these after a second run)."""
    tally = Tally()
    still = 0
    if rival.command is None:
        return tally, still
    template = _rival_tree(box)
    place = box / "rival-run"

    def fresh() -> Path:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(template.parent, place, symlinks=True)
        subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=place / "tree", check=False)
        return place / "tree"

    before = _parts(template)
    after = [f"value = 10{number}\n" * 20 for number in range(FILES)]
    tree = fresh()
    for point in strace.points(rival.command, tree, tree):
        tree = fresh()
        tally.tried += strace.kill(rival.command, tree, point)
        if _parts(tree) not in (before, after):
            tally.note([f"torn: {rival.name}"], str(point))
            subprocess.run(rival.command, cwd=tree, capture_output=True, check=False)
            still += _parts(tree) not in (before, after)
    return tally, still


def random_waits(count: int, seed: int, longest_s: float) -> list[float]:
    chance = random.Random(seed)
    return [chance.uniform(0, longest_s) for _ in range(count)]
