"""The static map: what the source says about tensors, without running or importing anything.

Located with `ast`, like the sites of patches: parsing and visiting the same files with LibCST takes
eleven times as long, and a map needs no whitespace.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class EntryKind(str, Enum):
    """What an entry of the map is."""

    SUBSCRIPT = "subscript"  # x[i] = ..., x[i] += ...
    ATTRIBUTE = "attribute"  # x.data = ..., x.grad = ..., x.real = ...
    AUGMENTED = "augmented"  # x += ...
    METHOD = "method"  # x.add_(...)
    COPY = "copy"  # x.copy_(...)
    OUT = "out"  # f(..., out=x)
    DATA = "data"  # anything written through .data
    INIT = "init"  # torch.nn.init.f_(x)
    SCOPE = "scope"  # no_grad, inference_mode, enable_grad, set_grad_enabled
    MEMORY_FORMAT = "memory-format"
    MOVE = "move"  # dtype or device
    SYNC = "sync"  # the program waits for the device


UPDATES = frozenset(
    {
        EntryKind.SUBSCRIPT,
        EntryKind.ATTRIBUTE,
        EntryKind.AUGMENTED,
        EntryKind.METHOD,
        EntryKind.COPY,
        EntryKind.OUT,
        EntryKind.DATA,
        EntryKind.INIT,
    }
)


@dataclass(frozen=True)
class MapEntry:
    """One place.

    Attributes:
        function: qualified name of the enclosing definition, ``<module>`` at top level.
        line: from 1; ``end_line`` the last line: of the statement, or of a scope's extent.
        source: the place's own text, one line.
        detail: for a scope its mode, for a move what is moved to, for a method its name.
        decorator: a scope that covers every call of ``function``.
    """

    kind: EntryKind
    function: str
    line: int
    end_line: int
    source: str
    detail: str = ""
    decorator: bool = False


@dataclass(frozen=True)
class ModuleMap:
    """All entries of one file, in order of lines; ``error`` says why there are none."""

    file: str
    entries: tuple[MapEntry, ...]
    functions: int = 0
    error: str = ""

    def counts(self) -> Mapping[str, int]:
        """Entries by kind."""
        return Counter(entry.kind.value for entry in self.entries)

    def by_function(self) -> Mapping[str, Mapping[str, int]]:
        """Entries by function and kind, in order of appearance."""
        result: dict[str, Counter[str]] = {}
        for entry in self.entries:
            result.setdefault(entry.function, Counter())[entry.kind.value] += 1
        return result


SCOPES = frozenset({"no_grad", "inference_mode", "enable_grad", "set_grad_enabled"})
DTYPES = frozenset(
    {"float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool"}
)
DEVICE_MOVES = frozenset({"cuda", "cpu", "mps", "xpu"})
SYNC_METHODS = frozenset({"item", "tolist", "numpy", "nonzero", "cpu", "synchronize"})
TENSOR_ATTRIBUTES = frozenset({"data", "grad", "real", "imag", "requires_grad"})
TENSOR_TESTS = frozenset({"any", "all", "isnan", "isinf", "equal", "allclose", "is_nonzero"})
# Methods that end in an underscore and belong to no tensor.
OTHER_METHODS = frozenset({"_", "__"})


def map_source(source: bytes | str, file: str) -> ModuleMap:
    """Map one file. Never raises: what cannot be parsed has ``error`` set."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return ModuleMap(file, (), 0, f"{type(error).__name__}: {error}")
    walk = _Walk()
    try:
        walk.body(tree, ())
    except RecursionError as error:
        return ModuleMap(file, (), 0, f"{type(error).__name__}: {error}")
    entries = sorted(walk.entries, key=lambda entry: (entry.line, entry.kind.value))
    return ModuleMap(file, tuple(entries), walk.functions)


class _Walk:
    """One pass over a tree, with the qualified name at hand."""

    def __init__(self) -> None:
        self.entries: list[MapEntry] = []
        self.functions = 0

    def body(self, node: ast.AST, names: tuple[str, ...]) -> None:
        for child in ast.iter_child_nodes(node):
            inner = names
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inner = (*names, child.name)
                self.functions += 1
                self._decorators(child, inner)
            elif isinstance(child, ast.ClassDef):
                inner = (*names, child.name)
            handler = _HANDLERS.get(type(child))
            if handler is not None:
                handler(self, child, inner)
            self.body(child, inner)

    def add(
        self,
        kind: EntryKind,
        node: ast.AST,
        names: tuple[str, ...],
        detail: str = "",
        show: ast.AST | None = None,
    ) -> None:
        line, end = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]
        text = _text(show or node)
        self.entries.append(MapEntry(kind, ".".join(names) or "<module>", line, end, text, detail))

    def _decorators(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, names: tuple[str, ...]
    ) -> None:
        for decorator in node.decorator_list:
            mode = _scope_mode(decorator)
            if mode is not None:
                end = node.end_lineno or node.lineno
                text = "@" + _text(decorator)
                name = ".".join(names)
                entry = MapEntry(EntryKind.SCOPE, name, decorator.lineno, end, text, mode, True)
                self.entries.append(entry)

    def on_with(self, node: ast.With, names: tuple[str, ...]) -> None:
        for item in node.items:
            mode = _scope_mode(item.context_expr)
            if mode is not None:
                end = node.end_lineno or node.lineno
                name = ".".join(names) or "<module>"
                text = _text(item.context_expr)
                self.entries.append(
                    MapEntry(EntryKind.SCOPE, name, item.context_expr.lineno, end, text, mode)
                )

    def on_assign(self, node: ast.Assign, names: tuple[str, ...]) -> None:
        for target in node.targets:
            self._target(target, node, names)

    def _target(self, target: ast.expr, node: ast.stmt, names: tuple[str, ...]) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            for element in target.elts:
                self._target(element, node, names)
        elif isinstance(target, ast.Subscript):
            if _through_data(target.value):
                self.add(EntryKind.DATA, node, names)
            elif not _is_text(target.slice):
                self.add(EntryKind.SUBSCRIPT, node, names)
        elif isinstance(target, ast.Attribute) and target.attr in TENSOR_ATTRIBUTES:
            self.add(EntryKind.DATA if target.attr == "data" else EntryKind.ATTRIBUTE, node, names)

    def on_augmented(self, node: ast.AugAssign, names: tuple[str, ...]) -> None:
        target = node.target
        if _through_data(target):
            self.add(EntryKind.DATA, node, names)
        elif isinstance(target, ast.Subscript):
            if not _is_text(target.slice):
                self.add(EntryKind.SUBSCRIPT, node, names)
        elif not _is_plain(node.value):
            self.add(EntryKind.AUGMENTED, node, names)

    def on_call(self, node: ast.Call, names: tuple[str, ...]) -> None:
        name = _last(node.func)
        for keyword in node.keywords:
            if keyword.arg == "out" and not _is_none(keyword.value):
                self.add(EntryKind.OUT, node, names)
            elif keyword.arg == "memory_format":
                self.add(EntryKind.MEMORY_FORMAT, node, names, _last(keyword.value))
        if isinstance(node.func, ast.Attribute):
            self._method(node, node.func, names)
        elif name == "bool" and node.args and _tests_tensor(node.args[0]):
            self.add(EntryKind.SYNC, node, names, "truth")

    def _method(self, node: ast.Call, func: ast.Attribute, names: tuple[str, ...]) -> None:
        name = func.attr
        if name.endswith("_") and not name.endswith("__") and name not in OTHER_METHODS:
            if _last(func.value) == "init":
                self.add(EntryKind.INIT, node, names, name)
            elif _through_data(func.value):
                self.add(EntryKind.DATA, node, names, name)
            elif name == "copy_":
                self.add(EntryKind.COPY, node, names, name)
            elif name != "requires_grad_":
                self.add(EntryKind.METHOD, node, names, name)
        if name in SYNC_METHODS and (name != "cpu" or not node.args):
            self.add(EntryKind.SYNC, node, names, name)
        if name in DEVICE_MOVES or (name in DTYPES and not node.args):
            self.add(EntryKind.MOVE, node, names, name)
        elif name in {"to", "type", "type_as", "to_empty"}:
            self.add(EntryKind.MOVE, node, names, _move(node))

    def on_test(self, node: ast.If | ast.While | ast.Assert, names: tuple[str, ...]) -> None:
        if _tests_tensor(node.test):
            self.add(EntryKind.SYNC, node.test, names, "truth")


_HANDLERS: dict[type[ast.AST], Callable[[_Walk, Any, tuple[str, ...]], None]] = {
    ast.With: _Walk.on_with,
    ast.AsyncWith: _Walk.on_with,
    ast.Assign: _Walk.on_assign,
    ast.AugAssign: _Walk.on_augmented,
    ast.Call: _Walk.on_call,
    ast.If: _Walk.on_test,
    ast.While: _Walk.on_test,
    ast.Assert: _Walk.on_test,
}


def scopes(module: ModuleMap) -> Iterator[MapEntry]:
    """The grad and inference scopes of a file."""
    return (entry for entry in module.entries if entry.kind is EntryKind.SCOPE)


def _scope_mode(node: ast.expr) -> str | None:
    """``no_grad`` and its like; ``inference_mode(False)`` is ``normal_mode``."""
    call = node.func if isinstance(node, ast.Call) else node
    name = _last(call)
    if name not in SCOPES:
        return None
    if name == "inference_mode" and isinstance(node, ast.Call):
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if given and isinstance(given[0], ast.Constant) and not given[0].value:
            return "normal_mode"
    return name


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _through_data(node: ast.expr) -> bool:
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Call)):
        if isinstance(node, ast.Attribute) and node.attr == "data":
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_plain(node: ast.expr) -> bool:
    """Something that is surely not a tensor: numbers, text, containers, lengths."""
    if isinstance(node, ast.UnaryOp):
        return _is_plain(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_plain(node.left) and _is_plain(node.right)
    if isinstance(node, ast.Call):
        return _last(node.func) in {
            "len",
            "str",
            "int",
            "list",
            "tuple",
            "range",
            "format",
            "join",
        }
    return isinstance(
        node, (ast.Constant, ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.ListComp)
    )


def _tests_tensor(node: ast.expr) -> bool:
    """Whether a truth test reads a tensor: ``(x > 0).any()``, ``torch.equal(a, b)``."""
    return any(
        isinstance(child, ast.Call)
        and isinstance(child.func, ast.Attribute)
        and child.func.attr in TENSOR_TESTS
        for child in ast.walk(node)
    )


def _move(node: ast.Call) -> str:
    named = {keyword.arg: _text(keyword.value) for keyword in node.keywords if keyword.arg}
    parts = [_text(argument) for argument in node.args]
    parts += [named[key] for key in ("device", "dtype") if key in named]
    return ", ".join(parts)


def _text(node: ast.AST) -> str:
    text = ast.unparse(node)
    text = " ".join(text.split())
    return text if len(text) <= 120 else text[:117] + "..."
