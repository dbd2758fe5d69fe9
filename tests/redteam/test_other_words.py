"""Other words or another voice, under the loosest claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import Equivalence
from tests.redteam.frame import Trick, first, last, meets, tricks

if TYPE_CHECKING:
    from pathlib import Path

LOOSE = Equivalence.PERCEPTUAL
TRICKS = {
    "the text backwards": Trick((first("text = text[::-1]"),), claim=LOOSE),
    "half of the text": Trick((first("text = text[: len(text) // 2]"),), claim=LOOSE),
    "always the same seed": Trick((first("seed = 0"),), claim=LOOSE),
    "another voice": Trick((first("self.pitch = self.pitch * 2"),), claim=LOOSE),
    "the spread ignored": Trick((first("spread = 1"),), claim=LOOSE),
    "silence": Trick((last("samples = [0.0] * len(samples)"),), claim=LOOSE),
    "the samples backwards": Trick((last("samples = samples[::-1]"),), claim=LOOSE),
    "quieter by half": Trick((last("samples = [one / 2 for one in samples]"),), claim=LOOSE),
}


@tricks(TRICKS)
def test_it_is_refused_as_perceptual_too(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
