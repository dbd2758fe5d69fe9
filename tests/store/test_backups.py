"""Backups suffice on their own: without git, without the journal, without the series, on a full
disk. A damaged one is found and never written."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from patcher.errors import Exit, PatcherError
from patcher.store import fs, git
from patcher.store.backups import Backups
from patcher.store.doctor import doctor
from patcher.store.fs import FileOperation, digest
from patcher.store.gc import gc
from patcher.store.recovery import recover
from patcher.store.undo import Settlement
from patcher.store.working_copy import WorkingCopy
from patcher.store.workspace import Workspace
from tests.store.conftest import FILES, a_patch, tree_of
from tests.torture import inject

ONE, NEW = "sample/one.py", "sample/new.py"
PATCHED: dict[str, bytes | None] = {ONE: b"x = 2\n", NEW: b"n\n", "sample/two.py": None}


def apply(copy: WorkingCopy, name: str = "first", files: dict[str, bytes | None] = PATCHED) -> None:
    copy.change(files, [*copy.series, a_patch(name)], "apply", [name])


def revert_all(workspace: Workspace) -> WorkingCopy:
    with workspace.lock("revert"):
        copy = workspace.working_copy()
        back = {path: copy.pristine(path) for path in copy.state.touched}
        copy.change(back, (), "revert", [one.name for one in copy.series])
    return copy


def test_every_command_leaves_a_manifest_that_names_path_mode_and_hash(copy: WorkingCopy) -> None:
    apply(copy)
    manifests = list(copy.workspace.backups.records("sample"))
    assert [each.action for each in manifests] == ["init", "apply"]
    steps = {step.path: step for step in manifests[1].steps}
    assert steps["sample/two.py"].before == digest(FILES["sample/two.py"][0])
    assert steps["sample/two.py"].before_mode == 0o755
    assert steps[NEW].before is None
    for step in steps.values():
        if step.before is not None:
            copy.workspace.backups.get(step.before)


def test_the_backup_is_on_the_disk_before_the_first_write(
    copy: WorkingCopy, calls: list[FileOperation]
) -> None:
    apply(copy)
    places = [call.path for call in calls]
    first = next(i for i, path in enumerate(places) if str(copy.root) in path)
    last = max(i for i, path in enumerate(places) if "/backups/" in path and i < 1000)
    synced = [call for call in calls[:first] if call.op == "fsync"]
    assert last < first
    assert len([call for call in synced if "/objects/" in call.path]) >= 2


def test_without_the_working_copys_git_everything_can_be_restored(copy: WorkingCopy) -> None:
    apply(copy)
    shutil.rmtree(copy.root / ".git")
    assert tree_of(revert_all(copy.workspace)) == FILES
    assert git.recorded(copy.workspace.working_copy()) is not None  # and it was made again


def _killed_in_the_middle(copy: WorkingCopy) -> None:
    """One file is made, one is swapped, the third is about to be removed."""

    def observe(call: FileOperation) -> None:
        if call.op == "rename" and call.path.endswith("two.py"):
            inject.die()

    inject.run(lambda: apply(copy), observe)
    assert copy.workspace.journal() is not None
    assert tree_of(copy) != FILES


def test_without_the_journal_an_interrupted_change_is_undone(copy: WorkingCopy) -> None:
    files: dict[str, bytes | None] = {ONE: b"x = 2\n", "sample/z.py": b"n\n"}

    def observe(call: FileOperation) -> None:
        if call.op == "link":
            inject.die()

    inject.run(lambda: apply(copy, files=files), observe)
    assert (copy.root / ONE).read_bytes() == b"x = 2\n"
    (copy.workspace.private_dir / "journal.json").unlink()
    assert tree_of(revert_all(copy.workspace)) == FILES


DAMAGE: dict[str, Callable[[Path], None]] = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: path.write_bytes(b""),
    "edited": lambda path: path.write_bytes(path.read_bytes().replace(b"sample", b"Sample")),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_series_is_found_and_rebuilt(copy: WorkingCopy, how: str) -> None:
    apply(copy)
    apply(copy, "second", {ONE: b"x = 3\n"})
    state = copy.state
    DAMAGE[how](copy.home / "series.json")
    if how != "deleted":
        with pytest.raises(PatcherError) as caught:
            copy.workspace.working_copy()
        assert caught.value.exit is Exit.NEEDS_PERSON
        assert "patcher recover" in caught.value.hint
    result = recover(copy.workspace)
    assert result.mended == (str(copy.home / "series.json"),)
    assert copy.workspace.working_copy().state == state
    assert tree_of(revert_all(copy.workspace)) == FILES


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_index_is_found_and_rebuilt(copy: WorkingCopy, how: str) -> None:
    apply(copy)
    DAMAGE[how](copy.home / "pristine.idx")
    with pytest.raises(PatcherError, match="missing or damaged"):
        copy.workspace.working_copy().drift()
    assert recover(copy.workspace).mended == (str(copy.home / "pristine.idx"),)
    assert copy.workspace.working_copy().drift() == ()


@pytest.mark.parametrize("how", ["emptied", "edited"])
def test_a_damaged_journal_is_found_and_its_change_settled(copy: WorkingCopy, how: str) -> None:
    _killed_in_the_middle(copy)
    DAMAGE[how](copy.workspace.private_dir / "journal.json")
    with pytest.raises(PatcherError) as caught:
        copy.workspace.lock("apply").__enter__()
    assert caught.value.code == "state-damaged"
    assert copy.workspace.journal() is not None
    result = recover(copy.workspace)
    assert result.settled[0].outcome is Settlement.UNDONE
    assert tree_of(copy) == FILES


def test_one_flipped_bit_in_a_backup_is_found_and_never_written(copy: WorkingCopy) -> None:
    apply(copy)
    backup = copy.workspace.backups.object_path(digest(FILES[ONE][0]))
    backup.chmod(0o644)
    flipped = bytearray(backup.read_bytes())
    flipped[2] ^= 1
    backup.write_bytes(flipped)
    before = tree_of(copy)
    with pytest.raises(PatcherError) as caught:
        revert_all(copy.workspace)
    assert caught.value.code == "backup-damaged"
    assert caught.value.exit is Exit.NEEDS_PERSON
    assert caught.value.where == str(backup)
    assert tree_of(copy) == before
    assert any(each.topic == "backups" for each in doctor(copy.workspace) if each.level != "ok")
    assert recover(copy.workspace).mended == (str(backup),)
    assert tree_of(revert_all(copy.workspace)) == FILES


def test_a_backup_that_nothing_else_holds_stays_damaged(copy: WorkingCopy) -> None:
    apply(copy)
    backup = copy.workspace.backups.object_path(digest(FILES[ONE][0]))
    backup.unlink()
    shutil.rmtree(copy.root / ".git")
    with pytest.raises(PatcherError, match="is missing"):
        recover(copy.workspace)


def test_a_damaged_backup_is_replaced_when_its_bytes_come_again(tmp_path: Path) -> None:
    backups = Backups(tmp_path)
    name = backups.put(b"data")
    backups.object_path(name).chmod(0o644)
    backups.object_path(name).write_bytes(b"dada")
    assert backups.put(b"data") == name
    assert backups.get(name) == b"data"


def test_backups_are_read_only(tmp_path: Path) -> None:
    name = Backups(tmp_path).put(b"data")
    assert Backups(tmp_path).object_path(name).stat().st_mode & 0o777 == 0o444


class FullDisk:
    """A disk with no room left but what is freed on it: at the seam, by the byte."""

    def __init__(self) -> None:
        self.free = 0

    def __call__(self, call: FileOperation) -> None:
        if call.op == "unlink" and os.path.exists(call.path):
            self.free += os.stat(call.path).st_size
        need = len(call.data) + 4096 * (call.op in ("create", "mkdir"))
        if (call.op == "allocate" or need > self.free) and (need or call.op == "allocate"):
            raise OSError(errno.ENOSPC, "No space left on device", call.path)
        self.free -= need


@pytest.mark.parametrize("action", ["revert", "restore"])
def test_going_back_needs_no_free_space(copy: WorkingCopy, action: str) -> None:
    files = {f"sample/m{i}.py": b"x" * 50_000 for i in range(5)}
    apply(copy, files={**PATCHED, **files})
    fs.observer = FullDisk()
    back = {path: copy.pristine(path) for path in copy.state.touched}
    copy.change(back, (), action, ["first"])
    fs.observer = None
    assert tree_of(copy) == FILES
    assert copy.workspace.journal() is None


def test_undoing_an_interrupted_change_needs_no_free_space(copy: WorkingCopy) -> None:
    _killed_in_the_middle(copy)
    fs.observer = FullDisk()
    with copy.workspace.lock("check"):
        pass
    fs.observer = None
    assert tree_of(copy) == FILES


def test_apply_on_a_full_disk_refuses_and_changes_nothing(copy: WorkingCopy) -> None:
    fs.observer = FullDisk()
    with pytest.raises(PatcherError) as caught:
        apply(copy)
    fs.observer = None
    assert caught.value.code == "io"
    assert tree_of(copy) == FILES
    assert copy.workspace.working_copy().series == ()


def test_gc_keeps_what_is_needed_and_says_what_it_frees(copy: WorkingCopy) -> None:
    for number in range(6):
        apply(copy, f"p{number}", {ONE: b"%d" % number * 100})
    planned = gc(copy.workspace, keep=2, dry_run=True)
    assert len(list(copy.workspace.backups.records())) == 7
    done = gc(copy.workspace, keep=2)
    assert done == planned
    assert done.freed_bytes > 0
    assert len(list(copy.workspace.backups.records())) == 2
    assert copy.workspace.backups.get(digest(FILES[ONE][0])) == b"x = 1\n"
    (copy.home / "series.json").unlink()
    recover(copy.workspace)
    assert tree_of(revert_all(copy.workspace)) == FILES


def test_gc_always_keeps_one_manifest(copy: WorkingCopy) -> None:
    apply(copy)
    gc(copy.workspace, keep=0)
    assert [each.action for each in copy.workspace.backups.records()] == ["apply"]


def test_doctor_names_what_is_wrong_and_what_to_do(copy: WorkingCopy) -> None:
    assert [each for each in doctor(copy.workspace) if each.level == "problem"] == []
    _killed_in_the_middle(copy)
    actual = {each.topic: each for each in doctor(copy.workspace)}
    assert "unfinished apply" in actual["journal"].message
    assert "patcher recover" in actual["journal"].help
    recover(copy.workspace)
    (copy.root / ONE).write_bytes(b"mine")
    manifest = next(copy.workspace.backups.manifests.iterdir())
    manifest.write_bytes(b"{}")
    topics = [each.topic for each in doctor(copy.workspace) if each.level == "problem"]
    assert sorted(topics) == ["backups", "drift"]


def test_doctor_compares_the_trees_pins_with_the_environment(workspace: Workspace) -> None:
    from patcher.store.source import DistributionSource

    metadata = b"""Name: sample
Version: 1.0
Requires-Dist: pytest>=1
Requires-Dist: pytest<0.1
Requires-Dist: no-such-distribution-anywhere>=1
Requires-Dist: ignored>=1; extra == "more"
Requires-Dist: pytest; python_version < "3"
Requires-Dist: not a requirement!
"""
    files = {**FILES, "sample-1.0.dist-info/METADATA": (metadata, 0o644)}
    workspace.init(DistributionSource("sample", "1.0", "a test", files, ("sample",)))
    pins = sorted(each.message for each in doctor(workspace) if each.topic == "pins")
    assert pins == [
        "sample asks for no-such-distribution-anywhere>=1: not installed",
        f"sample asks for pytest<0.1: {pytest.__version__} is installed",
    ]
