"""Specs as text: what `new` and `capture` hand to the author."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from patcher.patchfile.model import Edit, EditKind

_SAFE = re.compile(r"[A-Za-z_@./<][^#:\n'\"]*\Z")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off"}


def spec_text(
    name: str, target: str, edits: Sequence[Edit], summary: str = "", test: Sequence[str] = ()
) -> str:
    """A whole spec.

    Args:
        test: lines of `test:`, ready made.
    """
    lines = [
        f"patch: {name}",
        f"summary: {summary or 'say here what becomes what'}",
        f"target: {target}",
        "equivalence: bitwise",
        "edits:",
    ]
    for edit in edits:
        lines += edit_lines(edit)
    return "\n".join([*lines, *test]) + "\n"


def edit_lines(edit: Edit) -> list[str]:
    """One entry of `edits:`."""
    entries = [("file", edit.file)]
    if edit.within is not None:
        entries.append(("within", edit.within))
    if edit.kind in (EditKind.IMPORT, EditKind.BODY, EditKind.DEFINE):
        entries.append((edit.kind.value, edit.replacement or ""))
    else:
        entries.append((edit.kind.value, edit.pattern or ""))
        if edit.replacement is not None:
            entries.append(("with", edit.replacement))
    if str(edit.expect) != "1":
        entries.append(("expect", str(edit.expect)))
    lines = [line for key, value in entries for line in scalar(key, value, 4)]
    lines[0] = "  - " + lines[0].lstrip()
    return lines


def scalar(key: str, value: str, indent: int) -> list[str]:
    """`key: value` as YAML: plain where that is safe, a block for lines, quoted else."""
    pad = " " * indent
    text = value.strip("\n")
    plain = _SAFE.match(text) and text == text.strip() and text.lower() not in _WORDS
    if plain:
        return [f"{pad}{key}: {text}"]
    if not text:
        return [f'{pad}{key}: ""']
    if key in ("file", "within", "expect"):
        return [f"{pad}{key}: {json.dumps(text)}"]
    lines = [f"{pad}  {line}" if line.strip() else "" for line in text.split("\n")]
    first = "|2" if text.startswith((" ", "\t")) else "|"
    return [f"{pad}{key}: {first}", *lines]


def fixture_lines(before: str, after: str, file: str | None = None) -> list[str]:
    """One entry of `test:` that becomes another text."""
    lines = scalar("file", file, 4) if file else []
    lines += scalar("before", before, 4) + scalar("after", after, 4)
    lines[0] = "  - " + lines[0].lstrip()
    return lines
