"""Which of the edited lines run: `sys.monitoring` from Python 3.12 on, `sys.settrace` before.

Only code objects of functions that hold an edit are followed; all others cost one look-up a call.
Never on while anything is timed. Standard library alone.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import CodeType, FrameType

TOOL = 4  # of sys.monitoring's six: none of the well-known ones
IMPORTED = 0  # stands for "the file was imported"


class LineWatch:
    """Notes lines of functions that were edited.

    Args:
        tree: the import root.
        spans: by file relative to it, first and last line of each function to follow.
    """

    def __init__(self, tree: str, spans: Mapping[str, Sequence[Sequence[int]]]) -> None:
        self.spans = {os.path.join(tree, file): [*each] for file, each in spans.items()}
        self.names = {os.path.join(tree, file): file for file in spans}
        self.seen: dict[str, set[int]] = {}

    def imported(self, files: Iterable[str]) -> None:
        """Note files, relative to the tree, whose module code ran."""
        for file in files:
            if file in self.names.values():
                self.seen.setdefault(file, set()).add(IMPORTED)

    def drain(self) -> dict[str, list[int]]:
        """Lines by file since the last call; the first line of a function that was entered."""
        result = {file: sorted(lines) for file, lines in self.seen.items()}
        self.seen.clear()
        return result

    def __enter__(self) -> LineWatch:
        if not self.spans:
            return self
        if hasattr(sys, "monitoring"):
            self._monitor()
        else:
            threading.settrace(self._call)
            sys.settrace(self._call)
        return self

    def __exit__(self, *exception: object) -> None:
        if not self.spans:
            return
        if hasattr(sys, "monitoring"):
            sys.monitoring.free_tool_id(TOOL)
        else:
            sys.settrace(None)
            threading.settrace(None)

    def _follows(self, code: CodeType) -> bool:
        spans = self.spans.get(code.co_filename)  # a code object's own hash is slow
        if spans is None:
            return False
        line = code.co_firstlineno
        return any(first <= line <= last for first, last in spans)

    def _note(self, code: CodeType, line: int) -> None:
        self.seen.setdefault(self.names[code.co_filename], set()).add(line)

    def _call(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if code.co_filename not in self.spans or not self._follows(code):
            return None
        self._note(code, code.co_firstlineno)
        return self._line

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        self._note(frame.f_code, frame.f_lineno)
        return self._line

    def _monitor(self) -> None:
        monitoring = sys.monitoring  # type: ignore[attr-defined]
        events = monitoring.events
        monitoring.use_tool_id(TOOL, "patcher")

        def started(code: CodeType, offset: int) -> Any:
            if self._follows(code):
                self._note(code, code.co_firstlineno)
                monitoring.set_local_events(TOOL, code, events.LINE)
            return monitoring.DISABLE

        def ran(code: CodeType, line: int) -> Any:
            self._note(code, line)
            return monitoring.DISABLE

        monitoring.register_callback(TOOL, events.PY_START, started)
        monitoring.register_callback(TOOL, events.LINE, ran)
        monitoring.set_events(TOOL, events.PY_START)
        monitoring.restart_events()
