"""The whole of the torture table; `make test` runs a fast slice of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY


@pytest.mark.nightly
def test_every_row_shows_what_it_must(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.torture", "--state", str(tmp_path / "state")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
