"""`freed_memory_kept` by itself: what is freed is not cleared by the system again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.catalogue.about import ROOT

MODULE = ROOT / "patches" / "freed_memory_kept"
FAULTS = f"""
import ctypes, resource, sys
sys.path.insert(0, {str(MODULE)!r})
import memory, torch

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def turns():
    before = faults()
    for _ in range(20):
        torch.ones(1 << 20), torch.ones(2 << 20), torch.ones(3 << 20)
    return faults() - before

ctypes.CDLL(None).mallopt(memory.MMAP_THRESHOLD, 1 << 17)  # as a fresh process has it
plain = turns()
memory.keep_freed_memory(torch.device("cuda"))
on_a_gpu = turns()
memory.keep_freed_memory(torch.device("cpu"))
turns()
print(plain, on_a_gpu, turns())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted on Linux")
def test_buffers_that_are_freed_are_not_cleared_by_the_system_again() -> None:
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True
    )
    plain, on_a_gpu, kept = map(int, done.stdout.split())
    assert plain > 1000
    assert on_a_gpu > plain / 2
    assert kept < plain / 20
