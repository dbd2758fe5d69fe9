"""Syntax that a patch writes and the target's Python does not read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from patcher.patchfile.features import HERE, Feature, features, may_be_new
from patcher.rewrite.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from patcher.patchfile.features import Version
    from patcher.patchfile.model import Patch
    from patcher.rewrite.file import Read


def unread(
    patch: Patch, written: Mapping[str, bytes | None], read: Read, python: Callable[[], Version]
) -> list[Problem]:
    """A problem for each piece of syntax that a patch brings to a target that cannot read it.

    What it writes has been read by the Python that runs patcher: a target on that one is fine.

    Args:
        written: new content of the patch's files.
        read: their content before.
        python: the version that runs the target; asked when a line may hold newer syntax.
    """
    return [
        _problem(patch, path, each, python())
        for path, content in written.items()
        for each in _brought(path, read(path), content, python)
        if each.since > python()
    ]


def _brought(
    path: str, before: bytes | None, after: bytes | None, python: Callable[[], Version]
) -> list[Feature]:
    """Syntax newer than Python 3.8 that a file has and did not have as often before."""
    if after is None or not path.endswith((".py", ".pyi")):
        return []
    old, new = ((content or b"").decode("utf-8", "replace") for content in (before, after))
    known = set(old.splitlines())
    lines = "\n".join(line for line in new.splitlines() if line not in known)
    if not may_be_new(lines) or python() >= HERE:
        return []
    had = Counter(each.name for each in features(old))
    result: dict[str, Feature] = {}
    for each in features(new):
        if had[each.name]:
            had[each.name] -= 1
        else:
            result.setdefault(each.name, each)
    return list(result.values())


def _problem(patch: Patch, path: str, feature: Feature, python: Version) -> Problem:
    edits = [i for i, edit in enumerate(patch.edits, 1) if edit.file == path]
    texts = {i: patch.edits[i - 1].replacement or "" for i in edits}
    number = next((i for i, text in texts.items() if _has(text, feature)), None)
    number = edits[0] if number is None and len(edits) == 1 else number
    mark = patch.edits[number - 1].mark if number else None
    where = f"{patch.path}:{mark.line}:{mark.column}" if mark else patch.path
    message = f"{path}:{feature.line}: {feature.unread(python)}, and the target runs on it"
    hint = "write it in another way, or let `python` in the settings name a newer one"
    return Problem("incompatible", patch.name, number, message, where, (), hint)


def _has(text: str, feature: Feature) -> bool:
    """Whether a replacement has a piece of syntax."""
    from patcher.patchfile.holes import PatternError, parse

    try:
        return any(each.name == feature.name for each in features(parse(text).text))
    except PatternError:  # lines of a file
        return False
