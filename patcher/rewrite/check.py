"""Lint of patches, and their inline fixtures, run on the texts they hold."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from patcher.errors import PatcherError
from patcher.patchfile.kinds import Level, kind_of
from patcher.patchfile.model import Edit, EditKind, EditStatus, Fixture, Patch, PatchSet
from patcher.rewrite.file import WRITABLE, Rewritten, rewrite_file
from patcher.rewrite.problem import Problem, of_outcome

_HINT = "change the fixture, or the edit"


def check_patch(patch: Patch) -> list[Problem]:
    """Everything wrong with one patch that can be known without its target.

    Each fixture is rewritten, compared, and rewritten again: the second time nothing may change.
    Edits whose site a fixture does not hold are left out of it, as long as one finds its own.

    Returns:
        Problems with code ``check-failed``, or that of the edit; empty when the patch is fine.
    """
    return [problem for form in patch.forms for problem in _check_form(form)]


def _check_form(patch: Patch) -> list[Problem]:
    problems = [
        problem
        for number, edit in enumerate(patch.edits, 1)
        for problem in _lint(patch, number, edit)
    ]
    for fixture in patch.tests if not problems else ():
        problems += _fixture(patch, fixture)
    return problems


def check_names(
    patches: Mapping[str, Patch], sets: Mapping[str, PatchSet] | None = None
) -> list[Problem]:
    """Names in patches and sets that no patch has, and circles of `requires`."""
    from patcher.patchfile.values import nearest
    from patcher.rewrite.plan import in_order

    problems = []
    for patch in patches.values():
        for key in ("requires", "conflicts", "companions"):
            for name in getattr(patch, key):
                if name not in patches:
                    message = f"`{key}` names {name}, which is no patch"
                    hint = nearest(name, patches)
                    problems.append(
                        Problem("spec", patch.name, None, message, patch.path, (), hint)
                    )
    for each in (sets or {}).values():
        for name in each.patches:
            if name not in patches:
                message = f"the set names {name}, which is no patch"
                problems.append(
                    Problem("spec", f"@{each.name}", None, message, "sets.yaml", (),
                            nearest(name, patches))
                )  # fmt: skip
    try:
        in_order(list(patches.values()))
    except PatcherError as error:
        problems.append(Problem("spec", "catalogue", None, error.message, error.where or ""))
    return problems


def fixture_results(patch: Patch) -> list[tuple[str, str]]:
    """Each fixture's text and what its edits make of it."""
    collected = []
    for form in patch.forms:
        for fixture in form.tests:
            path = fixture.file or form.edits[0].file
            numbers = [i for i, edit in enumerate(form.edits) if edit.file == path]
            before, result, _ = _run(form, path, numbers, fixture.before)
            collected.append((fixture.before, (result.content or before).decode()))
    return collected


def _lint(patch: Patch, number: int, edit: Edit) -> Iterable[Problem]:
    """An edit that can never do what it says."""
    if edit.kind is not EditKind.MATCH:
        return
    if (edit.pattern or "").split() == (edit.replacement or "").split():
        where = f"{patch.path}:{edit.mark.line}:{edit.mark.column}"
        message = "the replacement is the pattern"
        yield Problem("spec", patch.name, number, message, where, (), "change `with`")
        return
    from patcher.rewrite.kinds.registry import plan
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.source import Source

    anywhere = replace(edit, within=None)
    outcome, _ = plan(File(Source(edit.file, b"")), anywhere)
    if outcome.status is EditStatus.CONFLICT:
        yield of_outcome(patch, number, outcome)


def _fixture(patch: Patch, fixture: Fixture) -> Iterable[Problem]:
    path = fixture.file or patch.edits[0].file
    numbers = [i for i, edit in enumerate(patch.edits) if edit.file == path]
    where = f"{patch.path}:{fixture.mark.line}:{fixture.mark.column}"

    def failed(message: str, lines: Iterable[str] = (), hint: str = _HINT) -> Problem:
        return Problem("check-failed", patch.name, None, message, where, tuple(lines), hint)

    before, result, collected = _run(patch, path, numbers, fixture.before)
    wrong = [
        of_outcome(patch, number + 1, outcome)
        for number, outcome in zip(collected, result.outcomes, strict=True)
        if outcome.status not in (*WRITABLE, EditStatus.MISSING)
    ]
    if wrong:
        yield from wrong
        return
    after = before if result.content is None else result.content
    if fixture.after is None and not fixture.sites:
        if after != before:
            yield failed("`noop` is changed", _diff(fixture.before, after.decode()))
        return
    if result.content is None:
        hint = "`patcher plan` on a text like it says which sites are missing"
        yield failed("no edit finds its site in `before`", hint=hint)
        return
    if fixture.after is None:
        if after == before:
            yield failed("`before` holds what the edits write already")
        return
    if after.decode() != fixture.after:
        yield failed("`before` does not become `after`", _diff(fixture.after, after.decode()))
        return
    _, again, _ = _run(patch, path, numbers, fixture.after)
    if again.content is not None and again.content != after:
        changed = _diff(fixture.after, again.content.decode())
        yield failed("applying twice changes the text twice", changed)


def _run(
    patch: Patch, path: str, numbers: list[int], text: str
) -> tuple[bytes, Rewritten, list[int]]:
    """Rewrite a text with those edits that find their site; which ones these are."""
    content = text.encode()
    numbers = [i for i in numbers if kind_of(patch.edits[i]).level is not Level.FILE]
    edits = [patch.edits[i] for i in numbers]
    if not edits:
        return content, Rewritten((), None), []
    first = rewrite_file(path, content, edits, patch.attachments)
    present = [
        i
        for i, outcome in zip(numbers, first.outcomes, strict=True)
        if outcome.status is not EditStatus.MISSING
    ]
    if not present or len(present) == len(numbers):
        return content, first, numbers
    kept = [patch.edits[i] for i in present]
    return content, rewrite_file(path, content, kept, patch.attachments), present


def _diff(expected: str, got: str) -> list[str]:
    """What differs, as a diff from the fixture to what came out."""
    lines = difflib.unified_diff(
        expected.splitlines(), got.splitlines(), "fixture", "result", lineterm="", n=1
    )
    return list(lines)
