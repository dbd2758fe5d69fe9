"""Starts a worker's process, behind the guards of its policy, and ends all that came of it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.execution.sandbox import LAUNCHER
from patcher.execution.workplace import CACHES, COMPILED, Workplace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from patcher.execution.site import WorkerSite

WORKER = Path(__file__).resolve().parent.parent / "worker" / "main.py"
END_S = 5.0  # for the launcher to kill what its worker started


class Started:
    """A worker that runs.

    Attributes:
        requests, answers: this side's ends of its pipes.
        workplace: its own folder; None without a policy.
        pid: of the process that stands for it here: its own, or its launcher's.
    """

    def __init__(self, site: WorkerSite, log: Path) -> None:
        self.site = site
        self.workplace: Workplace | None = None
        self._life: int | None = None
        child_end, self.requests = os.pipe()
        self.answers, answers = os.pipe()
        try:
            if site.fenced:
                self._start_fenced(log, (child_end, answers))
            else:
                command = [site.python, str(WORKER), str(child_end), str(answers)]
                self._popen(command, log, (child_end, answers), site.cwd)
        except BaseException:
            os.close(self.requests)
            os.close(self.answers)
            if self.workplace is not None:
                self.workplace.close(share=False)
            raise
        finally:
            os.close(child_end)
            os.close(answers)
        os.set_blocking(self.answers, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def worker_pid(self) -> int:
        """The worker's own process id as it is seen here; `pid` where it cannot be told."""
        result = self.pid
        if self.site.policy is not None and self.workplace is not None:
            # Launcher, the first process of the worker's namespace, worker.
            for _ in range(2 if self.site.policy.kernel.namespaces else 1):
                result = first_child(result) or result
        return result

    def _start_fenced(self, log: Path, pipes: tuple[int, int]) -> None:
        site = self.site
        assert site.policy is not None
        if shutil.which(site.python) is None:
            raise no_interpreter(site.python, "No such file or directory")
        self.workplace = Workplace(
            site.stages_dir.parent,
            *compile_caches_of(site),
            grows=site.tree.sha256 == site.compiled_by,
        )
        own = str(self.workplace.folder)
        named = [*site.sys_path, *paths_in(dict(site.assets))]
        opened = [each for path in named for each in site.policy.opening(path)]
        plan = site.policy.plan(
            [site.python, str(WORKER), *map(str, pipes)],
            read=[str(site.tree.path), own, *opened],
            listed=[each for path in named for each in site.policy.listing(path)],
            write=[own],
            keep=pipes,
        )
        plan_read, plan_write = os.pipe()
        life, self._life = os.pipe()
        try:
            self._popen(
                [sys.executable, "-I", "-S", str(LAUNCHER), str(plan_read), str(life)],
                log,
                (*pipes, plan_read, life),
                site.cwd or self.workplace.temporary,
            )
        finally:
            os.close(plan_read)
            os.close(life)
            with contextlib.suppress(BrokenPipeError), open(plan_write, "wb") as pipe:
                pipe.write(plan)

    def _popen(
        self, command: list[str], log: Path, pipes: tuple[int, ...], cwd: Path | None
    ) -> None:
        try:
            with log.open("wb") as out:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    env=environment(self.site, self.workplace),
                    pass_fds=pipes,
                    start_new_session=True,
                    cwd=cwd,
                )
        except OSError as error:
            raise no_interpreter(command[0], error.strerror or str(error)) from None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the worker's process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """End the worker and everything it started; `wait` follows."""
        if self._life is None:
            self.signal(signal.SIGKILL)
        else:
            os.close(self._life)  # the launcher kills them all, whatever session they are in
            self._life = None

    def wait(self, timeout_s: float) -> int:
        """The exit status, negative for a signal; what does not end in time is killed."""
        try:
            return wait_for(self._process, timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        try:
            return wait_for(self._process, END_S)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            return self._process.wait()

    def close(self, *, share: bool) -> None:
        """End everything, close the pipes, wipe the workplace.

        Args:
            share: the worker's compile caches may serve later workers of its tree.
        """
        if self._process.poll() is None:
            self.kill()
        self.wait(END_S)
        if self._life is not None:
            os.close(self._life)
            self._life = None
        if self.workplace is None:
            self.signal(signal.SIGKILL)  # of its group, what outlived it
        else:
            self.workplace.close(share=share)
        for pipe in (self.requests, self.answers):
            with contextlib.suppress(OSError):
                os.close(pipe)


def wait_for(process: subprocess.Popen[bytes], timeout_s: float) -> int:
    """The exit status, the moment it is there: `Popen.wait` with a time limit asks in steps.

    Raises:
        subprocess.TimeoutExpired: it goes on.
    """
    if process.returncode is None and hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # a kernel or a filter without it
            ended = os.pidfd_open(process.pid)
            try:
                waiting = select.poll()
                waiting.register(ended, select.POLLIN)
                if waiting.poll(timeout_s * 1000):
                    return process.wait()
                timeout_s = 0.0
            finally:
                os.close(ended)
    return process.wait(timeout_s)


def first_child(pid: int) -> int | None:
    """The oldest child of a process, if the system tells."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return int(children.split()[0])
    return None


def no_interpreter(python: str, why: str) -> PatcherError:
    """The error for an interpreter that cannot be started."""
    hint = "`[tool.patcher] python` names the interpreter the target is installed for"
    return PatcherError("environment", f"cannot start {python}: {why}", hint=hint)


def compile_caches(site: WorkerSite) -> Path:
    """Where compiled code of a tree is kept between its workers.

    Timing compiles other code than gates do, and what gates ran must not serve it. What ran without
    guards serves its own workspace alone.
    """
    kind = "" if site.deterministic else "-timed"
    shared = site.policy is not None and site.tree.sha256 == site.compiled_by
    start = (site.compiled_in if shared else None) or site.run_dir / COMPILED
    return start.with_name(f"{start.name}-{site.tree.sha256[:16]}{kind}")


def compile_caches_of(site: WorkerSite) -> tuple[Path, Path | None]:
    """A tree's own compile caches, and those that serve while there are none."""
    other = None
    if site.compiled_by and site.deterministic:
        other = compile_caches(replace(site, tree=replace(site.tree, sha256=site.compiled_by)))
    return compile_caches(site), other


def paths_in(value: object) -> Iterator[str]:
    """The absolute paths of files and folders among JSON values."""
    if isinstance(value, str):
        if value.startswith("/") and os.path.exists(value):
            yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from paths_in(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from paths_in(each)


def environment(site: WorkerSite, workplace: Workplace | None = None) -> dict[str, str]:
    """A worker's variables: the parent's, with equal threads, and caches of its own.

    Nothing in them tells what a run is for, and in a workplace nothing tells the arms apart.
    """
    # Third-party bytecode is worth 9 s of imports a worker; the target's own is never used.
    own = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE" and not name.startswith("PATCHER_")
    }
    threads = str(site.threads)
    caches = compile_caches(site)
    own.update(
        {
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "NUMBA_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONHASHSEED": "0",
            "PYTHONUNBUFFERED": "1",
            # Guarded patches are judged as patched code: on for every call, errors not covered up.
            "PATCHER_ENABLE": "all",
            "PATCHER_FALLBACK": "off",
            # What torch asks for to be deterministic; while timing too, so that it tells nothing.
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        }
    )
    if workplace is not None:
        own.update(workplace.environ())
    else:
        for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
            own[name] = str(caches / CACHES[name])
    own.update(site.environ)
    return own
