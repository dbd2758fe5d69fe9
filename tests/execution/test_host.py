"""The re-run rule sees load, theft and heat, and never a time; the ledger keeps every pair."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from patcher.bench.lanes import Lanes
from patcher.bench.ledger import SqliteLedger
from patcher.bench.run import Rules, run_bench
from patcher.bench.speed import QUICK
from patcher.execution import machine as host
from patcher.execution.machine import Counters, Gpu, disturbance
from tests.bench.bench_fakes import FakeStopwatch

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = Counters(at_s=100.0, busy_s=50.0, stolen_s=1.0, ours_s=20.0, throttled_s=0.0)


def after(**changes: object) -> Counters:
    """Ten seconds later on two processors, our process having used both."""
    values = {"at_s": 110.0, "busy_s": 70.0, "stolen_s": 1.0, "ours_s": 40.0, "throttled_s": 0.0}
    return Counters(**{**values, **changes})  # type: ignore[arg-type]


CALM = Gpu(clock_mhz=1980, temperature_c=50, slowdown=0x4, processes=0)

DISTURBANCES = {
    "a process that has the machine to itself is quiet": (after(), ""),
    "others may use a fifth": (after(busy_s=73.9), ""),
    "others using a quarter is load": (after(busy_s=75.0), "others used 25%"),
    "a hypervisor that takes a tenth is load": (after(stolen_s=3.0), "hypervisor took 10%"),
    "a container's quota throttles": (after(throttled_s=2.0), "quota"),
    "a power cap is a GPU's normal state": (after(gpus=(CALM,)), ""),
    "a hot GPU is throttled": (
        after(gpus=(Gpu(900, 91, 0x40, 0),)),
        "GPU 0 at 91 C, 900 MHz",
    ),
}


@pytest.mark.parametrize("case", DISTURBANCES)
def test_disturbance(case: str) -> None:
    reading, says = DISTURBANCES[case]
    reported = disturbance(BEFORE, reading, processors=2)
    assert says in reported
    assert bool(reported) == bool(says)


def test_another_process_on_the_gpu_beforehand_is_load() -> None:
    before = Counters(100.0, 50.0, 1.0, 20.0, 0.0, (Gpu(1980, 50, 0, 1),))
    assert "1 other processes on GPU 0" in disturbance(before, after(), 2)


def test_nvidia_smi_is_read_field_by_field() -> None:
    row = "1980, 54, 0x0000000000000040, GPU-aa"
    apps = ["GPU-aa, 4711", "GPU-bb, 4712"]
    assert host.parse_gpu(row, apps) == Gpu(1980.0, 54.0, 0x40, 1)
    assert host.parse_gpu("[N/A], [N/A], [N/A], GPU-aa", []) == Gpu(0.0, 0.0, 0, 0)


def test_only_the_processors_we_may_use_count() -> None:
    stat = "cpu 30 0 0 99 0 0 0 3\ncpu0 10 0 0 99 0 0 0 1\ncpu1 20 0 0 99 0 0 0 2\nintr 1 2\n"
    tick = 1 / os.sysconf("SC_CLK_TCK")
    assert host.parse_stat(stat, {1}) == (20 * tick, 2 * tick)
    assert host.parse_stat(stat, None) == (30 * tick, 3 * tick)


def test_readings_grow_and_the_fingerprint_is_stable() -> None:
    each, other = host.read(), host.read()
    assert other.at_s >= each.at_s
    assert other.busy_s >= each.busy_s
    assert other.ours_s >= each.ours_s
    assert host.fingerprint().sha256 == host.fingerprint().sha256
    assert host.fingerprint({"torch": "2.6.0"}).sha256 != host.fingerprint().sha256


def test_pairs_survive_the_database_and_an_unfinished_bench_is_continued(tmp_path: Path) -> None:
    database = tmp_path / "runs.sqlite"
    watch = FakeStopwatch()
    first = SqliteLedger(database, "key")
    run_bench(
        Rules(QUICK, first.seed, 0.03, budget_s=150.0), Lanes([watch]), first, clock=watch.clock
    )
    again = SqliteLedger(database, "key")
    assert again.seed == first.seed
    assert len(again.pairs()) == 2
    assert again.pairs() == first.pairs()
    resumed = run_bench(Rules(QUICK, again.seed, 0.03), Lanes([watch]), again, clock=watch.clock)
    assert (resumed.reused, len(resumed.pairs)) == (2, 6)
    again.finish()
    assert SqliteLedger(database, "key").pairs() == []
    assert SqliteLedger(database, "other").seed != first.seed
