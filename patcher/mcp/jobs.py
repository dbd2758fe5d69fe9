"""Commands as processes of their own: one that ends at once, or a job that is asked after.

A server that runs for days must not hold what a command leaves in memory, and a command that fails
must not take the server along. So every tool is the command line with ``--json``.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_LINES = 500  # of progress kept of a job; its latest


@dataclass
class CommandJob:
    """A command that is running, or has run.

    Attributes:
        progress: its latest lines on stderr; ``dropped`` counts those before them.
        result: its JSON object, once it has ended; ``status`` its exit status.
    """

    number: int
    what: str
    process: asyncio.subprocess.Process
    started_s: float = field(default_factory=time.monotonic)
    progress: list[str] = field(default_factory=list)
    dropped: int = 0
    status: int | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    def news(self, since: int) -> dict[str, Any]:
        """Its state, and the lines of progress from number ``since`` on."""
        first = max(0, since - self.dropped)
        return {
            "job": self.number,
            "what": self.what,
            "state": "running" if self.status is None else "done",
            "exit_status": self.status,
            "elapsed_s": round(time.monotonic() - self.started_s, 1),
            "progress": self.progress[first:],
            "next_since": self.dropped + len(self.progress),
        }


class Jobs:
    """Commands in one workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.known: dict[int, CommandJob] = {}
        self._numbers = itertools.count(1)
        self._watchers: set[asyncio.Task[None]] = set()

    async def run(self, *arguments: str) -> dict[str, Any]:
        """Run a command to its end; its JSON object, with ``exit_status``."""
        job = await self._start(arguments)
        await self._watch(job)
        return {**job.result, "exit_status": job.status}

    async def start(self, *arguments: str) -> CommandJob:
        """Start a command; it goes on while the client does something else."""
        job = await self._start(arguments)
        self.known[job.number] = job
        watcher = asyncio.create_task(self._watch(job))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return job

    def find(self, number: int) -> CommandJob:
        """A job by its number.

        Raises:
            ValueError: there is none; the message says which there are.
        """
        if number not in self.known:
            known = ", ".join(map(str, self.known)) or "none was started"
            raise ValueError(f"there is no job {number}; jobs: {known}")
        return self.known[number]

    def cancel(self, job: CommandJob) -> None:
        """Interrupt a job as Ctrl-C would: it puts back what it must and ends."""
        if job.status is None:
            with contextlib.suppress(ProcessLookupError):
                job.process.send_signal(signal.SIGINT)

    async def close(self) -> None:
        """End every job; what they did is put back or kept on record, as after Ctrl-C."""
        for job in self.known.values():
            self.cancel(job)
        if self._watchers:
            await asyncio.wait(self._watchers, timeout=30)

    async def _start(self, arguments: Sequence[str]) -> CommandJob:
        command = [sys.executable, "-m", "patcher", "-C", str(self.root), "--json", *arguments]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120"},
            limit=1 << 26,
            preexec_fn=_hear_interrupts,
        )
        return CommandJob(next(self._numbers), arguments[0], process)

    async def _watch(self, job: CommandJob) -> None:
        assert job.process.stdout is not None
        assert job.process.stderr is not None
        output, _ = await asyncio.gather(
            job.process.stdout.read(), _follow(job, job.process.stderr)
        )
        status = await job.process.wait()
        try:
            job.result = json.loads(output)
        except ValueError:
            last = job.progress[-1] if job.progress else f"exit status {status}"
            job.result = {"ok": False, "error": {"code": "internal", "message": last}}
        job.status = status


def _hear_interrupts() -> None:
    """A server that was started in the background ignores SIGINT; what it starts must not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def _follow(job: CommandJob, stream: asyncio.StreamReader) -> None:
    async for line in stream:
        job.progress.append(line.decode("utf-8", "replace").rstrip())
        if len(job.progress) > MOST_LINES:
            job.progress.pop(0)
            job.dropped += 1
