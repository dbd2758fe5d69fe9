"""The second opinion on `match`, `before`, `after` and `delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.model import EditKind
from patcher.rewrite.oracle.filling import MismatchError
from patcher.rewrite.oracle.reading import is_branches, read_expression, read_pattern
from patcher.rewrite.oracle.sites import find_branch, find_expression
from patcher.rewrite.oracle.strings import find_in_string

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.oracle.work import Work
    from patcher.rewrite.outcome import Site


def _match(work: Work, edit: Edit, site: Site, text: str) -> None:
    sought, replacement = edit.pattern or "", edit.replacement or ""
    anchor, new = read_pattern(sought), read_pattern(replacement, sought)
    template = {
        EditKind.BEFORE: [*new, *anchor],
        EditKind.AFTER: [*anchor, *new],
        EditKind.DELETE: [],
    }.get(edit.kind, new)
    span = work.lines.span(site)
    inside = find_in_string(work.tree, work.lines, span) if edit.in_f_strings else None
    if edit.kind in (EditKind.MATCH, EditKind.DELETE):
        edited = span if inside is None else inside[1]
        work.edited += [edited] if edited not in work.edited else []
    if is_branches(sought):
        of = find_branch(work.tree, span[0])
        if of is None:
            raise MismatchError(f"there is no `elif` at line {site.line}")
        work.expected.replace_branches(of, anchor, template)
        return
    one, other = read_expression(sought), read_expression(replacement, sought)
    if edit.kind is EditKind.MATCH and one is not None and other is not None:
        node = find_expression(work.tree, span) if inside is None else inside[0]
        if node is None:
            raise MismatchError(f"there is no expression at line {site.line}")
        work.expected.replace_expression(node, one, other, (site.line, site.end_line))
    else:
        work.expected.replace_run(work.run(span), anchor, template)


OPINIONS = dict.fromkeys(("match", "before", "after", "delete"), _match)
