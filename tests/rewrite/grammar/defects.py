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

import pytest

from benchmarks.captures import hand_edits
from benchmarks.captures.checking import comes_back
from docs.tables import write_table
from patcher.errors import PatcherError
from patcher.rewrite import file, source, splice
from patcher.rewrite.authoring import (
    capture,
    exact,
    scaffold,
    similarity,
    write_spec,
)
from patcher.rewrite.kinds import body as of_body
from patcher.rewrite.kinds import imports as of_imports
from patcher.rewrite.matching import tree
from patcher.rewrite.oracle import tokens
from patcher.rewrite.replacing import elements, pattern_edit, places, substitute
from patcher.rewrite.source import Source
from tests.rewrite.grammar import authoring, kinds, listed, matching, nested
from tests.rewrite.grammar import put_back as put
from tests.rewrite.grammar.cases import Case, Draw, make
from tests.rewrite.grammar.judging import judge

Patch = pytest.MonkeyPatch
MOST = 500
"""How many cases are made before a defect counts as not found."""
SILENT = "comments that cannot be kept are lost without a word"


@dataclass(frozen=True)
class Defect:
    """One defect.

    Attributes:
        item: which one of the list of the issue it belongs to.
        put_back: changes patcher's code.
        draws: who draws the cases; None for edits made by hand, which are captured; a function that
            says of a seed what is wrong, for what helps authors.
    """

    item: int
    name: str
    put_back: Callable[[Patch], None]
    draws: tuple[Draw, ...] | Callable[[int], str | None] | None


@dataclass(frozen=True)
class Detected:
    """After how many cases a defect was found, how, and what the second opinion says of it."""

    cases: int
    how: str
    opinion: str = ""


_RUN, _SWAP = (
    (partial(matching.statement, among=each),) for each in ("$$$R\nend_site", "else:\n    $$$T")
)
_ORDER = (partial(matching.statement, among="b()\nc()"),)
_GENERATOR = (partial(matching.expression, among="($$$A)"),)
_RoundTrip = tree.RoundTripError
_STATEMENT = (matching.statement,)
_EXPRESSION = (matching.expression,)
_BOTH = (matching.statement, matching.expression)
DEFECTS = (
    Defect(1, "an `assert` with a message is an element of a list",
           put.assert_is_element, _STATEMENT),
    Defect(2, "words are glued: `returnc`",
           put.change(splice, "in_word", lambda one: False), _EXPRESSION),
    Defect(6, "no parentheses where the meaning needs them", put.no_parentheses, _EXPRESSION),
    Defect(6, "a generator among other arguments stays bare", put.bare_generator, _GENERATOR),
    Defect(6, "a block that is emptied has no `pass`", put.no_pass, _STATEMENT),
    Defect(5, "comments above what a hole holds are lost", put.comments_above, _SWAP),
    Defect(5, "comments behind what a hole holds are lost",
           put.comments_behind, _RUN),
    Defect(5, "comments that end a block stay when the block moves", put.comments_stay_below,
           _STATEMENT),
    Defect(5, "comments of statements that are written out are lost",
           put.change(substitute._Site, "_kept", lambda site, of, come: {}), _ORDER),
    Defect(5, SILENT, put.change(tokens, "lost", lambda before, after: []), _BOTH),
    Defect(5, "comments stay by position where statements change places",
           put.change(substitute._Site, "_moves", lambda *runs: False), _ORDER),
    Defect(5, "comments of blocks that change places are doubled",
           put.change(substitute._Site, "_held", lambda site: []), _SWAP),
    Defect(5, "a statement is inserted below the next one's comment", put.below_comments, _RUN),
    Defect(5, "the lines of a string move with its statement",
           put.change(source, "lines_in_strings", lambda *text: frozenset()), _STATEMENT),
    Defect(1, "sites that are there are not found",
           put.change(pattern_edit, "decide", put.refuse), _BOTH),
    Defect(6, "`define` writes above what the helper needs", put.at_the_imports, (kinds.define,)),
    Defect(6, "`import` writes into a line that statements share",
           put.change(of_imports, "_share", lambda *of: False), (kinds.imports,)),
    Defect(6, "the body of a function of one line",
           put.change(of_body, "starts_line", lambda *of: True),
           (kinds.body,)),
    Defect(6, "a body keeps the decorator of its first statement", put.def_is_start, (kinds.body,)),
    Defect(1, "columns of bytes are taken for columns of characters", put.bytes_are_characters,
           (kinds.body,)),
    Defect(1, "new lines end in LF in a file of CRLF",
           put.change(Source, "newline", property(lambda self: "\n")), (kinds.lines,)),
    Defect(1, "the byte order mark goes", put.change(Source, "encode", put.no_mark), _BOTH),
    Defect(3, "capture: two new files of one base name are one",
           put.change(capture._Making, "attach", put.by_base_name), None),
    Defect(3, "capture: data files are left out", put.python_alone, None),
    Defect(3, "capture: modes are left out",
           put.change(capture._Making, "mode", lambda *of: None), None),
    Defect(3, "capture: white space at the end of lines is lost in the YAML", put.stripped, None),
    Defect(3, "capture: a pattern that gives other bytes is taken",
           put.change(exact, "_gives", lambda *of: True), None),
    Defect(5, "a removed element leaves its comment to the one before", put.leaves_comment,
           (listed.listed,)),
    Defect(5, "comments stay by position where elements change places",
           put.change(substitute._Site, "_change_places", lambda *of: False), (listed.listed,)),
    Defect(5, "a first element is written under the comment of another",
           put.change(elements, "before_first", put.in_the_line), (listed.listed,)),
    Defect(1, "a comment that ends in a backslash is taken for a line that goes on",
           put.change(Source, "continues", put.any_backslash), (matching.below_backslash,)),
    Defect(1, "a lone CR ends no line",
           put.change(source, "_NEWLINE", re.compile(r"\r?\n")), _BOTH),
    Defect(1, "a statement behind a `;` is as deep as the line it stands on",
           put.change(Source, "block_indent", Source.indent), _RUN),
    Defect(1, "strings in an f-string keep its quotes",
           put.change(substitute, "fitted", lambda template, site: template),
           (matching.in_f_string,)),
    Defect(1, "inner sites are written as if they were alone",
           put.change(pattern_edit, "substitute_all", put.each_alone), (nested.nested,)),
    Defect(5, "lines that say the encoding move with a statement",
           put.change(Source, "head", 0), (matching.first_statement,)),
    Defect(6, "`already` is said of code that only looks like the replacement",
           put.change(pattern_edit, "_gives_itself", lambda *of: True), authoring.never_patched),
    Defect(3, "capture: control characters are written as they are",
           put.change(write_spec, "_escaped", str), None),
    Defect(3, "capture: an `elif` is a statement of its own", put.elif_alone, None),
    Defect(3, "capture: two captures give a new file the same name",
           put.change(capture._Making, "attach", put.by_path), authoring.captured_twice),
    Defect(3, "capture: the next step checks out a file that is new", put.checks_out_first,
           authoring.adopted),
    Defect(4, "`new` takes an `elif` for a statement of its own", put.elif_alone,
           authoring.scaffolded),
    Defect(4, "`new` takes the decorator of another member along",
           put.change(scaffold, "_header", put.up_to_the_def), authoring.scaffolded),
    Defect(4, "`new` writes `'a' 'b'` as `'ab'`, which is no site",
           put.change(similarity._AsWritten, "visit", lambda self, node: node),
           authoring.scaffolded),
    Defect(4, "`new` crashes at `raise a from(b)`", put.checked_by_libcst, authoring.scaffolded),
    Defect(7, "a site that is an `elif`: the message says `within`", put.no_elif, authoring.said),
    Defect(7, "a site in an f-string: the message says nothing of it",
           put.change(pattern_edit, "inside_others", lambda *of: None), authoring.said),
    Defect(7, "a property and its setter: the message says `expect: 2`",
           put.change(of_body, "which", lambda of, count: f"`expect: {count}`"), authoring.said),
    Defect(7, "a parameter after `**kw`: the message says that it is not Python",
           put.change(substitute, "why_not", lambda *of: places.CannotReplaceError("not Python")),
           authoring.said),
    Defect(7, "a form feed: the message is the raw parser's",
           put.change(tree, "RoundTripError", lambda why: _RoundTrip("Syntax Error @ 1:1.")),
           authoring.said),
    Defect(8, "a plan for another target makes a second working copy", put.plan_makes_a_copy,
           authoring.planned),
)  # fmt: skip


@contextmanager
def put_back(defect: Defect, opinion: bool = True) -> Iterator[None]:
    """Run with a defect in the code; ``opinion``: with the second one."""
    with pytest.MonkeyPatch.context() as patch:
        defect.put_back(patch)
        if not opinion:
            patch.setattr(file, "_agree", lambda source, text, outcomes: list(outcomes))
        yield


def search(defect: Defect, most: int = MOST) -> Detected | None:
    """Make cases until one finds the defect; None when none of them does."""
    if defect.draws is None:
        return _by_hand(defect, most)
    if not isinstance(defect.draws, tuple):
        return _by_seed(defect, defect.draws, most)
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
            return Detected(count, verdict.what, "sees it" if seen else "")
    return None


def _by_seed(defect: Defect, wrong: Callable[[int], str | None], most: int) -> Detected | None:
    for seed in range(most):
        with put_back(defect):
            why = wrong(seed)
        if why:
            return Detected(seed + 1, why.partition(":")[0])
    return None


def _by_hand(defect: Defect, most: int) -> Detected | None:
    for seed in range(most):
        after, _ = hand_edits.case(seed)
        if after == hand_edits.BEFORE:
            continue
        try:
            with put_back(defect):
                made = capture.capture("captured", "pkg", hand_edits.BEFORE, after)
            same = comes_back(made, hand_edits.BEFORE, after)
        except PatcherError:
            return Detected(seed + 1, "a spec that is none")
        except Exception:  # of any kind: the defect was one
            return Detected(seed + 1, "crash")
        if not same:
            return Detected(seed + 1, "other bytes or modes")
    return None


def table() -> tuple[str, bool]:
    """The table, and whether every defect was found."""
    lines = [
        "| item | defect that was put back | found after | as | second opinion |",
        "|---|---|---|---|---|",
    ]
    right = True
    for defect in sorted(DEFECTS, key=lambda each: each.item):
        actual = search(defect)
        right &= actual is not None
        cells = [f"{actual.cases} cases", actual.how, actual.opinion] if actual else ["not", "", ""]
        lines.append(f"| {defect.item} | {defect.name} | " + " | ".join(cells) + " |")
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
