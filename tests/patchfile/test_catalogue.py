"""Where patches come from, and what is said when a name is none."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.patchfile import catalogue
from patcher.patchfile.catalogue import Catalogue, load_catalogue
from tests.patchfile.support import EDITS, HEAD


def put(folder: Path, name: str, summary: str = "s") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    head = HEAD.replace("patch: p", f"patch: {name}").replace("summary: s", f"summary: {summary}")
    (folder / f"{name}.yaml").write_text(head + EDITS)


def test_the_shipped_patches_are_all_readable() -> None:
    known = load_catalogue()
    assert "inference_mode" in known.patches
    assert all(patch.name == name for name, patch in known.patches.items())


def test_a_workspace_patch_comes_before_a_shipped_one(tmp_path: Path) -> None:
    put(tmp_path / "patches", "inference_mode", "mine")
    assert load_catalogue(tmp_path).get("inference_mode").summary == "mine"
    assert "channels_last" in load_catalogue(tmp_path).patches


def test_messages_name_a_spec_by_its_folder_and_file(tmp_path: Path) -> None:
    put(tmp_path / "patches", "mine")
    assert load_catalogue(tmp_path).get("mine").path == "patches/mine.yaml"


def test_a_misspelt_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(PatcherError, match="no patch `inferense_mode`") as caught:
        load_catalogue().get("inferense_mode")
    assert caught.value.code == "unknown-patch"
    assert caught.value.hint == "did you mean `inference_mode`?"


@pytest.mark.parametrize("name", ["../p", "patches/p", "sets", "..", "a\\b"])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    put(tmp_path / "patches", "p")
    (tmp_path / "patches" / "sets.yaml").write_text("{}\n")
    with pytest.raises(PatcherError, match="there is no patch"):
        Catalogue([tmp_path / "patches"]).get(name)


def test_a_set_stands_for_its_patches_each_once(tmp_path: Path) -> None:
    folder = tmp_path / "patches"
    for name in ("a", "b", "c"):
        put(folder, name)
    (folder / "sets.yaml").write_text("fast: {summary: Fast., patches: [b, c]}\n")
    known = Catalogue([folder])
    assert [patch.name for patch in known.expand(["a", "@fast", "b"])] == ["a", "b", "c"]
    assert known.sets["fast"].summary == "Fast."


def test_a_misspelt_set_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    put(tmp_path, "a")
    (tmp_path / "sets.yaml").write_text("fast: {summary: s, patches: [a]}\n")
    with pytest.raises(PatcherError, match="no set `@fsat`") as caught:
        Catalogue([tmp_path]).expand(["@fsat"])
    assert caught.value.hint == "did you mean `@fast`?"


def test_one_name_costs_one_file(tmp_path: Path) -> None:
    put(tmp_path, "good")
    (tmp_path / "bad.yaml").write_text("patch: [")
    known = Catalogue([tmp_path])
    assert known.get("good").name == "good"
    with pytest.raises(PatcherError, match="not YAML"):
        known.get("bad")


def test_an_installed_catalogue_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "their_patches"
    put(package, "theirs")
    (package / "__init__.py").write_text("raise AssertionError('imported')\n")
    point = EntryPoint("theirs", "their_patches", catalogue.GROUP)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point])
    assert load_catalogue().get("theirs").summary == "s"
    assert "their_patches" not in sys.modules


def test_a_spec_reads_files_beside_it_only(tmp_path: Path) -> None:
    folder = tmp_path / "patches"
    put(folder, "p")
    (tmp_path / "secret.py").write_text("x = 1\n")
    (folder / "link.py").symlink_to(tmp_path / "secret.py")
    text = HEAD + "edits:\n  - file: a.py\n    add-file: link.py\n"
    (folder / "p.yaml").write_text(text)
    with pytest.raises(PatcherError, match="is not beside the spec"):
        Catalogue([folder]).get("p")


def test_a_spec_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(b"patch: \xff\n")
    with pytest.raises(PatcherError, match="not UTF-8"):
        Catalogue([tmp_path]).get("p")
