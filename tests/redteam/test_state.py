"""A call that leaves something else behind for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import Equivalence
from tests.redteam.frame import Trick, first, last, meets, tricks
from tests.verify.judging import judged, one_case

if TYPE_CHECKING:
    from pathlib import Path

DRAWS = (first("random.random()"),)
TRICKS = {
    "the voice is spoilt": Trick((last("self.pitch = 0.0"),)),
    "the voice drifts": Trick((last("self.pitch += 1e-6"),)),
    "a method is replaced": Trick((last("self.waveform = lambda bands: [0.0] * 320"),)),
    "a list grows": Trick((last("self.seen = [*getattr(self, 'seen', []), text]"),)),
    "one random number more": Trick((last("random.random()"),)),
    "one random number less": Trick((DRAWS[0][::-1],), baseline=DRAWS),
    "an attribute disappears": Trick((last("del self.pitch"),)),
}


@tricks(TRICKS)
def test_what_is_left_behind_is_seen(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)


def test_random_numbers_left_elsewhere_are_listed_where_equal_bits_are_not_claimed(
    tmp_path: Path,
) -> None:
    draw = last("random.random()")
    actual = judged(tmp_path, draw, equivalence=Equivalence.CLOSE, matrix=one_case(), inputs=0)
    assert actual.verdict.value == "pass", actual.sentence
    warning = "calls leave the random numbers of python elsewhere than on the baseline"
    assert warning in actual.warnings
