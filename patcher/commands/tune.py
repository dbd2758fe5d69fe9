"""`patcher tune`: the fastest set of the patches that fit, as a set of the workspace.

`patcher.bench.tuning` says what to compare next; every comparison is one of `patcher judge`: gates
first, then the clock, on trees of their own. At the end the winner is verified as any series is,
beside pristine and from nothing, and only what that calls faster is written down.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.bench.speed import QUICK
from patcher.bench.tuning import Names, Part, TuningTrial, search
from patcher.commands.shared.candidates import Candidate, on_pristine
from patcher.commands.shared.find_copy import copy_for
from patcher.commands.shared.freeze_trees import frozen_trees, loosest
from patcher.commands.shared.judge_candidate import FASTER, CandidateJudge, How, Report, Say
from patcher.commands.shared.resuming import resumable
from patcher.commands.shared.verify_request import adapter_of
from patcher.commands.shared.write_set import write_set
from patcher.commands.verify import verify
from patcher.errors import PatcherError
from patcher.patchfile.catalogue import Catalogue, load_catalogue
from patcher.patchfile.model import Equivalence, Patch
from patcher.report.words import duration
from patcher.results import JudgedCandidate, TriedSet, TuneResult, as_json
from patcher.settings import load_settings
from patcher.verify.judgement import Verdict
from patcher.verify.options import Clock, VerifyOptions

if TYPE_CHECKING:
    from patcher.execution.runner import Observer
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace

BUDGET_S = 30 * 60.0
FROM_RECORD_S = 2.0
CLAIMS = tuple(Equivalence)  # the strictest first


@dataclass(frozen=True)
class TuneOptions:
    """What the user asked `patcher tune` for.

    Attributes:
        verify: how candidates are run; ``scale`` and ``models`` are those of the clock, by default
            the first model alone, with the first test of the matrix. Gates run on the whole matrix
            at tiny scale.
        claim: the loosest claim that a patch may make.
        budget_s: seconds for all of it. What the last verification will take is kept back, from
            what a comparison beside pristine took.
        name: of the set that is written.
        receipt: where the receipt of the last verification goes.
        again: repeat what is on record.
    """

    verify: VerifyOptions = field(default_factory=lambda: VerifyOptions(scale="full"))
    claim: Equivalence = Equivalence.PERCEPTUAL
    budget_s: float = BUDGET_S
    name: str = "tuned"
    receipt: Path | None = None
    again: bool = False


def tune(
    workspace: Workspace,
    options: TuneOptions | None = None,
    observer: Observer | None = None,
    *,
    report: Report = lambda _: None,
    say: Say = lambda _: None,
) -> TuneResult:
    """Search, verify the winner, and write it down as a set of the workspace.

    Args:
        report: called with every candidate each time something more is known of it.

    Raises:
        PatcherError: ``conflict`` where patches are applied, which would be part of every
            comparison; ``environment``, ``config``; ``verification-failed`` where the winner does
            not hold in the last verification: then nothing is written.
    """
    options = options or TuneOptions()
    with workspace.lock("tune"), resumable(workspace.root):
        copy = copy_for(workspace, [], options.verify.target, say)
        if copy.series:
            hint = "`patcher revert --all` takes them out; `apply` puts them back afterwards"
            raise PatcherError(
                "conflict", "tune starts from pristine; patches are applied", hint=hint
            )
        with frozen_trees(copy) as scratch:
            asked = options.verify
            gates = replace(asked, scale="tiny", models=_gated_models(copy, asked))
            # A call at full size takes many seconds: one of them is timed.
            timed = replace(gates, clock=Clock(asked.scale, asked.models))
            options = replace(options, verify=timed)
            how = How(gates, timed, options.again)
            judge = CandidateJudge(copy, how, scratch, report, say)
            search_ = _Search(judge, options)
            best = search_.run(load_catalogue(workspace.root))
    result = TuneResult(copy.target, best, tuple(search_.tried), complete=search_.complete)
    return _verified(workspace, options, result, observer) if best else result


def _gated_models(copy: WorkingCopy, asked: VerifyOptions) -> str | Sequence[str] | None:
    """The models of the matrix, and those that the clock was asked to look at beside them."""
    settings = load_settings(copy.workspace.root).get("verify", {})
    adapter, models = adapter_of(copy, settings), asked.models
    if models is None or models == "all" or adapter is None:
        return models
    named = models.split(",") if isinstance(models, str) else models
    return [*(model.name for model in adapter.matrix(settings).models), *named]


class _Search:
    """The trials of one search, until there is no more time."""

    def __init__(self, judge: CandidateJudge, options: TuneOptions) -> None:
        self.judge, self.copy, self.options = judge, judge.copy, options
        self.ends_at = time.monotonic() + options.budget_s
        # Before anything is known, half of the time: the last verification does the same once more.
        self.last_s = options.budget_s / 2
        self.tried: list[TriedSet] = []
        self.labels: dict[Names, str] = {(): "pristine"}
        self.complete = True

    def run(self, catalogue: Catalogue) -> Names:
        parts = fitting(self.copy, catalogue, self.options.claim, self._left_out)
        starts = {
            name: [patch for patch in each.patches if patch in parts]
            for name, each in catalogue.sets.items()
            if name != self.options.name and any(patch in parts for patch in each.patches)
        }
        steps = search(starts, parts)
        self.judge.say(_plan(len(starts), len(parts), self.options.budget_s))
        best: Names = ()
        try:
            trial = next(steps)
            while True:
                if time.monotonic() >= self.ends_at - self.last_s:
                    self.complete = False
                    return best
                faster = self._try(trial, catalogue)
                best = trial.patches if faster else best
                trial = steps.send(faster)
        except StopIteration as end:
            result: Names = end.value
            return result

    def _left_out(self, name: str, reason: str) -> None:
        self.tried.append(TriedSet("left out", name, (), (), error=reason))

    def _try(self, trial: TuningTrial, catalogue: Catalogue) -> bool:
        try:
            self.labels[trial.patches] = _label(trial, self.labels[trial.beside])
            candidate = self._candidate(trial.patches, catalogue)
            beside = self._candidate(trial.beside, catalogue) if trial.beside else None
        except PatcherError as error:
            self._record(trial, JudgedCandidate(trial.changed, trial.kind, error=error.message))
            return False
        self.judge.say(f"{self.labels[trial.patches]}, beside {self.labels[trial.beside]}")
        result = self._judged(candidate, beside)
        self._record(trial, result)
        return result.speed == FASTER and result.verdict == Verdict.PASS.value

    def _judged(self, candidate: Candidate, beside: Candidate | None) -> JudgedCandidate:
        began_s = time.monotonic()
        result = self.judge.gated(candidate)
        gated_s = time.monotonic() - began_s
        if result.verdict == Verdict.PASS.value:
            result = self.judge.screened(candidate, result, beside, self._left_s())
        # What stands beside pristine is measured again at the end; all else only here.
        if beside is not None and result.speed == FASTER:
            return self.judge.confirmed(candidate, result, beside, self._left_s())
        took_s = time.monotonic() - began_s
        # An answer from the record takes no time, and says nothing of what the last one will take.
        if result.speed == FASTER and took_s > FROM_RECORD_S:
            whole = QUICK.pairs / max(1, result.pairs)
            self.last_s = gated_s + (took_s - gated_s) * whole
            self.judge.say(
                f"that took {duration(took_s)}; the last verification will take about "
                f"{duration(self.last_s)}, which is kept for it"
            )
        return result

    def _left_s(self) -> float:
        return max(1.0, self.ends_at - self.last_s - time.monotonic())

    def _candidate(self, names: Names, catalogue: Catalogue) -> Candidate:
        return on_pristine(self.copy, self.labels[names], "set", catalogue.expand(names))

    def _record(self, trial: TuningTrial, result: JudgedCandidate) -> None:
        self.tried.append(
            TriedSet(
                trial.kind,
                trial.changed,
                trial.patches,
                trial.beside,
                verdict=result.verdict,
                speed=result.speed,
                time_ratio=result.time_ratio,
                low=result.low,
                high=result.high,
                error=result.error,
            )
        )


def _plan(starts: int, parts: int, budget_s: float) -> str:
    return (
        f"{starts} sets to start from, then {parts} patches one by one, in {duration(budget_s)}; "
        "what is found is kept, and the same command goes on from there"
    )


def _label(trial: TuningTrial, beside: str) -> str:
    """A set in a few words, by how the search came to it."""
    if trial.kind == "start":
        return f"@{trial.changed}"
    if not trial.beside:
        return trial.changed
    word = {"add": "and", "swap": "changed to", "drop": "without"}[trial.kind]
    return f"{beside} {word} {trial.changed}"


def fitting(
    copy: WorkingCopy,
    catalogue: Catalogue,
    claim: Equivalence,
    left_out: Callable[[str, str], None],
) -> Mapping[str, Part]:
    """The patches that may be tried: they fit pristine, and claim no less than was allowed.

    Args:
        left_out: called with each other patch of the target and the reason.
    """
    parts: dict[str, Part] = {}
    for name, patch in catalogue.patches.items():
        if patch.reproduction:
            continue
        series = [*_required(patch, catalogue), patch]
        claimed = loosest(series)
        if CLAIMS.index(claimed) > CLAIMS.index(claim):
            left_out(name, f"claims {claimed.value}, no more than {claim.value} is allowed")
            continue
        try:
            on_pristine(copy, name, "patch", series)
        except PatcherError as error:
            if error.code != "incompatible":
                left_out(name, error.message.partition("\n")[0])
            continue
        parts[name] = Part(patch.requires, frozenset(patch.conflicts))
    return parts


def _required(patch: Patch, catalogue: Catalogue) -> list[Patch]:
    result: dict[str, Patch] = {}
    for name in patch.requires:
        if name in catalogue.paths:
            needed = catalogue.get(name)
            result |= {each.name: each for each in (*_required(needed, catalogue), needed)}
    return list(result.values())


def _verified(
    workspace: Workspace, options: TuneOptions, result: TuneResult, observer: Observer | None
) -> TuneResult:
    """Judge the winner as any series, beside pristine; write it down when it holds."""
    receipt = options.receipt or workspace.root / f"{options.name}.receipt.json"
    asked = replace(options.verify, names=result.patches, require=FASTER, receipt=receipt)
    verified = verify(workspace, asked, observer)
    speed = verified.speed
    result = replace(
        result,
        receipt=str(receipt),
        verdict=verified.verdict,
        speed=speed.verdict.value if speed else None,
        time_ratio=speed.time_ratio if speed else None,
        low=speed.low if speed else None,
        high=speed.high if speed else None,
    )
    if verified.error is not None:
        verified.error.payload = as_json(result)
        raise verified.error
    path = write_set(workspace, options.name, _about(result), result.patches)
    return replace(result, set=options.name, path=str(path))


def _about(result: TuneResult) -> str:
    """What the set says of itself: the figure, and when it was taken."""
    times = 1 / result.time_ratio if result.time_ratio else 0.0
    day = time.strftime("%Y-%m-%d")
    return f"found by patcher tune on {day}: {times:.2f} times as fast as pristine on that machine"
