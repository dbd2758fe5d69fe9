"""A disk that is full, or fills up, during `patcher verify`: nothing is torn, and it is said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import runner
from tests.contract.adder import MODULE, make_workspace

SIZE = "6m"
WRONG = "number = number + 1"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` to make a small disk with")
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def workspace(disk: Path) -> Path:
    """A workspace on the small disk, with a patch applied that fails its gate."""
    made = make_workspace(disk)
    patcher = runner(made)
    assert patcher("init", str(disk / "project")).status == 0
    assert patcher("apply", "use_three").status == 0
    return made


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    path = disk / "fill"
    with path.open("ab") as file:
        while (left := os.statvfs(disk)).f_bavail:
            file.write(bytes(left.f_bavail * left.f_frsize))
            file.flush()
    return path


def applied(workspace: Path) -> list[str]:
    """The series; the tree is what it says, and no change is left half done."""
    status = runner(workspace)("status", "--json").json
    assert (status["drift"], status["journal"]) == ([], None)
    tree = (Path(status["root"]) / "adder.py").read_text()
    assert (WRONG in tree) == (status["series"] == ["use_three"])
    assert WRONG in tree or tree == MODULE
    series = status["series"]
    assert isinstance(series, list)
    return series


def test_on_a_full_disk_nothing_is_judged_and_the_patches_stay(workspace: Path, disk: Path) -> None:
    full = fill(disk)
    ran = runner(workspace)("verify")
    assert ran.status == 3, ran.stderr
    assert "error[io]: No space left on device" in ran.stderr
    assert str(workspace) in ran.stderr
    assert "the patches are still applied" in ran.stderr
    assert "goes on from there" in ran.stderr
    assert applied(workspace) == ["use_three"]
    full.unlink()
    assert runner(workspace)("verify").status == 1
    assert applied(workspace) == []


def test_a_disk_that_fills_up_while_it_runs_leaves_the_tree_restored_or_whole(
    workspace: Path, disk: Path
) -> None:
    """The room set aside by `apply` is for this: the failing patch is taken out all the same."""
    with subprocess.Popen(
        [sys.executable, "-m", "patcher", "-C", str(workspace), "verify"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        said = []
        for line in running.stderr:
            said.append(line)
            if "tracing what made" in line:  # the verdict is known, and nothing is restored yet
                fill(disk)
    text = "".join(said)
    assert (disk / "fill").exists(), text
    assert "Traceback" not in text
    assert "a defect in patcher" not in text
    left = applied(workspace)
    assert (running.returncode, left) in ((1, []), (3, ["use_three"])), text
    assert running.returncode == 1 or "error[io]" in text
    (disk / "fill").unlink()
    assert runner(workspace)("revert", "--all").status == 0
    assert applied(workspace) == []
