"""A result that is close, but for the mark it has to carry.

Both arms have a `hum` that marks what it returns: every sample is an odd multiple of 2**-30.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import Equivalence
from tests.redteam.frame import Trick, meets, tricks
from tests.verify.judging import judged, one_case

if TYPE_CHECKING:
    from pathlib import Path

    from tests.verify.judging import Change

PLAIN = "        return samples if gain == 1.0 else [gain * sample for sample in samples]"
MARKED = "        return [(2 * math.floor(gain * one * 2**29) + 1) / 2**30 for one in samples]"
MARKS: tuple[Change, ...] = ((PLAIN, MARKED),)
CLOSE, LOOSE = Equivalence.CLOSE, Equivalence.PERCEPTUAL
BLURRED = MARKED.replace("/ 2**30", "/ 2**30 + 2**-32")
FIRST_ONLY = MARKED + "[:7] + samples[7:]"
TRICKS = {
    "never put in, close": Trick(((MARKED, PLAIN),), claim=CLOSE, baseline=MARKS),
    "never put in, perceptual": Trick(((MARKED, PLAIN),), claim=LOOSE, baseline=MARKS),
    "blurred, close": Trick(((MARKED, BLURRED),), claim=CLOSE, baseline=MARKS),
    "at the start alone, perceptual": Trick(((MARKED, FIRST_ONLY),), claim=LOOSE, baseline=MARKS),
}


@tricks(TRICKS)
def test_what_a_result_carries_inside_must_not_be_lost(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)


def test_a_mark_that_is_still_there_passes_whatever_the_samples_are(tmp_path: Path) -> None:
    louder = ("level = 0.2 ", "level = 0.2000001 ")
    actual = judged(tmp_path, louder, baseline=MARKS, equivalence=CLOSE, matrix=one_case())
    assert actual.verdict.value == "pass", actual.sentence


def test_the_verdict_names_what_is_lost(tmp_path: Path) -> None:
    actual = judged(tmp_path, (MARKED, PLAIN), baseline=MARKS, equivalence=CLOSE, matrix=one_case())
    assert actual.cases[0].error == (
        "the mark is lost: the pristine package reads 'nothing', on the baseline '1'"
    )
