"""What a worker is shown of a folder it does not see otherwise stays as it is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.conftest import runner
from tests.contract.adder import make_workspace

MEMORY = Path("/dev/shm")


@pytest.mark.skipif(not os.access(MEMORY, os.W_OK), reason="no folder in memory")
def test_a_verification_in_a_folder_that_workers_do_not_share_changes_no_file() -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        workspace = make_workspace(Path(folder))
        patcher = runner(workspace)
        assert patcher("init", f"{folder}/project").status == 0
        assert patcher("apply", "use_sum").status == 0
        (workspace / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
        names = ("patcher.toml", "pyproject.toml", "patches/use_sum.yaml")
        before = {name: (workspace / name).read_bytes() for name in names}
        assert patcher("verify").status == 0
        assert {name: (workspace / name).read_bytes() for name in names} == before
