"""The working copy: what a change does, and what it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patcher.errors import Exit, PatcherError
from patcher.store.fs import FileOperation, digest
from patcher.store.working_copy import WorkingCopy
from patcher.store.workspace import Workspace
from tests.store.conftest import FILES, ONE, a_patch, apply, revert_all, tree_of


def git(copy: WorkingCopy, *words: str) -> str:
    command = ["git", *words]
    done = subprocess.run(command, cwd=copy.root, capture_output=True, text=True, check=True)
    return done.stdout


def test_init_writes_the_sources_files_to_the_byte(copy: WorkingCopy) -> None:
    assert tree_of(copy) == FILES
    assert copy.paths() == tuple(sorted(FILES))
    assert copy.drift() == ()
    assert (copy.target, copy.version, copy.packages) == ("sample", "1.0", ("sample",))
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "log", "--format=%s").split("\n")[0] == "sample 1.0: pristine"


def test_a_change_is_written_recorded_and_committed(copy: WorkingCopy) -> None:
    change = copy.change(
        {ONE: b"x = 2\n", "sample/new/mod.py": b"n\n", "sample/data.bin": None},
        [a_patch()],
        "apply",
        ["first"],
    )
    assert change.files == (
        ("sample/data.bin", digest(FILES["sample/data.bin"][0]), None),
        ("sample/new/mod.py", None, digest(b"n\n")),
        (ONE, digest(b"x = 1\n"), digest(b"x = 2\n")),
    )
    again = copy.workspace.working_copy()
    assert again.series == (a_patch(),)
    assert again.read(ONE) == b"x = 2\n"
    assert again.read("sample/data.bin") is None
    assert "sample/new/mod.py" in again.paths()
    assert "sample/data.bin" not in again.paths()
    assert again.drift() == ()
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "rev-parse", "HEAD").strip() == change.commit


def test_the_commit_carries_trailers(copy: WorkingCopy) -> None:
    apply(copy, {ONE: b"x = 2\n"})
    revert_all(copy)
    trailers = git(copy, "log", "-2", "--format=%(trailers:only)")
    expected = f"Patcher-Patch: first\nPatcher-Spec-SHA256: {a_patch().sha256}\n"
    assert trailers.count(expected) == 2


def test_reverting_gives_every_byte_and_mode_back(copy: WorkingCopy) -> None:
    apply(copy, {ONE: b"x = 2\n", "sample/deep/three.py": None, "sample/a/b/c.py": b"c\n"})
    apply(copy, {ONE: b"x = 3\n", "sample/two.py": b"", "sample/a/b/c.py": b"d\n"}, "second")
    revert_all(copy)
    assert tree_of(copy) == FILES
    assert copy.state.touched == {}
    assert not (copy.root / "sample" / "a").exists()
    assert git(copy, "status", "--porcelain") == ""
    assert git(copy, "diff", "HEAD~3", "HEAD") == ""


def test_pristine_is_remembered_through_any_number_of_changes(copy: WorkingCopy) -> None:
    for number in range(4):
        apply(copy, {ONE: b"%d\n" % number, "sample/new.py": b"%d\n" % number}, f"p{number}")
    assert copy.pristine(ONE) == b"x = 1\n"
    assert copy.pristine("sample/new.py") is None
    assert copy.pristine("sample/two.py") == FILES["sample/two.py"][0]
    assert copy.pristine("sample/nothing.py") is None


def test_bytes_that_are_there_already_cost_no_write(
    copy: WorkingCopy, calls: list[FileOperation]
) -> None:
    change = copy.change({ONE: b"x = 1\n"}, [a_patch()], "apply", ["first"])
    assert change.files == ()
    assert str(copy.root) not in " ".join(call.path for call in calls if ".git" not in call.path)


def test_the_executable_bit_survives(copy: WorkingCopy) -> None:
    apply(copy, {"sample/two.py": b"new\n"})
    assert (copy.root / "sample/two.py").stat().st_mode & 0o777 == 0o755
    assert git(copy, "ls-tree", "HEAD", "sample/two.py").startswith("100755")


def test_a_mode_that_pristine_had_comes_back_with_its_bytes(copy: WorkingCopy) -> None:
    apply(copy, {"sample/two.py": None})
    apply(copy, {"sample/two.py": b"other\n"}, "second")
    assert (copy.root / "sample/two.py").stat().st_mode & 0o777 == 0o755
    revert_all(copy)
    assert tree_of(copy) == FILES


def test_what_verification_remembers_survives_other_changes(copy: WorkingCopy) -> None:
    apply(copy, {ONE: b"x = 2\n"})
    assert copy.verified is None
    copy.change({}, copy.series, "verify", (), verified=copy.series)
    apply(copy, {ONE: b"x = 3\n"}, "second")
    again = copy.workspace.working_copy()
    assert again.verified == ("first",)
    assert again.verified_series == (a_patch(),)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xef\xbb\xbfx = 1\r\n", b"x\ry\rz", b"a\r\nb\nc", b"\x0cx = 1", b"\xff\xfe\x00", b"\0"],
    ids=["empty", "BOM and CRLF", "lone CR", "mixed ends", "form feed", "not UTF-8", "NUL"],
)
def test_bytes_are_kept_as_they_are(copy: WorkingCopy, data: bytes) -> None:
    apply(copy, {ONE: data})
    assert copy.workspace.working_copy().read(ONE) == data
    assert git(copy, "status", "--porcelain") == ""
    show = ["git", "show", f"HEAD:{ONE}"]
    assert subprocess.run(show, cwd=copy.root, capture_output=True, check=True).stdout == data


def test_over_one_megabyte_is_refused(copy: WorkingCopy) -> None:
    with pytest.raises(PatcherError, match="1,000,001 bytes") as caught:
        apply(copy, {ONE: b"#" * 1_000_001})
    assert caught.value.code == "unsupported-source"
    (copy.root / ONE).write_bytes(b"#" * 1_000_001)
    with pytest.raises(PatcherError) as caught:
        copy.read(ONE)
    assert caught.value.code == "unsupported-source"


def test_a_tree_with_attributes_and_ignored_files_is_recorded_as_it_is(
    workspace: Workspace, source: object
) -> None:
    from patcher.store.source import DistributionSource

    files = {
        **FILES,
        ".gitattributes": (b"* text=auto eol=crlf ident\n", 0o644),
        "sample/.gitignore": (b"*\n", 0o644),
        "sample/id.py": (b"# $Id$\n", 0o644),
    }
    copy = workspace.init(DistributionSource("sample", "1.0", "a test", files, ("sample",)))
    apply(copy, {"sample/id.py": b"# $Id$\r\n"})
    assert git(copy, "status", "--porcelain") == ""
    assert copy.drift() == ()


@pytest.mark.parametrize("where", ["backups/x.py", "notes/x.py"])
def test_no_patch_leads_into_patchers_own_folders_under_whatever_name(
    tmp_path: Path, where: str
) -> None:
    """In place, the workspace's folders can lie inside the tree."""
    from patcher.store.source import find_source
    from tests.torture.checkouts import make_checkout

    checkout = make_checkout(tmp_path)
    workspace = Workspace(checkout / "src")
    copy = workspace.init(find_source(str(checkout)), checkout)
    if where.startswith("notes"):
        apply(copy, {where: b"x\n"})
        return
    with pytest.raises(PatcherError, match="own records"):
        apply(copy, {where: b"x\n"})


paths = st.sampled_from([ONE, "sample/two.py", "sample/deep/three.py", "sample/n/e/w.py", "m.py"])
contents = st.none() | st.binary(max_size=30)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(paths, contents, min_size=1), max_size=5))
def test_any_series_of_changes_is_undone_by_one_revert(
    tmp_path_factory: pytest.TempPathFactory, series: list[dict[str, bytes | None]]
) -> None:
    from patcher.store.source import DistributionSource
    from tests.torture.scene import no_git

    with no_git():
        workspace = Workspace(tmp_path_factory.mktemp("any"))
        copy = workspace.init(DistributionSource("sample", "1.0", "a test", FILES, ("sample",)))
        for number, files in enumerate(series):
            apply(copy, files, f"p{number}")
            for path, data in files.items():
                assert copy.read(path) == data
            assert copy.drift() == ()
        revert_all(workspace.working_copy())
        assert tree_of(copy) == FILES
        assert workspace.working_copy().state.touched == {}


@pytest.mark.parametrize("how", ["gone", "a link"])
def test_a_tree_that_is_gone_or_a_link_is_drift(copy: WorkingCopy, how: str) -> None:
    copy.root.rename(copy.root.with_name("moved"))
    if how == "a link":
        copy.root.symlink_to("moved")
    assert {each.kind for each in copy.drift()} == {"deleted"}
    with pytest.raises(PatcherError) as caught:
        apply(copy, {ONE: b"x = 2\n"})
    assert caught.value.exit is Exit.REFUSED
    assert (copy.root.with_name("moved") / ONE).read_bytes() == b"x = 1\n"


def test_a_disk_that_fails_while_it_is_read_is_an_error_in_words(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error", ONE)

    monkeypatch.setattr("patcher.store.tree.find_drift", broken)
    with pytest.raises(PatcherError, match="Input/output") as caught:
        apply(copy, {ONE: b"x = 2\n"})
    assert caught.value.code == "io"
    assert caught.value.where == ONE


def test_that_a_series_was_verified_is_recorded_too(copy: WorkingCopy) -> None:
    apply(copy, {ONE: b"x = 2\n"})
    change = copy.change({}, copy.series, "verify", ["first"], verified=copy.series)
    assert change.files == ()
    assert git(copy, "log", "-1", "--format=%s").strip() == "Verify first"
