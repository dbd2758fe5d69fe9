"""A script of the benchmarks that answers line by line, run on one tree. Standard library alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def start(
    script: str, tree: Path, *arguments: str, python: str = sys.executable
) -> subprocess.Popen[str]:
    """Run a script whose imports come from ``tree`` first."""
    return subprocess.Popen(
        [python, str(Path(script).resolve()), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tree), str(ROOT)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a progress bar a generation
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The next line of a worker."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            result: dict[str, Any] = json.loads(line)
            return result
    raise RuntimeError(f"a worker ended with {process.wait()}")
