"""What the second opinion on one edit works on, and what every kind of edit needs to say it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from patcher.patchfile.model import Edit
from patcher.rewrite.oracle.filling import MismatchError
from patcher.rewrite.oracle.sites import Lines, Run, Span, find_run

if TYPE_CHECKING:
    from patcher.rewrite.oracle.trees import ExpectedTree
    from patcher.rewrite.outcome import Site


@dataclass
class Work:
    """A source, and what edits have changed in it so far.

    Attributes:
        expected: the tree that must come of it.
        lines, tree: the source.
        edited: what is written anew; all else keeps its tokens.
        touched: first and last line of every site.
    """

    expected: ExpectedTree
    lines: Lines
    tree: ast.Module
    edited: list[Span] = field(default_factory=list)
    touched: list[tuple[int, int]] = field(default_factory=list)

    def run(self, span: Span) -> Run:
        """The statements of a span.

        Raises:
            MismatchError: there are none.
        """
        run = find_run(self.tree, span)
        if run is None:
            raise MismatchError(f"there is no statement at line {span[0][0]}")
        return run


Say = Callable[[Work, Edit, "Site", str], None]
"""Says of one site, and the text that the edit says it wrote there, what the tree must be.

It has the site's line and column alone, and shares no code with what plans the edit. It raises
`MismatchError` when the edit cannot be right.
"""


def is_docstring(node: ast.stmt) -> bool:
    """Whether a statement is a string alone."""
    value = getattr(node, "value", None)
    return isinstance(node, ast.Expr) and isinstance(getattr(value, "value", None), str)
