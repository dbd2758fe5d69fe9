"""From the answers of one timing process to its timing. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from patcher.bench.records import CaseTiming, ProcessTiming
from patcher.execution.results import Case
from patcher.execution.rundb import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from patcher.execution.executor import Report
    from patcher.execution.results import Arm


# So many of a case's inputs are different, where they count as fresh: what is asked for again by
# chance gains a cache no more than the rest.
FRESH = 0.95


@dataclass(frozen=True)
class Purpose:
    """What one step of a timing process was for.

    Attributes:
        kind: open, prepare, cold, warm, again, probe, echo, replay, component, or components
            (their names).
        inputs: of what is prepared, and of a batch whose answers are kept: a label each.
    """

    kind: str
    model: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    fresh: bool = True

    @property
    def extra(self) -> bool:
        """Beside the cases: its failure never decides whether they were timed."""
        return self.kind in ("replay", "component", "components")


@dataclass
class _CaseCalls:
    """What is known of one case so far."""

    fresh: bool = True
    cold_s: float | None = None
    warm: list[Report] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    echoes: list[float] = field(default_factory=list)
    again_s: float | None = None


def collect(
    arm: Arm, answers: Sequence[tuple[Purpose, Report]], ready_s: float, disturbance: str
) -> ProcessTiming:
    """One process's timing from the answers of its steps."""
    calls: dict[Case, _CaseCalls] = {}
    load_s, components_s, component_stages, replay_s = {}, {}, {}, {}
    digests: dict[str, str] = {}
    resident: list[tuple[int, float]] = []
    different: dict[Case, tuple[int, int]] = {}
    count = 0  # calls so far
    apart: set[Case] = set()  # they cannot exist here
    for purpose, report in answers:
        case = Case(purpose.model, purpose.name)
        if report.failure is not None:
            if purpose.extra:
                continue
            where = purpose.model if purpose.kind in ("open", "prepare") else str(case)
            failure = f"{where}: {report.failure.text}"
            return ProcessTiming(arm, failure=failure, outcome=report.outcome)
        value = report.value
        if "not_applicable" in value:
            apart.add(case)
            continue
        if purpose.kind in ("cold", "warm", "again", "probe", "echo"):
            result = calls.setdefault(case, _CaseCalls(purpose.fresh))
            _note(result, purpose.kind, report)
            digests.update(answered(purpose, value))
            if purpose.kind in ("cold", "warm", "again"):
                count += len(value["runs"])
                resident.append((count, report.resident_mib))
        elif purpose.kind == "prepare":
            different.update(_different(purpose, value.get("inputs", ())))
        elif purpose.kind == "open":
            load_s[purpose.model] = report.worker_wall_s
        elif purpose.kind == "component":
            components_s[str(case)] = median(value["times_s"])
            component_stages[str(case)] = value["stages"]
        elif purpose.kind == "replay":
            for stage, seconds in (value["stage_s"] or {"all stages": report.wall_s}).items():
                replay_s[f"{case} / {stage}"] = seconds
    return ProcessTiming(
        arm,
        tuple(
            _timing(case, result, different.get(case))
            for case, result in calls.items()
            if result.warm and case not in apart
        ),
        start_s=ready_s,
        load_s=load_s,
        components_s=components_s,
        component_stages=component_stages,
        replay_s=replay_s,
        answers=digests,
        resident_mib=tuple(resident),
        disturbance=disturbance,
    )


def _note(calls: _CaseCalls, kind: str, report: Report) -> None:
    if kind == "cold":
        calls.cold_s = report.wall_s if calls.cold_s is None else calls.cold_s
    elif kind == "warm":
        calls.warm.append(report)
    elif kind == "probe":
        calls.probes.append(report.value["probe_s"])
    elif kind == "echo":
        calls.echoes.append(report.wall_s)
    else:
        calls.again_s = report.wall_s / len(report.value["runs"])


def answered(purpose: Purpose, value: Mapping[str, Any]) -> dict[str, str]:
    """A digest of what each call of a batch returned, by ``model / input``."""
    return {
        f"{purpose.model} / {label}": digest_of(value.get(f"returned-{number}", ()))
        for number, label in enumerate(purpose.inputs)
    }


def digest_of(returned: Sequence[Mapping[str, Any]]) -> str:
    """Equal for equal names, types, shapes and bytes."""
    return key_of([[each["name"], each["sha256"]] for each in returned])


def _different(purpose: Purpose, inputs: Sequence[str | None]) -> dict[Case, tuple[int, int]]:
    """How many of a case's inputs are different, and of how many; nothing where nobody can tell."""
    kept: dict[Case, list[str]] = {}
    for label, known in zip(purpose.inputs, inputs, strict=False):
        if known is not None:
            case = Case(purpose.model, label.rpartition(" / ")[0])
            kept.setdefault(case, []).append(known)
    return {case: (len(set(each)), len(each)) for case, each in kept.items()}


def _timing(case: Case, calls: _CaseCalls, different: tuple[int, int] | None) -> CaseTiming:
    runs = [run for report in calls.warm for run in report.value["runs"]]
    sizes = [len(report.value["runs"]) for report in calls.warm]
    stages = {name: [run["stage_s"][name] for run in runs] for name in runs[0]["stage_s"]}
    memory = [run["memory_mib"] for run in runs if run["memory_mib"] is not None]
    audio = [run["audio_s"] for run in runs if run["audio_s"] is not None]
    tokens = [run["tokens"] for run in runs if run["tokens"] is not None]
    pairs = list(zip(calls.warm, sizes, strict=True))
    probes = calls.probes
    return CaseTiming(
        case,
        warm_s=tuple(report.wall_s / size for report, size in pairs),
        cold_s=calls.cold_s,
        audio_s=fmean(audio) if audio else None,
        tokens=round(fmean(tokens)) if tokens else None,
        stage_s={name: median(seconds) for name, seconds in stages.items()},
        memory_mib=max(memory, default=None),
        probe_s=tuple(fmean(probes[at : at + 2]) for at in range(0, len(probes), 2)),
        calls=sizes[0],
        worker_s=tuple(report.worker_wall_s / size for report, size in pairs),
        echo_s=min(calls.echoes, default=None),
        again_s=calls.again_s,
        fresh=calls.fresh and (different is None or different[0] >= FRESH * different[1]),
        different=different,
    )
