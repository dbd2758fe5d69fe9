"""Rewriting in a second process, which imports LibCST while the first still reads its command.

That import takes longer than all else that a cold `patcher apply` does, and nothing of it is needed
before a spec and a source are at hand. The child is forked when the program starts and rewrites
what it is sent. It is only ever a shortcut: whatever cannot be asked of it, or is not answered, is
done by the caller's own process, with the same result.
"""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.file import Rewritten


@dataclass
class _Child:
    pid: int
    requests: BinaryIO
    answers: BinaryIO


_child: _Child | None = None


def begin() -> None:
    """Start the child, where it can help: on more than one processor.

    To be called before the process has threads. A system that does not fork just goes without.
    """
    global _child  # noqa: PLW0603
    if _child is not None or not hasattr(os, "fork") or _processors() == 1:
        return
    try:
        theirs, requests = os.pipe()
        answers, ours = os.pipe()
        pid = os.fork()
    except OSError:
        return
    if pid == 0:
        try:
            os.close(requests)
            os.close(answers)
            _serve(theirs, ours)
        finally:
            os._exit(0)  # never back into the command, and nothing of it is flushed twice
    os.close(theirs)
    os.close(ours)
    _child = _Child(pid, os.fdopen(requests, "wb"), os.fdopen(answers, "rb"))
    atexit.register(end)


def end() -> None:
    """Stop the child, if there is one. It is not waited for: its memory takes a while to go."""
    global _child
    child, _child = _child, None
    if child is None:
        return
    with suppress(OSError):
        os.kill(child.pid, signal.SIGKILL)
    for each in (child.requests, child.answers):
        with suppress(OSError):
            each.close()


def rewrite_file(
    path: str, content: bytes | None, edits: Sequence[Edit], attachments: Mapping[str, bytes]
) -> Rewritten:
    """As `patcher.rewrite.file.rewrite_file`, by the child if there is one."""
    from patcher.patchfile.model import EditKind
    from patcher.rewrite import file

    # A `transform` is somebody's code: it runs where what it prints can be seen.
    own = all(edit.kind is not EditKind.TRANSFORM for edit in edits)
    found = _asked((path, content, list(edits), dict(attachments))) if own else None
    return file.rewrite_file(path, content, edits, attachments) if found is None else found


def _asked(request: tuple[Any, ...]) -> Rewritten | None:
    if _child is None:
        return None
    import pickle

    try:
        pickle.dump(request, _child.requests)
        _child.requests.flush()
        found: Rewritten | None = pickle.load(_child.answers)
    except (OSError, EOFError, pickle.PickleError):  # it is gone
        end()
        return None
    return found


def _serve(requests: int, answers: int) -> None:
    """The child: import, then answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends this one
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # whoever reads the command's output waits for the command alone
        os.dup2(nowhere, stream)

    import gc

    gc.disable()

    import pickle

    from patcher.patchfile.kinds import kinds
    from patcher.rewrite import file
    from patcher.rewrite.oracle import check  # noqa: F401
    from patcher.rewrite.replacing import pattern_edit  # noqa: F401

    kinds()

    with os.fdopen(requests, "rb") as asked, os.fdopen(answers, "wb") as told:
        while True:
            path, content, edits, attachments = pickle.load(asked)
            found: Rewritten | None = None
            with suppress(Exception):  # it will be raised where it can be told
                found = file.rewrite_file(path, content, edits, attachments)
            pickle.dump(found, told)
            told.flush()


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
