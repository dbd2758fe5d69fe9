"""Following a verification while it runs: a live table on a terminal, a line a case elsewhere."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.execution.results import Arm
from patcher.report.console import Line as Printed
from patcher.report.console import console, print_lines
from patcher.report.verdict import columns
from patcher.report.words import NO_WEIGHTS, count, duration, short
from patcher.report.wrapping import wrap

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console, RenderableType
    from rich.live import Live

    from patcher.execution.results import Case, CaseResult

RUNNING, STOPPED = "running", "stopped"
TIMING = ("timing: ", "pair ")  # how the lines of a bench begin
PURPOSES = {
    "control": "once more without the patch",
    "retry": "once more with the patch",
    "replay": "stage by stage",
    "trace": "traced",
    "remedy": "with a remedy",
}


def can_draw(out: Console) -> bool:
    """Whether lines can be drawn again where they stand: a real terminal that takes commands.

    ``NO_COLOR`` and a dumb terminal get plain lines; ``FORCE_COLOR`` asks for colour in a file,
    not for a cursor that moves in it.
    """
    return out.file.isatty() and out.is_interactive and not (out.no_color or out.is_dumb_terminal)


class Progress:
    """An observer of `patcher.verify.judge`; a context manager around it.

    Args:
        color: False for plain output: a line a case, nothing redrawn; None lets the terminal
            decide.
        quiet: print nothing.
        expected_s: what the last run like this one took; None where there was none.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        color: bool | None = None,
        quiet: bool = False,
        expected_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console(color=color, stream=sys.stderr)
        self._quiet = quiet
        self._drawn = not quiet and color is not False and can_draw(self._console)
        self._expected_s = expected_s
        self._clock = clock
        self._live: Live | None = None
        self._states: dict[Case, dict[Arm, str]] = {}
        self._done: set[tuple[Case, Arm]] = set()
        self._reused = 0
        self._line = ""
        self._began = clock()
        self._runs_began = self._began

    def __enter__(self) -> Progress:
        if self._drawn:
            from rich.live import Live

            # Redrawn on events, and twice a second for the clock.
            self._live = Live(
                console=self._console,
                get_renderable=self._render,
                refresh_per_second=2,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shown = self._live is not None
        if self._live is not None:
            self._live.stop()
            self._live = None
        stopped = isinstance(error, KeyboardInterrupt) or (
            isinstance(error, PatcherError) and error.code == "interrupted"
        )
        if stopped and self._states and not self._quiet:
            ending = self.interrupted(self._console.width, live=shown)
            print_lines(self._console, map(Printed, ending))

    def interrupted(self, width: int, *, live: bool) -> list[str]:
        """What an interrupted run ends with: what is kept, and the line that goes on.

        Args:
            live: there was a live view, which took its rows and a bench's last line with it; they
                stay on the screen.
        """
        done, total = len(self._done), self._total
        timing = done == total and self._line.startswith(TIMING)
        for arms in self._states.values():
            arms.update({arm: STOPPED for arm, state in arms.items() if state == RUNNING})
        # What a model's calls return is read once more after all of them.
        rest = "every finished pair is kept" if timing else "a model that was running starts over"
        is_done = "is" if done == 1 else "are"
        return [
            *(self.rows() if live else []),
            *(wrap(self._line, width) if live and timing else []),
            *wrap(f"{done} of {total} runs {is_done} finished, {rest}; to go on:", width),
            f"  {shlex.join(['patcher', *sys.argv[1:]])}",
        ]

    @property
    def _total(self) -> int:
        return len(Arm) * len(self._states)

    def planned(self, cases: tuple[Case, ...], weights: str) -> None:
        """The matrix, before anything runs."""
        self._states = {case: {} for case in cases}
        self._runs_began = self._clock()
        text = f"{count(len(cases), 'case')} on two arms"
        if weights not in NO_WEIGHTS:
            text += f"; {weights}"
        if self._expected_s:
            text += f"; the last run like this took {duration(self._expected_s)}"
        self.message(text)

    def began(self, arm: Arm, case: Case, purpose: str) -> None:
        """A worker starts on a case."""
        if purpose == "run":
            self._states.setdefault(case, {})[arm] = RUNNING
        else:
            self.message(f"{PURPOSES.get(purpose, purpose)}: {case}, {arm.value}")

    def finished(self, result: CaseResult, purpose: str) -> None:
        """A case has its result."""
        # On the patched arm lines are noted as they run, which takes a multiple of the time.
        timed = result.measure is not None and result.arm is Arm.BASELINE
        took = f" {short(result.measure.wall_s)}" if timed and result.measure else ""
        state = "not-applicable" if result.not_applicable else result.outcome.value
        kept = " (kept from before)" if result.reused else ""
        if purpose != "run":
            if self._live is None:
                label = PURPOSES.get(purpose, purpose)
                self._print(f"{label}: {result.case}, {result.arm.value}: {state}{took}")
            return
        self._states.setdefault(result.case, {})[result.arm] = state + took
        self._done.add((result.case, result.arm))
        self._reused += result.reused
        if self._live is None:
            text = f"{result.arm.value:<8}  {result.case}: {state}{took}{kept}"
            left = self.left()
            place = f"{len(self._done):>2} of {self._total}"
            self._print(f"{place}  {text}{f'; {left}' if left else ''}")

    def message(self, text: str) -> None:
        """A line of progress."""
        self._line = text
        if self._live is None:
            self._print(text)

    def tell(self, text: str) -> None:
        """Print a line that stays, above the live view where there is one."""
        if self._quiet:
            return
        fits = "\n" in text or not self._console.is_terminal
        lines = [text] if fits else wrap(text, self._console.width, "", "  ")
        print_lines(self._console, map(Printed, lines))

    def left(self) -> str:
        """``about 40 s left``, at the pace of the runs so far; empty where nobody can tell."""
        ran = len(self._done) - self._reused
        rest = self._total - len(self._done)
        if ran < 2 or rest <= 0:
            return ""
        pace_s = (self._clock() - self._runs_began) / ran
        return f"about {duration(pace_s * rest)} left"

    def rows(self) -> list[str]:
        """A row a case: both arms as they stand."""
        rows = [["", "baseline", "patched"]]
        models: dict[int, str] = {}
        for case, arms in self._states.items():
            models.setdefault(len(rows), case.model)
            rows.append([f"  {case.test}", *(arms.get(arm, "-") for arm in Arm)])
        head, *lines = columns(rows)
        shown, model = [head], ""
        for number, line in enumerate(lines, 1):
            if models[number] != model:
                model = models[number]
                shown.append(model)
            shown.append(line)
        return shown

    def _print(self, text: str) -> None:
        if not self._quiet:
            clock = self._clock() - self._began
            head = f"[{clock:6.1f} s] "
            if self._console.is_terminal:
                for line in wrap(text, self._console.width, head, " " * len(head)):
                    self._console.print(line, soft_wrap=True)
            else:
                self._console.print(head + text, soft_wrap=True)

    def _render(self) -> RenderableType:
        from rich.text import Text

        passed = duration(self._clock() - self._began)
        phase = f"{len(self._done)} of {self._total} runs" if self._states else "getting ready"
        left = self.left()
        if not left and self._expected_s and len(self._done) < self._total:
            left = f"the last one took {duration(self._expected_s)}"
        head = ", ".join(part for part in (phase, passed, left) if part)
        lines = [head, *wrap(self._line, self._console.width)]
        table = self.rows() if self._states else []
        room = max(3, self._console.height - len(lines) - 1)
        if len(table) > room:  # a table longer than the screen would scroll away
            table = [*table[: room - 1], f"and {len(table) - room + 1} more lines"]
        return Text("\n".join([*table, *lines]), no_wrap=True, overflow="ellipsis")
