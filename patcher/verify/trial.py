"""One verification's runs: both arms, the gates, and what is run again after a failure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from patcher.execution.results import Arm, Case, CaseResult, Outcome
from patcher.execution.rundb import RunDb
from patcher.execution.runner import Observer, Runner
from patcher.gates.bitwise import compare
from patcher.gates.registry import Pair, gate_of, run_gates
from patcher.gates.smoke import smoke
from patcher.patchfile.model import Equivalence
from patcher.verify.decisions import Evidence, decide_case
from patcher.verify.judgement import CaseJudgement, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from patcher.execution.executor import Executor
    from patcher.gates.result import GateResult
    from patcher.verify.setup import Setup

    Together = Callable[[Sequence[tuple[CaseResult, CaseResult]], Mapping[str, Any]], GateResult]

RUN_FACTS = ("open_s", "run_s")
RETRIES = 3  # in one process; a failure of one run in three escapes 1 time in 27


@dataclass
class _Again:
    """What running a failed case again showed; shared by cases that failed alike."""

    control: CaseResult | None = None
    control_passes: bool | None = None
    repeatable: bool | None = None
    retry_passes: bool | None = None


@dataclass
class Trial:
    """Runs and compares; `run` first, `judgements` after."""

    setup: Setup
    executor: Executor
    observer: Observer
    baseline: dict[Case, CaseResult] = field(default_factory=dict)
    patched: dict[Case, CaseResult] = field(default_factory=dict)
    replays: dict[Case, dict[Arm, CaseResult]] = field(default_factory=dict)
    exact: dict[Case, CaseResult] = field(default_factory=dict)
    gates: dict[Case, tuple[GateResult, ...]] = field(default_factory=dict)
    again: dict[Case, _Again] = field(default_factory=dict)
    together: dict[str, GateResult] = field(default_factory=dict)
    smoke_results: dict[tuple[Any, ...], GateResult] = field(default_factory=dict)

    def __post_init__(self) -> None:
        request = self.setup.request
        self.gate = gate_of(request.equivalence)
        self.db = RunDb(request.run_dir / "runs.sqlite")
        self.run_id = self.db.begin(self.setup.run_key())
        self.runner = Runner(
            self.executor,
            self.setup.sites,
            self.observer,
            keep=self._keep,
            timeout_s=request.timeout_s,
        )

    @property
    def cases(self) -> tuple[Case, ...]:
        pairs = self.setup.request.matrix.pairs()
        return tuple(Case(model.name, test.name) for model, test in pairs)

    def _key(self, arm: Arm, case: Case) -> str:
        return self.setup.key(arm, *self.setup.lookup(case))

    def _keep(self, result: CaseResult) -> None:
        self.db.keep(self.run_id, self._key(result.arm, result.case), result)

    def run(self) -> None:
        """Run what is not stored, compare, and run again what failed."""
        self.observer.planned(self.cases, self.setup.assets.summary)
        self._reuse()
        batches = [
            batch
            for arm, found in ((Arm.BASELINE, self.baseline), (Arm.PATCHED, self.patched))
            for batch in self.setup.batches(arm, set(self.cases) - set(found))
        ]
        results = self.runner.run(batches, admit=self._admit, on_result=self._stop)
        self._take(results.values())
        self._replay()
        for case in self.patched:
            self.gates[case] = self._gates(case, self.patched[case])
        self._excuse()
        self._repeat()

    def _reuse(self) -> None:
        for arm, found in ((Arm.BASELINE, self.baseline), (Arm.PATCHED, self.patched)):
            if arm is Arm.BASELINE and self.setup.request.fresh:
                continue
            for case in self.cases:
                stored = self.db.find(self.run_id, self._key(arm, case), arm)
                if stored is not None:
                    found[case] = stored
                    self.observer.finished(stored, "run")
        self.runner.learn(self.baseline.values())

    def _take(self, results: Iterable[CaseResult]) -> None:
        for result in results:
            (self.baseline if result.arm is Arm.BASELINE else self.patched)[result.case] = result

    def _admit(self, arm: Arm, case: Case) -> bool:
        """A patched case is worth running when its baseline delivered."""
        return arm is Arm.BASELINE or self._baseline_works(case)

    def _stop(self, result: CaseResult) -> bool:
        self._take([result])
        if not self.setup.request.fail_fast or result.arm is Arm.BASELINE:
            return False
        return not result.not_applicable and not self._promising(result)

    def _baseline_works(self, case: Case) -> bool:
        found = self.baseline.get(case)
        return found is not None and found.ok and self._smoke(found).passed

    def _smoke(self, result: CaseResult) -> GateResult:
        """The smoke gate, once for each output: it reads every element."""
        key = (result.case, *(stage.sha256 for stage in result.stages))
        if key not in self.smoke_results:
            self.smoke_results[key] = smoke(result)
        return self.smoke_results[key]

    def _promising(self, patched: CaseResult) -> bool:
        """What can be said of a patched run without its replays: it may yet pass."""
        if self.setup.request.equivalence is Equivalence.BITWISE:
            return passed(self._gates(patched.case, patched))
        return patched.ok and self._smoke(patched).passed

    # gates

    def _gates(self, case: Case, patched: CaseResult) -> tuple[GateResult, ...]:
        if not patched.ok or not self._baseline_works(case):
            return ()
        replays = self.replays.get(case, {})
        pair = Pair(
            self.baseline[case],
            patched,
            replays.get(Arm.BASELINE),
            replays.get(Arm.PATCHED),
            self.exact.get(case),
            self.setup.request.limits,
        )
        gates = run_gates(pair, self.setup.request.equivalence)
        if self.gate.together is not None and gates[-1].gate == self.gate.name and passed(gates):
            gates = (*gates, self._together(case.model, self.gate.together))
        return gates

    def _together(self, model: str, judge: Together) -> GateResult:
        """The second half of a claim's gate: all cases of a model at once."""
        if model not in self.together:
            pairs = [
                (self.baseline[case], patched)
                for case, patched in self.patched.items()
                if case.model == model and patched.ok and self._baseline_works(case)
            ]
            limits = self.setup.request.limits.get(self.gate.name, {})
            self.together[model] = judge(pairs, limits)
        return self.together[model]

    def _replay(self) -> None:
        """For a claim looser than bitwise: recompute the stages of the cases that differ."""
        if self.setup.request.equivalence is Equivalence.BITWISE:
            return
        differ = {case for case, result in self.patched.items() if self._differs(case, result)}
        for arm in Arm:
            for batch in self.setup.batches(arm, differ, "replay"):
                for case in batch.cases:
                    self.observer.began(arm, case, "replay")
                found = self.runner.replay(arm, batch, self.baseline)
                for (_, case), result in found.items():
                    self.replays.setdefault(case, {})[arm] = result

    def _excuse(self) -> None:
        """Where the claim's gate rejects: replay the baseline in double precision, judge again."""
        if not self.gate.wants_reference:
            return
        rejected = {
            case
            for case, gates in self.gates.items()
            if gates and gates[-1].gate == self.gate.name and not gates[-1].passed
        }
        for batch in self.setup.batches(Arm.BASELINE, rejected & set(self.replays), "replay"):
            found = self.runner.replay(Arm.BASELINE, batch, self.baseline, exact=True)
            self.exact.update({case: result for (_, case), result in found.items()})
            for case in batch.cases:
                self.gates[case] = self._gates(case, self.patched[case])

    def _differs(self, case: Case, patched: CaseResult) -> bool:
        if not patched.ok or not self._baseline_works(case) or not self._smoke(patched).passed:
            return False
        return not compare(self.baseline[case], patched).passed

    # once more

    def _failed(self) -> Iterator[Case]:
        for case, result in self.patched.items():
            judged = self._baseline_works(case) and not result.not_applicable
            if judged and not passed(self.gates[case]):
                yield case

    def _repeat(self) -> None:
        """Run one of each kind of failure again, on the baseline and on the patched arm."""
        groups: dict[tuple[str, ...], list[Case]] = {}
        for case in self._failed():
            groups.setdefault(self._signature(case), []).append(case)
        heads = {cases[0] for cases in groups.values()}
        retries: dict[Case, list[CaseResult]] = {}

        def collect(result: CaseResult) -> bool:
            if result.arm is Arm.PATCHED:
                retries.setdefault(result.case, []).append(result)
            return False

        batches = self.setup.batches(Arm.BASELINE, heads | self._unrepeated(heads), "control")
        for case in heads:
            (batch,) = self.setup.batches(Arm.PATCHED, {case}, "retry")
            batches.append(replace(batch, tests=batch.tests * self._retries(case)))
        results = self.runner.run(batches, on_result=collect)
        for cases in [*groups.values(), *([case] for case in self._unrepeated(heads))]:
            head = cases[0]
            shown = self._shown(head, results.get((Arm.BASELINE, head)))
            if head in retries:
                shown.retry_passes = any(map(self._retry_passes, retries[head]))
            self.again.update(dict.fromkeys(cases, shown))

    def _retry_passes(self, retry: CaseResult) -> bool:
        if self.patched[retry.case].ok:
            return passed(self._gates(retry.case, retry))
        return self._promising(retry)

    def _retries(self, case: Case) -> int:
        """How often a failed case is tried again: a process is dear, a hang costs its time once."""
        outcome = self.patched[case].outcome
        if outcome is Outcome.TIMEOUT:
            return 0
        return RETRIES if outcome in (Outcome.OK, Outcome.EXCEPTION) else 1

    def _unrepeated(self, heads: set[Case]) -> set[Case]:
        """Where looser gates passed what differs: one case that tells whether baselines repeat."""
        if heads or not self.replays:
            return set()
        return {min(self.replays)}

    def _shown(self, case: Case, control: CaseResult | None) -> _Again:
        if control is None:
            return _Again()
        works = control.ok and self._smoke(control).passed
        repeats = compare(self.baseline[case], control).passed if works else None
        return _Again(control, works, repeats)

    def _signature(self, case: Case) -> tuple[str, ...]:
        result = self.patched[case]
        if result.failure is not None:
            return (result.outcome.value, *result.failure.signature)
        failed = next(gate for gate in self.gates[case] if not gate.passed)
        return (failed.gate, failed.stage or "")

    # conclusions

    def judgements(self) -> tuple[CaseJudgement, ...]:
        """Every case, decided."""
        return tuple(self._judgement(case) for case in self.cases)

    def _judgement(self, case: Case) -> CaseJudgement:
        left_out = CaseResult(case, Arm.BASELINE, Outcome.OK, not_applicable="not run")
        baseline, patched = self.baseline.get(case, left_out), self.patched.get(case)
        checked = (self._smoke(baseline),) if baseline.ok else ()
        again = self.again.get(case, _Again())
        gates = self.gates.get(case, ())
        row = decide_case(
            Evidence(
                baseline,
                patched,
                checked,
                gates,
                again.control_passes,
                again.retry_passes,
                again.repeatable,
            )
        )
        note = row.means if row.status is Status.NOT_APPLICABLE else ""
        for result in (baseline, patched):
            if result is not None and result.not_applicable:
                note = result.not_applicable
        flaky = again.retry_passes is True and row.status is Status.FAIL
        return CaseJudgement(
            case, row.status, row.reason, baseline, patched, gates, checked, flaky, note
        )

    @property
    def reproducible(self) -> str:
        """Whether the baseline repeats itself to the bit, by what was seen of it."""
        repeats = [one.repeatable for one in self.again.values() if one.repeatable is not None]
        if repeats:
            return "bitwise" if all(repeats) else "differs"
        equal = any(
            gate.gate == "bitwise" and gate.passed
            for gates in self.gates.values()
            for gate in gates
        )
        # Two processes that agree to the bit: the patched one is as good a witness as another.
        return "bitwise" if equal else "not-measured"

    @property
    def facts(self) -> Mapping[str, Any]:
        """What all sessions said of themselves alike: device, versions."""
        told = [result.facts for result in self.baseline.values() if result.facts]
        common = dict(told[0]) if told else {}
        for facts in told[1:]:
            common = {name: value for name, value in common.items() if facts.get(name) == value}
        return {name: value for name, value in common.items() if name not in RUN_FACTS}

    def warnings(self, cases: Sequence[CaseJudgement]) -> Iterator[str]:
        """What a reader should know before trusting the verdict."""
        yield from self.db.warnings
        broken = [case for case in cases if case.reason == "baseline-fails"]
        if broken:
            yield f"the baseline itself fails in {len(broken)} of {len(cases)} cases"
        apart = [case for case in cases if case.reason in ("no-such-case", "nothing-to-do")]
        if apart:
            yield f"{len(apart)} of {len(cases)} cases do not apply"
        if self.reproducible == "differs":
            yield "the baseline does not repeat itself to the bit on this machine"
        reused = sum(result.reused for result in self.baseline.values())
        if reused:
            results = "result comes" if reused == 1 else "results come"
            yield f"{reused} baseline {results} from an earlier run on the same tree and machine"
        if self.gate.caveat and self.setup.assets.values.get("kind") == "synthetic":
            yield self.gate.caveat


def passed(gates: tuple[GateResult, ...]) -> bool:
    """There were gates, and each passed."""
    return bool(gates) and all(gate.passed for gate in gates)
