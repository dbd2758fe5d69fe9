"""Somebody else edits the tree at any moment, and eight runs want the workspace at once."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.store.workspace import Workspace
from tests.torture import inject
from tests.torture.kills import calls_of, perform
from tests.torture.scene import Scene, applied, lost_bytes, patched, snapshot
from tests.torture.tally import Tally

if TYPE_CHECKING:
    from patcher.store.fs import FileOperation

FOREIGN = b"# somebody else's line\n"


def _write_in_place(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate()
        file.write(FOREIGN)


def _save_as_editors_do(path: Path) -> None:
    beside = path.with_name(f"{path.name}~")
    beside.write_bytes(FOREIGN)
    beside.replace(path)


def _make_again(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(FOREIGN)


def _to_link(path: Path) -> None:
    elsewhere = path.parents[1] / "elsewhere.txt"
    elsewhere.write_bytes(FOREIGN)
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere)


def _to_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "inside.txt").write_bytes(FOREIGN)


def _folder_to_link(path: Path) -> None:
    moved = path.parents[1] / f"moved-{path.parent.name}"
    path.write_bytes(FOREIGN)
    path.parent.rename(moved)
    path.parent.symlink_to(moved)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)


def _chmod(path: Path) -> None:
    path.chmod(0o640)


EDITS: dict[str, Callable[[Path], None]] = {
    "written in place": _write_in_place,
    "saved by renaming": _save_as_editors_do,
    "made again": _make_again,
    "replaced by a link": _to_link,
    "replaced by a folder": _to_folder,
    "its folder replaced by a link": _folder_to_link,
    "deleted": _delete,
    "chmodded": _chmod,
}


def edit_at(number: int, edit: Callable[[Path], None], path: Path) -> inject.Observer:
    """Make a foreign edit just before the Nth call."""
    seen = 0

    def observe(_: FileOperation) -> None:
        nonlocal seen
        seen += 1
        if seen == number + 1:
            try:
                edit(path)
            except FileNotFoundError:
                os._exit(inject.DONE)  # nothing to edit at this moment: not a round

    return observe


def edit_everywhere(scene: Scene, action: str, name: str, points: range | None = None) -> Tally:
    """Let somebody edit a file before each call; kill at the end, or not; settle; look for it.

    The edit must be found under its path, or whole under another name in the tree; the other files
    must be what they were or what was planned.
    """
    tally = Tally()
    before, after = scene.ends[action]
    for point in points or range(calls_of(scene, action)):
        with scene.round(action) as place:
            edited = "sample/part1/module1.py"
            path = place / ".patcher/sample/tree" / edited
            ended = inject.run(perform(scene, place, action), edit_at(point, EDITS[name], path))
            faults = ["traceback: "] if ended.traceback else []
            error = scene.settle(place)
            if error is not None and error.code not in ("foreign-edit", "drift", "unsafe-path"):
                faults.append(f"traceback: {error.code}: {error.message}")
            faults += _kept(place, name, path)
            tree = snapshot(place)
            allowed = (before, after)
            aside = {edited, *(p for p in tree if "part1" in p or "elsewhere" in p)}
            if name == "its folder replaced by a link":
                aside |= {p for p in before if "part1" in p} | {p for p in tree if "moved" in p}
            if error is None and not any(_rest(tree, aside) == _rest(w, aside) for w in allowed):
                faults.append("torn: the other files")
            faults += lost_bytes(Workspace(place))
            tally.tried += 1
            tally.note(faults, f"{action}, a file {name} before call {point}")
    return tally


def _rest(tree: dict[str, tuple[bytes, int]], aside: set[str]) -> dict[str, tuple[bytes, int]]:
    return {path: held for path, held in tree.items() if path not in aside}


def _kept(place: Path, name: str, path: Path) -> list[str]:
    """The foreign bytes must be in the tree still."""
    if name in ("deleted", "chmodded"):
        return []
    root = place / ".patcher/sample/tree"
    held = any(
        each.is_file() and not each.is_symlink() and each.read_bytes() == FOREIGN
        for each in root.rglob("*")
    )
    return [] if held else [f"lost: the edit of {path.name} is nowhere"]


def eight_writers(scene: Scene, seed: int) -> Tally:
    """Eight processes want to change one workspace at once; one after the other, or refused."""
    tally = Tally(tried=1)
    chance = random.Random(seed)
    pristine = scene.pristine()
    with scene.round("apply") as place:
        children = [
            inject.fork(partial(_write, scene, place, f"w{number}", pristine))
            for number in chance.sample(range(8), 8)
        ]
        ends = [inject.wait(child) for child in children]
        faults = [f"traceback: {end}" for end in ends if end.status not in (0, 5)]
        if (error := scene.settle(place)) is not None:
            faults.append(f"torn: {error.message}")
        copy = Workspace(place).working_copy()
        names = [each.name for each in copy.series]
        done = sum(end.status == 0 for end in ends)
        if len(names) != done:
            faults.append(f"torn: {done} succeeded, the series has {names}")
        expected = dict(pristine)
        for name in names:
            for path, data in patched(pristine, name, scene.files).items():
                if data is not None:
                    expected[path] = (data, pristine[path][1] if path in pristine else 0o644)
        if snapshot(place) != expected:
            faults.append(f"torn: the tree is not the replay of {names}")
        tally.note(faults + lost_bytes(Workspace(place)), f"writers, seed {seed}")
    return tally


def _write(scene: Scene, place: Path, name: str, pristine: dict[str, tuple[bytes, int]]) -> None:
    """One writer: apply a patch of its own; the last one in wins the file's bytes."""
    from tests.torture.scene import no_git

    with no_git():
        workspace = Workspace(place)
        with workspace.lock("apply"):
            copy = workspace.working_copy()
            files = patched(pristine, name, scene.files)
            copy.change(files, [*copy.series, applied(name)], "apply", [name])


__all__ = ["EDITS", "PatcherError", "edit_everywhere", "eight_writers"]
