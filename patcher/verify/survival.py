"""Whether a patched model survives what pristine survives: copies, pickling, moves, threads.

Each probe runs on both arms, in one process an arm. Where the baseline does worse than plain calls
itself, the patched arm may do as badly. What looks like a loss is tried on the baseline again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from patcher.execution.executor import Job, Step
from patcher.execution.results import Arm, Case
from patcher.execution.runner import run_job
from patcher.gates.result import GateResult
from patcher.patchfile.model import Equivalence
from patcher.targets.survival import ALONE, HELD_MODELS, PROBES
from patcher.verify.setup import free_memory_mib

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.execution.executor import Executor
    from patcher.execution.runner import Observer, Runner
    from patcher.verify.setup import Setup

NAME = "survival"
CONTROLS = 1  # more runs of the baseline before a loss is called one
THREADS_CONTROLS = 3  # where the baseline may be right by luck
RANKS: Mapping[str, int] = {"same": 3, "other": 2, "raises": 1, "ends": 0}
WORDS: Mapping[str, str] = {
    "same": "gives the same results",
    "other": "gives other results",
    "raises": "raises",
    "ends": "ends the process",
}


@dataclass(frozen=True)
class Survived:
    """One probe on both arms.

    Attributes:
        probe: its name in `patcher.targets.survival.PROBES`.
        baseline, patched: ``same``, ``other``, ``raises``, ``ends`` (the process), ``no`` (there is
            no such thing to do with this model), ``not-tried``.
        detail: what happened on the patched arm.
        lost: the baseline survives it better than the patched arm, each time it was tried.
    """

    probe: str
    baseline: str
    patched: str
    detail: str = ""
    lost: bool = False

    @property
    def gate(self) -> GateResult:
        """As a gate that passed or failed."""
        detail = f" ({self.detail})" if self.detail else ""
        message = f"{self.probe}: pristine {WORDS.get(self.baseline, self.baseline)}, "
        message += f"patched {WORDS.get(self.patched, self.patched)}{detail}"
        return GateResult(NAME, not self.lost, message if self.lost else "")

    def case(self, model: str) -> Case:
        """Its place among the cases, where it is lost."""
        return Case(model, f"Survives {self.probe}")


@dataclass(frozen=True)
class ProbeResult:
    """Of one probe on one arm: the outcome, its detail, a digest of plain calls."""

    outcome: str
    detail: str = ""
    plain: str = ""

    def worse(self, other: ProbeResult, *, exact: bool) -> bool:
        """Whether ``other``, of the baseline, survives what this does not.

        Args:
            exact: the series claims equal bits, also of plain calls in such a process.
        """
        lost = RANKS.get(self.outcome, -1) < RANKS.get(other.outcome, -1)
        return lost or (exact and self.outcome == "same" and self.plain != other.plain)


Outcomes = dict[str, ProbeResult]


def survive(
    setup: Setup, executor: Executor, runner: Runner, observer: Observer
) -> tuple[Survived, ...]:
    """Put both arms of the first model through all probes; empty where its adapter has none."""
    probing = Probing(setup, executor, runner, observer)
    exact = setup.request.equivalence is Equivalence.BITWISE
    names = [*PROBES] if probing.holds_two() else [*ALONE]
    baseline = probing.run(Arm.BASELINE, names)
    tried = [name for name in names if baseline[name].outcome in RANKS]
    if not tried:
        return ()
    patched = probing.run(Arm.PATCHED, tried)
    suspect = [name for name in tried if patched[name].worse(baseline[name], exact=exact)]
    for turn in range(THREADS_CONTROLS):
        names = suspect if turn < CONTROLS else [name for name in suspect if name in ALONE]
        again = {**baseline, **probing.run(Arm.BASELINE, names)}
        suspect = [name for name in suspect if patched[name].worse(again[name], exact=exact)]
    skipped = ProbeResult("not-tried")
    rows = []
    for name in PROBES:
        expected, actual = baseline.get(name, skipped), patched.get(name, skipped)
        outcome, detail = actual.outcome, actual.detail
        if name in suspect and outcome == "same":
            outcome, detail = "other", "another model in the process is not the baseline's"
        rows.append(Survived(name, expected.outcome, outcome, detail, lost=name in suspect))
    return tuple(row for row in rows if row.baseline != "no")


@dataclass(frozen=True)
class Probing:
    """Asks workers for probes; a process that ends costs the probe it was on."""

    setup: Setup
    executor: Executor
    runner: Runner
    observer: Observer

    def holds_two(self) -> bool:
        """The memory there is holds as many models at once as a probe needs."""
        return free_memory_mib() >= HELD_MODELS * self.setup.assets.memory_mib

    def run(self, arm: Arm, names: Sequence[str]) -> Outcomes:
        """Outcomes of the probes, in as many processes as it takes."""
        outcomes: Outcomes = {}
        while left := [name for name in names if name not in outcomes]:
            self.observer.message(f"What {arm.value} survives: {', '.join(left)}")
            outcomes |= self._job(arm, left)
        return outcomes

    def _job(self, arm: Arm, names: Sequence[str]) -> Outcomes:
        """One process; at least one outcome."""
        request = self.setup.request
        model = request.matrix.models[0]
        named = request.matrix.tests
        second = named[1] if len(named) > 1 else replace(named[0], seed=named[0].seed + 1)
        tests = [asdict(named[0]), asdict(second)]
        case = Case(model.name, request.matrix.tests[0].name)
        limit_s = 2 * self.runner.open_timeout_s(model.name) + 20 * self.runner.case_timeout_s(case)
        opening = Step("open", {"model": asdict(model), "seed": 0}, limit_s)
        models = [dict(each.options) for each in request.matrix.models[:2]]
        inputs = {"tests": tests, "models": models}
        steps = [Step("survive", {**inputs, "probe": name}, limit_s) for name in names]
        site = replace(self.setup.sites[arm], watch={})
        reports = run_job(self.executor, Job(site, (opening, *steps)), self.observer)
        outcomes: Outcomes = {}
        for report in reports:
            name = names[max(0, report.step - 1)]
            if report.failure is not None:
                ended = "ends" if report.last else "raises"
                outcomes[name] = ProbeResult(ended, report.failure.text)
            elif "not_applicable" in report.value:
                outcomes = dict.fromkeys(names, ProbeResult("no", report.value["not_applicable"]))
            elif "survival" in report.value:
                survival = report.value["survival"]
                outcomes[name] = ProbeResult(**survival)
        return outcomes
