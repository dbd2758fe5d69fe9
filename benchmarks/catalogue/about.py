"""Where, when and of what something was measured."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from patcher.execution.machine import usable_processors

ROOT = Path(__file__).parents[2]
VECTORS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "VNNI",
    "avx512_vnni": "VNNI",
    "avx512_bf16": "bfloat16",
    "amx_bf16": "AMX",
    "amx_int8": "AMX",
}
"""What of a processor decides which form of a patch is the fastest, by the kernel's flags."""
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
    """The commit checked out; a copy without history takes it from ``$COMMIT``."""
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
    """The GPU's own name, or the processor's with what its vectors can do and the usable cores."""
    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name())
    info = Path("/proc/cpuinfo")
    return processor_name(info.read_text() if info.exists() else "", usable_processors())


def processor_name(info: str, cores: int) -> str:
    """A processor by what the kernel says of it (``/proc/cpuinfo``)."""
    lines = (line.partition(":") for line in info.splitlines())
    cpuinfo = {key.strip(): value.strip() for key, _, value in lines}
    model = cpuinfo.get("model name") or platform.processor() or platform.machine()
    has = cpuinfo.get("flags", "").split()
    # One name stands for several generations, and these decide what a patch gains.
    vectors = dict.fromkeys(word for flag, word in VECTORS.items() if flag in has)
    named = f"{model} ({', '.join(vectors)})" if vectors else model
    return f"{named}, {cores} core{'s' if cores > 1 else ''}"
