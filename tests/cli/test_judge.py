"""`patcher judge`: many candidates of every kind, one table, nothing applied."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.sums import MODULE, workload
from tests.conftest import Patcher, runner

FAST = MODULE.replace(
    "    total = 0\n    for number in numbers:\n        for _ in range(60):\n"
    "            total = total + number\n    return total // 60\n",
    "    return sum(numbers)\n",
)
SPEC = """\
patch: {name}
summary: s
target: sums
equivalence: bitwise
edits:
  - {{file: sums.py, match: {match}, with: {replacement}}}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("judging")
    project = parent / "project"
    project.mkdir()
    (project / "sums.py").write_text(MODULE)
    (project / "pyproject.toml").write_text('[project]\nname = "sums"\nversion = "1.0"\n')
    for command in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        ("-c", "user.name=n", "-c", "user.email=e@e", "commit", "-qm", "one"),
        ("checkout", "-q", "-b", "faster"),
    ):
        subprocess.run(["git", "-C", str(project), *command], check=True)
    (project / "sums.py").write_text(FAST)
    commit = ("-c", "user.name=n", "-c", "user.email=e@e", "commit", "-qam", "two")
    subprocess.run(["git", "-C", str(project), *commit], check=True)
    folder = parent / "workspace"
    (folder / "patches").mkdir(parents=True)
    (folder / "bench.py").write_text(workload())
    (folder / "patcher.toml").write_text('target = "sums"\n[verify]\ncall = "bench.py:work"\n')
    specs = (
        ("same", "number * 2", "2 * number"),
        ("wrong", "number * 2", "number * 3"),
        ("crash", "number * 2", "number / 0"),
    )
    for name, match, replacement in specs:
        text = SPEC.format(name=name, match=match, replacement=replacement)
        (folder / "patches" / f"{name}.yaml").write_text(text)
    diff = subprocess.run(
        ["git", "-C", str(project), "diff", "main", "faster"], capture_output=True, check=True
    )
    (folder / "faster.diff").write_bytes(diff.stdout)
    subprocess.run(["git", "-C", str(project), "checkout", "-q", "main"], check=True)
    ran = runner(folder)("init", str(project))
    assert ran.status == 0, ran.stderr
    return folder


@pytest.fixture
def patcher(workspace: Path) -> Patcher:
    return runner(workspace)


def test_gates_tell_the_right_from_the_wrong_and_nothing_is_applied(
    patcher: Patcher, workspace: Path
) -> None:
    (workspace / "unlike.diff").write_text("this is no diff\n")
    words = ("same", "wrong", "crash", "faster.diff", "faster", "unlike.diff")
    ran = patcher("judge", "--no-speed", "--jobs", "2", "--json", *words)
    assert ran.status == 0, ran.stderr
    verdicts = {each["name"]: each["verdict"] for each in ran.json["candidates"]}
    assert verdicts == {
        "same": "pass",
        "faster.diff": "pass",
        "faster": "pass",
        "wrong": "fail",
        "crash": "fail",
        "unlike.diff": None,
    }
    kinds = {each["name"]: each["kind"] for each in ran.json["candidates"]}
    assert (kinds["faster.diff"], kinds["faster"], kinds["same"]) == ("diff", "ref", "patch")
    crash = next(each for each in ran.json["candidates"] if each["name"] == "crash")
    assert "division by zero" in crash["error"]
    assert patcher("status", "--json").json["series"] == []


def test_a_candidate_that_names_nothing_is_refused_before_any_is_judged(
    patcher: Patcher, workspace: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "lines.jsonl"
    for word, code, hint in (
        ("fastr.diff", "usage", "did you mean `faster.diff`?"),
        ("./fastr.diff", "usage", "did you mean `./faster.diff`?"),
        ("wrnog", "usage", "did you mean `wrong`?"),
        ("tries/none.diff", "usage", "`patcher judge --help` says"),
        ("@nothing-like-it", "unknown-patch", ""),
    ):
        ran = patcher(
            "judge", "--no-speed", "--again", "--jsonl", str(lines), "same", word, "--json"
        )
        assert (ran.status, ran.json["error"]["code"]) == (2, code), word
        assert word in ran.json["error"]["message"]
        assert hint in (ran.json["error"]["hint"] or ""), word
    assert not lines.exists()


def test_what_was_judged_is_answered_from_the_record(patcher: Patcher, workspace: Path) -> None:
    patcher("judge", "--no-speed", "same")
    ledger = next((workspace / ".patcher").rglob("judge.jsonl"))
    before = ledger.read_bytes()
    assert patcher("judge", "--no-speed", "same").status == 0
    assert ledger.read_bytes() == before
    ledger.write_bytes(before[:-20])  # cut short, as by a crash
    assert patcher("judge", "--no-speed", "same", "wrong").status == 0


def test_each_candidate_is_a_json_line_as_it_comes(patcher: Patcher, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    patcher("judge", "--no-speed", "same", "wrong", "--jsonl", str(lines))
    actual = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [(each["name"], each["verdict"]) for each in actual] == [
        ("same", "pass"),
        ("wrong", "fail"),
    ]


@pytest.mark.slow
def test_what_is_faster_is_kept_after_a_second_measurement(patcher: Patcher) -> None:
    ran = patcher("judge", "same", "wrong", "faster.diff", "--json")
    assert ran.json["kept"] == ["faster.diff"]
    first = ran.json["candidates"][0]
    assert (first["name"], first["step"], first["speed"]) == ("faster.diff", "confirm", "faster")
    assert first["high"] < 0.5
    again = patcher("judge", "same", "wrong", "faster.diff")
    assert "times as fast" in again.stdout
    assert "next: `patcher apply faster --verify`" in again.stdout
