"""From hand edits to a patch and back: whole trees, several captures, the words of a refusal."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from patcher.commands.apply import apply
from patcher.commands.capture import capture
from patcher.commands.check import check
from patcher.commands.diff import diff
from patcher.commands.export import format_patch, wheel
from patcher.commands.init import init
from patcher.commands.plan import plan
from patcher.commands.revert import revert, revert_all
from patcher.commands.status import status
from patcher.errors import PatcherError
from patcher.store.workspace import Workspace

FILES = {
    "pkg/__init__.py": "",
    "pkg/m.py": "def f(x):\n    # why\n    y = x + 1\n    return y\n\n\ndef g(x):\n    return x\n",
    "pkg/old.py": "import os\n\n\ndef here():\n    return os.getcwd()\n",
    "pkg/data.json": '{"a": 1,\n "b": 2}\n',
    "pkg/w.bin": "\0\1",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return made(tmp_path, "pkg", FILES)


def made(place: Path, name: str, files: dict[str, str]) -> Workspace:
    """A workspace with a working copy of a package."""
    source = place / f"source-{name}"
    for path, text in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text)
    (source / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1.0"\n')
    (place / "work" / "patches").mkdir(parents=True, exist_ok=True)
    workspace = Workspace(place / "work")
    init(workspace, [str(source)], in_place=False, notify=lambda _: None)
    return workspace


def tree(workspace: Workspace) -> Path:
    return workspace.working_copy("pkg").root


def held(workspace: Workspace) -> dict[str, tuple[bytes, int]]:
    """Every file of the tree with its mode."""
    root = tree(workspace)
    return {
        path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def edit(workspace: Workspace, path: str, old: str, new: str) -> None:
    place = tree(workspace) / path
    assert old in place.read_text()
    place.write_text(place.read_text().replace(old, new))


def edit_everything(workspace: Workspace) -> None:
    root = tree(workspace)
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    edit(workspace, "pkg/m.py", "# why", "# because")
    edit(workspace, "pkg/data.json", '"b": 2', '"b": 3')
    (root / "pkg/w.bin").write_bytes(b"\0\2")
    (root / "pkg/fast").mkdir()
    (root / "pkg/fast/__init__.py").write_text("A = 1\n")
    (root / "pkg/slow").mkdir()
    (root / "pkg/slow/__init__.py").write_text("B = 1\n")
    (root / "pkg/slow/tool").write_text("#!/bin/sh\n")
    (root / "pkg/slow/tool").chmod(0o755)
    (root / "pkg/m.py").chmod(0o755)
    (root / "pkg/old.py").rename(root / "pkg/new.py")


def test_every_change_that_status_shows_is_captured_and_comes_back(workspace: Workspace) -> None:
    pristine = held(workspace)
    edit_everything(workspace)
    edited = held(workspace)
    actual = capture(workspace, "hand", None)
    assert sorted(actual.attachments) == [
        "hand/pkg/fast/__init__.py", "hand/pkg/slow/__init__.py", "hand/pkg/slow/tool",
        "hand/pkg/w.bin",
    ]  # fmt: skip
    assert check(workspace, ["hand"]).problems == []
    assert {each.status for each in plan(workspace, ["hand"], target=None, source=None)
            .patches[0].edits} == {"ready"}  # fmt: skip
    apply(workspace, ["hand"])  # it adopts the edits: nothing has to be taken out
    assert (status(workspace, None).drift, held(workspace)) == ([], edited)
    revert_all(workspace, None, dry_run=False)
    assert (status(workspace, None).drift, held(workspace)) == ([], pristine)
    apply(workspace, ["hand"])
    assert (status(workspace, None).drift, held(workspace)) == ([], edited)


def test_the_printed_next_step_works_when_it_is_pasted(workspace: Workspace) -> None:
    (tree(workspace) / "pkg/added.py").write_text("A = 1\n")
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    words = shlex.split(capture(workspace, "hand", None).next)
    assert words[0] == "patcher"
    subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True)
    assert status(workspace, None).series == ["hand"]
    assert status(workspace, None).drift == []


def test_an_edit_beyond_the_patch_is_drift_and_is_not_overwritten(workspace: Workspace) -> None:
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    capture(workspace, "hand", None)
    edit(workspace, "pkg/m.py", "return x\n", "return -x\n")
    with pytest.raises(PatcherError) as caught:
        apply(workspace, ["hand"])
    assert caught.value.code == "drift"
    assert "return -x" in (tree(workspace) / "pkg/m.py").read_text()


def test_captures_compose_and_name_what_they_lie_on(workspace: Workspace) -> None:
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    (tree(workspace) / "pkg/n.py").write_text("A = 1\n")
    assert capture(workspace, "one", None).requires == []
    apply(workspace, ["one"])
    edit(workspace, "pkg/m.py", "x + 2", "x + 3")
    (tree(workspace) / "pkg/sub").mkdir()
    (tree(workspace) / "pkg/sub/n.py").write_text("A = 2\n")
    assert capture(workspace, "two", None).requires == ["one"]
    apply(workspace, ["two"])
    edit(workspace, "pkg/m.py", "    return x\n", "    return -x\n")
    edit(workspace, "pkg/sub/n.py", "A = 2", "A = 3")
    assert capture(workspace, "three", None).requires == ["two"]
    apply(workspace, ["three"])
    edited = held(workspace)
    with pytest.raises(PatcherError) as caught:
        revert(workspace, ["one"], None, dry_run=False)
    assert (caught.value.code, caught.value.message) == ("blocked", "two requires one")
    revert_all(workspace, None, dry_run=False)
    with pytest.raises(PatcherError) as caught:
        apply(workspace, ["two"])
    assert caught.value.message == "two: it requires one, which is not applied"
    apply(workspace, ["one", "two", "three"])
    assert held(workspace) == edited


def test_a_second_capture_of_a_file_needs_no_git(workspace: Workspace) -> None:
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    capture(workspace, "one", None)
    apply(workspace, ["one"])
    shutil.rmtree(tree(workspace) / ".git")
    edit(workspace, "pkg/m.py", "x + 2", "x + 3")
    assert capture(workspace, "two", None).requires == ["one"]
    apply(workspace, ["two"])
    assert status(workspace, None).series == ["one", "two"]


def test_a_capture_that_lies_on_nothing_requires_nothing(workspace: Workspace) -> None:
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    capture(workspace, "one", None)
    apply(workspace, ["one"])
    edit(workspace, "pkg/old.py", "os.getcwd()", "os.curdir")
    assert capture(workspace, "two", None).requires == []


def refusal(workspace: Workspace, name: str = "hand") -> str:
    """What a capture that is refused prints; nothing may have been written."""
    with pytest.raises(PatcherError) as caught:
        capture(workspace, name, None)
    assert not (workspace.patches_dir / f"{name}.yaml").exists()
    error = caught.value
    notes = "".join(f"\n  {note}" for note in error.notes)
    return f"error[{error.code}]: {error.message}{notes}\n  help: {error.help}"


def test_what_no_spec_can_say_is_refused_by_name(workspace: Workspace) -> None:
    root = tree(workspace)
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    (root / "pkg/link.py").symlink_to("m.py")
    os.mkfifo(root / "pkg/pipe")
    assert refusal(workspace) == (
        "error[usage]: the change of pkg/link.py cannot be captured: it is a link\n"
        "  pkg/link.py: it is a link\n"
        "  pkg/pipe: it is no regular file\n"
        "  help: a spec says what regular files hold: take these away, then capture the rest"
    )


def test_a_slip_of_the_hand_is_named_with_its_line(workspace: Workspace) -> None:
    edit(workspace, "pkg/m.py", "def g(x):", "def g(x:")
    assert refusal(workspace) == (
        "error[usage]: the change of pkg/m.py cannot be captured: line 7 is not Python "
        "('(' was never closed)\n  help: mend the line, then capture again"
    )


def test_nothing_to_capture_is_said_with_the_place_to_edit(workspace: Workspace) -> None:
    assert refusal(workspace) == (
        "error[usage]: the working copy holds no hand edits\n"
        f"  help: edit a file in {tree(workspace)}, then capture it"
    )


def test_a_name_that_is_taken_is_refused_and_its_files_stay(workspace: Workspace) -> None:
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    text = capture(workspace, "hand", None).text
    with pytest.raises(PatcherError, match="is there already") as caught:
        capture(workspace, "hand", None)
    assert caught.value.code == "exists"
    assert (workspace.patches_dir / "hand.yaml").read_text() == text


def test_a_file_that_is_not_there_is_looked_for_elsewhere(workspace: Workspace) -> None:
    (workspace.patches_dir / "p.yaml").write_text(
        "patch: p\nsummary: s\ntarget: pkg\nequivalence: bitwise\nedits:\n"
        "  - file: pkg/gone.py\n    within: here\n    match: os.getcwd()\n    with: os.curdir\n"
        "  - file: pkg/gone.py\n    match: nowhere($X)\n    with: $X\n"
    )
    assert plan(workspace, ["p"], target=None, source=None).problems == [
        "error[missing]: p, edit 1: there is no pkg/gone.py\n  --> patches/p.yaml:6:5\n"
        "  pkg/old.py:5:12   os.getcwd()   in here\n"
        "  help: the same code stands in another file now: `file: pkg/old.py`",
        "error[missing]: p, edit 2: there is no pkg/gone.py\n  --> patches/p.yaml:10:5\n"
        "  help: no file of the target has its code: `patcher show p` lists what it fits",
    ]


def test_exports_carry_new_files_deletions_and_modes(workspace: Workspace, tmp_path: Path) -> None:
    edit_everything(workspace)
    capture(workspace, "hand", None)
    apply(workspace, ["hand"])
    source = tmp_path / "source-pkg"
    subprocess.run(["git", "init", "-q"], cwd=source, check=True)
    text = diff(workspace, None).diff.encode("utf-8", "surrogateescape")
    subprocess.run(["git", "apply", "-"], input=text, cwd=source, check=True)
    applied = {
        path: (data, mode) for path, (data, mode) in held(workspace).items() if path[:4] == "pkg/"
    }
    assert {
        path.relative_to(source).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in sorted((source / "pkg").rglob("*")) if path.is_file()
    } == applied  # fmt: skip
    (made_patch,) = format_patch(workspace, None, tmp_path / "out").files
    written = Path(made_patch).read_text()
    assert "old mode 100644\nnew mode 100755" in written
    assert "GIT binary patch" in written
    import zipfile

    with zipfile.ZipFile(wheel(workspace, None, tmp_path / "dist").files[0]) as archive:
        names = {each.filename: each.external_attr >> 16 for each in archive.infolist()}
    assert "pkg/old.py" not in names
    assert names["pkg/slow/tool"] == 0o100755


def test_every_working_copy_is_spoken_of(workspace: Workspace, tmp_path: Path) -> None:
    made(tmp_path, "other", {"other/__init__.py": "a = 1\n"})
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    assert capture(workspace, "hand", None).files == ["pkg/m.py"]  # the only one with edits
    apply(workspace, ["hand"])
    assert [each.target for each in status(workspace, None).working_copies] == ["other", "pkg"]
    assert "b/pkg/m.py" in diff(workspace, None).diff
    assert revert_all(workspace, None, dry_run=False).reverted == ["hand"]
    assert [each.series for each in status(workspace, None).working_copies] == [[], []]


def test_drift_in_one_working_copy_keeps_revert_all_from_the_others(
    workspace: Workspace, tmp_path: Path
) -> None:
    made(tmp_path, "other", {"other/__init__.py": "a = 1\n"})
    edit(workspace, "pkg/m.py", "x + 1", "x + 2")
    capture(workspace, "hand", None)
    apply(workspace, ["hand"])
    (workspace.working_copy("other").root / "other/__init__.py").write_text("a = 2\n")
    with pytest.raises(PatcherError) as caught:
        revert_all(workspace, None, dry_run=False)
    assert caught.value.code == "drift"
    assert status(workspace, "pkg").series == ["hand"]


@pytest.mark.chatterbox
def test_planning_a_patch_of_another_target_makes_no_working_copy(workspace: Workspace) -> None:
    pytest.importorskip("chatterbox")
    (planned,) = plan(workspace, ["inference_mode"], target=None, source=None).patches
    assert {each.status for each in planned.edits} == {"ready"}
    assert workspace.targets() == ("pkg",)
