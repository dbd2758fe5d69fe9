"""`--executor ray`: the driver's side.

A job runs on one host, in an actor that reserves what the job needs: a job that gates asked for as
many processors as its worker has threads, a job that is timed the whole host or one of its GPUs.
Ray hands nothing out twice, so one job is timed a device, whoever else uses the cluster. Both
processes of a pair run on one host. A host that is lost costs the pairs that ran on it; jobs that
nobody times start again on another one.
"""

from __future__ import annotations

import itertools
import os
import time
import uuid
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.execution.executor import Job, LocalExecutor, Report
from patcher.execution.ray import host, parcels
from patcher.execution.ray.cluster import Host, actor_on, connected, end, find_hosts, first_line
from patcher.execution.results import Failure, Outcome
from patcher.execution.sandbox import PATCHER, is_below, libraries
from patcher.execution.stages import keep_bytes
from patcher.execution.start import paths_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.execution.ray.host import Parts
    from patcher.execution.ray.parcels import Parcel
    from patcher.execution.sandbox import Kernel

DRIVERS_OWN = "make"  # writes assets where the driver keeps them


@dataclass
class _RemoteFlight:
    job: Job
    host: Host
    actor: Any
    stream: Any
    reported: int = -1  # the last step whose report was passed on
    skipping: int = -1  # steps up to this one were reported by a host that is lost


@dataclass
class _Waiting:
    handle: int
    job: Job
    reported: int = -1


class RayExecutor:
    """Jobs on the hosts of a Ray cluster.

    ``RAY_ADDRESS`` names the cluster; without it one that runs here is used, or started.

    Args:
        slots: jobs at once on each host.
    """

    def __init__(self, slots: int) -> None:
        self._each = slots
        self._name = uuid.uuid4().hex
        self._handles = itertools.count()
        self._hosts: list[Host] = []
        self._lost: dict[str, str] = {}  # node, why
        self._waiting: deque[_Waiting] = deque()
        self._running: dict[int, _RemoteFlight] = {}
        self._news: deque[Report] = deque()
        self._pairs: dict[str, Host] = {}
        self._parcels: dict[str, Parcel] = {}
        self._sent: dict[str, Any] = {}  # digest, a reference to the bytes
        self._local: LocalExecutor | None = None
        self._local_handles: dict[int, int] = {}

    def __enter__(self) -> RayExecutor:
        self._began_here = connected()
        self._local = LocalExecutor()
        self._hosts = find_hosts()
        return self

    def __exit__(self, *exception: object) -> None:
        import ray

        self._waiting.clear()
        for handle in [*self._running, *self._local_handles.values()]:
            self.cancel(handle)
        if self._local is not None:
            self._local.__exit__()
        self._sent.clear()
        if self._began_here:
            ray.shutdown()

    def kernels(self) -> tuple[Kernel, ...]:
        """What the kernel of each host lets a worker be kept from."""
        return tuple(each.identity.guards for each in self._hosts)

    def machine(self) -> Mapping[str, Any]:
        """Facts of the machine that pairs are timed on; hosts that are not like it time nothing."""
        return self._timing_hosts()[0].identity.facts

    def _timing_hosts(self) -> list[Host]:
        """The largest group of hosts that are alike, those with a GPU first.

        Facts name GPUs by their driver. What Ray hands out counts too: without it a job would run
        on the processor of the one host and on the GPU of the other.
        """
        groups: dict[str, list[Host]] = {}
        for each in self._hosts:
            kind = (each.gpus > 0, sorted(each.identity.facts.items()))
            groups.setdefault(repr(kind), []).append(each)
        return max(groups.values(), key=lambda group: (group[0].gpus > 0, len(group)))

    def timing_slots(self) -> int:
        return max(1, sum(max(1, each.gpus) for each in self._alive(self._timing_hosts())))

    def _alive(self, hosts: Sequence[Host]) -> list[Host]:
        return [each for each in hosts if each.node not in self._lost]

    def slots(self) -> int:
        return max(1, self._each * len(self._alive(self._hosts)))

    def submit(self, job: Job) -> int:
        if job.site.cwd is not None:
            text = "commands work in a folder of this machine: `--executor ray` cannot run them"
            raise PatcherError("usage", text, hint="leave `--executor` out")
        handle = next(self._handles)
        if any(step.op == DRIVERS_OWN for step in job.steps):
            assert self._local is not None
            self._local_handles[self._local.submit(job)] = handle
        else:
            self._waiting.append(_Waiting(handle, job))
            self._fill()
        return handle

    def cancel(self, job: int) -> None:
        for local, handle in [*self._local_handles.items()]:
            if handle == job and self._local is not None:
                self._local.cancel(local)
                del self._local_handles[local]
        self._waiting = deque(each for each in self._waiting if each.handle != job)
        self._news = deque(each for each in self._news if each.job != job)
        flight = self._running.pop(job, None)
        if flight is not None:
            end(flight.actor)
        self._fill()

    def wait(self, timeout_s: float | None = None) -> list[Report]:
        until_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._news and (self._running or self._local_handles):
            if self._local_handles:
                self._wait_here(0.1 if self._running else timeout_s)
            self._wait_there(until_s, 0.0 if self._local_handles else None)
            if until_s is not None and time.monotonic() >= until_s:
                break
        result, self._news = [*self._news], deque()
        return result

    def _wait_here(self, timeout_s: float | None) -> None:
        assert self._local is not None
        for report in self._local.wait(timeout_s):
            self._news.append(replace(report, job=self._local_handles[report.job]))
            if report.last:
                del self._local_handles[report.job]

    def _wait_there(self, until_s: float | None, pause_s: float | None) -> None:
        import ray

        if not self._running:
            return
        if pause_s is None and until_s is not None:
            pause_s = max(0.0, until_s - time.monotonic())
        streams = {flight.stream: handle for handle, flight in self._running.items()}
        ready, _ = ray.wait([*streams], num_returns=1, timeout=pause_s)
        for stream in ready:
            self._receive(streams[stream])

    def _receive(self, handle: int) -> None:
        import ray

        flight = self._running[handle]
        try:
            parts: Parts = ray.get(next(flight.stream))
        except StopIteration:
            self._end(handle)
            return
        except ray.exceptions.RayTaskError as error:
            self._end(handle)
            raise PatcherError("environment", f"{flight.host.name}: {first_line(error)}") from error
        except ray.exceptions.RayError as error:
            self._host_lost(handle, first_line(error))
            return
        if parts.refused is not None:
            self._end(handle)
            code, message, hint = parts.refused
            raise PatcherError(code, f"{flight.host.name}: {message}", hint=hint)
        assert parts.report is not None
        for name, data in parts.arrays.items():
            keep_bytes(flight.job.site.stages_dir / name, data)
        self._pass_on(handle, flight, parts.report)

    def _pass_on(self, handle: int, flight: _RemoteFlight, report: Report) -> None:
        again = report.step <= flight.skipping and not report.last
        if not again:
            self._news.append(replace(report, job=handle))
            if report.progress is None:
                flight.reported = report.step
        if report.last:
            self._end(handle)
            self._fill()

    def _end(self, handle: int) -> None:
        end(self._running.pop(handle).actor)

    def _host_lost(self, handle: int, why: str) -> None:
        """What ran there is lost if it was timed, and starts again elsewhere if it was not."""
        flight = self._running.pop(handle)
        self._lost[flight.host.node] = why
        if is_timed(flight.job) or not self._alive(self._hosts):
            self._news.append(lost_report(handle, flight.reported + 1, flight.host.name, why))
        else:
            text = f"lost the host {flight.host.name}; its job starts again on another one"
            self._news.append(Report(handle, max(flight.reported, 0), progress=text))
            self._waiting.appendleft(_Waiting(handle, flight.job, flight.reported))
        self._fill()

    def _fill(self) -> None:
        """Start what can be started, in the order of submission."""
        while self._waiting:
            each = self._waiting[0]
            place = self._place(each.job)
            if place is None:
                return
            self._waiting.popleft()
            if isinstance(place, str):
                report = lost_report(each.handle, each.reported + 1, place, "it was lost")
                self._news.append(report)
                continue
            self._start(each, place)

    def _place(self, job: Job) -> Host | str | None:
        """Where a job runs: a host, the name of its lost one, or None while all are taken."""
        timed = is_timed(job)
        kept = self._pairs.get(job.pair) if job.pair else None
        if kept is not None and kept.node in self._lost:
            return kept.name
        hosts = self._alive(self._timing_hosts() if timed else self._hosts)
        if not hosts:
            return self._hosts[0].name
        hosts = [kept] if kept else hosts
        load = {each.node: 0 for each in hosts}
        for flight in self._running.values():
            if flight.host.node in load:
                load[flight.host.node] += 1
        most = {each.node: timed_at_once(job, each) if timed else self._each for each in hosts}
        free = [each for each in hosts if load[each.node] < most[each.node]]
        if not free:
            return None
        result = min(free, key=lambda each: load[each.node])
        if job.pair:
            self._pairs[job.pair] = result
        return result

    def _start(self, each: _Waiting, place: Host) -> None:
        site = each.job.site
        processors, gpus = resources(site.device, site.threads, place, timed=is_timed(each.job))
        needed = self._needed(each.job)
        actor = actor_on(place.node, processors, gpus)
        sent = {parcel.digest: [self._bytes_of(parcel)] for parcel in needed}
        order = host.Order(self._name, each.job, tuple(needed))
        stream = actor.run.options(num_returns="streaming").remote(order, sent)
        self._running[each.handle] = _RemoteFlight(
            each.job, place, actor, stream, reported=each.reported, skipping=each.reported
        )

    def _needed(self, job: Job) -> list[Parcel]:
        """The tree, and every file and folder that the job names and no installation has."""
        named = [str(job.site.tree.path)]
        arguments = [dict(step.arguments) for step in job.steps]
        named += [*job.site.sys_path, *paths_in([dict(job.site.assets), *arguments])]
        installed = [*libraries(job.site.python), str(PATCHER), "/usr", "/bin", "/etc", "/dev"]
        result = []
        for path in dict.fromkeys(named):
            if path not in self._parcels:
                tree = path == str(job.site.tree.path)
                common = any(is_below(os.path.realpath(path), each) for each in installed)
                if common and not tree:
                    continue
                self._parcels[path] = parcels.parcel_of(path)
            result.append(self._parcels[path])
        return result

    def _bytes_of(self, parcel: Parcel) -> Any:
        import ray

        if parcel.digest not in self._sent:
            self._sent[parcel.digest] = ray.put(parcels.pack(parcel))
        return self._sent[parcel.digest]


def is_timed(job: Job) -> bool:
    """Whether a clock decides about what this job does."""
    return not job.site.deterministic


def timed_at_once(job: Job, place: Host) -> int:
    """How many jobs are timed at once on a host: one a GPU that is used, or one."""
    return max(1, place.gpus) if job.site.device in ("auto", "cuda") else 1


def resources(device: str, threads: int, place: Host, *, timed: bool) -> tuple[int, int]:
    """How many processors and GPUs of its host Ray reserves for a job.

    A job that may use a GPU has one where there is one; what is timed without has the whole host.
    """
    gpus = 1 if place.gpus and device in ("auto", "cuda") else 0
    whole = timed and not gpus
    return place.processors if whole else min(threads, place.processors), gpus


def lost_report(job: int, step: int, name: str, why: str) -> Report:
    """The end of a job whose host is lost."""
    failure = Failure("signal", "host lost", f"the host {name} was lost: {why}", stage="run")
    return Report(job, step, Outcome.KILLED, failure=failure, last=True)


def connect(slots: int) -> RayExecutor:
    """The executor; nothing is connected before it is entered.

    Raises:
        PatcherError: ``usage`` when Ray is not installed.
    """
    from importlib.util import find_spec

    if find_spec("ray") is None:
        hint = "install it where patcher is: `pip install 'ray>=2.40'`"
        raise PatcherError("usage", "`--executor ray` needs Ray, which is not installed", hint=hint)
    return RayExecutor(slots)
