"""A torch dispatch mode that remembers where every tensor came from and who updates it.

A tensor is an inference tensor when it was allocated under inference mode. Views, `detach` and
`.data` share the storage and the property; a copy (`clone`, a `.long()` that converts) is a new
allocation with a maker of its own, and a `.long()` that has nothing to do returns the same tensor.
So the maker is kept per storage. NumPy makes a new storage over the same memory, which is torch's
own rule too: an update through NumPy is never refused.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .answers import TensorJson
    from .contexts import OpenScope, Scopes
    from .frames import Stack, Stacks

# torch.tensor, torch.from_numpy and their like come to light as one of these.
LIFTS = {"aten::lift_fresh", "aten::lift"}
# Metadata of a tensor, not its content; or content that nobody made yet.
NOT_UPDATES = {"aten::detach_", "aten::requires_grad_", "aten::set_", "aten::rename_"}


@dataclass(frozen=True)
class Maker:
    """Who allocated a storage: the operator, the call stack, the modes then."""

    operator: str
    stack: Stack
    scopes: tuple[OpenScope, ...]
    inference: bool
    adopted: bool = False  # seen first as an argument: made before the trace began


@dataclass(frozen=True)
class Update:
    """One in-place update, before it is carried out; or another thing inference tensors refuse."""

    operator: str
    stack: Stack
    scopes: tuple[OpenScope, ...]
    inference: bool
    grad: bool
    on_inference_tensor: bool
    maker: Maker
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class FailedOperator:
    """An operator that raised: its name, its tensors and what it was asked for."""

    operator: str
    stack: Stack
    tensors: tuple[TensorJson, ...]
    memory_format: str | None
    message: str


class Recorder(TorchDispatchMode):  # type: ignore[misc]
    """Records makers and in-place updates of everything that runs under it.

    Args:
        stacks, scopes: shared with the other parts of a trace.
        on_update: called with each in-place update before it happens.
        forgive: carry on where an operator refuses a memory format for a tensor's rank, or dtypes
            that do not match: record it, and do the nearest thing that works.
    """

    def __init__(
        self,
        stacks: Stacks,
        scopes: Scopes,
        on_update: Callable[[Update], None] | None = None,
        forgive: bool = False,
    ) -> None:
        super().__init__()
        self.stacks, self.scopes = stacks, scopes
        self.on_update = on_update
        self.forgive = forgive
        self.last_update: Update | None = None
        self.failures: list[FailedOperator] = []
        self.operators = 0
        self.paused = False
        self._makers: dict[int, tuple[StorageWeakRef, Maker]] = {}
        self._pinned: Any = WeakTensorKeyDictionary()
        self._sweep_at = 65_536
        self._writes: dict[Any, tuple[tuple[int, str], ...]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        self.operators += 1
        name = func._schema.name
        stack = self.stacks.capture()
        known = set()
        for tensor in tensors_in((args, kwargs)):
            known.add(self._key(tensor))
            if name in LIFTS:
                self.made(tensor, name, stack)
            else:
                self._adopt(tensor, stack)
        if name not in NOT_UPDATES:
            for tensor in self._written(func, args, kwargs):
                self._update(name, tensor, stack)
        began = time.perf_counter()
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            self.refused(name, args, kwargs, stack, error)
            if not self.forgive:
                raise
            result = self._second_try(func, args, kwargs, error)
        wall_s = time.perf_counter() - began
        for tensor in tensors_in(result):
            if self._key(tensor) not in known:
                self.made(tensor, name, stack)
        self.after(name, args, kwargs, stack, wall_s)
        return result

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let operators through unseen."""
        before, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = before

    def after(self, name: str, args: Any, kwargs: Any, stack: Stack, wall_s: float) -> None:
        """Called after every operator; for whoever wants more than makers and updates."""

    def made(self, tensor: torch.Tensor, operator: str, stack: Stack) -> None:
        """Note who allocated a tensor's storage."""
        maker = Maker(operator, stack, self.scopes.current, tensor.is_inference())
        self._remember(tensor, maker)

    def pin(self, tensor: torch.Tensor) -> None:
        """Keep a tensor's maker although its storage is about to be swapped (``x.data = y``)."""
        self._pinned[tensor] = self.maker_of(tensor)

    def maker_of(self, tensor: torch.Tensor) -> Maker:
        """Who allocated a tensor's storage."""
        if len(self._pinned):
            owner = tensor if tensor._base is None else tensor._base
            if owner in self._pinned:
                return self._pinned[owner]  # type: ignore[no-any-return]
        result = self._makers.get(self._key(tensor))
        return result[1] if result else Maker("", (), (), tensor.is_inference(), adopted=True)

    # -- makers ------------------------------------------------------------------------------

    @staticmethod
    def _key(tensor: torch.Tensor) -> int:
        try:
            return int(tensor.untyped_storage()._cdata)
        except (NotImplementedError, RuntimeError):  # sparse, quantised by block, opaque
            return -id(tensor)

    def _remember(self, tensor: torch.Tensor, maker: Maker) -> None:
        key = self._key(tensor)
        if key < 0:
            return
        # The weak reference keeps the address from being reused while the entry stands.
        self._makers[key] = (StorageWeakRef(tensor.untyped_storage()), maker)
        if len(self._makers) >= self._sweep_at:
            alive = {key: made for key, made in self._makers.items() if not made[0].expired()}
            self._makers = alive
            self._sweep_at = max(65_536, 2 * len(alive))

    def _adopt(self, tensor: torch.Tensor, stack: Stack) -> None:
        if self._key(tensor) not in self._makers:
            self._remember(tensor, Maker("", stack, (), tensor.is_inference(), adopted=True))

    # -- updates -----------------------------------------------------------------------------

    def _written(self, func: Any, args: Any, kwargs: Any) -> Iterator[torch.Tensor]:
        if func not in self._writes:
            self._writes[func] = tuple(
                (position, argument.name)
                for position, argument in enumerate(func._schema.arguments)
                if argument.alias_info is not None and argument.alias_info.is_write
            )
        for position, name in self._writes[func]:
            value = args[position] if position < len(args) else kwargs.get(name)
            yield from tensors_in(value)

    def update_of(self, name: str, tensor: torch.Tensor, stack: Stack) -> Update:
        """What is about to be done to a tensor, under the modes that are on now."""
        return Update(
            name,
            stack,
            self.scopes.current,
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            tensor.is_inference(),
            self.maker_of(tensor),
            tuple(tensor.shape),
            short(tensor.dtype),
        )

    def _update(self, name: str, tensor: torch.Tensor, stack: Stack) -> None:
        update = self.update_of(name, tensor, stack)
        self.last_update = update
        if self.on_update is not None:
            self.on_update(update)

    # -- failures ----------------------------------------------------------------------------

    def refused(self, name: str, args: Any, kwargs: Any, stack: Stack, error: Exception) -> None:
        """An operator raised."""
        layout = memory_format_of(args, kwargs)
        described = tuple(describe(tensor) for tensor in tensors_in((args, kwargs)))
        self.failures.append(
            FailedOperator(name, stack, described, short(layout) if layout else None, str(error))
        )

    def _second_try(self, func: Any, args: Any, kwargs: Any, error: Exception) -> Any:
        if isinstance(kwargs.get("memory_format"), torch.memory_format):
            plain = func._schema.name == "aten::contiguous"
            layout = torch.contiguous_format if plain else torch.preserve_format
            return func(*args, **{**kwargs, "memory_format": layout})
        widest = _common_dtype(args)
        if widest is None:
            raise error
        return func(*_cast(args, widest), **kwargs)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


def short(value: Any) -> str:
    """``torch.float32`` -> ``float32``."""
    return str(value).removeprefix("torch.")


def describe(tensor: torch.Tensor) -> TensorJson:
    """What a report says of a tensor."""
    return {
        "rank": tensor.dim(),
        "shape": list(tensor.shape),
        "dtype": short(tensor.dtype),
        "device": str(tensor.device),
        "inference": tensor.is_inference(),
    }


def memory_format_of(args: Any, kwargs: Any) -> torch.memory_format | None:
    """The memory format an operator was asked for."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.memory_format):
            return value
    return None


def _common_dtype(args: Any) -> torch.dtype | None:
    floating = {tensor.dtype for tensor in tensors_in(args) if tensor.dtype.is_floating_point}
    if len(floating) < 2:
        return None
    widest, *others = floating
    for dtype in others:
        widest = torch.promote_types(widest, dtype)
    return widest


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.dtype.is_floating_point else value
    if isinstance(value, (tuple, list)):
        return type(value)(_cast(item, dtype) for item in value)
    return value
