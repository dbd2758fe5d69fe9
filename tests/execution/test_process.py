"""One worker process: what it is given, how it ends, and that it never outlives its parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from patcher.errors import PatcherError
from patcher.execution import process
from patcher.execution.executor import Executor, Job, LocalExecutor, Report, Step, find_executor
from patcher.execution.process import FrozenTree, WorkerSite, environment
from patcher.execution.results import Outcome
from patcher.execution.runner import Silent, run_job
from tests.verify.judging import REPOSITORY, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

OPEN = Step("open", {"model": {"name": "m", "options": {"pitch": 110.0}}, "seed": 0}, 20)


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    with LocalExecutor() as actual:
        yield actual


def site(folder: Path, **options: object) -> WorkerSite:
    return WorkerSite(
        tree(folder / "tree"),
        "tests.smalltarget.adapter:open_session",
        folder / "logs",
        folder / "stages",
        sys_path=(str(REPOSITORY),),
        **options,  # type: ignore[arg-type]
    )


def call(executor: Executor, where: WorkerSite, function: str, **arguments: object) -> Report:
    step = Step("call", {"function": function, "arguments": arguments}, 20)
    return run_job(executor, Job(where, (step,)), Silent())[-1]


def test_both_arms_get_equal_threads_and_compile_caches_of_their_own(tmp_path: Path) -> None:
    each = WorkerSite(FrozenTree(tmp_path, "a" * 64, (), {}), "m:f", tmp_path, tmp_path, threads=3)
    two = WorkerSite(FrozenTree(tmp_path, "b" * 64, (), {}), "m:f", tmp_path, tmp_path, threads=3)
    first, second = environment(each), environment(two)
    assert first["OMP_NUM_THREADS"] == second["OMP_NUM_THREADS"] == "3"
    different = {name for name in first if first[name] != second[name]}
    assert different == {"TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"}


def test_third_party_bytecode_is_used_though_the_user_does_not_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in environment(site(tmp_path))


@pytest.mark.parametrize("own", [None, (900, 7, 7)])
def test_garbage_is_collected_as_the_target_has_it_once_a_model_is_loaded(
    executor: LocalExecutor, tmp_path: Path, own: tuple[int, int, int] | None
) -> None:
    where = site(tmp_path)
    if own:
        source = where.tree.path / "hum" / "__init__.py"
        source.write_text(f"import gc\ngc.set_threshold(*{own})\n{source.read_text()}")
        where = replace(where, tree=FrozenTree.of(where.tree.path, "own", where.tree.packages))
    asked = Step("call", {"function": "gc:get_threshold", "arguments": {}}, 20)
    before, opened, after = run_job(executor, Job(where, (asked, OPEN, asked)), Silent())
    assert opened.failure is None, opened.failure
    assert after.value["value"] == (list(own) if own else before.value["value"])


def test_no_call_finds_garbage_that_loading_left(executor: LocalExecutor, tmp_path: Path) -> None:
    where = site(tmp_path)
    source = where.tree.path / "hum" / "__init__.py"
    source.write_text(
        "import weakref\nclass Left: pass\nleft = Left()\nleft.itself = left\n"
        f"seen = weakref.ref(left)\ndel left\n{source.read_text()}"
    )
    where = replace(where, tree=FrozenTree.of(where.tree.path, "left", where.tree.packages))
    asked = Step("call", {"function": "hum:seen", "arguments": {}}, 20)
    opened, after = run_job(executor, Job(where, (OPEN, asked)), Silent())
    assert opened.failure is None, opened.failure
    assert after.value["value"] is None


def test_the_worker_shadows_no_module_of_the_standard_library(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    report = call(executor, site(tmp_path), "statistics:fmean", data=[1, 3])
    assert report.value["value"] == 2


def test_the_target_is_imported_without_reading_or_writing_its_bytecode(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    """Source of equal size, changed within a second of an import: the old bytecode would match."""
    where = site(tmp_path)
    voice = where.tree.path / "hum" / "voice.py"
    text, stamp = voice.read_text(), voice.stat()
    changed = text.replace("RATE = 8000", "RATE = 4000")
    voice.write_text(changed)
    os.utime(voice, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    code = "import hum.voice"
    env = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", code], cwd=where.tree.path, env=env, check=True)
    assert list(where.tree.path.rglob("*.pyc"))  # bytecode of the changed source
    voice.write_text(text)
    os.utime(voice, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    stale = subprocess.run(
        [sys.executable, "-c", "import hum.voice; print(hum.voice.RATE)"],
        cwd=where.tree.path,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert stale.stdout.strip() == "4000"  # what an ordinary import runs
    report = call(executor, where, "tests.execution.worker_side:rate")
    assert report.failure is None, report.failure
    assert report.value["value"] == 8000


def test_progress_arrives_while_assets_are_made(executor: LocalExecutor, tmp_path: Path) -> None:
    heard: list[str] = []

    class Listener(Silent):
        def message(self, text: str) -> None:
            heard.append(text)

    where = site(tmp_path, assets={"greeting": "hello"})
    make = Step("make", {"function": "tests.execution.worker_side:make"}, 20)
    run_job(executor, Job(where, (make,)), Listener())
    assert heard == ["hello"]


def test_a_kill_is_out_of_memory_when_the_kernels_counter_moved(
    executor: LocalExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = iter([3, 4])
    monkeypatch.setattr(process, "oom_kills", lambda: next(counter))
    report = call(executor, site(tmp_path), "tests.execution.worker_side:kill_itself")
    assert report.outcome is Outcome.OOM
    assert report.failure is not None
    assert report.failure.kind == "host-oom"


def test_a_grandchild_does_not_outlive_its_job(executor: LocalExecutor, tmp_path: Path) -> None:
    report = call(executor, site(tmp_path), "tests.execution.worker_side:start_a_sleeper")
    assert has_ended(report.value["value"])


def test_a_cancelled_job_leaves_no_process(executor: LocalExecutor, tmp_path: Path) -> None:
    step = Step("call", {"function": "time:sleep", "arguments": {}}, 20)
    handle = executor.submit(Job(site(tmp_path), (OPEN, step)))
    pid = executor._running[handle].worker.pid
    executor.cancel(handle)
    assert has_ended(pid)
    assert executor.wait() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_dies_with_its_parent_even_in_the_middle_of_work(
    tmp_path: Path, number: signal.Signals
) -> None:
    script = f"""
        import sys
        from pathlib import Path
        from patcher.execution.executor import Job, LocalExecutor, Step
        from tests.execution.test_process import site
        executor = LocalExecutor()
        step = Step("call", {{"function": "time:sleep", "arguments": {{}}}}, 60)
        spin = {{"function": "tests.execution.worker_side:spin", "arguments": {{}}}}
        busy = Step("call", spin, 60)
        handle = executor.submit(Job(site(Path({str(tmp_path)!r})), (busy,)))
        print(executor._running[handle].worker.pid, flush=True)
        executor.wait()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    started = tmp_path / "logs"
    wait_for(lambda: any("spinning" in log.read_text() for log in started.glob("*.log")))
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    assert has_ended(worker)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_workers_child_dies_with_the_parent_too(tmp_path: Path, number: signal.Signals) -> None:
    """The kernel ends the worker before it could do anything about its children."""
    script = f"""
        from pathlib import Path
        from patcher.execution.executor import Job, LocalExecutor, Step
        from tests.execution.test_process import site
        executor = LocalExecutor()
        function = "tests.execution.worker_side:wait_for_a_sleeper"
        step = Step("call", {{"function": function, "arguments": {{}}}}, 60)
        executor.submit(Job(site(Path({str(tmp_path)!r})), (step,)))
        executor.wait()
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=REPOSITORY)
    logs = tmp_path / "logs"
    pattern = re.compile(r"sleeper (\d+)\n")
    wait_for(lambda: any(pattern.search(log.read_text()) for log in logs.glob("*.log")))
    parent.send_signal(number)
    parent.wait()
    [log] = logs.glob("*.log")
    actual = pattern.search(log.read_text())
    assert actual is not None
    assert has_ended(int(actual[1]))


def has_ended(pid: int) -> bool:
    """The process ends soon."""

    def ended() -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        return stat.rpartition(")")[2].split()[0] == "Z"  # only its entry is left

    return wait_for(ended)


def wait_for(condition: object) -> bool:
    for _ in range(500):
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_an_interpreter_that_is_not_there_is_an_error_of_the_environment(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    with pytest.raises(PatcherError) as caught:
        executor.submit(Job(site(tmp_path, python="/no/python"), (OPEN,)))
    assert caught.value.code == "environment"
    assert "/no/python" in str(caught.value)


def test_an_unknown_executor_is_named_with_those_there_are() -> None:
    with pytest.raises(PatcherError) as caught:
        find_executor("moon", 1)
    assert caught.value.code == "usage"
    assert "local" in caught.value.help


def test_jobs_beyond_the_slots_wait_their_turn_and_all_are_reported(tmp_path: Path) -> None:
    step = Step("call", {"function": "os:getpid", "arguments": {}}, 20)
    with LocalExecutor(slots=2) as executor:
        handles = [executor.submit(Job(site(tmp_path / str(n)), (step,))) for n in range(5)]
        reports: list[Report] = []
        while len(reports) < len(handles):
            reports += executor.wait()
    assert sorted(report.job for report in reports) == handles
    assert len({report.value["value"] for report in reports}) == 5
