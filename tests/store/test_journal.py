"""The recovery table: what settling makes of every state an interrupted change can leave."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from patcher.errors import PatcherError
from patcher.store import fs, records, undo
from patcher.store import journal as journals
from patcher.store.backups import Backups
from patcher.store.fs import FileOperation, Folder, digest
from patcher.store.journal import JOURNAL_FILE, ChangeStage, FileStep, Journal
from patcher.store.paths import Root
from patcher.store.state import SERIES_FILE
from patcher.store.undo import OTHER, CopyFolders, Settlement, seen

OLD, NEW, FOREIGN = b"old\n", b"new\n", b"somebody else's\n"
OLD_HASH, NEW_HASH = digest(OLD), digest(NEW)
TRANSACTION = "0123456789ab"
PATH = "pkg/mod.py"


def step(before: bytes | None = OLD, after: bytes | None = NEW, path: str = PATH) -> FileStep:
    return FileStep(
        path,
        None if before is None else digest(before),
        0o644,
        None if after is None else digest(after),
        0o644,
    )


def journal(*steps: FileStep, stage: ChangeStage = ChangeStage.BEGIN, **named: Any) -> Journal:
    return Journal(
        transaction=TRANSACTION,
        generation=3,
        target="sample",
        action="apply",
        names=("first",),
        root="tree",
        started="2026-01-02T03:04:05Z",
        pid=42,
        state_before=OLD_HASH,
        state_after=NEW_HASH,
        steps=steps,
        stage=stage,
        **named,
    )


class Bench:
    """A tree with one file's names, and everything settling looks at."""

    def __init__(self, box: Path) -> None:
        self.tree = box / "tree"
        self.folder = self.tree / "pkg"
        self.folder.mkdir(parents=True)
        self.private = box / "private"
        self.home = self.private / "sample"
        self.home.mkdir(parents=True)
        self.backups = Backups(box / "backups")
        self.place = CopyFolders(Root(str(self.tree)), self.private, self.home, self.backups)
        self.say("another")

    def say(self, transaction: str) -> None:
        """Let series.json name a transaction."""
        (self.home / SERIES_FILE).write_bytes(records.encode({"transaction": transaction}))

    def put(self, **names: bytes | None) -> None:
        """Lay out ``file``, ``side`` (new bytes, or old after the swap) and ``removed``."""
        for name, data in names.items():
            if data is not None:
                (self.folder / self._name(name)).write_bytes(data)

    @staticmethod
    def _name(name: str) -> str:
        each = journal(step())
        return {"file": "mod.py", "side": each.side(0), "removed": each.removed(0)}[name]

    def settle(self, each: Journal) -> tuple[Settlement, tuple[str, ...]]:
        journals.write(self.private, each)
        (self.home / each.next_state).write_bytes(b"prepared")
        return undo.settle(self.place, each)

    @property
    def left(self) -> dict[str, bytes]:
        known = {self._name(name): name for name in ("file", "side", "removed")}
        return {
            known.get(path.name, path.name): path.read_bytes() for path in self.folder.iterdir()
        }

    @property
    def pending(self) -> bool:
        return (self.private / JOURNAL_FILE).exists()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


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
def test_an_uncommitted_change_is_undone_where(bench: Bench, case: str) -> None:
    (before, after), there, expected = UNDONE[case]
    bench.put(**there)
    assert bench.settle(journal(step(before, after))) == (Settlement.UNDONE, ())
    assert bench.left == ({} if expected is None else {"file": expected})
    assert not bench.pending
    assert not (bench.home / journal(step()).next_state).exists()


@pytest.mark.parametrize("case", UNDONE)
def test_settling_may_be_cut_short_anywhere_and_repeated(
    bench: Bench, case: str, tmp_path: Path
) -> None:
    (before, after), there, expected = UNDONE[case]
    each = journal(step(before, after))
    for number in range(100):
        box = tmp_path / str(number)
        box.mkdir()
        again = Bench(box)
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
def test_a_committed_change_is_finished_where(bench: Bench, case: str) -> None:
    (before, after), there, expected = FINISHED[case]
    bench.put(**there)
    bench.say(TRANSACTION)
    assert bench.settle(journal(step(before, after))) == (Settlement.FINISHED, ())
    if expected is None:
        assert not bench.folder.exists()
    else:
        assert bench.left == {"file": expected}
    assert not bench.pending


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
def test_a_foreign_edit_is_left_alone_and_the_journal_stays_where(bench: Bench, case: str) -> None:
    (before, after), there, expected = BLOCKED[case]
    bench.put(**there)
    assert bench.settle(journal(step(before, after))) == (Settlement.BLOCKED, (PATH,))
    assert bench.left == expected
    assert bench.pending
    assert (bench.home / journal(step()).next_state).exists()


@pytest.mark.parametrize(("before", "side"), [(OLD, NEW), (OLD, None), (None, NEW), (None, None)])
def test_an_edit_of_a_file_that_was_not_reached_is_not_in_the_way(
    bench: Bench, before: bytes | None, side: bytes | None
) -> None:
    bench.put(file=FOREIGN, side=side)
    assert bench.settle(journal(step(before, NEW))) == (Settlement.UNDONE, ())
    assert bench.left == {"file": FOREIGN}


def test_one_blocked_file_does_not_keep_the_others_from_going_back(bench: Bench) -> None:
    bench.put(file=FOREIGN, side=OLD)
    other = step(path="pkg/other.py")
    each = journal(step(), other)
    (bench.folder / "other.py").write_bytes(NEW)
    (bench.folder / each.side(1)).write_bytes(OLD)
    assert bench.settle(each) == (Settlement.BLOCKED, (PATH,))
    assert (bench.folder / "other.py").read_bytes() == OLD


def test_after_the_person_has_put_the_old_bytes_back_the_rest_is_cleared(bench: Bench) -> None:
    bench.put(file=FOREIGN, side=OLD)
    each = journal(step())
    bench.settle(each)
    bench.put(file=OLD)
    assert undo.settle(bench.place, each) == (Settlement.UNDONE, ())
    assert bench.left == {"file": OLD}
    assert not bench.pending


@pytest.mark.parametrize("after", [NEW, None])
def test_old_bytes_that_were_taken_away_come_from_the_backups(
    bench: Bench, after: bytes | None
) -> None:
    """As after `git clean`: the temporary files are gone."""
    bench.put(file=after)
    bench.backups.put(OLD)
    assert bench.settle(journal(replace(step(OLD, after), before_mode=0o751))) == (
        Settlement.UNDONE,
        (),
    )
    assert bench.left == {"file": OLD}
    assert (bench.folder / "mod.py").stat().st_mode & 0o777 == 0o751


def test_a_damaged_backup_is_never_written(bench: Bench) -> None:
    bench.put(file=NEW)
    bench.backups.put(OLD)
    held = bench.backups.object_path(OLD_HASH)
    held.chmod(0o644)
    held.write_bytes(b"olD\n")
    each = journal(step())
    journals.write(bench.private, each)
    (bench.home / each.next_state).write_bytes(b"")
    with pytest.raises(PatcherError, match="has other bytes"):
        undo.settle(bench.place, each)
    assert bench.left == {"file": NEW}
    assert bench.pending


def test_before_begin_no_file_is_touched_and_incomplete_ones_go(bench: Bench) -> None:
    bench.put(file=FOREIGN, side=NEW[:2])
    assert bench.settle(journal(step(), stage=ChangeStage.PREPARE)) == (Settlement.UNDONE, ())
    assert bench.left == {"file": FOREIGN}


def test_after_begin_a_temporary_file_with_other_bytes_is_somebodys(bench: Bench) -> None:
    bench.put(file=OLD, side=FOREIGN)
    assert bench.settle(journal(step())) == (Settlement.UNDONE, ())
    assert bench.left == {"file": OLD, "side": FOREIGN}


def test_a_folder_that_is_gone_or_replaced_is_passed_over(bench: Bench, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mod.py").write_bytes(NEW)
    (bench.tree / "linked").symlink_to(elsewhere)
    steps = [step(path="gone/mod.py"), step(path="linked/mod.py")]
    assert bench.settle(journal(*steps)) == (Settlement.UNDONE, ())
    assert (elsewhere / "mod.py").read_bytes() == NEW


def test_without_exchange_the_old_bytes_are_renamed_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fs, "_libc_exchange", None)
    bench.put(file=NEW, side=OLD)
    assert bench.settle(journal(step())) == (Settlement.UNDONE, ())
    assert bench.left == {"file": OLD}


def test_an_edit_in_the_instant_of_the_undoing_is_put_back(bench: Bench) -> None:
    bench.put(file=NEW, side=OLD)

    def edit(call: FileOperation) -> None:
        if call.op == "exchange":
            fs.observer = None
            (bench.folder / "mod.py").write_bytes(FOREIGN)

    each = journal(step())
    journals.write(bench.private, each)
    fs.observer = edit
    assert undo.settle(bench.place, each) == (Settlement.BLOCKED, (PATH,))
    assert bench.left == {"file": FOREIGN, "side": OLD}


def test_an_edit_in_the_instant_of_taking_a_new_file_away_is_put_back(bench: Bench) -> None:
    bench.put(file=NEW)

    def edit(call: FileOperation) -> None:
        if call.op == "rename":
            fs.observer = None
            (bench.folder / "mod.py").write_bytes(FOREIGN)

    each = journal(step(None, NEW))
    journals.write(bench.private, each)
    fs.observer = edit
    assert undo.settle(bench.place, each) == (Settlement.BLOCKED, (PATH,))
    assert bench.left == {"file": FOREIGN}


def test_folders_that_were_made_go_if_they_are_empty(bench: Bench) -> None:
    (bench.tree / "made" / "inner").mkdir(parents=True)
    (bench.tree / "kept").mkdir()
    (bench.tree / "kept" / "theirs").write_bytes(b"")
    each = journal(folders=("made", "made/inner", "kept", "never-made"))
    assert bench.settle(each) == (Settlement.UNDONE, ())
    assert not (bench.tree / "made").exists()
    assert (bench.tree / "kept" / "theirs").exists()


def test_folders_that_held_only_what_was_removed_go_too(bench: Bench) -> None:
    deep = bench.tree / "a" / "b"
    (deep / "__pycache__").mkdir(parents=True)
    (bench.tree / "a" / "other.py").write_bytes(b"")
    bench.say(TRANSACTION)
    assert bench.settle(journal(step(OLD, None, "a/b/gone.py"))) == (Settlement.FINISHED, ())
    assert not deep.exists()
    assert (bench.tree / "a" / "other.py").exists()
    assert bench.folder.exists()


def test_a_folder_with_bytecode_of_others_stays(bench: Bench) -> None:
    cache = bench.tree / "a" / "__pycache__"
    cache.mkdir(parents=True)
    (cache / "other.pyc").write_bytes(b"")
    bench.say(TRANSACTION)
    assert bench.settle(journal(step(OLD, None, "a/gone.py"))) == (Settlement.FINISHED, ())
    assert (cache / "other.pyc").exists()


def test_folders_stay_where_files_were_only_changed(bench: Bench) -> None:
    bench.put(file=NEW)
    (bench.folder / "mod.py").unlink()
    bench.say(TRANSACTION)
    bench.settle(journal(step(OLD, NEW)))
    assert bench.folder.exists()


def test_names_are_durable_before_the_journal_goes(
    bench: Bench, calls: list[FileOperation]
) -> None:
    bench.put(file=NEW, side=OLD)
    each = journal(step())
    journals.write(bench.private, each)
    calls.clear()
    undo.settle(bench.place, each)
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
    bench: Bench, calls: list[FileOperation]
) -> None:
    bench.put(file=NEW, side=OLD)
    bench.say(TRANSACTION)
    each = journal(step())
    journals.write(bench.private, each)
    calls.clear()
    undo.settle(bench.place, each)
    assert (calls[0].op, calls[0].path) == ("fsync-folder", str(bench.home))
    assert [call.op for call in calls[1:3]] == ["unlink", "fsync-folder"]


def test_emptied_folders_are_durably_gone_before_the_journal_is(
    bench: Bench, calls: list[FileOperation]
) -> None:
    (bench.tree / "a").mkdir()
    bench.say(TRANSACTION)
    bench.settle(journal(step(OLD, None, "a/gone.py")))
    order = [(call.op, os.path.basename(call.path)) for call in calls]
    at = order.index(("rmdir", "a"))
    assert order[at + 1] == ("fsync-folder", "tree")
    assert order.index(("unlink", JOURNAL_FILE)) > at


def test_seen_tells_files_nothing_and_anything_else_apart(bench: Bench) -> None:
    (bench.folder / "link").symlink_to("mod.py")
    bench.put(file=OLD)
    with Folder.open(bench.folder) as folder:
        assert seen(folder, "mod.py") == OLD_HASH
        assert seen(folder, "nothing") is None
        assert seen(folder, "link") == OTHER


def test_a_name_that_vanishes_while_it_is_read_is_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanished(self: Folder, name: str) -> None:
        raise FileNotFoundError(name)

    monkeypatch.setattr(Folder, "read", vanished)
    with Folder.open(bench.folder) as folder:
        assert seen(folder, "mod.py") is None


@pytest.mark.parametrize("data", [None, b"", b"{}", b"not json", b'{"transaction": "x"}'])
def test_without_a_sound_series_nothing_counts_as_committed(
    bench: Bench, data: bytes | None
) -> None:
    (bench.home / SERIES_FILE).unlink()
    if data is not None:
        (bench.home / SERIES_FILE).write_bytes(data)
    assert undo.is_committed(bench.place, journal(step())) is False


def test_committed_is_what_the_series_names(bench: Bench) -> None:
    assert undo.is_committed(bench.place, journal(step())) is False
    bench.say(TRANSACTION)
    assert undo.is_committed(bench.place, journal(step())) is True


def test_a_journal_reads_back_as_it_was_written(bench: Bench) -> None:
    each = journal(step(), step(None, NEW, "a/b.py"), folders=("a",), stage=ChangeStage.PREPARE)
    journals.write(bench.private, each)
    assert journals.read(bench.private) == each
    journals.write(bench.private, each.begun())
    assert journals.read(bench.private) == each.begun()
    assert each.begun().stage is ChangeStage.BEGIN
    assert replace(each.begun(), stage=ChangeStage.PREPARE) == each


def test_a_journal_names_its_temporary_files(bench: Bench) -> None:
    record = journal(step()).as_json()
    assert record["schema"] == 1
    assert record["stage"] == "begin"
    assert record["steps"][0]["temporary"] == [
        ".patcher-0123456789ab-0.new",
        ".patcher-0123456789ab-0.old",
    ]
    assert record["steps"][0]["path"] == PATH
    assert journal().next_state == "series.json.0123456789ab"
    assert record["names"] == ("first",)


def test_no_journal_is_none(bench: Bench, tmp_path: Path) -> None:
    assert journals.read(bench.private) is None
    assert journals.read(tmp_path / "nowhere") is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", b"{" * 100_000])
def test_a_journal_that_is_damaged_is_refused(bench: Bench, data: bytes) -> None:
    (bench.private / JOURNAL_FILE).write_bytes(data)
    with pytest.raises(PatcherError, match="is not what patcher wrote") as caught:
        journals.read(bench.private)
    assert caught.value.code == "state-damaged"
    assert caught.value.where == str(bench.private / JOURNAL_FILE)
    assert "patcher recover" in caught.value.hint


def test_one_flipped_bit_is_damage(bench: Bench) -> None:
    journals.write(bench.private, journal(step()))
    whole = (bench.private / JOURNAL_FILE).read_bytes()
    for at in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[at] ^= 4
        (bench.private / JOURNAL_FILE).write_bytes(flipped)
        with pytest.raises(PatcherError):
            journals.read(bench.private)


BAD_VALUES: dict[str, tuple[str, object]] = {
    "no schema of ours": ("schema", 2),
    "a stage nobody knows": ("stage", "middle"),
    "a transaction that is no identity": ("transaction", "../../etc"),
    "a long transaction": ("transaction", TRANSACTION + "0"),
    "a transaction that is a number": ("transaction", 12),
    "a target that is a path": ("target", "a/b"),
    "a target with a capital": ("target", "Sample"),
    "a target that is nothing": ("target", None),
    "an action with blanks": ("action", "rm -rf"),
    "a root with NUL": ("root", "a\0b"),
    "a root that is a number": ("root", 1),
    "a start that is a number": ("started", 1),
    "a name that is a number": ("names", [1]),
    "names that are nothing": ("names", None),
    "a negative generation": ("generation", -1),
    "a vast generation": ("generation", 1 << 32),
    "a generation in words": ("generation", "3"),
    "a process that is a fraction": ("pid", 1.5),
    "a state that is no hash": ("state_before", "0" * 63),
    "a state with a longer hash": ("state_after", "0" * 65),
    "a folder outside": ("folders", ["../x"]),
    "a folder that is a number": ("folders", [1]),
    "steps that are nothing": ("steps", None),
    "a step that is a text": ("steps", ["x"]),
    "a key too many": ("extra", 1),
}


@pytest.mark.parametrize("case", BAD_VALUES)
def test_a_sealed_record_is_refused_with(case: str) -> None:
    key, value = BAD_VALUES[case]
    record = {**journal(step()).as_json(), key: value}
    with pytest.raises(PatcherError) as caught:
        Journal.from_json(records.encode(record), "the journal")
    assert caught.value.code in ("state-damaged", "unsafe-path")


BAD_STEPS: dict[str, tuple[str, object]] = {
    "a path outside": ("path", "../x"),
    "a path that is a number": ("path", 1),
    "a mode that is negative": ("before_mode", -1),
    "a mode in words": ("after_mode", "0644"),
    "a vast mode": ("after_mode", 1 << 32),
    "a hash that is short": ("before", "abc"),
    "a hash that is a number": ("after", 1),
    "a key too many": ("extra", 1),
}


@pytest.mark.parametrize("case", BAD_STEPS)
def test_a_sealed_record_is_refused_with_a_step_with(case: str) -> None:
    key, value = BAD_STEPS[case]
    record = journal(step()).as_json()
    record["steps"][0][key] = value
    with pytest.raises(PatcherError) as caught:
        Journal.from_json(records.encode(record), "the journal")
    assert caught.value.code in ("state-damaged", "unsafe-path")


def test_the_values_at_the_edges_are_taken() -> None:
    each = replace(journal(step(None, None)), generation=0, pid=(1 << 32) - 1, target="a")
    record = each.as_json()
    assert Journal.from_json(records.encode(record), "") == each
    assert asdict(Journal.from_json(records.encode(record), ""))["steps"][0]["before"] is None
    assert replace(each, target="a-b2").check() is None


def test_a_record_lacks_nothing() -> None:
    for key in journal(step()).as_json():
        record = journal(step()).as_json()
        del record[key]
        if key == "schema" or key in Journal.__dataclass_fields__:
            if key in ("folders", "stage"):
                continue  # they have defaults, but a record always carries them
            with pytest.raises(PatcherError):
                Journal.from_json(records.encode(record), "")
