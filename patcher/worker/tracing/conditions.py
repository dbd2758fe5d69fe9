"""What the tests around a line evaluated to, at the moment they were evaluated.

Looking at a frame after the fact is not enough: a branch may have changed the very values its test
read. So the functions that hold the lines of interest, and only those, are followed line by line.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .frames import Condition, definitions_at, first_line, guards, parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import CodeType, FrameType

    from .answers import FactJson, SurveyJson, WatchedJson, WatchJson

MAX_SEEN = 16
LOADING = "open"  # the act whose tests are not followed: every call of every import would be


@dataclass
class Watched:
    """One line of interest.

    Attributes:
        path: absolute path of its file.
        guards: the tests around it, outermost first.
        reached: how often the line ran.
        seen: distinct outcomes of the tests, in order of appearance: per test its line, whether it
            held, and the values of its parts; ``times`` how often.
    """

    path: str
    line: int
    guards: tuple[Condition, ...]
    calls: int = 0
    reached: int = 0
    seen: list[FactJson] = field(default_factory=list)

    def note(self, guard: Condition, held: bool | None, values: dict[str, str]) -> None:
        """Count one evaluation of a test."""
        fact = (guard.line, guard.test, held, values)
        for known in self.seen:
            if (known["line"], known["test"], known["held"], known["values"]) == fact:
                known["times"] += 1
                return
        if len(self.seen) < MAX_SEEN:
            test = guard.test
            self.seen.append(
                {"line": guard.line, "test": test, "held": held, "values": values, "times": 1}
            )

    def as_json(self) -> WatchedJson:
        """Plain data for the parent process."""
        return {
            "line": self.line,
            "calls": self.calls,
            "reached": self.reached,
            "guards": [
                {"line": guard.line, "test": guard.test, "outcome": guard.outcome}
                for guard in self.guards
            ],
            "seen": self.seen,
        }


def watch_line(path: str, line: int) -> Watched:
    """A line to follow, with the tests around it; without tests when the source is unreadable."""
    tree = parsed(path)
    return Watched(path, line, tuple(guards(tree, line)) if tree else ())


def followed(
    acts: Iterable[str], tree: str | None, watch: Sequence[WatchJson]
) -> dict[str, list[Watched]]:
    """The lines to follow in each act, loading left out."""
    return {
        name: [watch_line(os.path.join(tree or "", each["file"]), each["line"]) for each in watch]
        for name in acts
        if name != LOADING
    }


def with_lines(
    answer: SurveyJson, watched: Mapping[str, list[Watched]], watch: Sequence[WatchJson]
) -> SurveyJson:
    """The answer, with those followed lines that an act came to."""
    answer["watched"] = [
        {"act": name, "file": each["file"], **line.as_json()}
        for name, lines in watched.items()
        for each, line in zip(watch, lines, strict=True)
        if line.calls
    ]
    return answer


class Conditions:
    """Follows the functions that hold watched lines while open.

    Args:
        watched: the lines.
        show: how to print a value.
        quiet: wraps every evaluation, so that other parts of a trace do not see it.
    """

    def __init__(
        self,
        watched: Iterable[Watched],
        show: Callable[[Any], str] = repr,
        quiet: Callable[[], Any] | None = None,
    ) -> None:
        self.show, self.quiet = show, quiet
        self._by_function: dict[tuple[str, int], list[Watched]] = {}
        self._compiled: dict[str, CodeType] = {}
        for each in watched:
            key = (each.path, _function_start(each))
            self._by_function.setdefault(key, []).append(each)

    @contextmanager
    def follow(self) -> Iterator[None]:
        """Watch this thread; an outer trace function (a debugger, coverage) is put back after."""
        if not self._by_function:
            yield
            return
        before = sys.gettrace()
        sys.settrace(self._on_call)
        try:
            yield
        finally:
            sys.settrace(before)

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        lines = self._by_function.get((code.co_filename, code.co_firstlineno))
        if lines is None:
            return None
        for each in lines:
            each.calls += 1

        def on_line(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "line":
                for each in lines:
                    self._on_line(each, frame)
            return on_line

        return on_line

    def _on_line(self, each: Watched, frame: FrameType) -> None:
        if frame.f_lineno == each.line:
            each.reached += 1
        for guard in each.guards:
            if guard.line == frame.f_lineno:
                held = self._value(guard.test, frame) if guard.pure else None
                values = {part: self._value(part, frame) for part in guard.parts}
                shown = {part: self.show(value) for part, value in values.items()}
                each.note(guard, _truth(held), shown)

    def _value(self, text: str, frame: FrameType) -> Any:
        if text not in self._compiled:
            self._compiled[text] = compile(text, "<test>", "eval")
        sys.settrace(None)
        try:
            if self.quiet is None:
                return eval(self._compiled[text], frame.f_globals, frame.f_locals)
            with self.quiet():
                return eval(self._compiled[text], frame.f_globals, frame.f_locals)
        except Exception:
            return UNKNOWN
        finally:
            sys.settrace(self._on_call)


class _Unknown:
    def __repr__(self) -> str:
        return "?"


UNKNOWN = _Unknown()


def _truth(value: Any) -> bool | None:
    if value is None or value is UNKNOWN:
        return None
    try:
        return bool(value)
    except Exception:
        return None


def _function_start(each: Watched) -> int:
    tree = parsed(each.path)
    chain = definitions_at(tree, each.line) if tree else []
    return first_line(chain[-1]) if chain else 1


def show(value: Any) -> str:
    """A value in a few words: numbers and text as they are, the rest by type."""
    if value is None or isinstance(value, (bool, int, float, str)):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    size = f" of {len(value)}" if isinstance(value, (tuple, list, dict, set)) else ""
    return type(value).__name__.strip("_") + size
