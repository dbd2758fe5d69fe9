"""Gate `close`: the same precision in another order or kernel, stage by stage on fixed inputs.

Every stage was recomputed from the baseline's recording of the stage before it, so that a
difference cannot travel from one stage to the next. Which rule a stage is held to follows from
its type, and from what the target says that it is (`Session.measures`):

| stage | rule |
|---|---|
| integers | equal |
| logits, one row a step | largest difference, and the same best element but for near-ties |
| sound | signal-to-noise ratio |
| draws, one row a step | mean distance of the distributions |
| any other | ``|d| <= absolute + relative * |baseline|`` everywhere |

Within its tolerance, a stage must also differ as rounding does (`patcher.gates.rounding`): not by
most of the tolerance on average, not always to one side, not by zeros for small numbers.

A stage of floats that misses its limit may still pass by the reference rule, when the baseline was
also run in double precision: the patched arm may be at most twice as far from that reference as
the baseline is, and a tenth of the tolerance. A best element that changed has no such excuse.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from operator import sub
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError, nearest
from patcher.gates import arrays
from patcher.gates.registry import Gate
from patcher.gates.replays import replayed_stages, unreplayed
from patcher.gates.result import GateResult
from patcher.gates.rounding import near, scaled_sound, unlike_rounding
from patcher.patchfile.model import Equivalence
from patcher.targets.adapter import DRAWS, LOGITS, SOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import Self

    from patcher.execution.results import Stage
    from patcher.gates.arrays import Array
    from patcher.gates.registry import Pair, Thresholds


SCALED_DB = 20.0  # above its limit, a sound that is a little louder throughout is let pass


@dataclass(frozen=True)
class CloseLimits:
    """Thresholds; the keys of ``[tool.patcher.verify.gates.close]``."""

    logits_max_abs: float = 1e-3
    mel_relative: float = 1e-4
    mel_absolute: float = 1e-4
    waveform_snr_db: float = 60.0
    reference_factor: float = 2.0
    draws_distance: float = 0.02

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Limits with some values replaced.

        Raises:
            PatcherError: ``config``, for a key that is no limit or a value that is no number.
        """
        known = sorted(field.name for field in fields(cls))
        for key, value in config.items():
            if key not in known:
                hint = nearest(key, known, otherwise=f"limits: {', '.join(known)}")
                raise PatcherError("config", f"no limit {key!r} of a gate", hint=hint)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise PatcherError("config", f"limit {key!r} of a gate must be a number")
        return cls(**config)

    def as_json(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class RuleResult:
    """What a rule says of one stage; figures and limits by name, ``excusable`` by the reference."""

    passed: bool
    message: str
    measured: Mapping[str, float]
    limits: Mapping[str, float]
    index: int | None = None
    tolerance: float = math.inf
    excusable: bool = False


def judge(
    baseline: Sequence[Stage],
    patched: Sequence[Stage],
    limits: CloseLimits | None = None,
    reference: Sequence[Stage] = (),
) -> GateResult:
    """Compare two replays of one case.

    Args:
        reference: the baseline's replay in double precision, if there is one.
    """
    return judge_stages(
        "close",
        baseline,
        patched,
        rule_for=rule_for,
        limits=limits or CloseLimits(),
        reference=reference,
    )


def judge_stages(
    gate: str,
    baseline: Sequence[Stage],
    patched: Sequence[Stage],
    *,
    rule_for: Callable[[Stage, Array], Callable[[Array, Array, Any], RuleResult]],
    limits: Any,
    reference: Sequence[Stage] = (),
) -> GateResult:
    """Hold each of the baseline's stages to its rule; the first that fails is reported."""
    others = {stage.name: stage for stage in patched}
    references = {stage.name: stage for stage in reference}
    measured: dict[str, float] = {}
    held: dict[str, float] = {}
    if not baseline:
        return GateResult(gate, False, "the baseline's replay has no stages to compare")
    for stage in baseline:
        other = others.get(stage.name)
        if other is None:
            return GateResult(gate, False, f"{stage.name} is missing", stage.name)
        if other.shape != stage.shape:
            message = f"{stage.name} has shape {other.shape}, the baseline's {stage.shape}"
            return GateResult(gate, False, message, stage.name)
        if stage.sha256 == other.sha256:
            continue
        expected, result = arrays.load(stage), arrays.load(other)
        finding = rule_for(stage, expected)(expected, result, limits)
        measured.update({f"{stage.name} {key}": value for key, value in finding.measured.items()})
        held.update({f"{stage.name} {key}": value for key, value in finding.limits.items()})
        if finding.passed:
            continue
        if finding.excusable and stage.name in references:
            exact = arrays.load(references[stage.name])
            excuse = reference_rule(exact, expected, result, finding.tolerance, limits)
            measured.update({f"{stage.name} {k}": v for k, v in excuse.measured.items()})
            held.update({f"{stage.name} {k}": v for k, v in excuse.limits.items()})
            if excuse.passed:
                continue
        size = sum(a != b for a, b in zip(expected.numbers, result.numbers, strict=True))
        index = finding.index
        if index is None:
            index = arrays.first_difference(expected, result)
        message = f"{stage.name}: {finding.message}"
        return GateResult(gate, False, message, stage.name, index, size, finite(measured), held)
    return GateResult(gate, True, measured=finite(measured), limits=held)


def finite(figures: Mapping[str, float]) -> dict[str, float]:
    """The figures that JSON can hold; the message tells of the others."""
    return {name: value for name, value in figures.items() if math.isfinite(value)}


def rule_for(stage: Stage, values: Array) -> Callable[[Array, Array, CloseLimits], RuleResult]:
    """The rule a stage is held to; see the table above."""
    if values.integral:
        return equal
    if stage.measure == LOGITS:
        return close_logits
    if stage.measure == SOUND:
        return close_sound
    if stage.measure == DRAWS:
        return similar_draws
    return all_close


def similar_draws(expected: Array, actual: Array, limits: CloseLimits) -> RuleResult:
    """Distributions that tokens are drawn from, a row each: half the sum of absolute differences.

    0 says the same distribution, 1 that none of what one draws would the other draw.
    """
    rows = list(zip(expected.rows(), actual.rows(), strict=True))
    distances = [0.5 * math.fsum(map(abs, map(sub, one, other))) for one, other in rows]
    mean = math.fsum(distances) / max(1, len(distances))
    message = f"drawn from other distributions: mean distance {mean:.3g}, "
    message += f"limit {limits.draws_distance:g}"
    held = {"mean distance": limits.draws_distance}
    return RuleResult(mean <= limits.draws_distance, message, {"mean distance": mean}, held)


def equal(expected: Array, actual: Array, limits: object) -> RuleResult:
    """Every element equal."""
    index = arrays.first_difference(expected, actual)
    if index is None:
        return RuleResult(True, "", {}, {})
    message = f"{actual.numbers[index]:g} instead of {expected.numbers[index]:g} at {index}"
    return RuleResult(False, message, {}, {}, index)


def close_logits(expected: Array, actual: Array, limits: CloseLimits) -> RuleResult:
    """Largest difference, and the same best element in every row but for near-ties."""
    limit = limits.logits_max_abs
    largest = arrays.max_abs_difference(expected.numbers, actual.numbers)
    measured, held = {"max |d|": largest}, {"max |d|": limit}
    for row, (before, after) in enumerate(zip(expected.rows(), actual.rows(), strict=True)):
        best, now = arrays.argmax(before), arrays.argmax(after)
        # Two elements closer than twice the limit may change places without a difference beyond it.
        if best != now and not before[best] - before[now] <= 2 * limit:
            message = f"step {row}: the best element is {now}, the baseline's {best}"
            return RuleResult(False, message, measured, held, row * expected.shape[-1] + now)
    message = f"max |d| {largest:.3g}, limit {limit:g}"
    return RuleResult(largest <= limit, message, measured, held, tolerance=limit, excusable=True)


def close_sound(expected: Array, actual: Array, limits: CloseLimits) -> RuleResult:
    """Signal-to-noise ratio against the baseline's sound, and no mere change of loudness."""
    result = sound_ratio(expected, actual, limits)
    if not 0 <= result.measured["SNR dB"] - limits.waveform_snr_db < SCALED_DB:
        return result
    odd = scaled_sound(expected.numbers, actual.numbers)
    return replace(result, passed=False, message=f"{result.message}; {odd}") if odd else result


def sound_ratio(expected: Array, actual: Array, limits: CloseLimits) -> RuleResult:
    """Signal-to-noise ratio against the baseline's sound."""
    limit = limits.waveform_snr_db
    ratio = arrays.snr_db(expected.numbers, actual.numbers)
    tolerance = arrays.rms(expected.numbers) * 10 ** (-limit / 20)
    message = f"SNR {ratio:.1f} dB, at least {limit:g}"
    measured, held = {"SNR dB": ratio}, {"SNR dB": limit}
    return RuleResult(ratio >= limit, message, measured, held, None, tolerance, excusable=True)


def all_close(expected: Array, actual: Array, limits: CloseLimits) -> RuleResult:
    """``|d| <= absolute + relative * |baseline|`` everywhere."""
    absolute, relative = limits.mel_absolute, limits.mel_relative
    index = next(
        (
            at
            for at, (a, b) in enumerate(zip(expected.numbers, actual.numbers, strict=True))
            if not near(a, b, absolute, relative)
        ),
        None,
    )
    largest = arrays.max_abs_difference(expected.numbers, actual.numbers)
    measured = {"max |d|": largest}
    held = {"absolute": absolute, "relative": relative}
    message = f"max |d| {largest:.3g}, limit {absolute:g} + {relative:g} |baseline|"
    passed = index is None
    if passed and (odd := unlike_rounding(expected.numbers, actual.numbers, absolute, relative)):
        passed, message = False, f"within its tolerance, but {odd}"
    return RuleResult(passed, message, measured, held, index, absolute, excusable=True)


def reference_rule(
    exact: Array, expected: Array, actual: Array, tolerance: float, limits: CloseLimits
) -> RuleResult:
    """``RMSE(exact, patched) <= factor * RMSE(exact, baseline) + tolerance / 10``."""
    if exact.shape != expected.shape:
        return RuleResult(False, "the reference has another shape", {}, {})
    patched = arrays.rmse(exact.numbers, actual.numbers)
    limit = limits.reference_factor * arrays.rmse(exact.numbers, expected.numbers) + tolerance / 10
    name = "RMSE to double precision"
    return RuleResult(patched <= limit, f"{name} {patched:.3g}", {name: patched}, {name: limit})


def judge_pair(pair: Pair) -> GateResult:
    """One case: its replays, with the baseline's in double precision where there is one."""
    rejected = unreplayed(pair, GATE.name)
    if rejected is not None:
        return rejected
    exact = pair.exact_replay.stages if pair.exact_replay and pair.exact_replay.ok else ()
    limits = CloseLimits.from_config(pair.limits.get(GATE.name, {}))
    return judge(*replayed_stages(pair), limits, exact)


def compare_outputs(
    baseline: Sequence[Stage], patched: Sequence[Stage], configured: Thresholds
) -> GateResult:
    """Outputs alone, for isolated parts."""
    return judge(baseline, patched, CloseLimits.from_config(configured))


GATE = Gate(
    "close",
    order=20,
    summary="replays, stage by stage",
    judge=judge_pair,
    claim=Equivalence.CLOSE,
    limits=CloseLimits().as_json(),
    compare=compare_outputs,
    wants_reference=True,
)
