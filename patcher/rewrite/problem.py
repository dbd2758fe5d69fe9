"""Problems of a plan, and the text people see of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from patcher.errors import TABLE, PatcherError
from patcher.patchfile.model import EditStatus, Patch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.rewrite.outcome import EditOutcome, Site


@dataclass(frozen=True)
class Problem:
    """Why a patch cannot be applied.

    Attributes:
        code: a row of the error table.
        patch: name; ``edit`` counts from 1, None when the patch as a whole is meant.
        where: SPEC:LINE:COLUMN.
        lines: places in the target.
        hint: the next step.
    """

    code: str
    patch: str
    edit: int | None
    message: str
    where: str
    lines: tuple[str, ...] = ()
    hint: str = ""

    @property
    def headline(self) -> str:
        edit = f", edit {self.edit}" if self.edit is not None else ""
        return f"{self.patch}{edit}: {self.message}"


def render_problem(problem: Problem) -> str:
    """One problem as text: what, where in the spec, where in the target, what to do next."""
    hint = problem.hint or TABLE[problem.code].help
    return "\n".join(
        [
            f"error[{problem.code}]: {problem.headline}",
            f"  --> {problem.where}",
            *(f"  {line}" for line in problem.lines),
            *([f"  help: {hint}"] if hint else []),
        ]
    )


def as_error(problems: Sequence[Problem]) -> PatcherError:
    """All problems as one error: the first speaks, the others are its notes."""
    first, *others = problems
    notes = [*first.lines]
    for problem in others:
        notes += render_problem(problem).split("\n")
    return PatcherError(first.code, first.headline, first.hint, first.where, notes)


def of_outcome(patch: Patch, index: int, outcome: EditOutcome) -> Problem:
    """The problem of an edit that cannot be written; ``index`` counts from 1."""
    edit = outcome.edit
    code = outcome.code or {EditStatus.DRIFTED: "drift"}.get(outcome.status, outcome.status.value)
    lines = (*_places(edit.file, outcome.sites), *outcome.details)
    if outcome.closest is not None:
        site = outcome.closest
        name = PurePosixPath(edit.file).name
        text = f"closest: {name}:{site.line}:{site.column}   {site.text}   {site.note}"
        lines = (*lines, text.rstrip())
    where = f"{patch.path}:{edit.mark.line}:{edit.mark.column}"
    return Problem(code, patch.name, index, outcome.message, where, lines, outcome.hint)


def _places(file: str, sites: Sequence[Site]) -> tuple[str, ...]:
    places = [f"{file}:{site.line}:{site.column}" for site in sites]
    widest = max(map(len, places), default=0)
    longest = max((len(site.text) for site in sites), default=0)
    return tuple(
        f"{place:<{widest}}   {site.text:<{longest}}   in {site.within}"
        for place, site in zip(places, sites, strict=True)
    )
