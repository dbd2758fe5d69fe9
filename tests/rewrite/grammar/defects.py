"""Defects that were once there, put back one by one: after how many cases is each found?

    python -m tests.rewrite.grammar.defects [--into docs/generated-cases.md]

Every defect is put into patcher's own code for a while. The generated cases must find it with the
second opinion switched off; the table also says whether the second opinion sees it by itself.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.captures import hand_edits
from benchmarks.captures.checking import comes_back
from docs.tables import write_table
from patcher.errors import PatcherError
from patcher.rewrite import file, source, splice
from patcher.rewrite.authoring import capture, exact
from patcher.rewrite.kinds import body as of_body
from patcher.rewrite.kinds import define as of_define
from patcher.rewrite.kinds import imports as of_imports
from patcher.rewrite.matching import spans
from patcher.rewrite.oracle import tokens
from patcher.rewrite.replacing import fill, pattern_edit, places, substitute
from patcher.rewrite.source import Source
from tests.rewrite.grammar import kinds, matching
from tests.rewrite.grammar.cases import Case, Draw, make
from tests.rewrite.grammar.judging import judge

Patch = pytest.MonkeyPatch
MOST = 500
"""How many cases are made before a defect counts as not found."""
SILENT = "comments that cannot be kept are lost without a word"
_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True)
class Defect:
    """One defect.

    Attributes:
        put_back: changes patcher's code.
        draws: who draws the cases; None for edits made by hand, which are captured.
    """

    name: str
    put_back: Callable[[Patch], None]
    draws: tuple[Draw, ...] | None


@dataclass(frozen=True)
class Found:
    """After how many cases a defect was found, how, and what the second opinion says of it."""

    cases: int
    how: str
    opinion: str = ""


def _set(target: Any, name: str, value: object) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(target, name, value)


def _assert_is_element(patch: Patch) -> None:
    for module in (spans, substitute):
        patch.setattr(module, "is_element", lambda node: hasattr(node, "comma"))


def _no_pass(patch: Patch) -> None:
    for module in (splice, places):
        patch.setattr(module, "with_pass", list)


def _no_parentheses(patch: Patch) -> None:
    for module in (fill, substitute):
        patch.setattr(module, "is_atomic", lambda node: True)


def _bare_generator(patch: Patch) -> None:
    inline = fill.Filler._inline

    def changed(self: fill.Filler, hole: Any, indent: str) -> str:
        nodes = self.bound[hole.name]
        if not nodes or not hole.many:
            return inline(self, hole, indent)
        return self._moved(*self._all_between_brackets(hole, nodes), indent)

    patch.setattr(fill.Filler, "_inline", changed)


def _comments_above(patch: Patch) -> None:
    patch.setattr(fill.Filler, "_with_comments", lambda self, line_start: line_start)


def _below_comments(patch: Patch) -> None:
    insert_after = substitute._Site._insert_after

    def changed(self: Any, anchor: Any, come: Any) -> splice.Splice:
        nodes = list(self.found.block.statements)
        at = nodes.index(anchor) + 1 if anchor in nodes else len(nodes)
        if at < len(nodes):
            below: splice.Splice = self._insert_before(nodes[at], come)
            return below
        return insert_after(self, anchor, come)

    patch.setattr(substitute._Site, "_insert_after", changed)
    patch.setattr(substitute, "comments_above", lambda source, start: source.line_start(start))


def _bytes_are_characters(patch: Patch) -> None:
    def offset(source: Source, line: int, column: int) -> int:
        return source.starts[line - 1] + column

    patch.setattr(of_body, "_offset", offset)


def _def_is_start(patch: Patch) -> None:
    def start(source: Source, node: Any) -> int:
        return of_body._offset(source, node.lineno, node.col_offset)

    patch.setattr(of_body, "_start", start)


def _at_the_imports(patch: Patch) -> None:
    def place(source: Source, helpers: object) -> tuple[int, str]:
        return of_imports.after_imports(source)[:2]

    patch.setattr(of_define, "_below_what_it_uses", place)


def _no_mark(self: Source, text: str) -> bytes:
    return text.encode(self.encoding)


def _by_base_name(self: Any, path: str, data: bytes) -> str:
    place = f"{self.name}/{path.rpartition('/')[2]}"
    self.attachments[place] = data
    return place


def _python_alone(patch: Patch) -> None:
    added = capture._Making.added
    patch.setattr(
        capture._Making, "added",
        lambda self, path, held: added(self, path, held) if path.endswith(".py") else None,
    )  # fmt: skip


def _stripped(patch: Patch) -> None:
    spec_text = capture.spec_text

    def changed(*arguments: Any, **options: Any) -> str:
        return re.sub(r"[ \t]+$", "", spec_text(*arguments, **options), flags=re.MULTILINE)

    patch.setattr(capture, "spec_text", changed)


def _refuse(edit: Any, sites: Any, written: Any) -> Any:
    return pattern_edit.refuse(edit, "no site")


_RUN, _SWAP = (
    (partial(matching.statement, among=each),) for each in ("$$$R\nend_site", "else:\n    $$$T")
)
_ORDER = (partial(matching.statement, among="b()\nc()"),)
_GENERATOR = (partial(matching.expression, among="($$$A)"),)
_STATEMENT = (matching.statement,)
_EXPRESSION = (matching.expression,)
_BOTH = (matching.statement, matching.expression)
DEFECTS = (
    Defect("an `assert` with a message is an element of a list", _assert_is_element, _STATEMENT),
    Defect("words are glued: `returnc`", _set(splice, "in_word", lambda one: False), _EXPRESSION),
    Defect("no parentheses where the meaning needs them", _no_parentheses, _EXPRESSION),
    Defect("a generator among other arguments stays bare", _bare_generator, _GENERATOR),
    Defect("a block that is emptied has no `pass`", _no_pass, _STATEMENT),
    Defect("comments above what a hole holds are lost", _comments_above, _SWAP),
    Defect("comments behind what a hole holds are lost", _set(fill, "_TAIL", _NEVER), _RUN),
    Defect("comments of statements that are written out are lost",
           _set(substitute._Site, "_kept", lambda site, of, come: {}), _ORDER),
    Defect(SILENT, _set(tokens, "lost", lambda before, after: []), _BOTH),
    Defect("comments stay by position where statements change places",
           _set(substitute._Site, "_moves", lambda *runs: False), _ORDER),
    Defect("comments of blocks that change places are doubled",
           _set(substitute._Site, "_held", lambda site: []), _SWAP),
    Defect("a statement is inserted below the next one's comment", _below_comments, _RUN),
    Defect("the lines of a string move with its statement",
           _set(source, "lines_in_strings", lambda *text: frozenset()), _STATEMENT),
    Defect("sites that are there are not found", _set(pattern_edit, "decide", _refuse), _BOTH),
    Defect("`define` writes above what the helper needs", _at_the_imports, (kinds.define,)),
    Defect("`import` writes into a line that statements share",
           _set(of_imports, "_share", lambda *of: False), (kinds.imports,)),
    Defect("the body of a function of one line", _set(of_body, "starts_line", lambda *of: True),
           (kinds.body,)),
    Defect("a body keeps the decorator of its first statement", _def_is_start, (kinds.body,)),
    Defect("columns of bytes are taken for columns of characters", _bytes_are_characters,
           (kinds.body,)),
    Defect("new lines end in LF in a file of CRLF",
           _set(Source, "newline", property(lambda self: "\n")), (kinds.lines,)),
    Defect("the byte order mark goes", _set(Source, "encode", _no_mark), _BOTH),
    Defect("capture: two new files of one base name are one",
           _set(capture._Making, "attach", _by_base_name), None),
    Defect("capture: data files are left out", _python_alone, None),
    Defect("capture: modes are left out",
           _set(capture._Making, "mode", lambda *of: None), None),
    Defect("capture: white space at the end of lines is lost in the YAML", _stripped, None),
    Defect("capture: a pattern that gives other bytes is taken",
           _set(exact, "_gives", lambda *of: True), None),
)  # fmt: skip


@contextmanager
def put_back(defect: Defect, opinion: bool = True) -> Iterator[None]:
    """Run with a defect in the code; ``opinion``: with the second one."""
    with pytest.MonkeyPatch.context() as patch:
        defect.put_back(patch)
        if not opinion:
            patch.setattr(file, "_agree", lambda source, text, outcomes: list(outcomes))
        yield


def search(defect: Defect, most: int = MOST) -> Found | None:
    """Make cases until one finds the defect; None when none of them does."""
    if defect.draws is None:
        return _by_hand(defect, most)
    silent = defect.name == SILENT  # the second opinion names them
    case: Case | None = None
    for count, seed in enumerate(range(20_261_128, 20_261_128 + most), 1):
        case = make(Random(seed), defect.draws)
        if case is None:
            continue
        with put_back(defect, opinion=silent):
            verdict = judge(case, named=silent)
        if verdict.is_defect:
            with put_back(defect):
                second = judge(case)
            seen = "rewrite-disagrees" in second.why
            return Found(count, verdict.what, "sees it" if seen else "")
    return None


def _by_hand(defect: Defect, most: int) -> Found | None:
    for seed in range(most):
        after, _ = hand_edits.case(seed)
        if after == hand_edits.BEFORE:
            continue
        try:
            with put_back(defect):
                made = capture.capture("captured", "pkg", hand_edits.BEFORE, after)
            same = comes_back(made, hand_edits.BEFORE, after)
        except PatcherError:
            return Found(seed + 1, "a spec that is none")
        if not same:
            return Found(seed + 1, "other bytes or modes")
    return None


def table() -> tuple[str, bool]:
    """The table, and whether every defect was found."""
    lines = [
        "| defect that was put back | found after | as | second opinion |",
        "|---|---|---|---|",
    ]
    right = True
    for defect in DEFECTS:
        found = search(defect)
        right &= found is not None
        cells = [f"{found.cases} cases", found.how, found.opinion] if found else ["not", "", ""]
        lines.append(f"| {defect.name} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines), right


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--into", type=Path, help="write the table into this page")
    options = parser.parse_args()
    text, right = table()
    if options.into:
        write_table(options.into, "defects", text)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
