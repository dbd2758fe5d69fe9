"""Rewriting in a second process, which imports LibCST while the first opens the workspace.

That import is a third of a cold `patcher apply` (docs/start-up.md), and nothing of it is needed
before a spec and a source are at hand. It is only ever a shortcut: whatever cannot be asked of the
second process, or is not answered, is done by the caller's own, with the same result.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.file import Rewritten


@dataclass(frozen=True)
class _Child:
    pid: int
    requests: BinaryIO
    answers: BinaryIO


class SecondProcess:
    """A process that rewrites, for the length of a ``with`` block.

    It is forked, so there must be no threads yet. Where it cannot help (one processor, a system
    that does not fork) there is none.
    """

    def __init__(self) -> None:
        self.child: _Child | None = None

    def __enter__(self) -> SecondProcess:
        self.child = _fork() if hasattr(os, "fork") and _processors() > 1 else None
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop the child, if there is one. It is not waited for: its memory takes a while to go."""
        child, self.child = self.child, None
        if child is None:
            return
        with suppress(OSError):
            os.kill(child.pid, signal.SIGKILL)
        for each in (child.requests, child.answers):
            with suppress(OSError):
                each.close()

    def rewrite_file(
        self,
        path: str,
        content: bytes | None,
        edits: Sequence[Edit],
        attachments: Mapping[str, bytes],
    ) -> Rewritten:
        """As `patcher.rewrite.file.rewrite_file`, by the child if there is one."""
        from patcher.patchfile.model import EditKind
        from patcher.rewrite import file

        # A `transform` is somebody's code: it runs where what it prints can be seen.
        sendable = all(edit.kind is not EditKind.TRANSFORM for edit in edits)
        answer = self._ask((path, content, list(edits), dict(attachments))) if sendable else None
        return file.rewrite_file(path, content, edits, attachments) if answer is None else answer

    def _ask(self, request: tuple[Any, ...]) -> Rewritten | None:
        if self.child is None:
            return None
        import pickle

        try:
            pickle.dump(request, self.child.requests)
            self.child.requests.flush()
            answer: Rewritten | None = pickle.load(self.child.answers)
        except (OSError, EOFError, pickle.PickleError):  # it died
            self.end()
            return None
        return answer


def _fork() -> _Child | None:
    try:
        asked, requests = os.pipe()
        answers, answered = os.pipe()
        pid = os.fork()
    except OSError:
        return None
    if pid == 0:
        try:
            os.close(requests)
            os.close(answers)
            _serve(asked, answered)
        finally:
            os._exit(0)  # never back into the command, and nothing of it is flushed twice
    os.close(asked)
    os.close(answered)
    return _Child(pid, os.fdopen(requests, "wb"), os.fdopen(answers, "rb"))


def _serve(asked: int, answered: int) -> None:
    """The child: import, then answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which ends this one
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # whoever reads the command's output waits for the command alone
        os.dup2(nowhere, stream)

    import gc
    import pickle

    gc.disable()
    from patcher.patchfile.kinds import kinds
    from patcher.rewrite import file
    from patcher.rewrite.oracle import check  # noqa: F401
    from patcher.rewrite.replacing import pattern_edit  # noqa: F401

    kinds()
    with os.fdopen(asked, "rb") as requests, os.fdopen(answered, "wb") as answers:
        while True:
            path, content, edits, attachments = pickle.load(requests)
            answer: Rewritten | None = None
            with suppress(Exception):  # it will be raised where it can be shown
                answer = file.rewrite_file(path, content, edits, attachments)
            pickle.dump(answer, answers)
            answers.flush()


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
