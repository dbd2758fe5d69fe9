"""The harness's CUDA road on a stand-in that maps it to the CPU.

No speed is claimed from it: what is shown is that every call that the harness makes of a GPU is
one that torch has, in an order that a GPU permits, and that the figures arrive where they belong.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from patcher.bench.timing import margin_of
from patcher.execution import machine
from patcher.execution.machine import Counters, Gpu

ROAD = Path(__file__).with_name("road.py")
ROOT = ROAD.parents[2]
Facts = Mapping[str, Any]


def road() -> Facts:
    done = subprocess.run(
        [sys.executable, str(ROAD)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result: Facts = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.fixture(scope="module")
def harness() -> Facts:
    pytest.importorskip("torch")
    return road()


def test_a_device_in_use_is_waited_for(harness: Facts) -> None:
    assert harness["waited"] == 1


def test_the_devices_generator_is_seeded_watched_and_given_back(harness: Facts) -> None:
    assert "torch on the GPU" in harness["seeded"]
    assert harness["moved"] == ["process: random numbers of torch on the GPU"]
    assert harness["guarded"]


def test_auto_is_the_device_where_there_is_one(harness: Facts) -> None:
    assert harness["picked"] == ["cuda", "cuda", "cpu"]
    assert harness["name"] == "Stand-in for a GPU"


def test_rates_wait_for_the_device_and_leave_out_what_it_has_no_kernel_for(harness: Facts) -> None:
    assert harness["rates"] == [
        "attention", "product", "product_bfloat16", "read", "two_rows", "two_rows_narrow",
    ]  # fmt: skip
    # Before and after each of six works, in a round that counts and one that does not ask again.
    assert harness["rates waited"] == 6 * 3
    assert harness["asked"] > 0, "tensors are made on the device"


def test_the_stand_in_is_as_strict_as_a_graph(harness: Facts) -> None:
    reported = harness["graphs"]
    assert reported["before a replay"], "a capture computes nothing"
    assert reported["replayed"] == [3.0] * 4
    assert reported["other input"] == [11.0] * 4
    assert reported["a number stays"] == [8.0] * 4
    assert reported["a wait"]
    assert reported["synchronize"]
    assert reported["captured"] == 2


def test_a_gpu_has_a_margin_of_its_own() -> None:
    assert margin_of("cuda") < margin_of("cpu")


SMI = """#!/bin/sh
case "$1" in
*clocks.sm*) echo "1980, 54, 0x0000000000000040, GPU-aa"; echo "1755, 41, 0x0, GPU-bb" ;;
*compute-apps*) echo "GPU-bb, 4711" ;;
*driver_version*) echo "Stand-in, 550.0, 8192"; echo "Stand-in, 550.0, 8192" ;;
*) exit 9 ;;
esac
"""


def test_what_nvml_says_reaches_the_readings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(SMI)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    hot, busy = machine.read(gpu=True).gpus
    assert hot == Gpu(1980.0, 54.0, 0x40, 0)
    assert busy == Gpu(1755.0, 41.0, 0, 1)
    assert machine.read().gpus == (), "a CPU's timing asks for none"
    assert len(machine.fingerprint().facts["gpus"]) == 2
    quiet = Counters(0.0, 0.0, 0.0, 0.0, 0.0, (hot, busy))
    later = replace(quiet, at_s=10.0)
    assert machine.disturbance(quiet, later, 2) == "throttled: GPU 0 at 54 C, 1980 MHz"
    cool = replace(later, gpus=(replace(hot, slowdown=0), busy))
    assert machine.disturbance(quiet, cool, 2) == "load: 1 other processes on GPU 1"
