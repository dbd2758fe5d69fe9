"""Which of the edited lines run: `sys.monitoring` from Python 3.12 on, `sys.settrace` before.

Only code objects of functions that hold an edit are followed; all others cost one look-up a call.
Never on while anything is timed. Standard library alone.
"""

from __future__ import annotations

import json
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
        roots: import roots; a file is followed in whichever of them it is imported from.
        spans: by file relative to them, first and last line of each function to follow.
        enough: by file, groups of lines of which one is enough to know. A call that has shown one
            of each is followed no further: `sys.settrace` makes all of it slower. Without any,
            every call is followed to its end.
    """

    def __init__(
        self,
        roots: Sequence[str],
        spans: Mapping[str, Sequence[Sequence[int]]],
        enough: Mapping[str, Sequence[Sequence[int]]] | None = None,
    ) -> None:
        places = [(os.path.join(root, file), file) for root in roots for file in spans]
        self.names = dict(places)
        self.spans = {path: [*spans[file]] for path, file in places}
        self.seen: dict[str, set[int]] = {}
        groups = (enough or {}).items()
        self.enough = [(file, frozenset(each)) for file, lines in groups for each in lines]
        self.left = list(self.enough)  # what this call has not shown yet
        self.over = False  # it has shown all

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
        if any(self.spans.values()):  # where imports alone matter nothing is followed
            self.left, self.over = list(self.enough), False
            self.start()
        return self

    def start(self) -> None:
        """Follow from now on, in this thread and in those started later."""
        if hasattr(sys, "monitoring"):
            self._monitor()
        else:
            tracer = self._tracer()
            threading.settrace(tracer)
            sys.settrace(tracer)

    def __exit__(self, *exception: object) -> None:
        if not any(self.spans.values()):
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
        file = self.names[code.co_filename]
        self.seen.setdefault(file, set()).add(line)
        if self.left:
            self.left = [each for each in self.left if each[0] != file or line not in each[1]]
            self.over = not self.left

    def _tracer(self) -> Any:
        """What Python calls at every call there is: it looks at one name and is done."""
        spans = self.spans

        def entered(frame: FrameType, event: str, argument: object) -> Any:
            if self.over:
                sys.settrace(None)  # of this thread; others see for themselves
                return None
            return self._call(frame) if frame.f_code.co_filename in spans else None

        return entered

    def _call(self, frame: FrameType) -> Any:
        code = frame.f_code
        if not self._follows(code):
            return None
        self._note(code, code.co_firstlineno)
        return self._line

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        self._note(frame.f_code, frame.f_lineno)
        if self.over:
            sys.settrace(None)
            return None
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


class ProcessWatch(LineWatch):
    """Follows a process that a command started, from its first line to its last.

    What it sees goes into a file at once, a line ``FILE NUMBER`` each: a process may end without a
    word. ``- 0`` says that it follows, ``- 1`` that another tracer took its place.
    """

    def __init__(self, file: str, roots: Sequence[str], spans: Mapping[str, Any]) -> None:
        super().__init__(roots, spans)
        self.file = file
        self.settrace = sys.settrace
        self._write("-", 0)

    def start(self) -> None:
        super().start()
        if not hasattr(sys, "monitoring"):
            sys.settrace = self._replaced

    def _replaced(self, function: Any) -> None:
        """Somebody sets a tracer of their own, such as a measure of coverage."""
        self._write("-", 1)
        self.settrace(function)

    def _follows(self, code: CodeType) -> bool:
        if code.co_name == "<module>" and code.co_filename in self.names:
            self._note(code, IMPORTED)
        return super()._follows(code)

    def _note(self, code: CodeType, line: int) -> None:
        file = self.names[code.co_filename]
        lines = self.seen.setdefault(file, set())
        if line not in lines:
            lines.add(line)
            self._write(file, line)

    def _write(self, file: str, line: int) -> None:
        try:
            opened = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        except OSError:
            return  # a process that may not write there is not followed
        try:
            os.write(opened, f"{file} {line}\n".encode())
        finally:
            os.close(opened)


def follow_process(settings: str) -> None:
    """Follow this process; ``settings`` is JSON of what `ProcessWatch` takes."""
    ProcessWatch(**json.loads(settings)).start()
