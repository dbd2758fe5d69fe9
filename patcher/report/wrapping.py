"""Breaking lines at words, as wide as a terminal is; paths and commands stay whole."""

from __future__ import annotations

import re
import shutil
from textwrap import TextWrapper
from typing import IO

COMMAND = re.compile(r"`patcher [^`\n]*`")
NO_BREAK = "\u00a0"


def wrap(sentence: str, width: int, indent: str = "", hang: str = "") -> list[str]:
    """A sentence on lines of at most ``width``; words, paths and commands stay whole."""
    wrapper = TextWrapper(
        width=max(20, width),
        initial_indent=indent,
        subsequent_indent=hang or indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    kept = COMMAND.sub(lambda match: match[0].replace(" ", NO_BREAK), sentence)
    return [line.replace(NO_BREAK, " ") for line in wrapper.wrap(kept)] or [indent]


def fitted(text: str, stream: IO[str], hang: int = 2) -> str:
    """A line as a terminal shows it: broken at words, what goes on indented. Pipes get it whole."""
    if "\n" in text or not stream.isatty():
        return text
    if len(text) <= (width := shutil.get_terminal_size().columns):
        return text
    indent = text[: len(text) - len(text.lstrip())]
    return "\n".join(wrap(text.lstrip(), width, indent, " " * max(hang, len(indent) + 2)))
