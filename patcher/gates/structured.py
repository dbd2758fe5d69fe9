"""Compares what the public call returned: values, texts and outcomes of tests by their own rules.

Buffers come by name, in the order they were made. A value's arrays are buffers of their own and
belong to the skeleton before them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from patcher.execution.stages import read_stage
from patcher.gates.registry import Gate
from patcher.gates.result import GateResult
from patcher.gates.values import (
    CLOSE,
    EXACT,
    SKELETON,
    Tolerance,
    Value,
    difference,
    text_difference,
)

if TYPE_CHECKING:
    from patcher.execution.results import CaseResult, Stage
    from patcher.gates.registry import Pair

TEXT = "text"
OUTCOMES = "tests"
GOOD = frozenset({"passed", "xfailed", "xpassed"})
MOST_NAMED = 3


def compare(
    baseline: CaseResult, patched: CaseResult, limits: Tolerance = EXACT
) -> GateResult | None:
    """The first difference in what was returned; None where there is none that counts.

    Only values, texts and outcomes are looked at: plain arrays are for the caller.
    """
    gate = "bitwise" if limits.exact else "close"
    for expected in baseline.returned:
        if expected.dtype not in (SKELETON, TEXT, OUTCOMES):
            continue
        actual = next((each for each in patched.returned if each.name == expected.name), None)
        if actual is None:
            return GateResult(gate, False, f"{expected.name} is missing", expected.name)
        if actual.sha256 == expected.sha256 and expected.dtype != SKELETON:
            continue
        if actual.dtype != expected.dtype:
            message = f"{expected.name} is {actual.dtype}, on the baseline {expected.dtype}"
            return GateResult(gate, False, message, expected.name)
        if result := _difference(expected, actual, baseline, patched, limits, gate):
            return result
    return None


def comparable(result: CaseResult) -> bool:
    """Whether `close` can be judged by what was returned, without replaying stages."""
    return any(each.dtype in (SKELETON, TEXT, OUTCOMES) for each in result.returned)


def _difference(
    expected: Stage,
    actual: Stage,
    baseline: CaseResult,
    patched: CaseResult,
    limits: Tolerance,
    gate: str,
) -> GateResult | None:
    if expected.dtype == OUTCOMES:
        return outcomes_difference(_outcomes(expected), _outcomes(actual))
    if expected.dtype == TEXT:
        result = text_difference(_text(expected), _text(actual), expected.name)
    else:
        values = _value(expected, baseline), _value(actual, patched)
        result = difference(*values, expected.name, limits)
    if result is None:
        return None
    measured = {} if result.largest is None else {"largest difference": result.largest}
    return GateResult(
        gate, False, result.text, expected.name, result.index, result.size, measured=measured
    )


def outcomes_difference(
    baseline: Mapping[str, str], patched: Mapping[str, str]
) -> GateResult | None:
    """What passed on the baseline and fails, or is no longer there; None when there is nothing.

    A test that fails on both arms says nothing about the patch, and one that passed when it was
    repeated is flaky.
    """
    good = [test for test, outcome in baseline.items() if outcome in GOOD]
    failed = [test for test in good if patched.get(test) == "failed"]
    missing = [test for test in good if test not in patched]
    skipped = [test for test in good if patched.get(test) == "skipped"]
    for tests, words in ((failed, "fail"), (missing, "did not run"), (skipped, "were skipped")):
        if tests:
            named = ", ".join(tests[:MOST_NAMED])
            more = f" and {len(tests) - MOST_NAMED} more" if len(tests) > MOST_NAMED else ""
            message = f"{len(tests)} of {len(good)} tests that pass on the baseline {words}: "
            return GateResult(
                "tests", False, f"{message}{named}{more}", "tests", None, len(tests),
                measured={"tests": len(tests)},
            )  # fmt: skip
    return None


def outcomes_note(baseline: Mapping[str, str], patched: Mapping[str, str]) -> str:
    """Which tests were set aside, for the report; empty when every test was judged."""
    failing = [test for test, outcome in baseline.items() if outcome == "failed"]
    flaky = [
        test for test in baseline
        if "flaky" in (baseline[test], patched.get(test)) and test not in failing
    ]  # fmt: skip
    parts = []
    if flaky:
        parts.append(f"{len(flaky)} flaky ({', '.join(flaky[:MOST_NAMED])})")
    if failing:
        parts.append(f"{len(failing)} fail on the baseline too ({', '.join(failing[:MOST_NAMED])})")
    return "; ".join(parts)


def passed(baseline: CaseResult, patched: CaseResult) -> GateResult:
    """The gate that an equal result has passed: what there was to compare."""
    kinds = compared(baseline)
    if kinds == {"tests"}:
        expected, actual = baseline.returned[0], patched.returned[0]
        return GateResult("tests", True, outcomes_note(_outcomes(expected), _outcomes(actual)))
    if not kinds:
        message = "nothing was compared but the exit status: name `outputs`"
        return GateResult("exit-status", True, message)
    return GateResult("bitwise", True)


def compared(result: CaseResult) -> set[str]:
    """What there is to compare in a result: ``returned``, ``outputs``, ``tests``."""
    words = {TEXT: "outputs", OUTCOMES: "tests"}
    collected = {words.get(each.dtype, "returned") for each in result.returned}
    if "outputs" in collected:  # a file that is no text
        collected.discard("returned")
    return collected or ({"returned"} if result.stages else set())


def _value(skeleton: Stage, result: CaseResult) -> Value:
    arrays = {
        each.name: (each.dtype, each.shape, _bytes(each))
        for each in result.returned
        if each.dtype not in (SKELETON, TEXT, OUTCOMES)
    }
    return Value(_bytes(skeleton), arrays)


def _outcomes(stage: Stage) -> dict[str, str]:
    try:
        result = json.loads(_bytes(stage))
    except ValueError:
        return {}
    if not isinstance(result, dict):
        return {}
    return {str(test): str(outcome) for test, outcome in result.items()}


def _text(stage: Stage) -> str:
    return _bytes(stage).decode("utf-8", "replace")


def _bytes(stage: Stage) -> bytes:
    return read_stage(stage)


def judge_pair(pair: Pair) -> GateResult | None:
    """Values, texts and outcomes of tests within small tolerances; None for anything else."""
    if not comparable(pair.baseline):
        return None
    return compare(pair.baseline, pair.patched, CLOSE) or GateResult("close", True)


GATE = Gate(
    "values",
    order=12,
    summary="values, texts and outcomes of tests, floating-point numbers within a small tolerance",
    judge=judge_pair,
    settles=True,
)
