"""Permission bits that a series asks for, and hand edits that become the series'."""

from __future__ import annotations

import shutil

import pytest

from patcher.errors import PatcherError
from patcher.store.working_copy import WorkingCopy
from tests.store.conftest import FILES, a_patch, tree_of

ONE, TWO = "sample/one.py", "sample/two.py"


def mode(copy: WorkingCopy, path: str) -> int:
    return (copy.root / path).stat().st_mode & 0o777


def test_a_mode_alone_is_a_change_that_comes_and_goes(copy: WorkingCopy) -> None:
    change = copy.change({}, [a_patch()], "apply", ["first"], modes={ONE: 0o755})
    assert [path for path, _, _ in change.files] == [ONE]
    assert (mode(copy, ONE), copy.drift()) == (0o755, ())
    again = copy.workspace.working_copy()
    again.change({ONE: again.pristine(ONE)}, (), "revert", ["first"], modes={})
    assert tree_of(copy) == FILES
    assert copy.workspace.working_copy().state.touched == {}


def test_a_mode_that_nobody_asks_for_any_more_goes_back(copy: WorkingCopy) -> None:
    copy.change({TWO: b"new\n"}, [a_patch()], "apply", ["first"], modes={ONE: 0o755, TWO: 0o600})
    copy.change({}, [a_patch(), a_patch("second")], "apply", ["second"], modes={TWO: 0o700})
    assert (mode(copy, ONE), mode(copy, TWO)) == (0o644, 0o700)
    assert set(copy.state.touched) == {TWO}


def test_a_change_that_says_nothing_of_modes_leaves_them(copy: WorkingCopy) -> None:
    copy.change({}, [a_patch()], "apply", ["first"], modes={ONE: 0o755})
    copy.change({}, copy.series, "verify", (), verified=copy.series)
    copy.change({ONE: b"y = 1\n"}, [*copy.series, a_patch("second")], "apply", ["second"])
    assert mode(copy, ONE) == 0o755


def test_an_edit_that_is_what_would_be_written_becomes_the_series(copy: WorkingCopy) -> None:
    (copy.root / ONE).write_bytes(b"by hand\n")
    (copy.root / TWO).unlink()
    (copy.root / "sample/new.py").write_bytes(b"new\n")
    (copy.root / "sample/new.py").chmod(0o644)
    files = {ONE: b"by hand\n", TWO: None, "sample/new.py": b"new\n"}
    change = copy.change(files, [a_patch()], "apply", ["first"], modes={})
    assert (change.files, copy.drift()) == ((), ())
    shutil.rmtree(copy.root / ".git")  # the backups alone must do
    again = copy.workspace.working_copy()
    back = {path: again.pristine(path) for path in again.state.touched}
    again.change(back, (), "revert", ["first"], modes={})
    assert tree_of(copy) == FILES


@pytest.mark.parametrize("bits", [0o644, 0o600])
def test_an_edit_with_another_mode_is_drift(copy: WorkingCopy, bits: int) -> None:
    (copy.root / ONE).write_bytes(b"by hand\n")
    (copy.root / ONE).chmod(bits)
    with pytest.raises(PatcherError) as caught:
        copy.change({ONE: b"by hand\n"}, [a_patch()], "apply", ["first"], modes={ONE: 0o755})
    assert caught.value.code == "drift"
    assert (copy.root / ONE).read_bytes() == b"by hand\n"
