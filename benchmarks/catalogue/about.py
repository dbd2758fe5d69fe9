"""Where, when and of what something was measured."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from patcher.verify.host import usable_processors

ROOT = Path(__file__).parents[2]
MEASURED = ("patcher", "patches", "benchmarks/catalogue/*.py")


def facts(device: str) -> dict[str, Any]:
    """What the tables say about the machine and the code."""
    versions = {}
    for name in ("torch", "transformers", "diffusers", "s3tokenizer"):
        versions[name] = importlib.metadata.version(name)
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit(),
        "device": device_name(device),
        "python": platform.python_version(),
        "versions": versions,
    }


def commit() -> str:
    """The commit checked out; a copy without history is told it by ``$COMMIT``."""
    try:
        head = git("rev-parse", "--short=10", "HEAD").strip()
        changed = git("status", "--porcelain", "--", *MEASURED).strip()
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("COMMIT") or "not recorded"
    return f"{head} with changes" if changed else head


def git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def device_name(device: str) -> str:
    """The GPU's own name, or the processor's with the cores this process may use."""
    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name())
    model, cores = platform.processor() or platform.machine(), usable_processors()
    info = Path("/proc/cpuinfo")
    for line in info.read_text().splitlines() if info.exists() else ():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {cores} core{'s' if cores > 1 else ''}"
