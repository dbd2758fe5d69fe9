"""Which `no_grad` and `inference_mode` scopes are open, and which line of source opened each."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from .frames import Code

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

    from .frames import Stacks

    Opener = tuple[CodeType, int, bool]


@dataclass(frozen=True)
class OpenScope:
    """One open scope.

    Attributes:
        mode: ``no_grad`` or ``inference_mode``.
        enabled: False for ``inference_mode(False)``.
        code: the function that a decorator wraps, or that holds the ``with``.
        line: the ``with``; for a decorator, the first line of the definition.
        decorator: True when the whole call of the function is in the scope.
    """

    mode: str
    enabled: bool
    code: Code
    line: int
    decorator: bool


class Scopes(threading.local):
    """The scopes open in this thread, outermost first.

    `watch` replaces ``__enter__`` and ``__exit__`` of torch's two context classes while it is open.
    That sees what a call stack cannot: a generator suspended inside a ``with`` keeps its scope open
    in whoever consumes it. A ``no_grad`` that torch opens for itself is left out.
    """

    def __init__(self, stacks: Stacks) -> None:
        self.stacks = stacks
        self._open: list[tuple[int, OpenScope]] = []
        self.current: tuple[OpenScope, ...] = ()

    def _enter(self, manager: object, mode: str, enabled: bool, opener: Opener) -> None:
        code = self.stacks.code(opener[0])
        if code is None:
            if mode == "no_grad":
                return
            code = Code(opener[0])
        scope = OpenScope(mode, enabled, code, *opener[1:])
        self._open.append((id(manager), scope))
        self.current = tuple(scope for _, scope in self._open)

    def _exit(self, manager: object) -> None:
        for position in range(len(self._open) - 1, -1, -1):
            if self._open[position][0] == id(manager):
                del self._open[position]
                break
        self.current = tuple(scope for _, scope in self._open)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keep `current` true while open."""
        classes = {"no_grad": torch.no_grad, "inference_mode": torch.inference_mode}
        saved = {kind: (kind.__enter__, kind.__exit__) for kind in classes.values()}
        for mode, kind in classes.items():
            self._replace(mode, kind)
        try:
            yield
        finally:
            for kind, (enter, leave) in saved.items():
                kind.__enter__, kind.__exit__ = enter, leave
            self._open.clear()
            self.current = ()

    def _replace(self, mode: str, kind: Any) -> None:
        enter, leave = kind.__enter__, kind.__exit__

        def entering(manager: Any) -> Any:
            result = enter(manager)
            enabled = bool(getattr(manager, "mode", True)) if mode == "inference_mode" else True
            self._enter(manager, mode, enabled, _opened_by(sys._getframe(1)))
            return result

        def leaving(manager: Any, *exception: Any) -> Any:
            self._exit(manager)
            return leave(manager, *exception)

        kind.__enter__, kind.__exit__ = entering, leaving


def _opened_by(frame: FrameType) -> Opener:
    """The code and line that opened a scope, past the machinery of decorators and exit stacks."""
    here: FrameType | None = frame
    while here is not None:
        name = here.f_code.co_filename
        if name.endswith("_contextlib.py") and "func" in here.f_locals:
            function = here.f_locals["func"]
            function = getattr(function, "__func__", function)
            while hasattr(function, "__wrapped__"):
                function = function.__wrapped__
            code = getattr(function, "__code__", None)
            if code is not None:
                return code, code.co_firstlineno, True
        elif not name.endswith(("contextlib.py", "_contextlib.py")):
            return here.f_code, here.f_lineno, False
        here = here.f_back
    return frame.f_code, frame.f_lineno, False
