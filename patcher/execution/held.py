"""A worker that stays loaded between requests, for callers that decide what comes next."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.execution.process import Answer, WorkerProcess

if TYPE_CHECKING:
    from types import TracebackType

    from patcher.execution.executor import Step
    from patcher.execution.site import WorkerSite


class HeldWorker:
    """One worker process; it ends with the ``with`` block."""

    def __init__(self, site: WorkerSite) -> None:
        self.process = WorkerProcess(site)

    def __enter__(self) -> HeldWorker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.close()

    def ask(self, step: Step) -> Answer:
        """Make one request and wait for its answer.

        Raises:
            PatcherError: ``environment`` when it failed, with the last lines of the worker's log.
        """
        self.process.ask(step.op, step.arguments, step.timeout_s)
        answer = self._answer()
        if answer.failure is not None:
            notes = answer.failure.log.strip().splitlines()[-20:]
            raise PatcherError("environment", answer.failure.text, notes=notes)
        return answer

    def _answer(self) -> Answer:
        while True:
            deadline_s = self.process.deadline_s
            left_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
            if not select.select([self.process], [], [], left_s)[0]:
                self.process.expire()
                continue
            for news in self.process.receive():
                if isinstance(news, Answer):
                    return news
