"""Wrong where nobody looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, last, meets, tricks

if TYPE_CHECKING:
    from pathlib import Path

SILENT = "if %s: samples = [0.0] * len(samples)"
DRAWN = "drawn with `--inputs 3` and more: the default draws one long text and another seed"
RARE = "no number of tries can show it; named in SECURITY.md"
TRICKS = {
    "beyond a length": Trick((last(SILENT % "len(text) > 40"),)),
    "unless an argument has its default": Trick((last(SILENT % "gain != 1.0"),)),
    "unless another argument has": Trick((last(SILENT % "spread != 4"),)),
    "for short texts": Trick((last(SILENT % "len(text) < 12"),), open=DRAWN),
    "for one text that nobody draws": Trick((last(SILENT % "text == 'open sesame'"),), open=RARE),
    "one time in a million, by luck": Trick(
        (last(SILENT % "random.Random(repr(samples)).random() < 1e-6"),), open=RARE
    ),
    "for texts without a space": Trick((last(SILENT % "' ' not in text"),), open=DRAWN),
}


@tricks(TRICKS)
def test_inputs_are_drawn_that_nobody_could_know(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
