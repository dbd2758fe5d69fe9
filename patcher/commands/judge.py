"""`patcher judge`: many candidates, each beside pristine in a tree of its own.

Nothing is applied: the working copy is not touched. Candidates pass three steps: gates, several at
once; a quick look at speed, one at a time; and, for what that calls faster, a second measurement
from nothing at a level that is spent over the sequence (`patcher.bench.sequence`). What every step
found is kept as soon as it is known, so that a run that was cut short goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.bench.sequence import confirmation
from patcher.bench.speed import QUICK, BenchPlan
from patcher.commands.shared.candidates import Candidate, combined, read_candidate
from patcher.commands.shared.find_copy import copy_for
from patcher.commands.shared.freeze_trees import freeze, frozen_trees, loosest, new_tree
from patcher.commands.shared.keep_run import identity
from patcher.commands.shared.replay_series import rewriting
from patcher.commands.shared.verify_request import request_for
from patcher.errors import PatcherError
from patcher.execution.results import Arm
from patcher.patchfile.model import Equivalence
from patcher.results import JudgedCandidate, JudgeResult
from patcher.verify.declarations import undeclared
from patcher.verify.judge import judge as judge_trees
from patcher.verify.judgement import Verdict
from patcher.verify.options import VerifyOptions
from patcher.verify.timing import measure_speed

if TYPE_CHECKING:
    from patcher.execution.process import Tree
    from patcher.store.working_copy import WorkingCopy
    from patcher.store.workspace import Workspace
    from patcher.verify.judgement import Judgement
    from patcher.verify.setup import Request

LEDGER = "judge.jsonl"
FASTER = "faster"
Report = Callable[[JudgedCandidate], None]
Say = Callable[[str], None]


@dataclass(frozen=True)
class JudgeOptions:
    """What the user asked `patcher judge` for.

    Attributes:
        verify: how each candidate is run; its bench, names and requirement are not used.
        claim: the gate of diffs, refs and folders.
        speed: also judge speed.
        combine: put what was kept together, the fastest first, as long as that is faster still.
        jobs: candidates whose gates run at once.
        again: repeat what is on record.
    """

    verify: VerifyOptions = field(default_factory=VerifyOptions)
    claim: Equivalence = Equivalence.BITWISE
    speed: bool = True
    combine: bool = False
    jobs: int = 1
    again: bool = False


def judge(
    workspace: Workspace,
    candidates: Sequence[str],
    options: JudgeOptions | None = None,
    *,
    report: Report = lambda _: None,
    say: Say = lambda _: None,
) -> JudgeResult:
    """Judge candidates beside pristine, without applying any.

    Args:
        candidates: names and ``@SET``s of the catalogue, spec files, unified diffs, git refs of the
            checkout that the target came from, folders.
        report: called with every candidate each time something more is known of it.

    Raises:
        PatcherError: ``usage`` for no candidate at all, ``environment``, ``config``. A candidate
            that cannot be read or does not fit is a result, no error.
    """
    options = options or JudgeOptions()
    with workspace.lock("judge"):
        copy = copy_for(workspace, [], options.verify.target, say)
        with frozen_trees(copy) as scratch:
            return _Sequence(copy, options, scratch, report, say).run(candidates)


class _Sequence:
    """One run over all candidates."""

    def __init__(
        self, copy: WorkingCopy, options: JudgeOptions, scratch: Path, report: Report, say: Say
    ) -> None:
        self.copy, self.options, self.scratch = copy, options, scratch
        self.report, self.say = report, say
        self.pristine = freeze(copy, new_tree(scratch), pristine=True)
        self.ledger = Ledger(copy.home / LEDGER, fresh=options.again)
        self.confirmations = 0

    def run(self, words: Sequence[str]) -> JudgeResult:
        results: dict[str, JudgedCandidate] = {}
        readable: list[Candidate] = []
        for word in dict.fromkeys(words):
            try:
                readable.append(read_candidate(self.copy, word, self.options.claim))
            except PatcherError as error:
                results[word] = JudgedCandidate(word, "unreadable", error=error.message)
                self.report(results[word])
        for candidate, result in self._gates(readable):
            results[candidate.name] = result
        if self.options.speed:
            for candidate in readable:
                results[candidate.name] = self._timed(candidate, results[candidate.name])
        ordered = sorted(results.values(), key=_rank)
        best = [each for each in ordered if each.kept]
        by_name = {candidate.name: candidate for candidate in readable}
        if self.options.combine and len(best) > 1:
            ordered += self._combinations([by_name[each.name] for each in best])
        kept = [each.name for each in sorted(ordered, key=_rank) if each.kept]
        return JudgeResult(self.copy.target, tuple(sorted(ordered, key=_rank)), kept)

    # gates

    def _gates(
        self, candidates: Sequence[Candidate]
    ) -> Iterator[tuple[Candidate, JudgedCandidate]]:
        """Several at once; the first alone, so that the others find its baseline on record."""
        first, rest = candidates[:1], candidates[1:]
        with ThreadPoolExecutor(max(1, self.options.jobs)) as pool:
            for group in (first, rest):
                yield from zip(group, pool.map(self._gated, group), strict=True)

    def _gated(self, candidate: Candidate) -> JudgedCandidate:
        hidden = undeclared(self.copy.pristine, candidate.patches, rewriting(self.copy.workspace))
        if hidden:
            result = _result(candidate, Verdict.UNDECLARED.value, hidden[0].sentence)
        else:
            judgement = self._judged("gates", candidate, self.pristine, None)
            result = _result(candidate, judgement["verdict"], _why(judgement))
        self.report(result)
        return result

    # speed

    def _timed(self, candidate: Candidate, result: JudgedCandidate) -> JudgedCandidate:
        if result.verdict != Verdict.PASS.value:
            return result
        self.say(f"{candidate.name}: a first look at its speed, {QUICK.pairs} pairs")
        result = self._measured("screen", candidate, result, QUICK, self.pristine)
        if result.speed != FASTER:
            return result
        self.confirmations += 1
        plan = confirmation(self.confirmations)
        said = f"{candidate.name}: measured again, {plan.pairs} pairs at {plan.confidence:.2%}"
        self.say(said)
        return self._measured("confirm", candidate, result, plan, self.pristine)

    def _measured(
        self,
        step: str,
        candidate: Candidate,
        result: JudgedCandidate,
        plan: BenchPlan,
        baseline: Tree,
    ) -> JudgedCandidate:
        judgement = self._judged(step, candidate, baseline, plan)
        speed = judgement.get("speed") or {}
        word = str(speed.get("verdict", "not-measured"))
        result = replace(
            result,
            verdict=judgement["verdict"],
            error=_why(judgement),
            step=step,
            speed=word,
            time_ratio=speed.get("time_ratio"),
            low=speed.get("low"),
            high=speed.get("high"),
            confidence=speed.get("confidence"),
            pairs=int(speed.get("pairs", 0)),
            kept=step == "confirm" and word == FASTER and judgement["verdict"] == "pass",
        )
        self.report(result)
        return result

    def _combinations(self, best: Sequence[Candidate]) -> list[JudgedCandidate]:
        """Add one after the other to the best, and keep what is faster than without it."""
        found: list[JudgedCandidate] = []
        base = best[0]
        for more in best[1:]:
            try:
                both = combined(self.copy, [base, more])
            except PatcherError as error:
                name = f"{base.name} + {more.name}"
                found.append(JudgedCandidate(name, "combination", error=error.message))
                self.report(found[-1])
                continue
            result = self._gated(both)
            if result.verdict == Verdict.PASS.value:
                self.confirmations += 1
                plan = confirmation(self.confirmations)
                before = self._tree(base)
                said = f"{both.name}: beside {base.name}, {plan.pairs} pairs"
                self.say(said)
                result = self._measured("confirm", both, result, plan, before)
                result = replace(result, beside=base.name)
            found.append(result)
            if result.kept:
                base = both
        return found

    # one judgement

    def _judged(
        self, step: str, candidate: Candidate, baseline: Tree, plan: BenchPlan | None
    ) -> Mapping[str, Any]:
        """Run one step, or take it from the record."""
        tree = self._tree(candidate)
        trees = {Arm.BASELINE: baseline, Arm.PATCHED: tree}
        options = replace(self.options.verify, bench=plan.name if plan else None)
        request = request_for(self.copy, trees, loosest(candidate.patches), options)
        request = replace(request, about={"series": [p.name for p in candidate.patches]})
        key = f"{step}/{plan.pairs if plan else 0}/{identity(request, options)}"
        known = self.ledger.find(key)
        if known is not None:
            return known
        judgement = self._run(request, candidate, plan)
        result = judgement.as_json()
        self.ledger.add(key, candidate.name, result)
        return result

    def _run(self, request: Request, candidate: Candidate, plan: BenchPlan | None) -> Judgement:
        if plan is None:
            return judge_trees(request)
        declares = frozenset(each for patch in candidate.patches for each in patch.declares)
        budget_s = self.options.verify.budget
        measure = partial(measure_speed, plan=plan, budget_s=budget_s, declares=declares)
        return judge_trees(request, measure_speed=measure)

    def _tree(self, candidate: Candidate) -> Tree:
        return freeze(self.copy, new_tree(self.scratch), candidate.files, pristine=True)


def _result(candidate: Candidate, verdict: str, why: str | None) -> JudgedCandidate:
    names = [patch.name for patch in candidate.patches]
    return JudgedCandidate(candidate.name, candidate.kind, verdict, error=why, patches=names)


def _why(judgement: Mapping[str, Any]) -> str | None:
    """What went wrong, in one line; None when nothing did."""
    if judgement["verdict"] == Verdict.PASS.value:
        return None
    errors = [case["error"] for case in judgement["cases"] if case["error"]]
    return str(errors[0] if errors else judgement["sentence"])


def _rank(result: JudgedCandidate) -> tuple[bool, bool, float]:
    """Kept first, then what passed, each by its gain."""
    ratio = 1.0 if result.time_ratio is None else result.time_ratio
    return (not result.kept, result.verdict != Verdict.PASS.value, ratio)


class Ledger:
    """Everything judged so far, a JSON object a line; a line cut short by a crash is left out."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        self.known: dict[str, Mapping[str, Any]] = {}
        for line in path.read_bytes().splitlines() if path.exists() and not fresh else ():
            with _ignoring_damage():
                entry = json.loads(line)
                self.known[entry["key"]] = entry["result"]

    def find(self, key: str) -> Mapping[str, Any] | None:
        """What was found under this key, or None."""
        return self.known.get(key)

    def add(self, key: str, name: str, result: Mapping[str, Any]) -> None:
        """Keep a result: one whole line, on disk before anything follows."""
        import os

        self.known[key] = result
        line = json.dumps({"key": key, "candidate": name, "result": result}) + "\n"
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
