"""Gate `perceptual`: reduced precision, quantised weights, fewer steps.

On fixed inputs (tokens and noise of the baseline) the stages are held to rules of their own:

| stage | rule |
|---|---|
| integers | share of equal elements |
| logits, one row a step | top-1 agreement, every mismatch in the top 5, near-ties apart; mean KL |
| sound | signal-to-noise ratio |
| any other | mean absolute difference (of a log-mel, in its units) |

Free running, sampled tokens diverge sooner or later, and from there on element-wise measures mean
nothing: whole utterances are compared as distributions instead, over all cases: how long they
are, how loud, and their mean spectrum. A perceptual verdict on synthetic weights bounds the
numerics, not how it sounds.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from patcher.gates import arrays, close
from patcher.gates.close import RuleResult
from patcher.gates.registry import Gate
from patcher.gates.replays import replayed_stages, unreplayed
from patcher.gates.result import GateResult
from patcher.gates.speech import SpeechLimits, judge_speech
from patcher.patchfile.model import Equivalence
from patcher.targets.adapter import DRAWS, LOGITS, SOUND, SPECTRUM, TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.execution.results import CaseResult, Stage
    from patcher.gates.arrays import Array
    from patcher.gates.registry import Pair, Thresholds


# A small divergence is half the variance by which each logit moves, and two of them part by the
# square root of 2 of that deviation: so many of these may turn a row.
TIE = 4.0


@dataclass(frozen=True)
class PerceptualLimits(close.CloseLimits):
    """Thresholds; the keys of ``[tool.patcher.verify.gates.perceptual]``.

    ``waveform_snr_db`` suits bfloat16 and int8; float16 reaches 35.
    """

    top1: float = 0.99
    mean_kl: float = 1e-2
    mel_mean_abs: float = 0.05
    waveform_snr_db: float = 25.0
    tokens_equal: float = 0.99
    mean_duration_ratio: float = 0.10
    longest_duration_ratio: float = 1.5
    outlier_share: float = 0.05
    level_db: float = 3.0
    spectrum_mean_abs: float = 1.0
    draws_distance: float = 0.15
    word_error_rate: float = 0.15
    speaker_similarity: float = 0.75


def judge(
    baseline: Sequence[Stage], patched: Sequence[Stage], limits: PerceptualLimits | None = None
) -> GateResult:
    """Compare two replays of one case."""
    return close.judge_stages(
        "perceptual", baseline, patched, rule_for=rule_for, limits=limits or PerceptualLimits()
    )


def rule_for(stage: Stage, values: Array) -> Callable[[Array, Array, PerceptualLimits], RuleResult]:
    """The rule a stage is held to; see the table above."""
    if values.integral:
        return mostly_equal
    if stage.measure == LOGITS:
        return similar_logits
    if stage.measure == SOUND:
        return similar_sound
    if stage.measure == DRAWS:
        return close.similar_draws
    return small_mean_difference


def mostly_equal(expected: Array, actual: Array, limits: PerceptualLimits) -> RuleResult:
    """The share of equal elements."""
    pairs = zip(expected.numbers, actual.numbers, strict=True)
    share = sum(a == b for a, b in pairs) / max(1, len(expected.numbers))
    message = f"{share:.1%} equal, at least {limits.tokens_equal:.1%}"
    held = {"equal": limits.tokens_equal}
    return RuleResult(share >= limits.tokens_equal, message, {"equal": share}, held)


def similar_logits(expected: Array, actual: Array, limits: PerceptualLimits) -> RuleResult:
    """Teacher-forced agreement of the best element, and the divergence of the distributions.

    A planted margin makes the best element robust on synthetic weights; the divergence is what
    still sees a fault in attention then. A row whose two candidates are no further apart on the
    baseline than the divergence that is allowed may turn is undecided there, and does not count:
    among thousands of elements the new best one is then anyone of many.
    """
    rows = list(zip(expected.rows(), actual.rows(), strict=True))
    divergences = [arrays.kl_divergence(before, after) for before, after in rows]
    mean_kl = math.nan if any(map(math.isnan, divergences)) else fmean(divergences)
    apart = TIE * math.sqrt(2) * math.sqrt(2 * limits.mean_kl)
    turned = [
        (row, now)
        for row, (before, after) in enumerate(rows)
        if max(before) - before[now := arrays.argmax(after)] > apart
    ]
    agreement = 1 - len(turned) / len(rows)
    strange = [(row, now) for row, now in turned if now not in arrays.top(rows[row][0], 5)]
    measured = {"top-1": agreement, "outside top 5": float(len(strange)), "mean KL": mean_kl}
    held = {"top-1": limits.top1, "outside top 5": 0.0, "mean KL": limits.mean_kl}
    index = strange[0][0] * expected.shape[-1] + strange[0][1] if strange else None
    message = (
        f"top-1 {agreement:.1%} (at least {limits.top1:.1%}), {len(strange)} outside the top 5, "
        f"mean KL {mean_kl:.3g} (at most {limits.mean_kl:g})"
    )
    # A share of whole rows: of 96 rows one is 1 %, rounded as a count is.
    agrees = len(turned) <= round((1 - limits.top1) * len(rows))
    passed = agrees and not strange and mean_kl <= limits.mean_kl
    return RuleResult(passed, message, measured, held, index)


def similar_sound(expected: Array, actual: Array, limits: PerceptualLimits) -> RuleResult:
    """Signal-to-noise ratio on identical tokens and noise."""
    return close.sound_ratio(expected, actual, limits)


def small_mean_difference(expected: Array, actual: Array, limits: PerceptualLimits) -> RuleResult:
    """Mean absolute difference."""
    mean = arrays.mean_abs_difference(expected.numbers, actual.numbers)
    message = f"mean |d| {mean:.3g}, limit {limits.mel_mean_abs:g}"
    held = {"mean |d|": limits.mel_mean_abs}
    return RuleResult(mean <= limits.mel_mean_abs, message, {"mean |d|": mean}, held)


@dataclass(frozen=True)
class Utterance:
    """A free-running case in figures.

    Attributes:
        diverged_at: index of the first token that differs; None when all are equal.
        duration_ratio: patched over baseline.
        level_db: patched over baseline, of the sound's root mean square.
        spectrum: mean absolute difference of the mean spectra; None without a spectrum.
    """

    case: str
    diverged_at: int | None
    duration_ratio: float
    level_db: float
    spectrum: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare_utterance(baseline: CaseResult, patched: CaseResult) -> Utterance:
    """Figures of one free-running case; both runs must have a sound."""
    before, after = _both(baseline, patched, SOUND)
    spectrum = None
    if bands := _both(baseline, patched, SPECTRUM):
        spectra = [mean_spectrum(each) for each in bands]
        if len(spectra[0]) == len(spectra[1]):
            spectrum = arrays.mean_abs_difference(*spectra)
    tokens = _both(baseline, patched, TOKENS)
    return Utterance(
        str(baseline.case),
        divergence(tokens[0].numbers, tokens[1].numbers) if tokens else None,
        len(after.numbers) / max(1, len(before.numbers)),
        level_difference_db(before.numbers, after.numbers),
        spectrum,
    )


def _both(baseline: CaseResult, patched: CaseResult, measure: str) -> list[Array]:
    """The stages of a measure of both runs; empty where one has none."""
    stages = [result.measured(measure) for result in (baseline, patched)]
    return [arrays.load(stage) for stage in stages if stage] if all(stages) else []


def divergence(one: Sequence[float], other: Sequence[float]) -> int | None:
    """Where two sequences part; the shorter one's end counts."""
    for index, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return index
    return None if len(one) == len(other) else min(len(one), len(other))


def level_difference_db(before: Sequence[float], after: Sequence[float]) -> float:
    """How much louder the second is; bounded, NaN for NaN."""
    loud, louder = arrays.rms(before), arrays.rms(after)
    if loud == 0 or louder == 0:
        return 0.0 if loud == louder else math.copysign(arrays.MOST_DB, louder - loud)
    return 20 * math.log10(louder / loud)


def mean_spectrum(bands: Array) -> list[float]:
    """Mean over time of each band of a spectrum of shape (..., bands, frames)."""
    return [fmean(band) for band in bands.rows()]


def judge_utterances(
    utterances: Sequence[Utterance], limits: PerceptualLimits | None = None
) -> GateResult:
    """Free-running cases as distributions: duration, its outliers, level and mean spectrum."""
    limits = limits or PerceptualLimits()
    if not utterances:
        return GateResult("perceptual", True, "no utterance to compare")
    count = len(utterances)
    longest = limits.longest_duration_ratio
    outliers = sum(not 1 / longest <= each.duration_ratio <= longest for each in utterances)
    spectra = [each.spectrum for each in utterances if each.spectrum is not None]
    # Not a number is no small number: it must not hide in a mean or a maximum.
    checks: Mapping[str, tuple[float, float]] = {
        "mean duration change": (
            abs(fmean(each.duration_ratio for each in utterances) - 1),
            limits.mean_duration_ratio,
        ),
        "duration outliers": (outliers / count, limits.outlier_share),
        "mean level change dB": (abs(fmean(each.level_db for each in utterances)), limits.level_db),
        "mean spectrum |d|": (fmean(spectra) if spectra else 0.0, limits.spectrum_mean_abs),
    }
    failed = [name for name, (value, limit) in checks.items() if not value <= limit]
    sentences = [f"{name} {checks[name][0]:.3g}, limit {checks[name][1]:g}" for name in failed]
    diverged = sum(each.diverged_at is not None for each in utterances)
    measured = {name: value for name, (value, _) in checks.items()}
    return GateResult(
        "perceptual",
        not failed,
        f"free running: {'; '.join(sentences)}" if failed else "",
        measured=close.finite({**measured, "diverged utterances": float(diverged)}),
        limits={name: limit for name, (_, limit) in checks.items()},
    )


def judge_pair(pair: Pair) -> GateResult:
    """One case: its replays."""
    rejected = unreplayed(pair, GATE.name)
    if rejected is not None:
        return rejected
    configured = pair.limits.get(GATE.name, {})
    judged = compare_outputs(*replayed_stages(pair), configured)
    return (recognised_otherwise(pair, configured) or judged) if judged.passed else judged


def recognised_otherwise(pair: Pair, configured: Thresholds) -> GateResult | None:
    """Other words, or another speaker, than the baseline's, where a listener was asked."""
    read = pair.baseline_replay.embedded if pair.baseline_replay is not None else None
    if not read:
        return None
    limits = PerceptualLimits.from_config(configured)
    expected, actual = (read.get(result.arm.value, {}) for result in (pair.baseline, pair.patched))
    speech = SpeechLimits(limits.word_error_rate, limits.speaker_similarity)
    return judge_speech(expected, actual, speech, GATE.name)


def compare_outputs(
    baseline: Sequence[Stage], patched: Sequence[Stage], configured: Thresholds
) -> GateResult:
    """Outputs alone, for isolated parts."""
    return judge(baseline, patched, PerceptualLimits.from_config(configured))


def judge_together(
    runs: Sequence[tuple[CaseResult, CaseResult]], configured: Thresholds
) -> GateResult:
    """All free-running cases of a model that have a sound."""
    both = [pair for pair in runs if all(each.measured(SOUND) for each in pair)]
    figures = [compare_utterance(*pair) for pair in both]
    return judge_utterances(figures, PerceptualLimits.from_config(configured))


GATE = Gate(
    "perceptual",
    order=30,
    summary="replays with wider limits, then free runs as distributions",
    judge=judge_pair,
    claim=Equivalence.PERCEPTUAL,
    limits=PerceptualLimits().as_json(),
    compare=compare_outputs,
    together=judge_together,
    caveat="on synthetic weights the perceptual gate bounds the numerics, not how it sounds",
)
