"""One candidate beside another tree: its gates, a first look at its speed, a second measurement.

What every step found is on disk before the next begins (`CandidateLedger`), so that a run that was
cut short goes on where it was. `patcher judge` and `patcher tune` differ in what they ask and in
which order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.bench.sequence import SCREEN, confirmation
from patcher.bench.timing import TimingObserver
from patcher.commands.shared.edited_places import edited_places
from patcher.commands.shared.explain_failures import quick_explainer
from patcher.commands.shared.freeze_trees import Freezer, loosest
from patcher.commands.shared.keep_run import identity
from patcher.commands.shared.replay_series import rewriting
from patcher.commands.shared.verify_request import request_for
from patcher.execution.results import Arm
from patcher.report.bench_progress import BenchProgress
from patcher.results import JudgedCandidate, JudgedOutcome, as_json
from patcher.results.judged import outcome_of
from patcher.results.reading import from_json
from patcher.verify.declarations import undeclared
from patcher.verify.judge import judge as judge_trees
from patcher.verify.judge import time_again
from patcher.verify.judgement import Status, Verdict
from patcher.verify.options import VerifyOptions
from patcher.verify.timing import TimingOptions, measure_speed

if TYPE_CHECKING:
    from patcher.bench.speed import BenchPlan
    from patcher.commands.shared.candidates import Candidate
    from patcher.execution.process import FrozenTree
    from patcher.store.working_copy import WorkingCopy
    from patcher.verify.judgement import Judgement
    from patcher.verify.setup import Request

LEDGER = "judge.jsonl"
FASTER = "faster"
Report = Callable[[JudgedCandidate], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class How:
    """How candidates are run.

    Attributes:
        gates: for the gates; ``timed`` for the clock. Bench, names and requirement are not used.
        again: repeat what is on record.
    """

    gates: VerifyOptions = field(default_factory=VerifyOptions)
    timed: VerifyOptions = field(default_factory=VerifyOptions)
    again: bool = False


class CandidateJudge:
    """Judges candidates of one working copy, which is not touched."""

    def __init__(
        self, copy: WorkingCopy, how: How, scratch: Path, report: Report, say: Say
    ) -> None:
        self.copy, self.how, self.scratch = copy, how, scratch
        self.report, self.say = report, say
        self.freeze = Freezer(copy, scratch)
        self.pristine = self.freeze(pristine=True)
        self.ledger = CandidateLedger(copy.home / LEDGER, fresh=how.again)
        self.confirmations = 0
        self.passed: dict[str, Judgement] = {}  # by the trees: their gates need not run twice

    def gated(self, candidate: Candidate) -> JudgedCandidate:
        """Run its gates beside pristine."""
        hidden = undeclared(self.copy.pristine, candidate.patches, rewriting(self.copy.workspace))
        if hidden:
            at = f"{hidden[0].file}:{hidden[0].line}"
            result = _result(candidate, Verdict.UNDECLARED.value, hidden[0].sentence, at)
        else:
            judgement = self._judged("gates", candidate, self.pristine, None, None)
            result = _result(candidate, judgement.verdict.value, _why(judgement), _where(judgement))
        self.report(result)
        return result

    def screened(
        self,
        candidate: Candidate,
        result: JudgedCandidate,
        beside: Candidate | None = None,
        budget_s: float | None = None,
    ) -> JudgedCandidate:
        """A first look at its speed, beside pristine or another candidate; it is allowed to err."""
        self.say(f"{candidate.name}: a first look at its speed, at most {SCREEN.pairs} pairs")
        return self._measured("screen", candidate, result, SCREEN, beside, budget_s)

    def confirmed(
        self,
        candidate: Candidate,
        result: JudgedCandidate,
        beside: Candidate | None = None,
        budget_s: float | None = None,
    ) -> JudgedCandidate:
        """Measure again from nothing, at a level that is spent over all confirmations."""
        self.confirmations += 1
        plan = confirmation(self.confirmations)
        text = f"measured again, {plan.pairs} pairs at {plan.confidence:.2%}"
        self.say(f"{candidate.name}: {text}" + (f", beside {beside.name}" if beside else ""))
        return self._measured("confirm", candidate, result, plan, beside, budget_s)

    def _measured(
        self,
        step: str,
        candidate: Candidate,
        result: JudgedCandidate,
        plan: BenchPlan,
        beside: Candidate | None,
        budget_s: float | None,
    ) -> JudgedCandidate:
        baseline = self._tree(beside) if beside else self.pristine
        judgement = self._judged(step, candidate, baseline, plan, budget_s)
        speed = judgement.speed
        word = speed.verdict.value if speed else "not-measured"
        result = replace(
            result,
            verdict=judgement.verdict.value,
            error=_why(judgement),
            where=_where(judgement),
            step=step,
            speed=word,
            time_ratio=speed.time_ratio if speed else None,
            low=speed.low if speed else None,
            high=speed.high if speed else None,
            confidence=speed.confidence if speed else None,
            pairs=speed.pairs if speed else 0,
            kept=step == "confirm" and word == FASTER and judgement.verdict is Verdict.PASS,
            beside=beside.name if beside else result.beside,
        )
        self.report(result)
        return result

    def _judged(
        self,
        step: str,
        candidate: Candidate,
        baseline: FrozenTree,
        plan: BenchPlan | None,
        budget_s: float | None,
    ) -> JudgedOutcome:
        """Run one step, or take it from the record."""
        tree = self._tree(candidate)
        trees = {Arm.BASELINE: baseline, Arm.PATCHED: tree}
        asked = self.how.timed if plan else self.how.gates
        options = replace(asked, bench=plan.name if plan else None)
        request = request_for(
            self.copy,
            trees,
            loosest(candidate.patches),
            options,
            declares=frozenset(each for patch in candidate.patches for each in patch.declares),
            places=edited_places(self.copy, candidate.patches),
        )
        about = {"series": [patch.name for patch in candidate.patches]}
        # Where these trees have passed, only their speed is new.
        request = replace(request, about=about, reuse_pass=plan is not None)
        key = f"{step}/{plan.pairs if plan else 0}/{identity(request, options)}"
        known = self.ledger.find(key)
        if known is not None:
            return known
        judgement = self._run(request, candidate, plan, budget_s or options.budget)
        result = outcome_of(judgement)
        # What only lacked time is not known: another run goes on with the pairs it has.
        if result.speed is None or result.speed.stopped != "budget":
            self.ledger.add(key, candidate.name, result)
        return result

    def _run(
        self,
        request: Request,
        candidate: Candidate,
        plan: BenchPlan | None,
        budget_s: float | None,
    ) -> Judgement:
        explain = quick_explainer(candidate.patches)
        trees = " ".join(tree.sha256 for tree in request.trees.values())
        if plan is None:
            judgement = judge_trees(request, explain=explain)
            if judgement.verdict is Verdict.PASS:
                self.passed[trees] = judgement
            return judgement
        declares = frozenset(each for patch in candidate.patches for each in patch.declares)
        shown = BenchProgress(plan.pairs)
        measure = partial(
            measure_speed,
            options=TimingOptions(plan, budget_s, declares=declares),
            observer=TimingObserver(lambda *of: self.say(shown.sentence(*of))),
        )
        if trees in self.passed:
            return time_again(request, self.passed[trees], measure)
        return judge_trees(request, explain=explain, measure_speed=measure)

    def _tree(self, candidate: Candidate) -> FrozenTree:
        return self.freeze(candidate.files, pristine=True)


def _result(
    candidate: Candidate, verdict: str, why: str | None, where: str | None
) -> JudgedCandidate:
    return JudgedCandidate(
        candidate.name,
        candidate.kind,
        verdict,
        error=why,
        where=where,
        patches=[patch.name for patch in candidate.patches],
    )


def _where(judgement: JudgedOutcome) -> str | None:
    """``FILE:LINE`` on pristine of what failed, or of the edit that is behind it."""
    for each in judgement.diagnosis:
        if each.where:
            return f"{each.where}:{each.line}"
    never = [each for each in judgement.exercised if each.kind == "never"]
    if judgement.verdict is Verdict.NOT_EXERCISED and never:
        return f"{never[0].file}:{never[0].line}"
    return None


def _why(judgement: JudgedOutcome) -> str | None:
    """What went wrong, in one line; None when nothing did."""
    if judgement.verdict is Verdict.PASS:
        return None
    texts = [(case.status, case.error) for case in judgement.cases]
    texts += [
        (case.status, f"{case.test}: {case.error}") for case in judgement.inputs.drawn if case.error
    ]
    texts.sort(key=lambda text: text[0] is not Status.FAIL)  # rather than what could not be judged
    errors = [error for _, error in texts if error]
    return errors[0] if errors else judgement.sentence


class CandidateLedger:
    """Everything judged so far, a JSON object a line; a line cut short by a crash is left out."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        self.known: dict[str, JudgedOutcome] = {}
        for line in path.read_bytes().splitlines() if path.exists() and not fresh else ():
            with _ignoring_damage():
                entry = json.loads(line)
                self.known[entry["key"]] = from_json(JudgedOutcome, entry["result"])

    def find(self, key: str) -> JudgedOutcome | None:
        """What was found under this key, or None."""
        return self.known.get(key)

    def add(self, key: str, name: str, result: JudgedOutcome) -> None:
        """Keep a result: one whole line, on disk before anything follows."""
        import os

        self.known[key] = result
        line = json.dumps({"key": key, "candidate": name, "result": as_json(result)}) + "\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _ignoring_damage() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError):
        return
