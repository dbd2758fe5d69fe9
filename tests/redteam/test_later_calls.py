"""Right once, wrong later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, first, last, meets, tricks

if TYPE_CHECKING:
    from pathlib import Path

COUNT = "self.n = getattr(self, 'n', 0) + 1\n"
TRICKS = {
    "silence from the second call on": Trick(
        (last(COUNT + "if self.n > 1: samples = [0.0] * len(samples)"),)
    ),
    "silence from the fourth call on": Trick(
        (last(COUNT + "if self.n > 3: samples = [0.0] * len(samples)"),)
    ),
    "an error at the second call": Trick(
        (first(COUNT + "if self.n == 2: raise ValueError(self.n)"),)
    ),
    "an error at the fourth call": Trick(
        (first(COUNT + "if self.n == 4: raise ValueError(self.n)"),)
    ),
    "the process leaves at the third call": Trick(
        (first(COUNT + "if self.n == 3: raise SystemExit(0)"),)
    ),
    "the process leaves at once": Trick((first("import os\nos._exit(0)"),), must="undeclared"),
    "a text that comes again": Trick(
        (
            last(
                "if getattr(self, 't', None) == text: samples = [0.0] * len(samples)\nself.t = text"
            ),
        )
    ),
}


@tricks(TRICKS)
def test_a_later_call_counts_as_much_as_the_first(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
