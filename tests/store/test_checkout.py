"""In place: what the plan read is what may be replaced, workspaces exclude each other, records
that are lost are named with the way back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.store import checkout as checkout_notes
from patcher.store import lock as locks
from patcher.store.lost import lost_copies
from patcher.store.recovery import recover
from patcher.store.source import find_source
from patcher.store.working_copy import WorkingCopy
from patcher.store.workspace import Workspace
from tests.conftest import runner
from tests.store.conftest import a_patch
from tests.torture import checkouts

ZERO = "sample/part0.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return checkouts.make_checkout(tmp_path)


def placed_in(checkout: Path, folder: Path) -> WorkingCopy:
    folder.mkdir(exist_ok=True)
    return Workspace(folder).init(find_source(str(checkout)), checkout)


def applied(copy: WorkingCopy, name: str = "first") -> None:
    copy.change({ZERO: b"patched\n"}, [a_patch(name)], "apply", [name])


def test_an_edit_saved_after_the_plan_read_the_file_is_drift(
    checkout: Path, tmp_path: Path
) -> None:
    copy = placed_in(checkout, tmp_path / "one")
    planned = copy.read(ZERO)
    assert planned is not None
    edited = checkout / "src" / ZERO
    edited.write_bytes(b"# saved meanwhile\n")
    with pytest.raises(PatcherError) as caught:
        copy.change({ZERO: planned + b"patched\n"}, [a_patch()], "apply", ["first"])
    assert (caught.value.code, caught.value.exit) == ("drift", 3)
    assert edited.read_bytes() == b"# saved meanwhile\n"


def test_an_edit_between_two_readings_of_one_plan_is_drift(checkout: Path, tmp_path: Path) -> None:
    copy = placed_in(checkout, tmp_path / "one")
    copy.read(ZERO)
    (checkout / "src" / ZERO).write_bytes(b"# saved meanwhile\n")
    copy.read(ZERO)
    with pytest.raises(PatcherError, match="is not what patcher wrote"):
        applied(copy)


def test_one_plan_after_another_starts_from_what_is_there(checkout: Path, tmp_path: Path) -> None:
    copy = placed_in(checkout, tmp_path / "one")
    applied(copy)
    copy.change({ZERO: copy.pristine(ZERO)}, (), "revert", ["first"])
    applied(copy)
    assert copy.read(ZERO) == b"patched\n"


def test_another_run_in_the_same_checkout_is_named(checkout: Path, tmp_path: Path) -> None:
    one = placed_in(checkout, tmp_path / "one")
    two = placed_in(checkout, tmp_path / "two")
    with checkout_notes.lock(one, "apply"), pytest.raises(PatcherError) as caught:
        applied(two)
    assert caught.value.code == "locked"
    applied(two)


def test_two_workspaces_know_of_each_others_series(checkout: Path, tmp_path: Path) -> None:
    one = placed_in(checkout, tmp_path / "one")
    two = placed_in(checkout, tmp_path / "two")
    applied(one)
    with pytest.raises(PatcherError) as caught:
        two.change({"sample/part1.py": b"x\n"}, [a_patch("other")], "apply", ["other"])
    assert (caught.value.code, caught.value.exit) == ("blocked", 3)
    assert str(tmp_path / "one") in str(caught.value)
    assert "first" in str(caught.value)
    one.change({ZERO: one.pristine(ZERO)}, (), "revert", ["first"])
    two.change({"sample/part1.py": b"x\n"}, [a_patch("other")], "apply", ["other"])


def test_a_checkout_that_is_patched_is_no_pristine_for_another_workspace(
    checkout: Path, tmp_path: Path
) -> None:
    applied(placed_in(checkout, tmp_path / "one"))
    with pytest.raises(PatcherError) as caught:
        placed_in(checkout, tmp_path / "two")
    assert caught.value.code == "exists"
    assert "first" in str(caught.value)


def test_files_that_were_restored_by_hand_do_not_count_as_patched(
    checkout: Path, tmp_path: Path
) -> None:
    copy = placed_in(checkout, tmp_path / "one")
    pristine = copy.pristine(ZERO)
    applied(copy)
    assert pristine is not None
    (checkout / "src" / ZERO).write_bytes(pristine)
    placed_in(checkout, tmp_path / "two")


def test_series_that_are_lost_come_back_from_the_backups(checkout: Path, tmp_path: Path) -> None:
    """The whole of ``.patcher`` is gone: commands say what is the matter, `recover` mends it."""
    copy = placed_in(checkout, tmp_path / "one")
    pristine = copy.pristine(ZERO)
    applied(copy)
    shutil.rmtree(tmp_path / "one" / ".patcher")
    patcher = runner(tmp_path / "one")
    status = patcher("status", "--json")
    assert status.status == 0
    assert "first" in status.json["lost"][0]
    assert "patcher recover" in status.json["lost"][0]
    for command in (("revert", "--all"), ("init", "--in-place", str(checkout)), ("diff",)):
        ran = patcher(*command)
        assert ran.status in (3, 4), ran.stderr
        assert "first" in ran.stderr
        assert "recover" in ran.stderr
    assert patcher("recover").status == 0
    assert patcher("revert", "--all").status == 0
    assert (checkout / "src" / ZERO).read_bytes() == pristine


def test_series_json_alone_can_be_lost(checkout: Path, tmp_path: Path) -> None:
    copy = placed_in(checkout, tmp_path / "one")
    applied(copy)
    (copy.home / "series.json").unlink()
    workspace = Workspace(tmp_path / "one")
    with pytest.raises(PatcherError) as caught:
        workspace.working_copy()
    assert caught.value.code == "state-damaged"
    recover(workspace)
    assert [each.name for each in workspace.working_copy().series] == ["first"]


def test_without_backups_git_gives_the_files_back(tmp_path: Path) -> None:
    """The workspace is the checkout itself; ``.patcher`` and ``backups`` are both gone."""
    checkout = checkouts.make_checkout(tmp_path)
    copy = placed_in(checkout, checkout)
    pristine = copy.pristine(ZERO)
    applied(copy)
    for name in (".patcher", "backups"):
        shutil.rmtree(checkout / name)
    (lost,) = lost_copies(Workspace(checkout))
    assert not lost.backed_up
    for command in lost.way_back:
        subprocess.run(["sh", "-c", command], check=True)
    assert (checkout / "src" / ZERO).read_bytes() == pristine
    assert lost_copies(Workspace(checkout)) == []


def test_a_pristine_workspace_that_lost_its_records_is_no_concern(tmp_path: Path) -> None:
    checkout = checkouts.make_checkout(tmp_path)
    copy = placed_in(checkout, tmp_path / "one")
    applied(copy)
    copy.change({ZERO: copy.pristine(ZERO)}, (), "revert", ["first"])
    shutil.rmtree(tmp_path / "one" / ".patcher")
    assert lost_copies(Workspace(tmp_path / "one")) == []
    placed_in(checkout, tmp_path / "one")


def test_a_note_that_is_damaged_is_written_anew(checkout: Path, tmp_path: Path) -> None:
    copy = placed_in(checkout, tmp_path / "one")
    (checkout / ".git" / "patcher.json").write_text("{no json")
    applied(copy)
    (user,) = checkout_notes.users(checkout)
    assert user.series == ("first",)
    assert json.loads((checkout / ".git" / "patcher.json").read_bytes())["schema"] == 1
    assert locks.dead_holder(checkout / ".git" / "patcher.lock") is None
