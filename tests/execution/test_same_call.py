"""A judged and a timed run of one input look the same from inside the call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.execution.executor import Job, LocalExecutor, Step
from patcher.execution.runner import Silent, run_job
from tests.execution.test_process import OPEN, site
from tests.smalltarget.adapter import TESTS
from tests.verify.judging import tree

if TYPE_CHECKING:
    from pathlib import Path

    from patcher.execution.site import WorkerSite

CALL = "        samples = self.waveform(self.spectrogram(tokens))\n"
# Whatever stands in the frames around the call, turned into the answer.
LOOKS_AROUND = """        import sys, zlib
        frame, around = sys._getframe(), []
        while frame is not None:
            names = {name: repr(value) for name, value in frame.f_locals.items()
                     if type(value) in (str, int, bool, dict)}
            around.append((frame.f_code.co_name, sorted(frame.f_locals), names))
            frame = frame.f_back
        around = repr(around).replace(repr(text), "").replace("'id': 2", "'id': 3")
        samples = [float(zlib.crc32(around.encode()))] * len(samples)
"""


def answers(where: WorkerSite) -> list[str]:
    """The digest of one input's answer, judged and timed."""
    test = {"test": vars(TESTS[0])}
    steps = (OPEN, Step("run", test, 60), Step("batch", {"tests": [vars(TESTS[0])]}, 60))
    with LocalExecutor(1) as executor:
        _, judged, timed = run_job(executor, Job(where, steps), Silent())
    assert judged.failure is None, judged.failure
    return [judged.value["returned"][0]["sha256"], timed.value["returned-0"][0]["sha256"]]


def test_nothing_in_the_frames_around_a_call_tells_what_it_is_for(tmp_path: Path) -> None:
    looking = tree(tmp_path / "looking", (CALL, CALL + LOOKS_AROUND))
    judged, timed = answers(replace(site(tmp_path), tree=looking))
    assert judged == timed
