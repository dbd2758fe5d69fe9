"""The machine a timing ran on: what it is, and whether something disturbed it.

A reading before and one after a process tell what else the machine did meanwhile. Whether that
counts as a disturbance is `disturbance`, a pure function that never sees how long the process took.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Disturbed: others used more than this share of the processors while the process ran,
FOREIGN_SHARE = 0.20
# the hypervisor or the container's quota took more than this share of the time away,
STOLEN_SHARE = 0.05
# or, on a GPU, it was slowed down for heat or power (bits of NVML's clocks_event_reasons), or
# another process computed on it.
GPU_SLOWDOWN_BITS = 0x08 | 0x20 | 0x40 | 0x80  # hardware, software thermal, hardware thermal, brake

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Gpu:
    """One reading of one GPU: MHz, degrees Celsius, NVML's reason bits, processes computing."""

    clock_mhz: float
    temperature_c: float
    slowdown: int
    processes: int


@dataclass(frozen=True)
class Counters:
    """Counters at one moment, all in seconds since boot or process start.

    Attributes:
        busy_s, stolen_s: of the processors this process may use, idle and waiting left out.
        ours_s: processor time of this process and of its children that have ended.
        throttled_s: time the container's quota held its processes back.
    """

    at_s: float
    busy_s: float
    stolen_s: float
    ours_s: float
    throttled_s: float
    gpus: tuple[Gpu, ...] = ()


def read(*, gpu: bool = False) -> Counters:
    """Read the counters now; what the system does not tell is 0."""
    busy, stolen = _processor_seconds()
    own = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    return Counters(
        time.monotonic(), busy, stolen, own, _throttled_seconds(), read_gpus() if gpu else ()
    )


def _processor_seconds() -> tuple[float, float]:
    """Busy and stolen, summed over the processors that this process may run on.

    What runs elsewhere, on a machine that is divided up by affinity or a cpuset, takes no turn
    from us.
    """
    with contextlib.suppress(OSError):
        return parse_stat(Path("/proc/stat").read_text(encoding="ascii"), _own_processors())
    return 0.0, 0.0


def parse_stat(text: str, processors: set[int] | None) -> tuple[float, float]:
    """Seconds busy and seconds stolen in ``/proc/stat``, of some processors; None for all."""
    busy = stolen = 0
    for line in text.splitlines():
        name, *fields = line.split()
        number = name.removeprefix("cpu")
        if number.isdigit() and (processors is None or int(number) in processors):
            user, nice, system, _idle, _wait, irq, soft, steal = map(int, fields[:8])
            busy += user + nice + system + irq + soft
            stolen += steal
    return busy / _TICKS_A_SECOND, stolen / _TICKS_A_SECOND


def _own_processors() -> set[int] | None:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None


def _throttled_seconds() -> float:
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/sys/fs/cgroup/cpu.stat").read_text(encoding="ascii").splitlines():
            if line.startswith("throttled_usec "):
                return int(line.split()[1]) / 1e6
    return 0.0


def read_gpus() -> tuple[Gpu, ...]:
    """All NVIDIA GPUs, by ``nvidia-smi``; empty without it."""
    fields = "clocks.sm,temperature.gpu,clocks_throttle_reasons.active,uuid"
    rows = _nvidia_smi(f"--query-gpu={fields}")
    apps = _nvidia_smi("--query-compute-apps=gpu_uuid,pid")
    return tuple(parse_gpu(row, apps) for row in rows)


def parse_gpu(row: str, apps: list[str]) -> Gpu:
    """One line of ``nvidia-smi``'s CSV; a field the card does not know counts as 0."""
    clock, temperature, reasons, uuid = (part.strip() for part in row.split(","))
    processes = sum(app.split(",")[0].strip() == uuid for app in apps)
    slowdown = int(reasons, 16) if reasons.startswith("0x") else 0
    return Gpu(_number(clock), _number(temperature), slowdown, processes)


def _number(text: str) -> float:
    with contextlib.suppress(ValueError):
        return float(text)
    return 0.0


def _nvidia_smi(query: str) -> list[str]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = [program, query, "--format=csv,noheader,nounits"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return [line for line in done.stdout.splitlines() if line.strip()]
    return []


def disturbance(before: Counters, after: Counters, processors: int) -> str:
    """Why timings between two readings should be taken again; empty when they need not be."""
    wall_s = after.at_s - before.at_s
    capacity_s = wall_s * processors
    if capacity_s <= 0:
        return ""
    foreign_s = (after.busy_s - before.busy_s) - (after.ours_s - before.ours_s)
    if foreign_s > FOREIGN_SHARE * capacity_s:
        return f"load: others used {foreign_s / capacity_s:.0%} of the processors"
    stolen_s = after.stolen_s - before.stolen_s
    if stolen_s > STOLEN_SHARE * capacity_s:
        return f"load: the hypervisor took {stolen_s / capacity_s:.0%} of the processors"
    throttled_s = after.throttled_s - before.throttled_s
    if throttled_s > STOLEN_SHARE * wall_s:
        return f"throttled: the container's quota held it back for {throttled_s:.1f} s"
    for number, gpu in enumerate(after.gpus):
        if gpu.slowdown & GPU_SLOWDOWN_BITS:
            return f"throttled: GPU {number} at {gpu.temperature_c:.0f} C, {gpu.clock_mhz:.0f} MHz"
    for number, gpu in enumerate(before.gpus):
        if gpu.processes:
            return f"load: {gpu.processes} other processes on GPU {number}"
    return ""


@dataclass(frozen=True)
class Fingerprint:
    """What must be the same for timings to be comparable."""

    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()


def fingerprint(extra: Mapping[str, Any] | None = None) -> Fingerprint:
    """Processor, memory, system, Python and GPUs of this machine, with ``extra`` facts beside."""
    facts: dict[str, Any] = {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processor": _processor_name(),
        "processors": usable_processors(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "gpus": _nvidia_smi("--query-gpu=name,driver_version,memory.total"),
    }
    return Fingerprint({**facts, **(extra or {})})


def usable_processors() -> int:
    """The processors this process may run on."""
    own = _own_processors()
    return (os.cpu_count() or 1) if own is None else len(own)


def _processor_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Hardware")):
                return line.partition(":")[2].strip()
    return platform.processor()
