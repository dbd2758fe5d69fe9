"""A patch that does more than it says is refused before anything of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Patcher, runner
from tests.contract.adder import MODULE, SETTINGS

KEEPS = """\
patch: keeps
summary: twice() remembers
target: adder
equivalence: bitwise
edits:
  - file: adder.py
    define: |
      _kept = {}
  - file: adder.py
    within: twice
    body: |
      if number not in _kept:
          _kept[number] = number * 2
      return _kept[number]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    (project / "adder.py").write_text(MODULE)
    (project / "pyproject.toml").write_text('[project]\nname = "adder"\nversion = "1.2"\n')
    folder = tmp_path / "workspace"
    (folder / "patches").mkdir(parents=True)
    (folder / "patcher.toml").write_text(SETTINGS)
    return folder


def started(workspace: Path, spec: str) -> Patcher:
    (workspace / "patches" / "keeps.yaml").write_text(spec)
    run = runner(workspace)
    assert run("init", str(workspace.parent / "project")).status == 0
    assert run("apply", "keeps").status == 0
    return run


def test_what_is_not_declared_fails_and_is_taken_out_again(workspace: Path) -> None:
    patcher = started(workspace, KEEPS)
    ran = patcher("verify", "--json")
    assert (ran.status, ran.json["verdict"], ran.json["restored"]) == (1, "undeclared", True)
    (actual,) = ran.json["undeclared"]
    assert (actual["patch"], actual["file"], actual["line"]) == ("keeps", "adder.py", 16)
    assert actual["needs"] == ["cache-answers", "cache-weights"]
    assert ran.json["error"]["code"] == "verification-failed"
    assert "adder.py:16" in ran.json["error"]["message"]
    assert patcher("status", "--json").json["series"] == []


def test_people_are_told_the_line_and_the_word_that_covers_it(workspace: Path) -> None:
    ran = started(workspace, KEEPS)("verify")
    assert ran.status == 1
    text = " ".join(ran.stdout.split())
    assert "adder.py:16 keeps things in `_kept` between calls" in text
    assert "(declares: cache-answers or cache-weights)" in text


def test_what_is_declared_is_judged_and_shown_with_the_verdict(workspace: Path) -> None:
    patcher = started(workspace, KEEPS.replace("edits:", "declares: cache-answers\nedits:"))
    ran = patcher("verify", "--json")
    assert (ran.status, ran.json["verdict"]) == (0, "pass")
    assert ran.json["declares"] == {"keeps": ["cache-answers"]}
    assert "keeps declares cache-answers" in patcher("verify").stdout
