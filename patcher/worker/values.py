"""Any Python value as buffers, so that two of them can be compared without running either's code.

A value becomes one JSON text, its *skeleton*, and one buffer for each array in it. The skeleton
holds a node ``[kind, ...]`` for every part, by this rule:

| a value of type | becomes |
|---|---|
| ``None``, ``bool``, ``int``, ``str`` | itself |
| ``float``, ``complex`` | the bits of its doubles: -0.0 is not 0.0 |
| ``bytes``, ``bytearray``, ``memoryview`` | its type and its bytes |
| ``list``, ``tuple``, named tuple | its items in order; long runs of plain numbers as an array |
| ``dict`` | its items in the order it gives them |
| ``set``, ``frozenset`` | its items, sorted |
| a dataclass | its type, its fields and what else it holds |
| an ``Enum`` member, a function, a class | its qualified name |
| a date, time, ``Decimal``, ``Fraction``, ``UUID``, ``range`` | its type and its ``repr`` |
| a NumPy array or scalar | class, dtype, byte order, shape, if writable, bytes in C order |
| a torch tensor | class, dtype, shape, the kind of device, and bytes in C order |
| a pandas frame, series or index | its labels and its columns |
| any other object | its type and what ``pickle`` would store (``__reduce_ex__``), by this rule |
| a container or array that came before | where it came, and its value: changing one changes both |

What pickle cannot store (a generator, an open file, a lock) cannot be compared: `CannotEncode`
says where it is. The path of the tree a value was made from is written ``<tree>`` in strings.

`patcher.gates.values` reads these, and `patcher.worker.decoding` makes values of them again. This
module imports the standard library alone and runs on Python 3.8.
"""

from __future__ import annotations

import base64
import copyreg
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import struct
import sys
import types
import uuid
from array import array
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Buffer

if TYPE_CHECKING:
    from collections.abc import Iterable

    Node = list[Any]

SKELETON = "value"
"""The dtype of a buffer that holds a skeleton."""

MOST_NODES = 2_000_000
LEAST_RUN = 16  # a shorter list of numbers stays in the skeleton
BY_REPR = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    range,
    uuid.UUID,
)
NAMED = (types.FunctionType, types.BuiltinFunctionType, type)


class CannotEncode(TypeError):  # noqa: N818 - read by people, in tables
    """A value, or a part of it, that cannot be written down."""


def encode(value: object, name: str = "returned", tree: str = "") -> dict[str, Buffer]:
    """A value as buffers: its skeleton under ``name``, arrays under their paths in it.

    Args:
        tree: a folder whose path is written ``<tree>``: two arms run from different folders.

    Raises:
        CannotEncode: some part is a thing that cannot be written down.
    """
    encoder = _Encoder(name, tree)
    skeleton = encoder.node(value, name)
    text = json.dumps(skeleton, separators=(",", ":")).encode("ascii")
    return {name: Buffer(SKELETON, (len(text),), text), **encoder.arrays}


class _Encoder:
    def __init__(self, name: str, tree: str) -> None:
        self.name = name
        self.tree = tree
        self.arrays: dict[str, Buffer] = {}
        self.open: dict[int, str] = {}  # the containers around the present node, by identity
        self.seen: dict[
            int, tuple[str, Any]
        ] = {}  # those that can change; held, so ids stay theirs
        self.count = 0

    def node(self, value: Any, path: str) -> Node:
        self.count += 1
        if self.count > MOST_NODES:
            raise CannotEncode(f"{path}: more than {MOST_NODES:,} parts; return less")
        kind = type(value)
        if value is None:
            return ["none"]
        if kind is bool:
            return ["bool", value]
        if kind is int:
            return ["int", str(value) if abs(value) < 1 << 1000 else hex(value)]
        if kind is float:
            return ["float", struct.pack(">d", value).hex()]
        if kind is str:
            return ["str", value.replace(self.tree, "<tree>") if self.tree else value]
        if kind is complex:
            return ["complex", struct.pack(">dd", value.real, value.imag).hex()]
        if kind in (bytes, bytearray, memoryview):
            return [kind.__name__, base64.b64encode(bytes(value)).decode("ascii")]
        if id(value) in self.open:
            return ["cycle", self.open[id(value)]]
        self.open[id(value)] = path
        earlier = ""
        if can_change(value):
            earlier, _ = self.seen.setdefault(id(value), (path, value))
        try:
            node = self._compound(value, path)
            return ["same", earlier, node] if earlier not in ("", path) else node
        except RecursionError:
            raise CannotEncode(f"{path}: nested too deeply") from None
        finally:
            del self.open[id(value)]

    def _compound(self, value: Any, path: str) -> Node:
        kind = type(value)
        if kind in (list, tuple):
            return self._sequence(kind.__name__, value, path)
        if kind is dict:
            return ["dict", self._items(value.items(), path)]
        if kind in (set, frozenset):
            nodes = [self.node(item, f"{path}{{}}") for item in value]
            return [kind.__name__, sorted(nodes, key=json.dumps)]
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            fields = [[name, self.node(item, f"{path}.{name}")] for name, item in _fields(value)]
            return ["fields", _name(kind), fields]
        if isinstance(value, enum.Enum):
            return ["name", f"{_name(kind)}.{value.name}"]
        if isinstance(value, NAMED):
            return self._named(value, path)
        if isinstance(value, BY_REPR):
            return ["text", _name(kind), repr(value)]
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
            names += [name for name in getattr(value, "__dict__", ()) if name not in names]
            fields = [[name, self.node(getattr(value, name), f"{path}.{name}")] for name in names]
            return ["fields", _name(kind), fields]
        return self._array(value, path) or self._table(value, path) or self._object(value, path)

    def _sequence(self, kind: str, value: Any, path: str) -> Node:
        if len(value) >= LEAST_RUN:
            kinds = set(map(type, value))
            code = "d" if kinds == {float} else "q" if kinds == {int} else ""
            if code:
                try:
                    numbers = array(code, value)
                except OverflowError:
                    numbers = array("b")  # an integer beyond 64 bits: item by item
                if numbers:
                    dtype = "float64" if code == "d" else "int64"
                    return self._keep(kind, dtype, (len(value),), _little(numbers), path)
        return [kind, [self.node(item, f"{path}[{at}]") for at, item in enumerate(value)]]

    def _items(self, items: Iterable[Any], path: str) -> list[Node]:
        return [
            [self.node(key, f"{path}<key>"), self.node(item, f"{path}[{_short(key)}]")]
            for key, item in items
        ]

    def _named(self, value: Any, path: str) -> Node:
        name = _name(value)
        if "<" in name:
            raise CannotEncode(f"{path} is {name}, a function that has no name of its own")
        return ["name", name]

    def _keep(
        self, kind: str, dtype: str, shape: tuple[int, ...], data: bytes, path: str, note: str = ""
    ) -> Node:
        """A node that points to an array's buffer."""
        name = path
        if path == self.name:  # the skeleton's
            name += "[:]"
        while name in self.arrays:  # two keys with one text
            name += "'"
        self.arrays[name] = Buffer(dtype, shape, data)
        return ["array", kind, dtype, list(shape), name, note]

    def _array(self, value: Any, path: str) -> Node | None:
        """A NumPy array or a torch tensor, where that library is loaded at all."""
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        if torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
            return self._tensor(value, path)
        if numpy is None or not isinstance(value, (numpy.ndarray, numpy.generic)):
            return None
        kind = "ndarray" if isinstance(value, numpy.ndarray) else "scalar"
        plain_class = type(value) in (numpy.ndarray, numpy.ma.MaskedArray) or kind == "scalar"
        plain = numpy.asarray(value)
        if plain.dtype.hasobject:
            items = [self.node(item, f"{path}.flat[{at}]") for at, item in enumerate(plain.flat)]
            return ["objects", list(plain.shape), items]
        masked = isinstance(value, numpy.ma.MaskedArray)
        mask = self.node(numpy.ma.getmaskarray(value), f"{path}.mask") if masked else None
        little = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
        dtype = plain.dtype.name if plain.dtype.names is None else str(plain.dtype)
        note = "" if plain.dtype == little.dtype else "with its bytes the other way round"
        if kind == "ndarray" and not value.flags.writeable:
            note = f"{note} that cannot be written to".lstrip()
        kind = kind if plain_class else _name(type(value))
        result = self._keep(kind, dtype, plain.shape, little.tobytes(), path, note)
        return result if mask is None else ["masked", result, mask]

    def _tensor(self, value: Any, path: str) -> Node:
        import ctypes

        where = value.device.type
        held = value.detach()
        if held.layout != sys.modules["torch"].strided:
            held = held.to_dense()
        if held.is_quantized:
            held = held.dequantize()
        held = held.cpu().resolve_conj().resolve_neg().contiguous()
        data = ctypes.string_at(held.data_ptr(), held.numel() * held.element_size())
        dtype = str(held.dtype).rpartition(".")[2]
        kind = "tensor" if type(value) is sys.modules["torch"].Tensor else _name(type(value))
        return self._keep(kind, dtype, tuple(held.shape), data, path, where)

    def _table(self, value: Any, path: str) -> Node | None:
        pandas: Any = sys.modules.get("pandas")
        names = ("DataFrame", "Series", "Index")
        if pandas is None or not all(hasattr(pandas, name) for name in names):
            return None
        if not isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index)):
            return None
        if isinstance(value, pandas.DataFrame):
            columns = [
                [self.node(label, f"{path}<column>"), self._column(value.iloc[:, at], path, label)]
                for at, label in enumerate(value.columns)
            ]
            return ["frame", self._column(value.index, path, "index"), columns]
        if isinstance(value, pandas.Series):
            name = self.node(value.name, f"{path}.name")
            index = self._column(value.index, path, "index")
            return ["series", name, index, self._column(value, path, "values")]
        return ["index", self._column(value, path, "values")]

    def _column(self, column: Any, path: str, label: Any) -> Node:
        """One column: as an array where its dtype is NumPy's, else value by value."""
        numpy = sys.modules["numpy"]
        where = f"{path}[{_short(label)}]"
        plain = isinstance(column.dtype, numpy.dtype) and not column.dtype.hasobject
        values = column.to_numpy(copy=True) if plain else [_missing(item) for item in column]
        return ["column", str(column.dtype), self.node(values, where)]

    def _object(self, value: Any, path: str) -> Node:
        """What pickle would store of an object."""
        kind = type(value)
        if hasattr(kind, "__next__"):
            raise CannotEncode(
                f"{path} is a {kind.__name__}, which computes when it is looked at: "
                "return what it yields, list(...)"
            )
        try:
            reducer = copyreg.dispatch_table.get(kind)
            stored = reducer(value) if reducer else value.__reduce_ex__(4)
        except Exception as error:
            raise CannotEncode(f"{path} is a {_name(kind)}, which cannot be stored: {error}") from (
                None
            )
        if isinstance(stored, str):
            return ["name", f"{kind.__module__}.{stored}"]
        maker, arguments, *rest = stored
        state, items, pairs = ([*rest, None, None, None])[:3]
        how = "call"
        if maker is copyreg.__newobj__:  # type: ignore[attr-defined]
            maker, arguments, how = arguments[0], arguments[1:], "new"
        return [
            "object",
            _name(maker),
            [self.node(item, f"{path}.args[{at}]") for at, item in enumerate(arguments)],
            self._state(state, path),
            [self.node(item, f"{path}[{at}]") for at, item in enumerate(items or ())],
            self._items(pairs or (), path),
            how,
        ]

    def _state(self, state: Any, path: str) -> list[Any]:
        """Attributes by name; a state that is something else under an empty name."""
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
            merged = {**(state[0] or {}), **state[1]}  # with slots
            state = merged
        if isinstance(state, dict) and all(type(name) is str for name in state):
            return [[name, self.node(item, f"{path}.{name}")] for name, item in state.items()]
        return [] if state is None else [["", self.node(state, f"{path}.state")]]


def can_change(value: Any) -> bool:
    """Whether a part is one whose changes show wherever it is held."""
    if type(value) in (list, dict, set):
        return True
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return not value.__dataclass_params__.frozen  # type: ignore[attr-defined]
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    kinds = [getattr(numpy, "ndarray", None), getattr(torch, "Tensor", None)]
    return any(kind is not None and isinstance(value, kind) for kind in kinds)


def _missing(item: Any) -> Any:
    """pandas' missing values have identity but no content."""
    return None if type(item).__name__ in ("NAType", "NaTType") else item


def _fields(value: Any) -> list[tuple[str, Any]]:
    return list(zip(type(value)._fields, value))


def _name(value: Any) -> str:
    owner = getattr(value, "__module__", None) or getattr(value, "__self__", None)
    named = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    qualified = str(named or repr(value))
    return f"{owner}.{qualified}" if isinstance(owner, str) and owner != "builtins" else qualified


def _short(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _little(numbers: array[Any]) -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()
