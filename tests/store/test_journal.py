"""The journal on disk: it reads back as it was written, and what is damaged is refused."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.store import journal as journals
from patcher.store import records
from patcher.store.journal import JOURNAL_FILE, ChangeStage, Journal
from tests.store.interrupted import (
    NEW,
    PATH,
    TRANSACTION,
    Interrupted,
    journal,
    step,
)


def test_a_journal_reads_back_as_it_was_written(interrupted: Interrupted) -> None:
    each = journal(step(), step(None, NEW, "a/b.py"), folders=("a",), stage=ChangeStage.PREPARE)
    journals.write(interrupted.private, each)
    assert journals.read(interrupted.private) == each
    journals.write(interrupted.private, each.begun())
    assert journals.read(interrupted.private) == each.begun()
    assert each.begun().stage is ChangeStage.BEGIN
    assert replace(each.begun(), stage=ChangeStage.PREPARE) == each


def test_a_journal_names_its_temporary_files(interrupted: Interrupted) -> None:
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


def test_no_journal_is_none(interrupted: Interrupted, tmp_path: Path) -> None:
    assert journals.read(interrupted.private) is None
    assert journals.read(tmp_path / "nowhere") is None


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", b"{" * 100_000])
def test_a_journal_that_is_damaged_is_refused(interrupted: Interrupted, data: bytes) -> None:
    (interrupted.private / JOURNAL_FILE).write_bytes(data)
    with pytest.raises(PatcherError, match="is not what patcher wrote") as caught:
        journals.read(interrupted.private)
    assert caught.value.code == "state-damaged"
    assert caught.value.where == str(interrupted.private / JOURNAL_FILE)
    assert "patcher recover" in caught.value.hint


def test_one_flipped_bit_is_damage(interrupted: Interrupted) -> None:
    journals.write(interrupted.private, journal(step()))
    whole = (interrupted.private / JOURNAL_FILE).read_bytes()
    for at in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[at] ^= 4
        (interrupted.private / JOURNAL_FILE).write_bytes(flipped)
        with pytest.raises(PatcherError):
            journals.read(interrupted.private)


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
