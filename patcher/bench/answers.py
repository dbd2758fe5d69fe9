"""What timed calls gave back, held against what they should have given back.

A timed call is judged like any other, after its clock has stopped. Where both arms return the same
bytes there is no more to say. Where they do not: under the claim ``bitwise`` the patched arm is
wrong, once the baseline is known to repeat itself; under a looser claim the same inputs are run
again with their stages kept, the claim's gates judge them, and the timed answer must be the judged
one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from patcher.bench.collect import digest_of
from patcher.bench.records import Fault
from patcher.execution.replaying import replay_all
from patcher.execution.results import Arm, Case
from patcher.execution.runner import Batch, Runner, Silent
from patcher.gates.bitwise import compare
from patcher.gates.registry import Pair as GatePair
from patcher.gates.registry import run_gates
from patcher.patchfile.model import Equivalence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from patcher.bench.records import ProcessTiming, TimedPair
    from patcher.bench.stopwatch import Workload
    from patcher.execution.executor import Executor
    from patcher.execution.process import WorkerSite
    from patcher.execution.results import CaseResult
    from patcher.gates.registry import Compare
    from patcher.targets.adapter import Model, Test

AGAIN = ", again"


@dataclass
class AnswerCheck:
    """A `bench.Check` on answers; holds what it has seen of a bench.

    Attributes:
        repeat: times the baseline once more, to see whether it repeats itself.
        judged_inputs: runs inputs on both arms with their stages kept and gates them, given what
            the patched arm answered while timed; None leaves that to a later measurement.
        loose: what a looser claim's gates said of an input, by label: the patched digest, or why
            it is wrong.
        unrepeated: inputs to which the baseline itself gives different answers.
    """

    claim: Equivalence
    repeat: Callable[[], ProcessTiming]
    judged_inputs: Callable[[Mapping[str, str]], Mapping[str, JudgedAnswer]] | None
    loose: dict[str, JudgedAnswer] = field(default_factory=dict)
    baseline: dict[str, str] = field(default_factory=dict)
    unrepeated: set[str] = field(default_factory=set)

    def __call__(self, pair: TimedPair) -> Fault | None:
        """What is wrong with a pair's answers; None when nothing is."""
        self._learn(pair.baseline)
        differing = self._differing(pair)
        if not differing:
            return None
        if self.claim is not Equivalence.BITWISE:
            return self._judge(pair, differing)
        # The first difference decides nothing before the baseline has been seen twice.
        self._learn(self.repeat())
        wrong = [label for label in differing if label not in self.unrepeated]
        if not wrong:
            return None
        text = f"{_plural(wrong)} other bytes while timed than the baseline: {wrong[0]}"
        return Fault("timed-wrong", text, _cases(wrong))

    def _differing(self, pair: TimedPair) -> list[str]:
        actual = pair.baseline.answers
        return [
            label
            for label, digest in pair.patched.answers.items()
            if label in actual and actual[label] != digest and label not in self.unrepeated
        ]

    def _learn(self, timing: ProcessTiming) -> None:
        for label, digest in timing.answers.items():
            if self.baseline.setdefault(label, digest) != digest:
                self.unrepeated.add(label)

    def _judge(self, pair: TimedPair, differing: Sequence[str]) -> Fault | None:
        inputs = [label.removesuffix(AGAIN) for label in differing]
        missing = [label for label in dict.fromkeys(inputs) if label not in self.loose]
        if self.judged_inputs is None:
            return None
        if missing:
            timed = {label: pair.patched.answers.get(label, "") for label in missing}
            self.loose.update(self.judged_inputs(timed))
        for label, key in zip(differing, inputs, strict=True):
            judged = self.loose.get(key)
            if judged is None:
                continue
            if judged.problem:
                text = f"what a timed call is asked for fails its gate: {key}: {judged.problem}"
                return Fault("timed-wrong", text, _cases([key]))
            if judged.repeats and pair.patched.answers[label] != judged.digest:
                text = f"a timed call returned other bytes than when it was judged: {label}"
                return Fault("timed-wrong", text, _cases([label]))
        return None


@dataclass(frozen=True)
class JudgedAnswer:
    """What the gates said of the patched arm's answer to one input.

    Attributes:
        problem: why it is wrong; empty when it passed.
        repeats: the patched arm gave the same answer twice; asked only where a timed answer is
            another one.
    """

    digest: str = ""
    problem: str = ""
    repeats: bool = True


class InputJudge:
    """Runs inputs on both arms with their stages kept, and gates them: for looser claims."""

    def __init__(
        self,
        executor: Executor,
        sites: Mapping[Arm, WorkerSite],
        workload: Workload,
        claim: Equivalence,
        limits: Mapping[str, Mapping[str, Any]],
        compare: Compare | None = None,
    ) -> None:
        self.runner = Runner(executor, sites, Silent(), timeout_s=3 * workload.timeout_s)
        self.workload, self.claim = workload, claim
        self.limits, self.compare = limits, compare

    def __call__(self, timed: Mapping[str, str]) -> Mapping[str, JudgedAnswer]:
        """What came of each input, by ``model / input``, given the timed answers' digests."""
        result: dict[str, JudgedAnswer] = {}
        for model, tests in self._asked(set(timed)):
            batch = {arm: Batch(arm, model, tests, "timed") for arm in Arm}
            first = self.runner.run(batch.values())
            baseline = {case: first[Arm.BASELINE, case] for case in batch[Arm.BASELINE].cases}
            patched = {case: first[Arm.PATCHED, case] for case in batch[Arm.PATCHED].cases}
            replays = replay_all(self.runner, [*batch.values()], baseline, patched=patched)
            others = [case for case, run in patched.items() if _digest(run) != timed[str(case)]]
            second = self.runner.run([batch[Arm.PATCHED]]) if others else {}
            for case, run in baseline.items():
                pair = GatePair(
                    run,
                    patched[case],
                    replays.get((Arm.BASELINE, case)),
                    replays.get((Arm.PATCHED, case)),
                    limits=self.limits,
                    compare=self.compare,
                )
                again = second.get((Arm.PATCHED, case), patched[case])
                result[str(case)] = self._judged(pair, again)
        return result

    def _asked(self, labels: set[str]) -> Iterable[tuple[Model, tuple[Test, ...]]]:
        for timed in self.workload.models:
            name = timed.model.name
            inputs = [each for case in timed.cases for batch in case.batches for each in batch]
            tests = tuple(each for each in inputs if f"{name} / {each.name}" in labels)
            if tests:
                yield timed.model, tests

    def _judged(self, pair: GatePair, again: CaseResult) -> JudgedAnswer:
        for result in (pair.baseline, pair.patched):
            if result.failure is not None:
                return JudgedAnswer(problem=result.failure.text)
        wrong = next((each for each in run_gates(pair, self.claim) if not each.passed), None)
        return JudgedAnswer(
            _digest(pair.patched),
            wrong.message if wrong else "",
            repeats=again.ok and compare(pair.patched, again).passed,
        )


def _digest(result: CaseResult) -> str:
    return digest_of([vars(each) for each in result.returned])


def _cases(labels: Sequence[str]) -> tuple[Case, ...]:
    parts = [label.split(" / ") for label in labels]
    return tuple(dict.fromkeys(Case(part[0], part[1]) for part in parts))


def _plural(labels: Sequence[str]) -> str:
    return "a call returned" if len(labels) == 1 else f"{len(labels)} calls returned"
