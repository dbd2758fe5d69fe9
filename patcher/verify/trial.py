"""One verification's runs: both arms through the plan, compared, and what failed once more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from patcher.execution.replaying import replay, replay_all
from patcher.execution.results import Arm, Case, CaseResult, Outcome
from patcher.execution.rundb import RunDb
from patcher.execution.runner import Observer, Runner
from patcher.gates import speech
from patcher.gates.left_behind import from_load_on, other_random_numbers
from patcher.gates.result import GateResult
from patcher.patchfile.model import Equivalence
from patcher.verify.compare import Comparison, passed
from patcher.verify.decisions import CaseEvidence, decide_case
from patcher.verify.exercised import Exercise, exercises
from patcher.verify.following import FollowedCase, follow, followed_at
from patcher.verify.judgement import CaseJudgement, Further, Status
from patcher.verify.on_record import pass_on_record
from patcher.verify.own_comparison import own_comparison
from patcher.verify.plan import CallReason, fresh_seed
from patcher.verify.repeat import Again, repeat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from patcher.execution.executor import Executor
    from patcher.verify.setup import Setup


def unrecognised(replays: Iterable[Mapping[Arm, CaseResult]]) -> str:
    """Why a listener said nothing of some case; empty where he was not asked, or did."""
    for arms in replays:
        read = arms[Arm.BASELINE].embedded if Arm.BASELINE in arms else None
        for each in (read or {}).values():
            for why in speech.unrecognised(each):
                return why
    return ""


RUN_FACTS = ("open_s", "run_s")


@dataclass
class Trial:
    """Runs and compares; `run` first, `judgements` and `further` after."""

    setup: Setup
    executor: Executor
    observer: Observer
    gates: dict[Case, tuple[GateResult, ...]] = field(default_factory=dict)
    again: dict[Case, Again] = field(default_factory=dict)
    followed: Mapping[Case, FollowedCase] = field(default_factory=dict)

    def __post_init__(self) -> None:
        request = self.setup.request
        self.db = RunDb(request.run_dir / "runs.sqlite")
        self.record = pass_on_record(self.db, self.setup)
        named = self.record.seed if self.record else request.seed
        seed = fresh_seed() if named is None else named
        # An interrupted run goes on with the calls that it had drawn.
        self.run_id = self.db.begin(self.setup.run_key(), seed)
        self.resumed = self.db.seed_of(self.run_id) != seed
        self.record = None if self.resumed else self.record
        self.setup = self.setup.planned(self.db.seed_of(self.run_id))
        for key, result in self.record.results if self.record else ():
            self.db.keep(self.run_id, key, replace(result, reused=False))
        own = own_comparison(self.setup, self.executor, self.observer)
        self.comparison = Comparison(request, self.setup.plan, own)
        self.runner = Runner(
            self.executor,
            self.setup.sites,
            self.observer,
            keep=self._keep,
            timeout_s=request.timeout_s,
            following=followed_at(self.setup),
        )

    @property
    def repeats(self) -> str:
        """Whether what passed before is run again, and why; empty where nothing passed before."""
        if self.record is not None:
            return "the gates' runs are on record from a pass of the same trees: none is repeated"
        why = "" if self.resumed else self.setup.request.why_not
        return f"the gates run again: {why}" if why else ""

    @property
    def baseline(self) -> Mapping[Case, CaseResult]:
        return self.comparison.baseline

    @property
    def cases(self) -> tuple[Case, ...]:
        """The cases of the matrix."""
        pairs = self.setup.request.matrix.pairs()
        return tuple(Case(model.name, test.name) for model, test in pairs)

    @property
    def calls(self) -> tuple[Case, ...]:
        """The cases of the matrix and all further calls."""
        return tuple(Case(model.name, call.test.name) for model, call in self.setup.plan.pairs())

    def _key(self, arm: Arm, case: Case) -> str:
        return self.setup.key(arm, *self.setup.lookup(case))

    def _keep(self, result: CaseResult) -> None:
        self.db.keep(self.run_id, self._key(result.arm, result.case), result)

    def run(self) -> None:
        """Run what is not stored, compare, and run again what failed."""
        self.observer.planned(self.cases, self.setup.assets.summary)
        if self.repeats:
            self.observer.message(self.repeats)
        self._reuse()
        comparison = self.comparison
        batches = [
            batch
            for arm, result in ((Arm.BASELINE, self.baseline), (Arm.PATCHED, comparison.patched))
            for batch in self.setup.batches(arm, set(self.calls) - set(result))
        ]
        results = self.runner.run(batches, admit=self._admit, on_result=self._stop)
        comparison.take(results.values())
        self._replay()
        comparison.look_behind()
        self._judge(comparison.patched)
        self._excuse()
        self.again = repeat(self.setup, self.runner, comparison, self.gates)

    def _judge(self, cases: Iterable[Case]) -> None:
        for case in cases:
            self.gates[case] = self.comparison.gates(case, self.comparison.patched[case])

    def _reuse(self) -> None:
        """Take stored results of the matrix; further calls follow them and are made anew."""
        for arm in Arm:
            if arm is Arm.BASELINE and self.setup.request.fresh:
                continue
            for case in self.calls:
                stored = self.db.find(
                    self.run_id,
                    self._key(arm, case),
                    arm,
                    refused=self.setup.plan.call(case).kind is CallReason.REFUSED,
                )
                if stored is not None:
                    self.comparison.take([stored])
                    further = case not in self.cases
                    self.observer.finished(stored, "further" if further else "run")
        self.runner.learn(self.baseline.values())

    def _admit(self, arm: Arm, case: Case) -> bool:
        """A patched case is worth running when its baseline delivered, or refused as it should."""
        if arm is Arm.BASELINE or self.comparison.works(case):
            return True
        return self._refuses(case)

    def _refuses(self, case: Case) -> bool:
        """The baseline raised at a call that is meant to be refused."""
        kind = self.setup.plan.call(case).kind
        result = self.baseline.get(case)
        return (
            kind is CallReason.REFUSED
            and result is not None
            and result.outcome is Outcome.EXCEPTION
        )

    def _stop(self, result: CaseResult) -> bool:
        self.comparison.take([result])
        if not self.setup.request.fail_fast or result.arm is Arm.BASELINE:
            return False
        if self._refuses(result.case):
            return False
        return not self.comparison.promising(result)

    def _replay(self) -> None:
        """For a claim looser than bitwise: recompute the stages of the cases that differ."""
        comparison = self.comparison
        if self.setup.request.equivalence is Equivalence.BITWISE:
            return
        differ = {case for case in comparison.patched if comparison.differs(case)}
        same = {case: self._like(case, differ) for case in sorted(differ)}
        batches = [
            batch for arm in Arm for batch in self.setup.batches(arm, set(same.values()), "replay")
        ]
        for batch in batches:
            for case in batch.cases:
                self.observer.began(batch.arm, case, "replay")
        results = replay_all(self.runner, batches, self.baseline, patched=comparison.patched)
        for case, other in same.items():
            for arm in Arm:
                if (arm, other) in results:
                    comparison.replays.setdefault(case, {})[arm] = results[arm, other]

    def _like(self, case: Case, differ: set[Case]) -> Case:
        """The case to replay in its place: the one it repeats, where both arms repeated it."""
        of = self.setup.plan.call(case).of
        first = Case(case.model, of)
        if self.setup.plan.call(case).kind is not CallReason.AGAIN or first not in differ:
            return case
        arms = (self.comparison.baseline, self.comparison.patched)
        equal = all(arm[case].returned == arm[first].returned for arm in arms)
        return first if equal else case

    def _excuse(self) -> None:
        """Where the claim's gate rejects: replay the baseline in double precision, judge again."""
        comparison = self.comparison
        if not comparison.gate.wants_reference:
            return
        rejected = {
            case
            for case, gates in self.gates.items()
            if gates and gates[-1].gate == comparison.gate.name and not gates[-1].passed
        }
        for batch in self.setup.batches(Arm.BASELINE, rejected & set(comparison.replays), "replay"):
            collected = replay(self.runner, Arm.BASELINE, batch, self.baseline, exact=True)
            comparison.exact.update({case: result for (_, case), result in collected.items()})
            self._judge(batch.cases)

    # conclusions

    def judgements(self) -> tuple[CaseJudgement, ...]:
        """Every case of the matrix, decided."""
        return tuple(self._judgement(case) for case in self.cases)

    def further(self) -> tuple[Further, ...]:
        """Every further call, decided."""
        result = []
        for model, call in self.setup.plan.pairs():
            if call.kind is CallReason.NAMED:
                continue
            case = Case(model.name, call.test.name)
            refused = self._refuses(case)
            judgement = self._refusal(case) if refused else self._judgement(case)
            result.append(Further(judgement, call.kind.value, dict(call.test.options)))
        return tuple(result)

    def _refusal(self, case: Case) -> CaseJudgement:
        """A call that the baseline refuses: the patched arm has to refuse it too, and live."""
        baseline, patched = self.baseline[case], self.comparison.patched.get(case)
        raised = baseline.failure
        assert raised is not None
        wrong = ""
        if patched is not None and patched.failure is None:
            wrong = f"it returns, where the baseline raises {raised.type}"
        elif patched is not None and patched.failure is not None:
            ended = (patched.outcome, patched.failure.type)
            if ended != (baseline.outcome, raised.type):
                how = patched.failure.type or patched.outcome.value
                wrong = f"it ends with {how}, where the baseline raises {raised.type}"
        status = Status.FAIL if wrong else Status.PASS
        if patched is not None and patched.failure and patched.failure.kind == "wrong-code":
            return CaseJudgement(
                case, Status.NOT_APPLICABLE, "wrong-code", baseline, patched, note=wrong
            )
        gates: tuple[GateResult, ...] = (GateResult(self.comparison.gate.name, not wrong, wrong),)
        if patched is None or not self._any_passes(case.model):
            status, gates = Status.NOT_APPLICABLE, ()
        reason = {Status.PASS: "gates-pass", Status.FAIL: "gate-fails"}.get(status, "not-run")
        return CaseJudgement(case, status, reason, baseline, patched, gates)

    def _any_passes(self, model: str) -> bool:
        """Some case of the matrix passes: how the others end says something."""
        return any(passed(self.gates.get(case, ())) for case in self.cases if case.model == model)

    def _judgement(self, case: Case) -> CaseJudgement:
        left_out = CaseResult(case, Arm.BASELINE, Outcome.OK, not_applicable="not run")
        baseline = self.baseline.get(case, left_out)
        patched = self.comparison.patched.get(case)
        checked = (self.comparison.smoke(baseline),) if baseline.ok else ()
        again = self.again.get(case, Again())
        gates = self.gates.get(case, ())
        row = decide_case(
            CaseEvidence(
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

    def exercised(self) -> tuple[Exercise, ...]:
        """What ran of each edit of the series, in the patched arm's judged runs.

        An entry point that fails on the baseline too cannot be tried: its edits do not apply here.
        """
        closed = {
            file
            for model, call in self.setup.plan.pairs()
            if call.kind is CallReason.ENTRY
            and not self.comparison.works(Case(model.name, call.test.name))
            for file in call.test.options.get("covers", ())
        }
        request = self.setup.request
        if getattr(request.adapter, "lines_elsewhere", False) and not self.followed:
            return ()  # a command runs them in a process of its own, which is followed later
        seen = {case: each.ran for case, each in self.followed.items()}
        runs = [
            replace(run, ran=seen.get(case, run.ran))
            for case, run in self.comparison.patched.items()
        ]
        result = exercises(request.places, runs)
        if any(each.unseen for each in self.followed.values()):
            result = tuple(each for each in result if each.kind != "never")  # nobody knows
        return tuple(
            replace(each, kind="not-applicable")
            if each.kind == "never" and each.place.file in closed
            else each
            for each in result
        )

    def follow(self) -> None:
        """See which edited lines run in the processes of commands; they run once more for it."""
        self.followed = follow(self.setup, self.executor, self.runner, self.observer)

    def from_load_on(self) -> list[str]:
        """What differs between the arms once a model is loaded, by name; listed, not judged."""
        collected: dict[str, None] = {}
        for model in self.setup.request.matrix.models:
            first = Case(model.name, self.setup.request.matrix.tests[0].name)
            arms = (self.baseline.get(first), self.comparison.patched.get(first))
            states = [result.state for result in arms if result is not None and result.ok]
            if len(states) == 2:
                collected |= dict.fromkeys(from_load_on(*states))
        return list(collected)

    def _both(self) -> Iterator[tuple[CaseResult, CaseResult]]:
        """Cases that both arms delivered."""
        for case, patched in self.comparison.patched.items():
            if patched.ok and case in self.baseline and self.baseline[case].ok:
                yield self.baseline[case], patched

    @property
    def reproducible(self) -> str:
        """Whether the baseline repeats itself to the bit, by what was seen of it."""
        repeats = [each.repeatable for each in self.again.values() if each.repeatable is not None]
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
    def facts(self) -> Mapping[str, object]:
        """What all sessions said of themselves alike: device, versions."""
        reported = [result.facts for result in self.baseline.values() if result.facts]
        common = dict(reported[0]) if reported else {}
        for facts in reported[1:]:
            common = {name: value for name, value in common.items() if facts.get(name) == value}
        return {name: value for name, value in common.items() if name not in RUN_FACTS}

    def warnings(self, cases: Sequence[CaseJudgement]) -> Iterator[str]:
        """What a reader should know before trusting the verdict."""
        yield from self.db.warnings
        if self.repeats:
            yield self.repeats
        broken = [case for case in cases if case.reason == "baseline-fails"]
        if broken:
            every = f"{len(broken)} of {len(cases)} cases" if cases[1:] else "the only case"
            yield f"the baseline itself fails in {every}"
        apart = [case for case in cases if case.reason == "no-such-case"]
        if apart:
            apply = "does not apply" if len(apart) == 1 else "do not apply"
            yield f"{len(apart)} of {len(cases)} cases {apply}"
        files = {each.place.file for each in self.exercised() if each.kind == "not-applicable"}
        if files:
            yield f"not tried, for pristine cannot run them here: {', '.join(sorted(files))}"
        for case, each in self.followed.items():
            if each.unseen:
                yield f"which edited lines {case.test} runs cannot be said: {each.unseen}"
        if why := unrecognised(self.comparison.replays.values()):
            yield f"words and speakers were not compared: {why}"
        if moved := other_random_numbers(self._both()):
            drawn = ", ".join(moved)
            yield f"calls leave the random numbers of {drawn} elsewhere than on the baseline"
        if self.reproducible == "differs":
            yield "the baseline does not repeat itself to the bit on this machine"
        reused = sum(self.baseline[case].reused for case in self.cases if case in self.baseline)
        if reused and self.record is None:
            results = "result comes" if reused == 1 else "results come"
            yield f"{reused} baseline {results} from an earlier run on the same tree and machine"
        if self.comparison.gate.caveat and self.setup.assets.values.get("kind") == "synthetic":
            yield self.comparison.gate.caveat
        yield from getattr(self.setup.request.adapter, "warnings", ())
