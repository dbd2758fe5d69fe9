"""`patcher export --in-place PATH`: put the patched files where the original ones stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.fs import Folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.store.fs import FileContent
    from patcher.store.working_copy import WorkingCopy

Held = tuple["bytes | None", int]


def write_over(copy: WorkingCopy, root: Path, *, undo: bool = False) -> list[Path]:
    """Replace every file that the series changes; nothing when one of them is somebody's.

    A file may hold the original's bytes or the patched ones, so that the command can be given
    again, and with ``undo`` be taken back.

    Args:
        root: the folder that holds the package, or a project with it in ``src``.

    Returns:
        The files that were written.

    Raises:
        PatcherError: ``source`` when the package is not there; ``drift`` for an edited file;
            ``io`` when the disk refused, with what was written put back.
    """
    root = import_root(copy, root)
    original, patched = {}, {}
    for path, past in copy.state.touched.items():
        result = copy.expected_one(path)
        original[path] = (copy.pristine(path), past.pristine_mode)
        patched[path] = (copy.read(path), result[1] if result else 0o644)
    goal, other = (original, patched) if undo else (patched, original)
    before = {path: _read(root, path) for path in goal}
    for path, file in before.items():
        data = None if file is None else file.data
        if data not in (goal[path][0], other[path][0]):
            raise PatcherError(
                "drift",
                f"{root / path} is neither the original file nor the patched one",
                hint="nothing was written; export onto the version the working copy was made of",
                where=str(root / path),
            )
    written: list[str] = []
    try:
        for path, held in goal.items():
            if (before[path].data if before[path] else None) != held[0]:  # type: ignore[union-attr]
                _write(root, path, held, before[path])
                written.append(path)
    except OSError as error:
        _put_back(root, before, written)
        raise PatcherError(
            "io", f"cannot write into {root}: {error}; what was written is put back"
        ) from None
    return [root / path for path in written]


def import_root(copy: WorkingCopy, root: Path) -> Path:
    """Where the package stands in a folder.

    Raises:
        PatcherError: ``source``.
    """
    for folder in (root, root / "src"):
        if any((folder / name).exists() for name in copy.packages):
            return folder.absolute()
    names = " or ".join(copy.packages)
    raise PatcherError("source", f"{root} holds no {names}", where=str(root))


def _read(root: Path, path: str) -> FileContent | None:
    place = root / path
    if not place.parent.is_dir():
        return None
    try:
        with Folder.open(place.parent) as folder:
            return folder.read(place.name)
    except OSError as error:
        message, hint = f"{place}: {error.strerror}", "make it a readable file, then repeat"
        raise PatcherError("drift", message, hint, str(place)) from None


def _write(root: Path, path: str, held: Held, before: FileContent | None) -> None:
    data, mode = held
    place = root / path
    if data is None:
        with Folder.open(place.parent) as folder:
            folder.unlink(place.name)
            folder.fsync()
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with Folder.open(place.parent) as folder:
        folder.replace_file(place.name, data, before.mode if before is not None else mode)


def _put_back(root: Path, before: Mapping[str, FileContent | None], written: list[str]) -> None:
    for path in written:
        file = before[path]
        _write(root, path, (None, 0) if file is None else (file.data, file.mode), file)
