"""Fixtures every part of the suite may use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.expected_time import ExpectedTime

REPOSITORY = Path(__file__).resolve().parents[1]

# A run of the suite draws the same examples everywhere; the search for new ones is the night's.
settings.register_profile("fixed", derandomize=True, deadline=None)  # CI is busy
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("search" if os.environ.get("PATCHER_SEARCH") else "fixed")


def pytest_configure(config: pytest.Config) -> None:
    """Say how long the run will take; not in the workers of pytest-xdist, nor without a cache."""
    if not hasattr(config, "workerinput") and config.pluginmanager.hasplugin("cacheprovider"):
        config.pluginmanager.register(ExpectedTime(config), "expected-time")


@dataclass(frozen=True)
class Ran:
    """One finished `patcher` command."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        found = json.loads(self.stdout)
        assert isinstance(found, dict)
        return found


Patcher = Callable[..., Ran]


@pytest.fixture
def patcher(tmp_path: Path) -> Patcher:
    """Run the real command in a workspace of the test's own."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return runner(workspace)


def runner(workspace: Path, limit_s: float = 600) -> Patcher:
    """A function that runs the real command in ``workspace``, as a user would.

    A command may take ``limit_s`` seconds; on slow cores a whole matrix of the real package needs
    more than the default.
    """

    def run(*arguments: str, timeout_s: float = limit_s, **environment: str) -> Ran:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PATCHER_")}
        if "PATCHER_CACHE" in os.environ:
            kept["PATCHER_CACHE"] = os.environ["PATCHER_CACHE"]
        done = subprocess.run(
            [sys.executable, "-m", "patcher", "-C", str(workspace), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={**kept, "COLUMNS": "100", **environment},
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run
