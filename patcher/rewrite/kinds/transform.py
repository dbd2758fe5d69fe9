"""`transform`: what the language cannot say, a function from LibCST node to node."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.model import Edit, EditStatus
from patcher.rewrite.kinds.registry import NOTHING, PlannedKind
from patcher.rewrite.matching.deciding import Result, decide, no_definition, site_at
from patcher.rewrite.outcome import EditOutcome, Site
from patcher.rewrite.splice import Splice, in_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.patchfile import nodes
    from patcher.patchfile.kinds import Reading
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.matching.tree import ParsedLines

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


def transform(file: File, edit: Edit, attachments: Mapping[str, bytes] = NOTHING) -> Result:
    """Plan a `transform`: a function from a LibCST node to the node that replaces it.

    It is given the definition that `within` names, or the whole module, and runs from the text that
    travels with the spec. What it returns unchanged is not a site.
    """
    import libcst as cst

    from patcher.rewrite.matching.tree import unchecked

    module, _, name = (edit.pattern or "").partition(":")
    code = attachments[f"{module}.py"]
    namespace: dict[str, object] = {"__name__": module}
    try:
        exec(compile(code, f"{module}.py", "exec"), namespace)
        function = namespace[name]
        assert callable(function)
        spans: list[tuple[ParsedLines, bool]]
        if edit.within in (None, "<module>"):
            spans = [(file.whole(), True)]
        else:
            definitions = file.definitions(edit.within or "", edit.decorated)
            if not definitions:
                return no_definition(file, edit), []
            spans = [(file.tree(each.first, each.last), False) for each in definitions]
        sites: list[Site] = []
        written: list[Site] = []
        splices: list[Splice] = []
        results: list[str] = []
        for tree, all_of_it in spans:
            node = tree.module if all_of_it else tree.first
            try:
                new = function(node)
            except (cst.CSTValidationError, TypeError, AttributeError):
                # LibCST's checks of its nodes refuse some correct code.
                with unchecked():
                    new = function(node)
            old_text = tree.code
            with unchecked():
                module_node = new if all_of_it else tree.module.deep_replace(node, new)
            assert isinstance(module_node, cst.Module)
            new_text = module_node.code[len(tree.prefix) :]
            start, end = tree.lines
            if new_text == old_text:
                written.append(site_at(file, start, end))
                continue
            sites.append(site_at(file, start, end))
            results.append(module_node.code)
            splices.append(smallest(Splice(start, end, new_text), old_text))
    except PatcherError:
        raise
    except Exception as error:  # somebody's code: whatever it raises is theirs
        message = f"{edit.pattern} raised {type(error).__name__}: {error}"
        hint = "the function must take any node that the edit names"
        return EditOutcome(edit, EditStatus.CONFLICT, message=message, hint=hint), []
    outcome = decide(edit, tuple(sites), tuple(written))
    if outcome.status is not EditStatus.READY:
        return outcome, []
    return replace(outcome, written=tuple(results)), splices


def smallest(splice: Splice, old: str) -> Splice:
    """The splice without the words it has in common with the old text at both ends."""
    new, head = splice.text, 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while head and in_word(old[head - 1]):
        head -= 1
    while tail and in_word(old[-tail]):
        tail -= 1
    return Splice(splice.start + head, splice.end - tail, new[head : len(new) - tail])


def check(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    """The function is named, and its module lies beside the spec."""
    value = edit.pattern or ""
    if not _FUNCTION.match(value):
        mark = entry.marks["transform"]
        reader.problems.add(mark, f"`transform: {value}` is not module:function")
        return
    reader.attached(entry, "transform", value.split(":", maxsplit=1)[0] + ".py")


KINDS = (
    PlannedKind(
        "transform", order=16,
        summary="`module:function` of a file beside the spec, from LibCST node to node.",
        holds="text", of_definition=True, guardable=False, check=check, plan=transform,
    ),
)  # fmt: skip
