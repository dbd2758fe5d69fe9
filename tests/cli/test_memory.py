"""What a weak judge passed is not what a strong one goes back to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Patcher
from tests.contract.adder import SETTINGS, initialised, make_workspace

# It runs what both patches edit, and looks at no answer.
WEAK = (
    'target = "adder"\n[verify]\n'
    'command = ["python", "-c", "import adder; adder.twice(4), adder.total([1])"]\n'
)
IMPORTS = 'target = "adder"\n[verify]\ncommand = ["python", "-c", "import adder"]\n'
LAX = "import adder\nassert adder.total([1, 2]) == 3\nadder.twice(4)\n"
STRICT = LAX + "assert adder.twice(4) == 8\n"
BY_FILE = 'target = "adder"\n[verify]\ncommand = ["python", "check.py"]\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


@pytest.fixture
def patcher(workspace: Path) -> Patcher:
    return initialised(workspace)


def test_a_series_that_fails_the_strong_judge_is_taken_out_though_the_weak_one_passed_it(
    patcher: Patcher, workspace: Path
) -> None:
    (workspace / "patcher.toml").write_text(WEAK)
    assert patcher("apply", "use_three", "--verify").status == 0
    (workspace / "patcher.toml").write_text(SETTINGS)
    ran = patcher("verify", "--json")
    assert (ran.status, ran.json["restored"], ran.json["series_now"]) == (1, True, [])
    assert patcher("status", "--json").json["series"] == []


def test_a_judge_that_runs_nothing_of_the_patch_passes_nothing(
    patcher: Patcher, workspace: Path
) -> None:
    (workspace / "patcher.toml").write_text(IMPORTS)
    assert patcher("apply", "use_three").status == 0
    ran = patcher("verify", "--json")
    assert (ran.status, ran.json["verdict"]) == (1, "not-exercised")
    assert patcher("status", "--json").json["series"] == []


def test_a_failure_goes_back_to_what_the_same_judge_passed(patcher: Patcher) -> None:
    assert patcher("apply", "use_sum", "--verify").status == 0
    assert patcher("apply", "use_three", "--verify").status == 1
    assert patcher("status", "--json").json["series"] == ["use_sum"]


def test_a_weak_pass_is_not_gone_back_to(patcher: Patcher, workspace: Path) -> None:
    (workspace / "patcher.toml").write_text(WEAK)
    assert patcher("apply", "use_sum", "--verify").status == 0
    (workspace / "patcher.toml").write_text(SETTINGS)
    assert patcher("apply", "use_three", "--verify").status == 1
    assert patcher("status", "--json").json["series"] == []


def test_a_workload_file_that_changed_is_run_anew(patcher: Patcher, workspace: Path) -> None:
    (workspace / "patcher.toml").write_text(BY_FILE)
    (workspace / "check.py").write_text(LAX)
    assert patcher("apply", "use_three", "--verify").status == 0
    again = patcher("verify", "--json").json
    assert any("earlier run" in each for each in again["warnings"])
    (workspace / "check.py").write_text(STRICT)
    ran = patcher("verify", "--json")
    assert (ran.status, ran.json["verdict"]) == (1, "fail")
    assert not any("earlier run" in each for each in ran.json["warnings"])
    assert ran.json["series_now"] == []
