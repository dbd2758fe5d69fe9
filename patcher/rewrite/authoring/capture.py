"""`patcher capture`: hand edits become the smallest spec that gives the tree back.

What comes out is read again and replayed by the caller: bytes and modes of every file are compared.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from patcher.errors import PatcherError
from patcher.patchfile.features import too_new
from patcher.patchfile.model import Edit, EditKind
from patcher.rewrite.authoring.exact import text_edits
from patcher.rewrite.authoring.write_spec import SpecHead, spec_text

NEW_FILE_MODE = 0o644
_LIKENESS = 0.6
_MOST_PAIRS = 200
File = tuple[bytes, int]
"""Bytes and permission bits."""


@dataclass(frozen=True)
class Captured:
    """A spec made of hand edits.

    Attributes:
        text: the spec.
        attachments: files to put beside it, by path relative to its folder: ``NAME/PATH``.
    """

    text: str
    attachments: Mapping[str, bytes]


def capture(
    name: str,
    target: str,
    before: Mapping[str, File],
    after: Mapping[str, File | None],
    requires: Sequence[str] = (),
) -> Captured:
    """Make a spec of what differs between two states of a target.

    Args:
        name: of the patch; its attachments go to a folder of that name.
        target: PEP 508, for example ``chatterbox-tts >=0.1,<0.2``.
        before: files by path relative to the import root; a path not there is no file.
        after: only paths in it are looked at; None is a deleted file.
        requires: patches that the spec names as required.

    Raises:
        PatcherError: ``usage`` when nothing differs, or a change is none that a spec can say.
    """
    changed = {path: held for path, held in sorted(after.items()) if before.get(path) != held}
    if not changed:
        raise PatcherError("usage", "nothing differs from what patcher wrote", "edit a file first")
    for path, held in changed.items():
        _sayable(path, held)
    making = _Making(name, before)
    deleted = [path for path, held in changed.items() if held is None]
    added = {p: held for p, held in changed.items() if held is not None and p not in before}
    renamed = _renames({path: before[path] for path in deleted}, added)
    for path, held in changed.items():
        if path in renamed:
            making.renamed(path, renamed[path], added[renamed[path]])
        elif held is None:
            making.deleted(path)
        elif path in before:
            making.changed(path, path, held)
        elif path not in renamed.values():
            making.added(path, held)
    text = spec_text(SpecHead(name, target, requires=tuple(requires)), making.edits)
    return Captured(text, making.attachments)


def _sayable(path: str, held: File | None) -> None:
    if held is not None and held[1] & 0o600 != 0o600:
        raise PatcherError(
            "usage",
            f"the mode {held[1]:o} of {path} cannot be captured: its owner may not read and write",
            hint="give its owner both with `chmod u+rw`, then capture again",
            where=path,
        )
    if held is not None and held[1] > 0o777:
        raise PatcherError(
            "usage",
            f"the mode {held[1]:o} of {path} cannot be captured: it has more than rwx",
            hint="`chmod` the set-user, set-group or sticky bit away",
            where=path,
        )


class _Making:
    """Collects edits and what travels with them."""

    def __init__(self, name: str, before: Mapping[str, File]) -> None:
        self.name, self.before = name, before
        self.edits: list[Edit] = []
        self.attachments: dict[str, bytes] = {}

    def attach(self, path: str, data: bytes) -> str:
        place = f"{self.name}/{path}"
        self.attachments[place] = data
        return place

    def mode(self, path: str, old: int, new: int) -> None:
        if old != new:
            self.edits.append(Edit(path, EditKind.MODE, pattern=f"{new:o}"))

    def added(self, path: str, held: File) -> None:
        place = self.attach(path, held[0])
        self.edits.append(Edit(path, EditKind.ADD_FILE, pattern=place))
        self.mode(path, NEW_FILE_MODE, held[1])

    def deleted(self, path: str) -> None:
        was = sha256(self.before[path][0]).hexdigest()
        self.edits.append(Edit(path, EditKind.DELETE_FILE, pattern="true", was=was))

    def renamed(self, path: str, new: str, held: File) -> None:
        self.changed(path, new, held)
        self.edits.append(Edit(path, EditKind.RENAME_FILE, pattern=new))

    def changed(self, path: str, new: str, held: File) -> None:
        old, mode = self.before[path]
        if old != held[0]:
            _still_python(path, old, held[0])
            edits = text_edits(path, old, held[0])
            if edits is None:
                was, place = sha256(old).hexdigest(), self.attach(new, held[0])
                edits = [Edit(path, EditKind.REPLACE_FILE, pattern=place, was=was)]
            self.edits += edits
        self.mode(path, mode, held[1])


def _still_python(path: str, before: bytes, after: bytes) -> None:
    """Refuse a slip of the hand; what never was Python (a template) may be anything."""
    if path.endswith(".py") and _error(before) is None and (error := _error(after)) is not None:
        newer = too_new(after.decode("utf-8", "replace"))
        line = newer.line if newer else error.lineno or 1
        why = f", {newer.unread()}" if newer else f" is not Python ({error.msg})"
        raise PatcherError(
            "usage",
            f"the change of {path} cannot be captured: line {line}{why}",
            hint=newer.hint if newer else "mend the line, then capture again",
            where=f"{path}:{line}:1",
        )


def _error(content: bytes) -> SyntaxError | None:
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(content)
    except SyntaxError as error:
        return error
    except ValueError as error:  # a NUL byte
        return SyntaxError(str(error))
    return None


def _renames(deleted: Mapping[str, File], added: Mapping[str, File]) -> dict[str, str]:
    """New path by old path: equal bytes first, then texts that are much alike."""
    result: dict[str, str] = {}
    for path, (data, _) in deleted.items():
        for other, (new, _) in added.items():
            if data and data == new and other not in result.values():
                result[path] = other
                break
    pairs = [
        (_likeness(deleted[path][0], added[other][0]), path, other)
        for path in deleted
        for other in added
        if path not in result and other not in result.values() and _suffix(path) == _suffix(other)
    ] if len(deleted) * len(added) <= _MOST_PAIRS else []  # fmt: skip
    for likeness, path, other in sorted(pairs, reverse=True):
        if likeness >= _LIKENESS and path not in result and other not in result.values():
            result[path] = other
    return result


def _suffix(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2]


def _likeness(old: bytes, new: bytes) -> float:
    """How alike two texts are, line by line, 0 to 1."""
    lines = old.splitlines(), new.splitlines()
    if min(map(len, lines)) < 3:
        return 0.0
    matcher = difflib.SequenceMatcher(None, *lines, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= _LIKENESS else 0.0
