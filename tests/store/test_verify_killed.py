"""Killing `patcher verify`: no worker outlives it, no tree is changed, the next command says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import runner

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes through /proc"),
]


def workers_of(parent: int) -> set[int]:
    """Every process that descends from one, now."""
    above = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            above[int(entry.name)] = (int(fields[1]), fields[0])
    actual = {parent}
    while more := {pid for pid, (up, _) in above.items() if up in actual} - actual:
        actual |= more
    return actual - {parent}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def bytes_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git/" not in path.as_posix()
    }


@pytest.mark.parametrize("wait_s", [0.2, 4.0, 9.0], ids=["starting", "importing", "running"])
def test_no_worker_survives_and_no_tree_is_changed(tmp_path: Path, wait_s: float) -> None:
    patcher = runner(tmp_path)
    assert patcher("apply", "inference_mode").status == 0
    root = Path(patcher("status", "--json").json["root"])
    before = bytes_of(root)
    verify = subprocess.Popen(
        [sys.executable, "-m", "patcher", "-C", str(tmp_path), "verify"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 240
    workers: set[int] = set()
    while not any(
        "worker/main.py" in Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        for pid in workers
        if alive(pid)
    ):
        assert verify.poll() is None, "verify ended before it had a worker"
        assert time.monotonic() < end
        time.sleep(0.05)
        workers = workers_of(verify.pid)
    time.sleep(wait_s)
    workers |= workers_of(verify.pid)
    os.kill(verify.pid, signal.SIGKILL)
    verify.wait()
    end = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert [pid for pid in workers if alive(pid)] == []
    assert bytes_of(root) == before
    status = patcher("status", "--json").json
    assert (status["series"], status["drift"]) == (["inference_mode"], [])
    doctor = patcher("doctor").stdout
    assert f"`patcher verify` (process {verify.pid}" in doctor
    assert patcher("revert", "--all").status == 0
    assert patcher("status", "--json").json["series"] == []
