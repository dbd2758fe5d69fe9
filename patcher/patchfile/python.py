"""Reading Python with `ast` without passing on what it warns of."""

from __future__ import annotations

import ast
import warnings


def parse_python(text: str) -> ast.Module:
    """`ast.parse`, quiet: an invalid escape in a target's source is not this program's to report.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: as `ast.parse`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)
