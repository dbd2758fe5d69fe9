"""A way back from everything: edits by hand, past verifications, patches only tried, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from patcher.errors import MEANS, TABLE
from tests.conftest import Patcher, runner
from tests.contract.adder import make_workspace


@pytest.fixture
def adder(tmp_path: Path) -> Patcher:
    workspace = make_workspace(tmp_path)
    patcher = runner(workspace)
    assert patcher("init", str(tmp_path / "project")).status == 0
    return patcher


@pytest.fixture
def root(adder: Patcher) -> Path:
    return Path(adder("status", "--json").json["root"])


def series(patcher: Patcher) -> list[str]:
    return list(patcher("status", "--json").json["series"])


# discard


def test_a_hand_edit_is_taken_out_and_its_bytes_are_kept_first(adder: Patcher, root: Path) -> None:
    assert adder("apply", "use_sum").status == 0
    patched = (root / "adder.py").read_bytes()
    (root / "adder.py").write_bytes(b"mine = 1\n")
    ran = adder("discard", "adder.py", "--json")
    assert ran.status == 0, ran.stderr
    (each,) = ran.json["discarded"]
    assert (each["path"], each["kind"]) == ("adder.py", "edited")
    assert (root.parents[2] / each["backup"]).read_bytes() == b"mine = 1\n"
    assert (root / "adder.py").read_bytes() == patched
    assert adder("status", "--json").json["drift"] == []
    assert series(adder) == ["use_sum"]
    assert adder("revert", "--all").status == 0


@pytest.mark.parametrize("spoil", [
    lambda file: file.unlink(),
    lambda file: file.chmod(0o755),
    lambda file: (file.parent / "new.py").write_text("x = 1\n"),
], ids=["deleted", "mode", "added"])  # fmt: skip
def test_every_kind_of_edit_has_a_way_back(
    adder: Patcher, root: Path, spoil: Callable[[Path], Any]
) -> None:
    before = (root / "adder.py").read_bytes()
    mode = (root / "adder.py").stat().st_mode
    spoil(root / "adder.py")
    assert len(adder("status", "--json").json["drift"]) == 1
    assert adder("discard", ".").status == 0
    assert (root / "adder.py").read_bytes() == before
    assert (root / "adder.py").stat().st_mode == mode
    assert not (root / "new.py").exists()
    assert adder("status", "--json").json["drift"] == []
    assert adder("doctor").status == 0


def test_what_was_not_edited_is_not_discarded(adder: Patcher, root: Path) -> None:
    ran = adder("discard", "adder.py")
    assert ran.status == 2
    assert "was not edited by hand" in ran.stderr
    every = adder("discard", ".")  # the state that was asked for is there
    assert every.status == 0
    assert every.stdout == "nothing to discard: no file was edited by hand\n"


def test_a_link_in_the_place_of_a_file_is_for_a_person(
    adder: Patcher, root: Path, tmp_path: Path
) -> None:
    (root / "adder.py").unlink()
    (root / "adder.py").symlink_to(tmp_path / "elsewhere.py")
    ran = adder("discard", "adder.py")
    assert ran.status == 3
    assert (root / "adder.py").is_symlink()


def test_a_dry_run_discards_nothing(adder: Patcher, root: Path) -> None:
    (root / "adder.py").write_bytes(b"mine = 1\n")
    assert adder("discard", ".", "--dry-run", "--json").json["dry_run"] is True
    assert (root / "adder.py").read_bytes() == b"mine = 1\n"


# history


def test_runs_are_numbered_from_1_and_nothing_to_verify_takes_no_number(adder: Patcher) -> None:
    assert adder("verify", "--json").json["id"] is None
    assert adder("apply", "use_sum").status == 0
    assert adder("verify", "--json").json["id"] == 1
    assert adder("apply", "use_three").status == 0
    assert adder("verify", "--json").json["id"] == 2
    assert [each["id"] for each in adder("history", "--json").json["verifications"]] == [2, 1]


def test_a_past_run_is_shown_again_as_it_was_printed_then(adder: Patcher) -> None:
    assert adder("apply", "use_three").status == 0
    then = adder("verify").stdout
    again = adder("history", "show", "1").stdout
    assert then
    assert again.startswith(then)
    page = re.search(r"page +(\S+)", again)
    assert page is not None
    text = Path(page[1]).read_text("utf-8")
    assert "use_three" in text
    assert adder("history", "show", "1", "--json").json["verdict"] == "fail"


@pytest.mark.parametrize("words", [("show",), ("show", "x"), ("show", "9"), ("see", "1")])
def test_a_run_that_does_not_exist_is_told_apart(adder: Patcher, words: tuple[str, ...]) -> None:
    assert adder("history", *words).status == 2


def test_two_runs_stand_side_by_side(adder: Patcher) -> None:
    assert adder("apply", "use_sum").status == 0
    assert adder("verify").status == 0
    assert adder("apply", "use_three").status == 0
    assert adder("verify").status == 1
    actual = adder("compare", "1", "2", "--json").json
    assert actual["added"] == ["use_three"]
    assert actual["comparable"] is True
    (case,) = actual["cases"]
    assert (case["first"], case["second"]) == ("pass", "fail")
    text = " ".join(adder("compare", "1", "2").stdout.split())
    assert "added: use_three" in text
    assert "pass, then fail" in text


# verify NAME, --again


def test_named_patches_are_applied_judged_and_taken_out_again(adder: Patcher, root: Path) -> None:
    before = (root / "adder.py").read_bytes()
    ran = adder("verify", "use_sum", "--json")
    assert ran.status == 0, ran.stderr
    assert ran.json["series"] == ["use_sum"]
    assert ran.json["series_now"] == []
    assert ran.json["taken_out"] == ["use_sum"]
    assert (root / "adder.py").read_bytes() == before
    assert "patcher apply use_sum" in adder("history", "show", "1").stdout


def test_what_was_applied_before_stays_whatever_the_verdict(adder: Patcher) -> None:
    assert adder("apply", "use_sum").status == 0
    assert adder("verify", "use_shift").status == 0
    assert series(adder) == ["use_sum"]
    failed = adder("verify", "use_three", "--json")
    assert failed.status == 1
    assert failed.json["restored"] is True
    assert series(adder) == ["use_sum"]
    assert adder("status", "--json").json["verified"] in (None, [])


def test_an_identical_failure_is_answered_from_its_record(adder: Patcher) -> None:
    first = adder("verify", "use_three", "--json")
    again = adder("verify", "use_three", "--json")
    assert again.status == first.status == 1
    assert again.json["answered_from"] == first.json["id"] == 1
    assert again.json["cases"] == first.json["cases"]
    assert series(adder) == []
    assert "answered from run 1" in adder("verify", "use_three").stdout
    repeated = adder("verify", "use_three", "--again", "--json").json
    assert repeated["id"] == 2
    assert "answered_from" not in repeated


@pytest.mark.slow  # two timed processes of the baseline
def test_a_bench_after_a_pass_runs_no_gate_again_and_says_so(adder: Patcher, root: Path) -> None:
    assert adder("apply", "use_sum").status == 0
    first = adder("verify", "--json").json
    taken = "the gates' runs are on record from a pass of the same trees: none is repeated"
    bench = ("verify", "--bench", "--budget", "1s")
    ran = adder(*bench, "--json")
    assert taken in ran.json["warnings"]
    assert ran.json["cases"] == first["cases"]
    assert taken not in adder(*bench, "--again", "--json").json["warnings"]
    settings = root.parents[2] / "patcher.toml"
    settings.write_text(settings.read_text("utf-8").replace("== 3", "== 1 + 2"), "utf-8")
    notes = adder(*bench, "--json").json["warnings"]
    assert any(note.startswith("the gates run again: of the pass on record, ") for note in notes)


def test_a_failure_under_another_judge_is_not_answered_from_the_record(
    adder: Patcher, root: Path
) -> None:
    assert adder("verify", "use_three").status == 1
    settings = root.parents[2] / "patcher.toml"
    settings.write_text(
        'target = "adder"\n[verify]\ncommand = ["python", "-c", "import adder; adder.twice(4)"]\n',
        "utf-8",
    )
    assert adder("verify", "use_three", "--json").json["verdict"] == "pass"


def test_the_ending_is_told_once(adder: Patcher) -> None:
    ran = adder("verify", "use_three")
    assert ran.status == 1
    assert ran.stdout.count("Failed: ") == 1
    assert "error[" not in ran.stderr


# explain


def test_every_error_code_is_explained(adder: Patcher) -> None:
    assert set(MEANS) == set(TABLE)
    actual = adder("explain", "--json").json["errors"]
    assert {each["code"] for each in actual} == set(TABLE)
    assert all(each["means"] and each["touched"] and each["help"] for each in actual)


def test_one_code_says_what_it_means_what_was_touched_and_what_to_do(adder: Patcher) -> None:
    text = adder("explain", "error[drift]").stdout
    for part in ("somebody", "Nothing was touched", "patcher discard", "exit 3"):
        assert part in " ".join(text.split())
    assert adder("explain", "drifd").status == 2


def test_exports_name_the_patches_also_after_a_restore(adder: Patcher, tmp_path: Path) -> None:
    page, notes, data = (tmp_path / f"report.{end}" for end in ("html", "md", "json"))
    ran = adder(
        "verify", "use_three", "--export-html", str(page), "--export-markdown", str(notes),
        "--export-json", str(data),
    )  # fmt: skip
    assert ran.status == 1
    assert "use_three" in page.read_text("utf-8")
    assert "Patches judged: `use_three`" in notes.read_text("utf-8")
    assert json.loads(data.read_text("utf-8"))["series"] == ["use_three"]


# gc of kept runs


def test_gc_keeps_the_newest_runs_and_the_last_pass(adder: Patcher) -> None:
    assert adder("apply", "use_sum").status == 0
    assert adder("verify").status == 0  # run 1, the only pass
    assert adder("apply", "use_three").status == 0
    for _ in range(2):
        assert adder("verify", "--keep", "--again").status == 1
    planned = adder("gc", "--keep-runs", "1", "--dry-run", "--json").json
    assert planned["runs"] == [2]
    assert adder("gc", "--keep-runs", "1", "--json").json["runs"] == [2]
    kept = adder("history", "--json").json["verifications"]
    assert [each["id"] for each in kept] == [3, 1]
    assert adder("history", "show", "2").status == 2
    assert adder("verify", "--keep", "--again", "--json").json["id"] == 4
