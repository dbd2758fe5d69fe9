"""`patcher capture`: hand edits become a spec; the tree is replayed from it and compared."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.commands.shared.find_copy import copies
from patcher.commands.shared.replay_series import left_by_series, modes_of, patches_of, replayed
from patcher.commands.shared.write_specs import requirement, write_spec
from patcher.errors import PatcherError
from patcher.results import CaptureResult

if TYPE_CHECKING:
    from patcher.patchfile.model import Patch
    from patcher.rewrite.authoring.capture import Captured, File
    from patcher.store.drift import Drift
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

_NOT_FILES = {
    "link": "it is a link",
    "folder": "it is a folder, where a file was",
    "special": "it is no regular file",
}
_NEW_FILE_MODE = 0o644


def capture(workspace: Workspace, name: str, target: str | None) -> CaptureResult:
    """Turn hand edits of the working copy into ``patches/NAME.yaml``.

    Every change that ``patcher status`` shows is in it, or the capture is refused. The spec is
    read back and replayed on pristine under the series: bytes and modes of every file must be
    those of the tree. The working copy keeps the edits; applying the patch adopts them.

    Raises:
        PatcherError: ``usage`` when nothing differs, or for a change that no spec can say;
            ``exists`` for a name that is taken.
    """
    from patcher.rewrite.authoring.capture import capture as capture_edits

    copy = _edited(workspace, target)
    drift = copy.drift()
    if not drift:
        raise PatcherError(
            "usage",
            "the working copy holds no hand edits",
            hint=f"edit a file in {copy.root}, then capture it",
        )
    if any(applied.guard for applied in copy.series):
        raise PatcherError(
            "usage",
            "hand edits on top of guarded patches cannot be captured",
            hint="apply the patches without --guarded first",
        )
    paths = _files(copy, drift)
    left = left_by_series(copy, paths)
    before = {
        path: (data, _mode_left(copy, path)) for path, data in left.items() if data is not None
    }
    after = {path: _held(copy, path) for path in paths}
    text_of = requirement(copy, next(iter(paths), ""))
    result = capture_edits(name, text_of, before, after)
    needed = _needed(copy, name, result, after)
    if needed:
        result = capture_edits(name, text_of, before, after, needed)
    files = {f"{name}.yaml": result.text.encode(), **result.attachments}
    spec = write_spec(workspace, name, files)
    try:
        _check(copy, spec, after)
    except BaseException:
        _take_back(spec, name, result)
        raise
    return CaptureResult(
        spec=spec,
        text=result.text,
        files=sorted(after),
        attachments=sorted(result.attachments),
        requires=needed,
        next=_next(workspace, copy, name, target),
    )


# what differs


def _edited(workspace: Workspace, target: str | None) -> WorkingCopy:
    """The working copy asked for; of several, the only one that holds hand edits."""
    result = copies(workspace, target)
    edited = [copy for copy in result if copy.drift()] if len(result) > 1 else result
    return edited[0] if len(edited) == 1 else workspace.working_copy(target)


def _files(copy: WorkingCopy, drift: Sequence[Drift]) -> list[str]:
    """The files that differ; those of an added folder one by one.

    Raises:
        PatcherError: ``usage`` that names everything that is no file, or has no usable name.
    """
    from patcher.store.paths import check_relative

    refused: list[tuple[str, str]] = []
    result: list[str] = []
    for each in drift:
        if each.kind in _NOT_FILES:
            refused.append((each.path, _NOT_FILES[each.kind]))
        elif each.path.endswith("/"):
            for place in sorted((copy.root / each.path).rglob("*")):
                relative = place.relative_to(copy.root).as_posix()
                if {".git", "__pycache__"} & set(relative.split("/")) or place.suffix == ".pyc":
                    continue
                if place.is_symlink() or not (place.is_file() or place.is_dir()):
                    refused.append((relative, "it is no regular file"))
                elif place.is_file():
                    result.append(relative)
        elif (copy.root / each.path).is_symlink():
            refused.append((each.path, "it is a link"))
        elif each.kind == "added" and not (copy.root / each.path).is_file():
            refused.append((each.path, "it is no regular file"))
        else:
            result.append(each.path)
    for path in result:
        try:
            check_relative(path)
        except PatcherError as error:
            refused.append((path, error.message))
    if refused:
        first, why = refused[0]
        raise PatcherError(
            "usage",
            f"the change of {first} cannot be captured: {why}",
            hint="a spec says what regular files hold: take these away, then capture the rest",
            where=first,
            notes=[f"{path}: {reason}" for path, reason in refused],
        )
    return sorted(result)


def _mode_left(copy: WorkingCopy, path: str) -> int:
    each = copy.expected_one(path)
    return each[1] if each is not None else _NEW_FILE_MODE


def _held(copy: WorkingCopy, path: str) -> File | None:
    """A file as it is now; None where there is none.

    Raises:
        PatcherError: ``unsupported-source`` over 1 MB.
    """
    from patcher.store.paths import check_size

    result = copy.place.root.read(path)
    if result is None:
        return None
    check_size(len(result.data), path)
    return result.data, result.mode


# checking


def _needed(
    copy: WorkingCopy, name: str, captured: Captured, after: Mapping[str, File | None]
) -> list[str]:
    """The patches of the series without which the new one does not give the same edits."""
    from patcher.patchfile.reader import read_spec
    from patcher.rewrite.replay import replay

    patch = read_spec(captured.text, f"patches/{name}.yaml", captured.attachments)
    series = patches_of(copy.series)
    needed: list[str] = []
    for number in range(len(series) - 1, -1, -1):
        without = series[number].name
        rest = [each for each in series if without not in (each.name, *_all_required(each, series))]
        try:
            alone = replay(copy.pristine, rest)
            both = replay(copy.pristine, [*rest, patch])
            fits = _changed(alone, both) == set(after) or not series
        except PatcherError:
            fits = False
        if not fits:
            needed.append(without)
    implied = {
        each for item in series if item.name in needed for each in _all_required(item, series)
    }
    return [item.name for item in series if item.name in needed and item.name not in implied]


def _changed(one: Mapping[str, bytes | None], other: Mapping[str, bytes | None]) -> set[str]:
    missing = object()
    return {p for p in {*one, *other} if one.get(p, missing) != other.get(p, missing)}


def _all_required(patch: Patch, series: Sequence[Patch]) -> set[str]:
    """What a patch requires, directly or through others."""
    by_name = {each.name: each for each in series}
    result: set[str] = set()
    left = list(patch.requires)
    while left:
        name = left.pop()
        if name in by_name and name not in result:
            result.add(name)
            left += by_name[name].requires
    return result


def _check(copy: WorkingCopy, spec: Path, after: Mapping[str, File | None]) -> None:
    """Read a spec that was written, replay it, and compare the whole tree.

    Raises:
        PatcherError: ``capture-differs`` that names each file that does not come back.
    """
    from patcher.commands.shared.replay_series import record_of
    from patcher.patchfile.catalogue import read_patch

    series = (*copy.series, record_of(read_patch(spec, f"patches/{spec.name}")))
    files, modes = replayed(copy, series), modes_of(copy, series)
    wrong = []
    for path in sorted({*files, *modes, *after, *copy.state.touched}):
        data = files[path] if path in files else copy.pristine(path)
        past = copy.pristine_mode(path)
        mode = modes.get(path, _NEW_FILE_MODE if past is None else past)
        made = None if data is None else (data, mode)
        if made != (after[path] if path in after else _held(copy, path)):
            wrong.append(path)
    if wrong:
        raise PatcherError(
            "capture-differs",
            f"replaying the spec does not give {wrong[0]} back",
            hint="nothing was written; please report it with both versions of the file",
            where=wrong[0],
            notes=wrong,
        )


def _take_back(spec: Path, name: str, captured: Captured) -> None:
    """Remove what was written for a spec that does not hold."""
    spec.unlink(missing_ok=True)
    for path in captured.attachments:
        (spec.parent / path).unlink(missing_ok=True)
    with suppress(OSError):
        if not any(path.is_file() for path in (spec.parent / name).rglob("*")):
            shutil.rmtree(spec.parent / name)


def _next(workspace: Workspace, copy: WorkingCopy, name: str, target: str | None) -> str:
    """The command that makes the edits the series': it works when it is pasted."""
    words = ["patcher"]
    if Path.cwd().resolve() != workspace.root:
        words += ["-C", str(workspace.root)]
    words += ["apply", name]
    if target is not None:
        words += ["--target", copy.target]
    return shlex.join(words)
