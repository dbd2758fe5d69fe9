"""All edits of one patch on one file: located on the same bytes, spliced together, checked."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.features import too_new
from patcher.patchfile.kinds import Level, kind_of
from patcher.patchfile.model import Edit, EditStatus, Patch
from patcher.rewrite.outcome import EditOutcome
from patcher.rewrite.whole_files import contradiction, plan_whole, whole

if TYPE_CHECKING:
    from patcher.rewrite.source import Source
    from patcher.rewrite.splice import Splice

Read = Callable[[str], "bytes | None"]
"""Content of a file by its path relative to the import root; None when there is none."""
WRITABLE = (EditStatus.READY, EditStatus.ALREADY)


@dataclass(frozen=True)
class Rewritten:
    """Outcome of each edit, in order, and the new content (None: nothing can be written)."""

    outcomes: tuple[EditOutcome, ...]
    content: bytes | None


Rewrite = Callable[[str, "bytes | None", Sequence[Edit], Mapping[str, bytes]], Rewritten]
"""`rewrite_file`, or what gives the same sooner, such as `patcher.rewrite.cached.Cached`."""


def rewrite_file(
    path: str,
    content: bytes | None,
    edits: Sequence[Edit],
    attachments: Mapping[str, bytes],
) -> Rewritten:
    """Plan and write one patch's edits of one file, in memory. A pure function of its arguments.

    Args:
        path: relative to the import root, for messages.
        content: the file's bytes; None when there is no such file.
        edits: those of one patch that name this file. All look at ``content``, none at what another
            of them writes.
        attachments: files that travel with the spec.
    """
    if whole(edits):
        return _whole_file(path, content, edits, attachments)
    if content is None:
        message = f"there is no {path}"
        return Rewritten(
            tuple(EditOutcome(edit, EditStatus.MISSING, message=message) for edit in edits), None
        )
    try:
        return _rewrite(path, content, edits, attachments)
    except PatcherError as error:
        if error.code not in ("unsupported-source", "rewrite-disagrees"):
            raise
        refused = EditOutcome(
            edits[0], EditStatus.BLOCKED, message=error.message, hint=error.help, code=error.code,
            details=tuple(error.notes),
        )  # fmt: skip
        return Rewritten(tuple(replace(refused, edit=edit) for edit in edits), None)


def rewrite_patch(
    patch: Patch, read: Read, rewrite: Rewrite = rewrite_file
) -> tuple[list[EditOutcome], dict[str, bytes | None]]:
    """Plan and write one patch in memory.

    Returns:
        Outcome of each edit in the spec's order, and the new content of those files all of whose
        edits can be written; None is a file that goes.
    """
    collected: dict[int, EditOutcome] = {}
    written: dict[str, bytes | None] = {}
    for path in dict.fromkeys(edit.file for edit in patch.edits):
        numbers = [i for i, edit in enumerate(patch.edits) if edit.file == path]
        edits = [patch.edits[i] for i in numbers]
        if whole(edits):
            outcomes, files = _with_whole(edits, read, patch.attachments, rewrite)
            clash = next((other for other in files if other in written), None)
            if clash is not None:
                message = f"two edits of this patch write {clash}"
                outcomes = [replace(o, status=EditStatus.CONFLICT, message=message)
                            for o in outcomes]  # fmt: skip
                files = {}
            collected.update(zip(numbers, outcomes, strict=True))
            written.update(files)
            continue
        result = rewrite(path, read(path), edits, patch.attachments)
        collected.update(zip(numbers, result.outcomes, strict=True))
        if result.content is not None:
            written[path] = result.content
    return [collected[i] for i in range(len(patch.edits))], written


def _with_whole(
    edits: Sequence[Edit], read: Read, attachments: Mapping[str, bytes], rewrite: Rewrite
) -> tuple[list[EditOutcome], dict[str, bytes | None]]:
    """Edits of one file of which some are about it as a whole: the others come first."""
    path = edits[0].file
    if why := contradiction(edits):
        return [EditOutcome(edit, EditStatus.CONFLICT, message=why) for edit in edits], {}
    content = after = read(path)
    inside = [edit for edit in edits if kind_of(edit).level is not Level.FILE]
    collected: dict[int, EditOutcome] = {}
    if inside:
        result = rewrite(path, content, inside, attachments)
        collected = {id(edit): each for edit, each in zip(inside, result.outcomes, strict=True)}
        after = result.content
    outer = whole(edits)
    outcomes, written = plan_whole(outer, content, after, read, attachments)
    collected.update((id(edit), each) for edit, each in zip(outer, outcomes, strict=True))
    everything = [collected[id(edit)] for edit in edits]
    fine = all(each.status in WRITABLE for each in everything)
    return everything, written if fine else {}


def _whole_file(
    path: str, content: bytes | None, edits: Sequence[Edit], attachments: Mapping[str, bytes]
) -> Rewritten:
    """As `_with_whole`, where no other file can be looked at."""
    outcomes, written = _with_whole(edits, {path: content}.get, attachments, rewrite_file)
    return Rewritten(tuple(outcomes), written.get(path))


def _rewrite(
    path: str, content: bytes, edits: Sequence[Edit], attachments: Mapping[str, bytes]
) -> Rewritten:
    from patcher.rewrite.kinds import lines as by_line
    from patcher.rewrite.kinds.registry import plan
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Source
    from patcher.rewrite.splice import apply, overlap, with_pass

    source = Source(path, content)
    textual = all(_by_line(edit) for edit in edits)
    python = path.endswith((".py", ".pyi")) or not textual
    file = File(source)
    outcomes: list[EditOutcome] = []
    splices: list[Splice] = []
    of_lines: list[Splice] = []
    for edit in edits:
        outcome, more = plan(file, edit, attachments)
        of_lines += more if _by_line(edit) else []
        if any(overlap(one, other) for one in splices for other in more):
            message = "it changes what another edit of this patch changes"
            hint = "say both in one edit, or in two patches"
            outcome = replace(outcome, status=EditStatus.CONFLICT, message=message, hint=hint)
        else:
            splices += more
        outcomes.append(outcome)
    if any(outcome.status not in WRITABLE for outcome in outcomes):
        return Rewritten(tuple(outcomes), None)
    text = by_line.ended(apply(source.text, with_pass(splices)), edits, source.newline)
    new = source.encode(text)
    if python:
        _check(path, content, new)
    return Rewritten(tuple(_checked(source, splices, of_lines, outcomes)), new)


def _by_line(edit: Edit) -> bool:
    return kind_of(edit).level is Level.LINES


def _checked(
    source: Source, splices: list[Splice], of_lines: list[Splice], outcomes: list[EditOutcome]
) -> list[EditOutcome]:
    """Ask the second implementations: one for edits of lines, one for all others."""
    from patcher.rewrite.oracle.lines import check_lines
    from patcher.rewrite.splice import apply, with_pass

    if of_lines and (problem := check_lines(source.text, apply(source.text, of_lines), outcomes)):
        raise PatcherError("rewrite-disagrees", f"{source.path}: {problem}", where=source.path)
    statements = [splice for splice in splices if splice not in of_lines]
    if not statements:
        return outcomes
    others = [each for each in outcomes if not _by_line(each.edit)]
    agreed = iter(_agree(source, apply(source.text, with_pass(statements)), others))
    return [each if _by_line(each.edit) else next(agreed) for each in outcomes]


def _agree(source: Source, text: str, outcomes: Sequence[EditOutcome]) -> list[EditOutcome]:
    """A second implementation must say the same of the result; what it says is lost is noted."""
    from patcher.rewrite.oracle.check import check

    opinion = check(source.text, source.tree, text, outcomes)
    if opinion.disagreement:
        message = f"{source.path}: {opinion.disagreement}"
        raise PatcherError("rewrite-disagrees", message, where=source.path, notes=opinion.details)
    noted = list(outcomes)
    for comment in opinion.lost:
        near = [(_distance(each, comment.line), i) for i, each in enumerate(noted)]
        index = min(near)[1]
        note = f"{source.path}:{comment.line} loses its comment: {comment.text}"
        noted[index] = replace(noted[index], notes=(*noted[index].notes, note))
    return noted


def _distance(outcome: EditOutcome, line: int) -> int:
    """How far a line is from the sites of an edit."""
    ready = outcome.status is EditStatus.READY
    away = [max(each.line - line, line - each.end_line, 0) for each in outcome.sites if ready]
    return min(away, default=1 << 30)


def _check(path: str, before: bytes, after: bytes) -> None:
    """The result must compile."""
    error = _compile_error(path, after)
    if error is None:
        return
    line, why, hint = getattr(error, "lineno", None) or 1, getattr(error, "msg", str(error)), ""
    if newer := too_new(after.decode("utf-8", "replace")):
        line, why, hint = newer.line, newer.unread(), newer.hint
    result = "does not compile as it is"
    if _compile_error(path, before) is None:
        result = "would not compile after the edit"
    message = f"{path} {result}: line {line}, {why}"
    raise PatcherError("unsupported-source", message, hint, f"{path}:{line}:1")


def _compile_error(path: str, content: bytes) -> SyntaxError | ValueError | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(content, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        return error
    return None
