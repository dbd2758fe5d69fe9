"""Past runs: which may be compared, the trend of those, and what two say side by side."""

from __future__ import annotations

from typing import Any

import pytest

from patcher.report.reading import read_record
from patcher.report.record import Record
from patcher.report.runs import comparable_to, compare_lines, history_lines, trend
from patcher.results import CompareResult, HistoryResult, PastVerification, TimedRun
from tests.report.samples import ENVIRONMENT, benched, matrix, result


def run(number: int, **more: Any) -> Record:
    return read_record({**benched(), "id": number, **more})


@pytest.mark.parametrize("change", [
    {"version": "0.1.6"},
    {"weights": "published weights"},
    {"environment": {**ENVIRONMENT, "processor": "Intel Xeon"}},
    {"environment": {**ENVIRONMENT, "torch": "2.7.0"}},
    {"cases": matrix()[:3]},
])  # fmt: skip
def test_runs_that_differ_in_what_decides_a_timing_are_not_compared(
    change: dict[str, Any],
) -> None:
    assert comparable_to(run(1), run(2)) == ()
    assert comparable_to(run(1), run(2, **change)) != ()


def test_a_trend_holds_timed_runs_alone_oldest_first() -> None:
    gates_only = read_record({**result(), "id": 3})
    other = run(2, version="0.1.6")
    newest_first = [run(4), gates_only, other, run(1)]
    assert [each.id for each in trend(newest_first)] == [1, 4]


def test_no_timed_run_has_no_trend() -> None:
    assert trend([read_record(result())]) == ()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_list_fits_the_terminal_however_long_the_series(width: int) -> None:
    series = [f"a_patch_with_a_name_{number}" for number in range(12)]
    past = PastVerification(
        2, "chatterbox-tts", "0.1.7", "2026-01-31 12:00:00", 60.0, "pass", series, 9, 9, "faster",
        0.5, {},
    )  # fmt: skip
    runs = [TimedRun(1, series, 0.8), TimedRun(2, series, 0.5)]
    lines = [line.text for line in history_lines(HistoryResult([past], runs), width)]
    assert max(map(len, lines)) <= width
    assert any(line.startswith("2 ") and line.endswith("2.00") for line in lines)
    bars = [line.count("█") for line in lines if "█" in line]
    assert bars == sorted(bars)
    assert len(bars) == 2


@pytest.mark.parametrize(("ratios", "said"), [
    ((0.5, None), "run 2 was not timed"),
    ((None, None), "neither was timed"),
    ((0.5, 0.5), "the speeds can be compared"),
])  # fmt: skip
def test_speeds_that_were_not_measured_are_not_said_to_be_comparable(
    ratios: tuple[float | None, float | None], said: str
) -> None:
    each, other = (
        PastVerification(
            number, "hum", "1.0", "2026-01-31 12:00:00", 60.0, "pass", [], 9, 9, None, ratio, {}
        )
        for number, ratio in enumerate(ratios, 1)
    )
    result = CompareResult(each, other, True, (), [], [], [])
    assert any(said in line.text for line in compare_lines(result, 100))
