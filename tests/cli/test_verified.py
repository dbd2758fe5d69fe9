"""What `status` says of the last pass once what is run has changed, and the page kept of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.test_any_package import BENCH, GOOD, SOURCE
from tests.conftest import Patcher, runner

PROJECT = '[project]\nname = "adder"\nversion = "1.0"\n'
CALL = 'target = "adder"\n[verify]\ncall = "bench.py:work"\n'


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose one patch has passed."""
    folder = tmp_path_factory.mktemp("verified")
    workspace = folder / "workspace"
    (workspace / "patches").mkdir(parents=True)
    (workspace / "patches" / "use_sum.yaml").write_text(GOOD)
    (workspace / "bench.py").write_text(BENCH)
    (workspace / "patcher.toml").write_text(CALL)
    (folder / "project").mkdir()
    (folder / "project" / "adder.py").write_text(SOURCE)
    (folder / "project" / "pyproject.toml").write_text(PROJECT)
    patcher = runner(workspace)
    assert patcher("init", str(folder / "project")).status == 0
    ran = patcher("apply", "use_sum", "--verify")
    assert ran.status == 0, ran.stdout + ran.stderr
    return workspace


@pytest.fixture
def patcher(passed: Path) -> Patcher:
    (passed / "bench.py").write_text(BENCH)
    (passed / "patcher.toml").write_text(CALL)
    return runner(passed)


def test_what_passed_is_verified(patcher: Patcher) -> None:
    assert "verified: yes" in patcher("status").stdout
    assert patcher("status", "--json").json["workload_changed"] is False


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("bench.py", BENCH.replace("1000", "1001")),
        ("patcher.toml", CALL + "compare = 'bench.py:same'\n"),
        ("patcher.toml", CALL.replace("bench.py:work", "other.py:work")),
        ("patcher.toml", CALL + "[verify.gates.close]\nlogits_max = 1.0\n"),
    ],
    ids=["workload", "comparison", "another workload", "limits"],
)
def test_it_is_not_verified_by_a_workload_that_has_changed_since(
    passed: Path, patcher: Patcher, file: str, text: str
) -> None:
    (passed / file).write_text(text)
    assert "verified: no, the workload changed since it passed" in patcher("status").stdout
    actual = patcher("status", "--json").json
    assert (actual["workload_changed"], actual["verified"]) == (True, ["use_sum"])


def test_how_long_it_may_take_changes_nothing_of_what_passed(
    passed: Path, patcher: Patcher
) -> None:
    (passed / "patcher.toml").write_text(CALL + "timeout = 50\n")
    assert "verified: yes" in patcher("status").stdout


def test_a_page_that_plots_nothing_is_drawn_when_somebody_asks(
    passed: Path, patcher: Patcher
) -> None:
    folder = passed / ".patcher" / "_reports" / "1"
    assert [path.name for path in folder.iterdir()] == ["result.json"]
    page = Path(patcher("history", "show", "1", "--json").json["page"])
    assert page == folder / "report.html"
    assert "use_sum" in page.read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "result.json"]


@pytest.mark.parametrize(
    "text",
    [
        '{"verdict": "pass"',
        "[]",
        '{"verdict": 3}',
        '{"id": 7, "verdict": "pass", "sentence": "", "cases": [3]}',
    ],
    ids=["cut off", "a list", "another object", "of other shape"],
)
def test_a_run_that_cannot_be_read_is_named_and_passed_over(
    passed: Path, patcher: Patcher, text: str
) -> None:
    damaged = passed / ".patcher" / "_reports" / "7"
    damaged.mkdir(exist_ok=True)
    (damaged / "result.json").write_text(text)
    ran = patcher("history", "show", "7", "--json")
    assert (ran.status, ran.json["error"]["code"]) == (4, "state-damaged")
    assert str(damaged) in ran.json["error"]["hint"]
    listed = patcher("history", "--json")
    assert [each["id"] for each in listed.json["verifications"]] == [1]
    shutil.rmtree(damaged)
