"""What is shown while a verification runs: where it is, how long it takes, what it repeats."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable

import pytest

from patcher.bench.records import CaseTiming, ProcessTiming
from patcher.errors import PatcherError
from patcher.execution.results import Arm, Case, CaseResult, Measure, Outcome
from patcher.report.bench_progress import BenchProgress
from patcher.report.live import Progress
from tests.report.golden import FOLDER, WIDTHS, interrupted

CONTROL = re.compile(r"\x1b\[\??(\d*)([A-Za-z])|(.)", re.DOTALL)
ONE, OTHER = Case("Base Chatterbox", "Built-in voice"), Case("Base Chatterbox", "Cloned voice A")


class Clock:
    """Seconds that pass when shown to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def done(case: Case, arm: Arm, seconds: float = 1.0) -> CaseResult:
    return CaseResult(case, arm, Outcome.OK, measure=Measure(seconds))


def test_each_case_has_its_place_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with Progress(clock=clock, expected_s=63) as progress:
        progress.planned((ONE, OTHER), "synthetic weights")
        for number, case in enumerate((ONE, OTHER), 1):
            progress.began(Arm.BASELINE, case, "run")
            clock.now = 10.0 * number
            progress.finished(done(case, Arm.BASELINE), "run")
    text = capsys.readouterr().err
    assert "2 cases on two arms; synthetic weights; the last run like this took 1 min 3 s" in text
    assert re.search(r"1 of 4 +baseline +Base Chatterbox / Built-in voice: ok 1.0 s\n", text)
    assert "2 of 4" in text
    assert "about 20 s left" in text  # two runs in 20 seconds, two to go


@pytest.mark.parametrize(
    "end", [KeyboardInterrupt(), PatcherError("interrupted", "stopped by SIGTERM")]
)
def test_an_interrupted_run_says_what_is_kept_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, end: BaseException
) -> None:
    monkeypatch.setattr(sys, "argv", ["patcher", "verify", "--models", "Base Chatterbox"])

    def stopped() -> None:
        with Progress() as progress:
            progress.planned((ONE, OTHER), "")
            progress.finished(done(ONE, Arm.BASELINE), "run")
            raise end

    with pytest.raises(type(end)):
        stopped()
    text = capsys.readouterr().err
    assert "1 of 4 runs is finished, a model that was running starts over; to go on:" in text
    assert "  patcher verify --models 'Base Chatterbox'\n" in text


class Screen(io.StringIO):
    """A terminal: what is written to it, and the lines that are left on it."""

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        shown, row, column = [""], 0, 0
        for number, command, sign in CONTROL.findall(self.getvalue()):
            if command == "A":
                row -= int(number or 1)
            elif command == "K":
                shown[row] = ""
            elif sign == "\r":
                column = 0
            elif sign == "\n":
                row, column = row + 1, 0
                shown += [""] * (row == len(shown))
            elif sign:
                line = shown[row].ljust(column)
                shown[row] = line[:column] + sign + line[column + 1 :]
                column += 1
        return shown


def test_lines_told_beside_a_live_view_stay_and_leave_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`tune` says what it tries while the rows of a trial are drawn below."""
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    with Progress() as progress:
        progress.planned((ONE, OTHER), "")
        progress.tell("add fast")
        progress.finished(done(ONE, Arm.BASELINE), "run")
        progress.tell("add wrong")
    assert "\x1b[" in screen.getvalue()
    assert [line for line in screen.lines if line] == ["add fast", "add wrong"]


@pytest.mark.parametrize(
    ("color", "variables"),
    [(False, {}), (None, {"NO_COLOR": "1"}), (None, {"TERM": "dumb"}),
     (None, {"TTY_INTERACTIVE": "0"})],
)  # fmt: skip
def test_plain_output_is_not_redrawn(
    monkeypatch: pytest.MonkeyPatch, color: bool | None, variables: dict[str, str]
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with Progress(color=color) as progress:
        progress.planned((ONE,), "")
        progress.finished(done(ONE, Arm.BASELINE), "run")
        progress.tell("told")
    assert "\x1b" not in screen.getvalue()
    assert "1 of 2  baseline" in screen.getvalue()
    assert "told" in screen.lines


def test_a_log_that_asks_for_colour_is_not_redrawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Builds set ``FORCE_COLOR``, and their log is a file."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Progress() as progress:
        progress.planned((ONE,), "")
        progress.finished(done(ONE, Arm.BASELINE), "run")
    text = capsys.readouterr().err
    assert "\x1b" not in text
    assert "1 of 2  baseline" in text


def test_a_row_a_case_with_both_arms() -> None:
    progress = Progress(quiet=True)
    progress.planned((ONE, OTHER), "")
    progress.finished(done(ONE, Arm.BASELINE), "run")
    progress.began(Arm.PATCHED, ONE, "run")
    assert progress.rows() == [
        "                  baseline  patched",
        "Base Chatterbox",
        "  Built-in voice  ok 1.0 s  running",
        "  Cloned voice A  -         -",
    ]


@pytest.fixture
def shown() -> Callable[..., list[str]]:
    """Sentences of a bench whose processes take ten seconds each."""

    def run(*timings: tuple[int, ProcessTiming], pairs: int = 6) -> list[str]:
        clock = Clock()
        progress = BenchProgress(pairs, clock)
        sentences = []
        for index, timing in timings:
            clock.now += 10
            sentences.append(progress.sentence(index, timing))
        return sentences

    return run


def timing(arm: Arm, seconds: float, disturbance: str = "") -> ProcessTiming:
    return ProcessTiming(arm, (CaseTiming(ONE, (seconds,)),), disturbance=disturbance)


def test_a_bench_tells_its_estimate_and_the_time_left(
    shown: Callable[..., list[str]],
) -> None:
    first, second = shown((0, timing(Arm.BASELINE, 1.5)), (0, timing(Arm.PATCHED, 1.0)))
    assert first == "pair 1 of at most 6, baseline timed; at most 1 min 50 s left"
    assert second == (
        "pair 1 of at most 6, patched timed; "
        "so far about 1.50 times as fast (1 pair, no verdict); at most 1 min 40 s left"
    )


def test_a_pair_that_is_run_again_says_why(shown: Callable[..., list[str]]) -> None:
    *_, last = shown(
        (0, timing(Arm.BASELINE, 1.5, "load: others used 31% of the processors")),
        (0, timing(Arm.PATCHED, 1.0)),
        (0, timing(Arm.BASELINE, 1.4)),
    )
    assert "again, for the first try was disturbed: load: others used 31%" in last
    assert "times as fast" not in last  # the disturbed pair does not count


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["interrupted", "interrupted-bench"])
def test_the_screen_of_an_interrupted_run_is_as_it_was_recorded(kind: str, width: int) -> None:
    """In the gates the rows stay; in a bench, where all are done, the last estimate too."""
    text = interrupted(kind, width)
    assert text == (FOLDER / f"{kind}-{width}.txt").read_text("utf-8")
    for line in text.splitlines():
        assert len(line) <= width or line.startswith("  patcher verify")
