"""Commands that keep what they finish: an interrupt says that the same command goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from patcher.errors import PatcherError


@contextmanager
def resumable(kept: str = "what is finished is kept") -> Iterator[None]:
    """Turn Ctrl-C into an ending that says what is kept.

    Raises:
        PatcherError: ``interrupted``.
    """
    try:
        yield
    except KeyboardInterrupt:
        hint = f"{kept}: the same command goes on from there"
        raise PatcherError("interrupted", "interrupted", hint=hint) from None
