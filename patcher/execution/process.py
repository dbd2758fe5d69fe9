"""The parent's side of one worker process: start it, ask it, time it out, say how it ended.

Nothing here blocks: `WorkerProcess` is driven by an executor that watches its ``fileno`` and its
deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.execution.results import Failure, Frame, Outcome
from patcher.execution.site import FrozenTree, WorkerSite
from patcher.execution.stages import keep_bytes
from patcher.execution.start import Started, environment
from patcher.targets.adapter import Buffer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.worker import messages

__all__ = ["Answer", "FrozenTree", "WorkerProcess", "WorkerSite", "environment", "oom_kills"]

GRACE_S = 2.0  # between TERM, on which the worker dumps its stacks, and KILL
LOG_TAIL_BYTES = 6000

FATAL = frozenset({"device-assert", "device-oom", "host-oom", "exit"})
"""Failures after which a worker is not asked again."""

CRASH_SIGNALS = frozenset(
    {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP}
)


@dataclass(frozen=True)
class Answer:
    """What came of one request.

    Attributes:
        value: what the worker said. The arrays that came with it are listed by part (``returned``,
            ``stages``), stored by the parent, in the shape of `patcher.execution.results.Stage`.
        wall_s: seconds on the parent's clock, from the request written to the last byte read.
        worker_wall_s: the same by the worker's own clock, without the transport.
        resident_mib: the worker's memory when the answer was there, as the parent reads it; 0 where
            the system does not tell.
        alive: False when the worker can take no further request.
    """

    outcome: Outcome
    value: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    wall_s: float = 0.0
    alive: bool = True
    worker_wall_s: float = 0.0
    resident_mib: float = 0.0


class WorkerProcess:
    """One worker, one request at a time."""

    def __init__(self, site: WorkerSite) -> None:
        self.site = site
        self.deadline_s: float | None = None  # on time.monotonic()
        self.imported = False
        self._imports = True  # whether the worker itself imports the target at all
        self._asked: str = ""
        self._id = 0
        self._asked_s = 0.0
        self._timed_out = False
        self._worked = False  # something it was asked for came out well
        self._pending = bytearray()
        self._head: messages.Reply | None = None  # an answer whose arrays are still to come
        self._nonce = secrets.token_hex(8)
        self._oom_kills = 0
        site.run_dir.mkdir(parents=True, exist_ok=True)
        self.log = site.run_dir / f"worker-{self._nonce}.log"
        self._started = Started(site, self.log)
        self._greet()

    def _greet(self) -> None:
        greeting: messages.Greeting = {
            "nonce": self._nonce,
            "parent": None if self.site.fenced else os.getpid(),
            "tree": str(self.site.tree.path),
            "packages": self.site.tree.packages,
            "sys_path": self.site.sys_path,
            "serving": self.site.serving,
            "assets": dict(self.site.assets),
            "device": self.site.device,
            "deterministic": self.site.deterministic,
            "cpus": self.site.cpus,
            "watch": (self.site.watch, self.site.enough) if self.site.watch else None,
            "memory_limit_mib": self.site.memory_limit_mib,
        }
        self._send(greeting)

    @property
    def pid(self) -> int:
        return self._started.pid

    def fileno(self) -> int:
        """Readable when `receive` has something."""
        return self._started.answers

    def ask(self, op: str, arguments: Mapping[str, Any], timeout_s: float) -> None:
        """Send a request; its answer comes from `receive`."""
        if self._id == 0:
            self._oom_kills = oom_kills()  # it may have waited for its first request
        self._id += 1
        self._asked = op
        if op == "run":  # a batch of one, so that the request tells no judged run from a timed one
            op, arguments = "batch", {"tests": [arguments["test"]]}
        if op == "open":
            self._imports = bool(arguments["model"]["options"].get("imports", True))
        recorded = arguments.get("recorded", {})
        data = [Path(stage["path"]).read_bytes() for stage in recorded.values()]
        payload: list[messages.ArrayHeader] = [
            {"name": name, "dtype": stage["dtype"], "shape": stage["shape"], "size": len(content)}
            for (name, stage), content in zip(recorded.items(), data, strict=True)
        ]
        rest = {key: value for key, value in arguments.items() if key != "recorded"}
        self.deadline_s = time.monotonic() + timeout_s
        self._send({**rest, "id": self._id, "op": op, "payload": payload}, data)
        self._asked_s = time.monotonic()

    def _send(self, message: Mapping[str, Any], data: Sequence[bytes] = ()) -> None:
        # A worker that died already shows itself when its answer is read.
        with contextlib.suppress(BrokenPipeError):
            for chunk in (json.dumps(message).encode() + b"\n", *data):
                left = memoryview(chunk)
                while left:
                    left = left[os.write(self._started.requests, left) :]

    def receive(self) -> list[Answer | str]:
        """What arrived: lines of progress, and at most one answer."""
        closed = False
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._started.answers, 1 << 20):
                self._pending += chunk
            closed = True
        now_s = time.monotonic()
        result: list[Answer | str] = []
        while (news := self._next(now_s)) is not None:
            result.append(news)
        if closed and not any(isinstance(each, Answer) for each in result):
            result.append(self._ended())
        return result

    def _next(self, now_s: float) -> Answer | str | None:
        """The next complete piece of news among the pending bytes; None when there is none."""
        if self._head is None:
            end = self._pending.find(b"\n")
            if end < 0:
                return None
            line = bytes(self._pending[:end])
            del self._pending[: end + 1]
            news = self._read(line)
            if news is not None:
                return news
        assert self._head is not None
        size = sum(kept["size"] for kept in self._head["payload"])
        if len(self._pending) < size:
            return None
        data = bytes(self._pending[:size])
        del self._pending[:size]
        message, self._head = self._head, None
        return self._answer(message, data, now_s - self._asked_s)

    def _read(self, line: bytes) -> Answer | str | None:
        """A line of progress, what is wrong with a line, or None when ``_head`` now has it."""
        try:
            message = json.loads(line)
            if "say" in message:
                return str(message["say"])
            known = message["nonce"] == self._nonce and message["id"] == self._id
            known = known and all(kept["size"] >= 0 for kept in message["payload"])
        except (ValueError, TypeError, KeyError):
            known = False
        if not known:
            return self._failed(Outcome.CRASHED, "protocol", message="foreign line on the pipe")
        self._head = message
        return None

    def _answer(self, message: messages.Reply, data: bytes, wall_s: float) -> Answer:
        """A complete answer; its arrays are stored now, after the clock has stopped."""
        if wrong := self._wrong_code(message["sources"], message["ok"]):
            return self._failed(Outcome.EXCEPTION, "wrong-code", message=wrong)
        self.deadline_s = None
        worker_wall_s = float(message["wall_s"])
        if message["ok"]:
            try:
                parts = self._store(message["payload"], data)
            except (ValueError, TypeError, KeyError) as error:
                return self._failed(Outcome.CRASHED, "protocol", message=str(error))
            self._worked = True
            value = {**message["value"], **parts}
            if self._asked == "run":
                value |= {**dict(*value.pop("runs", [])), "returned": value.pop("returned-0", [])}
            return Answer(
                Outcome.OK,
                value,
                wall_s=wall_s,
                worker_wall_s=worker_wall_s,
                resident_mib=resident_mib(self._started.worker_pid),
            )
        failed = message["failure"]
        frames = tuple(Frame(**frame) for frame in failed["frames"])
        failure = Failure(
            failed["kind"], failed["type"], failed["message"],
            frames=frames, log=self._log_tail(), stage=self._asked,
        )  # fmt: skip
        outcome = {
            "host-oom": Outcome.OOM,
            "device-oom": Outcome.OOM,
            "exit": Outcome.CRASHED,
        }.get(failure.kind, Outcome.EXCEPTION)
        alive = failure.kind not in FATAL
        return Answer(outcome, {}, failure, wall_s, alive=alive, worker_wall_s=worker_wall_s)

    def _store(self, payload: Sequence[messages.ReplyArray], data: bytes) -> dict[str, Any]:
        """Keep the arrays of an answer, each under its hash, complete or not at all.

        Raises:
            ValueError: bytes that are not of the shape they are said to have.
        """
        parts: dict[str, Any] = {"returned": [], "stages": []}
        at = 0
        for kept in payload:
            buffer = Buffer(kept["dtype"], tuple(kept["shape"]), data[at : at + kept["size"]])
            at += kept["size"]
            if not buffer.fits:
                raise ValueError(f"{kept['name']}: {kept['size']} bytes are not of its shape")
            digest = buffer.sha256
            path = self.site.stages_dir / digest[:2] / digest
            keep_bytes(path, buffer.data)
            parts.setdefault(kept["part"], []).append(
                {
                    "name": kept["name"],
                    "dtype": buffer.dtype,
                    "shape": list(buffer.shape),
                    "sha256": digest,
                    "path": str(path),
                    "measure": str(kept.get("measure", "")),
                }
            )
        return parts

    def _wrong_code(self, sources: Mapping[str, str], ok: bool) -> str:
        """Why what the worker imported is not the tree's code; empty when it is."""
        self.imported = self.imported or bool(sources)
        for path, digest in sources.items():
            planned = self.site.tree.files.get(path)
            if planned != digest:
                return f"{path} as imported is not the file of the tree that was to be run"
        expected = self._imports and bool(self.site.tree.packages)
        if ok and self._asked in ("open", "run") and expected and not self.imported:
            names = ", ".join(self.site.tree.packages)
            return f"the code of {names} that ran did not come from the tree that was to be run"
        return ""

    def expire(self) -> None:
        """Past the deadline: TERM (the worker dumps its stacks), then KILL. Called repeatedly."""
        now = time.monotonic()
        if not self._timed_out:
            self._timed_out = True
            self.deadline_s = now + GRACE_S
            self._started.signal(signal.SIGTERM)
        else:
            self.deadline_s = None
            self._started.kill()

    def _ended(self) -> Answer:
        """The pipe closed without an answer: say how the process ended."""
        status = self._started.wait(GRACE_S)
        log = self._log_tail()
        if self._timed_out:
            asked_s = time.monotonic() - self._asked_s
            message = f"no answer after {asked_s:.0f} s"
            return self._failed(Outcome.TIMEOUT, "timeout", message=message, log=log)
        if status >= 0:
            message = f"the process exited with status {status} before it answered"
            return self._failed(Outcome.CRASHED, "exit", message=message, log=log)
        number = signal.Signals(-status)
        if number is signal.SIGKILL and oom_kills() > self._oom_kills:
            message = "killed by the kernel: the machine or its container ran out of memory"
            return self._failed(Outcome.OOM, "host-oom", number.name, message, log)
        if number is signal.SIGABRT and "bad_alloc" in log:
            return self._failed(Outcome.OOM, "host-oom", number.name, "std::bad_alloc", log)
        outcome = Outcome.CRASHED if number in CRASH_SIGNALS else Outcome.KILLED
        message = f"the process ended by {number.name}"
        return self._failed(outcome, "signal", number.name, message, log)

    def _failed(
        self, outcome: Outcome, kind: str, type: str = "", message: str = "", log: str = ""
    ) -> Answer:
        self.deadline_s = None
        wall_s = time.monotonic() - self._asked_s
        failure = Failure(kind, type, message, log=log, stage=self._asked)
        return Answer(outcome, {}, failure, wall_s, alive=False)

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")
        return ""

    def close(self) -> None:
        """End the process and everything it started, and wipe its folder."""
        self._started.close(share=self._worked)


def resident_mib(pid: int) -> float:
    """What a process holds in memory; 0 where the system does not tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return 0.0


def oom_kills() -> int:
    """Processes the kernel has killed for want of memory, here or in this container, so far."""
    count = 0
    for name in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with contextlib.suppress(OSError), open(name, encoding="ascii") as counters:
            for line in counters:
                if line.startswith("oom_kill "):
                    count += int(line.split()[1])
    return count
