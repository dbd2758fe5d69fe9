"""From an empty folder to a judged patch of any package: workload, adapter, what is said."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Patcher, runner

SOURCE = '''"""Adds."""


def add(numbers):
    total = 0
    for number in numbers:
        total += number
    return total
'''
GOOD = """\
patch: use_sum
summary: One call of sum instead of a loop.
target: adder >=1
equivalence: bitwise
edits:
  - file: adder.py
    within: add
    match: |
      total = 0
      for number in numbers:
          total += number
      return total
    with: return sum(numbers)
"""
WRONG = GOOD.replace("use_sum", "off_by_one").replace("sum(numbers)", "sum(numbers) + 1")
BENCH = """\
import adder

def work():
    return {"total": adder.add(range(1000))}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "adder.py").write_text(SOURCE)
    (project / "pyproject.toml").write_text('[project]\nname = "adder"\nversion = "1.0"\n')
    folder = tmp_path / "workspace"
    (folder / "patches").mkdir(parents=True)
    (folder / "patches" / "use_sum.yaml").write_text(GOOD)
    (folder / "patches" / "off_by_one.yaml").write_text(WRONG)
    return folder


@pytest.fixture
def patcher(workspace: Path, tmp_path: Path) -> Patcher:
    run = runner(workspace)
    assert run("init", str(tmp_path / "project")).status == 0
    return run


def test_verify_says_what_to_add_where_nothing_says_what_to_run(patcher: Patcher) -> None:
    assert patcher("apply", "use_sum", "--target", "adder").status == 0
    ran = patcher("verify", "--target", "adder")
    assert ran.status == 6
    for line in ("[verify]", 'call = "bench.py:work"', "def work():", "patcher new --workload"):
        assert line in ran.stderr


def test_a_workload_is_written_filled_in_and_judged(patcher: Patcher, workspace: Path) -> None:
    ran = patcher("new", "--workload", "--json")
    assert ran.status == 0, ran.stderr
    assert ran.json["line"] == 'call = "bench.py:work"'
    assert (workspace / "patcher.toml").read_text() == (
        'target = "adder"\n\n[verify]\ncall = "bench.py:work"\n'
    )
    assert patcher("new", "--workload").status == 3
    assert patcher("apply", "use_sum").status == 0
    unfilled = patcher("verify")
    assert unfilled.status == 6
    assert "call what the patch changes in adder" in " ".join(unfilled.stdout.split())
    (workspace / "bench.py").write_text(BENCH)
    good = patcher("verify", "--json")
    assert good.status == 0, good.stderr
    assert (good.json["verdict"], good.json["gate"]) == ("pass", "bitwise")
    assert good.json["compared"] == "returned"
    wrong = patcher("apply", "off_by_one", "--verify", "--json")
    assert wrong.status == 3  # the first patch has taken its site
    assert patcher("revert", "--all").status == 0
    wrong = patcher("apply", "off_by_one", "--verify", "--json")
    assert wrong.status == 1
    assert wrong.json["verdict"] == "fail"
    (case,) = wrong.json["cases"]
    assert case["error"] == "returned['total'] is 499501, on the baseline 499500"


def test_a_function_of_the_users_own_says_what_counts_as_equal(
    patcher: Patcher, workspace: Path
) -> None:
    (workspace / "patcher.toml").write_text(
        'target = "adder"\n[verify]\ncall = "bench.py:work"\ncompare = "bench.py:same"\n'
    )
    same = "\ndef same(one, other):\n    return abs(one['total'] - other['{key}']) <= 1\n"
    (workspace / "bench.py").write_text(BENCH + same.format(key="total"))
    good = patcher("verify", "off_by_one", "--json")
    assert good.status == 0, good.stdout
    assert (good.json["verdict"], good.json["gate"]) == ("pass", "close")
    (workspace / "bench.py").write_text(BENCH + same.format(key="sum"))
    wrong = patcher("verify", "off_by_one", "--json")
    assert wrong.status == 2
    assert wrong.json["error"]["where"] == f"{workspace / 'bench.py'}:7"
    assert "KeyError: 'sum'" in wrong.json["error"]["message"]
    assert patcher("status", "--json").json["series"] == []


def test_a_patch_is_one_line_and_what_is_wrong_with_it_has_a_place(
    patcher: Patcher, workspace: Path
) -> None:
    (workspace / "bench.py").write_text(BENCH)
    named = patcher("new", "--workload")
    assert named.status == 0, named.stderr
    assert "written to" not in named.stderr
    assert (workspace / "bench.py").read_text() == BENCH
    each = ("new", "twice", "--at", "adder.py", "--match", "total += number")
    assert patcher(*each, "--with", "total += 2 * number").status == 0
    assert patcher("check", "twice").stdout.startswith("1 spec and 1 fixture are fine")
    wrong = patcher("verify", "twice", "--json")
    (cause,) = wrong.json["diagnosis"]
    assert (cause["where"], cause["line"], cause["patch"]) == ("adder.py", 7, "twice")
    assert cause["edit"] == "adder.py:7 add"
    assert "the edit in add is the only one that ran" in cause["cause"]


def test_a_patch_in_one_line_names_one_site_or_says_which_there_are(
    patcher: Patcher, workspace: Path
) -> None:
    several = patcher("new", "zero", "--at", "adder.py", "--match", "total", "--with", "0")
    assert several.status == 3
    assert "adder.py:7" in several.stderr
    assert "--at adder.py:LINE" in several.stderr
    named = patcher("new", "none", "--at", "adder.py:8", "--match", "total", "--with", "None")
    assert named.status == 0, named.stderr
    assert "+    return None" in patcher("plan", "none", "--diff").stdout
    none = patcher("new", "zero", "--at", "adder.py", "--match", "total -= $X", "--with", "0")
    assert none.status == 3
    assert "closest: adder.py:7" in none.stderr
    for option, code in (("--match", "total += $x"), ("--with", "0 +")):
        words = {"--match": "total += number", "--with": "0"} | {option: code}
        ran = patcher(
            "new", "zero", "--at", "adder.py", *(each for w in words.items() for each in w)
        )
        assert (ran.status, f"{option}: " in ran.stderr) == (2, True), ran.stderr
    for match, code, word in (
        ("total += $X", "total += $Z", "hole `$Z` is not bound in `--match`"),
        ("total += $X", "total += $$$X", "`$$$X` is `$X` in the pattern"),
        ("total += $X", "total += $_", "`$_` has no value"),
        ("return total", "return $Z", "hole `$Z` is not bound in `--match`"),
    ):
        ran = patcher("new", "zero", "--at", "adder.py", "--match", match, "--with", code)
        assert (ran.status, word in ran.stderr) == (2, True), ran.stderr
    at_line = patcher("new", "zero", "--at", "adder.py:8", "--with", "return $Z")
    assert at_line.status == 2
    assert "hole `$Z` is not bound in the code at adder.py:8" in at_line.stderr
    for at, option in (("src/adder.py", "--match=total"), ("addr.py:8", "--with=0")):
        ran = patcher("new", "zero", "--at", at, option, "--with", "0")
        assert (ran.status, "did you mean `adder.py`?" in ran.stderr) == (2, True), ran.stderr
    nowhere = patcher("new", "zero", "--at", "adder.py", "--with", "0")
    assert (nowhere.status, "--match CODE" in nowhere.stderr) == (2, True)
    assert not (workspace / "patches" / "zero.yaml").exists()
    whole = patcher("new", "zero", "--at", "adder.py:8", "--with", "return 0", "--claim", "close")
    assert whole.status == 0, whole.stderr
    assert "equivalence: close" in (workspace / "patches" / "zero.yaml").read_text()


def test_a_scan_of_a_package_without_torch_says_what_it_can_say(patcher: Patcher) -> None:
    ran = patcher("scan", "--target", "adder")
    assert ran.status == 0
    assert "adder: 1 file; none of them names torch" in ran.stdout
    actual = patcher("scan", "--target", "adder", "--json").json["static"]["adder"]
    assert (actual["files"], actual["lines"], actual["torch"]) == (1, 8, False)


TENSORS = """\
import torch


class Net(torch.nn.Module):
    def run(self, x):
        return x * 2
"""
INFERENCE = """\
patch: inference
summary: run() under inference mode.
target: adder
equivalence: bitwise
edits:
  - file: adder.py
    within: Net.run
    match: return x * 2
    with: |
      with torch.inference_mode():
          return x * 2
"""
ADDS = """\
import torch
import adder

def work():
    y = adder.Net().run(torch.ones(3))
    y += 1
    return y
"""


@pytest.mark.slow  # imports torch in a worker
def test_a_hazard_in_the_workload_is_named_as_outside_the_target(
    workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "project" / "adder.py").write_text(TENSORS)
    (workspace / "patches" / "inference.yaml").write_text(INFERENCE)
    (workspace / "bench.py").write_text(ADDS)
    (workspace / "patcher.toml").write_text('target = "adder"\n[verify]\ncall = "bench.py:work"\n')
    patcher = runner(workspace)
    assert patcher("init", str(tmp_path / "project")).status == 0
    (hazard,) = patcher("scan", "inference", "--json").json["hazards"]
    assert (hazard["kind"], hazard["where"], hazard["line"]) == ("inplace-update", "bench.py", 6)
    assert hazard["outside"] is True
    assert hazard["created_at"] == "adder.py:6 Net.run"
    assert "at bench.py:6, outside adder" in patcher("scan", "inference").stdout


VALUES = {
    "pandas": """
import adder, pandas

def work():
    return pandas.DataFrame({"total": [adder.add(range(n)) / 3 for n in range(200)]})

def same(baseline, patched):
    difference = (baseline - patched).abs().max().max()
    return bool(difference < LIMIT), f"{difference:.3f} apart"
""",
    "torch": """
import adder, torch

def work():
    return {"totals": torch.tensor([adder.add(range(n)) / 3 for n in range(200)])}

def same(baseline, patched):
    difference = (baseline["totals"] - patched["totals"]).abs().max().item()
    return difference < LIMIT, f"{difference:.3f} apart"
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("library", VALUES)
def test_a_function_of_the_users_own_compares_frames_and_tensors_while_they_are_timed(
    patcher: Patcher, workspace: Path, library: str
) -> None:
    pytest.importorskip(library)
    (workspace / "patcher.toml").write_text(
        'target = "adder"\n[verify]\ncall = "bench.py:work"\ncompare = "bench.py:same"\n'
    )
    (workspace / "bench.py").write_text(VALUES[library].replace("LIMIT", "0.5"))
    each = ("new", "nearly", "--at", "adder.py:8", "--with", "return total + 1", "--claim", "close")
    assert patcher(*each).status == 0
    near = patcher("verify", "nearly", "--bench", "--json")
    assert near.status == 0, near.stdout
    assert "bench.py:same" in " ".join(near.json["warnings"])
    assert near.json["speed"]["pairs"] == 6
    (workspace / "bench.py").write_text(VALUES[library].replace("LIMIT", "0.1"))
    far = patcher("verify", "nearly", "--bench", "--json")
    assert far.status == 1
    assert far.json["cases"][0]["error"] == "bench.py:same: 0.333 apart"


def test_an_adapter_is_written_that_runs(patcher: Patcher, workspace: Path) -> None:
    assert patcher("new", "--adapter", "mine").status == 0
    assert 'adapter = "mine.py:adapter"' in (workspace / "patcher.toml").read_text()
    assert patcher("apply", "use_sum").status == 0
    # What the scaffold runs is the package alone, so no patch is exercised by it yet.
    ran = patcher("verify", "--allow-unexercised", "--json")
    assert ran.status == 0, ran.stderr
    assert ran.json["compared"] == "returned"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[verify]\nscale = 'tiny'\n", "[verify]\ncall = \"bench.py:work\"\nscale = 'tiny'\n"),
        ("target = 'adder'\n", "target = 'adder'\n\n[verify]\ncall = \"bench.py:work\"\n"),
    ],
)
def test_settings_that_are_there_are_kept(
    patcher: Patcher, workspace: Path, before: str, after: str
) -> None:
    (workspace / "patcher.toml").write_text(before)
    assert patcher("new", "--workload").status == 0
    assert (workspace / "patcher.toml").read_text() == after


def test_the_name_of_the_package_is_refused_for_a_workload(patcher: Patcher) -> None:
    ran = patcher("new", "--workload", "adder")
    assert ran.status == 2
    assert "is the package itself" in ran.stderr


@pytest.mark.parametrize("answer", ["y", "n"])
def test_init_in_a_terminal_offers_to_write_the_workload(
    workspace: Path, tmp_path: Path, answer: str
) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "patcher", "-C", str(workspace)]
    with subprocess.Popen(
        [*command, "init", str(tmp_path / "project")],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as running:
        os.close(terminal)
        os.write(controller, f"{answer}\n".encode())
        output = b""
        while True:
            try:
                chunk = os.read(controller, 4096)
            except OSError:  # the other end is closed
                break
            if not chunk:
                break
            output += chunk
    os.close(controller)
    assert running.returncode == 0
    assert b"Write bench.py for it?" in output
    assert (workspace / "bench.py").exists() == (answer == "y")
