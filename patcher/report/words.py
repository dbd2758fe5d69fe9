"""The sentences every report shares: the plain figure first, the terms of the field after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from patcher.report.record import Cause, Record, SpeedRecord

VERDICTS = {
    "pass": "Passed",
    "fail": "Failed",
    "cannot-judge": "Cannot judge",
    "not-exercised": "Not exercised",
    "undeclared": "Undeclared",
    "nothing-to-verify": "Nothing to verify",
}

NO_WEIGHTS = ("", "none", "no weights")


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 case``, ``2 cases``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def joined(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def duration(seconds: float) -> str:
    """``45 s``, ``2 min 5 s``, ``1 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def short(seconds: float) -> str:
    """``1.2 s``; below a tenth of a second ``18 ms``; ``under 1 ms``."""
    if seconds >= 0.1:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.001 else "under 1 ms"


def times_as_fast(time_ratio: float) -> float:
    """From patched over baseline time to how many times as fast."""
    return 1 / time_ratio


def speed_figure(speed: SpeedRecord) -> str:
    """``1.52 times as fast (1.44 to 1.60)``, or empty where nothing was measured."""
    if speed.time_ratio is None or speed.low is None or speed.high is None:
        return ""
    best, worst = times_as_fast(speed.low), times_as_fast(speed.high)
    return f"{times_as_fast(speed.time_ratio):.2f} times as fast ({worst:.2f} to {best:.2f})"


def speed_terms(speed: SpeedRecord) -> str:
    """The same in the terms of the field: interval, pairs, margin."""
    if not speed.measured:
        return speed.means
    confidence = f"{speed.confidence:.1%} interval, " if speed.confidence else ""
    return f"{speed.verdict}; {confidence}{count(speed.pairs, 'pair')}, margin {speed.margin:.1%}"


def speed_missing(speed: SpeedRecord) -> str:
    """What an undecided bench could have seen, and what would decide it; else empty."""
    if speed.verdict != "undecided":
        return ""
    from patcher.bench.objections import MOST_SEEN

    parts = []
    if speed.smallest_detectable is not None and speed.smallest_detectable > MOST_SEEN:
        return (
            "the pairs vary so much that no change could have been seen: run it again on a quiet "
            "machine"
        )
    if speed.smallest_detectable is not None:
        parts.append(f"the smallest change it could have seen is {speed.smallest_detectable:.1%}")
    if speed.pairs_needed:
        parts.append(f"about {count(speed.pairs_needed, 'more pair')} would decide")
    elif parts:
        parts.append("a quiet machine, or `--bench=full`, sees more")
    return "; ".join(parts)


def speed_headline(speed: SpeedRecord) -> str:
    """The figure, or why there is none."""
    if speed.measured and not speed.counts:
        timed = f"{count(speed.pairs, 'pair')} {'was' if speed.pairs == 1 else 'were'} timed"
        return f"No speed counts, though {timed}"
    figure = speed_figure(speed)
    if not figure:
        return "Speed was not measured" + (f": {speed.means}" if speed.means else "")
    if speed.verdict == "undecided":
        return f"Undecided: {figure}"
    if speed.verdict == "no-measurable-change":
        return f"No measurable change: {figure}"
    return figure


def weights(record: Record) -> str:
    """Which weights were used; empty for a target that has none."""
    return "" if record.weights in NO_WEIGHTS else record.weights


def verdict_title(record: Record) -> str:
    """``Failed``, ``Passed``; the word itself where a newer patcher wrote one we do not know."""
    if record.unmet:
        return VERDICTS["fail"]
    return VERDICTS.get(record.verdict, record.verdict.replace("-", " ").capitalize())


def counted(record: Record) -> str:
    """``6 of 9 cases fail, 3 pass``."""
    total = len(record.cases)
    if not total:
        return "no case was run"
    failed, passed = record.count("fail"), record.count("pass")
    apart = total - failed - passed
    noun = "case" if total == 1 else "cases"
    if failed:
        text = f"{failed} of {total} {noun} {'fails' if failed == 1 else 'fail'}"
        if passed:
            text += f", {passed} {'passes' if passed == 1 else 'pass'}"
    else:
        text = f"{passed} of {total} {noun} {'passes' if total == 1 else 'pass'}"
    return text + (f", {apart} not judged" if apart else "")


def outcome(record: Record) -> str:
    """What the verdict rests on: the cases counted, or the sentence where they do not say it."""
    if record.unmet:
        return f"{record.unmet}; {counted(record)}"
    if not record.cases or (record.verdict == "fail" and not record.count("fail")):
        return record.sentence
    return counted(record)


def cases_of(cause: Cause, record: Record) -> str:
    """How many cases a cause explains, and which tests they are."""
    if not cause.cases:
        return ""
    tests = dict.fromkeys(name.partition(" / ")[2] for name in cause.cases)
    named = joined([test for test in tests if test]) if all(tests) else ""
    where = f": {named}" if named else ""
    if record.cases and not any(case.test in tests for case in record.cases):
        return f"{count(len(cause.cases), 'further call')}{where}"  # all of the table passed
    if len(record.models) > 1 and len(cause.cases) == len(tests) * len(record.models):
        where += " on every model"
    return f"{len(cause.cases)} of {len(record.cases)}{where}"


def judged(record: Record) -> str:
    """Which patches were judged."""
    return ", ".join(record.series) or "no patch: pristine"


def afterwards(record: Record) -> str:
    """What the working copy is now, in one sentence; empty where nothing changed."""
    if record.restored:
        left = joined(record.series_now)
        state = f"has {left} applied" if left else "is pristine"
        return f"Every byte was put back and hashed again: the working copy {state}."
    if record.taken_out:
        left = joined(record.series_now)
        state = f"has {left} applied" if left else "is pristine"
        return f"{joined(record.taken_out)} taken out again: the working copy {state}."
    if record.verdict == "pass" or not record.series:
        return ""
    return f"The working copy was left as it is: {joined(record.series_now) or 'pristine'}."


def next_step(record: Record) -> str:
    """The command that works when it is pasted: what was taken out, with its remedies; where no
    remedy and no culprit is known among several patches, the search for it."""
    if record.taken_out and record.verdict == "pass":
        return f"patcher apply {' '.join(record.taken_out)}"
    remedies = [cause.remedy for cause in record.causes if cause.remedy]
    out = [name for name in record.series if name not in record.series_now]
    if not remedies:
        unknown = record.count("fail") and not any(cause.patch for cause in record.causes)
        if len(out) < 2 or not unknown:
            return ""
        return f"patcher apply {' '.join(out)} && patcher verify --isolate"
    return f"patcher apply {' '.join(dict.fromkeys([*out, *remedies]))}"


def next_label(record: Record) -> str:
    """What the next step is for."""
    if record.verdict == "pass":
        return "To keep it:"
    if next_step(record).endswith("--isolate"):
        return "To find out which of the patches it is:"
    return "What works instead:"


def measured(record: Record) -> tuple[str, ...]:
    """What was measured and what was not, as sentences."""
    lines = [f"Gate: `{record.gate}`."] if record.gate and record.cases else []
    if record.compared:
        lines.append(f"Compared: {record.compared}.")
    elif not record.cases:
        lines.append("Nothing was compared.")
    if record.speed is None:
        lines.append("Speed was not measured (`--bench` measures it).")
    elif record.speed.counts:
        lines.append(f"Speed: {speed_terms(record.speed)}.")
        lines += [f"{each[:1].upper()}{each[1:]}." for each in record.speed.caveats]
    else:
        lines.append(f"{speed_headline(record.speed)}.")
    if weights(record):
        lines.append(f"Weights: {record.weights}.")
    if record.reproducible == "bitwise":
        lines.append("The baseline repeats itself to the bit.")
    elif record.reproducible == "differs":
        lines.append("The baseline does not repeat itself to the bit.")
    if record.guards is not None:
        lines.append(f"Guards in force: {', '.join(record.guards) or 'none'}.")
    return tuple(lines)
