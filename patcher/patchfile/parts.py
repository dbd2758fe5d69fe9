"""Code that is only part of what a pattern can say, such as a `case`: what to write instead."""

from __future__ import annotations

import re

_WHOLE = {
    r"case\b": "a `case` is part of its statement: write the whole `match`",
    r"except\b": "an `except` is part of its statement: write the whole `try`",
    r"finally\b": "a `finally` is part of its statement: write the whole `try`",
    r"else\b": "an `else` is part of its statement: write the whole of it",
    r"@[^\n]*\Z": "a decorator is part of its definition: `decorator` changes one",
    r"(async\s+)?for\b[^\n]*[^:\n]\Z": "a `for` without a block is part of its comprehension: "
    "write the whole of it",
    r"[^\n]+\s+as\s+\w+\Z": "a name with `as` is part of its statement: write the whole of it",
    r"\*\*": "what `**` unpacks is part of its call, dict or definition: write the whole of it",
    r"match\b[^\n]*:\s*\n\s*\$\$\$\w+\s*\Z": "no hole stands for cases: write each `case`",
    r"[^\n]*:\Z": "a head alone is no statement: write its block, too, for example `    $$$BODY`",
    r"[^\n:=\[({][^\n:=]*:[^\n]*\Z": "an entry is part of its dict, a slice of its subscript",
}


def part_of(text: str) -> str:
    """What to write in the place of a text that is not Python by itself; empty for a mistake."""
    hints = (hint for begins, hint in _WHOLE.items() if re.match(begins, text.strip()))
    return next(hints, "")
