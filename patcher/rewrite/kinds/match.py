"""`match`, `before`, `after` and `delete`: edits that look for a pattern."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from patcher.rewrite.kinds.registry import PlannedKind, Planner

if TYPE_CHECKING:
    from patcher.patchfile.holes import Parsed
    from patcher.patchfile.model import Edit
    from patcher.rewrite.matching.deciding import Result
    from patcher.rewrite.matching.regions import File


def puts(template: Callable[[str, str], str], *, statements: bool = True) -> Planner:
    """The plan of a kind that puts ``template(pattern, replacement)`` in the place of a site."""

    def plan(file: File, edit: Edit, attachments: Mapping[str, bytes]) -> Result:
        from patcher.rewrite.replacing.pattern_edit import plan_pattern_edit

        return plan_pattern_edit(file, edit, template, statements=statements)

    return plan


def not_only_holes(key: str, parsed: Parsed) -> str:
    """A pattern has to say something."""
    import ast

    if key == "with" or not parsed.tree.body:
        return ""
    expressions = [
        each.value.value if isinstance(each.value, ast.Starred) else each.value
        for each in parsed.tree.body
        if isinstance(each, ast.Expr)
    ]
    only = len(expressions) == len(parsed.tree.body) and all(
        isinstance(each, ast.Name) and each.id.startswith("\u03bc") for each in expressions
    )
    return f"`{key}` matches anything: it is nothing but a hole" if only else ""


KINDS = (
    PlannedKind(
        "match", order=2,
        summary="The expression, statement or block to replace.",
        needs_with=True, shape=not_only_holes,
        plan=puts(lambda pattern, replacement: replacement, statements=False),
    ),
    PlannedKind(
        "before", order=3,
        summary="The statements above which `with` is inserted.",
        needs_with=True, shape=not_only_holes,
        plan=puts(lambda pattern, replacement: replacement + pattern),
    ),
    PlannedKind(
        "after", order=4,
        summary="The statements below which `with` is inserted.",
        needs_with=True, shape=not_only_holes,
        plan=puts(lambda pattern, replacement: pattern + replacement),
    ),
    PlannedKind(
        "delete", order=5,
        summary="The statements to remove.",
        shape=not_only_holes, plan=puts(lambda pattern, replacement: ""),
    ),
)  # fmt: skip
