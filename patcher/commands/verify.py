"""`patcher verify`: freeze both trees, judge them, remember what passed, restore what failed.

The working copy is only read while anything runs, so a failing patch fails beside it, and putting
it back is one transaction.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.commands.shared.edited_places import applied_places
from patcher.commands.shared.find_copy import copy_for
from patcher.commands.shared.freeze_trees import Freezer, frozen_trees, loosest
from patcher.commands.shared.keep_run import (
    Aftermath,
    JudgedSeries,
    described,
    failed_before,
    identity,
    keep,
)
from patcher.commands.shared.remember import fallback, on_record, remember, strength_of
from patcher.commands.shared.replay_series import modes_of, patches_of, replayed, rewriting
from patcher.commands.shared.resuming import resumable
from patcher.errors import PatcherError
from patcher.execution.executor import find_executor
from patcher.execution.results import Arm
from patcher.patchfile.catalogue import load_catalogue
from patcher.results import VerifyResult, as_json
from patcher.results.judged import baseline_outcome
from patcher.results.verified import IsolationOutcome
from patcher.verify.declarations import declared, undeclared
from patcher.verify.judge import judge
from patcher.verify.judgement import Judgement, Verdict
from patcher.verify.options import VerifyOptions
from patcher.verify.receipt import make_receipt

if TYPE_CHECKING:
    from patcher.execution.runner import Observer
    from patcher.patchfile.model import Patch
    from patcher.store.state import Applied
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace
    from patcher.verify.declarations import Undeclared
    from patcher.verify.judge import Bench, MeasureSpeed
    from patcher.verify.judgement import CaseJudgement, Diagnosis
    from patcher.verify.passed import Strength
    from patcher.verify.setup import Request


# What was not measured meets no requirement.
MEETS: Mapping[str, frozenset[str]] = {
    "faster": frozenset({"faster"}),
    "not-slower": frozenset({"faster", "no-measurable-change", "undecided"}),
}


def verify(
    workspace: Workspace,
    options: VerifyOptions | None = None,
    observer: Observer | None = None,
) -> VerifyResult:
    """Verify the applied series.

    Returns:
        What was found; its ``error`` is the one the command ends with, if any:
        ``verification-failed``, or ``baseline-fails``.

    Raises:
        PatcherError: ``drift``, ``environment``, ``config``: nothing was judged.
    """
    from patcher.execution.runner import Silent

    options = options or VerifyOptions()
    tried = "the patches that were only tried are out again"
    kept = "the patches are still applied, and what is finished is kept"
    with resumable(workspace.root, tried if options.names else kept):
        return _locked(workspace, options, observer or Silent())


def _locked(workspace: Workspace, options: VerifyOptions, observer: Observer) -> VerifyResult:
    """Verify what is applied, or what is named, as the only run in the workspace."""
    with workspace.lock("verify"):
        copy = copy_for(workspace, _named(workspace, options), options.target, observer.message)
        before = Before(copy.series, copy.verified_series or ()) if options.names else None
        if before is None:
            return _verify(copy, options, observer, None)
        from patcher.commands.apply import ApplyOptions, apply

        try:
            apply(workspace, options.names, ApplyOptions(copy.target), notify=observer.message)
            copy = workspace.working_copy(copy.target)
            return _verify(copy, options, observer, before)
        finally:  # whatever ended it: what was only tried is taken out again
            copy = workspace.working_copy(copy.target)
            if copy.series != before.series:
                restore(copy, before.series, verified=before.verified)


def _named(workspace: Workspace, options: VerifyOptions) -> list[Patch]:
    return load_catalogue(workspace.root).expand(options.names) if options.names else []


@dataclass(frozen=True)
class Before:
    """The series that named patches are tried on top of, and what of it had been verified."""

    series: tuple[Applied, ...]
    verified: tuple[Applied, ...]


@dataclass(frozen=True)
class VerifyPlan:
    """What one verification is about, settled before anything runs.

    Attributes:
        judged: the series, read before a restore takes it out; ``patches`` the same as specs.
        before: what to go back to where patches were named; None where what is applied is judged.
        scratch: where the trees are frozen.
    """

    copy: WorkingCopy
    options: VerifyOptions
    request: Request
    judged: JudgedSeries
    patches: Sequence[Patch]
    before: Before | None
    scratch: Path
    observer: Observer

    @property
    def strength(self) -> Strength:
        """How strong a judge the request is."""
        return strength_of(self.request, self.options)

    def described(self, judgement: Judgement, after: Aftermath) -> VerifyResult:
        return described(self.copy, self.judged, judgement, after)

    def kept(self, judgement: Judgement, result: VerifyResult) -> VerifyResult:
        return keep(self.copy.workspace, judgement, result, self.observer.message)


def _verify(
    copy: WorkingCopy, options: VerifyOptions, observer: Observer, before: Before | None
) -> VerifyResult:
    """Verify what is applied; the lock is held."""
    from patcher.commands.shared.verify_request import request_for
    from patcher.store.tree import drift_error

    drift = copy.drift()
    if drift:
        raise drift_error(drift)
    patches = patches_of(copy.series)
    if options.models:
        request_for(copy, {}, loosest(patches), options)  # a misspelt model is an error at once
    find_executor(options.executor or "local", 1)  # and so is one that does not exist
    if not patches and not options.aa:
        return _nothing_to_verify(copy, options)
    judged = JudgedSeries.of(copy)
    with frozen_trees(copy) as scratch:
        freeze = Freezer(copy, scratch)
        trees = {
            Arm.BASELINE: freeze(pristine=True),
            Arm.PATCHED: freeze(pristine=options.aa),
        }
        request = request_for(
            copy,
            trees,
            loosest(patches),
            options,
            declares=frozenset(word for words in declared(patches).values() for word in words),
            places=() if options.aa else applied_places(copy),
        )
        return _run(VerifyPlan(copy, options, request, judged, patches, before, scratch, observer))


def _run(plan: VerifyPlan) -> VerifyResult:
    """Judge the trees, and act on it."""
    copy, options, patches = plan.copy, plan.options, plan.patches
    hidden = () if options.aa else undeclared(copy.pristine, patches, rewriting(copy.workspace))
    if hidden:
        hashes = {arm.value: tree.sha256 for arm, tree in plan.request.trees.items()}
        return _conclude(plan, replace(_undeclared(hidden, patches), trees=hashes))
    earlier = failed_before(copy.workspace, plan.request, options)
    if earlier is not None:
        return _answer(plan, earlier)
    plan = replace(plan, request=on_record(copy, plan.request, options))
    judgement = judge(
        plan.request,
        plan.observer,
        explain=partial(_explained, plan),
        measure_speed=_speedometer(plan) if options.plan else None,
    )
    declares = declared(patches)
    notes = (*judgement.warnings, *_said(declares))
    judgement = replace(judgement, declares=declares, warnings=notes)
    if options.aa:
        result = plan.described(judgement, Aftermath(error=_cannot(judgement)))
        return plan.kept(judgement, result)
    return _conclude(plan, judgement)


def _explained(
    plan: VerifyPlan, failed: Sequence[CaseJudgement], bench: Bench
) -> Sequence[Diagnosis]:
    """Why cases failed; what it takes to know is imported where something did."""
    from patcher.commands.shared.explain_failures import explainer

    return explainer(plan.copy, plan.patches, plan.scratch)(failed, bench)


def _speedometer(plan: VerifyPlan) -> MeasureSpeed:
    from patcher.commands.shared.measure_speed import speedometer

    return speedometer(plan.options, plan.patches)


def _conclude(plan: VerifyPlan, judgement: Judgement) -> VerifyResult:
    """Remember what passed, put back what failed, and keep what was found."""
    hashes = {each.name: each.sha256 for each in plan.copy.series}
    after = _settle(plan, judgement)
    result = replace(
        plan.described(judgement, after), identity=identity(plan.request, plan.options)
    )
    receipt = make_receipt(as_json(result), _behind(plan, hashes))
    if plan.options.receipt is not None:
        plan.options.receipt.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(receipt, indent=2) + "\n"
        plan.options.receipt.write_text(text, encoding="utf-8")
    return plan.kept(judgement, replace(result, receipt=receipt))


def _behind(plan: VerifyPlan, hashes: Mapping[str, str]) -> dict[str, Any]:
    """What of a receipt is not in the result itself; a part of the document, in JSON values."""
    return {
        "patches": [
            {
                "name": item.name,
                "sha256": hashes[item.name],
                "claim": item.equivalence.value,
                "declares": [each.value for each in item.declares],
            }
            for item in plan.patches
        ],
        "content": plan.request.content,
        "weights": plan.strength.weights,
        "require": plan.options.require,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _settle(plan: VerifyPlan, judgement: Judgement) -> Aftermath:
    """Remember what passed; put back what failed; take out again what was only tried."""
    copy, options, before = plan.copy, plan.options, plan.before
    unmet = _unmet(judgement, options.require)
    passes = judgement.verdict is Verdict.PASS and unmet is None
    if before is not None and (passes or judgement.verdict is Verdict.CANNOT_JUDGE):
        known = {each.name for each in before.series}
        tried = tuple(name for name in copy_names(copy) if name not in known)
        restore(copy, before.series, verified=before.verified)
        return Aftermath(taken_out=tried, error=_cannot(judgement))
    if judgement.verdict is Verdict.CANNOT_JUDGE:
        return Aftermath(error=_cannot(judgement))
    if passes:
        if copy.verified_series != copy.series:
            copy.change({}, copy.series, "verify", copy_names(copy), verified=copy.series)
        remember(copy, plan.strength)
        return Aftermath()
    message = unmet or judgement.sentence
    if options.keep and before is None:
        hint = "kept, as asked; `patcher revert --all` takes everything out"
        error = PatcherError("verification-failed", message, hint=hint)
        return Aftermath(unmet=unmet, error=error)
    speed = unmet is not None or (judgement.speed is not None and judgement.speed.fault is not None)
    kept = fallback(copy, plan.strength, speed=speed) if before is None else before.series
    isolation = None
    if before is None and options.isolate and judgement.verdict is Verdict.FAIL:
        isolation = _isolated(plan, kept)
        kept = tuple(each for each in copy.series if each.name in isolation.kept)
    restore(copy, kept, verified=kept if before is None else before.verified)
    left = ", ".join(copy_names(copy)) or "pristine"
    hint = f"restored to {left}; the diagnosis names the cause, --keep would keep the tree"
    error = PatcherError("verification-failed", message, hint=hint)
    return Aftermath(restored=True, unmet=unmet, isolation=isolation, error=error)


def _isolated(plan: VerifyPlan, kept: Sequence[Applied]) -> IsolationOutcome:
    """The smallest groups that fail, and what is left without them."""
    from patcher.commands.shared.isolate_culprits import isolate_culprits

    result = isolate_culprits(plan.copy, plan.request, kept, plan.scratch, plan.observer)
    return IsolationOutcome(result.culprits, result.kept, result.trials)


def _answer(plan: VerifyPlan, earlier: VerifyResult) -> VerifyResult:
    """The answer to an identical failure, from its record: nothing is run, the tree is restored."""
    copy, before = plan.copy, plan.before
    restored = not plan.options.keep or before is not None
    if restored:
        speed = earlier.speed is not None and earlier.speed.fault is not None
        kept = fallback(copy, plan.strength, speed=speed) if before is None else before.series
        restore(copy, kept, verified=kept if before is None else before.verified)
    note = f"answered from run {earlier.id}, which is the same; `--again` repeats it"
    return replace(
        earlier,
        restored=restored,
        series_now=copy_names(copy),
        answered_from=earlier.id,
        warnings=[*earlier.warnings, note],
        error=PatcherError("verification-failed", earlier.sentence, hint=note),
    )


def restore(
    copy: WorkingCopy, series: Sequence[Applied], verified: Sequence[Applied] | None = None
) -> None:
    """Bring the tree back to a series, and re-hash every file.

    Raises:
        PatcherError: ``drift`` or ``foreign-edit`` when somebody's bytes are in the way.
    """
    from patcher.store.tree import drift_error

    removed = [each.name for each in copy.series if each not in series]
    files, modes = replayed(copy, series), modes_of(copy, series)
    copy.change(files, series, "restore", removed, verified=verified, modes=modes)
    drift = copy.drift()
    if drift:
        raise drift_error(drift)


def copy_names(copy: WorkingCopy) -> list[str]:
    """The series by name."""
    return [each.name for each in copy.series]


def _unmet(judgement: Judgement, require: str | None) -> str | None:
    """Why ``--require`` is not met, or None."""
    if require is None or judgement.verdict is not Verdict.PASS or judgement.speed is None:
        return None
    word = judgement.speed.figures.verdict.value
    if word in MEETS[require]:
        return None
    return f"--require {require} is not met, for the speed verdict is {word}"


def _undeclared(undeclared: Sequence[Undeclared], patches: Sequence[Patch]) -> Judgement:
    """The judgement of a series that does more than it says: nothing of it was run."""
    names = ", ".join(dict.fromkeys(each.patch for each in undeclared))
    more = f", and {len(undeclared) - 1} more" if len(undeclared) > 1 else ""
    return Judgement(
        Verdict.UNDECLARED,
        "undeclared",
        f"{names} does more than it declares, so nothing was run: {undeclared[0].sentence}{more}",
        warnings=[f"also {each.sentence}" for each in undeclared[1:]],
        undeclared=tuple(undeclared),
        declares=declared(patches),
    )


def _said(declares: Mapping[str, Sequence[str]]) -> list[str]:
    """Declarations, for people."""
    return [f"{name} declares {', '.join(words)}" for name, words in declares.items()]


def _cannot(judgement: Judgement) -> PatcherError | None:
    if judgement.verdict is not Verdict.CANNOT_JUDGE:
        return None
    errors = [baseline_outcome(each).error for each in judgement.cases]
    return PatcherError(
        "baseline-fails",
        judgement.sentence,
        hint="the patches were kept: they are not what fails; `patcher doctor` explains more",
        notes=[f"baseline: {error}" for error in dict.fromkeys(errors) if error],
    )


def _nothing_to_verify(copy: WorkingCopy, options: VerifyOptions) -> VerifyResult:
    """The series is empty: nothing was run, and nothing is known of any speed."""
    sentence = "no patch is applied, so nothing was run"
    error = None
    if options.require:
        sentence += f", and --require {options.require} is not met"
        hint = "`patcher apply NAME` first; an earlier failure may have taken the patches out"
        error = PatcherError("verification-failed", sentence, hint=hint)
    judgement = Judgement(Verdict.NOTHING_TO_VERIFY, "empty-series", sentence)
    return described(copy, JudgedSeries.of(copy), judgement, Aftermath(error=error))
