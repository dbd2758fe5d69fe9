"""From a bench's pairs to what it says: the verdict's figures, and the table of both arms."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import ceil, exp, log
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from patcher.bench import analysis, statistics
from patcher.bench.figures import (
    ArmRow,
    ArmStart,
    ArmTable,
    ColdAndWarm,
    ComponentRow,
    LostProcess,
    PairNote,
    PartRow,
    RatioRow,
    RepeatedRow,
    SpeedFigures,
    StageRow,
)
from patcher.bench.objections import repeating
from patcher.bench.records import ARMS, CaseTiming, Fault, ProcessTiming, TimedPair
from patcher.bench.speed import Word
from patcher.execution.results import Arm, Case, CaseResult, Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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

    @property
    def figures(self) -> SpeedFigures:
        """The verdict with everything that explains it."""
        run, verdict = self.run, self.run.verdict
        pairs, interval = run.pairs, verdict.interval
        return SpeedFigures(
            time_ratio=exp(interval.estimate) if interval else None,
            low=exp(interval.low) if interval else None,
            high=exp(interval.high) if interval else None,
            confidence=interval.confidence if interval else None,
            verdict=verdict.word,
            pairs=verdict.pairs,
            margin=verdict.margin,
            noise_floor=verdict.noise_floor,
            smallest_detectable=verdict.smallest_detectable,
            reason=verdict.reason,
            means=verdict.means,
            pairs_needed=verdict.pairs_needed,
            regressions=verdict.regressions,
            sentence=self.sentence(),
            plan=run.plan.name,
            aa=self.aa,
            forecast=self.forecast,
            endpoint=analysis.endpoint(pairs).name,
            stopped=run.stopped,
            failure=run.failed.failure if run.failed else None,
            fault=run.fault,
            lost=[LostProcess(loss.pair, loss.arm.value, loss.reason) for loss in run.lost],
            repeated=repeated_row(pairs),
            repeating_cases=[str(case) for case, _ in not_fresh(pairs)],
            reused_pairs=run.reused,
            pair_ratios=[exp(value) for value in analysis.pair_log_ratios(pairs)],
            rerun=[PairNote(pair.index, pair.rejected) for pair in run.rejected],
            disturbed=[
                PairNote(pair.index, pair.disturbance) for pair in pairs if pair.disturbance
            ],
            length_confounded=[str(case) for case in analysis.length_confounded(pairs)],
            lengths={
                arm.value: {str(case): n for case, n in analysis.lengths(pairs, arm).items()}
                for arm in ARMS
            },
            cold=cold_and_warm(pairs),
            stages=stage_rows(pairs),
            components=[
                ComponentRow(**_fields(row), gate=self.component_gates.get(row.name))
                for row in part_rows(pairs, lambda timing: timing.components_s)
            ],
            fixed_work=part_rows(pairs, lambda timing: timing.replay_s),
            environment=self.environment,
            # Inputs that are the same by design are said beside the workload.
            caveats=list(self._caveats([each for each in not_fresh(pairs) if each[1]])),
        )

    @property
    def fault(self) -> Fault | None:
        """What the patched arm did wrong while it was timed."""
        return self.run.fault

    @property
    def table(self) -> ArmTable:
        """Rows by arm, then what they hold and where they come from."""
        timed = bool(self.run.pairs)
        rows = {arm: table_rows(self._measures(arm)) for arm in ARMS}
        # What gates took, one run each and some of it from earlier, is no comparison of speed.
        ratio = ratio_rows(rows[Arm.BASELINE], rows[Arm.PATCHED]) if timed else []
        source = "timed pairs" if timed else "the runs of the gates, one a case: not timed"
        return ArmTable(rows[Arm.BASELINE], rows[Arm.PATCHED], ratio, timed, source, self.memory)

    def sentence(self) -> str:
        """The verdict in one sentence, with what a reader must know before trusting it."""
        verdict = self.run.verdict
        text = verdict.sentence()
        if self.aa:
            text = f"A/A, both arms are the baseline: {text}"
            if verdict.word in (Word.FASTER, Word.SLOWER):
                text += "; that is wrong, so do not trust timings made here now"
        text += "".join(f"; {each}" for each in self._caveats(not_fresh(self.run.pairs)))
        if self.run.stopped == "budget":
            text += "; the budget ended before a decision"
        if self.run.fault:
            text += f"; {self.run.fault.sentence}"
        elif self.run.failed:
            arm, failure = self.run.failed.arm.value, self.run.failed.failure
            text += f"; timing ended early, the {arm} arm failed: {failure}"
        return text

    def _caveats(self, repeating_inputs: Sequence[tuple[Case, Different]]) -> Iterator[str]:
        if analysis.length_confounded(self.run.pairs):
            compared = analysis.endpoint(self.run.pairs).name
            yield (
                "length-confounded: the arms' outputs differ in length, so "
                f"{compared} were compared"
            )
        if repeating_inputs:
            names = "; ".join(f"{case}{_so_few(each)}" for case, each in repeating_inputs[:3])
            yield f"the same input was timed again and again ({names}): kept answers would count"

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


Different = tuple[int, int] | None


def not_fresh(pairs: Sequence[TimedPair]) -> list[tuple[Case, Different]]:
    """The cases whose inputs came more than once in a process, by what the baseline was asked.

    With each: how many inputs were different, and of how many.
    """
    cases = pairs[0].baseline.cases if pairs else ()
    return [(each.case, each.different) for each in cases if not each.fresh]


def _so_few(different: Different) -> str:
    return "" if different is None else f", {different[0]} different ones in {different[1]} calls"


def repeated_row(pairs: Sequence[TimedPair]) -> RepeatedRow | None:
    """What is won by asking for an input again, beyond what the baseline wins by it."""
    result = repeating(pairs)
    if result is None:
        return None
    return RepeatedRow(
        cases=[str(case) for case in result.cases],
        **_seconds(result.baseline_s, result.patched_s, result.interval),
    )


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


def table_rows(measures: Iterable[tuple[Case, Measure]]) -> list[ArmRow]:
    """One row a model, in the order of the matrix."""
    by_model: dict[str, list[Measure]] = {}
    for case, measure in measures:
        by_model.setdefault(case.model, []).append(measure)
    return [table_row(model, each) for model, each in by_model.items()]


def table_row(model: str, measures: Sequence[Measure]) -> ArmRow:
    """A model's row, from what its tests took."""
    rtfs = [each.rtf for each in measures if each.rtf is not None]
    memory = [each.memory_mib for each in measures if each.memory_mib is not None]
    return ArmRow(
        model=model,
        tests=len(measures),
        avg_gen_s=fmean(each.wall_s for each in measures),
        avg_rtf=fmean(rtfs) if rtfs else None,
        avg_vram_mb=fmean(memory) if memory else None,
        min_rtf=min(rtfs, default=None),
        max_rtf=max(rtfs, default=None),
        avg_x_realtime=1 / fmean(rtfs) if rtfs and fmean(rtfs) else None,
    )


def ratio_rows(baseline: Sequence[ArmRow], patched: Sequence[ArmRow]) -> list[RatioRow]:
    """Patched over baseline, for models that both arms measured on as many tests."""

    def ratio(over: float | None, under: float | None) -> float | None:
        return over / under if over is not None and under else None

    known = {row.model: row for row in baseline}
    return [
        RatioRow(
            row.model,
            ratio(row.avg_gen_s, base.avg_gen_s),
            ratio(row.avg_rtf, base.avg_rtf),
            ratio(row.avg_vram_mb, base.avg_vram_mb),
        )
        for row in patched
        if (base := known.get(row.model)) is not None and base.tests == row.tests
    ]


def cold_and_warm(pairs: Sequence[TimedPair]) -> ColdAndWarm:
    """Start, first call and later calls of both arms; after how many calls a slow start pays."""
    base, patched = (arm_start([pair.arm(arm) for pair in pairs]) for arm in ARMS)
    return ColdAndWarm(base, patched, pays_after(base, patched))


def arm_start(timings: Sequence[ProcessTiming]) -> ArmStart:
    """The medians of one arm's processes."""
    cases = [case for timing in timings for case in timing.cases]
    cold = [case.cold_s for case in cases if case.cold_s is not None]
    return ArmStart(
        start_s=median(timing.start_s for timing in timings) if timings else None,
        first_call_s=median(cold) if cold else None,
        later_call_s=median(case.wall_s for case in cases) if cases else None,
    )


def pays_after(base: ArmStart, patched: ArmStart) -> int | None:
    """After how many calls a slower start pays; None where it never does, or is no slower."""
    if not (base.known and patched.known):
        return None
    extra_s = _sum(patched.start_s, patched.first_call_s) - _sum(base.start_s, base.first_call_s)
    saved_s = _sum(base.later_call_s) - _sum(patched.later_call_s)
    return 1 + ceil(extra_s / saved_s) if min(extra_s, saved_s) > 0 else None


def _sum(*seconds: float | None) -> float:
    return sum(each for each in seconds if each is not None)


def stage_rows(pairs: Sequence[TimedPair]) -> list[StageRow]:
    """Each stage: seconds, seconds per token and per audio second of both arms, and the ratio."""
    rows = part_rows(
        pairs,
        lambda timing: {
            f"{case.case}\n{stage}": seconds
            for case in timing.cases
            for stage, seconds in case.stage_s.items()
        },
        group=lambda name: name.partition("\n")[2],
    )

    def rate(arm: Arm, stage: str, unit: str) -> float | None:
        cases = [case for pair in pairs for case in pair.arm(arm).cases]
        rates = [
            case.stage_s[stage] / getattr(case, unit)
            for case in cases
            if stage in case.stage_s and getattr(case, unit)
        ]
        return median(rates) if rates else None

    return [
        StageRow(
            **_fields(row),
            baseline_s_per_token=rate(Arm.BASELINE, row.name, "tokens"),
            baseline_s_per_audio_s=rate(Arm.BASELINE, row.name, "audio_s"),
            patched_s_per_token=rate(Arm.PATCHED, row.name, "tokens"),
            patched_s_per_audio_s=rate(Arm.PATCHED, row.name, "audio_s"),
        )
        for row in rows
    ]


def _seconds(
    baseline_s: float, patched_s: float, interval: statistics.Interval
) -> dict[str, float]:
    """The fields of a `SecondsRow`, from the interval of its log ratio."""
    return {
        "baseline_s": baseline_s,
        "patched_s": patched_s,
        "time_ratio": exp(interval.estimate),
        "low": exp(interval.low),
        "high": exp(interval.high),
        "confidence": interval.confidence,
    }


def _fields(row: PartRow) -> dict[str, Any]:
    """The fields of a row, for a row that has more."""
    return {each.name: getattr(row, each.name) for each in fields(PartRow)}


def part_rows(
    pairs: Sequence[TimedPair],
    values: Callable[[ProcessTiming], Mapping[str, float]],
    group: Callable[[str], str] = lambda name: name,
) -> list[PartRow]:
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
        interval = statistics.interval(differences, 0.95)
        base_s, patched_s = (
            median(values(p.arm(arm))[name] for p in pairs for name in members) for arm in ARMS
        )
        rows.append(PartRow(name=label, **_seconds(base_s, patched_s, interval)))
    return rows
