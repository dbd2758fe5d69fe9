"""Following a verification while it runs: a live table on a terminal, a line a case elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from patcher.execution.results import Arm
from patcher.report.console import cell, console, table

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import RenderableType
    from rich.live import Live

    from patcher.execution.results import Case, CaseResult

RUNNING = "running"


class Progress:
    """An observer of `patcher.verify.judge`; a context manager around it.

    Args:
        color: False for plain output; None lets the terminal decide.
        quiet: print nothing.
    """

    def __init__(self, *, color: bool | None = None, quiet: bool = False) -> None:
        self._console = console(color=color, stream=sys.stderr)
        self._quiet = quiet
        self._live: Live | None = None
        self._states: dict[Case, dict[Arm, str]] = {}
        self._line = ""
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        if self._console.is_terminal and not self._quiet:
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
        if self._live is not None:
            self._live.stop()
            self._live = None

    def planned(self, cases: tuple[Case, ...], weights: str) -> None:
        """The matrix, before anything runs."""
        self._states = {case: {} for case in cases}
        self.said(f"{len(cases)} cases on two arms; weights: {weights}")

    def began(self, arm: Arm, case: Case, purpose: str) -> None:
        """A worker starts on a case."""
        if purpose == "run":
            self._states.setdefault(case, {})[arm] = RUNNING
        else:
            self.said(f"{purpose}: {case}, {arm.value}")

    def finished(self, result: CaseResult, purpose: str) -> None:
        """A case has its result."""
        took = f" {result.measure.wall_s:.1f} s" if result.measure else ""
        state = "not-applicable" if result.not_applicable else result.outcome.value
        reused = " (kept from before)" if result.reused else ""
        if purpose == "run":
            self._states.setdefault(result.case, {})[result.arm] = state + took
        if self._live is None:
            label = "" if purpose == "run" else f"{purpose}: "
            self._print(f"{label}{result.arm.value:<8}  {result.case}: {state}{took}{reused}")

    def said(self, text: str) -> None:
        """A line of progress."""
        self._line = text
        if self._live is None:
            self._print(text)

    def _print(self, text: str) -> None:
        if not self._quiet:
            clock = time.monotonic() - self._began
            self._console.print(f"[{clock:6.1f} s] {text}", soft_wrap=True)

    def _render(self) -> RenderableType:
        from rich.console import Group

        rows = [
            [case.model, case.test, done.get(Arm.BASELINE), done.get(Arm.PATCHED)]
            for case, done in self._states.items()
        ]
        clock = f"{time.monotonic() - self._began:.0f} s"
        return Group(
            table(["model", "test", "baseline", "patched"], rows), cell(f"{clock}  {self._line}")
        )
