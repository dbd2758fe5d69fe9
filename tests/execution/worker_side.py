"""What tests ask a worker to call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import NotApplicable
from tests.smalltarget.adapter import HumSession

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from patcher.targets.adapter import Opening, Produced, Test


def rate() -> int:
    """A constant of the target, as imported."""
    from hum import voice  # type: ignore[import-not-found]

    return int(voice.RATE)


def nap(seconds: float) -> None:
    """Takes its time."""
    time.sleep(seconds)


def make(values: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Makes nothing, and says so."""
    say(values["greeting"])


def kill_itself() -> None:
    """Ends as the kernel's out-of-memory killer ends a process."""
    os.kill(os.getpid(), signal.SIGKILL)


def start_a_sleeper() -> int:
    """Leaves a child behind; its process id."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


def wait_for_a_sleeper() -> None:
    """Names a child's process id in the log, and waits for it."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(f"sleeper {sleeper.pid}", flush=True)
    sleeper.wait()


def spin() -> None:
    """Works for ever."""
    print("spinning", flush=True)
    while True:
        pass


def fetch(values: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Fails as a download does."""
    raise OSError("no route to the weights")


def open_patient_session(opening: Opening) -> HumSession:
    """A session that finds any length plausible."""
    return PatientSession(opening)


class PatientSession(HumSession):
    """See `open_patient_session`."""

    def run(self, test: Test, *, capture: bool) -> Produced:
        return replace(super().run(test, capture=capture), expected_s=None)


def open_low_session(opening: Opening) -> HumSession:
    """A session that cannot hum high."""
    return LowSession(opening)


class LowSession(HumSession):
    """See `open_low_session`."""

    def run(self, test: Test, *, capture: bool) -> Produced:
        if self.voice.pitch > 200:
            raise NotApplicable("no high voice")
        return super().run(test, capture=capture)
