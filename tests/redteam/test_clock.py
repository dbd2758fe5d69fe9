"""The clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import Declaration
from tests.redteam.frame import Trick, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

HALF = "_real = time.perf_counter\nslow = lambda: _real() / 2\n%s"
TRICKS = {
    "perf_counter rebound": Trick(
        (top("import time\n" + HALF % "time.perf_counter = slow"),), must="undeclared"
    ),
    "by setattr": Trick(
        (top("import time\n" + HALF % "setattr(time, 'perf_counter', slow)"),),
        must="undeclared",
    ),
    "under another name": Trick(
        (top("import time as t\n" + (HALF % "t.monotonic = slow").replace("time.", "t.")),),
        must="undeclared",
    ),
    "through its namespace": Trick(
        (top("import time\n" + HALF % "vars(time)['perf_counter'] = slow"),),
        must="undeclared",
    ),
    "through the loaded modules": Trick(
        (top("import sys, time\n" + HALF % "sys.modules['time'].perf_counter = slow"),),
        must="undeclared",
    ),
    "through an import that is computed": Trick(
        (top("import time\n" + HALF % "__import__('ti' + 'me').perf_counter = slow"),),
        must="undeclared",
    ),
    "in text that is run": Trick(
        (top("exec('import time; time.perf_counter = float')"),), must="undeclared"
    ),
    "declared, and of no use": Trick(
        (top("import time\n" + HALF % "time.perf_counter = time.monotonic = slow"),),
        must="pass",
        declares=(Declaration.GLOBALS, Declaration.ENVIRONMENT),
    ),
}


@tricks(TRICKS)
def test_a_clock_in_the_worker_decides_nothing(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
