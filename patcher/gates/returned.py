"""What the public call returned, every byte of it, and what it asked of its parts.

This is all that a user gets. Stages inside are looked at only to say where a difference came from.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

from patcher.gates import arrays
from patcher.gates.registry import Gate
from patcher.gates.result import GateResult
from patcher.gates.speech import is_recognised
from patcher.targets.adapter import LOGITS, SOUND, VOICE
from patcher.targets.buffer import ITEM_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.execution.results import CaseResult, Stage
    from patcher.gates.registry import Pair

BITS = {1: "B", 2: "H", 4: "I", 8: "Q"}
# A returned array is a function of the last stage (a watermark, a change of type). How closely it
# follows that stage must not get worse by more than this.
LOST_DB = 6.0
CLOSE_DB = 60.0
VOICE_OFF = 0.05  # of the vector's own size: half precision stays far below


def compare(gate: str, baseline: CaseResult, patched: CaseResult) -> GateResult | None:
    """How ``patched`` returns something else than ``baseline``, to the bit; None when it does not.

    The message says where: the first stage that differs, or the returned value alone.
    """
    # A kept answer asks its parts for nothing; whether it is the right one, its bytes say.
    wrong = asked_otherwise(gate, baseline, patched) if patched.asked else None
    wrong = wrong or otherwise(gate, baseline, patched)
    if wrong is not None:
        return wrong
    pairs = zip(baseline.returned, patched.returned, strict=True)
    pair = next((pair for pair in pairs if unlike(*pair) and pair[0].dtype in ITEM_BYTES), None)
    if pair is None:
        return None
    result = difference(gate, *pair)
    inner = _first_stage(gate, baseline, patched)
    if inner is not None:
        return inner
    return result


def compare_loosely(gate: str, baseline: CaseResult, patched: CaseResult) -> GateResult | None:
    """What must hold for `close` and `perceptual` too, whatever the samples are; None when it does.

    Names, types and rates are equal, and the returned array follows the arm's own last stage as
    closely as the baseline's does: replays look at the stages, nothing else would see what is made
    of them on the way out.
    """
    wrong = asked_otherwise(gate, baseline, patched)
    wrong = wrong or otherwise(gate, baseline, patched, loosely=True)
    if wrong is not None or not baseline.returned:
        return wrong
    for before, after in named_alike(baseline, patched):
        if len(before.shape) != len(after.shape):
            message = f"{after.name} has shape {list(after.shape)}, on the baseline {before.shape}"
            return GateResult(gate, False, message, after.name)
    if (swapped := another_voice(gate, baseline, patched)) is not None:
        return swapped
    expected, actual = (following_db(result) for result in (baseline, patched))
    if expected is None:
        return None
    name = patched.returned[0].name
    if actual is None or actual < min(expected - LOST_DB, CLOSE_DB):
        amount = "nothing of" if actual is None else f"{actual:.1f} dB of"
        message = f"{name} has {amount} the sound inside in it, on the baseline {expected:.1f} dB"
        figures = {} if actual is None else {"follows the sound dB": actual}
        return GateResult(gate, False, message, name, measured=figures)
    return None


def lost(gate: str, pair: Pair) -> GateResult | None:
    """What the baseline's result carries inside (a watermark) and the patched one does not."""
    read = pair.baseline_replay.embedded if pair.baseline_replay is not None else None
    if not read:
        return None
    expected, actual = (read.get(result.arm.value, {}) for result in (pair.baseline, pair.patched))
    for name, value in expected.items():
        if name == "unreadable" or is_recognised(name) or actual.get(name) == value:
            continue
        read_there = actual.get("unreadable", actual.get(name, "nothing"))
        message = f"the {name} is lost: the pristine package reads {_short(read_there)}, "
        message += f"on the baseline {_short(value)}"
        return GateResult(gate, False, message, name)
    return None


def another_voice(gate: str, baseline: CaseResult, patched: CaseResult) -> GateResult | None:
    """A voice that a part is asked to speak in, and is not the baseline's but for rounding."""
    for before in baseline.stages:
        name = before.name
        if before.measure != VOICE or before.dtype not in ITEM_BYTES:
            continue
        after = patched.stage(name)
        if after is None or after.shape != before.shape:
            return GateResult(gate, False, f"{name} is missing or of another shape", name)
        expected, actual = arrays.read_array(before), arrays.read_array(after)
        off = arrays.rmse(expected, actual) / max(arrays.rms(expected), 1e-12)
        if not off <= VOICE_OFF:
            message = f"{name} is another one: off by {off:.3g} of its size, limit {VOICE_OFF:g}"
            return GateResult(gate, False, message, name, measured=finite({"voice off by": off}))
    return None


def finite(figures: dict[str, float]) -> dict[str, float]:
    """Without what JSON cannot carry."""
    return {name: value for name, value in figures.items() if math.isfinite(value)}


def asked_otherwise(gate: str, baseline: CaseResult, patched: CaseResult) -> GateResult | None:
    """The first argument of a part that is not what it is on the baseline."""
    for name, value in baseline.asked.items():
        if name not in patched.asked:
            part = name.partition(".")[0]
            return GateResult(gate, False, f"{part} is never asked for {name}", f"asked {name}")
        if patched.asked[name] != value:
            message = f"{name} is {_short(patched.asked[name])}, on the baseline {_short(value)}"
            return GateResult(gate, False, message, f"asked {name}")
    return None


def otherwise(
    gate: str, baseline: CaseResult, patched: CaseResult, *, loosely: bool = False
) -> GateResult | None:
    """Another number of values, names, element types or sample rate.

    ``loosely``: values that are numbered (the chunks of a stream) may be more or fewer, as an
    utterance may be longer or shorter.
    """
    expected, actual = ([item.name for item in each.returned] for each in (baseline, patched))
    if loosely:
        expected, actual = without_numbers(expected), without_numbers(actual)
    if expected != actual:
        message = f"the call returns {', '.join(actual) or 'nothing'}, on the baseline "
        return GateResult(gate, False, message + (", ".join(expected) or "nothing"))
    for before, after in named_alike(baseline, patched):
        if before.dtype != after.dtype:
            message = f"{after.name} is {after.dtype}, on the baseline {before.dtype}"
            return GateResult(gate, False, message, after.name)
    if baseline.sample_rate != patched.sample_rate:
        message = f"the sample rate is {patched.sample_rate}, on the baseline "
        return GateResult(gate, False, f"{message}{baseline.sample_rate}")
    return None


def without_numbers(names: Sequence[str]) -> list[str]:
    """Names without a number at the end, each of them once."""
    return list(dict.fromkeys(name.rstrip("0123456789").rstrip() or name for name in names))


def named_alike(baseline: CaseResult, patched: CaseResult) -> list[tuple[Stage, Stage]]:
    """The returned values that both arms have."""
    actual = {each.name: each for each in patched.returned}
    return [(each, actual[each.name]) for each in baseline.returned if each.name in actual]


def following_db(result: CaseResult) -> float | None:
    """How closely the returned samples follow the arm's own sound; None where none can."""
    inner = result.measured(SOUND)
    if inner is None or not result.returned:
        return None
    outer = arrays.load(result.returned[0])
    within = arrays.load(inner)
    if outer.integral or len(outer.numbers) != len(within.numbers):
        return None
    return arrays.snr_db(within.numbers, outer.numbers)


def unlike(one: Stage, other: Stage) -> bool:
    """Not the same type, shape and bytes."""
    return one.sha256 != other.sha256


def difference(gate: str, stage: Stage, other: Stage) -> GateResult:
    """Where two arrays part, to the element."""
    name = stage.name
    if stage.dtype != other.dtype:
        message = f"{name} is {other.dtype}, on the baseline {stage.dtype}"
        return GateResult(gate, False, message, name)
    before, after = (arrays.load(one) for one in (stage, other))
    different = _different(stage, other)
    index = different[0] if different else min(len(before.numbers), len(after.numbers))
    if stage.shape != other.shape:
        message = f"{name} has shape {list(other.shape)}, on the baseline {list(stage.shape)}"
        message += f"; they part at index {index}"
        return GateResult(gate, False, message, name, index)
    largest = max(abs(before.numbers[at] - after.numbers[at]) for at in different)
    message = (
        f"{name} differs from index {index} on, in {len(different)} of {len(before.numbers)} "
        f"elements, by up to {largest:.3g}"
    )
    measured = {"largest difference": largest}
    return GateResult(gate, False, message, name, index, len(different), measured)


def _first_stage(gate: str, baseline: CaseResult, patched: CaseResult) -> GateResult | None:
    """The first stage of both arms that differs; logits are no output and say nothing here."""
    for stage in baseline.stages:
        other = patched.stage(stage.name)
        if stage.measure == LOGITS or other is None or not unlike(stage, other):
            continue
        return difference(gate, stage, other)
    return None


def _different(stage: Stage, other: Stage) -> Sequence[int]:
    """Flat indices where the bits differ, up to the end of the shorter one.

    Bits, not values: two NaN may be equal, and zero has two signs.
    """
    one, two = arrays.read_bytes(stage), arrays.read_bytes(other)
    code = BITS[arrays.item_size(stage.dtype)]
    common = min(len(one), len(two))
    before, after = array(code, one[:common]), array(code, two[:common])
    return [at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


GATE = Gate(
    "returned",
    order=15,
    summary="type, rate, sound and watermark of what the call returned, and what parts were "
    "asked for",
    judge=lambda pair: (
        compare_loosely("returned", pair.baseline, pair.patched) or lost("returned", pair)
    ),
)
