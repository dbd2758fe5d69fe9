"""Somebody saves a file while `patcher apply` plans on it: the edit is kept, and nothing applied.

A `transform` is code of the spec's own that runs while its edit is planned: after the file was read
and before anything is written. Here it saves the file, as an editor would beside a slow plan.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.test_any_package import SOURCE
from tests.cli.test_verified import PROJECT
from tests.conftest import Patcher, runner

SPEC = """\
patch: slow
summary: is saved over while it is planned
target: adder
equivalence: bitwise
edits:
  - file: adder.py
    transform: editor:save
"""
EDITOR = """\
from pathlib import Path

def save(module):
    file = Path({file!r})
    theirs = file.read_text() + "# saved meanwhile\\n"
    if {renames}:
        beside = file.with_name(file.name + "~")
        beside.write_text(theirs)
        beside.replace(file)
    else:
        file.write_text(theirs)
    return module.with_changes(body=[*module.body, *module.body[:1]])
"""
PLAIN = """\
from pathlib import Path

def save(module):
    return module.with_changes(body=[*module.body, *module.body[:1]])
"""


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode()


def made(tmp_path: Path, *, in_place: bool) -> tuple[Patcher, Path]:
    """A workspace on a checkout, and the file of its working copy."""
    checkout, workspace = tmp_path / "checkout", tmp_path / "workspace"
    checkout.mkdir()
    (checkout / "adder.py").write_text(SOURCE)
    (checkout / "pyproject.toml").write_text(PROJECT)
    for words in ("init", "add .", "commit -m x"):
        git(checkout, *words.split())
    (workspace / "patches").mkdir(parents=True)
    (workspace / "patches" / "slow.yaml").write_text(SPEC)
    patcher = runner(workspace)
    ran = patcher("init", *(["--in-place"] if in_place else []), str(checkout))
    assert ran.status == 0, ran.stderr
    return patcher, Path(patcher("status", "--json").json["root"]) / "adder.py"


@pytest.mark.parametrize("renames", [False, True], ids=["in place", "by renaming"])
@pytest.mark.parametrize("in_place", [True, False], ids=["a checkout", "a working copy"])
def test_an_edit_saved_while_apply_plans_is_drift_and_is_kept(
    tmp_path: Path, in_place: bool, renames: bool
) -> None:
    patcher, file = made(tmp_path, in_place=in_place)
    editor = tmp_path / "workspace" / "patches" / "editor.py"
    editor.write_text(EDITOR.format(file=str(file), renames=renames))
    before = file.read_text()

    ran = runner(tmp_path / "workspace", own_process=True)("apply", "slow", "--json")
    assert ran.status == 3, ran.stdout
    assert ran.json["error"]["code"] == "drift"
    assert "adder.py" in ran.json["error"]["message"]
    assert file.read_text() == before + "# saved meanwhile\n"
    assert patcher("status", "--json").json["series"] == []
    if in_place:
        assert git(file.parent, "status", "--porcelain").split() == ["M", "adder.py"]

    editor.write_text(PLAIN)  # nobody saves any more
    ran = patcher("apply", "slow", "--json")
    if in_place:  # what somebody has saved is part of what the next one starts from
        assert ran.status == 0, ran.stdout
        assert patcher("revert", "--all").status == 0
    else:
        assert (ran.status, ran.json["error"]["code"]) == (3, "drift")
    assert file.read_text() == before + "# saved meanwhile\n"
