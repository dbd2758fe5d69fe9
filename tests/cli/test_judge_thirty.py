"""`patcher judge` of thirty candidates with a kill in the middle: three are kept, no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.thirty import CHANGES, GOOD, make_thirty
from tests.conftest import runner

JOBS = ("--jobs", "2")  # for the gates; clocks run alone
LIMIT_S = 3600  # a quiet machine needs minutes, a busy one measures again and again


def killed_once(
    workspace: Path, candidates: list[str], enough: Callable[[list[str]], bool]
) -> None:
    """Start a judge in a session of its own; SIGKILL once its JSON lines are ``enough``."""
    lines = workspace / "lines.jsonl"
    command = [sys.executable, "-m", "patcher", "-C", str(workspace), "judge", *JOBS, *candidates]
    with subprocess.Popen(
        [*command, "--jsonl", str(lines)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as running:  # fmt: skip
        until = time.monotonic() + LIMIT_S
        while not (lines.exists() and enough(lines.read_text().splitlines())):
            assert running.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.1)
        os.kill(running.pid, signal.SIGKILL)


@pytest.mark.slow
def test_thirty_candidates_and_two_kills_end_with_the_three_that_are_good(tmp_path: Path) -> None:
    project, candidates = make_thirty(tmp_path)
    workspace = tmp_path / "workspace"
    assert len(candidates) == len(set(candidates)) == 30
    patcher = runner(workspace)
    assert patcher("init", str(project)).status == 0
    killed_once(workspace, candidates, lambda lines: len(lines) >= 12)  # among the gates
    killed_once(workspace, candidates, lambda lines: any('"screen"' in one for one in lines))
    ran = patcher("judge", *JOBS, *candidates, "--json", timeout_s=LIMIT_S)
    assert ran.status == 0, ran.stderr
    judged = {each["name"]: each for each in ran.json["candidates"]}
    summary = {name: (each["verdict"], each["speed"]) for name, each in judged.items()}
    assert ran.json["kept"] == list(GOOD), summary
    for change, name in zip(CHANGES, candidates, strict=True):
        assert (judged[name]["verdict"] == "pass") == change.passes, judged[name]
        assert change.error in (judged[name]["error"] or ""), judged[name]
        failed = judged[name]["verdict"] in ("fail", "undeclared", "not-exercised")
        assert not failed or judged[name]["where"].startswith("sums.py:"), judged[name]
    assert patcher("status", "--json").json["series"] == []
    ledger = next((workspace / ".patcher").rglob("judge.jsonl"))
    keys = Counter(json.loads(line)["key"] for line in ledger.read_text().splitlines())
    assert set(keys.values()) == {1}  # what was judged before a kill was not judged again
