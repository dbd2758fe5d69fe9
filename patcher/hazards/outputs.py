"""Failures that raised nothing in the target: a wrong output, a worker that died.

No line failed, so the place that is named is that of the edit, when only one edit ran.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.hazards.lines import line_map
from patcher.verify.exercised import exercises
from patcher.verify.judgement import CaseJudgement, Diagnosis, Status

if TYPE_CHECKING:
    from patcher.verify.exercised import ChangedLines

Read = Callable[[str], bytes | None]
MOST_PLACES = 4  # named in a sentence


def explain_outputs(
    failed: Sequence[CaseJudgement], places: Sequence[ChangedLines], pristine: Read, patched: Read
) -> list[Diagnosis]:
    """One diagnosis for each distinct cause.

    Args:
        places: what the series changed, in lines of the patched tree.
        pristine, patched: read a file of the trees.
    """
    groups: dict[tuple[str, tuple[ChangedLines, ...]], list[CaseJudgement]] = {}
    for case in failed:
        groups.setdefault((_cause(case), _ran(case, places)), []).append(case)
    return [
        _placed(
            Diagnosis(
                error=cases[0].error or cases[0].status.value,
                cause=cause,
                cases=tuple(case.case for case in cases),
            ),
            ran,
            lambda place: _pristine_line(place, pristine, patched),
        )
        for (cause, ran), cases in groups.items()
    ]


def attributed(
    traced: Sequence[Diagnosis],
    failed: Sequence[CaseJudgement],
    places: Sequence[ChangedLines],
    pristine: Read,
    patched: Read,
) -> list[Diagnosis]:
    """Traced failures; where no patch wrote the line itself, the only edit that ran is named."""
    by_case = {case.case: case for case in failed}
    result = []
    for each in traced:
        ran = {place for case in each.cases for place in _ran(by_case[case], places)}
        if each.patch is None and len(ran) == 1:
            (place,) = ran
            at = f"{place.file}:{_pristine_line(place, pristine, patched)} {place.function}"
            cause = f"{each.cause.rstrip('. ')}. The only edit that ran is in "
            cause += f"{place.function or 'the module'}."
            each = replace(each, patch=place.patch, edit=at.rstrip(), cause=cause)  # noqa: PLW2901
        result.append(each)
    return result


def _ran(case: CaseJudgement, places: Sequence[ChangedLines]) -> tuple[ChangedLines, ...]:
    """The edits that ran in a case; all of them where nothing says which did."""
    if case.patched is None:
        return ()
    ran = [
        each.place for each in exercises(places, [case.patched]) if each.kind in ("ran", "import")
    ]
    return tuple(ran or places)


def _placed(
    diagnosis: Diagnosis, ran: Sequence[ChangedLines], line: Callable[[ChangedLines], int]
) -> Diagnosis:
    """With the place of the edit, when there is one; with all of them, when there are several."""
    patches = {place.patch for place in ran}
    owner = next(iter(patches)) if len(patches) == 1 else None
    if len(ran) == 1:
        (place,) = ran
        at = line(place)
        name = place.function or "the module"
        return replace(
            diagnosis,
            where=place.file,
            line=at,
            cause=f"{diagnosis.cause}; the edit in {name} is the only one that ran",
            patch=owner,
            edit=f"{place.file}:{at} {place.function}".rstrip(),
        )
    if not ran:
        return diagnosis
    named = [f"{place.file}:{line(place)} ({place.patch})" for place in ran[:MOST_PLACES]]
    more = f" and {len(ran) - MOST_PLACES} more" if len(ran) > MOST_PLACES else ""
    cause = f"{diagnosis.cause}; these edits ran: {', '.join(named)}{more}"
    return replace(diagnosis, cause=cause, patch=owner)


def _pristine_line(place: ChangedLines, pristine: Read, patched: Read) -> int:
    before, after = pristine(place.file), patched(place.file)
    if before is None or after is None:
        return place.lines[0]
    return line_map(before, after).before(place.lines[0])


def _cause(case: CaseJudgement) -> str:
    patched = case.patched
    gate = case.failed_gate
    if case.flaky:
        return "it failed once and passed when repeated: the patched code is not deterministic"
    if patched is not None and not patched.ok:
        doing = patched.failure.stage if patched.failure else "run"
        return f"the patched worker ended with `{patched.outcome.value}` during {doing!r}"
    if gate is not None:
        return f"the patched output does not pass the gate `{gate.gate}`"
    return case.note or Status.FAIL.value
