"""`patcher scan`: map the pristine code, run it under a survey, predict what patches will break.

Nothing is applied and nothing is written to the working copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.commands.shared.find_copy import Notify, copy_for, readable_patches, target_of
from patcher.commands.shared.freeze_trees import freeze, frozen_trees, new_tree
from patcher.commands.shared.replay_series import patches_of
from patcher.errors import PatcherError
from patcher.execution.results import Arm
from patcher.execution.runner import Observer, Silent
from patcher.patchfile.catalogue import load_catalogue
from patcher.patchfile.model import Equivalence
from patcher.patchfile.versions import fits
from patcher.rewrite.plan import in_order
from patcher.rewrite.replay import replay
from patcher.verify.options import VerifyOptions

if TYPE_CHECKING:
    from pathlib import Path

    from patcher.hazards.dynamic import Surveys
    from patcher.hazards.model import Hazard
    from patcher.hazards.summary import DynamicSummary
    from patcher.patchfile.model import Patch
    from patcher.results.scanned import DraftedSpec, HazardOutcome, ScanResult
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace


@dataclass(frozen=True)
class ScanOptions:
    """What is asked of a scan beside the map and the prediction.

    Attributes:
        packages: installed packages to map beside the target.
        draft: make a spec for each in-place hazard.
        dynamic: run the cases on pristine also when no patch is named.
    """

    packages: Sequence[str] = ()
    draft: bool = False
    dynamic: bool = False


def scan(
    workspace: Workspace,
    names: Sequence[str],
    options: ScanOptions,
    *,
    target: str | None = None,
    observer: Observer | None = None,
) -> ScanResult:
    """Map the target, and predict the named patches as if applied in that order."""
    from patcher.hazards.summary import is_outside, summarise
    from patcher.hazards.tree import installed_package, scan_static
    from patcher.results.scanned import ScanResult, mapped_package, scanned_hazard

    watcher = observer or Silent()
    patches = in_order(load_catalogue(workspace.root).expand(names))
    copy = copy_for(workspace, patches, target, watcher.message)
    counted = _counter(watcher)
    with frozen_trees(copy) as scratch:
        tree = freeze(copy, new_tree(scratch), pristine=True)
        static = {copy.target: mapped_package(scan_static(tree.path, copy.packages, counted))}
        for package in options.packages:
            root, name = installed_package(package)
            static[package] = mapped_package(scan_static(root, [name], counted))
        if not patches and not options.dynamic:
            return ScanResult((), False, static, None)
        ran: DynamicSummary | None = None
        hazards: tuple[Hazard, ...] = ()
        with surveys(copy, scratch, watcher) as survey:
            if options.dynamic:
                ran = summarise(survey.survey({}, None), copy.packages)
            if patches:
                hazards = _predict(copy, patches, survey)
        if not patches:
            return ScanResult((), False, static, ran)
        placed = [
            scanned_hazard(each, outside=is_outside(each.at.file, copy.packages))
            for each in hazards
        ]
        drafts = _drafts(copy, hazards, watcher) if options.draft else ()
        return ScanResult(placed, True, static, ran, drafts)


def predict(
    workspace: Workspace,
    names: Sequence[str],
    *,
    target: str | None = None,
    notify: Notify = lambda _: None,
) -> tuple[HazardOutcome, ...]:
    """What applying patches on top of the series will break (``plan --scan``).

    Raises:
        PatcherError: ``no-working-copy``: predicting runs the target, and a plan makes no copy.
    """
    patches = load_catalogue(workspace.root).expand(names)
    name = target_of(workspace, patches, target)
    if name not in workspace.targets():
        raise PatcherError(
            "no-working-copy",
            f"a prediction runs {name}, and there is no working copy of it yet",
            hint=f"`patcher init {name}` makes one; a plan alone needs none",
        )
    return predict_on(workspace.working_copy(name), patches, notify)


def predict_on(
    copy: WorkingCopy, patches: Sequence[Patch], notify: Notify
) -> tuple[HazardOutcome, ...]:
    """The same on a working copy that is open already (``apply --scan``)."""
    from patcher.results.scanned import hazard_outcome

    watcher = _Notifier(notify)
    series = patches_of(copy.series)
    applied = {patch.name for patch in series}
    ordered = in_order([*series, *(patch for patch in patches if patch.name not in applied)])
    with frozen_trees(copy) as scratch, surveys(copy, scratch, watcher) as survey:
        return tuple(map(hazard_outcome, _predict(copy, ordered, survey)))


def _predict(copy: WorkingCopy, patches: Sequence[Patch], survey: Surveys) -> tuple[Hazard, ...]:
    from patcher.hazards.predict import predict as predict_hazards

    others = _others(copy, patches)
    return tuple(predict_hazards(patches, copy.pristine, replay, survey.survey, others))


def _drafts(
    copy: WorkingCopy, hazards: Sequence[Hazard], watcher: Observer
) -> tuple[DraftedSpec, ...]:
    """A spec for each in-place update that a hazard names, by name."""
    from patcher.commands.shared.write_specs import requirement
    from patcher.hazards.draft import draft as make_draft
    from patcher.results.scanned import DraftedSpec

    drafts = []
    for hazard in hazards:
        source = copy.pristine(hazard.at.file)
        if source is None or hazard.kind != "inplace-update":
            continue
        try:
            drafts.append(
                DraftedSpec(*make_draft(hazard, source, requirement(copy, hazard.at.file)))
            )
        except PatcherError as error:  # the hazard stands; only its draft cannot be written
            watcher.message(f"no draft: {error.message}; {error.help}")
    return tuple(drafts)


@contextmanager
def surveys(copy: WorkingCopy, scratch: Path, observer: Observer) -> Iterator[Surveys]:
    """Workers ready to survey the pristine tree."""
    from patcher.commands.shared.verify_request import request_for
    from patcher.execution.executor import find_executor
    from patcher.hazards.dynamic import Surveys
    from patcher.verify.setup import prepare, slots_and_threads

    trees = {arm: freeze(copy, new_tree(scratch), pristine=True) for arm in (Arm.BASELINE,)}
    request = request_for(copy, trees, Equivalence.BITWISE, VerifyOptions())
    slots, threads = slots_and_threads(request)
    executor = find_executor(request.executor, slots)
    scope: AbstractContextManager[Any] = (
        executor if isinstance(executor, AbstractContextManager) else nullcontext()
    )
    with scope:
        setup = prepare(request, executor, threads, observer)
        yield Surveys(setup, executor, observer, copy.home / "surveys", scratch / "surveyed")


def _others(copy: WorkingCopy, patches: Sequence[Patch]) -> list[Patch]:
    """Patches that may be named as a remedy."""
    named = {patch.name for patch in patches}
    known, _ = readable_patches(copy.workspace)
    return [
        patch
        for patch in known
        if patch.name not in named and fits(patch, copy.target, copy.version, copy.packages)
    ]


def _counter(observer: Observer) -> Callable[[int, int], None]:
    def count(done: int, of: int) -> None:
        if done == of or done % 320 == 0:
            observer.message(f"mapped {done} of {of} files")

    return count


class _Notifier(Silent):
    """An observer that passes lines on."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    def message(self, text: str) -> None:
        self._notify(text)
