"""`patcher apply --guarded`: both kinds of code in the tree, verified, and taken out again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Patcher
from tests.contract.adder import initialised, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


@pytest.fixture
def patcher(workspace: Path) -> Patcher:
    return initialised(workspace)


def test_a_guarded_patch_is_switched_by_the_environment(patcher: Patcher, workspace: Path) -> None:
    assert patcher("apply", "use_three", "--guarded").status == 0
    run = ("run", "--", "python", "-c", "import adder; print(adder.twice(4))")
    assert patcher(*run).stdout.strip() == "10"
    assert patcher(*run, PATCHER_DISABLE="use_three").stdout.strip() == "8"


def test_options_of_a_guard_are_in_the_series_under_a_number_of_their_own(
    patcher: Patcher, workspace: Path
) -> None:
    series = workspace / ".patcher" / "adder" / "series.json"
    patcher("apply", "use_sum")
    assert json.loads(series.read_text())["schema"] == 1
    patcher("apply", "use_shift", "--guarded", "--fallback", "--rollout", "10")
    record = json.loads(series.read_text())
    assert record["schema"] == 2
    assert record["series"][1]["guard"] == {"entry_points": [], "fallback": True, "rollout": 10}
    assert "guard" not in record["series"][0]


def test_verification_judges_the_guarded_code(patcher: Patcher) -> None:
    patcher("apply", "use_sum", "--guarded", "--rollout", "0")
    assert patcher("verify").status == 0
    patcher("apply", "use_three", "--guarded", "--rollout", "0")
    assert patcher("verify").status == 1
    assert json.loads(patcher("status", "--json").stdout)["series"] == ["use_sum"]


def test_applied_again_without_the_option_a_patch_is_guarded_no_more(
    patcher: Patcher, workspace: Path
) -> None:
    patcher("apply", "use_shift")
    plain = patcher("diff").stdout
    patcher("apply", "use_shift", "--guarded")
    assert "either(" in patcher("diff").stdout
    patcher("apply", "use_shift")
    assert patcher("diff").stdout == plain


def test_patches_are_planned_on_what_is_not_guarded(patcher: Patcher) -> None:
    patcher("apply", "use_shift", "--guarded")
    assert patcher("apply", "use_sum").status == 0
    assert patcher("revert", "use_shift").status == 0
    assert "either(" not in patcher("diff").stdout
    assert patcher("revert", "--all").status == 0
    assert patcher("diff").stdout == ""


def test_options_of_a_guard_without_a_guard_are_wrong_use(patcher: Patcher) -> None:
    ran = patcher("apply", "use_sum", "--fallback")
    assert ran.status == 2
    assert "--guarded" in ran.stderr
