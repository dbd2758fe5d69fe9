"""Fixtures every part of the suite may use."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings

from tests.expected_time import ExpectedTime

REPOSITORY = Path(__file__).resolve().parents[1]

# Tests share the cores: a second thread waits for the core that another test has, and a thread that
# waits by spinning takes it. Workers are told their own number.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A run of the suite draws the same examples everywhere; the search for new ones is the night's.
settings.register_profile("fixed", derandomize=True, deadline=None)  # CI is busy
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("search" if os.environ.get("PATCHER_SEARCH") else "fixed")


def pytest_configure(config: pytest.Config) -> None:
    """Say how long the run will take; not in the workers of pytest-xdist, nor without a cache."""
    if not hasattr(config, "workerinput") and config.pluginmanager.hasplugin("cacheprovider"):
        config.pluginmanager.register(ExpectedTime(config), "expected-time")


# Files of few tests that take minutes: whoever starts one last is waited for. The weights that e2e
# makes are there when the next folder asks for them, and are not made twice side by side.
LONG_FIRST = ("e2e", "docs", "examples", "redteam", "torture", "catalogue", "targets")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; otherwise in the order of collection."""
    # What was imported and collected stays: the collector need not go through it again and again.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)

    def place(item: pytest.Item) -> int:
        folder = "".join(Path(item.nodeid).parts[1:2])
        return LONG_FIRST.index(folder) if folder in LONG_FIRST else len(LONG_FIRST)

    items.sort(key=place)


@dataclass(frozen=True)
class Ran:
    """One finished `patcher` command."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        values = json.loads(self.stdout)
        assert isinstance(values, dict)
        return values


Patcher = Callable[..., Ran]


@pytest.fixture
def patcher(tmp_path: Path) -> Patcher:
    """Run the real command in a workspace of the test's own."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return runner(workspace)


# Commands that run in this process: starting Python is half of what they cost.
HERE = {
    "apply", "check", "compare", "diff", "discard", "doctor", "explain", "export", "gc", "history",
    "init", "judge", "list", "plan", "receipt", "recover", "revert", "show", "status", "verify",
}  # fmt: skip


def runner(workspace: Path, limit_s: float = 600, *, own_process: bool = False) -> Patcher:
    """A function that runs a command in ``workspace``, as a user would.

    Args:
        limit_s: how long one in a process of its own may take; on slow cores a whole matrix of
            the real package needs more than the default.
        own_process: start a process for each, also for those `HERE`.
    """

    def run(*arguments: str, timeout_s: float = limit_s, **environment: str) -> Ran:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PATCHER_")}
        if "PATCHER_CACHE" in os.environ:
            kept["PATCHER_CACHE"] = os.environ["PATCHER_CACHE"]
        words = ["-C", str(workspace), *arguments]
        variables = {**kept, "COLUMNS": "100", **environment}
        if not own_process and arguments[0] in HERE and "--scan" not in arguments:
            return run_here(words, variables)
        done = subprocess.run(
            [sys.executable, "-m", "patcher", *words],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env=variables,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def run_here(words: list[str], variables: dict[str, str]) -> Ran:
    """Run a command in this process, with these variables alone."""
    from patcher.cli import cli
    from patcher.cli.common import run

    stdout, stderr = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(stdout),
        redirect_stderr(stderr),
        mock.patch.dict(os.environ, variables, clear=True),
        # The suite may have threads, beside which no process is forked to rewrite in.
        mock.patch("patcher.commands.shared.second_process._processors", return_value=1),
    ):
        status = run(cli, words)
    return Ran(status, stdout.getvalue(), stderr.getvalue())
