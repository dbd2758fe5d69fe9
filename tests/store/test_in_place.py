"""In place: a user's own checkout is the working copy, and what is theirs stays theirs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.store.drift import Drift
from patcher.store.history import SeriesStep, format_patch, history
from patcher.store.source import find_source
from patcher.store.working_copy import WorkingCopy
from patcher.store.workspace import Workspace
from tests.store.conftest import a_patch
from tests.torture import checkouts

ZERO = "sample/part0.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return checkouts.make_checkout(tmp_path)


@pytest.fixture
def placed(checkout: Path, workspace: Workspace) -> WorkingCopy:
    return workspace.init(find_source(str(checkout)), checkout)


@pytest.mark.parametrize("state", checkouts.STATES)
def test_head_branches_index_and_untracked_files_are_left_alone_in(
    tmp_path: Path, state: str
) -> None:
    tally = checkouts.use_in_place(tmp_path, "plain", state)
    assert tally.clean, tally.examples


@pytest.mark.parametrize("kind", checkouts.KINDS[1:])
def test_any_kind_of_checkout_may_be_used(tmp_path: Path, kind: str) -> None:
    tally = checkouts.use_in_place(tmp_path, kind, "as it is")
    assert tally.clean, tally.examples


def test_records_live_under_refs_patcher(placed: WorkingCopy, checkout: Path) -> None:
    placed.change({ZERO: b"patched\n"}, [a_patch()], "apply", ["first"])
    shown = checkouts.git(checkout, "show", "--format=%s", "--stat", "refs/patcher/sample")
    assert shown.startswith("Apply first")
    assert "src/sample/part0.py" in shown
    assert [each.subject for each in history(placed)] == ["Apply first", "sample 1.0: pristine"]
    assert checkouts.git(checkout, "rev-parse", "refs/patcher/sample~2") == checkouts.git(
        checkout, "rev-parse", "HEAD"
    )


def test_local_edits_are_part_of_pristine_and_of_the_record(
    placed: WorkingCopy, checkout: Path
) -> None:
    placed.change({"sample/part1.py": b"patched\n"}, [a_patch()], "apply", ["first"])
    diff = checkouts.git(checkout, "show", "--format=", "refs/patcher/sample")
    assert "-# a local edit\n+patched\n" in diff
    placed.change({"sample/part1.py": placed.pristine("sample/part1.py")}, (), "revert", ["first"])
    assert (checkout / "src/sample/part1.py").read_bytes() == b"# a local edit\n"


def test_another_branch_checked_out_under_a_patch_is_drift_and_stays(
    placed: WorkingCopy, checkout: Path
) -> None:
    placed.change({"sample/part2.py": b"patched\n"}, [a_patch()], "apply", ["first"])
    checkouts.git(checkout, "checkout", "-q", "-f", "side")
    on_branch = (checkout / "src/sample/part2.py").read_bytes()
    assert placed.drift() == (Drift("sample/part2.py", "edited"),)
    with pytest.raises(PatcherError) as caught:
        placed.change({"sample/part2.py": b"x = 3\n"}, (), "revert", ["first"])
    assert caught.value.code == "drift"
    assert (checkout / "src/sample/part2.py").read_bytes() == on_branch


def test_a_stash_between_two_steps_is_drift_and_stays(placed: WorkingCopy, checkout: Path) -> None:
    placed.change({ZERO: b"patched\n"}, [a_patch()], "apply", ["first"])
    checkouts.git(checkout, "stash", "-q")
    with pytest.raises(PatcherError) as caught:
        placed.change({ZERO: b"x\n"}, (), "revert", ["first"])
    assert caught.value.code == "drift"
    checkouts.git(checkout, "stash", "pop", "-q")
    assert placed.drift() == ()


def test_commits_of_the_user_do_not_count_as_drift(placed: WorkingCopy, checkout: Path) -> None:
    placed.change({ZERO: b"patched\n"}, [a_patch()], "apply", ["first"])
    (checkout / "src/sample/part2.py").write_bytes(b"my work\n")
    checkouts.git(checkout, "commit", "-qam", "my work")
    assert placed.drift() == ()
    placed.change({ZERO: placed.pristine(ZERO)}, (), "revert", ["first"])
    assert (checkout / "src/sample/part2.py").read_bytes() == b"my work\n"


def test_freezing_takes_the_packages_and_makes_their_metadata(
    placed: WorkingCopy, tmp_path: Path
) -> None:
    placed.freeze(tmp_path / "frozen")
    names = sorted(
        path.relative_to(tmp_path / "frozen").as_posix()
        for path in (tmp_path / "frozen").rglob("*")
        if path.is_file()
    )
    parts = [f"sample/part{number}.py" for number in range(3)]
    assert names == ["sample-1.0.dist-info/METADATA", "sample/__init__.py", *parts]


def test_what_is_no_checkout_cannot_be_used_in_place(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "plain" / "sample").mkdir(parents=True)
    (tmp_path / "plain" / "sample" / "__init__.py").write_bytes(b"")
    with pytest.raises(PatcherError, match="not a git checkout"):
        workspace.init(find_source(str(tmp_path / "plain")), tmp_path / "plain")
    assert workspace.targets() == ()


def test_a_repository_that_is_a_trap_runs_nothing(tmp_path: Path) -> None:
    tally = checkouts.set_traps_off(tmp_path)
    assert tally.clean, tally.examples


def test_the_trap_does_spring_for_gits_own_porcelain(tmp_path: Path) -> None:
    assert checkouts.set_traps_off(tmp_path, control=True).ran


def test_a_series_is_exported_as_patches_that_git_am_takes(tmp_path: Path) -> None:
    steps = [
        SeriesStep(
            "first",
            "one thing\n\nPatcher-Patch: first\n",
            {"a.py": ((b"x\n", 0o644), (b"y\n", 0o755)), "b.py": ((None, 0o644), (b"n", 0o644))},
        ),
        SeriesStep(
            "second",
            "another\n\nPatcher-Patch: second\n",
            {"a.py": ((b"y\n", 0o755), (b"z\r\n", 0o755)), "b.py": ((b"n", 0o644), (None, 0o644))},
        ),
    ]
    written = format_patch(steps, tmp_path / "out")
    assert [path.name for path in written] == ["0001-one-thing.patch",
                                               "0002-another.patch"]  # fmt: skip
    target = tmp_path / "target"
    target.mkdir()
    (target / "a.py").write_bytes(b"x\n")
    checkouts.git(target, "init", "-q")
    checkouts.git(target, "add", ".")
    checkouts.git(target, "commit", "-qm", "base")
    checkouts.git(target, "am", "-q", "--keep-cr", *map(str, written))
    assert (target / "a.py").read_bytes() == b"z\r\n"
    assert (target / "a.py").stat().st_mode & 0o100
    assert not (target / "b.py").exists()
    log = checkouts.git(target, "log", "-1", "--format=%(trailers)")
    assert "Patcher-Patch: second" in log


def test_without_git_the_change_is_made_and_recorded_later(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from patcher.store.source import DistributionSource
    from tests.store.conftest import FILES

    with monkeypatch.context() as without:
        without.setenv("PATH", "/nonexistent")
        copy = workspace.init(DistributionSource("sample", "1.0", "a test", FILES, ("sample",)))
        change = copy.change({"sample/one.py": b"new\n"}, [a_patch()], "apply", ["first"])
        assert change.commit is None
        assert copy.drift() == ()
    with workspace.lock("check"):
        pass
    log = subprocess.run(
        ["git", "log", "--format=%s"], cwd=copy.root, capture_output=True, text=True, check=True
    )
    assert log.stdout.split("\n")[:2] == ["Apply first", "sample 1.0: pristine"]


@pytest.mark.parametrize(
    "spoil",
    [
        ["checkout", "-q", "-b", "mine"],
        ["checkout", "-q", "--detach"],
        ["commit", "-q", "--allow-empty", "-m", "mine"],
        ["update-ref", "-d", "refs/heads/main"],
        ["config", "core.autocrlf", "true"],
    ],
    ids=["another branch", "detached", "a commit of one's own", "no branch", "line ends"],
)
def test_what_a_user_does_in_a_managed_repository_stops_nothing(
    copy: WorkingCopy, spoil: list[str]
) -> None:
    checkouts.git(copy.root, *spoil)
    change = copy.change({"sample/one.py": b"new\r\n"}, [a_patch()], "apply", ["first"])
    assert change.commit is not None
    assert copy.drift() == ()
    copy.change({"sample/one.py": copy.pristine("sample/one.py")}, (), "revert", ["first"])
    assert (copy.root / "sample/one.py").read_bytes() == b"x = 1\n"


@pytest.mark.parametrize("lock", ["refs/heads/main.lock", "HEAD.lock", "index.patcher.lock"])
def test_locks_that_a_killed_git_left_are_cleared(
    copy: WorkingCopy, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patcher.store.git._STALE_S", 0.05)
    (copy.root / ".git" / lock).write_bytes(b"")
    change = copy.change({"sample/one.py": b"new\n"}, [a_patch()], "apply", ["first"])
    assert change.commit is not None
    assert checkouts.git(copy.root, "status", "--porcelain") == ""


def test_the_lock_of_a_living_git_is_waited_for(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = copy.root / ".git/refs/heads/main.lock"
    lock.write_bytes(b"")
    waits: list[float] = []

    def let_go(wait_s: float) -> None:
        waits.append(wait_s)
        if len(waits) == 3:
            lock.unlink()

    monkeypatch.setattr("time.sleep", let_go)
    change = copy.change({"sample/one.py": b"new\n"}, [a_patch()], "apply", ["first"])
    assert change.commit is not None
    assert len(waits) == 3


def test_a_commit_that_was_made_but_not_noted_is_not_made_twice(copy: WorkingCopy) -> None:
    copy.change({"sample/one.py": b"new\n"}, [a_patch()], "apply", ["first"])
    (copy.home / "git.json").unlink()
    (copy.root / ".git" / "index").write_bytes(b"damaged")
    with copy.workspace.lock("check"):
        pass
    assert len(checkouts.git(copy.root, "log", "--format=%s").splitlines()) == 2
    assert checkouts.git(copy.root, "status", "--porcelain") == ""
