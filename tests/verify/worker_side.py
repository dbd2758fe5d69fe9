"""What tests ask a worker to call."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def rate() -> int:
    """A constant of the target, as imported."""
    from hum import voice  # type: ignore[import-not-found]

    return int(voice.RATE)


def make(values: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Makes nothing, and says so."""
    say(values["greeting"])


def kill_itself() -> None:
    """Ends as the kernel's out-of-memory killer ends a process."""
    os.kill(os.getpid(), signal.SIGKILL)


def start_a_sleeper() -> int:
    """Leaves a child behind; its process id."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid


def spin() -> None:
    """Works for ever."""
    print("spinning", flush=True)
    while True:
        pass
