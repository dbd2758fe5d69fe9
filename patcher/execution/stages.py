"""Stage files: what runs gave, kept by hash in the records. Only the parent writes them.

A worker hands its outputs over in its own folder. They become records when their bytes fit what
was said of them, and they are checked again whenever they are read back.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.execution.results import Stage

BROKEN = ".broken"  # the ending of a file that was set aside


def element_bytes(dtype: str) -> int | None:
    """Bytes of one element of a NumPy dtype's name or ``bfloat16``; None for another word."""
    if dtype == "bool":
        return 1
    matched = re.fullmatch(r"b?(?:float|u?int|complex)(8|16|32|64|128)", dtype)
    return int(matched[1]) // 8 if matched else None


def digest_of(dtype: str, shape: tuple[int, ...], data: bytes) -> str:
    """The hash of an array: covers dtype, shape and bytes (`patcher.targets.adapter.Buffer`)."""
    return hashlib.sha256(f"{dtype}{list(shape)}:".encode() + data).hexdigest()


def misfit(dtype: str, shape: tuple[int, ...], sha256: str, data: bytes) -> str:
    """Why bytes are not the array they are said to be; empty when they are."""
    size = element_bytes(dtype)
    if size is not None and len(data) != size * math.prod(shape):
        return f"{len(data)} bytes are no {dtype} array of shape {list(shape)}"
    if digest_of(dtype, shape, data) != sha256:
        return "its bytes do not have the hash that was recorded"
    return ""


def stage_problem(stage: Stage) -> str:
    """Why a recorded stage cannot be used, with its path; empty when it can."""
    try:
        data = Path(stage.path).read_bytes()
    except OSError as error:
        return f"{stage.path}: {error.strerror}"
    why = misfit(stage.dtype, stage.shape, stage.sha256, data)
    return f"{stage.path}: {why}" if why else ""


class DamagedRecord(Exception):  # noqa: N818 - named like what it is about
    """A record that was written in this run does not hold what was written."""


def read_stage(stage: Stage) -> bytes:
    """The bytes of a stage.

    Raises:
        DamagedRecord: they are not as many as its shape has; the file is set aside.
    """
    path = Path(stage.path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedRecord(f"{path}: {error.strerror}") from None
    size = element_bytes(stage.dtype)
    expected = None if size is None else size * math.prod(stage.shape)
    if expected is not None and len(data) != expected:
        aside = set_aside(path)
        why = f"{len(data)} bytes are no {stage.dtype} array of shape {list(stage.shape)}"
        raise DamagedRecord(f"{path}: {why}; set aside as {aside.name}")
    return data


def keep_bytes(path: Path, data: bytes) -> None:
    """Write a record under its hash, complete or not at all; what else is there is set aside."""
    if path.exists():
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
        set_aside(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def set_aside(path: Path) -> Path:
    """Give a damaged record another name, so that it is made anew; the name it has now."""
    aside = path.with_name(f"{path.name}{BROKEN}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}{BROKEN}-{number}")
    path.rename(aside)
    return aside
