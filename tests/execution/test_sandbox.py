"""Workers in the sandbox: each way out is tried by a real worker, and leads nowhere."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from patcher.errors import PatcherError
from patcher.execution.executor import Job, LocalExecutor, Report, Step
from patcher.execution.process import WorkerSite
from patcher.execution.results import Outcome
from patcher.execution.runner import Silent, run_job
from patcher.execution.sandbox import GUARDS, Kernel, Policy, around, kernel, policy_for
from tests.execution.test_process import has_ended
from tests.verify.judging import REPOSITORY, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = kernel()
pytestmark = pytest.mark.skipif(bool(HERE.why), reason=HERE.why or "the kernel has guards")

# What kernels offer: everything, an unprivileged user's namespaces, and a container without any.
OFFERS = {
    "all of it": HERE,
    "a user namespace": replace(HERE, user=True),
    "no namespaces": replace(HERE, namespaces=False, user=False, network=False),
}


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    with LocalExecutor() as actual:
        yield actual


@pytest.fixture(params=list(OFFERS))
def offer(request: pytest.FixtureRequest) -> Kernel:
    """A kernel at least as good as this one is made out to be."""
    offer = OFFERS[request.param]
    if offer.user and not os.path.exists("/proc/self/ns/user"):
        pytest.skip("the kernel has no user namespaces")
    return offer


def site(folder: Path, offer: Kernel = HERE, **options: object) -> WorkerSite:
    """A worker of the small target in the sandbox; records and the other arm are in ``folder``."""
    arm = tree(folder / "arm")
    actual = policy_for(sys.executable, named=[REPOSITORY], hidden=[folder])
    return WorkerSite(
        arm,
        "tests.smalltarget.adapter:open_session",
        folder / "logs",
        folder / "records" / "stages",
        sys_path=(str(REPOSITORY),),
        policy=replace(actual, kernel=offer),
        **options,  # type: ignore[arg-type]
    )


def call(executor: LocalExecutor, where: WorkerSite, function: str, **arguments: object) -> Report:
    step = Step("call", {"function": function, "arguments": arguments}, 60)
    return run_job(executor, Job(where, (step,)), Silent())[-1]


def tried(executor: LocalExecutor, where: WorkerSite, escape: str, **arguments: object) -> object:
    report = call(executor, where, f"tests.execution.escapes:{escape}", **arguments)
    assert report.failure is None, report.failure
    return report.value["value"]


def needs(guard: str, offer: Kernel) -> None:
    """Skip where the kernel lacks a guard, with its reason."""
    missing = Policy(kernel=offer).missing
    if guard in missing:
        pytest.skip(f"{guard}: {missing[guard]}")


def test_every_guard_is_in_force_where_the_kernel_has_it_all() -> None:
    if not (HERE.namespaces and HERE.network and HERE.landlock):
        pytest.skip(f"this kernel offers less: {HERE}")
    assert Policy(kernel=HERE).guards == GUARDS


def test_a_guard_that_is_missing_is_named_with_its_reason() -> None:
    bare = Policy(kernel=Kernel())
    assert bare.guards == ("home", "hashes")
    assert set(bare.missing) == set(GUARDS) - {"home", "hashes"}
    assert bare.missing["fs-write"] == "the kernel has no Landlock"


def test_a_target_runs_as_it_does_outside(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel
) -> None:
    where = site(tmp_path, offer)
    model = {"name": "m", "options": {"pitch": 110.0}}
    test = {"name": "t", "options": {"text": "measure"}, "seed": 1}
    steps = (
        Step("open", {"model": model, "seed": 0}, 60),
        Step("run", {"test": test}, 60),
    )
    fenced = run_job(executor, Job(where, steps), Silent())[-1]
    free = run_job(executor, Job(replace(where, policy=None), steps), Silent())[-1]
    assert fenced.failure is None, fenced.failure
    assert fenced.value["returned"] == free.value["returned"]
    assert tried(executor, where, "library_versions")


@pytest.mark.parametrize("escape", ["write", "replace_file"])
def test_the_other_arm_cannot_be_written(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel, escape: str
) -> None:
    other = tree(tmp_path / "other").path / "hum" / "voice.py"
    before = other.read_bytes()
    assert tried(executor, site(tmp_path, offer), escape, path=str(other)) != "open"
    shadow = other.parent.parent / "random.py"
    assert tried(executor, site(tmp_path / "b", offer), escape, path=str(shadow)) != "open"
    assert other.read_bytes() == before
    assert not shadow.exists()


def test_its_own_tree_and_the_harness_cannot_be_written(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel
) -> None:
    where = site(tmp_path, offer)
    harness = REPOSITORY / "patcher" / "worker"
    for path in (where.tree.path / "hum" / "voice.py", harness / "main.py", harness / "new.py"):
        assert tried(executor, where, "write", path=str(path)) != "open"
    assert not (harness / "new.py").exists()


def test_the_other_arm_and_recorded_outputs_cannot_be_read(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel
) -> None:
    needs("fs-read", offer)
    where = site(tmp_path, offer)
    other = tree(tmp_path / "other").path / "hum" / "voice.py"
    record = tmp_path / "records" / "stages" / "ab" / "abcd"
    record.parent.mkdir(parents=True)
    record.write_bytes(b"what the baseline said")
    for path in (other, record):
        assert tried(executor, where, "read", path=str(path)) != "open"
    for folder in (tmp_path, record.parent, where.stages_dir.parent / "workers"):
        assert tried(executor, where, "listing", path=str(folder)) != "open"


def test_homes_and_temporary_folders_are_closed_but_for_what_is_named(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    needs("fs-read", HERE)
    (tmp_path / "secret").write_text("x")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_text("x")
    where = site(tmp_path / "site", assets={"base": str(tmp_path / "weights")})
    assert tried(executor, where, "read", path=str(tmp_path / "secret")) == "Permission denied"
    assert tried(executor, where, "read", path=str(tmp_path / "weights" / "w.bin")) == "open"


def test_records_stay_closed_though_the_assets_name_the_folder_around_them(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    needs("fs-read", HERE)
    (tmp_path / "data.txt").write_text("x")
    (tmp_path / ".patcher").mkdir()
    (tmp_path / ".patcher" / "record").write_text("x")
    actual = policy_for(sys.executable, named=[REPOSITORY], hidden=[tmp_path / ".patcher"])
    where = replace(site(tmp_path, assets={"root": str(tmp_path)}), policy=actual)
    assert tried(executor, where, "read", path=str(tmp_path / "data.txt")) == "open"
    record = str(tmp_path / ".patcher" / "record")
    assert tried(executor, where, "read", path=record) != "open"


def test_weights_that_are_links_into_a_cache_are_readable(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "b").write_text("x")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").symlink_to(tmp_path / "blobs" / "b")
    where = site(tmp_path / "site", assets={"base": str(tmp_path / "weights")})
    assert tried(executor, where, "read", path=str(tmp_path / "weights" / "w.bin")) == "open"


def test_no_network_but_loopback_of_its_own(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel
) -> None:
    needs("network", offer)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert tried(executor, site(tmp_path, offer), "connect", port=port) != "open"
    assert tried(executor, site(tmp_path / "b", offer), "send_datagram") != "open"
    if offer.network:
        assert tried(executor, site(tmp_path / "c", offer), "talk_to_itself") == "hello"


def test_sockets_of_the_machines_services_are_out_of_reach(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    needs("network", HERE)
    path = tmp_path / "service"
    abstract = f"\0patcher-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        one.bind(str(path))
        two.bind(abstract)
        one.listen()
        two.listen()
        for name, number in ((abstract, 1), (str(path), 2)):
            where = site(tmp_path / str(number))
            assert tried(executor, where, "connect_local", path=name) != "open", name


@pytest.mark.parametrize("escape", ["kill", "read_memory", "read_through_the_kernel"])
def test_the_parent_and_other_workers_are_out_of_reach(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel, escape: str
) -> None:
    needs("signals", offer)
    assert tried(executor, site(tmp_path, offer), escape, pid=os.getpid()) != "open"


def test_no_process_outlives_its_worker(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel
) -> None:
    needs("survivors", offer)
    marker = f"daemon of {tmp_path}"
    assert tried(executor, site(tmp_path, offer), "leave_a_daemon", marker=marker) == "open"
    assert [pid for pid in processes() if marker in command_line(pid)] == []


def test_a_daemon_is_ended_too_when_its_worker_hangs(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel
) -> None:
    marker = f"hanging daemon of {tmp_path}"
    started = {
        "function": "tests.execution.escapes:leave_a_daemon",
        "arguments": {"marker": marker},
    }
    spin = {"function": "tests.execution.worker_side:spin", "arguments": {}}
    steps = (Step("call", started, 60), Step("call", spin, 1))
    report = run_job(executor, Job(site(tmp_path, offer), steps), Silent())[-1]
    assert report.outcome is Outcome.TIMEOUT
    assert "spin" in (report.failure.log if report.failure else "")  # its stacks, dumped first
    assert all(has_ended(pid) for pid in processes() if marker in command_line(pid))


def test_notes_in_shared_memory_and_key_rings_do_not_reach_the_next_worker(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    needs("fs-write", HERE)
    name = f"patcher-test-{os.getpid()}"
    for number in range(2):
        assert tried(executor, site(tmp_path / str(number)), "share_memory", name=name) == "open"
    assert not Path("/dev/shm", name).exists()
    assert tried(executor, site(tmp_path / "k"), "make_key") == "Operation not permitted"


def test_a_workspace_in_shared_memory_works_too(executor: LocalExecutor) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        where = site(Path(folder))
        assert tried(executor, where, "read", path=str(where.tree.path / "hum/voice.py")) == "open"
        assert tried(executor, where, "own_folders")


def test_home_temporary_files_and_caches_are_its_own_and_wiped(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel
) -> None:
    actual = tried(executor, site(tmp_path, offer), "own_folders")
    assert isinstance(actual, dict)
    workplaces = tmp_path / "records" / "workers"
    assert all(Path(path).is_relative_to(workplaces) for path in actual.values())
    assert list(workplaces.iterdir()) == []


@pytest.mark.parametrize("number", [6, 9, 11, 15])
def test_a_worker_that_ends_by_a_signal_is_reported_as_outside(
    executor: LocalExecutor, tmp_path: Path, offer: Kernel, number: int
) -> None:
    where = site(tmp_path, offer)
    fenced = call(executor, where, "tests.execution.escapes:end_by", number=number)
    free = call(
        executor, replace(where, policy=None), "tests.execution.escapes:end_by", number=number
    )
    assert fenced.failure is not None
    assert free.failure is not None
    assert (fenced.outcome, fenced.failure.type) == (free.outcome, free.failure.type)


def test_nothing_tells_a_worker_its_arm_or_the_kind_of_run(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    """Two arms, one gated and one timed: only random names differ, and not in length."""
    one = site(tmp_path / "one")
    two = replace(site(tmp_path / "two"), deterministic=False)
    first, second = (tried(executor, where, "what_it_can_tell") for where in (one, two))
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["names"] == second["names"]
    assert first["argv"][0] == second["argv"][0]
    assert [len(each) for each in first["values"]] == [len(each) for each in second["values"]]
    assert len(first["cwd"]) == len(second["cwd"])


def test_an_interpreter_that_is_not_there_is_named(executor: LocalExecutor, tmp_path: Path) -> None:
    with pytest.raises(PatcherError, match="/no/python"):
        executor.submit(Job(site(tmp_path, python="/no/python"), (Step("call", {}, 5),)))
    assert not (tmp_path / "records" / "workers").exists()


def test_a_folder_around_closed_ones_is_its_other_entries(tmp_path: Path) -> None:
    for name in ("a/open", "a/closed/deep", "b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "way").symlink_to(tmp_path / "a" / "closed")
    (tmp_path / "fine").symlink_to(tmp_path / "b")
    closed = {str(tmp_path / "a" / "closed")}
    actual = set(around(str(tmp_path), closed))
    assert actual == {str(tmp_path / "a" / "open"), str(tmp_path / "b")}
    assert list(around(str(tmp_path / "a" / "closed" / "deep"), closed)) == []


def processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
