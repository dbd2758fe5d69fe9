"""What commands import, and that it makes no difference to what they do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Patcher
from tests.contract.adder import initialised, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


@pytest.fixture
def patcher(workspace: Path) -> Patcher:
    return initialised(workspace)


LOADED = """
import os
import sys
os.sched_setaffinity(0, [0])  # one processor: nothing is loaded by a second process
from patcher.cli import cli
from patcher.cli.common import run
status = run(cli, sys.argv[1:])
print(status, sorted({"libcst", "git", "rich", "packaging", "torch"} & set(sys.modules)))
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot take processors away")
def test_commands_load_only_what_they_need(patcher: Patcher, workspace: Path) -> None:
    def loaded_by(*words: str) -> str:
        command = [sys.executable, "-c", LOADED, "-C", str(workspace), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[-1]

    assert loaded_by("apply", "use_sum", "use_shift") == "0 ['libcst']"
    assert loaded_by("status") == "0 []"
    assert loaded_by("revert", "--all") == "0 []"
    assert loaded_by("apply", "use_sum", "use_shift") == "0 []"  # what comes out is known
    # The other patch has only been written on top of this one: alone it is new.
    assert loaded_by("revert", "use_sum") == "0 ['libcst']"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cannot take processors away")
def test_apply_is_the_same_on_one_processor_where_nothing_is_imported_ahead(
    patcher: Patcher, workspace: Path
) -> None:
    each = "import os; os.sched_setaffinity(0, [0]); from patcher.__main__ import main; main()"
    trees = []
    for start in (["-m", "patcher"], ["-c", each]):
        for words in (["apply", "use_sum"], ["apply", "use_shift"], ["revert", "use_sum"]):
            command = [sys.executable, *start, "-C", str(workspace), "-q", *words]
            subprocess.run(command, check=True, timeout=120)
        files = sorted(workspace.glob(".patcher/*/tree/**/*.py"))
        trees.append({path: path.read_bytes() for path in files})
        assert patcher("revert", "--all").status == 0
        shutil.rmtree(workspace / ".patcher" / "cache")
    assert trees[0] == trees[1] != {}
