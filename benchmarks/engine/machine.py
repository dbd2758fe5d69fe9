"""The machine that figures are from."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def device() -> str:
    """The processor, how many of it, and how busy it was with other things."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = lines[0].split(":")[1].strip() if lines else model
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, load {os.getloadavg()[2]:.1f}"
