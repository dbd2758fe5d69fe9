"""One verification of every kind of verdict, as objects of `verify --json`."""

from __future__ import annotations

from typing import Any

from tests.report.samples import (
    MODELS,
    TESTS,
    benched,
    benched_result,
    case,
    failed,
    matrix,
    result,
    speed,
    table,
)


def at_fault(reason: str, sentence: str, verdict: str = "faster") -> dict[str, Any]:
    """Every case passed, and what was timed was wrong: a failure, restored."""
    fault = {"reason": reason, "sentence": sentence, "cases": []}
    return result(
        "fail",
        reason=reason,
        sentence=sentence,
        restored=True,
        series_now=[],
        speed=speed(verdict, means=sentence, fault=fault),
        table=table(),
    )


DISPUTED = "the worker's clock leaves out 31% of the time between question and answer"


BELOW_THE_FLOOR = (
    "Base Chatterbox / Built-in voice took 0.0021 s, and reading its weights takes 0.0154 s at "
    "half a byte each and twice the best speed seen here"
)


WRONG_ANSWER = (
    "Base Chatterbox / Built-in voice, input 2: the timed call returned other bytes than the "
    "baseline does"
)


UPPER = "returned is 'A TABLE', on the baseline 'A table'"


def of_rich(verdict: str = "pass", **more: Any) -> dict[str, Any]:
    """A verification of one patch of rich by one function of the user's."""
    return result(
        verdict,
        **{
            "target": "rich", "version": "15.0.0", "weights": "", "diff": "",
            "series": ["upper"], "series_now": [], "taken_out": ["upper"],
            "environment": {"system": "Linux", "processors": 2},
            "guards": ["fs-write", "network"],
            "cases": [case("rich", "work", stages=[])],
            **more,
        },
    )  # fmt: skip


def rich_table() -> dict[str, Any]:
    """A table of a target that makes no sound: RTF is nothing it has."""
    row = {
        "model": "rich", "tests": 1, "avg_gen_s": 0.05, "avg_rtf": None, "avg_vram_mb": 21.4,
        "min_rtf": None, "max_rtf": None,
    }  # fmt: skip
    actual = table()
    return {**actual, "baseline": [row], "patched": [{**row, "avg_gen_s": 0.033}]}


AGAIN = "samples: what the call returned was changed by later calls"


KINDS: dict[str, dict[str, Any]] = {
    "any-package-fails": of_rich(
        "fail", restored=True, taken_out=None,
        sentence="Cases fail under the patch and pass without it: 0 of 1 pass (bitwise), 1 fails",
        cases=[
            case("rich", "work", "fail", reason="gate-fails", error=UPPER, stages=[]),
        ],
        diagnosis=[
            {
                "error": UPPER, "where": "rich/console.py", "line": 2153, "patch": "upper",
                "edit": "rich/console.py:2153 Console._render_buffer",
                "cause": "the patched output does not pass the gate `bitwise`; the edit in "
                "Console._render_buffer is the only one that ran",
                "cases": ["rich / work"],
            }
        ],
    ),
    "any-package-faster": of_rich(
        speed=speed(stages=[]), table=rich_table(), series=["quick"], taken_out=["quick"],
    ),
    "pass": result(),
    "fail": failed(),
    "fail-kept": failed(restored=False, kept=True, series_now=["inference_mode"]),
    "gate-fails": result(
        "fail",
        inputs={
            "seed": 1674244372,
            "drawn": [
                {**case(MODELS[0], "Drawn 1: 60 letters", "pass"), "kind": "drawn"},
                {**case(MODELS[2], f"{TESTS[2]}, again", "fail", error=AGAIN), "kind": "again"},
            ],
        },
        sentence="Cases fail under the patch and pass without it: 8 of 9 pass (bitwise), 1 fails",
        cases=[
            *matrix()[:-1],
            case(
                MODELS[2],
                TESTS[2],
                "fail",
                reason="gate-fails",
                error="mel differs at element 17 of 960",
                difference={
                    "gate": "bitwise",
                    "passed": False,
                    "message": "mel differs at element 17 of 960",
                    "stage": "mel",
                    "index": 17,
                    "size": 960,
                    "measured": {"differing": 12.0},
                    "limits": {"differing": 0.0},
                },
            ),
        ],
        diagnosis=[
            {
                "error": "mel differs at element 17 of 960",
                "cause": "the patched output does not pass the gate `bitwise`",
            }
        ],
        restored=True,
        series_now=[],
    ),
    "faster": benched(),
    "life": result(
        life={
            "model": MODELS[0],
            "calls": 12,
            "passed": True,
            "message": "",
            "baseline": {"seconds": [0.5 + 0.01 * (n % 3) for n in range(12)]},
            "patched": {"seconds": [0.4 + 0.01 * (n % 4) for n in range(12)]},
        }
    ),
    "slower": benched(
        "slower", time_ratio=1.2, low=1.15, high=1.26,
        pair_ratios=[1.2, 1.18, 1.26, 1.15, 1.21, 1.2],
        means="the whole interval is slower, the estimate by more than the margin",
    ),
    "no-measurable-change": benched(
        "no-measurable-change", time_ratio=1.002, low=0.99, high=1.012,
        pair_ratios=[1.0, 0.99, 1.012, 1.004, 1.0, 1.003],
        means="the whole interval is inside the margin",
    ),
    "undecided": benched(
        "undecided", time_ratio=0.97, low=0.9, high=1.05, pairs_needed=9,
        pair_ratios=[0.9, 1.05, 0.97, 0.95, 1.0, 0.96],
        means="the interval holds 1 and reaches beyond the margin",
    ),
    "not-measured": failed(
        speed={
            "verdict": "not-measured", "time_ratio": None, "low": None, "high": None,
            "confidence": None, "pairs": 0, "margin": 0.03,
            "means": "the patched arm failed its gates, so it was not timed",
        },
        table=table("the runs of the gates, one a case"),
    ),
    "clock-disputed": at_fault("clock-disputed", DISPUTED, verdict="clock-disputed"),
    "impossible": at_fault("impossible", BELOW_THE_FLOOR, verdict="impossible"),
    "timed-wrong": at_fault("timed-wrong", WRONG_ANSWER),
    "grows": result(
        "fail", reason="grows", restored=True, series_now=[],
        sentence="Life: each call leaves 12.4 MiB more behind than on the baseline",
    ),
    "restored": failed(
        series=["conds_cache", "inference_mode"], series_now=["conds_cache"],
    ),
    "isolated": result(
        "fail", reason="cases-fail", restored=True, series_now=["embed_ref_lens_clone"],
        sentence="Cases fail under the patch and pass without it: 3 of 9 pass (bitwise), 6 fail",
        cases=matrix(TESTS[1:]), series=["channels_last", "embed_ref_lens_clone"],
        isolation={
            "culprits": [["channels_last"]], "kept": ["embed_ref_lens_clone"], "trials": 3,
        },
    ),
    "require-not-met": benched_result(
        "no-measurable-change",
        {
            "time_ratio": 1.002, "low": 0.99, "high": 1.012,
            "pair_ratios": [1.0, 0.99, 1.012, 1.004, 1.0, 1.003],
            "means": "the whole interval is inside the margin",
        },
        restored=True, series_now=[],
        unmet="--require faster is not met, for the speed verdict is no-measurable-change",
    ),
    "cannot-judge": result(
        "cannot-judge",
        reason="baseline-fails",
        sentence="The baseline fails in every case: 0 of 1 pass (bitwise), 1 not judged",
        cases=[
            case(
                MODELS[0], TESTS[0], "not-applicable", reason="baseline-fails", gate=None,
                stages=[],
                error="the baseline itself fails, so the patch cannot be judged by it",
                baseline={
                    "status": "fail", "outcome": "exception", "error": "No module named 'perth'",
                },
            )
        ],
        warnings=["the baseline itself fails in the only case"],
        reproducible="not-measured",
    ),
    "not-exercised": result(
        "not-exercised",
        sentence="Edits that no case runs are not proven: 1 line of 1 patch never ran",
        exercised=[
            {
                "patch": "inference_mode", "file": "chatterbox/models/s3gen/hifigan.py",
                "line": 275, "function": "SourceModuleHnNSF.forward", "kind": "never",
                "cases": [],
            }
        ],
        restored=True,
        series_now=[],
    ),
    "undeclared": result(
        "undeclared",
        sentence="The patch keeps answers between calls and does not declare it",
        restored=True,
        series_now=[],
        undeclared=[
            {
                "patch": "embed_ref_lens_clone", "file": "chatterbox/models/s3gen/s3gen.py",
                "line": 12, "what": "writes the global `_kept`", "needs": ["cache-answers"],
            }
        ],
        cases=[],
    ),
    "nothing-to-verify": result(
        "nothing-to-verify",
        id=None,
        sentence="No patch is applied: there is nothing to verify",
        cases=[], series=[], series_now=[], diff="", weights="", wall_s=0.0, gate="",
        reproducible="not-measured", trees={}, environment={},
    ),
}  # fmt: skip
