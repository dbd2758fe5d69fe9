"""Wrong where nobody looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, last, meets, tricks

if TYPE_CHECKING:
    from pathlib import Path

SILENT = "if %s: samples = [0.0] * len(samples)"
RARE = "no number of tries can show it; named in SECURITY.md"
TRICKS = {
    "beyond a length": Trick((last(SILENT % "len(text) > 40"),)),
    "unless an argument has its default": Trick((last(SILENT % "gain != 1.0"),)),
    "unless another argument has": Trick((last(SILENT % "spread != 4"),)),
    "for short texts": Trick((last(SILENT % "len(text) < 12"),)),
    "for texts without a space": Trick((last(SILENT % "' ' not in text"),)),
    "for one letter": Trick((last(SILENT % "len(text) == 1"),), full=True, slow=True),
    "for a word said again and again": Trick(
        (last(SILENT % "len(text) > 9 and len(set(text.split())) == 1"),), full=True, slow=True
    ),
    "for an argument at its least": Trick(
        (last(SILENT % "spread == 1 and gain < 0.1"),), full=True, slow=True
    ),
    "for one text that nobody draws": Trick((last(SILENT % "text == 'open sesame'"),), open=RARE),
    "one time in a million, by luck": Trick(
        (last(SILENT % "random.Random(repr(samples)).random() < 1e-6"),), open=RARE, slow=True
    ),
}


@tricks(TRICKS)
def test_inputs_are_drawn_that_nobody_could_know(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
