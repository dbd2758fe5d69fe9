"""Unified diffs that `git apply` accepts, from contents in memory."""

from __future__ import annotations

import base64
import difflib
import re
import zlib
from hashlib import sha1
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTEXT = 3


def unified_diff(
    before: Mapping[str, bytes | None],
    after: Mapping[str, bytes | None],
    context: int = _CONTEXT,
    modes: tuple[Mapping[str, int], Mapping[str, int]] = ({}, {}),
) -> str:
    """The change from one set of files to another.

    Args:
        before, after: content by path; None, or a path that is not there, is no file.
        context: unchanged lines around a change.
        modes: permission bits before and after, by path; 644 where they are not said. Git keeps
            one bit of them: whether the owner may execute the file.

    Returns:
        One text with `a/` and `b/` paths, sorted by path; empty when nothing differs. Bytes that
        are not UTF-8 come as surrogates: write it with ``errors="surrogateescape"``.
    """
    pieces: list[str] = []
    for path in sorted({*before, *after, *modes[0], *modes[1]}):
        old, new = before.get(path), after.get(path)
        was, now = (_git_mode(each.get(path, 0o644)) for each in modes)
        same_mode = was == now or (path in before and (old is None or new is None))
        if old != new or not same_mode:
            pieces += _file(path, old, new, context, was, now)
    return "".join(pieces)


def _git_mode(mode: int) -> str:
    return "100755" if mode & 0o100 else "100644"


def _file(
    path: str, old: bytes | None, new: bytes | None, context: int, was: str, now: str
) -> list[str]:
    a, b = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    head = [f"diff --git {a} {b}\n"]
    if old is None and new is not None:
        head.append(f"new file mode {now}\n")
    elif new is None and old is not None:
        head.append(f"deleted file mode {was}\n")
    elif was != now:
        head += [f"old mode {was}\n", f"new mode {now}\n"]
    if old == new:
        return head
    if any(b"\0" in (data or b"") for data in (old, new)):
        return head + _binary(old or b"", new or b"")
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


def _binary(old: bytes, new: bytes) -> list[str]:
    """The body of git's binary diff: both versions whole, so that it goes in both directions."""
    index = f"index {_blob(old)}..{_blob(new)}\n"
    return [index, "GIT binary patch\n", *_literal(new), "\n", *_literal(old), "\n"]


def _blob(data: bytes) -> str:
    """Git's name of a file's bytes; no bytes at all stand for no file."""
    return sha1(b"blob %d\0" % len(data) + data).hexdigest() if data else "0" * 40


def _literal(data: bytes) -> list[str]:
    packed = zlib.compress(data, 9)
    lines = [f"literal {len(data)}\n"]
    for start in range(0, len(packed), 52):
        part = packed[start : start + 52]
        size = chr(ord("A") + len(part) - 1) if len(part) <= 26 else chr(ord("a") + len(part) - 27)
        lines.append(f"{size}{base64.b85encode(part, pad=True).decode()}\n")
    return lines
