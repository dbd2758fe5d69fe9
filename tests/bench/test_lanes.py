"""Pairs on several machines at once: what stays together, and what may not be started yet."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from patcher.bench.lanes import Lanes
from patcher.bench.run import Rules, run_bench
from patcher.bench.speed import FULL, QUICK
from patcher.execution.executor import Job, Step
from patcher.execution.results import Arm, Outcome
from patcher.execution.shared import SharedExecutor
from patcher.execution.site import FrozenTree, WorkerSite
from tests.bench.bench_fakes import FakeClock, FakeStopwatch, MemoryLedger
from tests.execution.fakes import FakeExecutor

NAP_S = 0.002


class Machine:
    """A stopwatch that notes who was timed on it and when, on a machine of its own."""

    def __init__(self, name: str, log: list[tuple[str, Arm, str]], lost_at: int = -1) -> None:
        self.name, self.log, self.lost_at = name, log, lost_at
        self.inner = FakeStopwatch(clock=FakeClock(), seconds=self.seconds)
        self.busy = threading.Lock()

    @staticmethod
    def seconds(arm: Arm, run: int) -> float:
        return 1.0 if arm is Arm.BASELINE else 0.7

    def __call__(self, arm: Arm, patience: float = 1.0, *, pair: str = "") -> Any:
        assert self.busy.acquire(blocking=False), "two processes at once on one machine"
        try:
            time.sleep(NAP_S)
            timing = self.inner(arm, patience, pair=pair)
            if len(self.inner.arms) == self.lost_at:
                timing = replace(timing, failure="the host was lost", outcome=Outcome.KILLED)
            self.log.append((self.name, arm, pair))
            return timing
        finally:
            self.busy.release()


def bench(machines: list[Machine], plan: Any = QUICK, *, lanes: Any = None, **more: Any) -> Any:
    return run_bench(
        Rules(plan, "seed", 0.03), Lanes(machines, **(lanes or {})), MemoryLedger(),
        clock=FakeClock(), **more,
    )  # fmt: skip


@pytest.fixture
def log() -> list[tuple[str, Arm, str]]:
    return []


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_pairs_are_spread_and_the_verdict_is_the_same(log: Any, count: int) -> None:
    actual = bench([Machine(f"host {number}", log) for number in range(count)])
    assert [pair.index for pair in actual.pairs] == [*range(6)]
    assert actual.verdict.word.value == "faster"
    assert len({name for name, _, _ in log}) == min(count, 3)  # three blocks


def test_a_pair_never_splits_and_its_processes_follow_each_other(log: Any) -> None:
    bench([Machine("one", log), Machine("two", log)])
    hosts = defaultdict(set)
    order = defaultdict(list)
    for name, arm, pair in log:
        hosts[pair].add(name)
        order[name].append(arm)
    assert all(len(each) == 1 for each in hosts.values())
    for arms in order.values():  # whole blocks: A B B A or B A A B
        for at in range(0, len(arms), 4):
            first, second, third, fourth = arms[at : at + 4]
            assert (first, second) == (fourth, third)
            assert first is not second


def test_no_pair_beyond_the_next_look_is_started(log: Any) -> None:
    """An obvious change ends the bench at eight pairs, on however many machines."""
    actual = bench([Machine(str(number), log) for number in range(8)], FULL)
    assert (len(actual.pairs), actual.stopped) == (8, "decided")
    assert len(log) == 16


def test_a_lost_machine_costs_its_pair_only(log: Any) -> None:
    actual = bench([Machine("one", log), Machine("two", log, lost_at=2)])
    assert [pair.index for pair in actual.pairs] == [*range(6)]
    (loss,) = actual.lost
    assert "the host was lost" in loss.reason
    words = [pair for name, _, pair in log if name == "two"]
    assert len(set(words)) == 2  # after the loss another machine may be chosen


def test_only_as_many_pairs_run_as_there_are_machines_left(log: Any) -> None:
    at_once: list[int] = []
    machines = [Machine("one", log), Machine("two", log)]
    actual = bench(machines, lanes={"open_now": lambda: 1}, progress=lambda *_: at_once.append(1))
    assert len(actual.pairs) == 6
    assert len({name for name, _, _ in log}) <= 2


def test_a_fault_on_one_machine_ends_them_all(log: Any) -> None:
    stopped: list[bool] = []
    broken = Machine("two", log)
    broken.inner.failure = lambda run: "segmentation fault"
    actual = bench([Machine("one", log), broken], lanes={"stop": lambda: stopped.append(True)})
    assert actual.stopped in ("fault", "failure")
    assert stopped == [True]


def job() -> Job:
    tree = FrozenTree(Path(), Arm.BASELINE.value, (), {})
    step = Step("open", {"model": {"name": "m"}})
    return Job(WorkerSite(tree, "m:f", Path(), Path()), (step,))


def test_every_thread_hears_of_its_own_jobs_alone() -> None:
    executor = FakeExecutor()
    shared = SharedExecutor(executor)
    one, two = shared.view(), shared.view()
    first, second = one.submit(job()), two.submit(job())
    assert [report.job for report in two.wait(1)] == [second]
    assert [report.job for report in one.wait(1)] == [first]
    assert one.wait(1) == two.wait(1) == []
