"""What a bench says: the table of both arms, and ``speed`` and ``table`` of the JSON contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, exp, log
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from patcher.bench import analysis, statistics
from patcher.bench.objections import repeating
from patcher.bench.records import ARMS, CaseTiming, Fault, ProcessTiming, TimedPair
from patcher.bench.speed import Word
from patcher.execution.results import Arm, Case, CaseResult, Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from patcher.bench.forecast import Forecast
    from patcher.bench.run import BenchRun
    from patcher.gates.result import GateResult


@dataclass(frozen=True)
class BenchReport:
    """A `model.Speed`: the run with what is printed beside it.

    Attributes:
        gate_runs: the runs of the gates by arm; the table falls back on them for an arm that was
            never timed, and ``source`` says so.
        memory: what the memory column holds, in words.
        environment: facts of the machine's fingerprint.
        component_gates: what the claim's gate says of each isolated part.
        aa: both arms ran the same tree.
        forecast: what was said of the bench before its first pair.
    """

    run: BenchRun
    gate_runs: Mapping[Arm, Sequence[CaseResult]] = field(default_factory=dict)
    memory: str = "peak growth of the process"
    environment: Mapping[str, Any] = field(default_factory=dict)
    component_gates: Mapping[str, GateResult] = field(default_factory=dict)
    aa: bool = False
    forecast: Forecast | None = None

    def as_json(self) -> dict[str, Any]:
        """The object ``speed``, with everything that explains it beside the fixed keys."""
        run = self.run
        pairs = run.pairs
        confounded = analysis.length_confounded(pairs)
        return {
            **run.verdict.as_json(),
            "sentence": self.sentence(),
            "plan": run.plan.name,
            "aa": self.aa,
            "forecast": self.forecast.as_json() if self.forecast else None,
            "endpoint": analysis.endpoint(pairs).name,
            "stopped": run.stopped,
            "failure": run.failed.failure if run.failed else None,
            "fault": run.fault.as_json() if run.fault else None,
            "lost": [
                {"pair": loss.pair, "arm": loss.arm.value, "reason": loss.reason}
                for loss in run.lost
            ],
            "repeated": repeated_row(pairs),
            "repeating_cases": [str(case) for case in not_fresh(pairs)],
            "reused_pairs": run.reused,
            "pair_ratios": [exp(value) for value in analysis.pair_log_ratios(pairs)],
            "rerun": [{"pair": pair.index, "reason": pair.rejected} for pair in run.rejected],
            "disturbed": [
                {"pair": pair.index, "reason": pair.disturbance}
                for pair in pairs
                if pair.disturbance
            ],
            "length_confounded": [str(case) for case in confounded],
            "lengths": {
                arm.value: {
                    str(case): length for case, length in analysis.lengths(pairs, arm).items()
                }
                for arm in ARMS
            },
            "cold": cold_and_warm(pairs),
            "stages": stage_rows(pairs),
            "components": [
                {**row, "gate": self.component_gates[row["name"]].as_json()}
                if row["name"] in self.component_gates
                else row
                for row in name_rows(pairs, lambda timing: timing.components_s)
            ],
            "fixed_work": name_rows(pairs, lambda timing: timing.replay_s),
            "environment": dict(self.environment),
        }

    @property
    def fault(self) -> Fault | None:
        """What the patched arm did wrong while it was timed."""
        return self.run.fault

    def table_json(self) -> dict[str, Any]:
        """The object ``table``: rows by arm, then what they hold and where they come from."""
        timed = bool(self.run.pairs)
        measures = {arm: self._measures(arm) for arm in ARMS}
        rows = {arm: table_rows(measures[arm]) for arm in ARMS}
        # What gates took, one run each and some of it from earlier, is no comparison of speed.
        ratio = ratio_rows(rows[Arm.BASELINE], rows[Arm.PATCHED]) if timed else []
        return {
            "baseline": rows[Arm.BASELINE],
            "patched": rows[Arm.PATCHED],
            "ratio": ratio,
            "timed": timed,
            "source": "timed pairs" if timed else "the runs of the gates, one a case: not timed",
            "memory": self.memory,
        }

    def sentence(self) -> str:
        """The verdict in one sentence, with what a reader must know before trusting it."""
        verdict = self.run.verdict
        text = verdict.sentence()
        if self.aa:
            text = f"A/A, both arms are the baseline: {text}"
            if verdict.word in (Word.FASTER, Word.SLOWER):
                text += "; that is wrong, so do not trust timings made here now"
        if analysis.length_confounded(self.run.pairs):
            text += (
                "; length-confounded: the arms' outputs differ in length, so "
                + analysis.endpoint(self.run.pairs).name
                + " were compared"
            )
        if repeating_inputs := not_fresh(self.run.pairs):
            names = ", ".join(map(str, repeating_inputs[:3]))
            text += (
                f"; the same input was timed again and again ({names}): kept answers would count"
            )
        if self.run.stopped == "budget":
            text += "; the budget ended before a decision"
        if self.run.fault:
            text += f"; {self.run.fault.sentence}"
        elif self.run.failed:
            arm, failure = self.run.failed.arm.value, self.run.failed.failure
            text += f"; timing ended early, the {arm} arm failed: {failure}"
        return text

    def _measures(self, arm: Arm) -> list[tuple[Case, Measure]]:
        if self.run.pairs:
            cases = analysis.common_cases(self.run.pairs)
            timings = [pair.arm(arm) for pair in self.run.pairs]
            return [(case, typical([timing.case(case) for timing in timings])) for case in cases]
        results = self.gate_runs.get(arm, ())
        return [
            (result.case, result.measure)
            for result in results
            if result.ok and result.measure and not result.reused
        ]


def not_fresh(pairs: Sequence[TimedPair]) -> list[Case]:
    """The cases whose inputs came more than once in a process."""
    return [each.case for each in pairs[0].patched.cases if not each.fresh] if pairs else []


def repeated_row(pairs: Sequence[TimedPair]) -> dict[str, Any] | None:
    """What is won by asking for an input again, beyond what the baseline wins by it."""
    result = repeating(pairs)
    if result is None:
        return None
    return {
        "cases": [str(case) for case in result.cases],
        "baseline_s": result.baseline_s,
        "patched_s": result.patched_s,
        "time_ratio": exp(result.interval.estimate),
        "low": exp(result.interval.low),
        "high": exp(result.interval.high),
        "confidence": result.interval.confidence,
    }


def typical(timings: Sequence[CaseTiming]) -> Measure:
    """The median over processes of one case's observations."""
    audio = [timing.audio_s for timing in timings if timing.audio_s is not None]
    memory = [timing.memory_mib for timing in timings if timing.memory_mib is not None]
    return Measure(
        median(timing.wall_s for timing in timings),
        median(audio) if audio else None,
        timings[-1].tokens,
        memory_mib=median(memory) if memory else None,
    )


def table_rows(measures: Iterable[tuple[Case, Measure]]) -> list[dict[str, Any]]:
    """One row a model, in the order of the matrix; a figure nothing was measured for is None."""
    by_model: dict[str, list[Measure]] = {}
    for case, measure in measures:
        by_model.setdefault(case.model, []).append(measure)
    rows = []
    for model, result in by_model.items():
        rtfs = [each.rtf for each in result if each.rtf is not None]
        memory = [each.memory_mib for each in result if each.memory_mib is not None]
        rows.append(
            {
                "model": model,
                "tests": len(result),
                "avg_gen_s": fmean(each.wall_s for each in result),
                "avg_rtf": fmean(rtfs) if rtfs else None,
                "avg_vram_mb": fmean(memory) if memory else None,
                "min_rtf": min(rtfs, default=None),
                "max_rtf": max(rtfs, default=None),
                "avg_x_realtime": 1 / fmean(rtfs) if rtfs and fmean(rtfs) else None,
            }
        )
    return rows


def ratio_rows(
    baseline: Sequence[Mapping[str, Any]], patched: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Patched over baseline, for models that both arms measured on as many tests."""
    under = {row["model"]: row for row in baseline}
    rows = []
    for row in patched:
        base = under.get(row["model"])
        if base is None or base["tests"] != row["tests"]:
            continue
        ratios = {
            key: row[key] / base[key] if row[key] is not None and base[key] else None
            for key in ("avg_gen_s", "avg_rtf", "avg_vram_mb")
        }
        rows.append({"model": row["model"], **ratios})
    return rows


def cold_and_warm(pairs: Sequence[TimedPair]) -> dict[str, Any]:
    """Start, first call and later calls of both arms; after how many calls a slow start pays.

    ``pays_after_calls`` is None when the patched arm starts no slower, or never catches up.
    """
    rows: dict[str, Any] = {}
    for arm in ARMS:
        timings = [pair.arm(arm) for pair in pairs]
        cases = [case for timing in timings for case in timing.cases]
        cold = [case.cold_s for case in cases if case.cold_s is not None]
        rows[arm.value] = {
            "start_s": median(timing.start_s for timing in timings) if timings else None,
            "first_call_s": median(cold) if cold else None,
            "later_call_s": median(case.wall_s for case in cases) if cases else None,
        }
    base, patched = rows["baseline"], rows["patched"]
    rows["pays_after_calls"] = None
    if None not in (*base.values(), *patched.values()):
        extra_s = (patched["start_s"] + patched["first_call_s"]) - (
            base["start_s"] + base["first_call_s"]
        )
        saved_s = base["later_call_s"] - patched["later_call_s"]
        pays = min(extra_s, saved_s) > 0
        rows["pays_after_calls"] = 1 + ceil(extra_s / saved_s) if pays else None
    return rows


def stage_rows(pairs: Sequence[TimedPair]) -> list[dict[str, Any]]:
    """Each stage: seconds, seconds per token and per audio second of both arms, and the ratio."""
    rows = name_rows(
        pairs,
        lambda timing: {
            f"{case.case}\n{stage}": seconds
            for case in timing.cases
            for stage, seconds in case.stage_s.items()
        },
        group=lambda name: name.partition("\n")[2],
    )
    for row in rows:
        for arm in ARMS:
            cases = [case for pair in pairs for case in pair.arm(arm).cases]
            for key, unit in (("s_per_token", "tokens"), ("s_per_audio_s", "audio_s")):
                rates = [
                    case.stage_s[row["name"]] / getattr(case, unit)
                    for case in cases
                    if row["name"] in case.stage_s and getattr(case, unit)
                ]
                row[f"{arm.value}_{key}"] = median(rates) if rates else None
    return rows


def name_rows(
    pairs: Sequence[TimedPair],
    values: Callable[[ProcessTiming], Mapping[str, float]],
    group: Callable[[str], str] = lambda name: name,
) -> list[dict[str, Any]]:
    """Named seconds of both arms with ratio and interval: they explain, they decide nothing.

    Args:
        values: seconds of one process by name; names missing in any process are left out.
        group: names with the same group are averaged in the log.
    """
    # What no process tells is no row; what some lack (the first learns the parts) skips that pair.
    pairs = [pair for pair in pairs if all(values(pair.arm(arm)) for arm in ARMS)]
    if not pairs:
        return []
    everywhere = set.intersection(*(set(values(p.arm(arm))) for p in pairs for arm in ARMS))
    names: dict[str, list[str]] = {}
    for name in values(pairs[0].baseline):
        if name in everywhere and all(values(p.arm(arm))[name] > 0 for p in pairs for arm in ARMS):
            names.setdefault(group(name), []).append(name)
    rows = []
    for label, members in names.items():
        differences = [
            fmean(log(values(p.patched)[name] / values(p.baseline)[name]) for name in members)
            for p in pairs
        ]
        result = statistics.interval(differences, 0.95)
        seconds = {
            f"{arm.value}_s": median(values(p.arm(arm))[name] for p in pairs for name in members)
            for arm in ARMS
        }
        rows.append(
            {
                "name": label,
                **seconds,
                "time_ratio": exp(result.estimate),
                "low": exp(result.low),
                "high": exp(result.high),
                "confidence": result.confidence,
            }
        )
    return rows
