"""Which edits of a series ran: where they are in the patched tree, and what the runs showed. Pure.

An edit has been exercised when a case entered the function it is in. Lines of that function which
no case reached (another kind of processor, a rare argument) are a branch not taken: listed, no
failure. Lines outside of functions count as soon as their file was imported.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from patcher.rewrite.guarding.definitions import KEPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from patcher.execution.results import CaseResult

    Read = Callable[[str], bytes | None]
    Versions = Sequence[tuple[str, Mapping[str, bytes]]]

IMPORTED = 0  # as `patcher.worker.lines` notes it


@dataclass(frozen=True)
class Span:
    """A function of a file, decorators included; ``new`` when the series added all of it."""

    name: str
    first: int
    last: int
    new: bool = False


@dataclass(frozen=True)
class ChangedLines:
    """Lines that one patch changed in one function of the patched tree.

    Attributes:
        lines: of the patched file, in order; at least one.
        spans: the function, and those it is nested in, innermost first; empty outside of functions.
    """

    patch: str
    file: str
    lines: tuple[int, ...]
    spans: tuple[Span, ...] = ()

    @property
    def function(self) -> str:
        return self.spans[0].name if self.spans else ""


@dataclass(frozen=True)
class Exercise:
    """What the runs showed of one place.

    Attributes:
        kind: ``ran``, ``branch`` (its function was entered and these lines were not reached),
            ``import`` (outside of functions, the file was imported) or ``never``.
        cases: the cases that ran it, or that entered its function.
    """

    place: ChangedLines
    kind: str
    cases: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """One line for people about a place that never ran."""
        place = self.place
        inside = f" ({place.function})" if place.function else ""
        return f"{place.patch}: {place.file}:{place.lines[0]}{inside} never ran"


def places_of(versions: Versions, read: Read) -> tuple[ChangedLines, ...]:
    """Where each patch of a series is in the final tree.

    Args:
        versions: files by path after each patch, with the patch's name, in the series' order.
        read: a file of the pristine tree, or None.
    """
    final = versions[-1][1] if versions else {}
    result: list[ChangedLines] = []
    for number, (patch, files) in enumerate(versions):
        before = versions[number - 1][1] if number else {}
        for file, content in files.items():
            old = before.get(file, read(file) or b"")
            if old == content or not file.endswith(".py"):
                continue
            lines = changed_lines(old, content)
            now = content
            for _, later in versions[number + 1 :]:
                lines, now = moved(lines, now, later.get(file, now)), later.get(file, now)
            new_file = read(file) is None
            result += _grouped(patch, file, lines, final.get(file, content), new_file=new_file)
    return tuple(result)


def changed_lines(old: bytes, new: bytes) -> list[int]:
    """Lines of ``new`` that are not in ``old``; what follows the gap where lines were taken out."""
    old_lines, new_lines = old.splitlines(), new.splitlines()
    result: list[int] = []
    for tag, _, _, first, end in SequenceMatcher(
        None, old_lines, new_lines, autojunk=False
    ).get_opcodes():
        if tag in ("insert", "replace"):
            result += range(first + 1, end + 1)
        elif tag == "delete" and new_lines:
            result.append(min(first + 1, len(new_lines)))
    return result


def moved(lines: Iterable[int], old: bytes, new: bytes) -> list[int]:
    """Where lines of ``old`` are in ``new``; those that a later patch wrote over are left out."""
    if old == new:
        return list(lines)
    where = {}
    matcher = SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    for block in matcher.get_matching_blocks():
        for at in range(block.size):
            where[block.a + at + 1] = block.b + at + 1
    return [where[line] for line in lines if line in where]


def _grouped(
    patch: str, file: str, lines: Sequence[int], content: bytes, *, new_file: bool
) -> Iterator[ChangedLines]:
    """The lines that hold code, by the function they are in."""
    try:
        tree = ast.parse(content)
    except SyntaxError:
        return  # running it will say so
    changed = set(lines) - _kept_lines(tree)
    functions = [
        (span, _code_lines(node))
        for span, node in _functions(tree)
        if changed & set(range(span.first, span.last + 1))
    ]
    outside = changed & set(_code_lines(tree))
    if new_file:  # one edit: that it is reached at all is what counts
        spans = tuple(Span(span.name, span.first, span.last, True) for span, _ in functions)
        if spans or outside:
            yield ChangedLines(patch, file, tuple(sorted(changed)), spans)
        return
    by_function: dict[tuple[Span, ...], set[int]] = {}
    for line in sorted(changed):
        around = [span for span, _ in functions if span.first <= line <= span.last]
        around.sort(key=lambda span: span.last - span.first)
        holds_code = line in outside if not around else _holds(line, around[0], functions)
        if holds_code:
            new = around and set(range(around[0].first, around[0].last + 1)) <= changed
            if new:
                around[0] = Span(around[0].name, around[0].first, around[0].last, True)
            by_function.setdefault(tuple(around), set()).add(line)
    for spans, own in by_function.items():
        yield ChangedLines(patch, file, tuple(sorted(own)), spans)


def _holds(line: int, span: Span, functions: Sequence[tuple[Span, set[int]]]) -> bool:
    return any(line in own for each, own in functions if each == span)


def _kept_lines(tree: ast.AST) -> set[int]:
    """Lines of the original definitions that a guard keeps, which are no edits."""
    result: set[int] = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        definitions: list[ast.stmt] = []
        for statement in body if isinstance(body, list) else []:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if definitions and _name(definitions[-1]) != statement.name:
                    definitions = []
                definitions.append(statement)
                continue
            if definitions and _keeps(statement, _name(definitions[-1])):
                decorators = getattr(definitions[0], "decorator_list", [])
                first = min(each.lineno for each in (definitions[0], *decorators))
                result.update(range(first, (statement.end_lineno or statement.lineno) + 1))
            definitions = []
    return result


def _name(definition: ast.stmt) -> str:
    return str(getattr(definition, "name", ""))


def _keeps(statement: ast.stmt, name: str) -> bool:
    """Whether a statement is ``_patcher_original_NAME = NAME``."""
    match statement:
        case ast.Assign([ast.Name(kept)], ast.Name(value)):
            return value == name and kept.startswith(KEPT)
    return False


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[Span, ast.AST]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            name = f"{prefix}{node.name}"
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield Span(name, first, node.end_lineno or node.lineno), node
            yield from _functions(node, f"{name}.")
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        else:
            yield from _functions(node, prefix)


def _code_lines(node: ast.AST) -> set[int]:
    """Lines that hold more than comments and docstrings."""
    result: set[int] = set()
    for each in ast.walk(node):
        if _is_docstring(each):
            continue
        if isinstance(each, (ast.stmt, ast.expr, ast.arg, ast.keyword)) and not isinstance(
            each, ast.Constant
        ):
            result.add(each.lineno)
            if not isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                result.add(each.end_lineno or each.lineno)
        elif isinstance(each, ast.Constant) and not isinstance(each.value, str):
            result.add(each.lineno)
    return result


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def watched(places: Iterable[ChangedLines]) -> dict[str, tuple[tuple[int, int], ...]]:
    """The functions a worker has to follow, by file; none where only the import matters."""
    result: dict[str, list[tuple[int, int]]] = {}
    for place in places:
        spans = result.setdefault(place.file, [])
        spans += [(span.first, span.last) for span in place.spans]
    return {file: tuple(dict.fromkeys(spans)) for file, spans in result.items()}


def enough(places: Iterable[ChangedLines]) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Lines of each place in a function, by file: any one of them shows that a call ran it."""
    result: dict[str, list[tuple[int, ...]]] = {}
    for place in places:
        if place.spans:
            result.setdefault(place.file, []).append(place.lines)
    return {file: tuple(dict.fromkeys(groups)) for file, groups in result.items()}


def exercises(
    places: Iterable[ChangedLines], results: Iterable[CaseResult]
) -> tuple[Exercise, ...]:
    """What runs of the patched arm showed of each place."""
    runs = [result for result in results if result.ran]
    collected = [_exercise(place, runs) for place in places]
    alive = {each.place.patch for each in collected if each.kind in ("ran", "branch")}
    # A new function or file is reached through the patch's other edits: where those run, it is a
    # branch (a condition on the processor, say, that is not met here).
    return tuple(
        Exercise(each.place, "branch")
        if each.kind == "never" and each.place.patch in alive and _only_new(each.place)
        else each
        for each in collected
    )


def branches_alone(exercised: Iterable[Exercise]) -> tuple[str, ...]:
    """A sentence on each patch of which no line ran though its functions did: it was not tried."""
    by_patch: dict[str, list[Exercise]] = {}
    for each in exercised:
        by_patch.setdefault(each.place.patch, []).append(each)
    return tuple(
        f"no case reached what {patch} changes: {places[0].place.file}:{places[0].place.lines[0]} "
        f"({places[0].place.function}) is in a branch that was not taken"
        for patch, places in by_patch.items()
        if all(each.kind == "branch" for each in places)
    )


def _only_new(place: ChangedLines) -> bool:
    return bool(place.spans) and place.spans[0].new


def _exercise(place: ChangedLines, runs: Sequence[CaseResult]) -> Exercise:
    lines = {str(run.case): set(run.ran.get(place.file, ())) for run in runs}
    if not place.spans:
        imported = tuple(case for case, own in lines.items() if own)
        return Exercise(place, "import" if imported else "never", imported[:1])
    heads = {span.first for span in place.spans}
    # A decorator or a default is part of its function: it shows in being entered.
    heading = {line for span in place.spans for line in place.lines if line == span.first}
    ran = tuple(case for case, own in lines.items() if own & (set(place.lines) | heading))
    entered = tuple(case for case, own in lines.items() if own & heads)
    if ran:
        return Exercise(place, "ran", ran)
    return Exercise(place, "branch" if entered else "never", entered)
