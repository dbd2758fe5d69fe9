"""Several distributions in one series: ``patcher init A B``, ``--target A --target B``."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Patcher, runner

ADDER = "from scaler import scale\n\n\ndef total(numbers):\n    return scale(sum(numbers))\n"
SCALER = "def scale(number):\n    return number * 2\n"
CALLS = """\
patch: call_it_times
summary: total() uses the new name.
target: adder >=1
equivalence: bitwise
edits:
  - file: adder.py
    match: from scaler import scale
    with: from scaler import times as scale
"""
RENAMES = """\
patch: name_it_times
summary: scale() is called times().
target: scaler >=2
equivalence: bitwise
edits:
  - file: scaler.py
    match: |
      def scale(number):
          return number * 2
    with: |
      def times(number):
          return number * {factor}
"""
BENCH = "import adder\n\ndef work():\n    return adder.total(range(10))\n"
BOTH = ("--target", "adder", "--target", "scaler")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name, version, text in (("adder", "1.2", ADDER), ("scaler", "2.0", SCALER)):
        project = tmp_path / name
        project.mkdir()
        (project / f"{name}.py").write_text(text)
        (project / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\nversion = "{version}"\n'
        )
    folder = tmp_path / "workspace"
    (folder / "patches").mkdir(parents=True)
    (folder / "patches" / "call_it_times.yaml").write_text(CALLS)
    (folder / "patches" / "name_it_times.yaml").write_text(RENAMES.format(factor=2))
    wrong = RENAMES.format(factor=3).replace("name_it_times", "name_it_wrong")
    (folder / "patches" / "name_it_wrong.yaml").write_text(wrong)
    (folder / "bench.py").write_text(BENCH)
    (folder / "patcher.toml").write_text('[verify]\ncall = "bench.py:work"\n')
    return folder


@pytest.fixture
def patcher(workspace: Path, tmp_path: Path) -> Patcher:
    run = runner(workspace)
    made = run("init", str(tmp_path / "adder"), str(tmp_path / "scaler"), "--json")
    assert made.status == 0, made.stderr
    assert made.json["target"] == "adder-and-scaler"
    assert made.json["version"] == "adder 1.2, scaler 2.0"
    return run


def files_of(patcher: Patcher) -> dict[str, str]:
    root = Path(patcher("status", "--json").json["root"])
    return {path.name: path.read_text() for path in root.glob("*.py")}


def test_patches_of_two_distributions_are_one_series_with_one_verdict(patcher: Patcher) -> None:
    planned = patcher("plan", "name_it_times", "call_it_times", "--json")
    assert planned.status == 0, planned.stdout
    assert {"--- a/adder.py", "--- a/scaler.py"} <= set(planned.json["diff"].splitlines())
    assert patcher("apply", "name_it_times", "call_it_times", *BOTH).status == 0
    actual = patcher("verify", *BOTH, "--json")
    assert actual.status == 0, actual.stdout
    assert actual.json["verdict"] == "pass"
    assert actual.json["series"] == ["name_it_times", "call_it_times"]
    assert {row["file"] for row in actual.json["exercised"]} == {"adder.py", "scaler.py"}
    status = patcher("status", "--json").json
    assert status["verified"] == ["name_it_times", "call_it_times"]
    text = patcher("status").stdout
    assert text.startswith("adder 1.2, scaler 2.0 at ")
    assert "from scaler import times" in patcher("diff").stdout


def test_a_failure_puts_both_distributions_back(patcher: Patcher) -> None:
    before = files_of(patcher)
    ran = patcher("apply", "name_it_wrong", "call_it_times", "--verify", "--json")
    assert ran.status == 1
    assert (ran.json["verdict"], ran.json["restored"]) == ("fail", True)
    assert ran.json["cases"][0]["error"] == "returned is 135, on the baseline 90"
    assert ran.json["series_now"] == []
    assert files_of(patcher) == before


def test_one_patch_that_does_not_fit_keeps_all_of_them_out(patcher: Patcher) -> None:
    before = files_of(patcher)
    ran = patcher("apply", "name_it_times", "name_it_wrong", "call_it_times")
    assert ran.status == 3
    assert files_of(patcher) == before


def test_each_patch_is_held_to_the_version_of_its_own_distribution(
    patcher: Patcher, workspace: Path
) -> None:
    newer = CALLS.replace("adder >=1", "adder >=2").replace("call_it_times", "for_newer")
    (workspace / "patches" / "for_newer.yaml").write_text(newer)
    ran = patcher("apply", "for_newer", "--json")
    assert ran.status == 3
    assert "adder >=2" in ran.stderr
    assert "adder 1.2, scaler 2.0" in ran.stderr


def test_a_name_of_one_of_them_finds_the_tree_that_holds_both(patcher: Patcher) -> None:
    for target in ("adder", "scaler", "scaler,adder", "adder-and-scaler"):
        assert patcher("apply", "name_it_times", "--target", target).status == 0
    assert patcher("status", "--target", "Scaler", "--json").json["series"] == ["name_it_times"]


@pytest.mark.slow
def test_both_are_found_where_each_has_a_working_copy_of_its_own(
    workspace: Path, tmp_path: Path
) -> None:
    run = runner(workspace)
    for name in ("adder", "scaler"):
        assert run("init", str(tmp_path / name)).status == 0
    refused = run("apply", "name_it_times", "call_it_times")
    assert refused.status == 2
    assert "--target scaler --target adder" in refused.stderr
    made = run("apply", "name_it_times", "call_it_times", *BOTH, "--json")
    assert made.status == 0, made.stderr
    assert [one["target"] for one in run("status", "--json").json["working_copies"]] == [
        "adder", "adder-and-scaler", "scaler",
    ]  # fmt: skip
    assert run("revert", "--all", "--json").json["reverted"] == ["name_it_times", "call_it_times"]


def test_two_that_hold_other_content_under_one_path_are_refused(
    workspace: Path, tmp_path: Path
) -> None:
    (tmp_path / "scaler" / "adder.py").write_text("other = 1\n")
    ran = runner(workspace)("init", str(tmp_path / "adder"), str(tmp_path / "scaler"))
    assert ran.status == 2
    assert "adder and scaler both hold adder.py, with other content" in ran.stderr
    assert not list((workspace / ".patcher").glob("*/series.json"))


@pytest.mark.slow
def test_a_wheel_is_of_one_distribution(patcher: Patcher, tmp_path: Path) -> None:
    assert patcher("apply", "name_it_times", "call_it_times").status == 0
    ran = patcher("export", "--wheel", str(tmp_path / "out"))
    assert ran.status == 2
    assert "adder 1.2, scaler 2.0" in ran.stderr
    assert "patcher export --in-place" in ran.stderr  # the next step, and it works:
    site = tmp_path / "site"
    site.mkdir()
    (site / "adder.py").write_text(ADDER)
    (site / "scaler.py").write_text(SCALER)
    assert patcher("export", "--in-place", str(site)).status == 0
    assert "import times as scale" in (site / "adder.py").read_text()
    assert "def times(number)" in (site / "scaler.py").read_text()
    assert patcher("export", "--in-place", str(site), "--undo").status == 0
    assert (site / "adder.py").read_text() == ADDER


def test_a_checkout_in_place_is_of_one_distribution(workspace: Path, tmp_path: Path) -> None:
    ran = runner(workspace)(
        "init", str(tmp_path / "adder"), str(tmp_path / "scaler"), "--in-place", "--json"
    )
    assert ran.status == 2
    assert "a checkout holds one project" in ran.json["error"]["hint"]


@pytest.mark.slow
def test_the_settings_name_both_for_init_and_for_list(workspace: Path, tmp_path: Path) -> None:
    settings = workspace / "patcher.toml"
    settings.write_text(f'target = ["adder", "scaler"]\n{settings.read_text()}')
    run = runner(workspace)
    assert run("list", "--json").status == 0
    for name in ("adder", "scaler"):
        assert run("init", str(tmp_path / name)).status == 0
    made = run("init", "--json")
    assert made.status == 0, made.stderr
    assert made.json["target"] == "adder-and-scaler"
    assert len(run("list", "--json").json["patches"]) >= 3


@pytest.mark.slow
def test_a_captured_edit_is_for_the_distribution_it_was_made_in(
    patcher: Patcher, workspace: Path
) -> None:
    scaler = Path(patcher("status", "--json").json["root"]) / "scaler.py"
    scaler.write_text(SCALER.replace("number * 2", "2 * number"))
    assert patcher("capture", "turned").status == 0
    assert "target: scaler >=2.0,<2.1" in (workspace / "patches" / "turned.yaml").read_text()


ADAPTER = """
import time
from dataclasses import dataclass

from patcher.targets.adapter import Assets, Matrix, Model, Produced, Session, Test
from patcher.worker.values import encode


@dataclass(frozen=True)
class Adapter:
    distribution: str = "adder"
    packages: tuple = ("adder",)
    serving: str = "adding:open_session"
    making: object = None

    def matrix(self, config):
        return Matrix((Model("sums"),), (Test("ten", {"upto": 10}), Test("none", {"upto": 0})))

    def assets(self, matrix, options, version):
        return Assets("no weights", fingerprint="none")

    def draw(self, rng, model, count, full):
        return [Test(f"drawn {n}", {"upto": rng.randrange(1, 99)}) for n in range(count)]


adapter = Adapter()


def open_session(opening):
    return Sums(opening)


class Sums(Session):
    def __init__(self, opening):
        import adder

        self.adder = adder

    def run(self, test, *, capture):
        started = time.perf_counter()
        value = self.adder.total(range(test.options["upto"]))
        return Produced(returned=encode(value), wall_s=time.perf_counter() - started)
"""


@pytest.mark.slow
def test_an_adapter_of_one_of_them_judges_both_from_the_frozen_tree(
    patcher: Patcher, workspace: Path
) -> None:
    (workspace / "adding.py").write_text(ADAPTER)
    (workspace / "patcher.toml").write_text('[verify]\nadapter = "adding.py:adapter"\n')
    passes = patcher("verify", "name_it_times", "call_it_times", "--json")
    assert passes.status == 0, passes.stdout
    assert [each["test"] for each in passes.json["cases"]] == ["ten", "none"]
    assert "drawn" in {each["kind"] for each in passes.json["inputs"]["drawn"]}
    # What `scaler` says comes from the tree, though the adapter names `adder` alone.
    assert {each["file"] for each in passes.json["exercised"]} == {"adder.py", "scaler.py"}
    fails = patcher("verify", "name_it_wrong", "call_it_times", "--json")
    assert fails.status == 1
    assert {each["test"]: each["status"] for each in fails.json["cases"]} == {
        "ten": "fail",
        "none": "pass",
    }
    assert fails.json["cases"][0]["error"] == "returned is 135, on the baseline 90"


KILLED = """
import os, signal, sys
from patcher.store import transaction
swap, left = transaction._swap, {swaps}

def until(place, journal, number, step):
    if number == left:
        os.kill(os.getpid(), signal.SIGKILL)
    swap(place, journal, number, step)

transaction._swap = until
from patcher.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("command", "swaps"),
    [("apply", 1)]
    + [
        pytest.param(command, swaps, marks=pytest.mark.slow)
        for command, swaps in (("apply", 0), ("revert", 0), ("revert", 1))
    ],
)
def test_killed_between_the_two_distributions_both_are_as_before(
    patcher: Patcher, workspace: Path, swaps: int, command: str
) -> None:
    if command == "revert":
        assert patcher("apply", "name_it_times", "call_it_times").status == 0
    before = files_of(patcher)
    asked = ["--all"] if command == "revert" else ["name_it_times", "call_it_times"]
    script = KILLED.format(swaps=swaps)
    killed = subprocess.run(
        [sys.executable, "-c", script, "-C", str(workspace), command, *asked],
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert patcher("recover").status == 0
    assert files_of(patcher) == before
    assert patcher("status", "--json").json["drift"] == []
