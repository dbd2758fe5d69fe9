"""One buffer for all results, which the next call overwrites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, last, meets, tricks

if TYPE_CHECKING:
    from pathlib import Path

TRICKS = {
    "the same list every time": Trick(
        (
            last(
                "self.buffer = getattr(self, 'buffer', [])\n"
                "self.buffer[:] = samples\nsamples = self.buffer"
            ),
        ),
    ),
    "two lists in turn": Trick(
        (
            last(
                "self.a, self.b = getattr(self, 'b', []), getattr(self, 'a', [])\n"
                "self.a[:] = samples\nsamples = self.a"
            ),
        ),
    ),
}


@tricks(TRICKS)
def test_results_held_together_stay_what_they_were(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
