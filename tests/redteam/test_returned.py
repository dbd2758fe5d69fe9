"""What is returned is not what the stages show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, last, meets, tricks

if TYPE_CHECKING:
    from pathlib import Path

TRICKS = {
    "zeros of the right length": Trick((last("samples = [0.0] * len(samples)"),)),
    "half of it": Trick((last("samples = samples[: len(samples) // 2]"),)),
    "its tail cut off": Trick((last("samples = samples[:-40]"),)),
    "one sample more": Trick((last("samples = [*samples, 0.0]"),)),
    "one sample shifted": Trick((last("samples = [0.0, *samples[:-1]]"),)),
    "one sample changed": Trick((last("samples[7] += 1e-12"),)),
    "a tenth louder": Trick((last("samples = [1.1 * one for one in samples]"),)),
    "rounded to eight digits": Trick((last("samples = [round(one, 8) for one in samples]"),)),
    "negated": Trick((last("samples = [-one for one in samples]"),)),
    "not a number": Trick((last("samples[3] = math.nan"),)),
    "nothing": Trick((last("samples = []"),)),
    "the samples backwards": Trick((last("samples = samples[::-1]"),)),
}


@tricks(TRICKS)
def test_other_output_is_refused(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
