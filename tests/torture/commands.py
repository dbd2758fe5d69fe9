"""The real command, killed and starved at its system calls."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from patcher.errors import PatcherError
from patcher.store.workspace import Workspace
from tests.torture import strace
from tests.torture.leftovers import take_leftovers, using
from tests.torture.scene import Snapshot, lost_bytes, snapshot
from tests.torture.tally import Tally

FILES = 3
WORDS = {"apply": ["apply", "three"], "revert": ["revert", "--all"], "verify": ["verify"]}
"""What is tortured; a `verify` that fails and restores."""
_DONE, _FAILED, _REFUSED, _NEEDS_PERSON = 0, 1, 3, 4
_SPEC = """\
patch: three
summary: three files at once
target: sample
equivalence: bitwise
edits:
"""
# The target needs the standard library alone: an interpreter without the environment's packages
# starts, and is traced, in a tenth of the time.
_SETTINGS = """\
[tool.patcher]
python = "{python}"

[tool.patcher.verify]
command = ["python", "-c", "import sample.part0 as part; raise SystemExit(part.value >= 100)"]
"""
_ENDLESS = "import time; time.sleep(600)"


@dataclass
class Commands:
    """Workspaces for `patcher apply`, `revert` and `verify`, made by the command itself."""

    box: Path

    def _run(self, place: Path, *words: str) -> None:
        subprocess.run(self.command(place, *words), capture_output=True, check=True, cwd=place)

    @staticmethod
    def command(place: Path, *words: str) -> list[str]:
        return [sys.executable, "-m", "patcher", "-C", str(place), *words]

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
        python = Path(getattr(sys, "_base_executable", sys.executable))
        made = {}
        for action in WORDS:
            place = self.box / f"command-{action}"
            (place / "patches").mkdir(parents=True)
            (place / "patches" / "three.yaml").write_text(_SPEC + edits)
            (place / "pyproject.toml").write_text(_SETTINGS.format(python=python))
            self._run(place, "init", str(project))
            if action != "apply":
                self._run(place, "apply", "three")
            made[action] = place
        return made

    @cached_property
    def ends(self) -> dict[str, tuple[Snapshot, Snapshot]]:
        """The tree of a workspace in which an action did not happen, and in which it did."""
        pristine, patched = (snapshot(self.templates[each]) for each in ("apply", "revert"))
        back = (patched, pristine)
        return {"apply": (pristine, patched), "revert": back, "verify": back}

    def fresh(self, action: str) -> Path:
        place = self.box / f"run-{os.getpid()}"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.templates[action], place, symlinks=True)
        return place

    def points(self, action: str) -> list[strace.Point]:
        """Where to strike; of `verify` itself, without its workers and git."""
        place = self.fresh(action)
        alone = action == "verify"
        return strace.points(
            self.command(place, *WORDS[action]), place, place,
            status=_FAILED if alone else _DONE, children=not alone,
        )  # fmt: skip

    def verify_points(self, every: int) -> list[strace.Point]:
        """Each call of the restoring that ends a failing `verify`, and some of those before it.

        The restoring begins with its backup.
        """
        points = self.points("verify")
        backups = str(self.box / f"run-{os.getpid()}" / "backups")
        restore = next(number for number, point in enumerate(points) if backups in point.arguments)
        return points[:restore:every] + points[restore:]

    def kill_at(self, action: str, point: strace.Point, *, by_command: bool = False) -> Tally:
        """Kill a command at a system call, let the next one settle it, and judge."""
        place = self.fresh(action)
        command = self.command(place, *WORDS[action])
        killed = strace.kill(command, place, point, children=action != "verify")
        tally = self.judged(place, action, f"{action} killed at {point}", by_command=by_command)
        tally.tried = int(killed)
        return tally

    def fail_at(self, action: str, point: strace.Point, error: str) -> Tally:
        """Let a system call of a command, or of its git, fail; what it says must be what it did.

        Calls are numbered in each process, so a number meant for git may strike the interpreter
        first, before any of patcher runs: then only the tree is judged, and nothing is counted.
        """
        place = self.fresh(action)
        ended = strace.fail(self.command(place, *WORDS[action]), place, point, error)
        faults, reported = [], None
        if not ended.elsewhere:
            faults = misreported(ended.status, ended.stderr, (_DONE, _REFUSED, _NEEDS_PERSON))
            reported = {_DONE: True, _REFUSED: False}.get(ended.status)
        where = f"{action}, {error} at {point}"
        tally = self.judged(place, action, where, faults, reported=reported)
        tally.tried = int(ended.hit and not ended.elsewhere)
        return tally

    def kill_after(self, action: str, wait_s: float) -> Tally:
        """Kill a command and its children after a time."""
        place = self.fresh(action)
        child = self._start(place, action)
        time.sleep(wait_s)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return self.judged(place, action, f"{action} killed after {wait_s:.4f} s")

    def kill_while_running(self, wait_s: float) -> Tally:
        """Kill `verify` alone while its target runs without an end."""
        place = self.fresh("verify")
        settings = place / "pyproject.toml"
        lines = settings.read_text().splitlines()[:-1]
        settings.write_text("\n".join([*lines, f'command = ["python", "-c", "{_ENDLESS}"]']))
        child = self._start(place, "verify")
        while not any(_ENDLESS in words for words in using(place).values()):
            if child.poll() is not None:
                raise RuntimeError("verify ended before it ran anything")
            time.sleep(0.01)
        time.sleep(wait_s)
        child.kill()
        child.wait()
        return self.judged(place, "verify", f"verify killed after {wait_s:.4f} s of its target")

    def _start(self, place: Path, action: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(place, *WORDS[action]),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def judged(
        self,
        place: Path,
        action: str,
        where: str,
        faults: list[str] | None = None,
        *,
        by_command: bool = False,
        reported: bool | None = None,
    ) -> Tally:
        """What is left after the next command had its chance.

        Args:
            faults: what is known already.
            by_command: that next command is a real one.
            reported: what the command said of whether the tree was changed, when it said so.
        """
        faults = [*(faults or []), *take_leftovers(place)]
        if by_command:
            faults += self._next_command(place, action)
        workspace = Workspace(place)
        try:
            with workspace.lock("check"):
                copy = workspace.working_copy()
                changed = bool(copy.series) == (action == "apply")
                if snapshot(place) != self.ends[action][changed]:
                    faults.append("torn: the tree is not what the series says")
                faults += [f"torn: drift {copy.drift()}"] if copy.drift() else []
                if reported not in (None, changed):
                    faults.append(f"torn: changed: {changed}, but the command said otherwise")
            out = subprocess.run(
                ["git", "status", "--porcelain"], cwd=copy.root, capture_output=True, check=False
            )
            if out.returncode or out.stdout:
                faults.append(f"torn: git status: {out.stdout!r}")
        except PatcherError as error:
            faults.append(f"torn: {error.code}: {error.message}")
        tally = Tally(tried=1)
        tally.note(faults + lost_bytes(workspace), where)
        return tally

    def _next_command(self, place: Path, action: str) -> list[str]:
        """`recover`; after a `verify` the same again, which must come to the end it had before."""
        before = bool(Workspace(place).state("sample").series)
        words = ["verify"] if action == "verify" else ["recover"]
        done = subprocess.run(
            self.command(place, *words), capture_output=True, text=True, check=False
        )
        # Where the first one had restored already, an empty series is left, which passes.
        expected = (_FAILED if before else _DONE,) if action == "verify" else (_DONE,)
        return misreported(done.returncode, done.stderr, expected)


def misreported(status: int, stderr: str, statuses: tuple[int, ...]) -> list[str]:
    """Faults in how a command ended: a status that may not be, an error that is not in words."""
    last = stderr.strip().rpartition("\n")[2]
    faults = []
    if status not in statuses:
        faults.append(f"torn: exit status {status}: {last}")
    if "Traceback" in stderr or "error[internal]" in stderr:
        faults.append(f"traceback: {last}")
    return faults


def random_waits(count: int, seed: int, longest_s: float) -> list[float]:
    chance = random.Random(seed)
    return [chance.uniform(0, longest_s) for _ in range(count)]
