"""Keeping what a verification found: its number, its result, its page and pictures."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.commands.shared.plan_series import diff_between
from patcher.commands.shared.run_page import draw_with_run
from patcher.report.machine import machine_line
from patcher.results import VerifyResult, as_json
from patcher.results.judged import outcome_of
from patcher.results.reading import from_json
from patcher.results.verified import SourceExcerpt
from patcher.store.reports import Reports
from patcher.verify.judgement import Status

if TYPE_CHECKING:
    from patcher.errors import PatcherError
    from patcher.report.sound import Sounds
    from patcher.results.verified import IsolationOutcome
    from patcher.store.folders import Folders
    from patcher.store.working_copy import WorkingCopy
    from patcher.verify.judgement import Diagnosis, Judgement
    from patcher.verify.options import VerifyOptions
    from patcher.verify.setup import Request

LINES_AROUND = 3
# Failures that another run, on a quieter machine, may not have.
BY_CHANCE = (
    "flaky", "timed-hang", "clock-disputed", "grows", "repeats", "impossible", "does-not-survive",
)  # fmt: skip
MOST_DIFF = 400_000  # characters; a longer one is what `patcher diff` is for


@dataclass(frozen=True)
class JudgedSeries:
    """What is about to be judged, read before a restore takes it out.

    Attributes:
        series: names, in order.
        diff: pristine to patched.
        date: when it began, UTC.
    """

    series: tuple[str, ...]
    diff: str
    date: str

    @classmethod
    def of(cls, copy: WorkingCopy) -> JudgedSeries:
        paths = sorted(copy.state.touched)
        before = {path: copy.pristine(path) for path in paths}
        diff = diff_between(before, {path: copy.read(path) for path in paths})
        names = tuple(applied.name for applied in copy.series)
        date = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        return cls(names, diff if len(diff) <= MOST_DIFF else "", date)


@dataclass(frozen=True)
class Aftermath:
    """What became of the working copy after a judgement.

    Attributes:
        restored: patches were put back because of the verdict.
        taken_out: named patches that were only tried; None where none were named.
        unmet: why ``--require`` is not met, or None.
        error: the error the command ends with, or None.
    """

    restored: bool = False
    taken_out: tuple[str, ...] | None = None
    unmet: str | None = None
    isolation: IsolationOutcome | None = None
    error: PatcherError | None = None


def described(
    copy: WorkingCopy, judged: JudgedSeries, judgement: Judgement, after: Aftermath
) -> VerifyResult:
    """The judgement with what a reader of it needs beside: what, where, on what, when."""
    outcome = outcome_of(judgement)
    diagnosis = [
        replace(cause, excerpts=tuple(excerpts(each, copy.pristine)))
        for cause, each in zip(outcome.diagnosis, judgement.diagnosis, strict=True)
    ]
    return VerifyResult(
        **{**vars(outcome), "diagnosis": diagnosis},
        counts={status.value: judgement.count(status) for status in Status},
        restored=after.restored,
        taken_out=after.taken_out,
        unmet=after.unmet,
        isolation=after.isolation,
        id=None,
        series=judged.series,
        series_now=[applied.name for applied in copy.series],
        target=copy.target,
        version=copy.version,
        date=judged.date,
        machine=machine_line(judgement.facts),
        diff=judged.diff,
        error=after.error,
    )


def keep(
    workspace: Folders,
    judgement: Judgement,
    result: VerifyResult,
    say: Callable[[str], None] = lambda _: None,
) -> VerifyResult:
    """Give a verification its number and keep it; the result with ``id``.

    A report that cannot be written must not cost the verdict: that is said, and ``id`` is None.
    """
    sounds = sounds_of(judgement)

    def fill(number: int, folder: Path) -> Mapping[str, Any]:
        written: Mapping[str, Any] = as_json(replace(result, id=number))
        draw_with_run(written, sounds, folder)
        return written

    try:
        return replace(result, id=Reports(workspace).add(fill))
    except Exception as error:
        say(f"the report could not be kept: {type(error).__name__}: {error}")
        return result


def identity(request: Request, options: VerifyOptions) -> str:
    """A hash of everything a verification's outcome hangs on that is known before it runs."""
    from patcher.execution.rundb import key_of
    from patcher.verify.setup import installed

    assets = request.adapter.assets(request.matrix, request.options, request.version)
    return key_of(
        [tree.sha256 for tree in request.trees.values()],
        [request.adapter.distribution, assets.fingerprint, request.content],
        [asdict(model) for model in request.matrix.models],
        [asdict(test) for test in request.matrix.tests],
        asdict(request.options),
        request.equivalence.value,
        dict(request.limits),
        request.timeout_s,
        installed(request.python),
        options.plan,
        options.require,
        [request.inputs, request.seed, request.life, request.allow_unexercised],
        asdict(request.clock) if request.clock else None,
    )


def failed_before(
    workspace: Folders, request: Request, options: VerifyOptions
) -> VerifyResult | None:
    """The record of an identical verification that failed, or None.

    What failed by chance is not answered from a record, nor what is asked for once more.
    """
    if options.again or options.aa or options.isolate:
        return None
    same = identity(request, options)
    for earlier in Reports(workspace).newest_first():
        if earlier.result.get("identity") == same:
            steady = earlier.verdict == "fail" and earlier.result.get("reason") not in BY_CHANCE
            return recorded(earlier.result) if steady else None
    return None


def recorded(values: Mapping[str, Any]) -> VerifyResult | None:
    """A kept result; None for one of another version of patcher that lacks something."""
    try:
        return from_json(VerifyResult, values)
    except (KeyError, TypeError, ValueError):
        return None


def sounds_of(judgement: Judgement) -> dict[tuple[str, str], Sounds]:
    """What both arms of each case returned as sound."""
    from patcher.report.sound import Sounds, sound_of

    return {
        (each.case.model, each.case.test): Sounds(sound_of(each.baseline), sound_of(each.patched))
        for each in judgement.cases
    }


def excerpts(
    diagnosis: Diagnosis, pristine: Callable[[str], bytes | None]
) -> Iterable[SourceExcerpt]:
    """Seven pristine lines around each place of a diagnosis."""
    failing = f"{diagnosis.where}:{diagnosis.line} "
    of_edit = f"{diagnosis.edit} ".startswith(failing)  # then nothing failed at a line of its own
    places = [("fails here", failing)] if diagnosis.where and not of_edit else []
    places += [("made here", diagnosis.created_at or ""), ("the edit", diagnosis.edit or "")]
    for role, place in places:
        if match := re.fullmatch(r"(.+):(\d+) ?(.*)", place):
            result = excerpt(role, match[1], int(match[2]), match[3], pristine)
            if result is not None:
                yield result


def excerpt(
    role: str, file: str, line: int, function: str, pristine: Callable[[str], bytes | None]
) -> SourceExcerpt | None:
    """The lines around one place; None where there is no such line."""
    data = pristine(file)
    lines = [] if data is None else data.decode("utf-8", "replace").splitlines()
    if not 0 < line <= len(lines):
        return None
    first = max(1, line - LINES_AROUND)
    around = lines[first - 1 : line + LINES_AROUND]
    return SourceExcerpt(role, file, line, function, first, around)
