"""Work left for after the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.redteam.frame import Trick, first, meets, top, tricks

if TYPE_CHECKING:
    from pathlib import Path

LAZY = """
class Lazy:
    def __init__(self, make):
        self.make, self.made = make, None
    def all(self):
        self.made = self.make() if self.made is None else self.made
        return self.made
    def __len__(self):
        return len(self.all())
    def __iter__(self):
        return iter(self.all())
    def __getitem__(self, at):
        return self.all()[at]
"""
TRICKS = {
    "a sequence that computes when it is read": Trick(
        (
            top(LAZY),
            (
                "        samples = self.waveform(self.spectrogram(tokens))\n",
                "        samples = Lazy(lambda: self.waveform(self.spectrogram(tokens)))\n",
            ),
        ),
        must="pass",
    ),
    "a thread": Trick(
        (top("from threading import Thread"), first("Thread(target=print).start()")),
        must="undeclared",
    ),
    "a pool": Trick(
        (
            top("from concurrent.futures import ThreadPoolExecutor as Pool"),
            first("Pool().submit(print)"),
        ),
        must="undeclared",
    ),
    "a child process": Trick(
        (top("import subprocess"), first("subprocess.Popen(['true'])")), must="undeclared"
    ),
    "a fork": Trick((top("import os"), first("os.fork()")), must="undeclared"),
    "a thread by its low name": Trick(
        (top("import _thread"), first("_thread.start_new_thread(print, ())")), must="undeclared"
    ),
}


@tricks(TRICKS)
def test_the_answer_counts_when_it_has_arrived(trick: Trick, tmp_path: Path) -> None:
    meets(trick, tmp_path)
