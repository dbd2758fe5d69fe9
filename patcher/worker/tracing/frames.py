"""Where the program is: cheap call stacks, and what the source says at a line."""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType, TracebackType

    from . import answers

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
Level = tuple["Code", int]
Stack = tuple[Level, ...]
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class StackLevel:
    """One level of a call stack.

    Attributes:
        file: path relative to the import root it was loaded from, POSIX separators.
        line: the line being executed, from 1.
        function: qualified name without ``<locals>``; ``<module>`` at top level.
        first_line: where the function's definition starts, decorators included.
    """

    file: str
    line: int
    function: str
    first_line: int


class Code:
    """A code object by identity: torch-like packages hold equal functions in different files."""

    __slots__ = ("code",)

    def __init__(self, code: CodeType) -> None:
        self.code = code


class Stacks:
    """Captures call stacks as small interned tuples; resolves them to `StackLevel` only when asked.

    torch's own Python frames and patcher's are left out: no patch edits them.
    """

    def __init__(self, root: str | None = None) -> None:
        self.root = os.path.realpath(root) if root else None
        self._relative: dict[str, str | None] = {}
        self._codes: dict[int, tuple[CodeType, Code | None]] = {}
        self._interned: dict[Stack, Stack] = {}

    def capture(self, frame: FrameType | None = None) -> Stack:
        """The current stack, innermost first."""
        if frame is None:
            frame = sys._getframe(1)
        result = []
        codes = self._codes
        while frame is not None:
            code = frame.f_code
            known = codes.get(id(code))
            shown = known[1] if known is not None else self.code(code)
            if shown is not None:
                result.append((shown, frame.f_lineno))
            frame = frame.f_back
        key = tuple(result)
        return self._interned.setdefault(key, key)

    def code(self, code: CodeType) -> Code | None:
        """The identity of a code object; None for one that is left out."""
        known = self._codes.get(id(code))
        if known is None:
            shown = Code(code) if self._file(code.co_filename) is not None else None
            known = self._codes[id(code)] = (code, shown)  # kept alive: its address stays its own
        return known[1]

    def resolve(self, stack: Stack) -> list[StackLevel]:
        """The stack's frames, innermost first."""
        return [self.frame(level.code, line) for level, line in stack]

    def frame(self, code: CodeType, line: int) -> StackLevel:
        """The frame for one level."""
        return StackLevel(
            self._file(code.co_filename) or code.co_filename,
            line,
            qualified_name(code),
            code.co_firstlineno,
        )

    def of_traceback(self, traceback: TracebackType | None) -> tuple[FrameType, int] | None:
        """The innermost frame and line of a traceback that are neither torch's nor patcher's."""
        result = None
        while traceback is not None:
            if self._file(traceback.tb_frame.f_code.co_filename) is not None:
                result = traceback.tb_frame, traceback.tb_lineno
            traceback = traceback.tb_next
        return result

    def _file(self, name: str) -> str | None:
        if name not in self._relative:
            self._relative[name] = self._shorten(name)
        return self._relative[name]

    def _shorten(self, name: str) -> str | None:
        if name.startswith("<") or os.path.abspath(name).startswith(_PACKAGE + os.sep):
            return None
        path = os.path.realpath(name)
        roots = [os.path.realpath(entry) for entry in [self.root, *sys.path] if entry]
        inside = [root for root in roots if path.startswith(root.rstrip(os.sep) + os.sep)]
        if self.root in inside:
            inside = [self.root]
        short = os.path.relpath(path, max(inside, key=len)) if inside else path
        short = short.replace(os.sep, "/")
        return None if short.split("/")[0] in {"torch", "contextlib.py"} else short


def qualified_name(code: CodeType) -> str:
    """The lexical qualified name of a code object, without ``<locals>``."""
    name = getattr(code, "co_qualname", None)  # Python 3.11
    return name.replace(".<locals>", "") if name else lexical_name(code)


def lexical_name(code: CodeType) -> str:
    """`qualified_name` from the source, where the code object does not know it."""
    if code.co_name == "<module>":
        return code.co_name
    tree = parsed(code.co_filename)
    names = [node.name for node in definitions_at(tree, code.co_firstlineno)] if tree else []
    return ".".join(names if names and names[-1] == code.co_name else [*names, code.co_name])


@lru_cache(maxsize=256)
def parsed(path: str) -> ast.Module | None:
    """The syntax tree of a file, or None when it cannot be read or parsed."""
    try:
        with open(path, "rb") as source:
            return ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return None


def first_line(node: ast.AST) -> int:
    """Where a statement starts, decorators included."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])  # type: ignore[attr-defined, no-any-return]


def definitions_at(tree: ast.Module, line: int) -> list[Definition]:
    """The definitions that hold a line, outermost first; a decorator's line belongs to its own."""
    result: list[Definition] = []
    body: list[ast.AST] = [tree]
    while body:
        node = body.pop()
        for child in ast.iter_child_nodes(node):
            if not hasattr(child, "lineno"):
                body.append(child)
            elif first_line(child) <= line <= (child.end_lineno or child.lineno):  # type: ignore[attr-defined]
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    result.append(child)
                body.append(child)
    return result


@dataclass(frozen=True)
class Condition:
    """A test that had to come out one way for a line to run: ``if``, ``elif`` or ``while``.

    Attributes:
        line: where the test is evaluated.
        test: its source.
        outcome: how it comes out when the line runs.
        parts: sub-expressions worth showing, as source, in reading order.
        pure: evaluating the test once more changes nothing.
    """

    line: int
    test: str
    outcome: bool
    parts: tuple[str, ...]
    pure: bool


def guards(tree: ast.Module, line: int) -> list[Condition]:
    """The tests around a line, within its own function, outermost first."""
    chain = [node for node in definitions_at(tree, line) if not isinstance(node, ast.ClassDef)]
    return list(_guards_in(chain[-1] if chain else tree, line))


def _guards_in(node: ast.AST, line: int) -> Iterator[Condition]:
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, field, []):
            if not first_line_of(child) <= line <= last_line_of(child):
                continue
            if isinstance(node, (ast.If, ast.While)):
                test = node.test
                yield Condition(
                    test.lineno, ast.unparse(test), field == "body", _parts(test), is_pure(test)
                )
            yield from _guards_in(child, line)


def first_line_of(node: ast.AST) -> int:
    """First line of a statement, handler or ``case``."""
    return node.pattern.lineno if isinstance(node, ast.match_case) else first_line(node)


def last_line_of(node: ast.AST) -> int:
    """Last line of a statement, handler or ``case``."""
    if isinstance(node, ast.match_case):
        return node.body[-1].end_lineno or node.body[-1].lineno
    return node.end_lineno  # type: ignore[attr-defined, no-any-return]


def _parts(test: ast.expr) -> tuple[str, ...]:
    """The widest operands of a test that can be evaluated again without side effects."""
    result: list[str] = []

    def visit(node: ast.expr, top: bool) -> None:
        if all(isinstance(part, _CONSTANT) for part in ast.walk(node)):
            return
        if not top and is_pure(node) and not isinstance(node, (ast.Compare, ast.BoolOp)):
            result.append(ast.unparse(node))
            return
        for child in _operands(node):
            visit(child, False)

    visit(test, isinstance(test, (ast.Compare, ast.BoolOp, ast.UnaryOp)))
    return tuple(dict.fromkeys(result))


def _operands(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.Call):
        return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
    return [*owner, *node.args, *(keyword.value for keyword in node.keywords)]


_CONSTANT = (ast.Constant, ast.UnaryOp, ast.unaryop, ast.JoinedStr)
_PURE = (
    ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Compare,
    ast.BoolOp, ast.Tuple, ast.Slice, ast.expr_context, ast.operator, ast.unaryop, ast.cmpop,
    ast.boolop,
)  # fmt: skip
_PURE_CALLS = {"len", "isinstance", "hasattr", "getattr", "size", "dim", "ndimension", "numel"}


def is_pure(node: ast.AST) -> bool:
    """Whether evaluating an expression once more changes nothing (by its shape)."""
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return name in _PURE_CALLS and all(is_pure(child) for child in ast.iter_child_nodes(node))
    if not isinstance(node, _PURE):
        return isinstance(node, ast.keyword) and is_pure(node.value)
    return all(is_pure(child) for child in ast.iter_child_nodes(node))


def statement_at(path: str, line: int) -> str:
    """The source of the innermost simple statement at a line, one line of text; "" if unknown."""
    statements, lines = _statements(path)
    result = statements.get(line)
    if result is not None:
        return ast.unparse(result)
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


@lru_cache(maxsize=256)
def _statements(path: str) -> tuple[dict[int, ast.stmt], list[str]]:
    """The innermost simple statement of every line that has one, and the file's lines."""
    tree = parsed(path)
    if tree is None:
        return {}, []
    result: dict[int, ast.stmt] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                result[line] = node
    with open(path, encoding="utf-8", errors="replace") as source:
        return result, source.read().splitlines()


def frame_json(frame: StackLevel) -> answers.FrameJson:
    """Plain data for the parent process."""
    return {"file": frame.file, "line": frame.line, "function": frame.function}


def located(error: Exception, stacks: Stacks) -> answers.FailureJson:
    """What a call raised and where, for the parent process."""
    result: answers.FailureJson = {
        "kind": "other",
        "type": type(error).__name__,
        "message": str(error),
        "at": None,
    }
    place = stacks.of_traceback(error.__traceback__)
    if place is not None:
        frame, line = place
        result["at"] = {
            **frame_json(stacks.frame(frame.f_code, line)),
            "statement": statement_at(frame.f_code.co_filename, line),
        }
    return result
