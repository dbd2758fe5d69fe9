"""``compare`` of the settings: the user's own function says whether two values count as equal.

It runs in a worker process of its own on the baseline's tree, behind the guards of every worker.
The judge hands it bytes and takes a word back: it neither imports nor unpickles anything.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.execution.executor import Job, Step
from patcher.execution.results import Arm
from patcher.execution.runner import Observer, run_job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.execution.executor import Executor
    from patcher.execution.results import CaseResult
    from patcher.execution.site import WorkerSite
    from patcher.targets.workload import OwnRule
    from patcher.verify.setup import Setup

TIMEOUT_S = 300.0
NOT_ALIKE = "`compare` was not asked: another number or type of values was returned"


def own_comparison(setup: Setup, executor: Executor, observer: Observer) -> OwnComparison | None:
    """The comparison of a verification whose settings name one."""
    rule: OwnRule | None = getattr(setup.request.adapter, "own_rule", None)
    if rule is None:
        return None
    return OwnComparison(rule, executor, setup.sites[Arm.BASELINE], observer)


@dataclass
class OwnComparison:
    """Asks the function, a process for each two values; the same two are asked about once.

    Attributes:
        site: the baseline's.
    """

    rule: OwnRule
    executor: Executor
    site: WorkerSite
    observer: Observer
    verdicts: dict[tuple[str, ...], str | None] = field(default_factory=dict)

    def __call__(self, baseline: CaseResult, patched: CaseResult) -> str | None:
        """What differs; None where the two values count as equal.

        Raises:
            PatcherError: ``config``, for a function that fails, hangs, or gives no answer.
        """
        key = tuple(stage.sha256 for each in (baseline, patched) for stage in each.returned)
        if key not in self.verdicts:
            self.verdicts[key] = self._ask(baseline, patched)
        return self.verdicts[key]

    def _ask(self, baseline: CaseResult, patched: CaseResult) -> str | None:
        results = {Arm.BASELINE: baseline, Arm.PATCHED: patched}
        if baseline.returned[0].dtype != next((each.dtype for each in patched.returned), None):
            return NOT_ALIKE
        recorded = {
            f"{arm.value}/{stage.name}": asdict(stage)
            for arm, result in results.items()
            for stage in result.returned
        }
        arguments = {
            "function": self.rule.function,
            "root": str(self.rule.root),
            "modules": list(self.rule.modules),
            "recorded": recorded,
        }
        site = replace(self.site, watch={})
        step = Step("compare", arguments, TIMEOUT_S)
        report = run_job(self.executor, Job(site, (step,)), self.observer)[-1]
        if report.failure is not None:
            raise self._broken(report.failure.text, "")
        return self._read(report.value)

    def _read(self, value: Mapping[str, object]) -> str | None:
        if value.get("verdict") == "equal":
            return None
        text = str(value.get("text") or "")
        if value.get("verdict") == "differs":
            return f"{self.rule.function}: {text or 'they do not count as equal'}"
        raise self._broken(text, str(value.get("where") or ""))

    def _broken(self, text: str, where: str) -> PatcherError:
        return PatcherError(
            "config",
            f'compare = "{self.rule.function}" cannot be used: {text}',
            where=where or None,
            hint="it is given what the baseline returned and what the patched arm returned; it "
            "answers True, False, a message that says what differs, or (bool, message)",
        )
