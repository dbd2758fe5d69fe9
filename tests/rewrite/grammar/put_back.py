"""Changes of patcher's code that put a defect of the past back."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from patcher.commands import capture as of_capture
from patcher.commands import init as of_init
from patcher.commands import plan as of_plan
from patcher.rewrite import splice
from patcher.rewrite.authoring import (
    capture,
    differ,
    similarity,
)
from patcher.rewrite.kinds import body as of_body
from patcher.rewrite.kinds import define as of_define
from patcher.rewrite.kinds import imports as of_imports
from patcher.rewrite.matching import deciding, spans
from patcher.rewrite.matching import pattern as of_pattern
from patcher.rewrite.replacing import (
    comments,
    elements,
    fill,
    pattern_edit,
    places,
    substitute,
)
from patcher.rewrite.source import Source
from tests.rewrite.grammar import authoring

Patch = pytest.MonkeyPatch


def change(target: Any, name: str, value: object) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(target, name, value)


def assert_is_element(patch: Patch) -> None:
    for module in (spans, elements):
        patch.setattr(module, "is_element", lambda node: hasattr(node, "comma"))


def no_pass(patch: Patch) -> None:
    for module in (splice, places):
        patch.setattr(module, "with_pass", list)


def no_parentheses(patch: Patch) -> None:
    for module in (fill, substitute):
        patch.setattr(module, "is_atomic", lambda node: True)


def bare_generator(patch: Patch) -> None:
    inline = fill.Filler._inline

    def changed(self: fill.Filler, hole: Any, indent: str) -> str:
        nodes = self.bound[hole.name]
        if not nodes or not hole.many:
            return inline(self, hole, indent)
        return self._moved(*self._all_between_brackets(hole, nodes), indent)

    patch.setattr(fill.Filler, "_inline", changed)


def comments_above(patch: Patch) -> None:
    patch.setattr(fill, "comments_of", lambda source, start, limit: source.line_start(start))


def comments_behind(patch: Patch) -> None:
    statements = fill.Filler._statements

    def changed(self: fill.Filler, nodes: Any, indent: str, first: bool) -> str:
        end = self.end(nodes[-1]), self.end_of(nodes[-1])
        return statements(self, nodes, indent, first).removesuffix(self.source.text[slice(*end)])

    patch.setattr(fill.Filler, "_statements", changed)


def comments_stay_below(patch: Patch) -> None:
    patch.setattr(comments, "below_block", lambda source, at, indent: at)


def below_comments(patch: Patch) -> None:
    insert_after = substitute._Site._insert_after

    def changed(self: Any, anchor: Any, new: Any) -> splice.Splice:
        nodes = list(self.site.block.statements)
        at = nodes.index(anchor) + 1 if anchor in nodes else len(nodes)
        if at < len(nodes):
            below: splice.Splice = self._insert_before(nodes[at], new)
            return below
        return insert_after(self, anchor, new)

    patch.setattr(substitute._Site, "_insert_after", changed)
    patch.setattr(substitute, "comments_of", lambda source, start: source.line_start(start))


def bytes_are_characters(patch: Patch) -> None:
    def offset(source: Source, line: int, column: int) -> int:
        return source.starts[line - 1] + column

    patch.setattr(of_body, "_offset", offset)


def def_is_start(patch: Patch) -> None:
    def start(source: Source, node: Any) -> int:
        return of_body._offset(source, node.lineno, node.col_offset)

    patch.setattr(of_body, "_start", start)


def at_the_imports(patch: Patch) -> None:
    def place(source: Source, helpers: object) -> tuple[int, str]:
        return of_imports.after_imports(source)[:2]

    patch.setattr(of_define, "_below_what_it_uses", place)


def no_mark(self: Source, text: str) -> bytes:
    return text.encode(self.encoding)


def by_base_name(self: Any, path: str, data: bytes) -> str:
    place = f"{self.name}/{path.rpartition('/')[2]}"
    self.attachments[place] = data
    return place


def python_alone(patch: Patch) -> None:
    added = capture._Making.added
    patch.setattr(
        capture._Making, "added",
        lambda self, path, held: added(self, path, held) if path.endswith(".py") else None,
    )  # fmt: skip


def stripped(patch: Patch) -> None:
    spec_text = capture.spec_text

    def changed(*arguments: Any, **options: Any) -> str:
        return re.sub(r"[ \t]+$", "", spec_text(*arguments, **options), flags=re.MULTILINE)

    patch.setattr(capture, "spec_text", changed)


def leaves_comment(patch: Patch) -> None:
    patch.setattr(elements, "element_lines", lambda *of: None)


def in_the_line(source: Source, start: int, text: str) -> splice.Splice:
    return splice.Splice(start, start, f"{text}, ")


def any_backslash(self: Source, line: int) -> bool:
    start, end = self.lines(line, line)
    return self.text[start:end].rstrip("\r\n").endswith("\\")


def each_alone(source: Source, sites: Any, pattern: Any, template: Any, again: Any) -> Any:
    of = (substitute.substitute(source, region, pattern, template) for region in sites)
    return [each for splices in of for each in splices]


def by_path(self: Any, path: str, data: bytes) -> str:
    self.attachments[path] = data
    return path


def elif_alone(patch: Patch) -> None:
    patch.setattr(similarity, "is_elif", lambda source, node: False)
    patch.setattr(differ, "PatternError", ZeroDivisionError)  # it was no answer then


def up_to_the_def(source: Source, definition: Any) -> str:
    node = definition.node
    start, end = source.lines(definition.first, max(node.body[0].lineno - 1, node.lineno))
    return source.text[start:end]


def checked_by_libcst(patch: Patch) -> None:
    def below(node: Any) -> Iterator[tuple[str, Any]]:
        return (("", each) for each in node.children)

    patch.setattr(of_pattern, "children", below)
    patch.setattr(of_pattern, "_words", of_pattern._words.__wrapped__)


def no_elif(patch: Patch) -> None:
    def near(*arguments: Any) -> Any:
        actual = deciding.near(*arguments)
        return replace(actual, hint="`within: f`, if the closest site is meant")

    patch.setattr(pattern_edit, "near", near)


def checks_out_first(patch: Patch) -> None:
    captured = of_capture.capture

    def changed(workspace: Any, name: str, target: Any) -> Any:
        root = workspace.working_copy("pkg").root
        made = captured(workspace, name, target)
        files = shlex.join(made.files)
        return replace(made, next=f"git -C {root} checkout -- {files} && {made.next}")

    patch.setattr(authoring, "captured", changed)


def plan_makes_a_copy(patch: Patch) -> None:
    def planned(workspace: Any, patches: Any, names: Any, target: str) -> Any:
        of_init.init(workspace, [target], in_place=False, notify=lambda _: None)
        return of_plan.plan(workspace, names, target=target, source=None)

    patch.setattr(of_plan, "_plan_installed", planned)


def refuse(edit: Any, sites: Any, written: Any) -> Any:
    return pattern_edit.refuse(edit, "no site")
