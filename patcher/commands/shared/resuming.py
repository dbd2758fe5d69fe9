"""Commands that keep what they finish: what ends them early says that the same command goes on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from patcher.errors import PatcherError

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def resumable(folder: Path, kept: str = "what is finished is kept") -> Iterator[None]:
    """Turn Ctrl-C and a disk that is full into an ending that says what is kept.

    Args:
        folder: the workspace: where the disk is full, when the system does not say.

    Raises:
        PatcherError: ``interrupted``, ``io``.
    """
    try:
        yield
    except KeyboardInterrupt:
        hint = f"{kept}: the same command goes on from there"
        raise PatcherError("interrupted", "interrupted", hint=hint) from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = str(error.filename or folder)
        hint = f"make room; {kept}: the same command goes on from there"
        raise PatcherError("io", error.strerror or str(error), hint=hint, where=where) from error
