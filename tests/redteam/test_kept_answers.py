"""Answers kept from an earlier call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import Declaration
from tests.redteam.frame import Trick, first, last, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

TRICKS = {
    "by length, in the module": Trick(
        (
            top("_kept = {}"),
            first("if len(text) in _kept: return _kept[len(text)]"),
            last("_kept[len(text)] = samples"),
        ),
        must="undeclared",
    ),
    "by text, in the object": Trick(
        (
            first(
                "kept = self.__dict__.setdefault('_kept', {})\nif text in kept: return kept[text]"
            ),
            last("kept[text] = samples"),
        ),
        must="undeclared",
    ),
    "by the library": Trick(
        (
            top("from functools import lru_cache"),
            ("    def hum(self", "    @lru_cache\n    def hum(self"),
        ),
        must="undeclared",
    ),
    "in a default argument": Trick(
        (
            ("seed=0, spread=4, gain=1.0):", "seed=0, spread=4, gain=1.0, kept={}):"),
            first("if text in kept: return kept[text]"),
            last("kept[text] = samples"),
        ),
        must="undeclared",
    ),
    "in an attribute of the class": Trick(
        (first("if getattr(Hum, 'last', None): return Hum.last"), last("Hum.last = samples")),
        must="undeclared",
    ),
    "in a list of the class": Trick(
        (
            ("class Hum:\n", "class Hum:\n    kept = []\n"),
            first("for old, answer in self.kept:\n    if old == (text, seed): return answer"),
            last("self.kept.append(((text, seed), samples))"),
        ),
        reason="repeats",
    ),
    "on disk": Trick((last("open('kept.txt', 'w').write(repr(samples))"),), must="undeclared"),
    "the last one, by length": Trick(
        (
            first("if getattr(self, '_n', 0) == len(text): return self._last"),
            last("self._n, self._last = len(text), samples"),
        )
    ),
    "the last one, whatever is asked": Trick(
        (first("if hasattr(self, '_last'): return self._last"), last("self._last = samples"))
    ),
    "the last one, by text, whatever the seed": Trick(
        (
            first("if getattr(self, '_t', None) == text: return self._last"),
            last("self._t, self._last = text, samples"),
        ),
    ),
    "by length, declared as if right": Trick(
        (
            top("_kept = {}"),
            first("if len(text) in _kept: return _kept[len(text)]"),
            last("_kept[len(text)] = samples"),
        ),
        declares=(Declaration.CACHE_ANSWERS,),
    ),
}


@tricks(TRICKS)
def test_no_kept_answer_passes_for_a_new_one(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
