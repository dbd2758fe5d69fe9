"""Every command on a package of ten lines: its JSON, its exit status, what it leaves on disk."""

from __future__ import annotations

import fcntl
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Patcher, Ran, runner
from tests.contract.adder import LOOP, SETTINGS, SHIFT, initialised, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with three patches, and a project to patch beside it."""
    return make_workspace(tmp_path)


@pytest.fixture
def patcher(workspace: Path) -> Patcher:
    return initialised(workspace)


def tree_of(patcher: Patcher) -> Path:
    return Path(patcher("status", "--json").json["root"]) / "adder.py"


def test_apply_before_init_says_what_to_do(workspace: Path) -> None:
    ran = runner(workspace)("apply", "use_sum", "--json")
    assert ran.status == 2
    assert "adder" in ran.json["error"]["message"]
    assert "patcher init" in ran.json["error"]["hint"]


def test_a_patch_for_a_package_goes_to_the_fork_that_has_a_working_copy(workspace: Path) -> None:
    (workspace / "patcher.toml").unlink()
    for spec in (workspace / "patches").iterdir():
        text = spec.read_text().replace("target: adder >=1,<2", "target: adder")
        spec.write_text(text.replace("target: adder\n", "target: adder\nprovides: adder\n"))
    project = workspace.parent / "project"
    patcher = runner(workspace)

    def make_fork(name: str) -> None:
        (project / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "0.1"\n')
        made = patcher("init", str(project))
        assert made.status == 0, made.stderr

    make_fork("adder-streaming")
    ran = patcher("apply", "use_sum", "use_shift", "--json")
    assert ran.status == 0, ran.stdout
    assert patcher("status", "--json").json["target"] == "adder-streaming"
    make_fork("adder-light")
    ran = patcher("apply", "use_sum", "--json")
    assert ran.status == 2
    assert ran.json["error"]["code"] == "usage"
    assert "adder-light" in ran.json["error"]["message"]


def test_list_knows_the_state_of_every_patch(patcher: Patcher) -> None:
    assert patcher("apply", "use_sum").status == 0
    states = {each["name"]: each["state"] for each in patcher("list", "--json").json["patches"]}
    assert states["use_sum"] == "applied"
    assert states["use_shift"] == "available"
    assert states["inference_mode"] == "incompatible"
    reasons = {each["name"]: each["reason"] for each in patcher("list", "--json").json["patches"]}
    assert reasons["use_sum"] is None
    assert "adder" in reasons["inference_mode"]


def test_plan_names_every_site_and_its_diff_is_accepted_by_git(
    patcher: Patcher, tmp_path: Path
) -> None:
    ran = patcher("plan", "use_sum", "use_shift", "--json")
    assert ran.status == 0
    edits = [edit for patch in ran.json["patches"] for edit in patch["edits"]]
    assert [edit["status"] for edit in edits] == ["ready", "ready"]
    assert edits[1]["sites"] == [{"line": 12, "column": 12, "text": "number * 2"}]
    done = subprocess.run(
        ["git", "apply", "--check", "-"],
        input=ran.json["diff"],
        text=True,
        cwd=tmp_path / "project",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert patcher("status", "--json").json["series"] == []


def test_a_misspelt_patch_is_answered_with_the_nearest(patcher: Patcher) -> None:
    ran = patcher("apply", "use_sun", "--json")
    assert ran.status == 2
    assert ran.json["error"]["code"] == "unknown-patch"
    assert "use_sum" in ran.json["error"]["hint"]


def test_a_missing_site_refuses_the_whole_apply(patcher: Patcher, workspace: Path) -> None:
    (workspace / "patches" / "nowhere.yaml").write_text(
        SHIFT.replace("use_shift", "nowhere").replace("$X * 2", "$X * 3")
    )
    before = tree_of(patcher).read_bytes()
    ran = patcher("apply", "use_sum", "nowhere", "--json")
    assert ran.status == 3
    assert ran.json["error"]["code"] == "missing"
    assert tree_of(patcher).read_bytes() == before
    assert patcher("plan", "nowhere", "--check").status == 1


def test_reverting_in_any_order_gives_pristine_back(patcher: Patcher) -> None:
    pristine = tree_of(patcher).read_bytes()
    for order in (["use_sum", "use_shift"], ["use_shift", "use_sum"]):
        assert patcher("apply", "use_sum", "use_shift").status == 0
        for name in order:
            ran = patcher("revert", name, "--json")
            assert ran.status == 0
            assert ran.json["reverted"] == [name]
        assert tree_of(patcher).read_bytes() == pristine


def test_a_dry_run_writes_nothing(patcher: Patcher) -> None:
    before = tree_of(patcher).read_bytes()
    assert patcher("apply", "use_sum", "--dry-run").status == 0
    assert tree_of(patcher).read_bytes() == before
    assert patcher("apply", "use_sum").status == 0
    patched = tree_of(patcher).read_bytes()
    assert patcher("revert", "--all", "--dry-run").status == 0
    assert tree_of(patcher).read_bytes() == patched


@pytest.mark.parametrize("command", [("apply", "use_shift"), ("revert", "--all"), ("verify",)])
def test_a_hand_edit_is_never_overwritten(patcher: Patcher, command: tuple[str, ...]) -> None:
    assert patcher("apply", "use_sum").status == 0
    tree = tree_of(patcher)
    edited = tree.read_text() + "# mine\n"
    tree.write_text(edited)
    ran = patcher(*command, "--json")
    assert ran.status == 3
    assert ran.json["error"]["code"] == "drift"
    for word in ("patcher diff", "patcher discard PATH", "patcher capture NAME"):
        assert word in ran.json["error"]["hint"]
    assert tree.read_text() == edited
    assert patcher("status", "--json").json["drift"] == [{"path": "adder.py", "kind": "edited"}]


def test_a_second_run_is_told_who_holds_the_lock(patcher: Patcher, workspace: Path) -> None:
    with (workspace / ".patcher" / "lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ran = patcher("apply", "use_sum", "--json")
    assert ran.status == 5
    assert ran.json["error"]["code"] == "locked"
    assert patcher("status").status == 0


def test_verify_passes_good_patches_and_remembers_them(patcher: Patcher) -> None:
    assert patcher("apply", "use_sum", "use_shift").status == 0
    ran = patcher("verify", "--json")
    assert ran.status == 0, ran.stdout
    assert ran.json["verdict"] == "pass"
    assert ran.json["series"] == ["use_sum", "use_shift"]
    assert patcher("status", "--json").json["verified"] == ["use_sum", "use_shift"]


def test_a_failure_goes_back_to_what_was_verified_last(patcher: Patcher) -> None:
    assert patcher("apply", "use_sum", "--verify").status == 0
    verified = tree_of(patcher).read_bytes()
    ran = patcher("apply", "use_three", "--verify", "--json")
    assert ran.status == 1
    assert ran.json["applied"] == ["use_three"]
    assert ran.json["restored"] is True
    assert ran.json["series_now"] == ["use_sum"]
    assert tree_of(patcher).read_bytes() == verified


def test_what_was_reverted_stays_out_after_a_failure(patcher: Patcher) -> None:
    pristine = tree_of(patcher).read_bytes()
    assert patcher("apply", "use_sum", "--verify").status == 0
    assert patcher("revert", "--all").status == 0
    ran = patcher("apply", "use_three", "--verify", "--json")
    assert ran.status == 1
    (cause,) = ran.json["diagnosis"]
    assert cause["cause"].endswith("AssertionError. The only edit that ran is in twice.")
    assert patcher("status", "--json").json["series"] == []
    assert tree_of(patcher).read_bytes() == pristine


def test_keep_leaves_a_failing_patch_in_place(patcher: Patcher) -> None:
    assert patcher("apply", "use_three").status == 0
    ran = patcher("verify", "--keep", "--json")
    assert ran.status == 1
    assert ran.json["restored"] is False
    assert ran.json["series"] == ["use_three"]


def test_isolate_keeps_the_two_good_patches_and_names_the_bad_one(patcher: Patcher) -> None:
    assert patcher("apply", "use_sum", "use_three", "use_shift").status == 0
    ran = patcher("verify", "--isolate", "--json")
    assert ran.status == 1
    assert ran.json["isolation"]["culprits"] == [["use_three"]]
    assert ran.json["series_now"] == ["use_sum", "use_shift"]


def test_a_failing_baseline_cannot_be_judged_and_the_patch_stays(
    patcher: Patcher, workspace: Path
) -> None:
    (workspace / "patcher.toml").write_text(SETTINGS.replace("== 8", "== 9"))
    assert patcher("apply", "use_sum").status == 0
    ran = patcher("verify", "--json")
    assert ran.status == 6
    assert ran.json["verdict"] == "cannot-judge"
    assert ran.json["series"] == ["use_sum"]


def test_an_empty_series_has_nothing_to_verify(patcher: Patcher) -> None:
    ran = patcher("verify", "--json")
    assert ran.status == 0
    assert ran.json["verdict"] == "nothing-to-verify"
    assert ran.json["cases"] == []


def test_an_edited_spec_is_applied_anew_in_its_place(patcher: Patcher, workspace: Path) -> None:
    assert patcher("apply", "use_sum", "use_shift").status == 0
    spec = workspace / "patches" / "use_sum.yaml"
    spec.write_text(LOOP.replace("sum(numbers)", "sum(numbers, 0)"))
    ran = patcher("apply", "use_sum", "--json")
    assert ran.status == 0, ran.stderr
    assert ran.json["applied"] == ["use_sum"]
    assert "sum(numbers, 0)" in tree_of(patcher).read_text()
    assert patcher("status", "--json").json["series"] == ["use_sum", "use_shift"]


def test_reverting_needs_the_spec_of_no_file(patcher: Patcher, workspace: Path) -> None:
    pristine = tree_of(patcher).read_bytes()
    assert patcher("apply", "use_sum", "use_shift").status == 0
    (workspace / "patches" / "use_sum.yaml").unlink()
    (workspace / "patches" / "use_shift.yaml").unlink()
    assert patcher("revert", "use_sum").status == 0
    assert patcher("revert", "--all").status == 0
    assert tree_of(patcher).read_bytes() == pristine


def test_hand_edits_become_a_spec_that_gives_them_back(patcher: Patcher, workspace: Path) -> None:
    tree = tree_of(patcher)
    edited = tree.read_text().replace("number * 2", "number + number")
    tree.write_text(edited)
    ran = patcher("capture", "add_twice", "--json")
    assert ran.status == 0, ran.stderr
    assert patcher("check", "add_twice").status == 0
    words = shlex.split(ran.json["next"])
    assert words[0] == "patcher"
    subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
    assert tree.read_text() == edited
    assert patcher("status", "--json").json["series"] == ["add_twice"]
    assert patcher("revert", "--all").status == 0
    assert "number * 2" in tree.read_text()


def test_new_starts_a_spec_at_a_line(patcher: Patcher) -> None:
    ran = patcher("new", "my_patch", "--at", "adder.py:12", "--json")
    assert ran.status == 0, ran.stderr
    assert "within: twice" in ran.json["text"]
    assert patcher("plan", "my_patch").status == 3  # it changes nothing yet
    assert patcher("new", "my_patch", "--at", "adder.py:12").status == 3


def test_new_says_how_a_line_of_a_patched_file_is_counted(patcher: Patcher) -> None:
    assert patcher("apply", "use_sum").status == 0
    ran = patcher("new", "moved", "--at", "adder.py:9", "--json")
    assert "return number * 2" in ran.json["text"]
    assert ran.json["note"] == (
        "adder.py is patched by use_sum: line 9 is counted in it as it is now (line 12 of pristine)"
    )
    inside = patcher("new", "inside", "--at", "adder.py:5")
    assert "is not in pristine: the spec fits with use_sum applied" in inside.stderr
    assert patcher("revert", "--all").status == 0
    assert "note" not in patcher("new", "plain", "--at", "adder.py:12", "--json").json


def test_export_hands_on_a_diff_git_patches_and_a_wheel(patcher: Patcher, tmp_path: Path) -> None:
    project = tmp_path / "project"
    assert patcher("apply", "use_sum", "use_shift").status == 0
    diff = patcher("export", "--diff").stdout
    subprocess.run(["git", "apply", "-"], input=diff, text=True, cwd=project, check=True)
    assert (project / "adder.py").read_bytes() == tree_of(patcher).read_bytes()
    series = patcher("export", "--format-patch", str(tmp_path / "out"), "--json").json["files"]
    assert [Path(file).name[:9] for file in series] == ["0001-use_", "0002-use_"]
    first = patcher("export", "--wheel", str(tmp_path / "one"), "--json").json
    again = patcher("export", "--wheel", str(tmp_path / "two"), "--json").json
    assert "+patcher." in first["version"]
    assert Path(first["files"][0]).read_bytes() == Path(again["files"][0]).read_bytes()


def test_run_puts_the_patched_tree_first(patcher: Patcher) -> None:
    assert patcher("apply", "use_three").status == 0
    ran = patcher("run", "--", "python", "-c", "import adder; print(adder.twice(4))")
    assert (ran.status, ran.stdout) == (0, "10\n")
    assert patcher("run", "--", "python", "-c", "raise SystemExit(7)").status == 7
    assert patcher("status", "--json").json["drift"] == []


def test_the_record_is_a_git_history_with_trailers(patcher: Patcher) -> None:
    assert patcher("apply", "use_sum").status == 0
    assert patcher("revert", "--all").status == 0
    root = tree_of(patcher).parent
    log = subprocess.run(
        ["git", "-C", str(root), "log", "--format=%s%n%(trailers)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Patcher-Patch: use_sum" in log
    assert "Patcher-Spec-SHA256: " in log
    assert log.index("Revert") < log.index("Apply")
    status = subprocess.run(
        ["git", "-C", str(root), "status", "--porcelain"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert status.stdout == ""


def test_backups_name_path_mode_and_hash_of_what_was_touched(
    patcher: Patcher, workspace: Path
) -> None:
    import json

    pristine = tree_of(patcher).read_bytes()
    assert patcher("apply", "use_sum").status == 0
    manifests = sorted((workspace / "backups" / "manifests").glob("*.json"))
    text = json.dumps([json.loads(path.read_text()) for path in manifests])
    assert "adder.py" in text
    assert "mode" in text
    objects = (workspace / "backups" / "objects").rglob("*")
    assert pristine in [path.read_bytes() for path in objects if path.is_file()]


def test_after_a_kill_the_next_command_says_what_was_cut_short(
    patcher: Patcher, workspace: Path
) -> None:
    assert patcher("apply", "use_sum").status == 0
    before = tree_of(patcher).read_bytes()
    (workspace / "patcher.toml").write_text(
        'target = "adder"\n[verify]\ncommand = ["python", "-c", "import time; time.sleep(60)"]\n'
    )
    command = [sys.executable, "-m", "patcher", "-C", str(workspace), "verify"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        running.stderr.readline()  # the matrix is announced once the lock is held
        running.kill()
    ran = patcher("status", "--json")
    assert "an earlier `patcher verify`" in ran.stderr
    assert ran.json["drift"] == []
    assert tree_of(patcher).read_bytes() == before


def test_one_broken_spec_keeps_nobody_from_the_others(patcher: Patcher, workspace: Path) -> None:
    (workspace / "patches" / "broken.yaml").write_text("patch: broken\nsummry: x\n")
    ran = patcher("list", "--json")
    assert ran.status == 0
    assert "use_sum" in {each["name"] for each in ran.json["patches"]}
    assert [each["where"] for each in ran.json["unreadable"]] == ["patches/broken.yaml:1:1"]
    assert "cannot be read: patches/broken.yaml:1:1" in patcher("list").stdout
    assert patcher("apply", "use_sum", "use_three", "--verify").status == 1
    assert patcher("status", "--json").json["series"] == []
    assert patcher("check").status == 1


def test_every_error_has_a_next_step(patcher: Patcher) -> None:
    for arguments in (["apply", "nothing"], ["revert", "use_sum"], ["export"], ["verify", "--x"]):
        ran: Ran = patcher(*arguments, "--json")
        assert ran.status == 2
        assert ran.json["error"]["hint"]
        assert "Traceback" not in ran.stderr
