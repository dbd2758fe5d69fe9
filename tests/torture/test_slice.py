"""A fast slice of `tests/torture`, with the controls that prove it bites."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.store import journal as journals
from patcher.store import transaction
from patcher.store.fs import Folder
from tests.torture import edits, hostile, inject, kills, power
from tests.torture.scene import ACTIONS, Scene, scratch


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with tempfile.TemporaryDirectory(prefix="patcher-", dir=scratch()) as box:
        yield Scene(Path(box), files=1)


def every(count: int, step: int) -> range:
    """Each step-th call, from a place that differs between actions."""
    return range(random.Random(count).randrange(step), count, step)


@pytest.mark.parametrize("action", ACTIONS)
def test_no_kill_tears_the_tree_or_loses_a_byte(scene: Scene, action: str) -> None:
    tally = kills.kill_everywhere(scene, action, every(kills.calls_of(scene, action), 13))
    assert tally.tried > 8
    assert tally.clean, tally.examples


@pytest.mark.parametrize("action", ACTIONS)
def test_no_kill_of_the_recovery_does_either(scene: Scene, action: str) -> None:
    for point in every(kills.calls_of(scene, action), 67):
        tally = kills.kill_recovery(scene, action, point)
        assert tally.clean, tally.examples


@pytest.mark.parametrize("name", kills.ERRNOS)
def test_no_failing_call_tears_the_tree_and_each_is_told_in_words(scene: Scene, name: str) -> None:
    for action in ACTIONS:
        points = every(kills.calls_of(scene, action), 67)
        for sticky in (False, True):
            tally = kills.fail_everywhere(scene, action, name, sticky=sticky, points=points)
            assert tally.clean, tally.examples


@pytest.mark.parametrize("action", ACTIONS)
def test_no_loss_of_power_tears_the_tree(scene: Scene, action: str) -> None:
    for point in every(kills.calls_of(scene, action) + 1, 29):
        tally = power.lose_power(scene, action, point, 4)
        assert tally.clean, tally.examples


@pytest.mark.parametrize("off", ["file_sync", "folder_sync"])
def test_without_one_kind_of_fsync_a_loss_of_power_does(scene: Scene, off: str) -> None:
    """The control: the states that the model makes are states that hurt."""
    points = range(0, kills.calls_of(scene, "apply"), 6)
    assert not all(power.lose_power(scene, "apply", p, 4, **{off: False}).clean for p in points)


@pytest.mark.parametrize("name", edits.EDITS)
def test_nobodys_edit_is_overwritten_at_any_moment(scene: Scene, name: str) -> None:
    for action in ACTIONS:
        points = every(kills.calls_of(scene, action), 61)
        tally = edits.edit_everywhere(scene, action, name, points)
        assert tally.clean, tally.examples


def test_of_eight_writers_each_is_served_or_refused(scene: Scene) -> None:
    for seed in range(2):
        tally = edits.eight_writers(scene, seed)
        assert tally.clean, tally.examples


def test_random_kills(scene: Scene) -> None:
    tally = kills.kill_at_random(scene, 16, seed=1)
    assert tally.clean, tally.examples


def test_hostile_paths_are_refused(scene: Scene) -> None:
    tally = hostile.refuse_paths(scene)
    assert tally.tried >= 300
    assert tally.clean, tally.examples


def test_damaged_journals_are_refused(scene: Scene) -> None:
    tally = hostile.fuzz_journals(scene, 400, seed=1)
    assert tally.clean, tally.examples


def test_damaged_specs_are_refused() -> None:
    specs = [path.read_text() for path in sorted(Path("patches").glob("*.yaml"))]
    tally = hostile.fuzz_specs(specs, 300, seed=1)
    assert tally.clean, tally.examples


@pytest.fixture
def _no_journal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What most tools do: write each file safely, and keep no record of the whole."""
    monkeypatch.setattr(journals, "read", lambda private: None)
    monkeypatch.setattr("patcher.store.settling._lost", lambda workspace, state: ())
    return


@pytest.mark.usefixtures("_no_journal")
def test_without_the_journal_kills_do_tear_the_tree(scene: Scene) -> None:
    """The control: the kills come where they hurt, and the oracle sees it."""
    tally = kills.kill_everywhere(scene, "apply", range(60, 110, 5))
    assert tally.torn > 3


def test_overwriting_in_place_does_lose_edits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a swap that trusts what it read a moment ago overwrites."""

    def trusting(place, journal, number, step):  # type: ignore[no-untyped-def]
        with place.root.parent(step.path) as (folder, name):
            if step.after is not None:
                folder.rename(journal.side(number), name)
            else:
                folder.unlink(name)

    monkeypatch.setattr(transaction, "_swap", trusting)
    tally = edits.edit_everywhere(scene, "apply", "saved by renaming", range(60, 100))
    assert tally.lost > 0


def test_a_traceback_is_told_from_an_error_in_words(
    scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise RuntimeError("a defect")

    assert inject.run(broken).traceback
    assert "a defect" in capfd.readouterr().err
    with Folder.open(scene.box) as folder:
        assert folder.lstat("nothing") is None
