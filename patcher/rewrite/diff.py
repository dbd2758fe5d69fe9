"""Unified diffs that `git apply` accepts, from contents in memory."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTEXT = 3


def unified_diff(
    before: Mapping[str, bytes | None], after: Mapping[str, bytes | None], context: int = _CONTEXT
) -> str:
    """The change from one set of files to another.

    Args:
        before, after: content by path; None, or a path that is not there, is no file.
        context: unchanged lines around a change.

    Returns:
        One text with `a/` and `b/` paths, sorted by path; empty when nothing differs. Bytes that
        are not UTF-8 come as surrogates: write it with ``errors="surrogateescape"``.
    """
    pieces: list[str] = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old != new:
            pieces += _file(path, old, new, context)
    return "".join(pieces)


def _file(path: str, old: bytes | None, new: bytes | None, context: int) -> list[str]:
    a, b = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    head = [f"diff --git {a} {b}\n"]
    if old is None:
        head.append("new file mode 100644\n")
    elif new is None:
        head.append("deleted file mode 100644\n")
    lines = difflib.unified_diff(
        _lines(old or b""), _lines(new or b""),
        a if old is not None else "/dev/null", b if new is not None else "/dev/null", n=context,
    )  # fmt: skip
    body: list[str] = []
    for line in lines:
        body.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return head + body


def _lines(content: bytes) -> list[str]:
    """Lines as git counts them: only LF ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+", content.decode("utf-8", "surrogateescape"))


def _quoted(path: str) -> str:
    """A path as git writes it in a diff."""
    if re.fullmatch(r"[\x20-\x7e]*", path) and '"' not in path and "\\" not in path:
        return path
    octal = "".join(
        f"\\{byte:03o}" if byte < 32 or byte > 126 else {34: '\\"', 92: "\\\\"}.get(byte, chr(byte))
        for byte in path.encode("utf-8", "surrogateescape")
    )
    return f'"{octal}"'
