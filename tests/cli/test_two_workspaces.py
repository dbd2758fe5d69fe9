"""Two workspaces on one checkout: each says what the other has done to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cli.test_any_package import GOOD, SOURCE
from tests.cli.test_verified import PROJECT
from tests.conftest import runner


def test_a_checkout_that_another_workspace_patched_is_not_called_pristine(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "adder.py").write_text(SOURCE)
    (checkout / "pyproject.toml").write_text(PROJECT)
    for words in ("init", "add .", "commit -m x"):
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words.split()]
        subprocess.run(git, cwd=checkout, check=True, capture_output=True)
    one, two = tmp_path / "one", tmp_path / "two"
    for workspace in (one, two):
        (workspace / "patches").mkdir(parents=True)
        (workspace / "patches" / "use_sum.yaml").write_text(GOOD)
        made = runner(workspace)("init", "--in-place", str(checkout))
        assert made.status == 0, made.stderr
    assert runner(one)("apply", "use_sum").status == 0
    printed = runner(two)("status").stdout
    assert f"patched by another workspace, {one}: use_sum" in printed
    assert "pristine" not in printed
    refused = runner(two)("apply", "use_sum", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (3, "blocked")
    assert f"patcher -C {one} revert --all" in refused.json["error"]["hint"]
