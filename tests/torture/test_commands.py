"""A fast slice of the torture of the real command, and the controls of its judge."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.torture import kills, strace
from tests.torture.__main__ import Kept, RivalResult, RowResult, table
from tests.torture.commands import WORDS, Commands, misreported
from tests.torture.leftovers import take_leftovers, using
from tests.torture.rivals import Rival, Rivals
from tests.torture.scene import scratch, snapshot
from tests.torture.tally import Tally

needs_strace = pytest.mark.skipif(
    not strace.available(), reason="strace is not installed, or may not trace here"
)
needs_proc = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="finds processes through /proc"
)


@pytest.fixture(scope="module")
def real() -> Iterator[Commands]:
    with tempfile.TemporaryDirectory(prefix="patcher-", dir=scratch()) as box:
        yield Commands(Path(box))


@pytest.fixture(scope="module")
def restoring(real: Commands) -> list[strace.Point]:
    """The calls of a failing verify from the backup of its restoring on, and the first of all."""
    return real.verify_points(every=1_000)


@needs_strace
@needs_proc
def test_a_verify_killed_between_two_files_is_torn_and_the_next_command_settles_it(
    real: Commands, restoring: list[strace.Point]
) -> None:
    """The kill comes where it hurts: before anything settles it, the tree is a mixture."""
    _, second, _ = [point for point in restoring if point.call == "renameat2"]
    place = real.fresh("verify")
    command = real.command(place, *WORDS["verify"])
    assert strace.kill(command, place, second, children=False)
    parts = {path: body for path, body in snapshot(place).items() if path.endswith(".py")}
    assert all(parts.items() - end.items() for end in real.ends["verify"])
    tally = real.judged(place, "verify", "between two files")
    assert tally.clean, tally.examples


@needs_strace
@needs_proc
def test_a_verify_killed_while_it_restores_can_be_run_again(
    real: Commands, restoring: list[strace.Point]
) -> None:
    synced = [point for point in restoring if point.call == "fsync"]  # always as many
    tally = real.kill_at("verify", synced[len(synced) // 2], by_command=True)
    assert tally.tried == 1
    assert tally.clean, tally.examples


@needs_proc
def test_verify_killed_while_its_target_runs_leaves_no_process(real: Commands) -> None:
    tally = real.kill_while_running(0.05)
    assert tally.clean, tally.examples


@needs_strace
@needs_proc
def test_a_failing_system_call_tears_nothing_and_is_told_as_it_is(real: Commands) -> None:
    points = real.points("revert")
    step = len(points) // len(kills.ERRNOS)
    for number, name in enumerate(kills.ERRNOS):
        tally = real.fail_at("revert", points[number * step + 3], name)
        assert tally.tried == 1
        assert tally.clean, tally.examples


@needs_proc
def test_the_judge_sees_a_torn_tree(real: Commands) -> None:
    place = real.fresh("verify")
    torn = place / ".patcher" / "sample" / "tree" / "sample" / "part1.py"
    torn.write_bytes(real.ends["verify"][1]["sample/part1.py"][0])
    assert real.judged(place, "verify", "by hand").torn == 1


@needs_proc
def test_the_judge_sees_a_lost_backup(real: Commands) -> None:
    place = real.fresh("revert")
    for kept in (place / "backups" / "objects").rglob("*"):
        if kept.is_file() and kept.read_bytes().startswith(b"value = 1\n"):
            kept.unlink()
    assert real.judged(place, "revert", "by hand").lost == 1


@needs_proc
def test_the_judge_sees_a_command_that_says_what_it_did_not_do(real: Commands) -> None:
    place = real.fresh("apply")
    assert real.judged(place, "apply", "nothing was done", reported=False).clean
    assert real.judged(place, "apply", "nothing was done", reported=True).torn == 1


@needs_proc
def test_the_judge_sees_a_process_that_was_left_and_ends_it(tmp_path: Path) -> None:
    left = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"],
        env={**os.environ, "FOLDER": str(tmp_path)},
    )
    while left.pid not in using(tmp_path):
        assert left.poll() is None
    tally = Tally()
    tally.note(take_leftovers(tmp_path, patience_s=0.1))
    assert (tally.left, tally.clean) == (1, False)
    assert left.wait() < 0
    assert using(tmp_path) == {}


@needs_strace
def test_git_apply_tears_the_tree(tmp_path: Path) -> None:
    rivals = Rivals(tmp_path)
    tally, still = rivals.kill(rivals.all()[0])
    assert tally.tried > tally.torn > 0
    assert still > 0


def test_the_table_says_which_rival_is_not_installed(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.keep_rival("one", RivalResult(9, 8, 7))
    text = table([], [Rival("one", ["one"]), Rival("other", None)], kept, "")
    assert "| one | 9 | 8 | 7 |" in text
    assert "| other | not installed | | |" in text


@needs_strace
def test_a_call_that_fails_while_the_interpreter_starts_is_not_counted(real: Commands) -> None:
    """No word of patcher's can be asked for before any of patcher runs."""
    tally = real.fail_at("apply", strace.Point("openat", 20), "ENOSPC")
    assert (tally.tried, tally.clean) == (0, True)


def test_the_judge_reads_statuses_and_errors() -> None:
    assert misreported(0, "", (0,)) == []
    assert misreported(7, "said\nwhy", (0, 3)) == ["torn: exit status 7: why"]
    assert misreported(3, "error[internal]: a defect", (3,)) == [
        "traceback: error[internal]: a defect"
    ]


def test_a_run_of_rows_is_resumed_and_other_code_starts_afresh(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state")
    kept.begin(restart=False)
    kept.keep_row("paths", RowResult(done=1, units=2, tally=Tally(tried=7), seconds=1.5))
    kept.begin(restart=False)
    assert kept.row("paths") == RowResult(1, 2, Tally(tried=7), 1.5)
    assert not kept.row("paths").finished
    assert not kept.row("edits").begun
    (kept.folder / "about.json").write_text('{"code": "of other code", "commit": ""}')
    kept.begin(restart=False)
    assert not kept.row("paths").begun
