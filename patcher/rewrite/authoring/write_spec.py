"""Specs as text: what `new` and `capture` hand to the author."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from patcher.patchfile.kinds import Level, kind_of, kinds
from patcher.patchfile.model import Edit, EditKind, Equivalence

_SAFE = re.compile(r"[A-Za-z_./<][^#:\n'\"]*\Z")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off"}
_ONE_LINE = ("file", "within", "expect", "was")
# What YAML keeps in a block as it is; all else is written with escapes.
_BLOCK = re.compile(
    r"[\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    r"\U00010000-\U0010ffff]*\Z"
)


@dataclass(frozen=True)
class SpecHead:
    """What a spec says of its patch, above the edits.

    Attributes:
        name: of the patch.
        target: PEP 508, for example ``chatterbox-tts >=0.1,<0.2``.
        summary: empty: the author is asked for one.
        requires: patches it is written on top of.
        claim: the gate it must pass.
    """

    name: str
    target: str
    summary: str = ""
    requires: tuple[str, ...] = ()
    claim: Equivalence = Equivalence.BITWISE


def spec_text(head: SpecHead, edits: Sequence[Edit], test: Sequence[str] = ()) -> str:
    """A whole spec.

    Args:
        test: lines of `test:`, ready made.
    """
    lines = [
        f"patch: {head.name}",
        f"summary: {head.summary or 'say here what becomes what'}",
        f"target: {head.target}",
        f"equivalence: {head.claim.value}",
    ]
    if head.requires:
        lines.append(f"requires: [{', '.join(head.requires)}]")
    lines.append("edits:")
    for edit in edits:
        lines += edit_lines(edit)
    return "\n".join([*lines, *test]) + "\n"


def edit_lines(edit: Edit) -> list[str]:
    """One entry of `edits:`."""
    kind = kind_of(edit)
    exact = kind.level is Level.LINES
    entries = [("file", edit.file)]
    if edit.within is not None:
        entries.append(("within", edit.within))
    if not kind.seeks:
        entries.append((edit.kind.value, edit.replacement or ""))
    else:
        entries.append((edit.kind.value, edit.pattern or ""))
        if edit.replacement is not None:
            entries.append(("with", edit.replacement))
    if edit.was is not None:
        entries.append(("was", edit.was))
    if str(edit.expect) != "1":
        entries.append(("expect", str(edit.expect)))
    if edit.in_f_strings:
        entries.append(("in-f-strings", "true"))
    lines: list[str] = []
    for key, value in entries:
        if key == "in-f-strings" or (kind.holds == "truth" and key == kind.key):
            lines.append(f"    {key}: {value}")
        else:
            lines += scalar(key, value, 4, exact=exact and key in ("lines", "with"))
    lines[0] = "  - " + lines[0].lstrip()
    return lines


def scalar(key: str, value: str, indent: int, *, exact: bool = False) -> list[str]:
    """`key: value` as YAML: plain where that is safe, a block for lines, quoted else.

    Args:
        exact: blank lines at either end count; else they are left out.
    """
    pad = " " * indent
    text = value.removesuffix("\n") if exact else value.strip("\n")
    if not text and not (exact and value):
        return [f'{pad}{key}: ""']
    plain = _SAFE.match(text) and text == text.strip() and text.lower() not in _WORDS
    if plain and _BLOCK.match(text):
        return [f"{pad}{key}: {text}"]
    kind = kinds().get(EditKind(key))
    if key in _ONE_LINE or (kind is not None and kind.level is Level.FILE):
        return [f"{pad}{key}: {_quoted(text)}"]
    lines = text.split("\n")
    if not _BLOCK.match(text) or lines[-1].strip() == "" or (exact and not lines[0].strip()):
        return [f"{pad}{key}: {_quoted(text if not exact else value, pad + '  ')}"]
    lead = next(line for line in lines if line.strip())
    head = "|2" if lead.startswith((" ", "\t")) or lines[0] != lead else "|"
    return [f"{pad}{key}: {head}", *(f"{pad}  {line}" if line else "" for line in lines)]


_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _quoted(text: str, pad: str = "") -> str:
    """A text in double quotes; with a ``pad``, each of its lines on a line of its own."""
    lines = text.split("\n")
    pieces = ["".join(map(_escaped, line)) + "\\n" for line in lines[:-1]]
    pieces += ["".join(map(_escaped, lines[-1]))] if lines[-1] else []
    if not pad or len(pieces) == 1:
        return '"' + "".join(pieces) + '"'
    # A backslash ends a line without a break, and keeps the white space that starts the next one.
    joined = f"\\\n{pad}".join(
        f"\\{piece}" if n and piece[0] == " " else piece for n, piece in enumerate(pieces)
    )
    return f'"{joined}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char == " " or (char.isprintable() and _BLOCK.match(char)):
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def before_lines(before: str) -> list[str]:
    """One entry of `test:` whose text only has to hold the sites."""
    lines = scalar("before", before, 4)
    lines[0] = "  - " + lines[0].lstrip()
    return lines
