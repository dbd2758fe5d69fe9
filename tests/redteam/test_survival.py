"""What a model is put through beside calls: threads, a second model, copies, pickling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import Declaration, Equivalence
from tests.redteam.frame import Trick, last, meets, top, tricks
from tests.verify.judging import judged, one_case

if TYPE_CHECKING:
    from pathlib import Path

    from tests.verify.judging import Change

LOST = "does-not-survive"
LINE = "        samples = self.waveform(self.spectrogram(tokens))\n"
LEVEL = "            step = 1 + int(self.pitch / 40) + frame % 5\n"


def loaded(code: str) -> Change:
    """Code at the end of loading."""
    return ("        self.pitch = pitch\n", f"        self.pitch = pitch\n        {code}\n")


TRICKS = {
    "one buffer for all threads": Trick(
        (
            top("_now = {}"),
            (LINE, f"        _now['tokens'] = tokens\n{LINE}"),
            last("if _now['tokens'] is not tokens: samples = [0.0] * len(samples)"),
        ),
        reason=LOST,
        declares=(Declaration.CACHE_WEIGHTS,),
        full=True,
    ),
    "what only the loading thread has": Trick(
        (
            top("import threading\n_here = threading.local()"),
            loaded("_here.step = 40"),
            (LEVEL, LEVEL.replace("/ 40", "/ _here.step")),
        ),
        reason=LOST,
        declares=(Declaration.THREADS, Declaration.GLOBALS),
        full=True,
        slow=True,
    ),
    "the last model loaded speaks for all": Trick(
        (loaded("Hum.now = pitch"), (LEVEL, LEVEL.replace("self.pitch", "Hum.now"))),
        reason=LOST,
        declares=(Declaration.GLOBALS,),
        full=True,
        slow=True,
    ),
    "a lambda in the instance": Trick(
        (loaded("self.step = lambda: 40"), (LEVEL, LEVEL.replace("/ 40", "/ self.step()"))),
        reason=LOST,
        full=True,
    ),
    "a generator in the instance": Trick(
        (loaded("self.later = (one for one in ())"),),
        reason=LOST,
        claim=Equivalence.PERCEPTUAL,
        full=True,
        slow=True,
    ),
    "known by where it lies in memory": Trick(
        (
            top("_pitch = {}"),
            loaded("_pitch[id(self)] = pitch"),
            (LEVEL, LEVEL.replace("self.pitch", "_pitch[id(self)]")),
        ),
        reason=LOST,
        declares=(Declaration.CACHE_WEIGHTS,),
        full=True,
        slow=True,
    ),
}


@tricks(TRICKS)
def test_what_pristine_survives_the_patched_model_survives(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)


def test_each_probe_has_a_row_that_says_what_both_arms_did(tmp_path: Path) -> None:
    lambda_ = loaded("self.step = lambda: 40")
    actual = judged(tmp_path, lambda_, full=True, matrix=one_case(), inputs=0)
    rows = {row.probe: row for row in actual.survived}
    assert set(rows) == {
        "deepcopy", "pickling", "pickling after use", "two models", "two threads",
    }  # fmt: skip
    assert rows["two threads"].patched == "same"
    assert rows["pickling"].lost
    assert (rows["pickling"].baseline, rows["pickling"].patched) == ("same", "raises")
    assert "pickling: pristine gives the same results, patched raises" in actual.sentence
