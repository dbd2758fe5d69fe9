"""The files that a change of the working copy wrote, as commands return them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.results import FileChange

if TYPE_CHECKING:
    from patcher.store.working_copy import Change


def file_changes(change: Change | None) -> tuple[FileChange, ...]:
    """Path and hashes of every file that was written."""
    return tuple(FileChange(*each) for each in change.files) if change else ()


def sha256_of(content: bytes | None) -> str | None:
    """The hash of a file's bytes; None where there is no file."""
    from patcher.store.fs import digest

    return None if content is None else digest(content)
