"""The seam's calls on names: rename, exchange, link, unlink; none overwrites what it should not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from patcher.store import fs
from patcher.store.fs import FileOperation, Folder
from tests.store.conftest import ops


def test_rename_replaces_in_one_step(
    folder: Folder, place: Path, calls: list[FileOperation]
) -> None:
    (place / "a").write_bytes(b"new")
    (place / "b").write_bytes(b"old")
    folder.rename("a", "b")
    assert (place / "b").read_bytes() == b"new"
    assert not (place / "a").exists()
    assert calls == [FileOperation("rename", f"{place}/a", f"{place}/b")]


def test_exchange_swaps_two_names(folder: Folder, place: Path, calls: list[FileOperation]) -> None:
    (place / "a").write_bytes(b"A")
    (place / "b").write_bytes(b"B")
    assert folder.exchange("a", "b") is True
    assert ((place / "a").read_bytes(), (place / "b").read_bytes()) == (b"B", b"A")
    assert calls == [FileOperation("exchange", f"{place}/a", f"{place}/b")]


def test_exchange_with_nothing_fails_and_names_both(folder: Folder, place: Path) -> None:
    (place / "a").write_bytes(b"A")
    with pytest.raises(FileNotFoundError) as caught:
        folder.exchange("a", "nothing")
    assert caught.value.filename == f"{place}/a"
    assert caught.value.filename2 == f"{place}/nothing"
    assert caught.value.strerror == os.strerror(errno.ENOENT)


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP])
def test_exchange_says_where_it_cannot(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(fs, "_exchange", lambda fd, each, other: code)
    assert folder.exchange("a", "b") is False


def test_without_the_c_librarys_call_nothing_is_exchanged(
    folder: Folder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fs, "_libc_exchange", None)
    (place / "a").write_bytes(b"A")
    (place / "b").write_bytes(b"B")
    assert folder.exchange("a", "b") is False
    assert (place / "a").read_bytes() == b"A"


@pytest.mark.parametrize(("platform", "name"), [("linux", "renameat2"), ("darwin", "renameatx_np")])
def test_the_call_that_exchanges_is_the_platforms_own(
    monkeypatch: pytest.MonkeyPatch, platform: str, name: str
) -> None:
    class Function:
        argtypes: object = None
        restype: object = None

    class Library:
        pass

    library = Library()
    monkeypatch.setattr(fs.ctypes, "CDLL", lambda _, use_errno: library if use_errno else None)
    monkeypatch.setattr(fs.sys, "platform", platform)
    assert fs._load_exchange() is None
    function = Function()
    setattr(library, name, function)
    assert fs._load_exchange() is function
    assert function.restype is fs.ctypes.c_int
    integer, text, flags = fs.ctypes.c_int, fs.ctypes.c_char_p, fs.ctypes.c_uint
    assert function.argtypes == [integer, text, integer, text, flags]


def test_link_gives_a_second_name_and_never_overwrites(
    folder: Folder, place: Path, calls: list[FileOperation]
) -> None:
    (place / "a").write_bytes(b"A")
    (place / "b").write_bytes(b"B")
    folder.link("a", "c")
    assert (place / "a").stat().st_ino == (place / "c").stat().st_ino
    with pytest.raises(FileExistsError):
        folder.link("a", "b")
    assert (place / "b").read_bytes() == b"B"
    assert calls[0] == FileOperation("link", f"{place}/a", f"{place}/c")


def test_linking_a_link_links_the_link(folder: Folder, place: Path) -> None:
    (place / "real").write_bytes(b"")
    (place / "link").symlink_to("real")
    folder.link("link", "second")
    assert (place / "second").is_symlink()


@pytest.mark.parametrize("code", [errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_there_are_no_hard_links_the_file_is_moved(
    folder: Folder, place: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", no_links)
    (place / "a").write_bytes(b"A")
    folder.link("a", "c")
    assert (place / "c").read_bytes() == b"A"
    assert not (place / "a").exists()


def test_without_hard_links_a_move_overwrites_nothing_either(
    folder: Folder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(os, "link", no_links)
    (place / "a").write_bytes(b"A")
    (place / "b").write_bytes(b"B")
    with pytest.raises(PermissionError):
        folder.link("a", "b")
    assert (place / "b").read_bytes() == b"B"


def test_a_link_that_fails_for_another_reason_moves_nothing(
    folder: Folder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", full)
    (place / "a").write_bytes(b"A")
    with pytest.raises(OSError, match="full"):
        folder.link("a", "c")
    assert (place / "a").exists()


def test_unlink_removes_a_name_and_is_content_with_none(
    folder: Folder, place: Path, calls: list[FileOperation]
) -> None:
    (place / "a").write_bytes(b"")
    folder.unlink("a")
    folder.unlink("a")
    assert not (place / "a").exists()
    assert calls == [FileOperation("unlink", f"{place}/a")] * 2


def test_unlink_does_not_hide_other_errors(folder: Folder, place: Path) -> None:
    (place / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        folder.unlink("folder")


def test_fsync_is_announced_with_the_folders_path(
    folder: Folder, place: Path, calls: list[FileOperation], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    folder.fsync()
    assert synced == [folder.fd]
    assert calls == [FileOperation("fsync-folder", str(place))]


def test_replace_file_syncs_the_bytes_before_the_name_and_the_name_after(
    folder: Folder, place: Path, calls: list[FileOperation]
) -> None:
    (place / "it").write_bytes(b"old")
    (place / "it.new").write_bytes(b"left by an earlier run")
    folder.replace_file("it", b"new")
    assert (place / "it").read_bytes() == b"new"
    assert (place / "it").stat().st_mode & 0o777 == 0o644
    assert ops(calls) == [
        ("unlink", "it.new"), ("create", "it.new"), ("write", "it.new"), ("chmod", "it.new"),
        ("fsync", "it.new"), ("rename", "it.new"), ("fsync-folder", "place"),
    ]  # fmt: skip
    assert calls[5].other == f"{place}/it"


def test_remove_tree_takes_all_and_follows_no_link(
    folder: Folder, place: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"")
    tree = place / "tree"
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "file").write_bytes(b"")
    (tree / "link").symlink_to(outside)
    fs.remove_tree(folder, "tree")
    assert not tree.exists()
    assert (outside / "kept").exists()


def test_remove_tree_is_content_when_a_name_vanishes_meanwhile(
    folder: Folder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "tree").mkdir()
    monkeypatch.setattr(Folder, "names", lambda self: iter(["gone"]))
    fs.remove_tree(folder, "tree")
    assert not (place / "tree").exists()
