"""The steps of the action, run as a runner runs them, against a stand-in of GitHub's API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY, runner
from tests.contract.adder import make_workspace
from tests.contract.github import GitHub, github

ACTION = REPOSITORY / ".github" / "actions" / "patcher"
MARK = "<!-- patcher -->\n"


@pytest.fixture
def server() -> Iterator[GitHub]:
    with github() as actual:
        yield actual


def step(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one step of ``action.yml``; ``folder`` is the runner's temporary one."""
    action = yaml.safe_load((ACTION / "action.yml").read_text("utf-8"))
    (script,) = [each["run"] for each in action["runs"]["steps"] if each["name"] == name]
    files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            **files,
            "PATH": path,
            "RUNNER_TEMP": str(folder),
            "GITHUB_ACTION_PATH": str(ACTION),
            **environment,
        },
    )


def commented(server: GitHub, folder: Path) -> str:
    """What the step that comments says."""
    done = step(
        "Comment",
        folder,
        GITHUB_API_URL=server.url,
        GITHUB_REPOSITORY="owner/name",
        GH_TOKEN="of-the-test",
        NUMBER="7",
        FOLDER=str(folder),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_comment_is_made_once_and_replaced_after_that(server: GitHub, tmp_path: Path) -> None:
    """People's comments stay, those that quote ours too; ours is known on a later page as well."""
    people = {number: f"{number}: looks good" for number in range(1, 121)}
    server.comments |= {**people, 50: f"> {MARK}why?"}
    before = dict(server.comments)
    file = tmp_path / "comment.md"
    file.write_text(f"{MARK}first: 1.10 times as fast (1.05 to 1.15)\n", encoding="utf-8")
    assert commented(server, tmp_path) == "comment created"
    assert server.comments == {**before, 121: file.read_text("utf-8")}
    server.comments[122] = "and thanks"
    file.write_text(f"{MARK}second: ✓\n", encoding="utf-8")
    assert commented(server, tmp_path) == "comment updated"
    assert server.comments == {**before, 121: file.read_text("utf-8"), 122: "and thanks"}


def test_a_token_that_may_only_read_fails_nothing(server: GitHub, tmp_path: Path) -> None:
    """A pull request from a fork has one."""
    server.read_only = True
    (tmp_path / "comment.md").write_text(MARK, encoding="utf-8")
    assert commented(server, tmp_path).startswith("no comment: this token may not write one")
    assert not server.comments


def test_a_run_that_ended_early_has_nothing_to_say(server: GitHub, tmp_path: Path) -> None:
    assert commented(server, tmp_path) == ""
    assert not server.asked


def test_a_comment_that_is_too_long_is_cut_at_a_line_and_says_so(
    server: GitHub, tmp_path: Path
) -> None:
    (tmp_path / "comment.md").write_text(MARK + "a line\n" * 20_000, encoding="utf-8")
    commented(server, tmp_path)
    assert len(server.comments[1]) <= 65_536
    assert server.comments[1].endswith("a line\n\nThe rest is in the summary of the run.\n")


@pytest.mark.slow  # a quick bench
def test_the_whole_action_comments_with_the_verdict_by_its_interval(
    server: GitHub, tmp_path: Path
) -> None:
    workspace = make_workspace(tmp_path)
    assert runner(workspace)("init", str(tmp_path / "project")).status == 0
    done = step(
        "Check, plan, judge",
        tmp_path,
        WORKSPACE=str(workspace),
        PATCHES="use_sum",
        SOURCES="",
        VERIFY="true",
        OPTIONS="--bench",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "patcher"
    assert f"folder={folder}" in (tmp_path / "GITHUB_OUTPUT").read_text("utf-8")
    assert commented(server, folder) == "comment created"
    (body,) = server.comments.values()
    assert body == (tmp_path / "GITHUB_STEP_SUMMARY").read_text("utf-8")
    assert "**pass**: 1 of 1 pass" in body
    assert "times as fast (" in body
    assert "6 pairs, margin" in body
