"""The worker and its session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import Declaration
from tests.redteam.frame import Trick, first, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

SHORTER = """
import __main__
_write = __main__.Worker.write
def write(self, message):
    if "wall_s" in message:
        message["wall_s"] /= 2
    _write(self, message)
__main__.Worker.write = write
"""
TRICKS = {
    "a method of the worker replaced": Trick((top(SHORTER),), must="undeclared"),
    "the same, declared": Trick(
        (top(SHORTER),), reason="clock-disputed", declares=(Declaration.GLOBALS,)
    ),
    "the session searched for": Trick(
        (top("import gc"), first("gc.get_objects()")), must="undeclared"
    ),
    "its referrers": Trick((top("import gc"), first("gc.get_referrers(self)")), must="undeclared"),
    "memory by address": Trick(
        (top("import ctypes"), first("ctypes.c_int.from_address(id(self))")), must="undeclared"
    ),
    "calls traced": Trick((top("import sys\nsys.setprofile(print)"),), must="undeclared"),
    "imports hooked": Trick((top("import sys\nsys.meta_path.append(None)"),), must="undeclared"),
    "something at exit": Trick((top("import atexit\natexit.register(print)"),), must="undeclared"),
    "a signal": Trick(
        (top("import signal\nsignal.signal(signal.SIGTERM, print)"),), must="undeclared"
    ),
    "a case that does not apply": Trick(
        (
            top("class NotApplicable(Exception): pass"),
            first("if len(text) > 3: raise NotApplicable('no')"),
        ),
        must="undeclared",
    ),
    "a case that does not apply, by another name": Trick(
        (
            top("Gone = type('NotApplicable', (Exception,), {})"),
            first("if len(text) > 3: raise Gone('no')"),
        )
    ),
}


@tricks(TRICKS)
def test_the_worker_is_out_of_reach(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
