"""One job on one host: what Ray runs there.

Everything that belongs to a worker is the host's own: its process, its guards, its clock, the
readings of what else the machine did. What goes back are reports, and the arrays in them by hash.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.execution import machine
from patcher.execution.executor import Job, LocalExecutor, Report, Step
from patcher.execution.fingerprints import fingerprints
from patcher.execution.ray import parcels
from patcher.execution.results import Failure, Frame, Outcome
from patcher.execution.sandbox import PATCHER, Kernel, around, kernel, policy_for
from patcher.execution.workplace import wipe_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from patcher.execution.ray.parcels import Parcel
    from patcher.execution.sandbox import Policy
    from patcher.execution.site import WorkerSite

    Fetch = Callable[[Parcel], bytes]

CACHE_VARIABLE = "PATCHER_HOST_CACHE"
RUN_KEPT_S = 86400.0  # a run's folder that its driver left behind


@dataclass(frozen=True)
class Identity:
    """What a host is: it takes part where the last three are the driver's.

    Attributes:
        facts: of the machine, as `patcher.execution.machine.fingerprint` has them.
        guards: what its kernel lets this user do.
        python, patcher, distributions: version, and hashes of patcher's code and of what is
            installed.
    """

    facts: Mapping[str, Any]
    guards: Kernel
    python: str
    patcher: str
    distributions: str

    def other_than(self, driver: Identity) -> str:
        """What is not the driver's here; empty when the host can take part."""
        for word in ("python", "patcher", "distributions"):
            if getattr(self, word) != getattr(driver, word):
                return {"python": "another Python", "patcher": "another patcher"}.get(
                    word, "other distributions are installed"
                )
        return ""


def identity() -> Identity:
    """This host's."""
    from importlib.metadata import distributions

    code = fingerprints([PATCHER])
    names = sorted(f"{each.name} {each.version}" for each in distributions())
    return Identity(
        machine.fingerprint().facts,
        kernel(),
        sys.version,
        _hashed(f"{os.path.relpath(path, PATCHER)} {digest}" for path, digest in code.items()),
        _hashed(names),
    )


def _hashed(lines: Iterator[str] | list[str]) -> str:
    import hashlib

    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


@dataclass(frozen=True)
class Order:
    """A job as it is sent.

    Attributes:
        run: the executor's name: compiled code is shared within it.
        parcels: what the job needs, the tree among them; its paths are the driver's.
    """

    run: str
    job: Job
    parcels: tuple[Parcel, ...]


@dataclass(frozen=True)
class Parts:
    """A report on its way back, with the arrays that the driver has not had from this job.

    Attributes:
        arrays: bytes by the path, below ``stages``, that they are kept under.
        refused: an error that no worker had: code, message, hint.
    """

    report: Report | None
    arrays: Mapping[str, bytes] = field(default_factory=dict)
    refused: tuple[str, str, str] | None = None


def cache_folder() -> Path:
    """Where this host keeps parcels."""
    import platformdirs

    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("patcher")) / "hosts"


def run_order(order: Order, fetch: Fetch, cache: Path) -> Iterator[Parts]:
    """Run a job here; its reports as they come.

    Args:
        fetch: the bytes of a parcel that this host does not have.
    """
    try:
        yield from _Here(order, fetch, cache).run()
    except PatcherError as error:
        yield Parts(None, refused=(error.code, error.message, error.hint))


class _Here:
    """An order, with the driver's paths replaced by this host's."""

    def __init__(self, order: Order, fetch: Fetch, cache: Path) -> None:
        self.order, self.cache = order, cache
        self.folder = cache / "runs" / order.run
        self.names: dict[str, str] = {}  # the driver's path, this host's
        parcels.remove_unused(cache)
        remove_old_runs(cache)
        wipe_left(self.folder)
        for parcel in order.parcels:
            if not parcels.has(parcel, cache) or not self._intact(parcel):
                parcels.discard(parcel, cache)
                parcels.unpack(parcel, fetch(parcel), cache)
            self.names[parcel.path] = str(parcel.place(cache))
        self.sent: set[str] = set()

    def _intact(self, parcel: Parcel) -> bool:
        return parcels.content_digest(parcel.place(self.cache)) == parcel.digest

    def run(self) -> Iterator[Parts]:
        site = self._site(self.order.job.site)
        steps = tuple(
            Step(step.op, self._arrived(step.arguments), step.timeout_s)
            for step in self.order.job.steps
        )
        timed = not site.deterministic
        gpu = timed and site.device in ("auto", "cuda")
        before = machine.read(gpu=gpu)
        with LocalExecutor() as executor:
            executor.submit(Job(site, steps))
            last = False
            while not last:
                for report in executor.wait():
                    last = report.last
                    if last and timed:
                        after = machine.read(gpu=gpu)
                        count = machine.usable_processors()
                        disturbed = machine.disturbance(before, after, count)
                        report = replace(report, disturbance=disturbed)  # noqa: PLW2901
                    if last and not all(map(self._intact, self._trees())):
                        report = changed(report)  # noqa: PLW2901
                    yield self._parts(report)

    def _trees(self) -> Iterator[Parcel]:
        tree = str(self.order.job.site.tree.path)
        yield from (parcel for parcel in self.order.parcels if parcel.path == tree)

    def _site(self, site: WorkerSite) -> WorkerSite:
        tree = replace(site.tree, path=Path(self.names[str(site.tree.path)]))
        folders = tuple(self.names.get(each, each) for each in site.sys_path)
        policy = site.policy and self._policy(site.policy, site.python, folders)
        return replace(
            site,
            tree=tree,
            run_dir=self.folder / "logs",
            stages_dir=self.folder / "stages",
            compiled_in=None,  # the driver's
            assets=self._arrived(site.assets),
            sys_path=folders,
            policy=policy,
        )

    def _policy(self, remote: Policy, python: str, folders: Sequence[str]) -> Policy:
        """The guards of this host, and of the driver's readable paths those that are here too."""
        result = policy_for(python, named=folders, hidden=[self.cache], gpu=remote.gpu)
        here = [path for path in remote.read if os.path.exists(path)]
        more = [each for path in here for each in around(path, result.closed)]
        return replace(result, read=tuple(dict.fromkeys([*result.read, *more])))

    def _arrived(self, value: Any) -> Any:
        """JSON values in which the driver's paths are this host's."""
        return mapped(value, lambda text: self.names.get(text, text))

    def _back(self, text: str) -> str:
        """A text in which this host's paths are the driver's; arrays are left to `_parts`."""
        for remote, own in self.names.items():
            text = text.replace(own, remote)
        return text

    def _parts(self, report: Report) -> Parts:
        arrays: dict[str, bytes] = {}
        stages = str(self.folder / "stages") + os.sep

        def back(text: str) -> str:
            if text.startswith(stages):
                name = text[len(stages) :]
                if name not in self.sent:
                    self.sent.add(name)
                    arrays[name] = Path(text).read_bytes()
                return os.path.join(str(self.order.job.site.stages_dir), name)
            return self._back(text)

        value = mapped(report.value, back)
        failure = report.failure and failure_with(report.failure, self._back)
        line = report.progress
        progress = None if line is None else self._back(line)
        return Parts(replace(report, value=value, failure=failure, progress=progress), arrays)


def changed(report: Report) -> Report:
    """The last report of a job whose tree did not stay as it was sent."""
    text = "the tree changed on its host while it ran, so nothing it said counts"
    failure = Failure("wrong-code", message=text, stage="run")
    return replace(report, outcome=Outcome.EXCEPTION, failure=failure, value={})


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """JSON values with every string changed; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: mapped(each, change) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(mapped(each, change) for each in value)
    return value


def failure_with(failure: Failure, change: Callable[[str], str]) -> Failure:
    """A failure with the paths in it changed."""
    frames = tuple(Frame(**{**vars(each), "file": change(each.file)}) for each in failure.frames)
    message, log = change(failure.message), change(failure.log)
    return replace(failure, message=message, log=log, frames=frames)


def remove_old_runs(cache: Path) -> None:
    """Remove what the drivers of earlier days left here."""
    for folder in (cache / "runs").glob("*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_mtime < time.time() - RUN_KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)
