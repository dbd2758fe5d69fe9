"""The recovery table: what settling makes of every state an interrupted change can leave."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.store import fs, undo
from patcher.store import journal as journals
from patcher.store.fs import FileOperation, Folder
from patcher.store.journal import JOURNAL_FILE, ChangeStage
from patcher.store.state import SERIES_FILE
from patcher.store.undo import OTHER, Settlement, seen
from tests.store.interrupted import (
    FOREIGN,
    NEW,
    OLD,
    OLD_HASH,
    PATH,
    TRANSACTION,
    Interrupted,
    journal,
    step,
)

# (before, after), what lies where, then: the file afterwards
UNDONE: dict[str, tuple[tuple[bytes | None, bytes | None], dict[str, bytes], bytes | None]] = {
    "nothing was written": ((OLD, NEW), {"file": OLD}, OLD),
    "its new bytes lie beside it": ((OLD, NEW), {"file": OLD, "side": NEW}, OLD),
    "it was swapped": ((OLD, NEW), {"file": NEW, "side": OLD}, OLD),
    "it was moved, and not yet replaced": ((OLD, NEW), {"side": NEW, "removed": OLD}, OLD),
    "it was moved and replaced": ((OLD, NEW), {"file": NEW, "side": NEW, "removed": OLD}, OLD),
    "it was put back, and the new bytes remain": ((OLD, NEW), {"file": OLD, "side": NEW}, OLD),
    "it was moved and put back": ((OLD, NEW), {"file": OLD, "removed": OLD}, OLD),
    "a new file is not there yet": ((None, NEW), {"side": NEW}, None),
    "a new file is there": ((None, NEW), {"file": NEW, "side": NEW}, None),
    "a new file was moved out of the way": ((None, NEW), {"removed": NEW}, None),
    "it was to go, and is there": ((OLD, None), {"file": OLD}, OLD),
    "it was moved to go": ((OLD, None), {"removed": OLD}, OLD),
    "somebody removed it before its turn": ((OLD, NEW), {"side": NEW}, None),
    "somebody removed it after the swap": ((OLD, NEW), {"side": OLD}, OLD),
}


@pytest.mark.parametrize("case", UNDONE)
def test_an_uncommitted_change_is_undone_where(interrupted: Interrupted, case: str) -> None:
    (before, after), there, expected = UNDONE[case]
    interrupted.put(**there)
    assert interrupted.settle(journal(step(before, after))) == (Settlement.UNDONE, ())
    assert interrupted.left == ({} if expected is None else {"file": expected})
    assert not interrupted.pending
    assert not (interrupted.home / journal(step()).next_state).exists()


@pytest.mark.parametrize("case", UNDONE)
def test_settling_may_be_cut_short_anywhere_and_repeated(
    interrupted: Interrupted, case: str, tmp_path: Path
) -> None:
    (before, after), there, expected = UNDONE[case]
    each = journal(step(before, after))
    for number in range(100):
        box = tmp_path / str(number)
        box.mkdir()
        again = Interrupted(box)
        again.put(**there)
        count = 0

        def stop(_: FileOperation, number: int = number) -> None:
            nonlocal count
            count += 1
            if count > number:
                raise KeyboardInterrupt

        journals.write(again.private, each)
        fs.observer = stop
        try:
            undo.settle(again.place, each)
        except KeyboardInterrupt:
            fs.observer = None
            if journals.read(again.private) is not None:
                assert undo.settle(again.place, each) == (Settlement.UNDONE, ())
        else:
            fs.observer = None
            break
        assert again.left == ({} if expected is None else {"file": expected})
    assert number > 1


FINISHED: dict[str, tuple[tuple[bytes | None, bytes | None], dict[str, bytes], bytes | None]] = {
    "it was swapped": ((OLD, NEW), {"file": NEW, "side": OLD}, NEW),
    "it was moved and replaced": ((OLD, NEW), {"file": NEW, "side": NEW, "removed": OLD}, NEW),
    "it was made": ((None, NEW), {"file": NEW, "side": NEW}, NEW),
    "it was removed": ((OLD, None), {"removed": OLD}, None),
    "all is clear already": ((OLD, NEW), {"file": NEW}, NEW),
    "it was edited since": ((OLD, NEW), {"file": FOREIGN, "side": OLD}, FOREIGN),
}


@pytest.mark.parametrize("case", FINISHED)
def test_a_committed_change_is_finished_where(interrupted: Interrupted, case: str) -> None:
    (before, after), there, expected = FINISHED[case]
    interrupted.put(**there)
    interrupted.say(TRANSACTION)
    assert interrupted.settle(journal(step(before, after))) == (Settlement.FINISHED, ())
    if expected is None:
        assert not interrupted.folder.exists()
    else:
        assert interrupted.left == {"file": expected}
    assert not interrupted.pending


BLOCKED: dict[str, tuple[tuple[bytes | None, bytes | None], dict[str, bytes], dict[str, bytes]]] = {
    "the new bytes were edited after the swap": (
        (OLD, NEW), {"file": FOREIGN, "side": OLD}, {"file": FOREIGN, "side": OLD}),
    "the new bytes were edited where it was moved": (
        (OLD, NEW), {"file": FOREIGN, "removed": OLD}, {"file": FOREIGN, "removed": OLD}),
    "the swap took an edit of that instant": (
        (OLD, NEW), {"file": NEW, "side": FOREIGN}, {"file": FOREIGN, "side": NEW}),
    "the removal took an edit of that instant": (
        (OLD, None), {"removed": FOREIGN}, {"file": FOREIGN, "removed": FOREIGN}),
    "a new file was edited as it was taken away": (
        (None, NEW), {"removed": FOREIGN}, {"file": FOREIGN, "removed": FOREIGN}),
    "an edit lies on either side": (
        (OLD, NEW), {"file": FOREIGN, "side": b"another\n"},
        {"file": FOREIGN, "side": b"another\n"}),
}  # fmt: skip


@pytest.mark.parametrize("case", BLOCKED)
def test_a_foreign_edit_is_left_alone_and_the_journal_stays_where(
    interrupted: Interrupted, case: str
) -> None:
    (before, after), there, expected = BLOCKED[case]
    interrupted.put(**there)
    assert interrupted.settle(journal(step(before, after))) == (Settlement.BLOCKED, (PATH,))
    assert interrupted.left == expected
    assert interrupted.pending
    assert (interrupted.home / journal(step()).next_state).exists()


@pytest.mark.parametrize(("before", "side"), [(OLD, NEW), (OLD, None), (None, NEW), (None, None)])
def test_an_edit_of_a_file_that_was_not_reached_is_not_in_the_way(
    interrupted: Interrupted, before: bytes | None, side: bytes | None
) -> None:
    interrupted.put(file=FOREIGN, side=side)
    assert interrupted.settle(journal(step(before, NEW))) == (Settlement.UNDONE, ())
    assert interrupted.left == {"file": FOREIGN}


def test_one_blocked_file_does_not_keep_the_others_from_going_back(
    interrupted: Interrupted,
) -> None:
    interrupted.put(file=FOREIGN, side=OLD)
    other = step(path="pkg/other.py")
    each = journal(step(), other)
    (interrupted.folder / "other.py").write_bytes(NEW)
    (interrupted.folder / each.side(1)).write_bytes(OLD)
    assert interrupted.settle(each) == (Settlement.BLOCKED, (PATH,))
    assert (interrupted.folder / "other.py").read_bytes() == OLD


def test_after_the_person_has_put_the_old_bytes_back_the_rest_is_cleared(
    interrupted: Interrupted,
) -> None:
    interrupted.put(file=FOREIGN, side=OLD)
    each = journal(step())
    interrupted.settle(each)
    interrupted.put(file=OLD)
    assert undo.settle(interrupted.place, each) == (Settlement.UNDONE, ())
    assert interrupted.left == {"file": OLD}
    assert not interrupted.pending


@pytest.mark.parametrize("after", [NEW, None])
def test_old_bytes_that_were_taken_away_come_from_the_backups(
    interrupted: Interrupted, after: bytes | None
) -> None:
    """As after `git clean`: the temporary files are gone."""
    interrupted.put(file=after)
    interrupted.backups.put(OLD)
    assert interrupted.settle(journal(replace(step(OLD, after), before_mode=0o751))) == (
        Settlement.UNDONE,
        (),
    )
    assert interrupted.left == {"file": OLD}
    assert (interrupted.folder / "mod.py").stat().st_mode & 0o777 == 0o751


def test_a_damaged_backup_is_never_written(interrupted: Interrupted) -> None:
    interrupted.put(file=NEW)
    interrupted.backups.put(OLD)
    held = interrupted.backups.object_path(OLD_HASH)
    held.chmod(0o644)
    held.write_bytes(b"olD\n")
    each = journal(step())
    journals.write(interrupted.private, each)
    (interrupted.home / each.next_state).write_bytes(b"")
    with pytest.raises(PatcherError, match="has other bytes"):
        undo.settle(interrupted.place, each)
    assert interrupted.left == {"file": NEW}
    assert interrupted.pending


def test_before_begin_no_file_is_touched_and_incomplete_ones_go(interrupted: Interrupted) -> None:
    interrupted.put(file=FOREIGN, side=NEW[:2])
    assert interrupted.settle(journal(step(), stage=ChangeStage.PREPARE)) == (Settlement.UNDONE, ())
    assert interrupted.left == {"file": FOREIGN}


def test_after_begin_a_temporary_file_with_other_bytes_is_somebodys(
    interrupted: Interrupted,
) -> None:
    interrupted.put(file=OLD, side=FOREIGN)
    assert interrupted.settle(journal(step())) == (Settlement.UNDONE, ())
    assert interrupted.left == {"file": OLD, "side": FOREIGN}


def test_a_folder_that_is_gone_or_replaced_is_passed_over(
    interrupted: Interrupted, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mod.py").write_bytes(NEW)
    (interrupted.tree / "linked").symlink_to(elsewhere)
    steps = [step(path="gone/mod.py"), step(path="linked/mod.py")]
    assert interrupted.settle(journal(*steps)) == (Settlement.UNDONE, ())
    assert (elsewhere / "mod.py").read_bytes() == NEW


def test_without_exchange_the_old_bytes_are_renamed_back(
    interrupted: Interrupted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fs, "_libc_exchange", None)
    interrupted.put(file=NEW, side=OLD)
    assert interrupted.settle(journal(step())) == (Settlement.UNDONE, ())
    assert interrupted.left == {"file": OLD}


def test_an_edit_in_the_instant_of_the_undoing_is_put_back(interrupted: Interrupted) -> None:
    interrupted.put(file=NEW, side=OLD)

    def edit(call: FileOperation) -> None:
        if call.op == "exchange":
            fs.observer = None
            (interrupted.folder / "mod.py").write_bytes(FOREIGN)

    each = journal(step())
    journals.write(interrupted.private, each)
    fs.observer = edit
    assert undo.settle(interrupted.place, each) == (Settlement.BLOCKED, (PATH,))
    assert interrupted.left == {"file": FOREIGN, "side": OLD}


def test_an_edit_in_the_instant_of_taking_a_new_file_away_is_put_back(
    interrupted: Interrupted,
) -> None:
    interrupted.put(file=NEW)

    def edit(call: FileOperation) -> None:
        if call.op == "rename":
            fs.observer = None
            (interrupted.folder / "mod.py").write_bytes(FOREIGN)

    each = journal(step(None, NEW))
    journals.write(interrupted.private, each)
    fs.observer = edit
    assert undo.settle(interrupted.place, each) == (Settlement.BLOCKED, (PATH,))
    assert interrupted.left == {"file": FOREIGN}


def test_folders_that_were_made_go_if_they_are_empty(interrupted: Interrupted) -> None:
    (interrupted.tree / "made" / "inner").mkdir(parents=True)
    (interrupted.tree / "kept").mkdir()
    (interrupted.tree / "kept" / "theirs").write_bytes(b"")
    each = journal(folders=("made", "made/inner", "kept", "never-made"))
    assert interrupted.settle(each) == (Settlement.UNDONE, ())
    assert not (interrupted.tree / "made").exists()
    assert (interrupted.tree / "kept" / "theirs").exists()


def test_folders_that_held_only_what_was_removed_go_too(interrupted: Interrupted) -> None:
    deep = interrupted.tree / "a" / "b"
    (deep / "__pycache__").mkdir(parents=True)
    (interrupted.tree / "a" / "other.py").write_bytes(b"")
    interrupted.say(TRANSACTION)
    assert interrupted.settle(journal(step(OLD, None, "a/b/gone.py"))) == (Settlement.FINISHED, ())
    assert not deep.exists()
    assert (interrupted.tree / "a" / "other.py").exists()
    assert interrupted.folder.exists()


def test_a_folder_with_bytecode_of_others_stays(interrupted: Interrupted) -> None:
    cache = interrupted.tree / "a" / "__pycache__"
    cache.mkdir(parents=True)
    (cache / "other.pyc").write_bytes(b"")
    interrupted.say(TRANSACTION)
    assert interrupted.settle(journal(step(OLD, None, "a/gone.py"))) == (Settlement.FINISHED, ())
    assert (cache / "other.pyc").exists()


def test_folders_stay_where_files_were_only_changed(interrupted: Interrupted) -> None:
    interrupted.put(file=NEW)
    (interrupted.folder / "mod.py").unlink()
    interrupted.say(TRANSACTION)
    interrupted.settle(journal(step(OLD, NEW)))
    assert interrupted.folder.exists()


def test_names_are_durable_before_the_journal_goes(
    interrupted: Interrupted, calls: list[FileOperation]
) -> None:
    interrupted.put(file=NEW, side=OLD)
    each = journal(step())
    journals.write(interrupted.private, each)
    calls.clear()
    undo.settle(interrupted.place, each)
    order = [(call.op, os.path.basename(call.path)) for call in calls]
    assert order == [
        ("exchange", each.side(0)),
        ("unlink", each.side(0)),
        ("fsync-folder", "pkg"),
        ("unlink", each.next_state),
        ("unlink", JOURNAL_FILE),
        ("fsync-folder", "private"),
    ]


def test_the_commit_is_durable_before_anything_is_cleared(
    interrupted: Interrupted, calls: list[FileOperation]
) -> None:
    interrupted.put(file=NEW, side=OLD)
    interrupted.say(TRANSACTION)
    each = journal(step())
    journals.write(interrupted.private, each)
    calls.clear()
    undo.settle(interrupted.place, each)
    assert (calls[0].op, calls[0].path) == ("fsync-folder", str(interrupted.home))
    assert [call.op for call in calls[1:3]] == ["unlink", "fsync-folder"]


def test_emptied_folders_are_durably_gone_before_the_journal_is(
    interrupted: Interrupted, calls: list[FileOperation]
) -> None:
    (interrupted.tree / "a").mkdir()
    interrupted.say(TRANSACTION)
    interrupted.settle(journal(step(OLD, None, "a/gone.py")))
    order = [(call.op, os.path.basename(call.path)) for call in calls]
    at = order.index(("rmdir", "a"))
    assert order[at + 1] == ("fsync-folder", "tree")
    assert order.index(("unlink", JOURNAL_FILE)) > at


def test_seen_tells_files_nothing_and_anything_else_apart(interrupted: Interrupted) -> None:
    (interrupted.folder / "link").symlink_to("mod.py")
    interrupted.put(file=OLD)
    with Folder.open(interrupted.folder) as folder:
        assert seen(folder, "mod.py") == OLD_HASH
        assert seen(folder, "nothing") is None
        assert seen(folder, "link") == OTHER


def test_a_name_that_vanishes_while_it_is_read_is_nothing(
    interrupted: Interrupted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanished(self: Folder, name: str) -> None:
        raise FileNotFoundError(name)

    monkeypatch.setattr(Folder, "read", vanished)
    with Folder.open(interrupted.folder) as folder:
        assert seen(folder, "mod.py") is None


@pytest.mark.parametrize("data", [None, b"", b"{}", b"not json", b'{"transaction": "x"}'])
def test_without_a_sound_series_nothing_counts_as_committed(
    interrupted: Interrupted, data: bytes | None
) -> None:
    (interrupted.home / SERIES_FILE).unlink()
    if data is not None:
        (interrupted.home / SERIES_FILE).write_bytes(data)
    assert undo.is_committed(interrupted.place, journal(step())) is False


def test_committed_is_what_the_series_names(interrupted: Interrupted) -> None:
    assert undo.is_committed(interrupted.place, journal(step())) is False
    interrupted.say(TRANSACTION)
    assert undo.is_committed(interrupted.place, journal(step())) is True
