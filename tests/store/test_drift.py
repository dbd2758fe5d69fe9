"""Drift: what somebody edited is named, and nothing is written over it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from patcher.errors import Exit, PatcherError
from patcher.store.working_copy import Drift, WorkingCopy
from tests.store.conftest import ONE, apply, revert_all, tree_of


def _edit(copy: WorkingCopy) -> None:
    (copy.root / ONE).write_bytes(b"mine\n")


def _delete(copy: WorkingCopy) -> None:
    (copy.root / ONE).unlink()


def _chmod(copy: WorkingCopy) -> None:
    (copy.root / ONE).chmod(0o600)


def _link(copy: WorkingCopy) -> None:
    (copy.root / ONE).unlink()
    (copy.root / ONE).symlink_to("two.py")


def _folder(copy: WorkingCopy) -> None:
    (copy.root / ONE).unlink()
    (copy.root / ONE).mkdir()


def _fifo(copy: WorkingCopy) -> None:
    (copy.root / ONE).unlink()
    os.mkfifo(copy.root / ONE)


def _linked_folder(copy: WorkingCopy) -> None:
    (copy.root / "sample").rename(copy.root / "moved")
    (copy.root / "sample").symlink_to("moved")


DRIFT: dict[str, tuple[Callable[[WorkingCopy], None], str]] = {
    "edited": (_edit, "edited"),
    "deleted": (_delete, "deleted"),
    "chmodded": (_chmod, "mode"),
    "replaced by a link": (_link, "link"),
    "replaced by a folder": (_folder, "folder"),
    "replaced by a FIFO": (_fifo, "special"),
    "below a folder replaced by a link": (_linked_folder, "link"),
}


@pytest.mark.parametrize("patched", [False, True], ids=["pristine", "patched"])
@pytest.mark.parametrize("case", DRIFT)
def test_drift_is_named_and_nothing_is_written_over_a_file(
    copy: WorkingCopy, case: str, patched: bool
) -> None:
    edit, kind = DRIFT[case]
    if patched:
        apply(copy, {ONE: b"x = 2\n"})
    edit(copy)
    assert Drift(ONE, kind) in copy.drift()
    assert copy.drift([ONE]) == (Drift(ONE, kind),)
    state, tree = copy.state, tree_of(copy)
    for action in (lambda: apply(copy, {ONE: b"x = 3\n"}, "second"), lambda: revert_all(copy)):
        if action.__code__.co_names[0] == "revert_all" and not patched:
            continue
        with pytest.raises(PatcherError) as caught:
            action()
        assert caught.value.code in ("drift", "unsafe-path")
        assert caught.value.exit is Exit.REFUSED
        assert caught.value.where == ONE
    assert copy.workspace.working_copy().state == state
    assert tree_of(copy) == tree


def test_an_edit_of_a_patched_file_stops_changes_of_other_files_too(copy: WorkingCopy) -> None:
    apply(copy, {ONE: b"x = 2\n"})
    _edit(copy)
    with pytest.raises(PatcherError, match=r"one\.py"):
        apply(copy, {"sample/two.py": b"new\n"}, "second")


def test_an_edit_elsewhere_does_not(copy: WorkingCopy) -> None:
    _edit(copy)
    apply(copy, {"sample/two.py": b"new\n"})
    assert copy.drift() == (Drift(ONE, "edited"),)


def test_a_drifted_files_pristine_bytes_come_from_git(copy: WorkingCopy) -> None:
    _edit(copy)
    assert copy.pristine(ONE) == b"x = 1\n"


def test_new_files_are_reported_and_never_touched(copy: WorkingCopy) -> None:
    (copy.root / "sample/mine.py").write_bytes(b"mine\n")
    (copy.root / "sample/mine").mkdir()
    (copy.root / "sample/mine/inner.py").write_bytes(b"mine\n")
    (copy.root / "sample/nothing/in/here").mkdir(parents=True)
    (copy.root / "sample/__pycache__").mkdir()
    (copy.root / "sample/__pycache__/one.cpython-311.pyc").write_bytes(b"")
    assert copy.drift() == (Drift("sample/mine.py", "added"), Drift("sample/mine/", "added"))
    apply(copy, {ONE: b"x = 2\n"})
    revert_all(copy)
    assert (copy.root / "sample/mine.py").read_bytes() == b"mine\n"


def test_a_new_file_where_a_patch_adds_one_is_not_overwritten(copy: WorkingCopy) -> None:
    (copy.root / "sample/new.py").write_bytes(b"mine\n")
    with pytest.raises(PatcherError) as caught:
        apply(copy, {"sample/new.py": b"theirs\n"})
    assert caught.value.code == "drift"
    assert (copy.root / "sample/new.py").read_bytes() == b"mine\n"


def test_a_file_that_comes_back_after_a_patch_removed_it_is_not_overwritten(
    copy: WorkingCopy,
) -> None:
    apply(copy, {ONE: None})
    (copy.root / ONE).write_bytes(b"mine\n")
    assert copy.drift() == (Drift(ONE, "added"),)
    with pytest.raises(PatcherError) as caught:
        revert_all(copy)
    assert caught.value.code == "drift"
    assert (copy.root / ONE).read_bytes() == b"mine\n"


def test_an_edit_within_one_tick_of_the_clock_is_found(copy: WorkingCopy) -> None:
    """Same size, same times: the inode's own time gives it away."""
    path = copy.root / ONE
    before = path.stat()
    path.write_bytes(b"x = 9\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert copy.drift() == (Drift(ONE, "edited"),)


def test_another_run_that_came_between_is_noticed(copy: WorkingCopy) -> None:
    stale = copy.workspace.working_copy()
    apply(copy, {ONE: b"x = 2\n"})
    with pytest.raises(PatcherError) as caught:
        apply(stale, {"sample/two.py": b"new\n"}, "second")
    assert caught.value.exit is Exit.LOCKED
