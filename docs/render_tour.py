"""Keeps the links of ``docs/tour.md`` on the lines they name: ``python -m docs.render_tour``.

A link is written ``[`name`](../patcher/file.py#L1)``; ``name`` is what the file defines, a method
as ``Class.method``.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

PAGE = Path(__file__).with_name("tour.md")
LINK = re.compile(r"\[`([\w.]+)`\]\(\.\./(patcher/[\w/]+\.py)(?:#L\d+)?\)")


def line_of(name: str, file: Path) -> int:
    """The line on which a file defines a name.

    Raises:
        LookupError: when it does not.
    """
    scope: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
    line = 0
    for part in name.split("."):
        result = next((each for each in scope if getattr(each, "name", None) == part), None)
        if not isinstance(result, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            raise LookupError(f"{file} does not define {name}")
        scope, line = result.body, result.lineno
    return line


def render(page: str, root: Path) -> str:
    """The page with every link on its line."""

    def link(match: re.Match[str]) -> str:
        name, file = match.groups()
        return f"[`{name}`](../{file}#L{line_of(name, root / file)})"

    return LINK.sub(link, page)


def main() -> int:
    """Write the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(render(text, PAGE.parents[1]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
