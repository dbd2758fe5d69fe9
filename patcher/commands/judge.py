"""`patcher judge`: many candidates, each beside pristine in a tree of its own.

Nothing is applied: the working copy is not touched. Candidates pass three steps: gates, several at
once; a quick look at speed, one at a time; and, for what that calls faster, a second measurement
from nothing at a level that is spent over the sequence (`patcher.bench.sequence`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from patcher.commands.shared.candidates import Candidate, combined, kind_of, read_candidate
from patcher.commands.shared.find_copy import copy_for
from patcher.commands.shared.freeze_trees import frozen_trees
from patcher.commands.shared.judge_candidate import FASTER, CandidateJudge, How, Report, Say
from patcher.commands.shared.resuming import resumable
from patcher.errors import PatcherError
from patcher.patchfile.model import Equivalence
from patcher.results import JudgedCandidate, JudgeResult
from patcher.verify.judgement import Verdict
from patcher.verify.options import VerifyOptions

if TYPE_CHECKING:
    from patcher.store.workspace import Workspace


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
        PatcherError: ``usage``, ``unknown-patch``: a candidate names nothing, and none was judged;
            ``environment``, ``config``. A candidate that cannot be read or does not fit is a
            result, no error.
    """
    options = options or JudgeOptions()
    with workspace.lock("judge"), resumable(workspace.root):
        copy = copy_for(workspace, [], options.verify.target, say)
        for word in candidates:  # a misspelt one is found before anything runs
            kind_of(copy, word)
        with frozen_trees(copy) as scratch:
            how = How(options.verify, options.verify, options.again)
            return _Sequence(CandidateJudge(copy, how, scratch, report, say), options).run(
                candidates
            )


class _Sequence:
    """One run over all candidates."""

    def __init__(self, judge: CandidateJudge, options: JudgeOptions) -> None:
        self.judge, self.options = judge, options
        self.copy, self.report = judge.copy, judge.report

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

    def _gates(
        self, candidates: Sequence[Candidate]
    ) -> Iterator[tuple[Candidate, JudgedCandidate]]:
        """Several at once; the first alone, so that the others find its baseline on record."""
        first, rest = candidates[:1], candidates[1:]
        with ThreadPoolExecutor(max(1, self.options.jobs)) as pool:
            for group in (first, rest):
                yield from zip(group, pool.map(self.judge.gated, group), strict=True)

    def _timed(self, candidate: Candidate, result: JudgedCandidate) -> JudgedCandidate:
        if result.verdict != Verdict.PASS.value:
            return result
        result = self.judge.screened(candidate, result)
        return result if result.speed != FASTER else self.judge.confirmed(candidate, result)

    def _combinations(self, best: Sequence[Candidate]) -> list[JudgedCandidate]:
        """Add one after the other to the best, and keep what is faster than without it."""
        collected: list[JudgedCandidate] = []
        base = best[0]
        for more in best[1:]:
            try:
                both = combined(self.copy, [base, more])
            except PatcherError as error:
                name = f"{base.name} + {more.name}"
                collected.append(JudgedCandidate(name, "combination", error=error.message))
                self.report(collected[-1])
                continue
            result = self.judge.gated(both)
            if result.verdict == Verdict.PASS.value:
                result = self.judge.confirmed(both, result, base)
            collected.append(result)
            if result.kept:
                base = both
        return collected


def _rank(result: JudgedCandidate) -> tuple[bool, bool, float]:
    """Kept first, then what passed, each by its gain."""
    ratio = 1.0 if result.time_ratio is None else result.time_ratio
    return (not result.kept, result.verdict != Verdict.PASS.value, ratio)
