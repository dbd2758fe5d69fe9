"""Patches that look hostile and are not: none of them is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import Declaration, Equivalence
from tests.redteam.frame import Trick, first, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

TRICKS = {
    "nothing but a comment": Trick((first("# as before"),), must="pass", slow=True),
    "less work for the same samples": Trick(
        (("        return polished\n", "        return list(polished)\n"),), must="pass"
    ),
    "a helper": Trick(
        (top("def _same(x):\n    return x"), first("text = _same(text)")), must="pass"
    ),
    "a constant of the module": Trick(
        (top("_HALF = 0.5"), first("seed = int(seed + _HALF - _HALF)")), must="pass", slow=True
    ),
    "the table kept, declared": Trick(
        (
            top("_tables = {}"),
            (
                "        polished = table\n",
                "        if 'table' in _tables:\n"
                "            return _tables['table']\n"
                "        polished = table\n",
            ),
            (
                "        return polished\n",
                "        _tables['table'] = polished\n        return polished\n",
            ),
        ),
        must="pass",
        declares=(Declaration.CACHE_WEIGHTS,),
        gains=0.0,
        slow=True,
    ),
    "answers kept by all that decides them, declared": Trick(
        (
            top("_kept = {}"),
            first(
                "key = text, seed, spread, gain, self.pitch\n"
                "if key in _kept: return list(_kept[key])"
            ),
            (
                "        return samples if gain == 1.0 else [gain * sample for sample in samples]",
                "        if gain != 1.0:\n"
                "            samples = [gain * sample for sample in samples]\n"
                "        _kept[key] = samples\n"
                "        return list(samples)",
            ),
        ),
        must="pass",
        declares=(Declaration.CACHE_ANSWERS,),
    ),
    "a little louder, perceptual": Trick(
        (("level = 0.2 ", "level = 0.2005 "),), must="pass", claim=Equivalence.PERCEPTUAL
    ),
}


@tricks(TRICKS)
def test_an_honest_patch_passes(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
