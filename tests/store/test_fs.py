"""The seam: every call is announced before it is made, and none follows a link."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from patcher.store import fs
from patcher.store.fs import FileOperation, Folder
from tests.store.conftest import ops


def test_digest_is_sha256_in_hexadecimal() -> None:
    assert fs.digest(b"abc") == sha256(b"abc").hexdigest()


def test_a_folder_that_is_a_link_is_not_opened(place: Path) -> None:
    (place / "link").symlink_to(place)
    with pytest.raises(OSError, match="link"):
        Folder.open(place / "link")


def test_opening_what_is_no_folder_fails(place: Path) -> None:
    (place / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        Folder.open(place / "file")
    with pytest.raises(FileNotFoundError):
        Folder.open(place / "nothing")


def test_descriptors_do_not_reach_child_processes(folder: Folder, place: Path) -> None:
    (place / "inner").mkdir()
    with folder.child("inner") as inner:
        assert not os.get_inheritable(folder.fd)
        assert not os.get_inheritable(inner.fd)


def test_closing_twice_is_harmless_and_closes_once(place: Path) -> None:
    opened = Folder.open(place)
    number = opened.fd
    opened.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
    reused = os.open(place, os.O_RDONLY)
    opened.close()
    os.fstat(reused)
    os.close(reused)


def test_make_makes_the_missing_parents_and_syncs_each_name(
    place: Path, calls: list[FileOperation]
) -> None:
    with Folder.make(place / "a" / "b") as made:
        assert made.path == str(place / "a" / "b")
    assert (place / "a" / "b").is_dir()
    assert ops(calls) == [("mkdir", "a"), ("fsync-folder", "place"),
                          ("mkdir", "b"), ("fsync-folder", "a")]  # fmt: skip
    calls.clear()
    Folder.make(place / "a" / "b").close()
    assert calls == []


def test_a_child_is_opened_below_its_parent_and_never_through_a_link(
    folder: Folder, place: Path
) -> None:
    (place / "real").mkdir()
    (place / "link").symlink_to("real")
    (place / "file").write_bytes(b"")
    with folder.child("real") as inner:
        assert inner.path == f"{place}/real"
        assert os.fstat(inner.fd).st_ino == (place / "real").stat().st_ino
    with pytest.raises(OSError, match=r"link|directory"):
        folder.child("link")
    with pytest.raises(NotADirectoryError):
        folder.child("file")


def test_lstat_says_what_a_name_is_and_none_for_nothing(folder: Folder, place: Path) -> None:
    (place / "link").symlink_to("nowhere")
    actual = folder.lstat("link")
    assert actual is not None
    assert stat.S_ISLNK(actual.st_mode)
    assert folder.lstat("nothing") is None


def test_reading_gives_bytes_mode_and_stat(folder: Folder, place: Path) -> None:
    (place / "file").write_bytes(b"\x00\r\n\xff")
    (place / "file").chmod(0o4751)
    actual = folder.read("file")
    assert actual is not None
    assert actual.data == b"\x00\r\n\xff"
    assert actual.mode == 0o4751
    assert actual.stat.st_ino == (place / "file").stat().st_ino
    assert folder.read("nothing") is None


@pytest.mark.parametrize("kind", ["link", "folder", "FIFO"])
def test_only_regular_files_are_read(folder: Folder, place: Path, kind: str) -> None:
    if kind == "link":
        (place / "real").write_bytes(b"")
        (place / "it").symlink_to("real")
    elif kind == "folder":
        (place / "it").mkdir()
    else:
        os.mkfifo(place / "it")
    with pytest.raises(OSError, match="not a regular file") as caught:
        folder.read("it")
    assert caught.value.errno == (errno.ELOOP if kind == "link" else errno.EINVAL)
    assert caught.value.filename == f"{place}/it"


def test_a_fifo_that_takes_a_files_place_at_the_last_moment_is_refused(
    folder: Folder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "it").write_bytes(b"")
    regular = (place / "it").stat()
    (place / "it").unlink()
    os.mkfifo(place / "it")
    monkeypatch.setattr(folder, "lstat", lambda name: regular)
    with pytest.raises(OSError, match="not a regular file") as caught:
        folder.read("it")
    assert caught.value.errno == errno.EINVAL
    assert caught.value.filename == f"{place}/it"


def test_a_link_that_takes_a_files_place_at_the_last_moment_is_refused(
    folder: Folder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "real").write_bytes(b"secret")
    regular = (place / "real").stat()
    (place / "it").symlink_to("real")
    monkeypatch.setattr(folder, "lstat", lambda name: regular)
    with pytest.raises(OSError, match="link") as caught:
        folder.read("it")
    assert caught.value.errno == errno.ELOOP


def test_names_are_sorted(folder: Folder, place: Path) -> None:
    for name in ("b", "a", "c"):
        (place / name).write_bytes(b"")
    assert list(folder.names()) == ["a", "b", "c"]


def test_mkdir_takes_an_existing_folder_only_when_told(
    folder: Folder, place: Path, calls: list[FileOperation]
) -> None:
    folder.mkdir("new", 0o700)
    assert (place / "new").stat().st_mode & 0o777 == 0o700
    folder.mkdir("new", exist_ok=True)
    with pytest.raises(FileExistsError):
        folder.mkdir("new")
    assert calls[0] == FileOperation("mkdir", f"{place}/new")


def test_a_new_folder_is_open_to_whom_the_umask_lets_in(folder: Folder, place: Path) -> None:
    mask = os.umask(0o027)
    try:
        folder.mkdir("new")
    finally:
        os.umask(mask)
    assert (place / "new").stat().st_mode & 0o777 == 0o750


def test_rmdir_removes_an_empty_folder(
    folder: Folder, place: Path, calls: list[FileOperation]
) -> None:
    (place / "empty").mkdir()
    folder.rmdir("empty")
    assert not (place / "empty").exists()
    assert calls == [FileOperation("rmdir", f"{place}/empty")]


def test_create_writes_sets_the_mode_then_syncs(
    folder: Folder, place: Path, calls: list[FileOperation]
) -> None:
    actual = folder.create("new", b"data", 0o751)
    assert (place / "new").read_bytes() == b"data"
    assert actual.st_ino == (place / "new").stat().st_ino
    assert stat.S_IMODE(actual.st_mode) == 0o751
    assert calls == [
        FileOperation("create", f"{place}/new"),
        FileOperation("write", f"{place}/new", data=b"data"),
        FileOperation("chmod", f"{place}/new", mode=0o751),
        FileOperation("fsync", f"{place}/new"),
    ]


def test_create_leaves_the_sync_out_when_told(folder: Folder, calls: list[FileOperation]) -> None:
    folder.create("new", b"x", 0o644, durable=False)
    assert [call.op for call in calls] == ["create", "write", "chmod"]


def test_an_empty_file_is_created_without_a_write(
    folder: Folder, place: Path, calls: list[FileOperation]
) -> None:
    folder.create("new", b"", 0o644)
    assert (place / "new").read_bytes() == b""
    assert "write" not in [call.op for call in calls]


def test_create_never_overwrites_nor_follows(folder: Folder, place: Path) -> None:
    (place / "there").write_bytes(b"kept")
    (place / "link").symlink_to("elsewhere")
    for name in ("there", "link"):
        with pytest.raises(FileExistsError):
            folder.create(name, b"new", 0o644)
    assert (place / "there").read_bytes() == b"kept"
    assert not (place / "elsewhere").exists()


def test_a_short_write_is_continued(
    folder: Folder, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: whole(fd, bytes(data)[:3]))
    folder.create("new", b"0123456789", 0o644)
    assert (place / "new").read_bytes() == b"0123456789"


def test_a_file_in_the_making_is_private(folder: Folder, place: Path) -> None:
    seen = []
    fs.observer = lambda call: seen.append(
        (place / "new").stat().st_mode & 0o777 if call.op == "write" else None
    )
    folder.create("new", b"secret", 0o644)
    assert seen[1] == 0o600


@pytest.mark.parametrize("op", ["write", "chmod", "fsync"])
def test_a_failing_create_closes_its_descriptor(folder: Folder, op: str) -> None:
    def fail(call: FileOperation) -> None:
        if call.op == op:
            raise OSError(errno.EIO, "broken")

    before = os.listdir("/proc/self/fd") if sys.platform == "linux" else []
    fs.observer = fail
    with pytest.raises(OSError, match="broken"):
        folder.create("new", b"x", 0o644)
    after = os.listdir("/proc/self/fd") if sys.platform == "linux" else []
    assert len(after) == len(before)


def test_allocate_takes_real_room(folder: Folder, place: Path, calls: list[FileOperation]) -> None:
    folder.allocate("room", 100_000)
    actual = (place / "room").stat()
    assert actual.st_size == 100_000
    assert actual.st_blocks * 512 >= 100_000
    assert actual.st_mode & 0o777 == 0o600
    assert calls == [FileOperation("allocate", f"{place}/room")]
    with pytest.raises(FileExistsError):
        folder.allocate("room", 1)


def test_allocate_does_not_follow_a_link(folder: Folder, place: Path) -> None:
    (place / "room").symlink_to("elsewhere")
    with pytest.raises(FileExistsError):
        folder.allocate("room", 1)
    assert not (place / "elsewhere").exists()


def test_an_error_of_the_observer_keeps_the_call_from_being_made(
    folder: Folder, place: Path
) -> None:
    """Faults are injected so: each op must be announced before it has an effect."""
    (place / "a").write_bytes(b"A")
    (place / "b").write_bytes(b"B")
    (place / "empty").mkdir()

    def fail(call: FileOperation) -> None:
        raise OSError(errno.EROFS, "injected")

    fs.observer = fail
    for change in (
        lambda: folder.mkdir("new"),
        lambda: folder.rmdir("empty"),
        lambda: folder.create("new", b"x", 0o644),
        lambda: folder.allocate("new", 10),
        lambda: folder.rename("a", "b"),
        lambda: folder.exchange("a", "b"),
        lambda: folder.link("a", "new"),
        lambda: folder.unlink("a"),
        folder.fsync,
    ):
        with pytest.raises(OSError, match="injected"):
            change()
    assert sorted(os.listdir(place)) == ["a", "b", "empty"]
    assert (place / "b").read_bytes() == b"B"


def test_the_seam_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, patcher.store.fs; print([m for m in ('git','libcst','click') if m in sys.modules])"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
