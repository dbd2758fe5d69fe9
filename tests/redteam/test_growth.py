"""Memory that every call leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, last, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

TRICKS = {
    "five megabytes a call, in the object": Trick(
        (last("self.kept = [*getattr(self, 'kept', []), bytearray(5 << 20)]"),)
    ),
    "in the module": Trick(
        (top("_kept = []"), last("_kept.append(bytearray(5 << 20))")), must="undeclared"
    ),
    "in a generator that is never ended": Trick(
        (
            top(
                "def _holder():\n    kept = []\n    while True:\n        kept.append((yield))\n"
                "_hold = _holder()\nnext(_hold)"
            ),
            last("_hold.send(bytearray(5 << 20))"),
        ),
        must="undeclared",
    ),
}


@tricks(TRICKS)
def test_growth_is_measured(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
