"""Telling a timed run from a judged one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, first, last, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

SILENT = "if %s: samples = [0.0] * len(samples)"
TRICKS = {
    "a keyword in the caller's frame": Trick(
        (top("import sys"), first("sys._getframe(1).f_locals.get('capture')")),
        must="undeclared",
    ),
    "the frames of the stack": Trick(
        (top("import inspect"), first("inspect.stack()")), must="undeclared"
    ),
    "a frame through an exception": Trick(
        (first("try: raise ValueError\nexcept ValueError as e: e.__traceback__.tb_frame.f_back"),),
        must="undeclared",
    ),
    "an environment variable": Trick(
        (top("import os"), first("os.environ.get('CUBLAS_WORKSPACE_CONFIG')")),
        must="undeclared",
    ),
    "the arguments of the process": Trick(
        (top("import sys"), first("sys.argv")), must="undeclared"
    ),
    "the parent's number": Trick((top("import os"), first("os.getppid()")), must="undeclared"),
    "the seeds of the named tests": Trick((last(SILENT % "seed not in (1, 2)"),)),
    "the texts of the named tests": Trick((last(SILENT % "not text.startswith('measure')"),)),
    "the memory in use": Trick(
        (top("import resource"), first("resource.getrusage(0)")), must="undeclared"
    ),
    "the modules that are loaded": Trick(
        (top("import sys"), first("'patcher' in sys.modules")), must="undeclared"
    ),
    "patcher itself": Trick((first("import patcher"),), must="undeclared"),
}


@tricks(TRICKS)
def test_nothing_tells_the_runs_apart(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
