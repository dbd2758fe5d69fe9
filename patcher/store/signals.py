"""Signals wait while files change, so that nothing is ever half done because someone stopped it."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError

if TYPE_CHECKING:
    from types import FrameType, TracebackType

WAITING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Deferred:
    """While this is entered, SIGINT, SIGTERM and SIGHUP are noted instead of acted on.

    `checkpoint` raises PatcherError ``interrupted`` when one came: the place to stop and put
    everything back. Further signals are noted too, so a second Ctrl-C cannot break the restoring.
    On leaving, a signal that no checkpoint has answered is delivered again, unless ``absorb`` says
    that the work it meant to stop is done. Nests: the outermost one owns the handlers. Outside the
    main thread signals are never delivered, so it does nothing there.
    """

    _active: Deferred | None = None

    def __init__(self, *, absorb: bool = False) -> None:
        self._absorb = absorb
        self._previous: dict[int, Any] = {}
        self._owner = self
        self._seen: list[int] = []
        self._answered = False

    def __enter__(self) -> Deferred:
        if Deferred._active is not None:
            self._owner = Deferred._active
            return self
        if threading.current_thread() is threading.main_thread():
            Deferred._active = self
            for number in WAITING:
                # An ignored signal stays ignored: nohup, background jobs of a shell.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._note)
        return self

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._seen.append(number)

    @property
    def received(self) -> int | None:
        """The first signal that came, or None."""
        return self._owner._seen[0] if self._owner._seen else None

    def checkpoint(self) -> None:
        """Raise PatcherError ``interrupted`` if a signal came that was not answered yet."""
        if self.received is not None and not self._owner._answered:
            self._owner._answered = True
            name = signal.Signals(self.received).name
            raise PatcherError("interrupted", f"stopped by {name}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._owner is not self:
            return
        for number, handler in self._previous.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        if Deferred._active is self:
            Deferred._active = None
        if self._seen and not self._answered and not self._absorb and error is None:
            os.kill(os.getpid(), self._seen[0])
