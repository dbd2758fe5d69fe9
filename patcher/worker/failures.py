"""What a worker says of an error that a request ended in."""

from __future__ import annotations

import importlib
import os
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.worker.messages import FailedFrame, FailedRequest

MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "main.py")


def raised_by_adapter(error: BaseException, tree: str) -> bool:
    """Whether the adapter itself said that the case cannot exist.

    Its own class, by identity, raised by code outside of the tree: the target cannot say so.
    """
    adapter = importlib.import_module("patcher.targets.adapter")
    if type(error) is not adapter.NotApplicable:
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return not frames[-1].filename.startswith(tree + os.sep)


def describe_failure(error: BaseException, tree: str, stage: str) -> FailedRequest:
    """The fields of `patcher.execution.results.Failure`; frames below `main` only."""
    frames: list[FailedFrame] = []
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == MAIN or frame.filename.startswith("<frozen importlib"):
            continue
        inside = frame.filename.startswith(tree + os.sep)
        frames.append(
            {
                "file": os.path.relpath(frame.filename, tree) if inside else frame.filename,
                "line": frame.lineno or 0,
                "function": frame.name,
                "text": frame.line or "",
                "in_target": inside,
            }
        )
    return {
        "kind": failure_kind(error),
        "type": type(error).__name__,
        "message": str(error),
        "frames": frames[-40:],
        "stage": stage,
    }


def failure_kind(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or "DefaultCPUAllocator: can't allocate" in text:
        return "host-oom"
    if "OutOfMemoryError" in text or "CUDA out of memory" in text:
        return "device-oom"
    if "device-side assert" in text:
        return "device-assert"
    if isinstance(error, SyntaxError):
        return "compile"
    if isinstance(error, ImportError):
        return "import"
    return "exit" if isinstance(error, SystemExit) else "exception"
