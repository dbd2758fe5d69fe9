"""Puts a value together again from what `patcher.worker.values` wrote of it.

Only a process of its own does this, behind the guards: an object is made by its class, and a class
is code. `decode` makes objects of the classes it is allowed alone. What a patched arm made is put
together of the classes and functions that the baseline's value names too (`names_in`), so that it
can bring in neither ``os.system`` nor an object that is equal to everything.

The standard library alone, and Python 3.8.
"""

from __future__ import annotations

import ast
import base64
import copyreg
import datetime
import enum
import importlib
import json
import re
import struct
import sys
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Node = list[Any]
    Arrays = Mapping[str, tuple[str, tuple[int, ...], bytes]]

NAMING = {"name": 1, "fields": 1, "object": 1, "text": 1}
"""Kinds of nodes that name a class or a function, and where in the node the name stands."""
NO_MAKERS = frozenset({"builtins", "os", "posix", "subprocess", "importlib", "runpy", "ctypes"})
WRITTEN: Mapping[str, Any] = {
    "Decimal": Decimal,
    "Fraction": Fraction,
    "UUID": UUID,
    "range": range,
    "date": datetime.date,
    "time": datetime.time,
    "datetime": datetime.datetime,
    "timedelta": datetime.timedelta,
    "timezone": datetime.timezone,
}
"""What a ``repr`` may call."""


class CannotDecode(ValueError):  # noqa: N818 - read by people, in tables
    """A value, or a part of it, that cannot be put together here."""


def names_in(skeleton: bytes) -> frozenset[str]:
    """The classes and functions that a value names."""
    result: set[str] = set()
    left = [json.loads(skeleton)]
    while left:
        node = left.pop()
        if isinstance(node, list):
            if node and isinstance(node[0], str) and node[0] in NAMING:
                result.add(str(node[1]))
            left += node
    return frozenset(result)


def decode(skeleton: bytes, arrays: Arrays, allowed: frozenset[str]) -> Any:
    """A value from its skeleton and its arrays, (dtype, shape, bytes) by name.

    Args:
        allowed: the classes and functions that it may be made with.

    Raises:
        CannotDecode: it names another one, or it is no value that could have been written.
    """
    try:
        return _Decoder(arrays, allowed).node(json.loads(skeleton))
    except CannotDecode:
        raise
    except RecursionError:
        raise CannotDecode("it is nested too deeply") from None
    except Exception as error:
        raise CannotDecode(f"{type(error).__name__}: {error}") from error


class _Decoder:
    def __init__(self, arrays: Arrays, allowed: frozenset[str]) -> None:
        self.arrays = arrays
        self.allowed = allowed

    def node(self, node: Node) -> Any:
        kind = node[0]
        read: Callable[[Node], Any] | None = getattr(self, f"_{kind}", None)
        if read is None or not isinstance(kind, str):
            raise CannotDecode(f"there is no kind of value {kind!r}")
        return read(node)

    # plain values

    def _none(self, node: Node) -> None:
        return None

    def _bool(self, node: Node) -> bool:
        return bool(node[1])

    def _int(self, node: Node) -> int:
        return int(node[1], 0)

    def _float(self, node: Node) -> float:
        result: float = struct.unpack(">d", bytes.fromhex(node[1]))[0]
        return result

    def _complex(self, node: Node) -> complex:
        return complex(*struct.unpack(">dd", bytes.fromhex(node[1])))

    def _str(self, node: Node) -> str:
        return str(node[1])

    def _bytes(self, node: Node) -> bytes:
        return base64.b64decode(node[1])

    def _bytearray(self, node: Node) -> bytearray:
        return bytearray(base64.b64decode(node[1]))

    def _memoryview(self, node: Node) -> memoryview:
        return memoryview(base64.b64decode(node[1]))

    def _text(self, node: Node) -> Any:
        own = self._named(node[1])
        tree = ast.parse(node[2], mode="eval").body
        return _written(tree, {**WRITTEN, node[1].rpartition(".")[2]: own})

    # containers

    def _list(self, node: Node) -> list[Any]:
        return [self.node(each) for each in node[1]]

    def _tuple(self, node: Node) -> tuple[Any, ...]:
        return tuple(self.node(each) for each in node[1])

    def _dict(self, node: Node) -> dict[Any, Any]:
        return {self.node(key): self.node(item) for key, item in node[1]}

    def _set(self, node: Node) -> set[Any]:
        return {self.node(each) for each in node[1]}

    def _frozenset(self, node: Node) -> frozenset[Any]:
        return frozenset(self.node(each) for each in node[1])

    def _same(self, node: Node) -> Any:
        """A part that came before: equal to it, and an object of its own here."""
        return self.node(node[2])

    def _cycle(self, node: Node) -> Any:
        raise CannotDecode("it holds itself")

    # arrays

    def _array(self, node: Node) -> Any:
        _, kind, dtype, shape, name, note = node
        data = self.arrays[name][2]
        if kind in ("list", "tuple"):
            count = len(data) // 8
            numbers = struct.unpack(f"<{count}{'d' if dtype == 'float64' else 'q'}", data)
            return list(numbers) if kind == "list" else numbers
        if "torch" in kind or kind == "tensor":
            return self._tensor(dtype, shape, data)
        import numpy

        result = numpy.frombuffer(data, _numpy_dtype(dtype)).reshape(shape).copy()
        if note.startswith("with its bytes"):
            result = result.astype(result.dtype.newbyteorder(">"))
        if kind == "scalar":
            return result[()]
        result.flags.writeable = "cannot be written" not in note
        return result

    def _tensor(self, dtype: str, shape: list[int], data: bytes) -> Any:
        import torch

        if not data:
            return torch.empty(shape, dtype=getattr(torch, dtype))
        return torch.frombuffer(bytearray(data), dtype=getattr(torch, dtype)).reshape(shape)

    def _objects(self, node: Node) -> Any:
        import numpy

        result = numpy.empty(len(node[2]), dtype=object)
        for at, each in enumerate(node[2]):
            result[at] = self.node(each)
        return result.reshape(node[1])

    def _masked(self, node: Node) -> Any:
        numpy: Any = importlib.import_module("numpy")
        return numpy.ma.array(self.node(node[1]), mask=self.node(node[2]))

    # tables

    def _frame(self, node: Node) -> Any:
        pandas: Any = importlib.import_module("pandas")
        columns = [self.node(column) for _, column in node[2]]
        index = self.node(node[1])
        result = pandas.concat(columns, axis=1) if columns else pandas.DataFrame(index=index)
        result.index = pandas.Index(index)
        result.columns = pandas.Index([self.node(label) for label, _ in node[2]])
        return result

    def _series(self, node: Node) -> Any:
        pandas: Any = importlib.import_module("pandas")
        result = self.node(node[3])
        result.index = pandas.Index(self.node(node[2]))
        result.name = self.node(node[1])
        return result

    def _index(self, node: Node) -> Any:
        pandas: Any = importlib.import_module("pandas")
        return pandas.Index(self.node(node[1]))

    def _column(self, node: Node) -> Any:
        pandas: Any = importlib.import_module("pandas")
        return pandas.Series(self.node(node[2]), dtype=node[1])

    # objects

    def _name(self, node: Node) -> Any:
        return self._named(node[1])

    def _fields(self, node: Node) -> Any:
        kind = self._class(node[1])
        fields = {name: self.node(each) for name, each in node[2]}
        if issubclass(kind, tuple):
            return tuple.__new__(kind, fields.values())
        made = object.__new__(kind)
        for name, item in fields.items():
            object.__setattr__(made, name, item)
        return made

    def _object(self, node: Node) -> Any:
        _, name, arguments, state, items, pairs, *how = node
        maker = self._named(name)
        values = [self.node(each) for each in arguments]
        if how == ["new"]:
            made = self._class(name).__new__(maker, *values)
        elif isinstance(maker, type) or maker is copyreg._reconstructor:  # type: ignore[attr-defined]
            made = maker(*values)
        elif name.partition(".")[0] in NO_MAKERS or "." not in name:
            raise CannotDecode(f"no value is made with {name}")
        else:
            made = maker(*values)
        self._restore(made, state)
        for item in items:
            made.append(self.node(item))
        for key, item in pairs:
            made[self.node(key)] = self.node(item)
        return made

    def _restore(self, made: Any, state: list[Any]) -> None:
        if not state:
            return
        fields = {name: self.node(each) for name, each in state}
        whole = fields[""] if set(fields) == {""} else fields
        # Python 3.11 gives `__getstate__` to every object, but `__setstate__` to none.
        if hasattr(made, "__setstate__"):
            made.__setstate__(whole)
            return
        for name, item in fields.items():
            if hasattr(made, "__dict__"):
                made.__dict__[name] = item
            else:
                object.__setattr__(made, name, item)

    def _class(self, name: str) -> type:
        result = self._named(name)
        if not isinstance(result, type):
            raise CannotDecode(f"{name} is no class")
        return result

    def _named(self, name: str) -> Any:
        """The class or the function of a qualified name; another member of a known enum, too."""
        if name in self.allowed:
            return resolve(name)
        owner = name.rpartition(".")[0]
        if owner and any(each.rpartition(".")[0] == owner for each in self.allowed):
            result = resolve(name)
            if isinstance(result, enum.Enum):
                return result
        raise CannotDecode(f"it holds {name}, which the baseline's value does not")


def resolve(name: str) -> Any:
    """The object of a qualified name: ``package.module.Class.member``, or a builtin's name.

    Raises:
        CannotDecode: it cannot be imported, or is defined inside a function.
    """
    parts = name.split(".") if "." in name else ["builtins", name]
    if "<locals>" in parts:
        raise CannotDecode(f"{name} is defined inside a function: nothing can import it")
    for count in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:count])
        if module not in sys.modules:
            try:
                importlib.import_module(module)
            except ModuleNotFoundError:
                continue
        result: Any = sys.modules[module]
        try:
            for part in parts[count:]:
                result = getattr(result, part)
        except AttributeError:
            continue
        return result
    raise CannotDecode(f"{name} cannot be imported")


def _numpy_dtype(name: str) -> Any:
    import numpy

    if name.startswith("["):
        return numpy.dtype(ast.literal_eval(name))
    sized = re.fullmatch(r"(str|bytes|void)(\d+)", name)
    if sized is None:
        return numpy.dtype(name).newbyteorder("<")
    letter, bits = {"str": ("U", 32), "bytes": ("S", 8), "void": ("V", 8)}[sized[1]]
    return numpy.dtype(f"<{letter}{int(sized[2]) // bits}")


def _written(tree: ast.expr, known: Mapping[str, Any]) -> Any:
    """The value of an expression of constants and calls of known classes, as ``repr`` writes it."""
    if isinstance(tree, ast.Constant):
        return tree.value
    if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
        return -_written(tree.operand, known)
    if isinstance(tree, ast.Name) and tree.id in known:
        return known[tree.id]
    if isinstance(tree, ast.Attribute):
        if isinstance(tree.value, ast.Name) and tree.value.id == "datetime" and tree.attr in known:
            return known[tree.attr]
        if tree.attr == "utc":
            return datetime.timezone.utc
    if isinstance(tree, ast.Call):
        named = {each.arg: _written(each.value, known) for each in tree.keywords if each.arg}
        return _written(tree.func, known)(*(_written(each, known) for each in tree.args), **named)
    raise CannotDecode(f"{ast.dump(tree)} is not what a repr of a plain value holds")
