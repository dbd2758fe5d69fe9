"""A call that leaves something else behind for the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, last, meets, tricks

if TYPE_CHECKING:
    from pathlib import Path

TRICKS = {
    "the voice is spoilt": Trick((last("self.pitch = 0.0"),)),
    "the voice drifts": Trick((last("self.pitch += 1e-6"),)),
    "a method is replaced": Trick((last("self.waveform = lambda bands: [0.0] * 320"),)),
    "a list grows": Trick((last("self.seen = [*getattr(self, 'seen', []), text]"),)),
    "an attribute disappears": Trick((last("del self.pitch"),)),
}


@tricks(TRICKS)
def test_what_is_left_behind_is_seen(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
