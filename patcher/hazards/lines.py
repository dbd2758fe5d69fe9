"""Which line of one version of a file is which line of another."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache


class LineMap:
    """Maps line numbers (from 1) between two versions of a file.

    A line that only one version has maps to the place in the other where it was put in or taken
    out: the first line after the gap, or the last line of the file.
    """

    def __init__(self, before: bytes, after: bytes) -> None:
        old, new = before.splitlines(), after.splitlines()
        matcher = SequenceMatcher(None, old, new, autojunk=False)
        self._blocks = [] if old == new else matcher.get_opcodes()
        self._old, self._new = len(old), len(new)

    def before(self, line: int) -> int:
        """The line of the earlier version for one of the later."""
        for tag, old, old_end, new, new_end in self._blocks:
            if new < line <= new_end:
                if tag == "equal" or (tag == "replace" and line - new <= old_end - old):
                    return old + line - new
                return min(old_end + (tag != "replace"), max(self._old, 1))
        return line

    def after(self, line: int) -> int:
        """The line of the later version for one of the earlier."""
        for tag, old, old_end, new, new_end in self._blocks:
            if old < line <= old_end:
                if tag == "equal" or (tag == "replace" and line - old <= new_end - new):
                    return new + line - old
                return min(new_end + (tag != "replace"), max(self._new, 1))
        return line

    def added(self, line: int) -> bool:
        """Whether a line of the later version is not in the earlier."""
        return any(
            tag != "equal" and new < line <= new_end for tag, _, _, new, new_end in self._blocks
        )


@lru_cache(maxsize=256)
def line_map(before: bytes, after: bytes) -> LineMap:
    """A line map, made once for a pair of versions."""
    return LineMap(before, after)
