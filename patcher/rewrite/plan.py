"""Planning: what each edit of some patches would do, all problems at once, nothing written.

Patches are planned one after the other, each on what the ones before it leave. A patch with a
problem leaves nothing, so that the others are still planned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.model import EditStatus, Patch
from patcher.patchfile.versions import fits
from patcher.rewrite.commuting import not_commuting
from patcher.rewrite.file import WRITABLE, Read, Rewrite, rewrite_file, rewrite_patch
from patcher.rewrite.forms import Fit, chosen_form, fit_of
from patcher.rewrite.newer import unread
from patcher.rewrite.outcome import EditOutcome, Site
from patcher.rewrite.problem import Problem, as_error, of_outcome

if TYPE_CHECKING:
    from patcher.patchfile.features import Version

EditPlan = EditOutcome
"""One edit's part of a plan (`patcher.rewrite.outcome.EditOutcome`)."""


@dataclass(frozen=True)
class PatchPlan:
    """One patch: outcome of each edit in the spec's order; ``status`` is the worst of them.

    ``patch`` is in the form that the target takes; ``fit`` says how the two go together.
    """

    patch: Patch
    edits: tuple[EditOutcome, ...]
    problems: tuple[Problem, ...] = ()
    fit: Fit = Fit.FITS

    @property
    def status(self) -> EditStatus:
        if not self.problems:
            done = all(edit.status is EditStatus.ALREADY for edit in self.edits)
            return EditStatus.ALREADY if done else EditStatus.READY
        worst = [edit.status for edit in self.edits if edit.status not in WRITABLE]
        return worst[0] if worst else EditStatus.BLOCKED


@dataclass(frozen=True)
class Plan:
    """What would happen.

    Attributes:
        patches: in the order in which they would be applied.
        before: content of each file that would change; None when it is new.
        files: its content afterwards; None when it goes.
        modes: permission bits that the series asks for with the patches, by path.
        modes_before: those of these files before, where there are such.
    """

    patches: tuple[PatchPlan, ...]
    before: Mapping[str, bytes | None] = field(default_factory=dict)
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    modes_before: Mapping[str, int] = field(default_factory=dict)
    pairs: Callable[[], tuple[tuple[str, str], ...]] = field(
        default=tuple, repr=False, compare=False
    )

    @property
    def not_commuting(self) -> tuple[tuple[str, str], ...]:
        """Pairs whose order matters, though neither requires the other; found when asked."""
        return self.pairs()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for each in self.patches for problem in each.problems)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know though the plan can be written: comments that are lost."""
        return tuple(
            f"{each.patch.name}: {note}"
            for each in self.patches
            for edit in each.edits
            for note in edit.notes
        )

    @property
    def ok(self) -> bool:
        return not self.problems

    def error(self) -> PatcherError:
        """All problems as one error; only for a plan that has some."""
        return as_error(self.problems)

    def diff(self) -> str:
        """The change as a unified diff that `git apply` accepts."""
        from patcher.rewrite.diff import unified_diff

        return unified_diff(self.before, self.files, modes=(self.modes_before, self.modes))


@dataclass(frozen=True)
class PlanTarget:
    """The package that patches are planned for; what is not known narrows nothing.

    Attributes:
        packages: its top-level import packages.
        paths: all of its files; asked when a patch's file is not there, to say where its code is
            now. None does not look.
        python: version of the Python that runs it; asked when a patch writes what some version
            may not read. None does not look.
    """

    version: str | None = None
    distribution: str | None = None
    packages: Collection[str] = ()
    paths: Callable[[], Iterable[str]] | None = None
    python: Callable[[], Version] | None = None


@dataclass(frozen=True)
class PlanSeries:
    """What is applied already.

    Attributes:
        applied: the present series. A patch in it is `already`.
        pristine: content before any patch; tells a conflict with the series from a missing site.
        drifted: paths with somebody's edits: never planned on.
    """

    applied: Sequence[Patch] = ()
    pristine: Read | None = None
    drifted: Collection[str] = ()


ANY_TARGET = PlanTarget()
NO_SERIES = PlanSeries()


def plan_patches(
    patches: Sequence[Patch],
    read: Read,
    target: PlanTarget = ANY_TARGET,
    series: PlanSeries = NO_SERIES,
    rewrite: Rewrite = rewrite_file,
) -> Plan:
    """Plan patches on the present state of a working copy.

    Args:
        patches: in the order asked for; `requires` may change it.
        read: content of a file now, by path relative to the import root; None when there is none.
        rewrite: what rewrites a file, see `patcher.rewrite.file.Rewrite`.
    """
    state: dict[str, bytes | None] = {}

    def now(path: str) -> bytes | None:
        return state[path] if path in state else read(path)

    planned: list[PatchPlan] = []
    applied = {patch.name for patch in series.applied}
    ordered = in_order(patches)
    for patch in ordered:
        if patch.name in applied:
            planned.append(_already(patch))
            continue
        problems = _forbidden(patch, ordered, series.applied, target)
        form = chosen_form(patch, now, rewrite)
        outcomes, written = rewrite_patch(form, now, rewrite)
        fit = fit_of(form, outcomes, series.pristine or read)
        if fit is Fit.UPSTREAM and not problems:
            planned.append(replace(_already(form), fit=fit))
            continue
        outcomes = [_explain(form, outcome, read, series, planned, rewrite) for outcome in outcomes]
        if target.paths is not None:
            outcomes = [_moved(form, outcome, now, target.paths) for outcome in outcomes]
        problems += [
            of_outcome(form, index, outcome)
            for index, outcome in enumerate(outcomes, 1)
            if outcome.status not in WRITABLE
        ]
        if target.python is not None and not problems:
            problems = unread(form, written, now, target.python)
        planned.append(PatchPlan(form, tuple(outcomes), tuple(problems), fit))
        if not problems:
            state.update(written)
    files = {path: content for path, content in state.items()
             if content != read(path)}  # fmt: skip
    before = {path: read(path) for path in files}
    ready = [each.patch for each in planned if each.status is EditStatus.READY]
    return Plan(tuple(planned), before, files, pairs=lambda: not_commuting(ready, read, rewrite))


def in_order(patches: Sequence[Patch]) -> list[Patch]:
    """Patches so that each comes after those it requires, otherwise in the order given.

    Raises:
        PatcherError: ``spec`` when they require each other in a circle.
    """
    known = {patch.name: patch for patch in patches}
    ordered: dict[str, Patch] = {}

    def visit(patch: Patch, path: tuple[str, ...]) -> None:
        if patch.name in path:
            circle = " -> ".join([*path[path.index(patch.name) :], patch.name])
            raise PatcherError("spec", f"patches require each other: {circle}", where=patch.path)
        for name in patch.requires:
            if name in known and name not in ordered:
                visit(known[name], (*path, patch.name))
        ordered.setdefault(patch.name, patch)

    for patch in patches:
        visit(patch, ())
    return list(ordered.values())


def _already(patch: Patch) -> PatchPlan:
    done = tuple(EditOutcome(edit, EditStatus.ALREADY) for edit in patch.edits)
    return PatchPlan(patch, done)


def _forbidden(
    patch: Patch, asked: Sequence[Patch], applied: Sequence[Patch], target: PlanTarget
) -> list[Problem]:
    """What stands against a patch before any file is looked at."""
    problems = []
    others = {each.name: each for each in (*applied, *asked) if each.name != patch.name}

    def add(code: str, message: str, hint: str) -> None:
        problems.append(Problem(code, patch.name, None, message, patch.path, (), hint))

    if not fits(patch, target.distribution, target.version, target.packages):
        targets = " or ".join(patch.targets)
        have = f"{target.distribution or 'the target'} {target.version or ''}".strip()
        add("incompatible", f"it is for {targets}, this is {have}", "")
    for name in patch.requires:
        if name not in others:
            hint = f"`patcher apply {name} {patch.name}`"
            add("blocked", f"it requires {name}, which is not applied", hint)
    for name, other in others.items():
        if name in patch.conflicts or patch.name in other.conflicts:
            hint = f"`patcher revert {name}` first" if other in applied else "apply one of them"
            add("conflict", f"it conflicts with {name}", hint)
    return problems


def _moved(
    patch: Patch, outcome: EditOutcome, read: Read, paths: Callable[[], Iterable[str]]
) -> EditOutcome:
    """Of an edit whose file is not there, say where its code stands."""
    from patcher.rewrite.follow import follow

    edit = outcome.edit
    if outcome.status is not EditStatus.MISSING or read(edit.file) is not None:
        return outcome
    (at,) = follow([replace(patch, edits=(edit,))], read, paths())
    if at.file is None or at.site is None:
        hint = f"no file of the target has its code: `patcher show {patch.name}` lists what it fits"
        return replace(outcome, hint=hint)
    hint = f"the same code stands in another file now: `file: {at.file}`"
    where = f"{at.file}:{at.site.line}:{at.site.column}   {at.site.text}   in {at.site.within}"
    return replace(outcome, hint=hint, details=(*outcome.details, where))


def _explain(
    patch: Patch,
    outcome: EditOutcome,
    read: Read,
    series: PlanSeries,
    planned: Sequence[PatchPlan],
    rewrite: Rewrite,
) -> EditOutcome:
    """Say drift and conflicts with other patches by their names."""
    path = outcome.edit.file
    if path in series.drifted:
        message = f"{path} was edited since patcher wrote it"
        return replace(outcome, status=EditStatus.DRIFTED, message=message, hint="")
    if outcome.status not in (EditStatus.MISSING, EditStatus.AMBIGUOUS):
        return outcome
    earlier = [each.patch for each in planned if not each.problems]
    for source, patches in ((read, earlier), (series.pristine, list(series.applied))):
        others = [each.name for each in patches if _touches(each, path)]
        if source is None or not others:
            continue
        index = patch.edits.index(outcome.edit)
        if _fits(patch, index, source, rewrite):
            named = _to_blame(patch, index, source, patches, rewrite) or others
            message = f"{' and '.join(named)} changed its site"
            hint = f"apply {patch.name} without {' and '.join(named)}"
            return replace(outcome, status=EditStatus.CONFLICT, message=message, hint=hint)
    return outcome


def _fits(patch: Patch, index: int, read: Read, rewrite: Rewrite) -> bool:
    outcomes, _ = rewrite_patch(patch, read, rewrite)
    return outcomes[index].status in WRITABLE


def _to_blame(
    patch: Patch, index: int, source: Read, others: Sequence[Patch], rewrite: Rewrite
) -> list[str]:
    """Those of the others that take an edit its site by themselves; empty where none does."""
    path = patch.edits[index].file

    def takes(other: Patch) -> bool:
        _, written = rewrite_patch(other, source, rewrite)

        def left(file: str) -> bytes | None:
            return written[file] if file in written else source(file)

        return not _fits(patch, index, left, rewrite)

    return [other.name for other in others if _touches(other, path) and takes(other)]


def _touches(patch: Patch, path: str) -> bool:
    return path in patch.files


__all__ = [
    "EditOutcome",
    "EditPlan",
    "PatchPlan",
    "Plan",
    "PlanSeries",
    "PlanTarget",
    "Problem",
    "Read",
    "Rewrite",
    "Site",
    "in_order",
    "plan_patches",
]  # fmt: skip
